import { type Kopecks, kopecks, rublesText } from '../../kernel/money.ts'
import type { Instant } from '../../kernel/time.ts'
import type { TwinHook } from '../twinDesk.ts'
import { decodedForm, hmacBase64 } from './signature.ts'
import { reasonOf } from './twinCards.ts'
import type { CloudPaymentsKind } from './wire.ts'

/** A link to pay by. */
export type Order = {
  readonly id: string
  readonly number: number
  readonly amountKopecks: Kopecks
  readonly description: string
  readonly email: string
  readonly invoiceId: string
  readonly accountId: string
  readonly jsonData: string
  readonly successUrl: string
  readonly failUrl: string
  readonly saveCard: boolean
  readonly twoStages: boolean
  readonly status: 'Created' | 'Paid' | 'Cancelled'
  readonly createdAt: Instant
  readonly paidAt: Instant | null
}

/** A payment or a refund at the terminal. */
export type Transaction = {
  readonly id: number
  readonly type: 'Payment' | 'Refund'
  readonly originalId: number | null
  readonly amountKopecks: Kopecks
  readonly invoiceId: string
  readonly accountId: string
  readonly email: string
  readonly description: string
  readonly jsonData: string
  /** First six and last four digits; the rest is nobody's business. */
  readonly card: { readonly first6: string; readonly last4: string; readonly type: string }
  readonly token: string
  readonly twoStages: boolean
  readonly status: 'AwaitingAuthentication' | 'Authorized' | 'Completed' | 'Cancelled' | 'Declined'
  readonly reasonCode: number
  readonly testMode: boolean
  readonly createdAt: Instant
  readonly confirmedAt: Instant | null
}

/** A saved card; `byToken` is what charges by it come to, 0 being a success. */
export type Token = {
  readonly token: string
  readonly accountId: string
  readonly card: Transaction['card']
  readonly byToken: number
}

/** A schedule that the provider keeps. */
export type Subscription = {
  readonly id: string
  readonly token: string
  readonly accountId: string
  readonly description: string
  readonly email: string
  readonly amountKopecks: Kopecks
  readonly requireConfirmation: boolean
  readonly startDate: Instant
  readonly interval: string
  readonly period: number
  readonly maxPeriods: number | null
  readonly status: 'Active' | 'PastDue' | 'Cancelled' | 'Rejected' | 'Expired'
}

/** What the API answers, whatever happened. */
export type Envelope = { readonly Success: boolean; readonly Message: string | null; readonly Model?: unknown }

/** All that the terminal holds. */
export type TerminalData = {
  readonly orders: Readonly<Record<string, Order>>
  readonly transactions: Readonly<Record<string, Transaction>>
  readonly tokens: Readonly<Record<string, Token>>
  readonly subscriptions: Readonly<Record<string, Subscription>>
  readonly keys: Readonly<Record<string, { readonly at: Instant; readonly answer: Envelope }>>
  readonly lastNumber: number
  /** Whether the cabinet has `check` switched on. */
  readonly checkOn: boolean
}

/** Numbers of transactions have long outgrown 32 bits. */
const firstNumber = 3_000_000_000

/** An empty terminal. */
export const emptyTerminal: TerminalData = {
  orders: {},
  transactions: {},
  tokens: {},
  subscriptions: {},
  keys: {},
  lastNumber: firstNumber,
  checkOn: true,
}

/** The provider keeps a processed result this long. */
export const keyLifetimeMs = 3_600_000

/** Replaces or adds a transaction. */
export const withTransaction = (data: TerminalData, transaction: Transaction): TerminalData => ({
  ...data,
  transactions: { ...data.transactions, [transaction.id]: transaction },
})

/** What of a payment was given back. */
export const refundedOf = (data: TerminalData, id: number): Kopecks =>
  kopecks(
    Object.values(data.transactions)
      .filter(({ originalId, status }) => originalId === id && status === 'Completed')
      .reduce((sum, { amountKopecks }) => sum + amountKopecks, 0),
  )

/** The moment as the provider writes it: UTC without a zone. */
const bareTime = (at: Instant | null, separator: 'T' | ' '): string | null =>
  at === null ? null : at.slice(0, 19).replace('T', separator)

const statusCodes = { AwaitingAuthentication: 1, Authorized: 2, Completed: 3, Cancelled: 4, Declined: 5 } as const

/** A transaction as the API shows it. */
export const modelOf = (
  data: TerminalData,
  transaction: Transaction,
  publicId: string,
): Readonly<Record<string, unknown>> => {
  const { amountKopecks, card, createdAt, confirmedAt, status, reasonCode, type } = transaction
  return {
    PublicId: publicId,
    TransactionId: transaction.id,
    Amount: amountKopecks / 100,
    Currency: 'RUB',
    PaymentAmount: amountKopecks / 100,
    PaymentCurrency: 'RUB',
    InvoiceId: transaction.invoiceId || null,
    AccountId: transaction.accountId || null,
    Email: transaction.email || null,
    Description: transaction.description || null,
    JsonData: transaction.jsonData || null,
    CreatedDate: `/Date(${Date.parse(createdAt)})/`,
    CreatedDateIso: bareTime(createdAt, 'T'),
    AuthDateIso: bareTime(confirmedAt, 'T'),
    ConfirmDateIso: status === 'Completed' ? bareTime(confirmedAt, 'T') : null,
    AuthCode: reasonCode === 0 ? 'A1B2C3' : null,
    TestMode: transaction.testMode,
    OriginalTransactionId: transaction.originalId,
    CardFirstSix: card.first6,
    CardLastFour: card.last4,
    CardExpDate: '12/30',
    CardType: card.type,
    Issuer: 'Test Bank',
    Status: status,
    StatusCode: statusCodes[status],
    Reason: reasonOf(reasonCode),
    ReasonCode: reasonCode,
    CardHolderMessage: reasonCode === 0 ? 'Оплата успешно проведена' : 'Операция отклонена',
    Type: type === 'Payment' ? 0 : 1,
    Refunded: type === 'Payment' && refundedOf(data, transaction.id) === amountKopecks,
    Token: transaction.token || null,
    SubscriptionId: null,
    GatewayName: 'Test',
    TotalFee: 0,
  }
}

/** What the API answers about a transaction: a declined one is no success, and still has its model. */
export const envelopeOf = (data: TerminalData, transaction: Transaction, publicId: string): Envelope => ({
  Success: transaction.status !== 'Declined',
  Message: null,
  Model: modelOf(data, transaction, publicId),
})

/** The fields of a notification about a transaction; what is absent comes as an empty text. */
export const fieldsOf = (kind: CloudPaymentsKind, transaction: Transaction): Readonly<Record<string, string>> => {
  const { type, card, reasonCode } = transaction
  const amount = rublesText(transaction.amountKopecks)
  const shared = {
    TransactionId: String(transaction.id),
    Amount: amount,
    InvoiceId: transaction.invoiceId,
    AccountId: transaction.accountId,
    Email: transaction.email,
    DateTime: bareTime(transaction.confirmedAt ?? transaction.createdAt, ' ') ?? '',
    Data: transaction.jsonData,
    Rrn: '',
  }
  if (kind === 'refund') return { ...shared, PaymentTransactionId: String(transaction.originalId), OperationType: type }
  if (kind === 'cancel') return shared
  return {
    ...shared,
    Currency: 'RUB',
    PaymentAmount: amount,
    PaymentCurrency: 'RUB',
    ...(kind === 'confirm' ? {} : { OperationType: type }),
    SubscriptionId: '',
    Name: '',
    IpAddress: '203.0.113.9',
    CardFirstSix: card.first6,
    CardLastFour: card.last4,
    CardType: card.type,
    CardExpDate: '12/30',
    Description: transaction.description,
    TestMode: transaction.testMode ? '1' : '0',
    ...(kind === 'fail'
      ? { Reason: reasonOf(reasonCode), ReasonCode: String(reasonCode) }
      : { Status: transaction.twoStages && kind !== 'confirm' ? 'Authorized' : 'Completed' }),
    ...(kind === 'check' ? {} : { Token: transaction.token }),
    ...(kind === 'pay' ? { GatewayName: 'Test', TotalFee: '0' } : {}),
  }
}

/** A notification as it goes over the wire, with both signatures. */
export const hookOf = (kind: string, fields: Readonly<Record<string, string>>, secret: string): TwinHook => {
  const body = Object.entries(fields)
    .map(([name, value]) => `${dotnetEscaped(name)}=${dotnetEscaped(value)}`)
    .join('&')
  const decoded = decodedForm(new TextEncoder().encode(body)) ?? body
  return {
    name: kind,
    path: `/webhooks/cloudpayments/${kind}`,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'content-hmac': hmacBase64(body, secret),
      'x-content-hmac': hmacBase64(decoded, secret),
    },
    body,
  }
}

/** Escapes as the provider does: small hex digits, `+` for a blank. */
const dotnetEscaped = (text: string): string =>
  encodeURIComponent(text)
    .replaceAll('%20', '+')
    .replaceAll(/['~]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`)
    .replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())
