import type { ReadModel } from '../../projections/projection.ts'
import type { Sql } from '../db/connect.ts'
import type { ErasureBasis } from '../domain/partner.ts'
import type { Codec } from '../engine/codec.ts'
import type { CommandHandler } from '../engine/handle.ts'
import type { CalendarDate, Instant } from '../kernel/time.ts'

/** Who asks: the role that a token gave. */
export type Actor = { readonly role: 'operator' | 'analyst'; readonly name: string }

/** What the doors of the service need of the rest. */
export type HttpPorts = {
  /** A pool for reading; statements end within seconds. */
  readonly sql: Sql
  readonly handler: CommandHandler
  readonly codec: Codec
  readonly readModels: readonly ReadModel[]
  readonly now: () => Instant
  readonly newId: () => string
  readonly version: string
  readonly runtime: string
  readonly settings: {
    readonly publicUrl: string
    readonly pagesUrl: string
    readonly operatorTokens: readonly string[]
    readonly analystTokens: readonly string[]
    readonly sandbox: boolean
    readonly plans: readonly {
      readonly plan: string
      readonly title: string
      readonly priceKopecks: number
      readonly months: number
    }[]
  }
  readonly operations: Operations
}

/** The answer of an operator command. `refused` is answered 409, `unknown` 404. */
export type OperationResult =
  | {
      readonly tag: 'ok'
      readonly status: 200 | 202
      readonly position: number
      readonly body: Readonly<Record<string, unknown>>
    }
  | { readonly tag: 'refused'; readonly code: string; readonly detail: string }
  | { readonly tag: 'unknown'; readonly detail: string }

/** Who does it, and why: both are recorded with the command. */
export type By = { readonly actor: string; readonly reason: string }

/** What a read model's list and its commands answer with. */
export type ProjectionItem = {
  readonly name: string
  readonly version: number
  readonly status: 'live' | 'paused' | 'broken'
  readonly position: number
  readonly lag: number
  readonly parked: number
  readonly candidate: {
    readonly version: number
    readonly status: 'building' | 'ready' | 'failed'
    readonly position: number
    /** 0 to 1. */
    readonly progress: number
    readonly etaSeconds: number | null
    readonly error: string | null
  } | null
  readonly previous: { readonly version: number } | null
}

/** One destination of effects. */
export type DestinationItem = {
  readonly name: string
  readonly status: 'running' | 'paused' | 'off'
  readonly reason: string | null
  readonly pausedUntil: Instant | null
  readonly waiting: number
  readonly running: number
  readonly unknown: number
  readonly dead: number
}

/** Which effects a bulk command means. */
export type EffectFilter = { readonly destination?: string; readonly kind?: string; readonly status?: string }

/** What operators can make the engine do. */
export type Operations = {
  readonly projections: () => Promise<readonly ProjectionItem[]>
  readonly destinations: () => Promise<readonly DestinationItem[]>
  readonly rebuild: (name: string, by: By) => Promise<OperationResult>
  readonly switchVersion: (name: string, by: By) => Promise<OperationResult>
  readonly rollback: (name: string, by: By) => Promise<OperationResult>
  /** Compares candidate and live rows: `{added, removed, changed, samples: {key, before, after}[]}`. */
  readonly diff: (name: string) => Promise<OperationResult>
  /** Folds the log afresh and compares with the live rows: `{models: [{name, rows, differences, position}]}`. */
  readonly verify: () => Promise<{
    readonly models: readonly {
      readonly name: string
      readonly rows: number
      readonly differences: number
      readonly position: number
    }[]
  }>
  readonly retryEffect: (effectId: string, by: By) => Promise<OperationResult>
  readonly resolveEffect: (effectId: string, outcome: 'done' | 'refused', by: By) => Promise<OperationResult>
  readonly discardEffect: (effectId: string, by: By) => Promise<OperationResult>
  /** Sets dead or refused effects free again; with `dryRun` only counts and samples. */
  readonly redrive: (filter: EffectFilter, by: By & { readonly dryRun: boolean }) => Promise<OperationResult>
  readonly pauseDestination: (name: string, by: By) => Promise<OperationResult>
  readonly resumeDestination: (name: string, by: By) => Promise<OperationResult>
  readonly replayWebhook: (webhookId: string, by: By) => Promise<OperationResult>
  readonly releaseQuarantine: (webhookId: string, by: By) => Promise<OperationResult>
  /** Compares a provider's books of a day with ours; null: of yesterday. With `dryRun` it only tells. */
  readonly reconcile: (
    provider: string,
    asked: { readonly day: CalendarDate | null; readonly dryRun: boolean },
    by: By,
  ) => Promise<OperationResult>
  /** Does what was suggested about a difference. */
  readonly correctDifference: (differenceId: string, by: By) => Promise<OperationResult>
  /** Forgets a person for good; without it the service has no such command. */
  readonly erasePartner?: (partnerId: string, basis: ErasureBasis, by: By) => Promise<OperationResult>
  /** Moves the clock; only in the sandbox or with HUB_TEST_CLOCK. */
  readonly advanceClock: (ms: number) => Promise<OperationResult>
}
