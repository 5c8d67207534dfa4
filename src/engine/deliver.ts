import type { Sql } from '../db/connect.ts'
import { statement } from '../db/query.ts'
import type { Outcome } from '../kernel/decision.ts'
import { type Instant, msOf, plusMs } from '../kernel/time.ts'
import type { Origin, Settlement } from '../log/appendRequest.ts'
import { type PersonKeys, sealedField } from '../privacy/personKeys.ts'
import type { CommandHandler } from './handle.ts'
import { type Loop, startLoop } from './loop.ts'
import { type Message, type Models, modelOf } from './model.ts'
import { outboxStatements } from './react.ts'
import { openSettleLane, type SettleLane } from './settleLane.ts'
import { type ClaimedEffect, type DestinationPolicy, settlementOf } from './settlement.ts'

/** Seconds of a lease; extended while the attempt runs, so that a dead worker's effects are free within half a minute. */
const leaseSeconds = 15
const heartbeatMs = 4000
const housekeepingMs = 1000
/** Effects claimed ahead at a destination that is not rate limited, so that workers do not wait for the next claim. */
const claimAheadMax = 500
/** A destination that its own answers paused is asked again after this time, also when it needs a person: the fault may be mended there. */
const selfPauseMs = 3_600_000
/** What a performer may need to end after its signal fired. */
const deadlineGraceMs = 5000
const prepared = { prepare: true } as const

/** Performs one operation once; the attempt tells its key, number and deadline. */
export type Perform = (
  payload: Readonly<Record<string, unknown>>,
  attempt: {
    readonly key: string
    readonly number: number
    readonly firstAttemptAt: Instant
    readonly now: Instant
    readonly signal: AbortSignal
  },
) => Promise<Outcome>

/** A destination with its performers by effect kind. */
export type Destination = {
  readonly name: string
  readonly policy: DestinationPolicy
  readonly performers: Readonly<Record<string, Perform>>
}

type Addressed = { readonly stream: string; readonly command: Message; readonly origin?: Origin }

/** The command that an outcome becomes, and for which stream; null when nobody needs to know. `otherwise` is said when it is refused. */
export type CommandOf = (
  effect: ClaimedEffect,
  outcome: Outcome,
  now: Instant,
) => (Addressed & { readonly otherwise?: Addressed }) | null

/** What delivering needs. */
export type DeliverDeps = {
  readonly sql: Sql
  readonly keys: PersonKeys
  readonly handler: CommandHandler
  readonly models: Models
  readonly destinations: readonly Destination[]
  readonly commandOf: CommandOf
  /** The name of this worker, unique among processes. */
  readonly worker: string
  readonly now: () => Instant
  readonly random: () => number
  readonly onError: (error: unknown, effect: ClaimedEffect | null) => void
  readonly onSettled?: (effect: ClaimedEffect, outcome: Outcome) => void
  readonly boundary: (name: string) => void
}

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
  const held = new Map<string, ClaimedEffect>()
  const loops = new Map(
    deps.destinations.map((destination) => [destination.name, startDestination({ ...deps, lane, held }, destination)]),
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
      const effects = [...held.values()]
      if (effects.length === 0) return false
      await deps.sql.unsafe(
        statement(outboxStatements, 'extend_leases'),
        [effects.map((effect) => effect.effectId), effects.map((effect) => effect.attempt), leaseSeconds],
        prepared,
      )
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
    },
  }
}

type Shared = DeliverDeps & { readonly lane: SettleLane; readonly held: Map<string, ClaimedEffect> }

/** The loop of one destination: claims what there is room for, and starts it within concurrency and rate. */
const startDestination = (
  shared: Shared,
  destination: Destination,
): { wake: () => void; stop: (withinMs: number) => Promise<void> } => {
  const { policy } = destination
  const waiting: ClaimedEffect[] = []
  const running = new Set<Promise<void>>()
  /** Attempts whose call is under way: these count against the concurrency; one that is only being settled does not. */
  let calling = 0
  const ahead = policy.perSecondMax >= 1000 ? claimAheadMax : 0
  let allowance = policy.perSecondMax
  let allowanceAt = performance.now()
  let stopping = false

  const loop: Loop = startLoop({
    idleMs: 60_000,
    onError: (error) => shared.onError(error, null),
    step: async () => {
      const room = policy.concurrencyMax + ahead * 2 - running.size - waiting.length
      const limit = await withinLimits(
        shared.sql,
        destination,
        Math.min(room, Math.max(1, Math.floor(policy.perSecondMax))),
      )
      let claimed = 0
      if (limit > 0 && waiting.length <= ahead / 2) {
        const effects = await claim(shared, destination.name, limit)
        claimed = effects.length
        for (const effect of effects) shared.held.set(effect.effectId, effect)
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
      calling += 1
      const called = (): void => {
        calling -= 1
        start()
        if (waiting.length <= ahead / 2) loop.wake()
      }
      const attempt = perform(shared, destination, { effect, called }).finally(() => {
        running.delete(attempt)
        shared.held.delete(effect.effectId)
        if (waiting.length <= ahead / 2) loop.wake()
      })
      running.add(attempt)
    }
  }

  return {
    wake: loop.wake,
    stop: async (withinMs) => {
      stopping = true
      await loop.stop()
      await Promise.race([Promise.allSettled(running), new Promise((resolve) => setTimeout(resolve, withinMs))])
      const back = waiting.map((effect) => effect.effectId)
      if (back.length > 0) await shared.sql.unsafe(statement(outboxStatements, 'hand_back'), [back, shared.worker])
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

const claim = async (shared: Shared, name: string, limit: number): Promise<ClaimedEffect[]> => {
  const rows = await shared.sql.unsafe<ClaimedEffect[]>(
    statement(outboxStatements, 'claim_effects'),
    [name, limit, leaseSeconds, shared.worker],
    prepared,
  )
  if (rows.length > 0) shared.boundary('deliver:after-claim')
  return [...rows]
}

const perform = async (
  shared: Shared,
  destination: Destination,
  { effect, called }: { effect: ClaimedEffect; called: () => void },
): Promise<void> => {
  let calling = true
  /** Gives the place at the destination back, once: what follows is between us and the database. */
  const leave = (): void => {
    if (calling) called()
    calling = false
  }
  try {
    const startedAt = nowFor(shared, effect)
    const outcome = await callOnce(shared, destination, effect)
    const settlement = settlementOf(effect, outcome, {
      policy: destination.policy,
      now: nowFor(shared, effect),
      random: shared.random(),
      startedAt,
    })
    if (outcome.tag === 'later' && outcome.pauseDestination) await pauseItself(shared, destination, outcome)
    leave()
    shared.boundary('deliver:before-settle')
    await settle(shared, effect, { outcome, settlement })
    shared.boundary('deliver:after-settle')
    shared.onSettled?.(effect, outcome)
  } catch (error) {
    // Nothing was settled: the lease runs out and the effect is tried again, or becomes unknown, as its destination declares.
    shared.onError(error, effect)
  } finally {
    leave()
  }
}

/**
 * The clock of this process, never before the moment of the claim: the database, by whose clock the effect was due, may be ahead, and a
 * timer that is performed "before" its time would decide nothing and be gone.
 */
const nowFor = (shared: Shared, effect: ClaimedEffect): Instant => {
  const now = shared.now()
  return msOf(now) < msOf(effect.claimedAt) ? effect.claimedAt : now
}

const callOnce = async (shared: Shared, destination: Destination, effect: ClaimedEffect): Promise<Outcome> => {
  const performer = destination.performers[effect.kind]
  if (!performer)
    return {
      tag: 'later',
      code: 'performer-unknown',
      detail: `This version of the service does not know the effect "${effect.kind}"`,
    }
  if (sealedField in effect.payload) await shared.keys.prefetch([effect.subject])
  const payload = shared.keys.openData(effect.payload, { subject: effect.subject, aad: effect.effectId })
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), destination.policy.deadlineMs)
  const overdue = afterDeadline(destination.policy.deadlineMs)
  shared.boundary('deliver:before-call')
  try {
    const answer = performer(payload, {
      key: effect.effectId,
      number: effect.attempt,
      firstAttemptAt: effect.firstAttemptAt,
      now: nowFor(shared, effect),
      signal: deadline.signal,
    })
    return await Promise.race([answer, overdue.passed])
  } catch (error) {
    shared.onError(error, effect)
    return { tag: 'unknown', code: 'performer-threw', detail: 'The performer failed in an unexpected way' }
  } finally {
    clearTimeout(timer)
    overdue.clear()
    shared.boundary('deliver:after-answer')
  }
}

/** A performer that does not end although its signal fired is not waited for: nobody knows what it did. */
const afterDeadline = (deadlineMs: number): { readonly passed: Promise<Outcome>; readonly clear: () => void } => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const passed = new Promise<Outcome>((resolve) => {
    const late = {
      tag: 'unknown',
      code: 'deadline-passed',
      detail: 'The attempt did not end within its deadline',
    } as const
    timer = setTimeout(() => resolve(late), deadlineMs + Math.min(deadlineMs, deadlineGraceMs))
  })
  return { passed, clear: () => clearTimeout(timer) }
}

const settle = async (
  shared: Shared,
  effect: ClaimedEffect,
  done: { outcome: Outcome; settlement: Settlement },
): Promise<void> => {
  const payload = shared.keys.openData(effect.payload, { subject: effect.subject, aad: effect.effectId })
  const next = shared.commandOf({ ...effect, payload }, done.outcome, nowFor(shared, effect))
  if (!next) return shared.lane.settle(done.settlement)
  const cause = { kind: 'effect', id: effect.effectId } as const
  // Said before the settlement, so that a crash in between says it again instead of never.
  if (next.otherwise && (await wouldRefuse(shared, next))) await shared.handler.handle({ ...next.otherwise, cause })
  const handled = await shared.handler.handle({
    stream: next.stream,
    command: next.command,
    cause,
    ...(next.origin === undefined ? {} : { origin: next.origin }),
    settle: done.settlement,
  })
  // What the command wanted to claim belongs to somebody else now: the operation happened all the same, and is settled as such.
  if (handled.tag === 'claimed') await shared.lane.settle({ ...done.settlement, error: 'claim-taken' })
}

const wouldRefuse = async (shared: Shared, next: Addressed): Promise<boolean> => {
  const model = modelOf(shared.models, next.stream)
  const { state } = await shared.handler.load(next.stream)
  return model.decide(state, next.command).tag === 'refused'
}

/** The destination itself asked for patience: everybody waits, and other effects do not burn attempts against it. */
const pauseItself = async (
  shared: Shared,
  destination: Destination,
  outcome: Extract<Outcome, { tag: 'later' }>,
): Promise<void> => {
  const now = shared.now()
  const asked = outcome.pauseDestination === 'until-not-before' ? outcome.notBefore : undefined
  const until = asked && msOf(asked) > msOf(now) ? asked : plusMs(now, selfPauseMs)
  await shared.sql.unsafe(statement(outboxStatements, 'pause_destination'), [
    destination.name,
    until,
    'destination',
    outcome.code,
  ])
}
