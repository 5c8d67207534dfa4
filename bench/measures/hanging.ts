import { randomUUID } from 'node:crypto'
import type { Core } from '../../src/compose/core.ts'
import { models } from '../../src/domain/index.ts'
import { type Deliverer, startDelivering } from '../../src/engine/deliver.ts'
import type { Destination } from '../../src/engine/destination.ts'
import type { Context } from '../context.ts'
import type { Measured } from '../figure.ts'
import { openHub } from '../hub.ts'
import { interleave, rateOf } from '../interleave.ts'

const destinationsCount = 8
const concurrency = 8
const hangMs = 30_000
/** The destination that hangs, and the one among the others with an effect that always throws. */
const hangingPlace = 0
const poisonedPlace = 1

/** Eight destinations, of which one hangs and one has a poisoned effect: what the other seven deliver meanwhile. */
export const hanging = async (context: Context): Promise<Measured> => {
  const { effects, rounds, warmUpMs } = context.options
  const each = Math.max(1, Math.floor(effects / destinationsCount))
  const core = await openHub(await context.createDatabase('hanging'))
  let delivery: Delivery | null = null
  const contestant = (name: 'well' | 'hanging') => ({
    name: `hanging.${name}`,
    title:
      name === 'well'
        ? 'hub effects of seven destinations, all well'
        : 'hub effects of seven destinations, the eighth hangs',
    unit: 'effects/s' as const,
    note:
      name === 'well'
        ? `${each} waiting at each of ${destinationsCount}, ${concurrency} at once at each; the eighth is well, too`
        : `the same, every call of the eighth takes ${hangMs / 1000} s, and one effect of the seven throws at each attempt`,
    before: () => insertEffects(core, each),
    run: () =>
      rateOf(each * (destinationsCount - 1), async () => {
        delivery = deliver(core, { faulty: name === 'hanging', each })
        await delivery.sevenDone
      }),
    after: async () => {
      await delivery?.end()
      await assertSettled(core, each)
    },
  })
  try {
    const figures = await interleave([contestant('well'), contestant('hanging')], { rounds, windowMs: 0, warmUpMs })
    return { figures, comparisons: [{ figure: 'hanging.hanging', to: 'hanging.well', atLeast: 0.9 }] }
  } finally {
    await core.close()
  }
}

const nameOf = (destination: number): string => `place${destination}`

const insertEffects = async (core: Core, each: number): Promise<void> => {
  await core.sql`truncate hub.outbox, hub.effect_queue, hub.effect_leases`
  await core.sql`
    with born as (
      insert into hub.outbox (effect_id, destination, kind, reactor, event_id, event_position, subject, payload, due_at, created_at)
      select gen_random_uuid(), 'place' || d, 'nothing.do', 'bench', gen_random_uuid(), n, 'par_' || n,
             json_build_object('poison', d = ${poisonedPlace}::int and n = 1), hub.now(), hub.now()
        from generate_series(0, ${destinationsCount - 1}::int) d, generate_series(1, ${each}::int) n
      returning effect_id, destination, due_at
    )
    insert into hub.effect_queue (effect_id, destination, due_at) select effect_id, destination, due_at from born`
  await core.sql`vacuum analyze hub.outbox, hub.effect_queue`
  await core.sql`checkpoint`
}

/** What was well is settled; the poisoned effect may still be between two attempts. */
const assertSettled = async (core: Core, each: number): Promise<void> => {
  const [row] = await core.sql<{ count: number }[]>`
    select count(*)::int as count from hub.effects where status = 'done' and destination <> ${nameOf(hangingPlace)}`
  const wanted = each * (destinationsCount - 1) - 1
  if ((row?.count ?? 0) < wanted) throw new Error(`Cannot bench: ${row?.count} of ${wanted} effects were settled`)
}

type Delivery = { readonly sevenDone: Promise<void>; readonly end: () => Promise<void> }

const deliver = (core: Core, at: { readonly faulty: boolean; readonly each: number }): Delivery => {
  let left = at.each * (destinationsCount - 1) - (at.faulty ? 1 : 0)
  let finish: () => void = () => {}
  const sevenDone = new Promise<void>((resolve) => {
    finish = resolve
  })
  // What hangs is let go when the others are done, so that no round leaves calls behind.
  let letGo: () => void = () => {}
  const released = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const deliverer: Deliverer = startDelivering({
    sql: core.sql,
    keys: core.keys,
    handler: core.handler,
    models,
    destinations: Array.from({ length: destinationsCount }, (_, index) =>
      destinationOf(index, { faulty: at.faulty, released }),
    ),
    commandOf: () => null,
    worker: `bench-${randomUUID()}`,
    now: core.clock.now,
    random: Math.random,
    // The poisoned effect is told of here, and is meant to be.
    onError: () => {},
    onSettled: (effect, outcome) => {
      if (effect.destination === nameOf(hangingPlace) || outcome.tag !== 'done') return
      left -= 1
      if (left === 0) finish()
    },
    boundary: () => {},
  })
  return {
    sevenDone,
    end: async () => {
      const stopped = deliverer.stop(5000)
      letGo()
      await stopped
    },
  }
}

const destinationOf = (
  index: number,
  { faulty, released }: { readonly faulty: boolean; readonly released: Promise<void> },
): Destination => ({
  name: nameOf(index),
  policy: {
    concurrencyMax: concurrency,
    perSecondMax: 1_000_000,
    deadlineMs: hangMs,
    attemptsMax: 3,
    afterUnknown: 'repeat',
  },
  performers: {
    'nothing.do': async (payload) => {
      if (faulty && index === hangingPlace) await untilLetGo(released)
      if (faulty && payload.poison === true) throw new Error('A poisoned effect')
      return { tag: 'done', result: null }
    },
  },
})

const untilLetGo = async (released: Promise<void>): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, hangMs)
  })
  await Promise.race([released, late])
  clearTimeout(timer)
}
