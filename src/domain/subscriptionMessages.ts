import type { Kopecks } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import type { PartnerId, PaymentId, RefundId, SubscriptionId } from './ids.ts'

/** Who takes the money. */
export type Provider = 'yookassa' | 'cloudpayments'

/** A tariff, as plans.json has it. */
export type Plan = {
  readonly plan: string
  readonly title: string
  readonly priceKopecks: Kopecks
  readonly months: number
}

/** What may be done about a declined charge without the payer; the provider's codes are classed by their connectors. */
export type DeclineClass = 'retry-later' | 'ask-payer' | 'new-method' | 'never'

/** Which period a charge of a saved method continues, and which try it is; the first is 1. */
export type Renewal = { readonly paidThrough: Instant; readonly attempt: number }

/** What a provider's own answer says about one payment; the only thing that grants anything. */
export type ProviderPayment = {
  readonly provider: Provider
  readonly providerPaymentId: string
  readonly paymentId: string | null
  readonly subscriptionId: string | null
  readonly status: 'pending' | 'waiting_for_capture' | 'succeeded' | 'canceled' | 'declined'
  readonly amountKopecks: number
  readonly refundedKopecks: number
  readonly currency: string
  readonly accountId: string | null
  readonly test: boolean
  readonly paidAt: Instant | null
  readonly declineReason: string | null
  readonly declineClass?: DeclineClass | null
  readonly savedMethod: { readonly id: string; readonly title: string } | null
}

/** Facts about a subscription and its payments. */
export type SubscriptionEvent =
  | {
      readonly type: 'SubscriptionOpened'
      readonly data: Plan & {
        readonly subscriptionId: SubscriptionId
        readonly partnerId: PartnerId
        readonly at: Instant
      }
    }
  | {
      readonly type: 'PaymentRequested'
      readonly data: Ids & {
        readonly provider: Provider
        readonly amountKopecks: Kopecks
        readonly currency: string
        readonly autopay: boolean
        /** Set when the saved method is charged without the payer; events of before there were such charges lack it. */
        readonly renewal?: Renewal | null
      }
    }
  /** The provider took a charge in and has not decided yet. */
  | {
      readonly type: 'PaymentAccepted'
      readonly data: Ids & { readonly provider: Provider; readonly providerPaymentId: string }
    }
  | {
      readonly type: 'PaymentLinkReady'
      readonly data: Ids & {
        readonly providerPaymentId: string | null
        readonly confirmationUrl: string
        readonly expiresAt: Instant
      }
    }
  | {
      readonly type: 'PaymentSucceeded'
      readonly data: Ids &
        Settled & {
          readonly paidAt: Instant
          readonly savedMethod: { readonly id: string; readonly title: string } | null
        }
    }
  | {
      readonly type: 'PaymentDeclined'
      readonly data: Ids & Settled & { readonly reason: string; readonly final: boolean }
    }
  | { readonly type: 'PaymentRefunded'; readonly data: Ids & Settled & { readonly refundedKopecks: Kopecks } }
  | { readonly type: 'RefundRequested'; readonly data: Ids & Settled & { readonly refundId: RefundId } }
  | { readonly type: 'RefundRefused'; readonly data: Ids & { readonly refundId: RefundId; readonly code: string } }
  | {
      readonly type: 'PaymentMismatched'
      readonly data: Ids & Settled & { readonly field: string; readonly expected: string; readonly actual: string }
    }
  | {
      readonly type: 'SubscriptionActivated'
      readonly data: Ids & { readonly periodStart: Instant; readonly paidThrough: Instant; readonly first: boolean }
    }
  /** A free period began; nothing was paid yet. */
  | { readonly type: 'TrialStarted'; readonly data: Moment & { readonly paidThrough: Instant; readonly days: number } }
  | { readonly type: 'SubscriptionPastDue'; readonly data: Moment }
  | { readonly type: 'SubscriptionSuspended'; readonly data: Moment }
  | {
      readonly type: 'SubscriptionExtended'
      readonly data: Moment & { readonly paidThrough: Instant; readonly days: number }
    }
  | { readonly type: 'PlanChangeScheduled'; readonly data: Moment & Plan }
  | { readonly type: 'PlanChanged'; readonly data: Moment & Plan }
  | { readonly type: 'SubscriptionCancelScheduled'; readonly data: Moment }
  | { readonly type: 'SubscriptionResumed'; readonly data: Moment }
  | { readonly type: 'SubscriptionCancelled'; readonly data: Moment }
  | { readonly type: 'SubscriptionExpired'; readonly data: Moment }
  /** The payer of this payment agreed to automatic charges of the method that it was paid by. */
  | { readonly type: 'AutopayStarted'; readonly data: Ids }
  /** Why: `withdrawn`, `cancelled`, `expired`, `refunded`, `delisted`, or the provider's code that speaks against the method. */
  | { readonly type: 'AutopayStopped'; readonly data: Moment & { readonly reason: string } }
  /** What the next period costs and when it is charged was told; without a charge, that it has to be paid by hand. */
  | { readonly type: 'RenewalAnnounced'; readonly data: Moment & Announcement }
  /** When the saved method is charged next; a declined charge before it is told by its code. */
  | {
      readonly type: 'RenewalScheduled'
      readonly data: Moment & {
        readonly chargeAt: Instant
        readonly attempt: number
        readonly declineReason: string | null
      }
    }
  /** No more charges for this period: the code forbids them, or all tries are used up. */
  | {
      readonly type: 'RenewalStopped'
      readonly data: Moment & { readonly reason: string; readonly exhausted: boolean; readonly until: Instant }
    }
  /** The period is over, nobody has paid, and `until` is near. */
  | { readonly type: 'PaymentReminded'; readonly data: Moment & { readonly until: Instant } }

/** The next period as it was told to the partner. */
export type Announcement = {
  readonly title: string
  readonly amountKopecks: Kopecks
  /** The end of the period that runs. */
  readonly paidThrough: Instant
  readonly chargeAt: Instant | null
}

/** Which subscription, and when. */
export type Moment = { readonly subscriptionId: SubscriptionId; readonly partnerId: PartnerId; readonly at: Instant }
/** Which payment, and when. */
export type Ids = Moment & { readonly paymentId: PaymentId }
/** What the provider calls a payment, and its sum. */
export type Settled = {
  readonly provider: Provider
  readonly providerPaymentId: string
  readonly amountKopecks: Kopecks
}

/** Wishes about a subscription. */
export type SubscriptionCommand =
  | {
      readonly type: 'OpenSubscription'
      readonly data: Plan & {
        readonly subscriptionId: SubscriptionId
        readonly partnerId: PartnerId
        readonly at: Instant
        /** Days that are free before the first payment; absent: none. */
        readonly trialDays?: number
      }
    }
  | {
      readonly type: 'RequestPayment'
      readonly data: {
        readonly at: Instant
        readonly paymentId: PaymentId
        readonly provider: Provider
        readonly autopay: boolean
      }
    }
  | {
      readonly type: 'RecordPaymentLink'
      readonly data: {
        readonly at: Instant
        readonly paymentId: PaymentId
        readonly providerPaymentId: string | null
        readonly confirmationUrl: string
        readonly expiresAt: Instant
      }
    }
  | {
      readonly type: 'RecordPaymentRefusal'
      readonly data: { readonly at: Instant; readonly paymentId: PaymentId; readonly code: string }
    }
  | {
      readonly type: 'RecordProviderPayment'
      readonly data: {
        readonly at: Instant
        readonly payment: ProviderPayment
        readonly expected: Expected
        /** Before this moment the provider does not want a refused charge to be tried again. */
        readonly retryAfter?: Instant | null
      }
    }
  | { readonly type: 'CheckPeriod'; readonly data: { readonly at: Instant } }
  /** A charge of the saved method is due; `paymentId` is its number if it comes to one. */
  | { readonly type: 'RenewSubscription'; readonly data: { readonly at: Instant; readonly paymentId: PaymentId } }
  | { readonly type: 'StopAutopay'; readonly data: { readonly at: Instant; readonly reason: string } }
  | { readonly type: 'ResumeSubscription'; readonly data: { readonly at: Instant } }
  | {
      readonly type: 'CancelSubscription'
      readonly data: { readonly at: Instant; readonly when: 'now' | 'period_end' }
    }
  | { readonly type: 'ExtendSubscription'; readonly data: { readonly at: Instant; readonly days: number } }
  | {
      readonly type: 'ChangePlan'
      readonly data: { readonly at: Instant; readonly when: 'now' | 'period_end'; readonly plan: Plan }
    }
  | {
      readonly type: 'RequestRefund'
      readonly data: { readonly at: Instant; readonly refundId: RefundId; readonly amountKopecks: Kopecks }
    }
  | {
      readonly type: 'RecordRefundRefusal'
      readonly data: { readonly at: Instant; readonly refundId: RefundId; readonly code: string }
    }

/** What our account at the provider should look like in its answers; null where the provider does not tell. */
export type Expected = { readonly accountId: string | null; readonly test: boolean | null }
