import { kopecksFromRubles } from '../../kernel/money.ts'
import type { Instant } from '../../kernel/time.ts'
import type { DeclineClass, ProviderPayment } from '../payment.ts'
import { isJsonNumber, type JsonNode, nodeAt, textAt } from '../strictJson.ts'
import { utcInstant } from './fields.ts'

const classed = (declineClass: DeclineClass, codes: string): readonly (readonly [string, DeclineClass])[] =>
  codes.split(' ').map((code) => [code, declineClass])

/**
 * What may be done unattended after each reason code. The provider forbids repeating the first group for ever and blocks a card
 * for a day after two tries in the groups of temporary and conditional refusals; a code that is not here is never repeated.
 */
export const cloudpaymentsDeclines: Readonly<Record<string, DeclineClass>> = Object.fromEntries([
  ...classed('never', '5001 5003 5005 5012 5017 5033 5034 5057'),
  ...classed('retry-later', '5051 5065 5096 5030 5061 5091 5092 5303'),
  // Our own answer to `check` was missing or late: the next charge may well pass.
  ...classed('retry-later', '3006 3007 3008'),
  ...classed('new-method', '5014 5054'),
  ...classed('ask-payer', '5006 5013 5019 5055 5063 5082 5204 5206 5207 5761 5762 5763 3004'),
  ...classed('never', '5004 5007 5015 5031 5036 5041 5043 5058 5059 5062 5113 5300 6025 3001 3002 3003 3005'),
])

/** The class of a reason code; an unknown one is never retried. */
export const cloudpaymentsDeclineClass = (code: string): DeclineClass =>
  Object.hasOwn(cloudpaymentsDeclines, code) ? (cloudpaymentsDeclines[code] ?? 'never') : 'never'

const statuses: Readonly<Record<string, ProviderPayment['status']>> = {
  AwaitingAuthentication: 'pending',
  Authorized: 'waiting_for_capture',
  Completed: 'succeeded',
  Cancelled: 'canceled',
  Declined: 'declined',
}

/** The number of a transaction as text: it is a 64-bit number and has to keep all digits. */
export const idAt = (node: JsonNode, field: string): string | null => {
  const text = scalarAt(node, field)
  return text !== null && /^[1-9]\d{0,18}$/.test(text) ? text : null
}

/** The payment that an operation takes money back from; null when the operation is a payment itself. */
export const originalOf = (model: JsonNode): string | null =>
  isPayment(model) ? null : idAt(model, 'OriginalTransactionId')

/** The documents show 0 for a payment; where the type is missing, only other operations name an original. */
const isPayment = (model: JsonNode): boolean => {
  const type = scalarAt(model, 'Type')
  return type === null ? idAt(model, 'OriginalTransactionId') === null : type === '0' || type === 'Payment'
}

/** Reads a transaction of the API as a payment; null when it is none. */
export const paymentFromModel = (model: JsonNode, publicId: string): ProviderPayment | null => {
  const id = idAt(model, 'TransactionId')
  const statusText = textAt(model, 'Status')
  const status = statusText !== null && Object.hasOwn(statuses, statusText) ? statuses[statusText] : undefined
  const amountKopecks = kopecksAt(model, 'Amount')
  const currency = textAt(model, 'Currency')
  if (id === null || status === undefined || amountKopecks === null || currency === null) return null
  if (!isPayment(model)) return null
  const declineReason = status === 'declined' ? (scalarAt(model, 'ReasonCode') ?? '0') : null
  return {
    provider: 'cloudpayments',
    providerPaymentId: id,
    paymentId: scalarAt(model, 'InvoiceId'),
    subscriptionId: scalarAt(model, 'AccountId'),
    status,
    amountKopecks,
    // The model tells only that the payment was given back, not how much of it.
    refundedKopecks: nodeAt(model, 'Refunded') === true ? amountKopecks : 0,
    currency,
    accountId: textAt(model, 'PublicId') ?? publicId,
    test: nodeAt(model, 'TestMode') === true,
    paidAt: status === 'succeeded' ? (timeAt(model, 'ConfirmDateIso') ?? timeAt(model, 'AuthDateIso')) : null,
    createdAt: timeAt(model, 'CreatedDateIso'),
    declineReason,
    declineClass: declineReason === null ? null : cloudpaymentsDeclineClass(declineReason),
    savedMethod: savedMethodOf(model, status),
    confirmationUrl: null,
  }
}

/** The kopecks of a sum that may be a number or a text. */
export const kopecksAt = (node: JsonNode, field: string): number | null =>
  kopecksFromRubles(scalarAt(node, field) ?? '')

/** A text, or the digits of a number; empty is absent. */
export const scalarAt = (node: JsonNode, field: string): string | null => {
  const value = nodeAt(node, field)
  if (isJsonNumber(value)) return value.digits
  return typeof value === 'string' && value !== '' ? value : null
}

const savedMethodOf = (model: JsonNode, status: ProviderPayment['status']): ProviderPayment['savedMethod'] => {
  const token = textAt(model, 'Token')
  if (status !== 'succeeded' || token === null || token === '') return null
  return { id: token, title: `${textAt(model, 'CardType') ?? ''} *${scalarAt(model, 'CardLastFour') ?? ''}`.trim() }
}

const timeAt = (model: JsonNode, field: string): Instant | null => utcInstant(textAt(model, field))
