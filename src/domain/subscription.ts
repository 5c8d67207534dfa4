import { unreachable } from '../kernel/brand.ts'
import { accepted, type Decider, type Decision, refused } from '../kernel/decision.ts'
import { type Kopecks, kopecks } from '../kernel/money.ts'
import { type Instant, plusDays, plusMonths } from '../kernel/time.ts'
import type { PartnerId, PaymentId, RefundId, SubscriptionId } from './ids.ts'
import type {
  Expected,
  Ids,
  Moment,
  Plan,
  Provider,
  ProviderPayment,
  Settled,
  SubscriptionCommand,
  SubscriptionEvent,
} from './subscriptionMessages.ts'

/** One payment of a subscription. */
export type Payment = {
  readonly paymentId: PaymentId
  readonly provider: Provider
  readonly amountKopecks: Kopecks
  readonly currency: string
  readonly autopay: boolean
  readonly status: 'pending' | 'succeeded' | 'declined' | 'canceled'
  readonly providerPaymentId: string | null
  readonly confirmationUrl: string | null
  readonly expiresAt: Instant | null
  readonly refundedKopecks: Kopecks
  /** Months that it pays for: those of the plan when it was asked for. */
  readonly months: number
  /** What we asked the provider to give back, and it did not refuse, by our number of the refund. */
  readonly refunds: Readonly<Record<string, Kopecks>>
  /** Answers of the provider that were reported as not ours, so that each is reported once. */
  readonly mismatches: readonly string[]
}

/** A subscription as the decider sees it. */
export type Subscription =
  | { readonly status: 'absent' }
  | (Plan & {
      readonly status: 'pending_payment' | 'trialing' | 'active' | 'past_due' | 'suspended' | 'cancelled' | 'expired'
      readonly subscriptionId: SubscriptionId
      readonly partnerId: PartnerId
      readonly paidThrough: Instant | null
      readonly cancelAtPeriodEnd: boolean
      /** The plan of the next period, when it is another one. */
      readonly nextPlan: Plan | null
      readonly payments: Readonly<Record<string, Payment>>
    })

type Open = Exclude<Subscription, { status: 'absent' }>

/** How long a partner stays listed after the paid period ended. */
export const graceDays = 7
/** Before its last days a paid period cannot be paid again: a payer who clicks twice pays once. */
export const prepayDays = 10
/** How long a payment link is offered again: both providers let a payer act for an hour. */
export const paymentLinkMinutes = 55

const changed = (state: Open, id: string, change: Partial<Payment>): Open => {
  const payment = state.payments[id]
  return payment ? { ...state, payments: { ...state.payments, [id]: { ...payment, ...change } } } : state
}

const evolve = (state: Subscription, event: SubscriptionEvent): Subscription => {
  if (event.type === 'SubscriptionOpened') {
    const { subscriptionId, partnerId, plan, title, priceKopecks, months } = event.data
    return {
      status: 'pending_payment',
      subscriptionId,
      partnerId,
      plan,
      title,
      priceKopecks,
      months,
      paidThrough: null,
      cancelAtPeriodEnd: false,
      nextPlan: null,
      payments: {},
    }
  }
  if (state.status === 'absent') return state
  switch (event.type) {
    case 'PaymentRequested': {
      const { paymentId, provider, amountKopecks, currency, autopay } = event.data
      const payment: Payment = {
        paymentId,
        provider,
        amountKopecks,
        currency,
        autopay,
        status: 'pending',
        providerPaymentId: null,
        confirmationUrl: null,
        expiresAt: null,
        refundedKopecks: kopecks(0),
        months: planToPay(state).months,
        refunds: {},
        mismatches: [],
      }
      return { ...state, payments: { ...state.payments, [paymentId]: payment } }
    }
    case 'PaymentLinkReady': {
      const { paymentId, providerPaymentId, confirmationUrl, expiresAt } = event.data
      return changed(state, paymentId, { providerPaymentId, confirmationUrl, expiresAt })
    }
    case 'PaymentSucceeded':
      return changed(state, event.data.paymentId, {
        status: 'succeeded',
        providerPaymentId: event.data.providerPaymentId,
      })
    case 'PaymentDeclined':
      return changed(state, event.data.paymentId, { status: event.data.final ? 'canceled' : 'declined' })
    case 'PaymentRefunded':
      return changed(state, event.data.paymentId, { refundedKopecks: event.data.refundedKopecks })
    case 'RefundRequested': {
      const { paymentId, refundId, amountKopecks } = event.data
      return changed(state, paymentId, {
        refunds: { ...state.payments[paymentId]?.refunds, [refundId]: amountKopecks },
      })
    }
    case 'RefundRefused': {
      const { paymentId, refundId } = event.data
      const { [refundId]: _refused, ...refunds } = state.payments[paymentId]?.refunds ?? {}
      return changed(state, paymentId, { refunds })
    }
    case 'PlanChangeScheduled':
      return { ...state, nextPlan: planOf(event.data) }
    case 'PlanChanged':
      return { ...state, ...planOf(event.data), nextPlan: null }
    case 'PaymentMismatched': {
      const payment = state.payments[event.data.paymentId]
      return changed(state, event.data.paymentId, {
        mismatches: [...(payment?.mismatches ?? []), mismatchKey(event.data)],
      })
    }
    case 'SubscriptionActivated':
      return { ...state, status: 'active', paidThrough: event.data.paidThrough }
    case 'SubscriptionExtended':
      return { ...state, status: 'active', paidThrough: event.data.paidThrough }
    case 'SubscriptionPastDue':
      return { ...state, status: 'past_due' }
    case 'SubscriptionSuspended':
      return { ...state, status: 'suspended' }
    case 'SubscriptionCancelScheduled':
      return { ...state, cancelAtPeriodEnd: true }
    case 'SubscriptionCancelled':
      return { ...state, status: 'cancelled' }
    default:
      return unreachable(event)
  }
}

const decide = (state: Subscription, command: SubscriptionCommand): Decision<SubscriptionEvent> => {
  if (command.type === 'OpenSubscription')
    return state.status === 'absent' ? accepted({ type: 'SubscriptionOpened', data: command.data }) : accepted()
  if (state.status === 'absent')
    return refused('subscription-unknown', `Cannot ${command.type}: there is no such subscription`)
  switch (command.type) {
    case 'RequestPayment':
      return requestPayment(state, command.data)
    case 'RecordPaymentLink':
      return recordLink(state, command.data)
    case 'RecordPaymentRefusal':
      return recordRefusal(state, command.data)
    case 'RecordProviderPayment':
      return recordPayment(state, command.data)
    case 'CheckPeriod':
      return checkPeriod(state, command.data.at)
    case 'CancelSubscription':
      return cancel(state, command.data)
    case 'ExtendSubscription':
      return extend(state, command.data)
    case 'ChangePlan':
      return changePlan(state, command.data)
    case 'RequestRefund':
      return requestRefund(state, command.data)
    case 'RecordRefundRefusal':
      return recordRefundRefusal(state, command.data)
    default:
      return unreachable(command)
  }
}

const moment = (state: Open, at: Instant): Moment => ({
  subscriptionId: state.subscriptionId,
  partnerId: state.partnerId,
  at,
})

const planOf = ({ plan, title, priceKopecks, months }: Plan): Plan => ({ plan, title, priceKopecks, months })

/** The plan that a payment of now is for: while a paid period runs it is that of the next one. */
export const planToPay = (state: Open): Plan => (state.status === 'active' ? (state.nextPlan ?? state) : state)

/** The payment that the payer can still finish, if there is one. */
export const openPayment = (state: Subscription, at: Instant): Payment | null => {
  if (state.status === 'absent') return null
  const usable = (payment: Payment) =>
    (payment.status === 'pending' || payment.status === 'declined') &&
    (payment.expiresAt === null || payment.expiresAt > at)
  return Object.values(state.payments).filter(usable).at(-1) ?? null
}

const requestPayment = (
  state: Open,
  data: { at: Instant; paymentId: PaymentId; provider: Provider; autopay: boolean },
): Decision<SubscriptionEvent> => {
  if (state.status === 'cancelled' || state.status === 'expired') {
    return refused('subscription-ended', `Cannot request a payment: the subscription is ${state.status}`)
  }
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
    },
  })
}

const recordLink = (
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

const recordRefusal = (
  state: Open,
  data: { at: Instant; paymentId: PaymentId; code: string },
): Decision<SubscriptionEvent> => {
  const payment = state.payments[data.paymentId]
  if (payment?.status !== 'pending') return accepted()
  const { paymentId, provider, amountKopecks } = payment
  return accepted({
    type: 'PaymentDeclined',
    data: {
      ...moment(state, data.at),
      paymentId,
      provider,
      amountKopecks,
      providerPaymentId: payment.providerPaymentId ?? '',
      reason: data.code,
      final: true,
    },
  })
}

const mismatchKey = (data: { providerPaymentId: string; field: string; actual: string }): string =>
  `${data.providerPaymentId}:${data.field}:${data.actual}`

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

const recordPayment = (
  state: Open,
  { at, payment: answer, expected }: { at: Instant; payment: ProviderPayment; expected: Expected },
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
  const events: SubscriptionEvent[] = []
  if (answer.status === 'succeeded' && payment.status !== 'succeeded')
    events.push(...success(state, ids, settled, answer))
  if ((answer.status === 'canceled' || answer.status === 'declined') && payment.status === 'pending') {
    const final = answer.status === 'canceled'
    events.push({
      type: 'PaymentDeclined',
      data: { ...ids, ...settled, reason: answer.declineReason ?? 'unknown', final },
    })
  }
  if (
    answer.refundedKopecks > payment.refundedKopecks &&
    (answer.status === 'succeeded' || payment.status === 'succeeded')
  ) {
    events.push({
      type: 'PaymentRefunded',
      data: { ...ids, ...settled, refundedKopecks: kopecks(answer.refundedKopecks) },
    })
  }
  return accepted(...events)
}

const success = (state: Open, ids: Ids, settled: Settled, answer: ProviderPayment): SubscriptionEvent[] => {
  const paidAt = answer.paidAt ?? ids.at
  const paid: SubscriptionEvent = {
    type: 'PaymentSucceeded',
    data: { ...ids, ...settled, paidAt, savedMethod: answer.savedMethod },
  }
  // Money that comes after the end does not open what the partner or an operator closed; it is shown and refunded by a person.
  if (state.status === 'cancelled' || state.status === 'expired') return [paid]
  const periodStart = state.paidThrough !== null && state.paidThrough > paidAt ? state.paidThrough : paidAt
  const paidThrough = plusMonths(periodStart, state.payments[ids.paymentId]?.months ?? state.months)
  return [
    paid,
    ...dueChange(state, ids.at),
    { type: 'SubscriptionActivated', data: { ...ids, periodStart, paidThrough, first: state.paidThrough === null } },
  ]
}

/** A scheduled change of plan, when its time has come. */
const dueChange = (state: Open, at: Instant): SubscriptionEvent[] =>
  state.nextPlan === null ? [] : [{ type: 'PlanChanged', data: { ...moment(state, at), ...state.nextPlan } }]

const checkPeriod = (state: Open, at: Instant): Decision<SubscriptionEvent> => {
  if (state.paidThrough === null || state.paidThrough > at) return accepted()
  if (state.status === 'active' && state.cancelAtPeriodEnd)
    return accepted({ type: 'SubscriptionCancelled', data: moment(state, at) })
  const overdue = plusDays(state.paidThrough, graceDays) <= at
  if (state.status === 'active' && !overdue)
    return accepted(...dueChange(state, at), { type: 'SubscriptionPastDue', data: moment(state, at) })
  if ((state.status === 'active' || state.status === 'past_due') && overdue)
    return accepted(...dueChange(state, at), { type: 'SubscriptionSuspended', data: moment(state, at) })
  return accepted()
}

const cancel = (
  state: Open,
  { at, when }: { at: Instant; when: 'now' | 'period_end' },
): Decision<SubscriptionEvent> => {
  if (state.status === 'cancelled' || state.status === 'expired')
    return refused('subscription-ended', `Cannot cancel the subscription: it is ${state.status} already`)
  if (when === 'now' || state.status !== 'active')
    return accepted({ type: 'SubscriptionCancelled', data: moment(state, at) })
  return state.cancelAtPeriodEnd
    ? accepted()
    : accepted({ type: 'SubscriptionCancelScheduled', data: moment(state, at) })
}

const extend = (state: Open, { at, days }: { at: Instant; days: number }): Decision<SubscriptionEvent> => {
  if (state.status === 'cancelled' || state.status === 'expired')
    return refused('subscription-ended', `Cannot extend the subscription: it is ${state.status}`)
  const from = state.paidThrough !== null && state.paidThrough > at ? state.paidThrough : at
  return accepted({
    type: 'SubscriptionExtended',
    data: { ...moment(state, at), days, paidThrough: plusDays(from, days) },
  })
}

/** Another plan: at once where no paid period runs, otherwise as asked; what was paid for stays paid for. */
const changePlan = (
  state: Open,
  { at, when, plan }: { at: Instant; when: 'now' | 'period_end'; plan: Plan },
): Decision<SubscriptionEvent> => {
  if (state.status === 'cancelled' || state.status === 'expired')
    return refused('subscription-ended', `Cannot change the plan: the subscription is ${state.status}`)
  const data = { ...moment(state, at), ...planOf(plan) }
  if (when === 'period_end' && state.status === 'active')
    return plan.plan === (state.nextPlan ?? state).plan ? accepted() : accepted({ type: 'PlanChangeScheduled', data })
  return plan.plan === state.plan && state.nextPlan === null ? accepted() : accepted({ type: 'PlanChanged', data })
}

/** What of a payment is neither given back nor being given back. */
const refundable = ({ amountKopecks, refundedKopecks, refunds }: Payment): number =>
  amountKopecks -
  Math.max(
    refundedKopecks,
    Object.values(refunds).reduce((sum, part) => sum + part, 0),
  )

/** Money goes back from the newest payment that holds as much; the provider's own answer says what came of it. */
const requestRefund = (
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

const recordRefundRefusal = (
  state: Open,
  { at, refundId, code }: { at: Instant; refundId: RefundId; code: string },
): Decision<SubscriptionEvent> => {
  const payment = Object.values(state.payments).find(({ refunds }) => refundId in refunds)
  if (!payment) return accepted()
  const { paymentId } = payment
  return accepted({ type: 'RefundRefused', data: { ...moment(state, at), paymentId, refundId, code } })
}

/** The decider of a subscription and its payments. */
export const subscription: Decider<Subscription, SubscriptionCommand, SubscriptionEvent> = {
  initial: { status: 'absent' },
  evolve,
  decide,
}

/** The fields of each event that are about a person: a saved method names the payer's card. */
export const subscriptionPersonal: Readonly<Record<string, readonly string[]>> = { PaymentSucceeded: ['savedMethod'] }
