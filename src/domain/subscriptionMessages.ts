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
      }
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
  | { readonly type: 'SubscriptionPastDue'; readonly data: Moment }
  | { readonly type: 'SubscriptionSuspended'; readonly data: Moment }
  | {
      readonly type: 'SubscriptionExtended'
      readonly data: Moment & { readonly paidThrough: Instant; readonly days: number }
    }
  | { readonly type: 'PlanChangeScheduled'; readonly data: Moment & Plan }
  | { readonly type: 'PlanChanged'; readonly data: Moment & Plan }
  | { readonly type: 'SubscriptionCancelScheduled'; readonly data: Moment }
  | { readonly type: 'SubscriptionCancelled'; readonly data: Moment }

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
      readonly data: { readonly at: Instant; readonly payment: ProviderPayment; readonly expected: Expected }
    }
  | { readonly type: 'CheckPeriod'; readonly data: { readonly at: Instant } }
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
