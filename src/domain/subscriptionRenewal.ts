import { accepted, type Decision } from '../kernel/decision.ts'
import { type Instant, latest, plusDays, plusMs } from '../kernel/time.ts'
import type { PaymentId } from './ids.ts'
import type { DeclineClass, SubscriptionEvent } from './subscriptionMessages.ts'
import {
  busyUntil,
  hasEnded,
  moment,
  type Open,
  openCharge,
  type Payment,
  planToPay,
  type Subscription,
} from './subscriptionState.ts'

/** How long a partner stays listed after the paid period ended. */
export const graceDays = 7
/** The next period and its price are told this long before the running one ends, two days before anything is charged. */
export const noticeDays = 3
/** The saved method is charged this long before the period ends, so that a success leaves no gap. */
export const chargeDays = 1
/** A soft decline is tried again so many days after the first try of the period. */
export const retryDays: readonly number[] = [1, 3, 5]
/** CloudPayments blocks a card for a day after two tries, and a bank that said no says it again within hours. */
const retryGapDays = 1
/** After a payer's link has run out, the provider may need a moment to know it too. */
const afterLinkMs = 10 * 60_000

/** The code of a charge that was not sent, because it was no longer wanted when its turn came. */
export const chargeWithdrawn = 'charge-withdrawn'

/** When the page of a subscription is withdrawn if nobody pays. */
export const graceEnd = (paidThrough: Instant): Instant => plusDays(paidThrough, graceDays)

/** Tells of the next period: its price, and the day of the charge if there is one. */
export const announce = (state: Open, at: Instant, paidThrough: Instant): SubscriptionEvent => {
  const { title, priceKopecks } = planToPay(state)
  const chargeAt = state.charge?.at ?? null
  return {
    type: 'RenewalAnnounced',
    data: { ...moment(state, at), title, amountKopecks: priceKopecks, paidThrough, chargeAt },
  }
}

/** Whether the coming period was told of, at the price that it has now. */
export const isAnnounced = (state: Open): boolean => {
  const { announced, paidThrough } = state
  if (announced === null || announced.paidThrough !== paidThrough) return false
  return announced.amountKopecks === planToPay(state).priceKopecks
}

const schedule = (
  state: Pick<Open, 'subscriptionId' | 'partnerId'>,
  at: Instant,
  next: { readonly chargeAt: Instant; readonly attempt: number; readonly declineReason: string | null },
): SubscriptionEvent => ({ type: 'RenewalScheduled', data: { ...moment(state, at), ...next } })

/** The first charge for the period after the one that ends at `paidThrough`; none without a consent. */
export const firstCharge = (
  state: Pick<Open, 'autopay' | 'cancelAtPeriodEnd' | 'subscriptionId' | 'partnerId'>,
  at: Instant,
  paidThrough: Instant,
): readonly SubscriptionEvent[] => {
  if (state.autopay === null || state.cancelAtPeriodEnd) return []
  const usual = plusDays(paidThrough, -chargeDays)
  // Too late for the usual day: the end of the period, so that the notice still comes first.
  const chargeAt = usual > at ? usual : latest(paidThrough, at)
  return [schedule(state, at, { chargeAt, attempt: 1, declineReason: null })]
}

/**
 * Charges the saved method when its time has come. One charge at a time and one success a period, however often and however late this
 * is asked: what was asked for leaves no plan behind, and a plan of another day is not this one.
 */
export const renew = (
  state: Open,
  { at, paymentId }: { readonly at: Instant; readonly paymentId: PaymentId },
): Decision<SubscriptionEvent> => {
  const { charge, autopay, paidThrough } = state
  if (charge === null || charge.at > at || autopay === null || paidThrough === null) return accepted()
  if (state.status !== 'active' && state.status !== 'past_due') return accepted()
  if (state.cancelAtPeriodEnd || openCharge(state) !== null || state.payments[paymentId]) return accepted()
  const busy = busyUntil(state, at)
  if (busy !== null) {
    const chargeAt = plusMs(busy, afterLinkMs)
    return accepted(schedule(state, at, { chargeAt, attempt: charge.attempt, declineReason: null }))
  }
  // After an outage the notice may be as late as the charge; it still goes out first.
  const notice = isAnnounced(state) ? [] : [announce(state, at, paidThrough)]
  return accepted(...notice, {
    type: 'PaymentRequested',
    data: {
      ...moment(state, at),
      paymentId,
      provider: autopay.provider,
      autopay: true,
      amountKopecks: planToPay(state).priceKopecks,
      currency: 'RUB',
      renewal: { paidThrough, attempt: charge.attempt },
    },
  })
}

/** Whether a charge that was asked for is still wanted: asked again right before it is sent. */
export const chargeStands = (state: Subscription, paymentId: string): boolean => {
  if (state.status !== 'active' && state.status !== 'past_due') return false
  const payment = state.payments[paymentId]
  const renews = payment?.renewal?.paidThrough === state.paidThrough
  return payment?.status === 'pending' && renews && state.autopay !== null && !state.cancelAtPeriodEnd
}

type Refusal = {
  readonly at: Instant
  readonly reason: string
  readonly declineClass: DeclineClass
  /** The provider's own word on when to try again. */
  readonly retryAfter: Instant | null
}

/**
 * What follows from a declined charge. A soft refusal is tried again on its days while the page is still open; every other one needs
 * the payer, and one that speaks against the method also ends the consent: a new method needs a new one.
 */
export const afterDecline = (
  state: Open,
  payment: Payment,
  { at, reason, declineClass, retryAfter }: Refusal,
): readonly SubscriptionEvent[] => {
  const { renewal } = payment
  if (renewal === null || renewal.paidThrough !== state.paidThrough || reason === chargeWithdrawn) return []
  if (hasEnded(state) || state.cancelAtPeriodEnd || state.autopay === null) return []
  // The page is withdrawn already, and the partner was told to pay.
  if (state.status === 'suspended') return []
  const until = graceEnd(renewal.paidThrough)
  const day = declineClass === 'retry-later' ? retryDays[renewal.attempt - 1] : undefined
  if (day !== undefined) {
    const began = state.chargesBegan ?? payment.requestedAt
    const chargeAt = latest(plusDays(began, day), plusDays(payment.requestedAt, retryGapDays), retryAfter ?? at)
    if (chargeAt < until)
      return [schedule(state, at, { chargeAt, attempt: renewal.attempt + 1, declineReason: reason })]
  }
  const stopped: SubscriptionEvent = {
    type: 'RenewalStopped',
    data: { ...moment(state, at), reason, exhausted: declineClass === 'retry-later', until },
  }
  const forgets = declineClass === 'new-method' || declineClass === 'never'
  return forgets ? [stopped, ...endAutopay(state, at, reason)] : [stopped]
}

/** The provider names a moment before which it wants no other try: that beats our own days. */
export const postpone = (
  state: Open,
  { renewal }: Payment,
  { at, retryAfter }: { readonly at: Instant; readonly retryAfter: Instant },
): readonly SubscriptionEvent[] => {
  const { charge, paidThrough } = state
  if (charge === null || renewal?.paidThrough !== paidThrough || charge.attempt !== (renewal?.attempt ?? 0) + 1)
    return []
  if (charge.at >= retryAfter) return []
  return [schedule(state, at, { chargeAt: retryAfter, attempt: charge.attempt, declineReason: null })]
}

/** The end of a consent, when there is one. */
export const endAutopay = (state: Open, at: Instant, reason: string): readonly SubscriptionEvent[] =>
  state.autopay === null ? [] : [{ type: 'AutopayStopped', data: { ...moment(state, at), reason } }]

/** A cancellation at the period's end is taken back: the period goes on as if it had not been asked for. */
export const resume = (state: Open, at: Instant): readonly SubscriptionEvent[] => {
  if (!state.cancelAtPeriodEnd) return []
  const resumed: SubscriptionEvent = { type: 'SubscriptionResumed', data: moment(state, at) }
  if (state.paidThrough === null) return [resumed]
  const next = { ...state, cancelAtPeriodEnd: false }
  const charges = firstCharge(next, at, state.paidThrough)
  const chargeAt = charges[0]?.type === 'RenewalScheduled' ? charges[0].data.chargeAt : null
  // The notice was held back while the subscription was to end.
  const isNear = at >= plusDays(state.paidThrough, -noticeDays) && at < state.paidThrough && !isAnnounced(next)
  const planned = { ...next, charge: chargeAt === null ? null : { at: chargeAt, attempt: 1 } }
  return [resumed, ...charges, ...(isNear ? [announce(planned, at, state.paidThrough)] : [])]
}
