import type { CalendarDate, Instant } from '../kernel/time.ts'
import type { PartnerId, PaymentId, RefundId, SubscriptionId } from './ids.ts'

/** Whose books are compared with ours. */
export const reconciledProviders = ['yookassa', 'cloudpayments', 'flexbe'] as const
/** A provider whose books are compared with ours. */
export type ReconciledProvider = (typeof reconciledProviders)[number]

/**
 * What was found. `behind`: they know more than we, and it is read again by itself. `lead-missing`: a lead that we did not have, and
 * took in. All others ask for a person: a payment that differs from its order in a fact, a second payment under one number, money
 * under a number that we never gave, a payment that did not succeed there, less given back there than here, a refund made twice, and
 * a payment that they do not know.
 */
export type FindingKind =
  | 'behind'
  | 'lead-missing'
  | 'fact-differs'
  | 'payment-twice'
  | 'order-unknown'
  | 'status-differs'
  | 'refunds-differ'
  | 'refund-twice'
  | 'absent-there'

/** One difference between their books and ours; no person is in it. */
export type Finding = {
  /** `<provider>:<their id>:<kind>`: the same difference has the same id in every run. */
  readonly differenceId: string
  readonly kind: FindingKind
  /** The provider's number of the payment, refund or lead. */
  readonly externalId: string
  readonly paymentId: PaymentId | null
  readonly subscriptionId: SubscriptionId | null
  readonly partnerId: PartnerId | null
  /** Which fact differs, ours, and theirs; null where the kind says it all. */
  readonly field: string | null
  readonly expected: string | null
  readonly actual: string | null
  readonly amountKopecks: number | null
  /** `reread`: done by itself. `taken`: done already. `refund`: one command gives the money back. Null: a person looks. */
  readonly remedy: 'reread' | 'taken' | 'refund' | null
}

/** A payment of ours that is read again, to be sure. */
export type Recheck = Pick<Finding, 'externalId' | 'paymentId' | 'subscriptionId' | 'partnerId' | 'amountKopecks'>

/** Days of Moscow, both included. */
export type Days = { readonly firstDay: CalendarDate; readonly lastDay: CalendarDate }

/** The parts of a provider's books that are listed one after the other. */
export type BookPart = 'payments' | 'refunds' | 'leads'

/** Where the next page begins. */
export type NextPage = { readonly part: BookPart; readonly cursor: string | null }

/** Which run, of whose books, and when. */
export type RunMoment = { readonly at: Instant; readonly runId: string; readonly provider: ReconciledProvider }

/** What a run was asked for. */
export type RunAsked = Days & {
  readonly trigger: 'operator' | 'schedule'
  /** Compares and tells, but changes nothing. */
  readonly dryRun: boolean
}

/** A page of their books, compared. */
export type ComparedPage = {
  /** 0 for the first. */
  readonly page: number
  readonly part: BookPart
  readonly externalIds: readonly string[]
  /** Payments that carry no number of ours: the shop sells other things too. */
  readonly foreign: number
  readonly findings: readonly Finding[]
  readonly rechecks: readonly Recheck[]
  readonly next: NextPage | null
}

/** How much was compared and found. */
export type RunCounts = {
  readonly theirs: number
  readonly foreign: number
  readonly behind: number
  readonly different: number
  readonly ours: number
}

/** What a correction is about. */
export type Correction = {
  readonly at: Instant
  readonly provider: ReconciledProvider
  readonly differenceId: string
  readonly refundId: RefundId
}

/** Facts about comparing a provider's books with ours. */
export type ReconciliationEvent =
  | { readonly type: 'ReconciliationStarted'; readonly data: RunMoment & RunAsked }
  | { readonly type: 'ReconciliationPageRead'; readonly data: RunMoment & RunAsked & ComparedPage }
  | {
      readonly type: 'DifferenceFound'
      readonly data: RunMoment & Days & Finding & { /** Whether the operator is written to. */ readonly alert: boolean }
    }
  | { readonly type: 'DifferenceSettled'; readonly data: RunMoment & { readonly differenceId: string } }
  | {
      readonly type: 'ReconciliationFinished'
      readonly data: RunMoment & RunAsked & RunCounts & { readonly rechecks: readonly Recheck[] }
    }
  | { readonly type: 'ReconciliationFailed'; readonly data: RunMoment & RunAsked & { readonly code: string } }
  | {
      readonly type: 'CorrectionAsked'
      readonly data: Correction & Recheck & { readonly amountKopecks: number }
    }
  | { readonly type: 'CorrectionMade'; readonly data: Correction & { readonly partnerId: PartnerId | null } }
  | {
      readonly type: 'CorrectionRefused'
      readonly data: Correction & { readonly partnerId: PartnerId | null; readonly code: string }
    }

/** Wishes about comparing a provider's books with ours. */
export type ReconciliationCommand =
  | { readonly type: 'StartReconciliation'; readonly data: RunMoment & RunAsked }
  | { readonly type: 'RecordComparedPage'; readonly data: Pick<RunMoment, 'at' | 'runId'> & ComparedPage }
  | {
      readonly type: 'CloseReconciliation'
      readonly data: Pick<RunMoment, 'at' | 'runId'> & {
        readonly ours: number
        readonly rechecks: readonly Recheck[]
      }
    }
  | { readonly type: 'FailReconciliation'; readonly data: Pick<RunMoment, 'at' | 'runId'> & { readonly code: string } }
  | { readonly type: 'RecordAbsence'; readonly data: RunMoment & Days & { readonly recheck: Recheck } }
  | {
      readonly type: 'CorrectDifference'
      readonly data: { readonly at: Instant; readonly differenceId: string; readonly refundId: RefundId }
    }
  | { readonly type: 'RecordCorrection'; readonly data: Omit<Correction, 'provider'> }
  | {
      readonly type: 'RecordCorrectionRefusal'
      readonly data: Omit<Correction, 'provider'> & { readonly code: string }
    }
