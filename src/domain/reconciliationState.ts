import type { CalendarDate, Instant } from '../kernel/time.ts'
import type { RefundId } from './ids.ts'
import type { Days, Finding, ReconciledProvider, RunAsked } from './reconciliationMessages.ts'

/** A run that is under way. */
export type Run = RunAsked & {
  readonly runId: string
  readonly startedAt: Instant
  readonly pages: number
  /** What their pages named. */
  readonly seen: readonly string[]
  readonly found: readonly string[]
  readonly alerts: number
  readonly foreign: number
  readonly behind: number
  readonly different: number
}

/** A difference that is not settled yet. */
export type KnownDifference = Days & {
  readonly finding: Finding
  readonly status: 'open' | 'correcting'
  /** The correction that is under way. */
  readonly refundId: RefundId | null
}

/** The comparisons with one provider: the runs under way, and what is still different. */
export type Reconciliation = {
  readonly provider: ReconciledProvider | null
  readonly runs: Readonly<Record<string, Run>>
  readonly known: Readonly<Record<string, KnownDifference>>
  /** The first day that no nightly run has come to the end of; the next one begins there. */
  readonly missedSince: CalendarDate | null
}
