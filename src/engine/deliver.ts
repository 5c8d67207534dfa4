import type { Sql } from '../db/connect.ts'
import { statement } from '../db/query.ts'
import { sealedField } from '../privacy/personKeys.ts'
import { attempting } from './attempt.ts'
import type { DeliverDeps, Destination } from './destination.ts'
import { type Leases, openLeases } from './leases.ts'
import { type Loop, startLoop } from './loop.ts'
import { outboxStatements } from './react.ts'
import { openSettleLane, type SettleLane } from './settleLane.ts'
import type { ClaimedEffect } from './settlement.ts'

const heartbeatMs = 4000
const housekeepingMs = 1000
/** Effects claimed ahead at a destination that is not rate limited, so that workers do not wait for the next claim. */
const claimAheadMax = 500
const prepared = { prepare: true } as const

/** The delivering part of a process. */
export type Deliverer = {
  /** These destinations may have something to do. */
  readonly wake: (destinations?: ReadonlySet<string>) => void
  /** Stops claiming, lets running attempts end within a time, hands the rest back. */
  readonly stop: (withinMs: number) => Promise<void>
}

/** Starts delivering: one loop a destination, so that a slow one holds up no other. */
export const startDelivering = (deps: DeliverDeps): Deliverer => {
  const lane = openSettleLane(deps.sql)
  const leases = openLeases(deps.sql, deps.worker)
  const loops = new Map(
    deps.destinations.map((destination) => [
      destination.name,
      startDestination({ ...deps, lane, leases }, destination),
    ]),
  )

  const housekeeping = startLoop({
    idleMs: housekeepingMs,
    onError: (error) => deps.onError(error, null),
    step: async () => {
      const policies = deps.destinations.map((destination) => ({
        name: destination.name,
        after: destination.policy.afterUnknown,
      }))
      await deps.sql.unsafe(statement(outboxStatements, 'expire_leases'), [JSON.stringify(policies)], prepared)
      const due = await deps.sql.unsafe<{ destination: string }[]>(
        statement(outboxStatements, 'due_destinations'),
        [[...loops.keys()]],
        prepared,
      )
      for (const row of due) loops.get(row.destination)?.wake()
      return false
    },
  })
  const heartbeat = startLoop({
    idleMs: heartbeatMs,
    onError: (error) => deps.onError(error, null),
    step: async () => {
      await leases.extend()
      return false
    },
  })

  return {
    wake: (destinations) => {
      for (const [name, loop] of loops) if (!destinations || destinations.has(name)) loop.wake()
    },
    stop: async (withinMs) => {
      await Promise.all([housekeeping.stop(), ...[...loops.values()].map((loop) => loop.stop(withinMs))])
      await heartbeat.stop()
      await leases.extend()
    },
  }
}

type Shared = DeliverDeps & { readonly lane: SettleLane; readonly leases: Leases }

/** The loop of one destination: claims what there is room for, and starts it within concurrency and rate. */
const startDestination = (
  shared: Shared,
  destination: Destination,
): { wake: () => void; stop: (withinMs: number) => Promise<void> } => {
  const { policy } = destination
  const attempts = attempting(shared, destination)
  const waiting: ClaimedEffect[] = []
  /** Attempts that are not over; `calling` are those whose call is under way, which alone count against the concurrency. */
  let running = 0
  let calling = 0
  let idle = (): void => {}
  const ahead = policy.perSecondMax >= 1000 ? claimAheadMax : 0
  let allowance = policy.perSecondMax
  let allowanceAt = performance.now()
  let stopping = false

  const loop: Loop = startLoop({
    idleMs: 60_000,
    onError: (error) => shared.onError(error, null),
    step: async () => {
      const room = policy.concurrencyMax + ahead * 2 - running - waiting.length
      const limit = await withinLimits(
        shared.sql,
        destination,
        Math.min(room, Math.max(1, Math.floor(policy.perSecondMax))),
      )
      let claimed = 0
      if (limit > 0 && waiting.length <= ahead / 2) {
        const effects = await shared.leases.claim(destination.name, limit)
        claimed = effects.length
        if (claimed > 0) shared.boundary('deliver:after-claim')
        // One question for all of them; a failure costs nothing, because each attempt asks for what is missing.
        await shared.keys
          .prefetch(effects.filter((effect) => sealedField in effect.payload).map((effect) => effect.subject))
          .catch(() => {})
        waiting.push(...effects)
      }
      start()
      return claimed > 0 && claimed === limit
    },
  })

  /** Starts what waits in memory as far as concurrency and rate allow. */
  const start = (): void => {
    const now = performance.now()
    allowance = Math.min(policy.perSecondMax, allowance + ((now - allowanceAt) / 1000) * policy.perSecondMax)
    allowanceAt = now
    while (!stopping && waiting.length > 0 && calling < policy.concurrencyMax) {
      if (allowance < 1) {
        setTimeout(start, Math.ceil((1 - allowance) * (1000 / policy.perSecondMax)))
        return
      }
      const effect = waiting.shift()
      if (!effect) return
      allowance -= 1
      void attempt(effect)
    }
  }

  const attempt = async (effect: ClaimedEffect): Promise<void> => {
    running += 1
    calling += 1
    const answer = await attempts.call(effect)
    calling -= 1
    start()
    const settled = answer !== null && (await attempts.settle(effect, answer))
    running -= 1
    shared.leases.end(effect, settled)
    if (waiting.length <= ahead / 2) loop.wake()
    if (running === 0) idle()
  }

  return {
    wake: loop.wake,
    stop: async (withinMs) => {
      stopping = true
      await loop.stop()
      const late = new Promise<void>((resolve) => {
        setTimeout(resolve, withinMs)
      })
      const ended = new Promise<void>((resolve) => {
        idle = resolve
        if (running === 0) resolve()
      })
      await Promise.race([ended, late])
      await shared.leases.handBack(waiting)
    },
  }
}

/** How many may be claimed now under the durable daily and minute limits of a destination. */
const withinLimits = async (sql: Sql, { name, policy }: Destination, wanted: number): Promise<number> => {
  if (policy.dailyMax === undefined && policy.perMinuteMax === undefined) return wanted
  const [started] = await sql.unsafe<{ day: number; minute: number }[]>(
    statement(outboxStatements, 'started_since'),
    [name],
    prepared,
  )
  const day = (policy.dailyMax ?? Number.POSITIVE_INFINITY) - (started?.day ?? 0)
  const minute = (policy.perMinuteMax ?? Number.POSITIVE_INFINITY) - (started?.minute ?? 0)
  return Math.max(0, Math.min(wanted, day, minute))
}
