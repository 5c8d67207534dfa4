import { unreachable } from '../../kernel/brand.ts'
import { kopecksFromRubles } from '../../kernel/money.ts'
import type { Instant } from '../../kernel/time.ts'
import type { Answer, Authenticity, Delivery, Reading, WebhookWire } from '../connector.ts'
import {
  booleanField,
  canonicalFields,
  type Fields,
  fieldOf,
  formFields,
  int64Field,
  jsonFields,
  shortField,
  utcInstant,
} from './fields.ts'
import { type Proof, proofOf } from './signature.ts'

/** The configuration of CloudPayments. */
export type CloudPaymentsSettings = {
  readonly publicId: string
  /** One, or two while the secret is being changed; the newer first. Each is the API password and the key of the signatures. */
  readonly apiSecrets: readonly string[]
  /** Such as `https://api.cloudpayments.ru`. */
  readonly baseUrl: string
  /** Whether the terminal takes real money; null when the configuration cannot tell. */
  readonly live: boolean | null
}

/** The kinds of notification, each at an address of its own: the kind is not in the body. */
export const cloudpaymentsKinds = ['check', 'pay', 'fail', 'confirm', 'refund', 'recurrent', 'cancel'] as const

/** What a notification is about. */
export type CloudPaymentsKind = (typeof cloudpaymentsKinds)[number]

/** A notification. It carries no personal field and no token; what those are for is read again at the API. */
export type CloudPaymentsNotice = {
  readonly kind: CloudPaymentsKind
  /** `hint`: only `transactionId` is set, and `check` must be refused. */
  readonly proof: 'content-hmac' | 'hint'
  /** The transaction; for `refund` that of the refund. */
  readonly transactionId: string | null
  /** The payment that a refund belongs to. */
  readonly paymentTransactionId: string | null
  readonly invoiceId: string | null
  readonly accountId: string | null
  readonly amountKopecks: number | null
  readonly currency: string | null
  /** Of the transaction, or of the subscription for `recurrent`. */
  readonly status: string | null
  readonly operationType: string | null
  readonly testMode: boolean | null
  readonly reasonCode: string | null
  /** The earliest next try that the provider asks for after a failed charge. */
  readonly retryAfter: Instant | null
  /** The provider's own subscription; `Id` of `recurrent`. */
  readonly subscriptionId: string | null
  /** The declined transaction that a spare acquirer repeated as this one. */
  readonly fallbackOfTransactionId: string | null
  readonly tokenPresent: boolean
  readonly at: Instant | null
}

/** A notification is some kilobytes; the route refuses more than this with 413. */
export const cloudpaymentsBodyBytesMax = 262_144

/** The inbound half: a MAC over the raw bytes, and still nothing of value is granted before the payment was read again. */
export const cloudpaymentsHook: WebhookWire<CloudPaymentsSettings, CloudPaymentsNotice> = {
  verify: (delivery, settings) => verify(delivery, settings),
  read: (delivery, settings) => read(delivery, settings),
  // A check is decided elsewhere; where nobody decided, the charge must not go on.
  accepted: (delivery) => codeAnswer(kindOf(delivery) === 'check' ? 13 : 0),
}

/** The code that `check` may be answered with. */
export type CheckCode = 0 | 10 | 11 | 12 | 13 | 20

/** The answer to a notification; every kind but `check` knows only 0. */
export const codeAnswer = (code: CheckCode): Answer => ({
  status: 200,
  contentType: 'application/json; charset=utf-8',
  body: `{"code":${code}}`,
})

/** Our order as `check` is compared with it. */
export type CheckedOrder = {
  readonly invoiceId: string
  readonly accountId: string
  readonly amountKopecks: number
  readonly currency: string
  readonly state: 'open' | 'cancelled' | 'expired'
  /** Whether the money is expected to be play money; null when we cannot tell. */
  readonly testMode: boolean | null
}

/** Whether a charge may go on, in the provider's codes; without an order of that number it may not. */
export const checkAnswer = (order: CheckedOrder | null, notice: CloudPaymentsNotice): CheckCode => {
  if (notice.proof === 'hint' || notice.kind !== 'check') return 13
  if (order === null || notice.invoiceId !== order.invoiceId) return 10
  if (notice.accountId !== order.accountId) return 11
  if (notice.amountKopecks !== order.amountKopecks || notice.currency !== order.currency) return 12
  if (notice.operationType !== null && notice.operationType !== 'Payment') return 13
  if (order.testMode !== null && notice.testMode !== null && notice.testMode !== order.testMode) return 13
  switch (order.state) {
    case 'open':
      return 0
    case 'cancelled':
      return 13
    case 'expired':
      return 20
    default:
      return unreachable(order.state)
  }
}

const kindOf = ({ params }: Delivery): CloudPaymentsKind | null =>
  cloudpaymentsKinds.find((kind) => kind === params.kind) ?? null

type ContentKind = 'form' | 'json'

const formType = 'application/x-www-form-urlencoded'

/** The parser is chosen by the one media type named; two headers, another charset or another type name none. */
const contentKindOf = ({ headers }: Delivery): ContentKind | null => {
  const types = headers.get('content-type') ?? []
  if (types.length === 1 && types[0] === formType) return 'form'
  const match = /^\s*([\w.+/-]+)\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?\s*$/i.exec(
    types.length === 1 ? (types[0] ?? '') : '',
  )
  const type = match?.[1]?.toLowerCase()
  if (type === formType) return 'form'
  return type === 'application/json' ? 'json' : null
}

const proofOfDelivery = (delivery: Delivery, { apiSecrets }: CloudPaymentsSettings): Proof =>
  proofOf(
    {
      raw: delivery.body,
      form: contentKindOf(delivery) === 'form',
      contentHmac: delivery.headers.get('content-hmac') ?? [],
      xContentHmac: delivery.headers.get('x-content-hmac') ?? [],
    },
    apiSecrets,
  )

const verify = (delivery: Delivery, settings: CloudPaymentsSettings): Authenticity => {
  if (kindOf(delivery) === null) return { tag: 'refused', status: 404, code: 'unknown-kind' }
  const proof = proofOfDelivery(delivery, settings)
  return proof.tag === 'none'
    ? { tag: 'refused', status: 401, code: proof.code }
    : { tag: 'authentic', secretName: `${proof.tag}-${proof.secretNumber}` }
}

/**
 * The proof as `verify` told it. Signatures are not kept, so a kept delivery without that word is at least worth its number,
 * which is read again at the API.
 */
const provenOf = (delivery: Delivery, settings: CloudPaymentsSettings): Pick<Proof, 'tag'> => {
  if (delivery.secretName?.startsWith('content-hmac-')) return { tag: 'content-hmac' }
  if (delivery.secretName?.startsWith('hint-')) return { tag: 'hint' }
  const proof = proofOfDelivery(delivery, settings)
  return proof.tag === 'none' && proof.code === 'signature-missing' ? { tag: 'hint' } : proof
}

const malformed = (reason: string, status = 400): Reading<never> => ({
  tag: 'malformed',
  reason,
  answer: { status, contentType: 'text/plain; charset=utf-8', body: reason },
})

const read = (delivery: Delivery, settings: CloudPaymentsSettings): Reading<CloudPaymentsNotice> => {
  const kind = kindOf(delivery)
  if (kind === null) return malformed('unknown-kind', 404)
  const proof = provenOf(delivery, settings)
  if (proof.tag === 'none') return malformed('signature-not-valid', 401)
  if (delivery.body.length > cloudpaymentsBodyBytesMax) return malformed('body-too-large', 413)
  const content = contentKindOf(delivery)
  if (content === null) return malformed('content-type-not-supported', 415)
  const text = content === 'form' ? latin1Text(delivery.body) : utf8Text(delivery.body)
  const fields = text === null ? null : content === 'form' ? formFields(text) : jsonFields(text)
  if (fields === null) return malformed('body-not-well-formed')
  if (fields.size === 0) return malformed('no-fields')
  const fault = faultOf(kind, fields)
  if (fault !== null) return malformed(fault)
  const key = dedupeKeyOf(kind, fields)
  const canonical = canonicalFields(fields)
  if (proof.tag === 'content-hmac') return { tag: 'facts', dedupeKey: key, canonical, facts: noticeOf(kind, fields) }
  // A hint keeps a key of its own: it must neither take the place of the proven delivery nor be taken for its repeat.
  const dedupeKey = `${key}:hint`
  const transactionId = int64Field(fields, 'transactionid')
  if (transactionId === null) return { tag: 'ignored', dedupeKey, canonical, reason: 'hint-without-transaction' }
  return { tag: 'facts', dedupeKey, canonical, facts: hintOf(kind, transactionId), flags: ['hint'] }
}

const present = (fields: Fields, name: Lowercase<string>): boolean => fieldOf(fields, name) !== null

/** Why these fields are not a notification of this kind: the address decides the kind, so a body of another kind is refused. */
const faultOf = (kind: CloudPaymentsKind, fields: Fields): string | null => {
  const amount = fields.get('amount')
  if (amount === undefined ? kind === 'check' || kind === 'pay' : kopecksFromRubles(amount) === null)
    return 'amount-not-valid'
  if (kind === 'recurrent') {
    if (present(fields, 'transactionid') || present(fields, 'reasoncode')) return 'fields-of-another-kind'
    return shortField(fields, 'id') === null ? 'no-subscription-id' : null
  }
  if (int64Field(fields, 'transactionid') === null) return 'transaction-id-not-valid'
  if (present(fields, 'id') && present(fields, 'interval')) return 'fields-of-another-kind'
  if (kind !== 'fail' && present(fields, 'reasoncode')) return 'fields-of-another-kind'
  if (kind === 'refund') {
    return int64Field(fields, 'paymenttransactionid') === null ? 'payment-transaction-id-not-valid' : null
  }
  return present(fields, 'paymenttransactionid') ? 'fields-of-another-kind' : null
}

/** No notification has an id of its own; a subscription's is told apart by everything that changes between two of them. */
const dedupeKeyOf = (kind: CloudPaymentsKind, fields: Fields): string => {
  if (kind !== 'recurrent') return `cloudpayments:${kind}:${int64Field(fields, 'transactionid')}`
  const parts = [
    'id',
    'status',
    'successfultransactionsnumber',
    'failedtransactionsnumber',
    'nexttransactiondate',
  ] as const
  return `cloudpayments:recurrent:${parts.map((name) => shortField(fields, name) ?? '').join(':')}`
}

const noticeOf = (kind: CloudPaymentsKind, fields: Fields): CloudPaymentsNotice => ({
  kind,
  proof: 'content-hmac',
  transactionId: int64Field(fields, 'transactionid'),
  paymentTransactionId: int64Field(fields, 'paymenttransactionid'),
  invoiceId: shortField(fields, 'invoiceid'),
  accountId: shortField(fields, 'accountid'),
  amountKopecks: kopecksFromRubles(fields.get('amount') ?? ''),
  currency: shortField(fields, 'currency'),
  status: shortField(fields, 'status'),
  operationType: shortField(fields, 'operationtype'),
  testMode: booleanField(fields, 'testmode'),
  reasonCode: shortField(fields, 'reasoncode'),
  retryAfter: utcInstant(fieldOf(fields, 'retryafter')),
  subscriptionId: shortField(fields, kind === 'recurrent' ? 'id' : 'subscriptionid'),
  fallbackOfTransactionId: int64Field(fields, 'fallbackscenariodeclinedtransactionid'),
  tokenPresent: present(fields, 'token'),
  at: utcInstant(fieldOf(fields, 'datetime')),
})

const hintOf = (kind: CloudPaymentsKind, transactionId: string): CloudPaymentsNotice => ({
  kind,
  proof: 'hint',
  transactionId,
  paymentTransactionId: null,
  invoiceId: null,
  accountId: null,
  amountKopecks: null,
  currency: null,
  status: null,
  operationType: null,
  testMode: null,
  reasonCode: null,
  retryAfter: null,
  subscriptionId: null,
  fallbackOfTransactionId: null,
  tokenPresent: false,
  at: null,
})

/** A text with one character for each byte: the reader of forms takes ASCII only. */
const latin1Text = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')

const utf8Text = (bytes: Uint8Array): string | null => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}
