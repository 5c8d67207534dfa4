import { accepted, type Decision, refused } from '../kernel/decision.ts'
import type { Kopecks } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import type { RefundId } from './ids.ts'
import type { SubscriptionEvent } from './subscriptionMessages.ts'
import { moment, type Open, type Payment } from './subscriptionState.ts'

/** What of a payment is neither given back nor being given back. */
const refundable = ({ amountKopecks, refundedKopecks, refunds }: Payment): number =>
  amountKopecks -
  Math.max(
    refundedKopecks,
    Object.values(refunds).reduce((sum, part) => sum + part, 0),
  )

/** Money goes back from the newest payment that holds as much; the provider's own answer says what came of it. */
export const requestRefund = (
  state: Open,
  { at, refundId, amountKopecks }: { at: Instant; refundId: RefundId; amountKopecks: Kopecks },
): Decision<SubscriptionEvent> => {
  const paid = Object.values(state.payments).filter(({ status }) => status === 'succeeded')
  if (paid.length === 0) return refused('nothing-paid', 'Cannot refund: no payment of the subscription succeeded')
  const payment = paid.filter((candidate) => refundable(candidate) >= amountKopecks).at(-1)
  if (!payment || payment.providerPaymentId === null) {
    const most = Math.max(...paid.map(refundable))
    return refused('refund-too-large', `Cannot refund ${amountKopecks} kopecks: at most ${most} can be given back`)
  }
  const { paymentId, provider, providerPaymentId } = payment
  return accepted({
    type: 'RefundRequested',
    data: { ...moment(state, at), paymentId, refundId, provider, providerPaymentId, amountKopecks },
  })
}

/** The provider did not give the money back; it can be asked for anew. */
export const recordRefundRefusal = (
  state: Open,
  { at, refundId, code }: { at: Instant; refundId: RefundId; code: string },
): Decision<SubscriptionEvent> => {
  const payment = Object.values(state.payments).find(({ refunds }) => refundId in refunds)
  if (!payment) return accepted()
  const { paymentId } = payment
  return accepted({ type: 'RefundRefused', data: { ...moment(state, at), paymentId, refundId, code } })
}
