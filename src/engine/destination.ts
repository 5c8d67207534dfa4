import type { Sql } from '../db/connect.ts'
import type { Outcome } from '../kernel/decision.ts'
import type { Instant } from '../kernel/time.ts'
import type { Origin } from '../log/appendRequest.ts'
import type { PersonKeys } from '../privacy/personKeys.ts'
import type { CommandHandler } from './handle.ts'
import type { Message, Models } from './model.ts'
import type { ClaimedEffect, DestinationPolicy } from './settlement.ts'

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

/** A command and the stream that it is for. */
export type Addressed = { readonly stream: string; readonly command: Message; readonly origin?: Origin }

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
