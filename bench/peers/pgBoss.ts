import { PgBoss } from 'pg-boss'

const queue = 'nothing'

/** Starts pg-boss without its supervision and schedules, which cost time here and give nothing. */
export const openPgBoss = async (url: string): Promise<PgBoss> => {
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false })
  boss.on('error', () => {})
  await boss.start()
  await boss.createQueue(queue)
  return boss
}

/** Adds jobs that wait to be worked. */
export const addBossJobs = async (boss: PgBoss, count: number): Promise<void> => {
  await boss.deleteAllJobs(queue)
  for (let start = 0; start < count; start += 5000)
    await boss.insert(
      queue,
      Array.from({ length: Math.min(5000, count - start) }, (_, index) => ({ data: { n: start + index } })),
    )
}

/**
 * Works all jobs that wait: fetch and complete in batches, by a few loops at once. This is faster than its own `work`, which pauses
 * between batches.
 */
export const workBossJobs = async (
  boss: PgBoss,
  at: { readonly count: number; readonly batch: number; readonly loops: number },
): Promise<void> => {
  let done = 0
  const loop = async (): Promise<void> => {
    while (done < at.count) {
      const jobs = await boss.fetch(queue, { batchSize: at.batch })
      if (jobs.length === 0) return
      await boss.complete(
        queue,
        jobs.map((job) => job.id),
      )
      done += jobs.length
    }
  }
  await Promise.all(Array.from({ length: at.loops }, loop))
  if (done !== at.count) throw new Error(`Cannot bench: pg-boss worked ${done} of ${at.count} jobs`)
}
