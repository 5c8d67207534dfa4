import type { Instant } from '../kernel/time.ts'
import { readPaymentId, readSubscriptionId } from './ids.ts'
import type { Finding, FindingKind, Recheck, ReconciledProvider } from './reconciliationMessages.ts'
import { subscription } from './subscription.ts'
import type { Expected, ProviderPayment } from './subscriptionMessages.ts'
import { mismatchOf } from './subscriptionPayments.ts'
import type { Payment, Subscription } from './subscriptionState.ts'

/** A payment of their list, with when it was made. */
export type ListedPayment = ProviderPayment & { readonly createdAt: Instant | null }

/** A refund of their list; `refundId` is our number, empty when it has none. */
export type ListedRefund = {
  readonly refundId: string
  readonly providerRefundId: string
  readonly providerPaymentId: string
  readonly status: 'pending' | 'succeeded' | 'canceled'
  readonly amountKopecks: number
}

/** What a page of their books comes to. */
export type Judged = {
  readonly findings: readonly Finding[]
  readonly rechecks: readonly Recheck[]
  readonly foreign: number
}

type Opened = Exclude<Subscription, { status: 'absent' }>

/** What is known while a page is judged. `states` holds the subscriptions that the page names, as the log has them now. */
export type Knowledge = {
  readonly provider: ReconciledProvider
  readonly at: Instant
  readonly expected: Expected
  readonly states: ReadonlyMap<string, Subscription>
}

type Words = Partial<Pick<Finding, 'field' | 'expected' | 'actual' | 'amountKopecks' | 'remedy'>>

const finding = (
  kind: FindingKind,
  at: {
    readonly provider: ReconciledProvider
    readonly externalId: string
    readonly state: Opened | null
    readonly payment: Payment | null
  },
  words: Words = {},
): Finding => ({
  differenceId: `${at.provider}:${at.externalId}:${kind}`,
  kind,
  externalId: at.externalId,
  paymentId: at.payment?.paymentId ?? null,
  subscriptionId: at.state?.subscriptionId ?? null,
  partnerId: at.state?.partnerId ?? null,
  field: null,
  expected: null,
  actual: null,
  amountKopecks: null,
  remedy: null,
  ...words,
})

/** Whether they hold money of a payer for it. */
const holdsMoney = ({ status, refundedKopecks, amountKopecks }: ProviderPayment): boolean =>
  (status === 'succeeded' || status === 'waiting_for_capture') && refundedKopecks < amountKopecks

/**
 * Compares a page of their payments with our subscriptions. The decider that takes the provider's answer judges here too, so what
 * agrees here changes nothing there.
 */
export const judgePayments = (items: readonly ListedPayment[], knowledge: Knowledge): Judged => {
  const own = items.filter(
    ({ paymentId, subscriptionId }) =>
      readPaymentId(paymentId ?? '') !== null || readSubscriptionId(subscriptionId ?? '') !== null,
  )
  const findings = own.flatMap((item) => {
    const siblings = own.filter(({ paymentId }) => paymentId === item.paymentId)
    return judgeOne(item, siblings, knowledge) ?? []
  })
  return { findings, rechecks: [], foreign: items.length - own.length }
}

const judgeOne = (
  item: ListedPayment,
  siblings: readonly ListedPayment[],
  { provider, at, expected, states }: Knowledge,
): Finding | null => {
  const known = states.get(item.subscriptionId ?? '')
  const state = known && known.status !== 'absent' ? known : null
  const payment = state?.payments[item.paymentId ?? ''] ?? null
  const place = { provider, externalId: item.providerPaymentId, state, payment }
  const left = item.amountKopecks - item.refundedKopecks
  const money: Words = { amountKopecks: left, remedy: item.status === 'succeeded' ? 'refund' : null }
  if (!state || !payment) return holdsMoney(item) ? finding('order-unknown', place, { ...money, remedy: null }) : null
  const counts = counted(payment, siblings)
  if (counts !== null && counts !== item)
    return holdsMoney(item)
      ? finding('payment-twice', place, {
          ...money,
          expected: counts.providerPaymentId,
          actual: item.providerPaymentId,
        })
      : null
  const mismatch = mismatchOf(state, payment, item, expected)
  if (mismatch) {
    if (!holdsMoney(item)) return null
    const twice = mismatch.field === 'payment' && payment.status === 'succeeded'
    return finding(twice ? 'payment-twice' : 'fact-differs', place, { ...money, ...mismatch })
  }
  return compared(item, place, { state, payment, at, expected })
}

/** Of several payments under one number, the one that it means: ours, or else the first that took money. Null: none took any. */
const counted = (payment: Payment, siblings: readonly ListedPayment[]): ListedPayment | null => {
  const paid = siblings.filter(({ status }) => status === 'succeeded')
  const ours = paid.find(({ providerPaymentId }) => providerPaymentId === payment.providerPaymentId)
  // Where ours is paid and not on this page, each of these is a second one, which the order itself tells.
  if (ours ?? payment.status === 'succeeded') return ours ?? null
  return paid.toSorted((one, other) => ((one.createdAt ?? '') < (other.createdAt ?? '') ? -1 : 1))[0] ?? null
}

const compared = (
  item: ListedPayment,
  place: Parameters<typeof finding>[1],
  { state, payment, at, expected }: { state: Opened; payment: Payment; at: Instant; expected: Expected },
): Finding | null => {
  const decision = subscription.decide(state, { type: 'RecordProviderPayment', data: { at, payment: item, expected } })
  const amountKopecks = item.amountKopecks
  if (decision.tag === 'accepted' && decision.events.length > 0)
    return finding('behind', place, {
      ...{ field: 'status', expected: payment.status, actual: item.status },
      ...{ amountKopecks, remedy: 'reread' },
    })
  if (payment.status !== 'succeeded' || payment.providerPaymentId !== item.providerPaymentId) return null
  if (item.status !== 'succeeded')
    return finding('status-differs', place, {
      ...{ field: 'status', expected: payment.status, actual: item.status },
      amountKopecks,
    })
  // A terminal's list tells only that the whole was given back.
  if (item.provider === 'yookassa' && item.refundedKopecks < payment.refundedKopecks)
    return finding('refunds-differ', place, {
      field: 'refunded',
      expected: String(payment.refundedKopecks),
      actual: String(item.refundedKopecks),
      amountKopecks: payment.refundedKopecks - item.refundedKopecks,
    })
  return null
}

/**
 * Compares a page of their refunds with our payments, `of` telling the payment of ours that each belongs to. The page shows a day's
 * part of what was given back, so a payment that agrees so far is read again to be sure.
 */
export const judgeRefunds = (
  items: readonly ListedRefund[],
  of: (providerPaymentId: string) => { readonly state: Opened; readonly payment: Payment } | null,
  provider: ReconciledProvider,
): Judged => {
  const made = items.filter(({ status }) => status === 'succeeded')
  const twice = made.flatMap((item) => {
    const first = made.find(({ refundId }) => refundId === item.refundId)
    const found = of(item.providerPaymentId)
    if (item.refundId === '' || first === item || !found) return []
    const place = { provider, externalId: item.providerRefundId, ...found }
    return [
      finding('refund-twice', place, { amountKopecks: item.amountKopecks, field: 'refund', actual: item.refundId }),
    ]
  })
  const payments = [...new Set(made.map(({ providerPaymentId }) => providerPaymentId))]
  const judged = payments.map((externalId): Judged => {
    const found = of(externalId)
    if (!found) return { findings: [], rechecks: [], foreign: 1 }
    const parts = made.filter(({ providerPaymentId }) => providerPaymentId === externalId)
    const actual = parts.reduce((sum, { amountKopecks }) => sum + amountKopecks, 0)
    const expected = found.payment.refundedKopecks
    const behind = finding(
      'behind',
      { provider, externalId, ...found },
      {
        ...{ field: 'refunded', expected: String(expected), actual: String(actual) },
        ...{ amountKopecks: actual, remedy: 'reread' },
      },
    )
    return actual > expected
      ? { findings: [behind], rechecks: [], foreign: 0 }
      : { findings: [], rechecks: [recheckOf(behind)], foreign: 0 }
  })
  return joined([{ findings: twice, rechecks: [], foreign: 0 }, ...judged])
}

/** Several judgements as one. */
export const joined = (parts: readonly Judged[]): Judged => ({
  findings: parts.flatMap(({ findings }) => findings),
  rechecks: parts.flatMap(({ rechecks }) => rechecks),
  foreign: parts.reduce((sum, { foreign }) => sum + foreign, 0),
})

const recheckOf = ({ externalId, paymentId, subscriptionId, partnerId, amountKopecks }: Finding): Recheck => ({
  externalId,
  paymentId,
  subscriptionId,
  partnerId,
  amountKopecks,
})
