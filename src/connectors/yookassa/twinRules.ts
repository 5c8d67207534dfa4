import { type Kopecks, kopecksFromRubles } from '../../kernel/money.ts'
import { parseInstant } from '../../kernel/time.ts'
import { isRecord } from '../twinRoutes.ts'
import { kopecksOf, type Payment, type ShopData, takenBack } from './twinModel.ts'

/** Why a request is refused with 400, or with 403 for what the shop has no right to. */
export type Fault = { readonly description: string; readonly parameter?: string; readonly status?: 403 }

type Body = Readonly<Record<string, unknown>>

const fault = (parameter: string, description = `Invalid value of parameter ${parameter}`): Fault => ({
  description,
  parameter,
})

/** Why a request to create a payment is refused; null when it is not. */
export const paymentFault = (body: Body, shop: ShopData, savingAllowed: boolean): Fault | null =>
  amountFault(body.amount) ??
  textFault(body.description, 'description', 128) ??
  metadataFault(body.metadata) ??
  meansFault(body, shop) ??
  confirmationFault(body) ??
  (body.capture === undefined || typeof body.capture === 'boolean' ? null : fault('capture')) ??
  receiptFault(body.receipt, body.amount) ??
  savingFault(body, savingAllowed)

/** Why a request to refund is refused; null when it is not. */
export const refundFault = (body: Body, shop: ShopData): Fault | null => {
  if (typeof body.payment_id !== 'string') return fault('payment_id')
  const broken =
    amountFault(body.amount) ?? textFault(body.description, 'description', 250) ?? metadataFault(body.metadata)
  if (broken !== null) return broken
  const payment = shop.payments[body.payment_id]?.payment
  if (payment === undefined) return fault('payment_id', 'Payment is not found')
  if (payment.status !== 'succeeded') return fault('payment_id', 'Payment is not in status succeeded')
  return leftFault(body, payment, shop) ?? receiptFault(body.receipt, body.amount)
}

const leftFault = (body: Body, payment: Payment, shop: ShopData): Fault | null => {
  const amount = sumOf(body.amount)
  if (amount === null || amount.currency !== payment.amount.currency) return fault('amount.currency')
  const left = kopecksOf(payment.amount) - takenBack(shop, payment.id) - amount.sum
  if (left < 0) return fault('amount.value', 'Refund amount is above the rest of the payment')
  return left > 0 && left <= 100 ? fault('amount.value', 'More than 1.00 should be left after a partial refund') : null
}

/** Why a request to capture is refused; null when it is not. */
export const captureFault = (body: Body, payment: Payment): Fault | null => {
  if (payment.status !== 'waiting_for_capture') return { description: 'Payment is not in status waiting_for_capture' }
  if (body.amount === undefined) return null
  const broken = amountFault(body.amount)
  if (broken !== null) return broken
  const amount = sumOf(body.amount)
  return amount !== null && amount.sum > kopecksOf(payment.amount)
    ? fault('amount.value', 'Amount is above the held sum')
    : null
}

/** The sum of a request whose amount was found right. */
export const sumOf = (amount: unknown): { readonly sum: Kopecks; readonly currency: string } | null => {
  if (!isRecord(amount) || typeof amount.value !== 'string' || typeof amount.currency !== 'string') return null
  const sum = /\.\d\d$/.test(amount.value) ? kopecksFromRubles(amount.value) : null
  return sum === null ? null : { sum, currency: amount.currency }
}

const amountFault = (amount: unknown): Fault | null => {
  if (!isRecord(amount)) return fault('amount', 'Amount is required')
  if (amount.currency !== 'RUB') return fault('amount.currency')
  const found = sumOf(amount)
  if (found === null) return fault('amount.value')
  return found.sum > 0 ? null : fault('amount.value', 'Amount value must be greater than zero')
}

const textFault = (value: unknown, parameter: string, lengthMax: number): Fault | null =>
  value === undefined || (typeof value === 'string' && value.length <= lengthMax) ? null : fault(parameter)

const metadataFault = (metadata: unknown): Fault | null => {
  if (metadata === undefined) return null
  if (!isRecord(metadata) || Object.keys(metadata).length > 16) return fault('metadata')
  const right = Object.entries(metadata).every(
    ([key, value]) => key.length <= 32 && typeof value === 'string' && value.length <= 512,
  )
  return right ? null : fault('metadata')
}

const meansFault = (body: Body, shop: ShopData): Fault | null => {
  const id = body.payment_method_id
  if (id === undefined) return null
  if (body.payment_method_data !== undefined || body.confirmation !== undefined) return fault('payment_method_id')
  return typeof id === 'string' && shop.methods[id] !== undefined
    ? null
    : fault('payment_method_id', 'Payment method is not saved')
}

const confirmationFault = (body: Body): Fault | null => {
  const { confirmation } = body
  if (confirmation === undefined) return body.payment_method_id === undefined ? fault('confirmation') : null
  if (!isRecord(confirmation) || confirmation.type !== 'redirect') return fault('confirmation.type')
  const url = confirmation.return_url
  if (typeof url !== 'string' || url === '' || url.length > 2048) return fault('confirmation.return_url')
  const { locale } = confirmation
  return locale === undefined || locale === 'ru_RU' || locale === 'en_US' ? null : fault('confirmation.locale')
}

const savingFault = (body: Body, savingAllowed: boolean): Fault | null => {
  if (body.save_payment_method === undefined || body.save_payment_method === false) return null
  if (body.save_payment_method !== true) return fault('save_payment_method')
  return savingAllowed ? null : { description: 'Forbidden to save payment method', status: 403 }
}

const receiptFault = (receipt: unknown, amount: unknown): Fault | null => {
  if (receipt === undefined) return null
  const missing = fault('receipt', 'Receipt is missing or illegal')
  if (!isRecord(receipt) || !isRecord(receipt.customer)) return missing
  const { email, phone } = receipt.customer
  if (typeof email !== 'string' && !(typeof phone === 'string' && /^\d{10,15}$/.test(phone)))
    return fault('receipt.customer')
  const items = receipt.items
  if (!Array.isArray(items) || items.length < 1 || items.length > 80) return fault('receipt.items')
  let total = 0
  for (const item of items) {
    const sum = isRecord(item) ? sumOf(item.amount) : null
    if (!isRecord(item) || sum === null || typeof item.quantity !== 'number' || item.quantity <= 0)
      return fault('receipt.items')
    if (typeof item.description !== 'string' || item.description.length < 1 || item.description.length > 128) {
      return fault('receipt.items.description')
    }
    const vat = item.vat_code
    if (typeof vat !== 'number' || !Number.isInteger(vat) || vat < 1 || vat > 12) return fault('receipt.items.vat_code')
    total += Math.round(sum.sum * item.quantity)
  }
  return total === sumOf(amount)?.sum ? null : missing
}

/** Why a list's parameters are refused; null when they are not. */
export const listFault = (query: URLSearchParams, cursorIsKnown: (cursor: string) => boolean): Fault | null => {
  const limit = query.get('limit')
  if (limit !== null && !(/^\d{1,3}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= 100)) return fault('limit')
  for (const [name, value] of query) {
    if (/^(created|captured)_at\.(gte|gt|lte|lt)$/.test(name)) {
      if (parseInstant(value) === null) return fault(name)
    } else if (!['limit', 'cursor', 'status', 'payment_method', 'payment_id', 'refund_id'].includes(name))
      return fault(name)
  }
  if (query.has('payment_id') && query.has('refund_id')) return fault('refund_id')
  const cursor = query.get('cursor')
  return cursor === null || cursorIsKnown(cursor) ? null : fault('cursor')
}
