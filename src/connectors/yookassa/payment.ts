import { kopecksFromRubles } from '../../kernel/money.ts'
import { type Instant, parseInstant } from '../../kernel/time.ts'
import type { DeclineClass, ProviderPayment, ProviderRefund } from '../payment.ts'
import { isJsonList, type JsonNode, nodeAt, textAt } from '../strictJson.ts'

/**
 * What may be done unattended after each reason of a cancelled payment. The provider gives no flag of its own; a reason that is
 * not here, also a future one, is never retried.
 */
export const yookassaDeclines: Readonly<Record<string, DeclineClass>> = {
  insufficient_funds: 'retry-later',
  issuer_unavailable: 'retry-later',
  internal_timeout: 'retry-later',
  payment_method_limit_exceeded: 'retry-later',
  general_decline: 'retry-later',
  call_issuer: 'ask-payer',
  '3d_secure_failed': 'ask-payer',
  expired_on_confirmation: 'ask-payer',
  identification_required: 'ask-payer',
  card_expired: 'new-method',
  invalid_card_number: 'new-method',
  invalid_csc: 'new-method',
  payment_method_restricted: 'new-method',
  unsupported_mobile_operator: 'new-method',
  loan_declined: 'new-method',
  permission_revoked: 'never',
  fraud_suspected: 'never',
  country_forbidden: 'never',
  canceled_by_merchant: 'never',
  expired_on_capture: 'never',
  deal_expired: 'never',
}

/** The class of a reason; an unknown one is never retried. */
export const yookassaDeclineClass = (reason: string): DeclineClass =>
  Object.hasOwn(yookassaDeclines, reason) ? (yookassaDeclines[reason] ?? 'never') : 'never'

const paymentStatuses = ['pending', 'waiting_for_capture', 'succeeded', 'canceled'] as const
const refundStatuses = ['pending', 'succeeded', 'canceled'] as const

/** Reads a payment of the API; null when it is no payment. */
export const paymentFromNode = (node: JsonNode): ProviderPayment | null => {
  const id = textAt(node, 'id')
  const status = paymentStatuses.find((name) => name === textAt(node, 'status'))
  const amountKopecks = kopecksAt(node, 'amount')
  const currency = textAt(node, 'amount', 'currency')
  const accountId = textAt(node, 'recipient', 'account_id')
  const test = nodeAt(node, 'test')
  if (id === null || status === undefined || amountKopecks === null || currency === null) return null
  if (accountId === null || typeof test !== 'boolean') return null
  const declineReason =
    status === 'canceled' ? (textAt(node, 'cancellation_details', 'reason') ?? 'general_decline') : null
  return {
    provider: 'yookassa',
    providerPaymentId: id,
    paymentId: textAt(node, 'metadata', 'payment_id'),
    subscriptionId: textAt(node, 'metadata', 'subscription_id'),
    status,
    amountKopecks,
    refundedKopecks: kopecksAt(node, 'refunded_amount') ?? 0,
    currency,
    accountId,
    test,
    paidAt: status === 'succeeded' ? instantAt(node, 'captured_at') : null,
    createdAt: instantAt(node, 'created_at'),
    declineReason,
    declineClass: declineReason === null ? null : yookassaDeclineClass(declineReason),
    savedMethod: savedMethodOf(node, status),
    confirmationUrl: textAt(node, 'confirmation', 'confirmation_url'),
  }
}

/** Reads a refund of the API; null when it is no refund. */
export const refundFromNode = (node: JsonNode, refundId: string | null): ProviderRefund | null => {
  const id = textAt(node, 'id')
  const paymentId = textAt(node, 'payment_id')
  const status = refundStatuses.find((name) => name === textAt(node, 'status'))
  const amountKopecks = kopecksAt(node, 'amount')
  if (id === null || paymentId === null || status === undefined || amountKopecks === null) return null
  const own = refundId ?? textAt(node, 'metadata', 'refund_id') ?? ''
  return { refundId: own, providerRefundId: id, providerPaymentId: paymentId, status, amountKopecks }
}

/** A page of a list: its items and where the next one begins; null when it is no list. */
export const listFromNode = (
  node: JsonNode,
): { readonly items: readonly JsonNode[]; readonly nextCursor: string | null } | null => {
  const items = nodeAt(node, 'items')
  return isJsonList(items) ? { items, nextCursor: textAt(node, 'next_cursor') } : null
}

/** A method may be kept only when its payment succeeded and the provider says that it was saved. */
const savedMethodOf = (node: JsonNode, status: ProviderPayment['status']): ProviderPayment['savedMethod'] => {
  const id = textAt(node, 'payment_method', 'id')
  if (status !== 'succeeded' || id === null || nodeAt(node, 'payment_method', 'saved') !== true) return null
  return { id, title: textAt(node, 'payment_method', 'title') ?? textAt(node, 'payment_method', 'type') ?? '' }
}

const kopecksAt = (node: JsonNode, field: string): number | null =>
  kopecksFromRubles(textAt(node, field, 'value') ?? '')

const instantAt = (node: JsonNode, field: string): Instant | null => parseInstant(textAt(node, field) ?? '')
