import { type Kopecks, kopecks, kopecksFromRubles, rublesText } from '../../kernel/money.ts'
import { type Instant, msOf } from '../../kernel/time.ts'
import type { TwinChange, TwinHook } from '../twinDesk.ts'
import { type CardOutcome, cardType } from './twinCards.ts'

/** A sum as the provider writes it. */
export type Amount = { readonly value: string; readonly currency: string }

/** A saved or used means of payment. */
export type PaymentMethod = {
  readonly type: 'bank_card'
  readonly id: string
  readonly saved: boolean
  readonly status: 'active' | 'inactive'
  readonly title: string
  readonly card: {
    readonly first6: string
    readonly last4: string
    readonly expiry_year: string
    readonly expiry_month: string
    readonly card_type: string
  }
}

/** A payment as the API shows it. */
export type Payment = {
  readonly id: string
  readonly status: 'pending' | 'waiting_for_capture' | 'succeeded' | 'canceled'
  readonly paid: boolean
  readonly amount: Amount
  readonly income_amount?: Amount
  readonly refunded_amount?: Amount
  readonly description?: string
  readonly recipient: { readonly account_id: string; readonly gateway_id: string }
  readonly payment_method?: PaymentMethod
  readonly confirmation?: { readonly type: 'redirect'; readonly confirmation_url: string; readonly return_url: string }
  readonly created_at: Instant
  readonly captured_at?: Instant
  readonly cancellation_details?: { readonly party: string; readonly reason: string }
  readonly authorization_details?: { readonly three_d_secure: { readonly applied: boolean } }
  readonly receipt_registration?: 'pending' | 'succeeded' | 'canceled'
  readonly metadata?: Readonly<Record<string, string>>
  readonly test: boolean
  readonly refundable: boolean
}

/** A refund as the API shows it. */
export type Refund = {
  readonly id: string
  readonly payment_id: string
  readonly status: 'pending' | 'succeeded' | 'canceled'
  readonly amount: Amount
  readonly created_at: Instant
  readonly description?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly cancellation_details?: { readonly party: string; readonly reason: string }
}

/** What the twin remembers of a payment beside what it shows. */
export type PaymentEntry = { readonly payment: Payment; readonly capture: boolean; readonly save: boolean }

/** All that the shop holds. */
export type ShopData = {
  readonly payments: Readonly<Record<string, PaymentEntry>>
  readonly refunds: Readonly<Record<string, Refund>>
  /** Saved methods, with what the next charges come to; null is a success. */
  readonly methods: Readonly<Record<string, { readonly method: PaymentMethod; readonly reason: string | null }>>
  /** First answers by idempotency key. */
  readonly keys: Readonly<
    Record<string, { readonly at: Instant; readonly asked: string; readonly answer: Payment | Refund }>
  >
  /** What the next refund comes to. */
  readonly nextRefund: Refund['status']
}

/** An empty shop. */
export const emptyShop: ShopData = { payments: {}, refunds: {}, methods: {}, keys: {}, nextRefund: 'succeeded' }

/** A card payment can be finished on the page for this long. */
const payableMs = 3_600_000

/** The provider forgets an idempotency key after a day. */
export const keyLifetimeMs = 86_400_000

/** A sum of kopecks as the provider writes it. */
export const amountOf = (sum: Kopecks, currency = 'RUB'): Amount => ({ value: rublesText(sum), currency })

/** The kopecks of a sum of the twin's own making. */
export const kopecksOf = ({ value }: Amount): Kopecks => kopecksFromRubles(value) ?? kopecks(0)

/** What of a payment was refunded or is on its way back. */
export const takenBack = (shop: ShopData, paymentId: string): Kopecks =>
  kopecks(
    Object.values(shop.refunds)
      .filter((refund) => refund.payment_id === paymentId && refund.status !== 'canceled')
      .reduce((sum, refund) => sum + kopecksOf(refund.amount), 0),
  )

/** The notification about an object. */
export const hookOf = (event: string, object: unknown): TwinHook => ({
  name: event,
  path: '/webhooks/yookassa',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ type: 'notification', event, object }),
})

/** Replaces or adds a payment. */
export const withPayment = (shop: ShopData, entry: PaymentEntry): ShopData => ({
  ...shop,
  payments: { ...shop.payments, [entry.payment.id]: entry },
})

/** The means of payment that a card number makes. */
export const methodOf = (id: string, number: string, saved: boolean): PaymentMethod => ({
  type: 'bank_card',
  id,
  saved,
  status: 'active',
  title: `Bank card *${number.slice(-4)}`,
  card: {
    first6: number.slice(0, 6),
    last4: number.slice(-4),
    expiry_year: '2030',
    expiry_month: '12',
    card_type: cardType(number),
  },
})

/** What the attempt to take the money comes to; the payment must still be open. */
export const settlePayment = (
  shop: ShopData,
  { entry, method, outcome, now }: SettleOptions,
): TwinChange<ShopData, Payment> => {
  const { confirmation: _, ...open } = entry.payment
  if (outcome.reason !== null) {
    const cancellation_details = { party: outcome.party, reason: outcome.reason }
    const { income_amount: __, ...rest } = open
    return changed(shop, {
      ...entry,
      payment: { ...rest, status: 'canceled', payment_method: { ...method, saved: false }, cancellation_details },
    })
  }
  const paid: Payment = {
    ...open,
    paid: true,
    status: 'waiting_for_capture',
    payment_method: method,
    authorization_details: { three_d_secure: { applied: outcome.secure } },
  }
  const held = { ...entry, payment: paid }
  const remembered = method.saved
    ? { ...shop, methods: { ...shop.methods, [method.id]: shop.methods[method.id] ?? { method, reason: null } } }
    : shop
  return entry.capture ? capturePayment(remembered, held, now) : changed(remembered, held)
}

type SettleOptions = {
  readonly entry: PaymentEntry
  readonly method: PaymentMethod
  readonly outcome: CardOutcome
  readonly now: Instant
}

/** The fault that a merchant fears: the same payment is made a second time, under a number of its own. Null: it was not paid. */
export const applyAgain = (
  shop: ShopData,
  { of, id, now }: { readonly of: string; readonly id: string; readonly now: Instant },
): TwinChange<ShopData, Payment | null> => {
  const entry = shop.payments[of]
  if (entry?.payment.status !== 'succeeded') return { data: shop, result: null }
  const payment: Payment = { ...entry.payment, id, created_at: now, captured_at: now }
  return changed(shop, { ...entry, payment })
}

/** Takes held money, or a part of it. */
export const capturePayment = (
  shop: ShopData,
  entry: PaymentEntry,
  now: Instant,
  amount: Amount = entry.payment.amount,
): TwinChange<ShopData, Payment> =>
  changed(shop, {
    ...entry,
    payment: {
      ...entry.payment,
      status: 'succeeded',
      amount,
      income_amount: amountOf(kopecks(Math.floor(kopecksOf(amount) * 0.965)), amount.currency),
      refunded_amount: amountOf(kopecks(0), amount.currency),
      captured_at: now,
      refundable: true,
    },
  })

/** Ends a payment without money. */
export const cancelPayment = (shop: ShopData, entry: PaymentEntry, reason: string): TwinChange<ShopData, Payment> => {
  const { confirmation: _, ...rest } = entry.payment
  const party = reason === 'canceled_by_merchant' ? 'merchant' : 'yoo_money'
  return changed(shop, {
    ...entry,
    payment: { ...rest, paid: false, status: 'canceled', cancellation_details: { party, reason } },
  })
}

const changed = (shop: ShopData, entry: PaymentEntry): TwinChange<ShopData, Payment> => ({
  data: withPayment(shop, entry),
  result: entry.payment,
  hooks: [hookOf(`payment.${entry.payment.status}`, entry.payment)],
})

/** Enters a refund and, when it succeeded, what is left of the payment. */
export const enterRefund = (shop: ShopData, refund: Refund): TwinChange<ShopData, Refund> => {
  const next = { ...shop, refunds: { ...shop.refunds, [refund.id]: refund } }
  const entry = shop.payments[refund.payment_id]
  if (refund.status !== 'succeeded' || entry === undefined) return { data: next, result: refund }
  const refunded = Object.values(next.refunds)
    .filter((item) => item.payment_id === refund.payment_id && item.status === 'succeeded')
    .reduce((sum, item) => sum + kopecksOf(item.amount), 0)
  const payment: Payment = {
    ...entry.payment,
    refunded_amount: amountOf(kopecks(refunded), entry.payment.amount.currency),
    refundable: refunded < kopecksOf(entry.payment.amount),
  }
  return { data: withPayment(next, { ...entry, payment }), result: refund, hooks: [hookOf('refund.succeeded', refund)] }
}

/** Cancels what nobody paid in time and forgets old keys. */
export const sweepShop = (shop: ShopData, now: Instant): TwinChange<ShopData, null> | null => {
  const late = Object.values(shop.payments).filter(({ payment }) => isLate(payment, now))
  if (late.length === 0) return null
  return late.reduce<TwinChange<ShopData, null>>(
    (change, entry) => {
      const next = cancelPayment(change.data, entry, 'expired_on_confirmation')
      return { data: next.data, result: null, hooks: [...(change.hooks ?? []), ...(next.hooks ?? [])] }
    },
    { data: shop, result: null },
  )
}

const isLate = (payment: Payment, now: Instant): boolean =>
  payment.status === 'pending' && msOf(now) - msOf(payment.created_at) >= payableMs
