import { accepted, type Decider } from '../kernel/decision.ts'
import { type Instant, plusMs } from '../kernel/time.ts'

/** A sender said two different things under one name: the first one stands, and a person should look at both. */
export type Conflict = {
  readonly at: Instant
  readonly source: string
  /** The delivery that differs, and the first one. */
  readonly webhookId: string
  readonly firstWebhookId: string
}

/** Facts about conflicts of one source. */
export type ConflictEvent = { readonly type: 'ContentConflicted'; readonly data: Conflict }
/** Wishes about conflicts of one source. */
export type ConflictCommand = { readonly type: 'ReportConflict'; readonly data: Conflict }

/** A sender that changed its ways makes hundreds of conflicts, and one alert an hour tells as much. */
export const conflictAlertMs = 3_600_000

/** The decider of conflicts: every delivery is kept, and the operator is told once an hour and source. */
export const conflict: Decider<{ readonly alertedAt: Instant | null }, ConflictCommand, ConflictEvent> = {
  initial: { alertedAt: null },
  evolve: (_state, event) => ({ alertedAt: event.data.at }),
  decide: ({ alertedAt }, { data }) =>
    alertedAt !== null && plusMs(alertedAt, conflictAlertMs) > data.at
      ? accepted()
      : accepted({ type: 'ContentConflicted', data }),
}
