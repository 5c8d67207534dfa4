import { accepted, type Decision, refused } from '../kernel/decision.ts'
import { kopecks } from '../kernel/money.ts'
import { type Instant, plusDays, plusMonths } from '../kernel/time.ts'
import type { PaymentId } from './ids.ts'
import type {
  DeclineClass,
  Expected,
  Ids,
  Provider,
  ProviderPayment,
  Settled,
  SubscriptionCommand,
  SubscriptionEvent,
} from './subscriptionMessages.ts'
import { dueChange } from './subscriptionPeriod.ts'
import { afterDecline, endAutopay, firstCharge, postpone } from './subscriptionRenewal.ts'
import {
  hasEnded,
  mismatchKey,
  moment,
  type Open,
  openCharge,
  openPayment,
  type Payment,
  planToPay,
} from './subscriptionState.ts'

/** Before its last days a paid period cannot be paid again: a payer who clicks twice pays once. */
export const prepayDays = 10
/** How long a payment link is offered again: both providers let a payer act for an hour. */
export const paymentLinkMinutes = 55

/** The payer asks to pay by hand. */
export const requestPayment = (
  state: Open,
  data: { at: Instant; paymentId: PaymentId; provider: Provider; autopay: boolean },
): Decision<SubscriptionEvent> => {
  if (hasEnded(state))
    return refused('subscription-ended', `Cannot request a payment: the subscription is ${state.status}`)
  // Its money may be on the way already; a second payment beside it would pay the period twice. Once the page is withdrawn the charge is
  // sent no more, and the partner must be able to come back.
  if (openCharge(state) !== null && state.status !== 'suspended')
    return refused(
      'charge-under-way',
      'Cannot request a payment: the saved method is being charged for the same period',
    )
  const pending = openPayment(state, data.at)
  const { priceKopecks } = planToPay(state)
  if (
    pending &&
    pending.provider === data.provider &&
    pending.autopay === data.autopay &&
    pending.amountKopecks === priceKopecks
  )
    return accepted()
  if (state.status === 'active' && state.paidThrough !== null && state.paidThrough > plusDays(data.at, prepayDays)) {
    return refused(
      'subscription-paid',
      `Cannot request a payment: the subscription is paid for more than ${prepayDays} days ahead`,
    )
  }
  const { paymentId, provider, autopay } = data
  return accepted({
    type: 'PaymentRequested',
    data: {
      ...moment(state, data.at),
      paymentId,
      provider,
      autopay,
      amountKopecks: priceKopecks,
      currency: 'RUB',
      renewal: null,
    },
  })
}

/** The provider made a link to pay by. */
export const recordLink = (
  state: Open,
  data: {
    at: Instant
    paymentId: PaymentId
    providerPaymentId: string | null
    confirmationUrl: string
    expiresAt: Instant
  },
): Decision<SubscriptionEvent> => {
  const payment = state.payments[data.paymentId]
  if (!payment)
    return refused('payment-unknown', 'Cannot record the payment link: the subscription has no such payment')
  if (payment.confirmationUrl !== null) return accepted()
  return accepted({
    type: 'PaymentLinkReady',
    data: {
      ...moment(state, data.at),
      paymentId: payment.paymentId,
      providerPaymentId: data.providerPaymentId,
      confirmationUrl: data.confirmationUrl,
      expiresAt: data.expiresAt,
    },
  })
}

/** The provider did not take our order for a payment, or a charge was not sent. */
export const recordRefusal = (
  state: Open,
  { at, paymentId, code }: { at: Instant; paymentId: PaymentId; code: string },
): Decision<SubscriptionEvent> => {
  const payment = state.payments[paymentId]
  if (payment?.status !== 'pending') return accepted()
  const settled = {
    provider: payment.provider,
    providerPaymentId: payment.providerPaymentId ?? '',
    amountKopecks: payment.amountKopecks,
  }
  const given = { at, settled, reason: code, declineClass: 'ask-payer', final: true, retryAfter: null } as const
  return accepted(...declined(state, payment, given))
}

type Declined = {
  readonly at: Instant
  readonly settled: Settled
  readonly reason: string
  readonly declineClass: DeclineClass
  readonly final: boolean
  readonly retryAfter: Instant | null
}

const declined = (
  state: Open,
  payment: Payment,
  { at, settled, reason, declineClass, final, retryAfter }: Declined,
): readonly SubscriptionEvent[] => [
  {
    type: 'PaymentDeclined',
    data: {
      ...moment(state, at),
      paymentId: payment.paymentId,
      ...settled,
      reason,
      final: final || payment.renewal !== null,
    },
  },
  ...afterDecline(state, payment, { at, reason, declineClass, retryAfter }),
]

/** What differs between the provider's answer and our order; null when nothing does. */
export const mismatchOf = (
  state: Open,
  payment: Payment,
  answer: ProviderPayment,
  expected: Expected,
): { field: string; expected: string; actual: string } | null => {
  const pairs: readonly (readonly [string, string | null, string | null])[] = [
    ['provider', payment.provider, answer.provider],
    ['amount', String(payment.amountKopecks), String(answer.amountKopecks)],
    ['currency', payment.currency, answer.currency],
    ['subscription', state.subscriptionId, answer.subscriptionId],
    ['account', expected.accountId, expected.accountId === null ? null : answer.accountId],
    [
      'test',
      expected.test === null ? null : String(expected.test),
      expected.test === null ? null : String(answer.test),
    ],
    [
      'payment',
      payment.providerPaymentId,
      // A terminal tries one order several times; that two of the tries took money is no try.
      payment.providerPaymentId !== null &&
      (payment.provider === 'yookassa' || (payment.status === 'succeeded' && answer.status === 'succeeded'))
        ? answer.providerPaymentId
        : payment.providerPaymentId,
    ],
  ]
  const found = pairs.find(([, ours, theirs]) => ours !== theirs)
  return found ? { field: found[0], expected: found[1] ?? '', actual: found[2] ?? '' } : null
}

/** The provider's own answer about a payment: the only thing that grants anything. */
export const recordPayment = (
  state: Open,
  {
    at,
    payment: answer,
    expected,
    retryAfter = null,
  }: Extract<SubscriptionCommand, { type: 'RecordProviderPayment' }>['data'],
): Decision<SubscriptionEvent> => {
  const payment = state.payments[answer.paymentId ?? '']
  if (!payment) return refused('payment-unknown', 'Cannot record the payment: the subscription has no such payment')
  const ids = { ...moment(state, at), paymentId: payment.paymentId }
  const settled = {
    provider: answer.provider,
    providerPaymentId: answer.providerPaymentId,
    amountKopecks: kopecks(answer.amountKopecks),
  }
  const mismatch = mismatchOf(state, payment, answer, expected)
  if (mismatch) {
    // What was given back in full is nobody's loss any more.
    if (answer.refundedKopecks >= answer.amountKopecks) return accepted()
    const data = { ...ids, ...settled, ...mismatch }
    return payment.mismatches.includes(mismatchKey(data)) ? accepted() : accepted({ type: 'PaymentMismatched', data })
  }
  const { status } = answer
  const events: SubscriptionEvent[] = []
  if (status === 'succeeded' && payment.status !== 'succeeded')
    events.push(...success(state, payment, { ids, settled, answer }))
  if (status === 'canceled' || status === 'declined')
    events.push(...refusal(state, payment, { at, settled, answer, retryAfter }))
  if (status === 'pending' && isUntoldCharge(payment)) {
    const { provider, providerPaymentId } = answer
    events.push({ type: 'PaymentAccepted', data: { ...ids, provider, providerPaymentId } })
  }
  const paid = status === 'succeeded' || payment.status === 'succeeded'
  if (paid && answer.refundedKopecks > payment.refundedKopecks)
    events.push(...givenBack(state, payment, { ids, settled, refundedKopecks: answer.refundedKopecks }))
  return accepted(...events)
}

/** A charge of which we know only that it was asked for. */
const isUntoldCharge = ({ renewal, status, providerPaymentId }: Payment): boolean =>
  renewal !== null && status === 'pending' && providerPaymentId === null

type Refused = {
  readonly at: Instant
  readonly settled: Settled
  readonly answer: ProviderPayment
  readonly retryAfter: Instant | null
}

/** A refusal counts once; a later word on when to try again still moves the next try. */
const refusal = (
  state: Open,
  payment: Payment,
  { at, settled, answer, retryAfter }: Refused,
): readonly SubscriptionEvent[] => {
  if (payment.status !== 'pending') return retryAfter === null ? [] : postpone(state, payment, { at, retryAfter })
  const reason = answer.declineReason ?? 'unknown'
  const declineClass = answer.declineClass ?? 'never'
  const final = answer.status === 'canceled'
  return declined(state, payment, { at, settled, reason, declineClass, final, retryAfter })
}

type Successful = { readonly ids: Ids; readonly settled: Settled; readonly answer: ProviderPayment }

const success = (state: Open, payment: Payment, { ids, settled, answer }: Successful): readonly SubscriptionEvent[] => {
  const paidAt = answer.paidAt ?? ids.at
  const { savedMethod } = answer
  const paid: SubscriptionEvent = { type: 'PaymentSucceeded', data: { ...ids, ...settled, paidAt, savedMethod } }
  // Money that comes after the end does not open what the partner or an operator closed; it is shown and refunded by a person.
  if (hasEnded(state)) return [paid]
  const consents = payment.autopay && payment.renewal === null && savedMethod !== null
  const autopay = consents ? { provider: answer.provider, method: savedMethod } : state.autopay
  const { periodStart, paidThrough } = nextPeriod(state, paidAt, payment.months)
  return [
    paid,
    ...(consents ? [{ type: 'AutopayStarted', data: ids } as const] : []),
    ...dueChange(state, ids.at),
    { type: 'SubscriptionActivated', data: { ...ids, periodStart, paidThrough, first: isFirst(state) } },
    ...firstCharge({ ...state, autopay }, ids.at, paidThrough),
  ]
}

/** A free trial leaves a subscription that was never paid. */
const isFirst = ({ payments }: Open): boolean => Object.values(payments).every(({ status }) => status !== 'succeeded')

/**
 * The period that a payment opens: after the running one, otherwise from the payment on. Months are counted from the day on which the
 * chain of periods began, in Moscow, so that 31 January, 28 February and 31 March follow each other.
 */
const nextPeriod = (
  { paidThrough, anchor }: Open,
  paidAt: Instant,
  months: number,
): { readonly periodStart: Instant; readonly paidThrough: Instant } => {
  if (paidThrough === null || paidThrough <= paidAt)
    return { periodStart: paidAt, paidThrough: plusMonths(paidAt, months) }
  const end = anchor === null ? plusMonths(paidThrough, months) : plusMonths(anchor.at, anchor.months + months)
  return { periodStart: paidThrough, paidThrough: end }
}

/** The provider's sum of refunds; the whole of the newest payment given back ends the consent to charge the next one. */
const givenBack = (
  state: Open,
  payment: Payment,
  { ids, settled, refundedKopecks }: { readonly ids: Ids; readonly settled: Settled; readonly refundedKopecks: number },
): readonly SubscriptionEvent[] => {
  const refunded: SubscriptionEvent = {
    type: 'PaymentRefunded',
    data: { ...ids, ...settled, refundedKopecks: kopecks(refundedKopecks) },
  }
  const newest = Object.values(state.payments).findLast(({ status }) => status === 'succeeded')
  const isWhole = refundedKopecks >= payment.amountKopecks && newest?.paymentId === payment.paymentId
  return isWhole ? [refunded, ...endAutopay(state, ids.at, 'refunded')] : [refunded]
}
