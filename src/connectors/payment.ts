import type { Instant } from '../kernel/time.ts'

/** What may be done about a declined charge without a person. */
export type DeclineClass = 'retry-later' | 'ask-payer' | 'new-method' | 'never'

/** A payment as its provider tells it, in our words. Money is granted by this only, never by a notification. */
export type ProviderPayment = {
  readonly provider: 'yookassa' | 'cloudpayments'
  readonly providerPaymentId: string
  /** Ours, as the provider kept it: `metadata.payment_id` or `InvoiceId`. */
  readonly paymentId: string | null
  /** Ours, as the provider kept it: `metadata.subscription_id` or `AccountId`. */
  readonly subscriptionId: string | null
  readonly status: 'pending' | 'waiting_for_capture' | 'succeeded' | 'canceled' | 'declined'
  readonly amountKopecks: number
  readonly refundedKopecks: number
  readonly currency: string
  /** The shop or the terminal that the money came to. */
  readonly accountId: string
  readonly test: boolean
  readonly paidAt: Instant | null
  readonly createdAt: Instant | null
  /** The provider's own code. */
  readonly declineReason: string | null
  readonly declineClass: DeclineClass | null
  readonly savedMethod: { readonly id: string; readonly title: string } | null
  /** Where the payer has to go while the payment waits for him. */
  readonly confirmationUrl: string | null
}

/** A refund as its provider tells it, in our words. */
export type ProviderRefund = {
  /** Ours. */
  readonly refundId: string
  readonly providerRefundId: string
  readonly providerPaymentId: string
  readonly status: 'pending' | 'succeeded' | 'canceled'
  readonly amountKopecks: number
}

/** A part of a provider's lists, for reconciliation; without a cursor it is the last part. Where refunds have a list of their own, the other part is empty. */
export type ProviderPayments = {
  readonly payments: readonly ProviderPayment[]
  /** Of a refund that is not ours `refundId` is empty. */
  readonly refunds: readonly ProviderRefund[]
  readonly nextCursor: string | null
}
