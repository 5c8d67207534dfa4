import { unreachable } from '../kernel/brand.ts'
import { type Kopecks, kopecks } from '../kernel/money.ts'
import { type Instant, plusDays } from '../kernel/time.ts'
import type { PartnerId, PaymentId, SubscriptionId } from './ids.ts'
import type { Moment, Plan, Provider, Renewal, SubscriptionEvent } from './subscriptionMessages.ts'

type SavedMethod = { readonly id: string; readonly title: string }

/** One payment of a subscription. */
export type Payment = {
  readonly paymentId: PaymentId
  readonly provider: Provider
  readonly amountKopecks: Kopecks
  readonly currency: string
  readonly autopay: boolean
  readonly requestedAt: Instant
  readonly status: 'pending' | 'succeeded' | 'declined' | 'canceled'
  readonly providerPaymentId: string | null
  readonly confirmationUrl: string | null
  readonly expiresAt: Instant | null
  readonly refundedKopecks: Kopecks
  /** Months that it pays for: those of the plan when it was asked for. */
  readonly months: number
  /** Set when it charges the saved method by itself. */
  readonly renewal: Renewal | null
  /** What the provider saved; null also after the person was forgotten. */
  readonly savedMethod: SavedMethod | null
  /** What we asked the provider to give back, and it did not refuse, by our number of the refund. */
  readonly refunds: Readonly<Record<string, Kopecks>>
  /** Answers of the provider that were reported as not ours, so that each is reported once. */
  readonly mismatches: readonly string[]
}

/** A subscription that was opened. */
export type Open = Plan & {
  readonly status: 'pending_payment' | 'trialing' | 'active' | 'past_due' | 'suspended' | 'cancelled' | 'expired'
  readonly subscriptionId: SubscriptionId
  readonly partnerId: PartnerId
  readonly paidThrough: Instant | null
  /** Where the present chain of paid periods began and how many months of it are paid, so that the day of the month stays. */
  readonly anchor: { readonly at: Instant; readonly months: number } | null
  readonly cancelAtPeriodEnd: boolean
  /** The plan of the next period, when it is another one. */
  readonly nextPlan: Plan | null
  /** The method that may be charged without the payer; null without a consent. */
  readonly autopay: { readonly provider: Provider; readonly method: SavedMethod } | null
  /** The next charge of the saved method; null while one is on its way or none is planned. */
  readonly charge: { readonly at: Instant; readonly attempt: number } | null
  /** When the first try to charge for the next period was made; later tries are counted from it. */
  readonly chargesBegan: Instant | null
  /** What was told of the next period, by the end of the running one. */
  readonly announced: { readonly paidThrough: Instant; readonly amountKopecks: Kopecks } | null
  /** The end of the period whose payment was asked for a second time. */
  readonly remindedOf: Instant | null
  readonly payments: Readonly<Record<string, Payment>>
}

/** A subscription as the decider sees it. */
export type Subscription = { readonly status: 'absent' } | Open

/** Which subscription, and when. */
export const moment = (
  { subscriptionId, partnerId }: Pick<Open, 'subscriptionId' | 'partnerId'>,
  at: Instant,
): Moment => ({ subscriptionId, partnerId, at })

/** The plan alone, without what it is part of. */
export const planOf = ({ plan, title, priceKopecks, months }: Plan): Plan => ({ plan, title, priceKopecks, months })

/** The plan that a payment of now is for: while a paid period runs it is that of the next one. */
export const planToPay = (state: Open): Plan => (state.status === 'active' ? (state.nextPlan ?? state) : state)

/** Whether a subscription is over for good. */
export const hasEnded = ({ status }: Open): boolean => status === 'cancelled' || status === 'expired'

const isUnpaid = ({ status }: Payment): boolean => status === 'pending' || status === 'declined'

/** The payment that the payer can still finish, if there is one. */
export const openPayment = (state: Subscription, at: Instant): Payment | null => {
  if (state.status === 'absent') return null
  const usable = (payment: Payment) =>
    payment.renewal === null && isUnpaid(payment) && (payment.expiresAt === null || payment.expiresAt > at)
  return Object.values(state.payments).filter(usable).at(-1) ?? null
}

/** A payment without a link that is older than this will get none any more. */
const linkComesWithinDays = 1

/** When a payer can no longer finish what he began by hand; null when nothing is under way. */
export const busyUntil = (state: Open, at: Instant): Instant | null => {
  const payment = openPayment(state, at)
  if (payment === null) return null
  if (payment.expiresAt !== null) return payment.expiresAt
  const last = plusDays(payment.requestedAt, linkComesWithinDays)
  return last > at ? last : null
}

/** The charge of the saved method whose outcome is not known yet. */
export const openCharge = (state: Open): Payment | null =>
  Object.values(state.payments).findLast(({ renewal, status }) => renewal !== null && status === 'pending') ?? null

/** How a reported difference is told from others. */
export const mismatchKey = (data: { providerPaymentId: string; field: string; actual: string }): string =>
  `${data.providerPaymentId}:${data.field}:${data.actual}`

/** The state that an event leads to. */
export const evolve = (state: Subscription, event: SubscriptionEvent): Subscription => {
  if (event.type === 'SubscriptionOpened') return opened(event.data)
  if (state.status === 'absent') return state
  switch (event.type) {
    case 'PaymentRequested':
      return requested(state, event.data)
    case 'PaymentLinkReady': {
      const { paymentId, providerPaymentId, confirmationUrl, expiresAt } = event.data
      return changed(state, paymentId, { providerPaymentId, confirmationUrl, expiresAt })
    }
    case 'PaymentAccepted':
      return changed(state, event.data.paymentId, { providerPaymentId: event.data.providerPaymentId })
    case 'PaymentSucceeded':
      return succeeded(state, event.data)
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
    case 'PaymentMismatched': {
      const mismatches = [...(state.payments[event.data.paymentId]?.mismatches ?? []), mismatchKey(event.data)]
      return changed(state, event.data.paymentId, { mismatches })
    }
    case 'PlanChangeScheduled':
      return { ...state, nextPlan: planOf(event.data) }
    case 'PlanChanged':
      return { ...state, ...planOf(event.data), nextPlan: null }
    case 'TrialStarted':
      return { ...state, status: 'trialing', paidThrough: event.data.paidThrough }
    case 'SubscriptionActivated':
      return activated(state, event.data)
    case 'SubscriptionExtended':
      return { ...state, status: 'active', paidThrough: event.data.paidThrough, anchor: null }
    case 'SubscriptionPastDue':
      return { ...state, status: 'past_due' }
    case 'SubscriptionSuspended':
      return { ...state, status: 'suspended', charge: null }
    case 'SubscriptionCancelScheduled':
      return { ...state, cancelAtPeriodEnd: true, charge: null }
    case 'SubscriptionResumed':
      return { ...state, cancelAtPeriodEnd: false }
    case 'SubscriptionCancelled':
      return { ...state, status: 'cancelled', charge: null }
    case 'SubscriptionExpired':
      return { ...state, status: 'expired', charge: null }
    case 'AutopayStarted': {
      const { provider, savedMethod } = state.payments[event.data.paymentId] ?? {}
      return { ...state, autopay: provider && savedMethod ? { provider, method: savedMethod } : null }
    }
    case 'AutopayStopped':
      return { ...state, autopay: null, charge: null }
    case 'RenewalAnnounced': {
      const { paidThrough, amountKopecks } = event.data
      return { ...state, announced: { paidThrough, amountKopecks } }
    }
    case 'RenewalScheduled':
      return { ...state, charge: { at: event.data.chargeAt, attempt: event.data.attempt } }
    case 'RenewalStopped':
      return { ...state, charge: null }
    case 'PaymentReminded':
      return { ...state, remindedOf: state.paidThrough }
    default:
      return unreachable(event)
  }
}

type DataOf<Type extends SubscriptionEvent['type']> = Extract<SubscriptionEvent, { type: Type }>['data']

const opened = ({ subscriptionId, partnerId, ...plan }: DataOf<'SubscriptionOpened'>): Open => ({
  status: 'pending_payment',
  subscriptionId,
  partnerId,
  ...planOf(plan),
  paidThrough: null,
  anchor: null,
  cancelAtPeriodEnd: false,
  nextPlan: null,
  autopay: null,
  charge: null,
  chargesBegan: null,
  announced: null,
  remindedOf: null,
  payments: {},
})

const requested = (state: Open, data: DataOf<'PaymentRequested'>): Open => {
  const { paymentId, provider, amountKopecks, currency, autopay, at, renewal = null } = data
  const payment: Payment = {
    paymentId,
    provider,
    amountKopecks,
    currency,
    autopay,
    requestedAt: at,
    status: 'pending',
    providerPaymentId: null,
    confirmationUrl: null,
    expiresAt: null,
    refundedKopecks: kopecks(0),
    months: planToPay(state).months,
    renewal,
    savedMethod: null,
    refunds: {},
    mismatches: [],
  }
  const next = { ...state, payments: { ...state.payments, [paymentId]: payment } }
  if (renewal === null) return next
  return { ...next, charge: null, chargesBegan: renewal.attempt === 1 ? at : state.chargesBegan }
}

const changed = (state: Open, id: string, change: Partial<Payment>): Open => {
  const payment = state.payments[id]
  return payment ? { ...state, payments: { ...state.payments, [id]: { ...payment, ...change } } } : state
}

/** A charge may bring a newer name of the same method; the provider wants the newest to be used. */
const succeeded = (state: Open, data: DataOf<'PaymentSucceeded'>): Open => {
  const { paymentId, providerPaymentId, savedMethod } = data
  const next = changed(state, paymentId, { status: 'succeeded', providerPaymentId, savedMethod })
  const renews = (state.payments[paymentId]?.renewal ?? null) !== null
  return renews && savedMethod && next.autopay ? { ...next, autopay: { ...next.autopay, method: savedMethod } } : next
}

const activated = (state: Open, { paymentId, periodStart, paidThrough }: DataOf<'SubscriptionActivated'>): Open => {
  const months = state.payments[paymentId]?.months ?? state.months
  const { anchor } = state
  const continues = anchor !== null && periodStart === state.paidThrough
  return {
    ...state,
    status: 'active',
    paidThrough,
    anchor: continues ? { at: anchor.at, months: anchor.months + months } : { at: periodStart, months },
  }
}
