import type { DomainEvent } from '../src/domain/index.ts'
import type { Instant } from '../src/kernel/time.ts'
import { type FoldEvent, readModel } from './projection.ts'

/** One payment of a subscription as lists and cards show it. */
export type PaymentRow = {
  readonly paymentId: string
  readonly provider: string
  readonly providerPaymentId: string | null
  readonly subscriptionId: string
  readonly partnerId: string
  readonly amountKopecks: number
  readonly refundedKopecks: number
  readonly currency: string
  readonly status: string
  readonly declineReason: string | null
  readonly createdAt: Instant
  readonly paidAt: Instant | null
  readonly position: number
}

/** Nobody refused these: the payer did not act in time, or the charge was not sent or given up. */
const unfinished = ['expired_on_confirmation', 'canceled_by_merchant', 'charge-withdrawn', 'charge-given-up']

/** Whether a payment ended without a bank having said no. */
export const isUnfinished = (reason: string): boolean => unfinished.includes(reason)

const change = (row: PaymentRow, event: DomainEvent): Partial<PaymentRow> | null => {
  switch (event.type) {
    case 'PaymentLinkReady':
    case 'PaymentAccepted':
      return { providerPaymentId: event.data.providerPaymentId }
    case 'PaymentSucceeded':
      return {
        status: 'succeeded',
        providerPaymentId: event.data.providerPaymentId,
        paidAt: event.data.paidAt,
        declineReason: null,
      }
    case 'PaymentDeclined':
      return {
        status: isUnfinished(event.data.reason) ? 'canceled' : 'declined',
        declineReason: event.data.reason,
        providerPaymentId: event.data.providerPaymentId || row.providerPaymentId,
      }
    case 'PaymentRefunded':
      return {
        refundedKopecks: event.data.refundedKopecks,
        status: event.data.refundedKopecks >= row.amountKopecks ? 'refunded' : 'partially_refunded',
      }
    default:
      return null
  }
}

const fold = (row: PaymentRow | null, recorded: FoldEvent): PaymentRow | null => {
  const event = { type: recorded.type, data: recorded.data } as DomainEvent
  if (event.type === 'PaymentRequested') {
    const { paymentId, provider, subscriptionId, partnerId, amountKopecks, currency, at } = event.data
    return {
      paymentId,
      provider,
      providerPaymentId: null,
      subscriptionId,
      partnerId,
      amountKopecks,
      refundedKopecks: 0,
      currency,
      status: 'pending',
      declineReason: null,
      createdAt: at,
      paidAt: null,
      position: recorded.position,
    }
  }
  if (!row) return row
  const changes = change(row, event)
  return changes ? { ...row, ...changes, position: recorded.position } : row
}

/** Payments by our own number. */
export const payments = readModel<PaymentRow>({
  name: 'payments',
  types: [
    'PaymentRequested',
    'PaymentLinkReady',
    'PaymentAccepted',
    'PaymentSucceeded',
    'PaymentDeclined',
    'PaymentRefunded',
  ],
  personal: false,
  key: 'paymentId',
  columns: {
    paymentId: 'text',
    provider: 'text',
    providerPaymentId: 'text',
    subscriptionId: 'text',
    partnerId: 'text',
    amountKopecks: 'bigint',
    refundedKopecks: 'bigint',
    currency: 'text',
    status: 'text',
    declineReason: 'text',
    createdAt: 'timestamptz',
    paidAt: 'timestamptz',
    position: 'bigint',
  },
  keyOf: (event) => (typeof event.data.paymentId === 'string' ? event.data.paymentId : null),
  fold,
})
