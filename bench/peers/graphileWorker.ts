import { Logger, run, runMigrations } from 'graphile-worker'
import pg from 'pg'

const logger = new Logger(() => () => {})

/** Makes graphile-worker's tables. */
export const openGraphileWorker = async (url: string): Promise<pg.Pool> => {
  const pool = new pg.Pool({ connectionString: url, max: 20 })
  pool.on('error', () => {})
  pool.on('connect', (client) => void client.on('error', () => {}))
  await runMigrations({ pgPool: pool, logger })
  return pool
}

/** Adds jobs that wait to be run, in one statement. */
export const addGraphileJobs = async (pool: pg.Pool, count: number): Promise<void> => {
  await pool.query('truncate graphile_worker._private_jobs')
  await pool.query(
    `select graphile_worker.add_jobs(array_agg(json_populate_record(null::graphile_worker.job_spec, json_build_object('identifier', 'nothing', 'payload', json_build_object('n', n))))) from generate_series(1, ${count}) n`,
  )
  await pool.query('analyze graphile_worker._private_jobs')
}

/** Runs all jobs that wait, with the options that its own documentation gives for the highest throughput. */
export const runGraphileJobs = async (
  pool: pg.Pool,
  at: { readonly count: number; readonly concurrency: number },
): Promise<void> => {
  let left = at.count
  let finish: () => void = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const runner = await run({
    pgPool: pool,
    logger,
    noHandleSignals: true,
    taskList: {
      nothing: async () => {
        left -= 1
        if (left === 0) finish()
      },
    },
    preset: {
      worker: {
        concurrentJobs: at.concurrency,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
  })
  await finished
  // What ran is deleted in batches behind it: a job is done when its row is gone.
  for (;;) {
    const { rows } = await pool.query('select 1 from graphile_worker._private_jobs limit 1')
    if (rows.length === 0) break
  }
  // The runner is stopped after the clock: its end takes time of its own.
  ending = runner.stop().catch(() => {})
}

let ending: Promise<void> = Promise.resolve()

/** Resolves when the last runner has ended. */
export const graphileEnded = (): Promise<void> => ending
