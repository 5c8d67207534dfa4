import type { Instant } from '../kernel/time.ts'

/** A place where a twin keeps what took effect, so that a restart of the service does not forget it. */
export type TwinStore<State> = {
  /** The last saved state, or null at the first start. */
  readonly load: () => Promise<State | null>
  /** Durable when it resolves; a twin saves before it answers. */
  readonly save: (state: State) => Promise<void>
}

/** One call as a twin saw it; `applied` counts operations that took effect, which repeats under one key do not. */
export type TwinCall = {
  readonly at: Instant
  readonly method: string
  readonly path: string
  /** The idempotency key or message id, where the protocol has one. */
  readonly key: string | null
  readonly status: number
  readonly applied: boolean
  /** What was asked, for people; without secrets. */
  readonly summary: string
}

/** A scripted fault, used up by the next `times` calls whose path contains `path`. */
export type TwinFault = {
  readonly kind:
    | 'apply-then-hang'
    | 'apply-then-reset'
    | 'apply-then-500'
    | '500'
    | '429'
    | '429-retry-after'
    | '401'
    | 'garbage'
    | 'html'
    | 'empty'
    | 'slow'
    | 'redirect'
  /** A part of the path of the calls that it strikes; empty: all. */
  readonly path: string
  /** Only calls of this method; absent: all. */
  readonly method?: string
  readonly times: number
  /** Seconds: of Retry-After, or of the delay of `slow` and `apply-then-hang`. */
  readonly seconds?: number
}

/** What a twin is given; everything it needs of the world. */
export type TwinContext<State> = {
  readonly now: () => Instant
  readonly newId: () => string
  readonly store: TwinStore<State>
  /** Where the service under test listens, for hooks that the twin sends, without a trailing slash. */
  readonly hubUrl: () => string
  readonly fetch: typeof fetch
  /** Milliseconds to wait, by the runtime's timers. */
  readonly wait: (ms: number) => Promise<void>
}

/**
 * A stand-in that speaks a provider's wire contract. It serves below `/sandbox/<provider>`: `handle` gets the path after that
 * prefix. The provider's API lives under `/api…`-like paths of the provider's own; `/` is a page where a person acts the part;
 * `GET /ledger` answers `{calls: TwinCall[], applied: number}`, `POST /faults` takes a TwinFault, `DELETE /faults` clears them,
 * `DELETE /ledger` empties the ledger.
 */
export type Twin = {
  readonly provider: string
  /** `base` is the public prefix such as `http://127.0.0.1:3000/sandbox/yookassa`, for links in pages and answers. */
  readonly handle: (request: Request, at: { readonly path: string; readonly base: string }) => Promise<Response>
}
