import { done, type Outcome } from '../kernel/decision.ts'
import { type Instant, plusMs } from '../kernel/time.ts'
import type { Attempt } from './connector.ts'
import { type JsonNode, parseStrictJson } from './strictJson.ts'

/** One request to a provider. */
export type ProviderRequest = {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

/** What came of it: an answer, certainly nothing sent, or perhaps something. */
export type Exchange =
  | { readonly tag: 'response'; readonly status: number; readonly headers: Headers; readonly text: string }
  | { readonly tag: 'not-sent' | 'maybe-sent'; readonly code: string }

/** Makes one request, once, and never throws. */
export type ProviderCall = (request: ProviderRequest) => Promise<Exchange>

/** A way to end before the work was done: anything but `done`. */
export type NotDone = Exclude<Outcome<never>, { readonly tag: 'done' }>

/** What a step gives: a value to go on with, or the end of the attempt. */
export type Step<Value> = { readonly value: Value } | { readonly end: NotDone }

/** Whether a step ended the attempt. */
export const ended = <Value>(step: Step<Value>): step is { readonly end: NotDone } => 'end' in step

/** Without a word from the provider, half a minute of patience. */
const patienceMs = 30_000

/** A provider that asks for more patience than this is asked again anyway. */
const patienceMaxMs = 600_000

/** The provider asks the whole destination for patience; the attempt is not counted. */
export const throttled = (headers: Headers, now: Instant, askedMs: number | null = null): NotDone => {
  const seconds = /^\d{1,6}$/.exec(headers.get('retry-after') ?? '')?.[0]
  const waitMs = seconds === undefined ? (askedMs ?? patienceMs) : Number(seconds) * 1000
  return {
    tag: 'later',
    code: 'too-many-requests',
    detail: 'The provider asks for patience',
    notBefore: plusMs(now, Math.min(Math.max(waitMs, 1000), patienceMaxMs)),
    pauseDestination: 'until-not-before',
  }
}

/** The provider does not take our credentials: everything waits until a person has put them right. */
export const locked = (provider: string): NotDone => ({
  tag: 'later',
  code: 'credentials-not-accepted',
  detail: `${provider} does not accept the configured credentials`,
  pauseDestination: 'until-resumed',
})

/** Nothing took effect, or a repetition under the same key cannot take effect twice. */
export const again = (code: string, detail: string): NotDone => ({ tag: 'later', code, detail })

/** The other side, or our own check before the call, said no for good. */
export const refusedOutcome = (code: string, detail: string): NotDone => ({ tag: 'refused', code, detail })

/** A payload that we would be refused with anyway; it is not sent. */
export const unsendable = (field: string): NotDone =>
  refusedOutcome(
    'payload-not-valid',
    `Cannot send the request: field "${field}" is missing or outside the provider's limits`,
  )

/**
 * How an operation ends whose effect is not known. While the provider remembers its key, a repetition is safe; after that the
 * next attempt has to look first.
 */
export const doubtful = (code: string, attempt: Attempt, keyLifetimeMs: number): NotDone =>
  keyIsRemembered(attempt, keyLifetimeMs)
    ? again(code, 'The outcome is not known; the same key is sent again')
    : { tag: 'unknown', code, detail: 'The outcome is not known; the operation is looked up before it is sent again' }

/** How a write ends that got no answer. */
export const interrupted = (
  { tag, code }: { readonly tag: 'not-sent' | 'maybe-sent'; readonly code: string },
  attempt: Attempt,
  keyLifetimeMs: number,
): NotDone => (tag === 'not-sent' ? again(code, 'The request was not sent') : doubtful(code, attempt, keyLifetimeMs))

/** Asks whether a charge of a saved method is still wanted; it may have waited in the outbox for days. */
export type ChargeStands = (charge: { readonly paymentId: string; readonly subscriptionId: string }) => Promise<boolean>

/**
 * How a charge ends that is no longer wanted. Nothing was sent before the first attempt; after it the provider may have taken the
 * money, so it is asked, and what it says counts.
 */
export const noLongerWanted = async <Found>(
  { number }: Attempt,
  find: () => Promise<Step<Found | null>>,
): Promise<Outcome<Found>> => {
  const found: Step<Found | null> = number === 1 ? { value: null } : await find()
  if (ended(found)) return found.end
  if (found.value !== null) return done(found.value)
  return refusedOutcome('charge-withdrawn', 'The charge is no longer wanted: it was paid, cancelled or put off')
}

/** Whether the provider still remembers the key of the first attempt. */
export const keyIsRemembered = ({ firstAttemptAt, now }: Attempt, keyLifetimeMs: number): boolean =>
  now < plusMs(firstAttemptAt, keyLifetimeMs)

/** The JSON of an answer; null when it is none. */
export const nodeOf = (text: string): JsonNode | null => parseStrictJson(text)?.[0] ?? null
