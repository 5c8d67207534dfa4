import type { Outcome } from '../kernel/decision.ts'
import type { Instant } from '../kernel/time.ts'

/** Headers of a request by lower-case name. */
export type DeliveryHeaders = Pick<ReadonlyMap<string, readonly string[]>, 'get' | 'has'>

/** One request as it reached us: bytes before meaning. */
export type Delivery = {
  readonly method: string
  readonly path: string
  /** The query string as sent, without the question mark. */
  readonly query: string
  /** Header values by lower-case name; a header sent twice keeps both values, in order. */
  readonly headers: DeliveryHeaders
  /** Path parameters of the route, such as `secret` or `kind`. */
  readonly params: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** The sender's address, resolved through trusted proxies only. */
  readonly peer: string
  readonly receivedAt: Instant
  /** What `verify` said, once it has; kept with the bytes, because signatures are not, so that a replay can be read again. */
  readonly secretName?: string
}

/** Whether a request is the sender's. `secretName` tells which of two valid secrets matched. */
export type Authenticity =
  | { readonly tag: 'authentic'; readonly secretName: string }
  | { readonly tag: 'refused'; readonly status: number; readonly code: string; readonly answer?: Answer }

/** What we answer to a sender, in the sender's own words. */
export type Answer = {
  readonly status: number
  readonly contentType: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * What an authentic delivery says.
 * `ping`: nothing is kept. `facts`: a meaning, under a dedupe key; `canonical` is a text that is equal for equal content.
 * `poor`: authentic and parseable but of no use yet, quarantined and answered 2xx. `ignored`: kept, and nothing follows.
 * `malformed`: not parseable or not allowed, quarantined with its bytes and answered as `answer` says.
 */
export type Reading<Facts> =
  | { readonly tag: 'ping'; readonly answer: Answer }
  | {
      readonly tag: 'facts'
      readonly dedupeKey: string
      readonly canonical: string
      readonly facts: Facts
      readonly flags?: readonly string[]
    }
  | {
      readonly tag: 'poor'
      readonly dedupeKey: string
      readonly canonical: string
      readonly reason: string
      readonly facts?: Facts
    }
  | { readonly tag: 'ignored'; readonly dedupeKey: string; readonly canonical: string; readonly reason: string }
  | { readonly tag: 'malformed'; readonly reason: string; readonly answer: Answer }

/** An authentic question: it is answered from what is known, changes nothing, and leaves no delivery behind to be repeated. */
export type Inquiry<Facts> = { readonly tag: 'query'; readonly facts: Facts }

/** The inbound half of a provider: pure functions over bytes. `Settings` is the provider's part of the configuration. */
export type WebhookWire<Settings, Facts> = {
  readonly verify: (delivery: Delivery, settings: Settings) => Authenticity
  readonly read: (delivery: Delivery, settings: Settings) => Reading<Facts>
  /** The answer to an accepted delivery and to every repeat of it. */
  readonly accepted: (delivery: Delivery) => Answer
  /** Fields of the body that carry a key: they are not kept. */
  readonly secretFields?: (settings: Settings) => readonly string[]
}

/** What a performer may use besides the payload. */
export type Attempt = {
  /** A UUID fixed when the effect was born; the provider's idempotency key where there is one. */
  readonly key: string
  /** 1 for the first attempt. */
  readonly number: number
  /** When the first attempt was started; equal to `now` on the first. Decides whether a provider still remembers `key`. */
  readonly firstAttemptAt: Instant
  readonly now: Instant
  /** Fires at the destination's deadline. */
  readonly signal: AbortSignal
}

/** Performs one operation at a provider, once, and says what became of it. Never throws for what the outside does. */
export type Performer<Payload = unknown, Result = unknown> = (
  payload: Payload,
  attempt: Attempt,
) => Promise<Outcome<Result>>

/** How the engine treats a destination. */
export type DestinationPolicy = {
  readonly concurrencyMax: number
  /** Operations started a second, shared by all workers of a process. */
  readonly perSecondMax: number
  readonly deadlineMs: number
  readonly attemptsMax: number
  /**
   * What an attempt whose worker died, or whose outcome is unknown, means. `repeat`: reading, or the provider remembers the key and
   * the performer itself looks the operation up when the memory may have expired. `repeat-once`: one more try under the same
   * message id. `ask`: stays unknown until a person resolves it.
   */
  readonly afterUnknown: 'repeat' | 'repeat-once' | 'ask'
}

/** The outbound half of a provider. */
export type Courier = {
  readonly destination: string
  readonly policy: DestinationPolicy
  /** One performer for each effect kind, by its full name such as `fns.lookUp`. */
  readonly performers: Readonly<Record<string, Performer>>
}

/** What a delivery becomes: a command for a stream, or nothing; `poor` when it lacks what it would take. */
export type IntakeTarget =
  | {
      readonly tag: 'command'
      readonly stream: string
      readonly command: { readonly type: string; readonly data: Readonly<Record<string, unknown>> }
      readonly isNew: boolean
    }
  | { readonly tag: 'ignored'; readonly reason: string }
  | { readonly tag: 'poor'; readonly reason: string }

/** What an intake is told before it decides where a command goes. */
export type IntakeContext = {
  readonly at: Instant
  readonly newId: () => string
  /** Which stream holds each of the claims that the route asked about, in clear words such as `inn:…`. */
  readonly holders: ReadonlyMap<string, string>
}
