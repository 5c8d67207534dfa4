import { unreachable } from '../kernel/brand.ts'
import type { Outcome } from '../kernel/decision.ts'
import { type Instant, plusMs } from '../kernel/time.ts'
import type { Settlement } from '../log/appendRequest.ts'

/** How a destination is treated; see the declarations of the couriers. */
export type DestinationPolicy = {
  readonly concurrencyMax: number
  readonly perSecondMax: number
  readonly deadlineMs: number
  readonly attemptsMax: number
  readonly afterUnknown: 'repeat' | 'repeat-once' | 'ask'
  /** The longest pause between two attempts; absent: 15 minutes. */
  readonly backoffMaxMs?: number
  /** Operations started in 24 hours and in a minute, counted in the database. */
  readonly dailyMax?: number
  readonly perMinuteMax?: number
}

/** An effect that this worker holds. */
export type ClaimedEffect = {
  readonly effectId: string
  readonly destination: string
  readonly kind: string
  readonly eventId: string
  readonly subject: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly attempt: number
  readonly firstAttemptAt: Instant
  readonly claimedAt: Instant
  /** The lease that it is held under, by number. */
  readonly lease: number
}

const backoffFirstMs = 2000
const backoffMaxMs = 15 * 60_000

/** The pause before the next attempt: doubling from 2 s, up to the destination's cap, of which a random half to whole is taken. */
export const backoffMs = (attempt: number, policy: DestinationPolicy, random: number): number =>
  Math.round(
    Math.min(backoffFirstMs * 2 ** Math.min(attempt - 1, 20), policy.backoffMaxMs ?? backoffMaxMs) * (0.5 + random / 2),
  )

/** Works out how an attempt is settled. Pure: the moment and the chance come in. */
export const settlementOf = (
  effect: ClaimedEffect,
  outcome: Outcome,
  at: {
    readonly policy: DestinationPolicy
    readonly now: Instant
    readonly random: () => number
    readonly startedAt: Instant
  },
): Settlement => {
  const again = (): Instant => plusMs(at.now, backoffMs(effect.attempt, at.policy, at.random()))
  const { effectId, attempt, firstAttemptAt } = effect
  const base = { effectId, attempt, firstAttemptAt, dueAt: null, error: null }
  const entry = (code: string | null) => ({
    attempt: effect.attempt,
    at: at.startedAt,
    endedAt: at.now,
    outcome: outcome.tag,
    code,
    ...(outcome.tag === 'done' ? {} : { detail: outcome.detail }),
  })
  switch (outcome.tag) {
    case 'done':
      return { ...base, status: 'done', outcome: { tag: 'done' }, history: entry(null) }
    case 'refused':
      return {
        ...base,
        status: 'refused',
        outcome: { tag: 'refused', code: outcome.code },
        error: outcome.code,
        history: entry(outcome.code),
      }
    case 'later': {
      const history = entry(outcome.code)
      const exhausted = effect.attempt >= at.policy.attemptsMax && outcome.pauseDestination === undefined
      if (exhausted)
        return { ...base, status: 'dead', outcome: { tag: 'later', code: outcome.code }, error: outcome.code, history }
      const dueAt = outcome.notBefore && outcome.notBefore > at.now ? outcome.notBefore : again()
      return {
        ...base,
        status: 'waiting',
        outcome: { tag: 'later', code: outcome.code },
        error: outcome.code,
        dueAt,
        history,
      }
    }
    case 'unknown': {
      const repeat =
        at.policy.afterUnknown === 'repeat' || (at.policy.afterUnknown === 'repeat-once' && effect.attempt < 2)
      const status = repeat ? ('waiting' as const) : ('unknown' as const)
      return {
        ...base,
        status,
        outcome: { tag: 'unknown', code: outcome.code },
        error: outcome.code,
        dueAt: repeat ? again() : null,
        history: entry(outcome.code),
      }
    }
    default:
      return unreachable(outcome)
  }
}
