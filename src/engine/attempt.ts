import { statement } from '../db/query.ts'
import type { Outcome } from '../kernel/decision.ts'
import { type Instant, msOf, plusMs } from '../kernel/time.ts'
import type { Settlement } from '../log/appendRequest.ts'
import { sealedField } from '../privacy/personKeys.ts'
import { openDeadlines } from './deadlines.ts'
import type { Addressed, DeliverDeps, Destination, Perform } from './destination.ts'
import { modelOf } from './model.ts'
import { outboxStatements } from './react.ts'
import type { SettleLane } from './settleLane.ts'
import { type ClaimedEffect, settlementOf } from './settlement.ts'

/** A destination that its own answers paused is asked again after this time, also when it needs a person: the fault may be mended there. */
const selfPauseMs = 3_600_000
/** What a performer may need to end after its signal fired. */
const deadlineGraceMs = 5000

const overdue: Outcome = {
  tag: 'unknown',
  code: 'deadline-passed',
  detail: 'The attempt did not end within its deadline',
}
const threw: Outcome = {
  tag: 'unknown',
  code: 'performer-threw',
  detail: 'The performer failed in an unexpected way',
}

/** What came of a call, when, and how it is settled. */
export type Answer = { readonly outcome: Outcome; readonly at: Instant; readonly settlement: Settlement }

/** The two halves of an attempt at one destination: the second is between us and the database. Neither rejects: errors are told of. */
export type Attempting = {
  /** Performs an effect; null when that could not even be tried. */
  readonly call: (effect: ClaimedEffect) => Promise<Answer | null>
  /** Settles it, with the command that its outcome becomes; true when it surely is settled. */
  readonly settle: (effect: ClaimedEffect, answer: Answer) => Promise<boolean>
}

type Shared = DeliverDeps & { readonly lane: SettleLane }

/** Makes the attempts at one destination. Where one fails, the lease runs out: the effect is tried again, or becomes unknown, as declared. */
export const attempting = (shared: Shared, destination: Destination): Attempting => {
  const { policy } = destination
  const call = calling(shared, destination)
  return {
    call: async (effect) => {
      try {
        const startedAt = nowFor(shared, effect)
        const outcome = await call(effect, startedAt)
        const now = nowFor(shared, effect)
        const settlement = settlementOf(effect, outcome, { policy, now, random: shared.random, startedAt })
        if (outcome.tag === 'later' && outcome.pauseDestination) await pauseItself(shared, destination, outcome)
        return { outcome, at: now, settlement }
      } catch (error) {
        shared.onError(error, effect)
        return null
      }
    },
    settle: async (effect, answer) => {
      try {
        shared.boundary('deliver:before-settle')
        const settled = await settle(shared, effect, answer)
        shared.boundary('deliver:after-settle')
        shared.onSettled?.(effect, answer.outcome)
        return settled
      } catch (error) {
        shared.onError(error, effect)
        return false
      }
    },
  }
}

/**
 * The clock of this process, never before the moment of the claim: the database, by whose clock the effect was due, may be ahead, and a
 * timer that is performed "before" its time would decide nothing and be gone.
 */
const nowFor = (shared: Shared, effect: ClaimedEffect): Instant => {
  const now = shared.now()
  if (now < effect.claimedAt) return effect.claimedAt
  return now
}

/** Calls performers and waits for them as long as the destination allows: a little longer than until their signal fires. */
const calling = (shared: Shared, { performers, policy }: Destination) => {
  const untilSignal = openDeadlines(policy.deadlineMs)
  const tooLate = openDeadlines(policy.deadlineMs + Math.min(policy.deadlineMs, deadlineGraceMs))

  const answerOf = (effect: ClaimedEffect, performer: Perform, now: Instant): Promise<Outcome> =>
    new Promise((resolve) => {
      const controller = new AbortController()
      const signalling = untilSignal(() => controller.abort())
      // A performer that does not end although its signal fired is not waited for: nobody knows what it did.
      const waiting = tooLate(() => resolve(overdue))
      const end = (outcome: Outcome): void => {
        signalling.met()
        waiting.met()
        resolve(outcome)
      }
      const fail = (error: unknown): void => {
        shared.onError(error, effect)
        end(threw)
      }
      const payload = shared.keys.openData(effect.payload, { subject: effect.subject, aad: effect.effectId })
      try {
        performer(payload, {
          key: effect.effectId,
          number: effect.attempt,
          firstAttemptAt: effect.firstAttemptAt,
          now,
          signal: controller.signal,
        }).then(end, fail)
      } catch (error) {
        fail(error)
      }
    })

  return async (effect: ClaimedEffect, now: Instant): Promise<Outcome> => {
    const performer = performers[effect.kind]
    if (!performer)
      return {
        tag: 'later',
        code: 'performer-unknown',
        detail: `This version of the service does not know the effect "${effect.kind}"`,
      }
    if (sealedField in effect.payload) await shared.keys.prefetch([effect.subject])
    shared.boundary('deliver:before-call')
    const outcome = await answerOf(effect, performer, now)
    shared.boundary('deliver:after-answer')
    return outcome
  }
}

/** Whether the attempt is surely settled: an append that is fenced may also have been lost with its connection. */
const settle = async (shared: Shared, effect: ClaimedEffect, { outcome, at, settlement }: Answer): Promise<boolean> => {
  const payload = shared.keys.openData(effect.payload, { subject: effect.subject, aad: effect.effectId })
  const next = shared.commandOf(payload === effect.payload ? effect : { ...effect, payload }, outcome, at)
  if (!next) {
    await shared.lane.settle(settlement)
    return true
  }
  const cause = { kind: 'effect', id: effect.effectId } as const
  // Said before the settlement, so that a crash in between says it again instead of never.
  if (next.otherwise && (await wouldRefuse(shared, next))) await shared.handler.handle({ ...next.otherwise, cause })
  const handled = await shared.handler.handle({
    stream: next.stream,
    command: next.command,
    cause,
    ...(next.origin === undefined ? {} : { origin: next.origin }),
    settle: settlement,
  })
  if (handled.tag === 'accepted' || handled.tag === 'refused') return true
  if (handled.tag !== 'claimed') return false
  // What the command wanted to claim belongs to somebody else now: the operation happened all the same, and is settled as such.
  await shared.lane.settle({ ...settlement, error: 'claim-taken' })
  return true
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
