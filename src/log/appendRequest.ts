import type { Instant } from '../kernel/time.ts'

/** An event that is ready for the log: personal fields are sealed already. */
export type NewEvent = {
  readonly eventId: string
  /** The person or company the event is about. */
  readonly subject: string
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
  readonly meta: EventMeta
}

/** Where an event came from. */
export type EventMeta = {
  readonly command: string
  readonly cause: Cause
  /** The operator behind it, and why. */
  readonly actor?: string
  readonly reason?: string
  /** How it came to us when it was not in the usual way. */
  readonly origin?: Origin
}

/** `reconciliation`: it was found in a provider's books and no notice of it had come. */
export type Origin = 'reconciliation'

/** The one thing that made a command happen. */
export type Cause =
  | { readonly kind: 'webhook'; readonly id: string }
  | { readonly kind: 'effect'; readonly id: string }
  | { readonly kind: 'operator'; readonly id: string }
  | { readonly kind: 'visitor'; readonly id: string }
  | { readonly kind: 'import'; readonly id: string }

/** A delivery on its way into the inbox. */
export type InboxRow = {
  readonly webhookId: string
  readonly source: string
  readonly route: string
  readonly dedupeKey: string
  /** SHA-256 of the dedupe key, in hex as all digests here; null when this row must not claim the key. */
  readonly keyHash: string | null
  /** SHA-256 of the canonical content. */
  readonly contentHash: string
  readonly verdict: 'accepted' | 'duplicate' | 'ignored' | 'quarantined' | 'conflict'
  readonly reason: string | null
  readonly receivedAt: Instant
  readonly peer: string
  readonly secretName: string
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** SHA-256 of the body as it came. */
  readonly sha256: string
  readonly subject: string | null
  readonly repeatOf: string | null
}

/** What becomes of an effect that this append settles; refused as `fenced` unless the attempt still holds it. */
export type Settlement = {
  readonly effectId: string
  readonly attempt: number
  readonly status: 'done' | 'refused' | 'waiting' | 'unknown' | 'dead'
  readonly outcome: Readonly<Record<string, unknown>> | null
  readonly error: string | null
  /** When a waiting effect is due again. */
  readonly dueAt: Instant | null
  readonly history: Readonly<Record<string, unknown>>
  /** When the first attempt began, which may be this one. */
  readonly firstAttemptAt: Instant
}

/** One member of a batch: all of it happens, or none. */
export type AppendRequest = {
  readonly stream: string
  /** The version that the decision was made on, 0 for a stream that should not exist yet; null when it does not matter. */
  readonly expectedVersion: number | null
  readonly events: readonly NewEvent[]
  readonly inbox?: InboxRow
  /** Peppered keys to take for this stream and to give back. */
  readonly claims?: { readonly take: readonly string[]; readonly release: readonly string[] }
  readonly keys?: readonly { readonly subject: string; readonly wrapped: Uint8Array }[]
  readonly settle?: Settlement
  /** Goes into the next batch before everything that is not: a payer waits at a counter, a chat does not. */
  readonly urgent?: boolean
}

/** What became of one append. */
export type AppendResult =
  | {
      readonly tag: 'appended'
      readonly firstPosition: number
      /** The position of the last event; one less than `firstPosition` when there was none. */
      readonly position: number
      readonly version: number
      readonly recordedAt: Instant
    }
  | { readonly tag: 'conflict'; readonly version: number }
  | {
      readonly tag: 'duplicate'
      readonly webhookId: string
      /** Whether the content equals the first one's. */
      readonly same: boolean
      readonly firstPosition: number | null
      readonly eventCount: number
    }
  | { readonly tag: 'claimed'; readonly key: string; readonly stream: string }
  | { readonly tag: 'fenced' }
