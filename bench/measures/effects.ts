import { randomUUID } from 'node:crypto'
import type { Core } from '../../src/compose/core.ts'
import { models } from '../../src/domain/index.ts'
import { type Deliverer, startDelivering } from '../../src/engine/deliver.ts'
import type { Context } from '../context.ts'
import type { Measured } from '../figure.ts'
import { openHub } from '../hub.ts'
import { type Contestant, interleave, rateOf } from '../interleave.ts'
import { addGraphileJobs, graphileEnded, openGraphileWorker, runGraphileJobs } from '../peers/graphileWorker.ts'
import { addBossJobs, openPgBoss, workBossJobs } from '../peers/pgBoss.ts'

const concurrency = 16

/** Effects that wait, delivered to a destination that does nothing; beside graphile-worker and pg-boss at their best. */
export const effects = async (context: Context): Promise<Measured> => {
  const { effects: count, rounds, warmUpMs } = context.options
  const core = await openHub(await context.createDatabase('effects'))
  const pool = await openGraphileWorker(await context.createDatabase('effects_graphile'))
  const boss = await openPgBoss(await context.createDatabase('effects_boss'))
  let deliverer: Deliverer | null = null
  const contestants: Contestant[] = [
    {
      name: 'effects.hub',
      title: 'hub effects, no-op destination',
      unit: 'effects/s',
      note: `${count} waiting, ${concurrency} at once, each claimed under a lease, performed, settled with its history`,
      before: () => insertEffects(core, count),
      after: async () => {
        await deliverer?.stop(1000)
        await assertSettled(core, count)
      },
      run: () =>
        rateOf(count, async () => {
          const delivery = deliverAll(core, count, context.say)
          deliverer = delivery.deliverer
          await delivery.done
        }),
    },
    {
      name: 'effects.graphile',
      title: 'graphile-worker, no-op task',
      unit: 'effects/s',
      note: `${count} waiting, ${concurrency} at once, localQueue of 500, completions in batches, until their rows are gone`,
      before: () => addGraphileJobs(pool, count),
      after: graphileEnded,
      run: () => rateOf(count, () => runGraphileJobs(pool, { count, concurrency })),
    },
    {
      name: 'effects.boss',
      title: 'pg-boss, fetch and complete',
      unit: 'effects/s',
      note: `${count} waiting, batches of 500, two loops`,
      before: () => addBossJobs(boss, count),
      run: () => rateOf(count, () => workBossJobs(boss, { count, batch: 500, loops: 2 })),
    },
  ]
  try {
    const figures = await interleave(contestants, { rounds, windowMs: 0, warmUpMs })
    return {
      figures,
      comparisons: [
        { figure: 'effects.hub', to: 'effects.graphile', atLeast: 1 },
        { figure: 'effects.hub', to: 'effects.boss', atLeast: 1.5 },
      ],
    }
  } finally {
    await Promise.all([core.close(), pool.end(), boss.stop({ graceful: false })])
  }
}

const insertEffects = async (core: Core, count: number): Promise<void> => {
  await core.sql`truncate hub.outbox, hub.effect_queue, hub.effect_leases`
  await core.sql`
    with born as (
      insert into hub.outbox (effect_id, destination, kind, reactor, event_id, event_position, subject, payload, due_at, created_at)
      select gen_random_uuid(), 'nothing', 'nothing.do', 'bench', gen_random_uuid(), n, 'par_' || n, json_build_object('n', n), hub.now(), hub.now()
        from generate_series(1, ${count}::int) n
      returning effect_id, destination, due_at
    )
    insert into hub.effect_queue (effect_id, destination, due_at) select effect_id, destination, due_at from born`
  await core.sql`vacuum analyze hub.outbox, hub.effect_queue`
  await core.sql`checkpoint`
}

const assertSettled = async (core: Core, count: number): Promise<void> => {
  const [row] = await core.sql<{ count: number }[]>`select count(*) as count from hub.effects where status = 'done'`
  if (row?.count !== count) throw new Error(`Cannot bench: ${row?.count} of ${count} effects were settled`)
}

/** Starts delivering; `done` resolves when the last effect is settled. */
const deliverAll = (
  core: Core,
  count: number,
  say: (line: string) => void,
): { deliverer: Deliverer; done: Promise<void> } => {
  let left = count
  let finish: () => void = () => {}
  const done = new Promise<void>((resolve) => {
    finish = resolve
  })
  const deliverer = startDelivering({
    sql: core.sql,
    keys: core.keys,
    handler: core.handler,
    models,
    destinations: [
      {
        name: 'nothing',
        policy: {
          concurrencyMax: concurrency,
          perSecondMax: 1_000_000,
          deadlineMs: 5000,
          attemptsMax: 3,
          afterUnknown: 'repeat',
        },
        performers: { 'nothing.do': async () => ({ tag: 'done', result: null }) },
      },
    ],
    commandOf: () => null,
    worker: `bench-${randomUUID()}`,
    now: core.clock.now,
    random: Math.random,
    // What was not settled is free again when its lease ends, and the round takes that long.
    onError: (error) => say(`An effect was not settled: ${error instanceof Error ? error.message : String(error)}`),
    onSettled: () => {
      left -= 1
      if (left === 0) finish()
    },
    boundary: () => {},
  })
  return { deliverer, done }
}
