import type { Static } from '@sinclair/typebox'
import { done, type Outcome } from '../../kernel/decision.ts'
import { type Instant, plusMs } from '../../kernel/time.ts'
import type { Attempt, Courier, DestinationPolicy, Performer } from '../connector.ts'
import {
  again,
  type ChargeStands,
  doubtful,
  type Exchange,
  ended,
  interrupted,
  keyIsRemembered,
  locked,
  type NotDone,
  nodeOf,
  noLongerWanted,
  type ProviderCall,
  refusedOutcome,
  type Step,
  throttled,
  unsendable,
} from '../exchange.ts'
import type { ProviderPayment, ProviderPayments, ProviderRefund } from '../payment.ts'
import { isJsonList, isJsonMap, type JsonNode, nodeAt, textAt } from '../strictJson.ts'
import {
  ChargeToken,
  CreateOrder,
  chargeTokenBody,
  checked,
  createOrderBody,
  FindPayment,
  getBody,
  ListPayments,
  listBody,
  ReadPayment,
  Refund,
  refundBody,
} from './order.ts'
import { idAt, kopecksAt, originalOf, paymentFromModel, scalarAt } from './payment.ts'
import type { CloudPaymentsSettings } from './wire.ts'

/** What the client needs of the world, and how fast it may go. */
export type CloudPaymentsCourierOptions = {
  readonly call: ProviderCall
  readonly stands: ChargeStands
  readonly perSecondMax?: number
}

/** A link to pay by; `payment` instead, when a late repetition found that the number was paid or tried already. */
export type CloudPaymentsOrder = {
  readonly orderId: string | null
  readonly confirmationUrl: string | null
  readonly payment: ProviderPayment | null
}

/** The provider remembers a key for an hour; ten minutes are left for clocks that differ. */
export const cloudpaymentsKeyLifetimeMs = 50 * 60_000

/** Five calls at once on a test terminal, and the provider may take five minutes for one. */
const policyOf = (perSecondMax: number): DestinationPolicy => ({
  concurrencyMax: 5,
  perSecondMax,
  deadlineMs: 310_000,
  attemptsMax: 30,
  afterUnknown: 'repeat',
})

/** Our side of CloudPayments: orders, charges of saved cards, refunds, and reading or finding payments again. */
export const createCloudPaymentsCourier = (
  settings: CloudPaymentsSettings,
  options: CloudPaymentsCourierOptions,
): Courier => {
  const desk: Desk = { settings, call: options.call, stands: options.stands }
  return {
    destination: 'cloudpayments',
    policy: policyOf(options.perSecondMax ?? 20),
    performers: {
      'cloudpayments.createOrder': createOrder(desk),
      'cloudpayments.chargeToken': chargeToken(desk),
      'cloudpayments.readPayment': readPayment(desk),
      'cloudpayments.findPayment': findPayment(desk),
      'cloudpayments.listPayments': listPayments(desk),
      'cloudpayments.refund': refund(desk),
    },
  }
}

type Desk = {
  readonly settings: CloudPaymentsSettings
  readonly call: ProviderCall
  readonly stands: ChargeStands
}

const createOrder =
  (desk: Desk): Performer<unknown, CloudPaymentsOrder> =>
  async (payload, attempt) => {
    const order = checked(CreateOrder, payload)
    if ('field' in order) return unsendable(order.field)
    const known = await knownPayment(desk, order.value.paymentId, attempt)
    if (ended(known)) return known.end
    if (known.value !== null) return done({ orderId: null, confirmationUrl: null, payment: known.value })
    const answer = await write(desk, { path: '/orders/create', body: createOrderBody(order.value) }, attempt)
    if (ended(answer)) return answer.end
    const orderId = scalarAt(answer.value.model, 'Id')
    const confirmationUrl = textAt(answer.value.model, 'Url')
    if (!answer.value.success) return notAccepted(answer.value)
    return orderId === null || confirmationUrl === null
      ? doubtful('answer-not-understood', attempt, cloudpaymentsKeyLifetimeMs)
      : done({ orderId, confirmationUrl, payment: null })
  }

const chargeToken =
  (desk: Desk): Performer<unknown, ProviderPayment> =>
  async (payload, attempt) => {
    const order = checked(ChargeToken, payload)
    if ('field' in order) return unsendable(order.field)
    if (!(await desk.stands(order.value)))
      return noLongerWanted(attempt, () => findByInvoice(desk, order.value.paymentId, attempt))
    const known = await knownPayment(desk, order.value.paymentId, attempt)
    if (ended(known)) return known.end
    if (known.value !== null) return done(known.value)
    const answer = await write(desk, { path: '/payments/tokens/charge', body: chargeTokenBody(order.value) }, attempt)
    if (ended(answer)) return answer.end
    const payment = paymentFromModel(answer.value.model, desk.settings.publicId)
    if (payment !== null) return done(payment)
    return answer.value.success
      ? doubtful('answer-not-understood', attempt, cloudpaymentsKeyLifetimeMs)
      : notAccepted(answer.value)
  }

/** What a number came to already; asked only when the provider may have forgotten the key of the first attempt. */
const knownPayment = async (desk: Desk, paymentId: string, attempt: Attempt): Promise<Step<ProviderPayment | null>> =>
  keyIsRemembered(attempt, cloudpaymentsKeyLifetimeMs) ? { value: null } : findByInvoice(desk, paymentId, attempt)

const readPayment =
  (desk: Desk): Performer<unknown, ProviderPayment> =>
  async (payload, attempt) => {
    const asked = checked(ReadPayment, payload)
    if ('field' in asked) return unsendable(asked.field)
    const { transactionId, withRefunds = false } = asked.value
    const found = await readOne(desk, transactionId, attempt)
    if (ended(found)) return found.end
    if (found.value === null) return refusedOutcome('payment-not-found', 'CloudPayments does not know this transaction')
    const { payment, isRefund } = found.value
    if (!withRefunds && !isRefund) return done(payment)
    const refunded = await sumRefunds(desk, payment, attempt)
    return ended(refunded) ? refunded.end : done({ ...payment, refundedKopecks: refunded.value })
  }

const findPayment =
  (desk: Desk): Performer<unknown, ProviderPayment | null> =>
  async (payload, attempt) => {
    const asked = checked(FindPayment, payload)
    if ('field' in asked) return unsendable(asked.field)
    const found = await findByInvoice(desk, asked.value.paymentId, attempt)
    return ended(found) ? found.end : done(found.value)
  }

const listPayments =
  (desk: Desk): Performer<unknown, ProviderPayments> =>
  async (payload, attempt) => {
    const asked = checked(ListPayments, payload)
    if ('field' in asked) return unsendable(asked.field)
    const { from, to, cursor } = asked.value
    const pageNumber = Number(cursor ?? '1')
    const answer = await read(desk, { path: '/v2/payments/list', body: listBody(from, to, pageNumber) }, attempt)
    if (ended(answer)) return answer.end
    const { model, success } = answer.value
    if (!isJsonList(model)) return success ? notUnderstood() : notAccepted(answer.value)
    const items = model.filter((item) => originalOf(item) === null)
    const payments = items.flatMap((item) => paymentFromModel(item, desk.settings.publicId) ?? [])
    // A payment that cannot be read would be missing from a reconciliation without a word.
    if (payments.length !== items.length) return notUnderstood()
    const refunds = model.flatMap((item) => listedRefund(item))
    return done({ payments, refunds, nextCursor: model.length < pageSize ? null : String(pageNumber + 1) })
  }

/** An operation of the list that takes money back, with the payment that it belongs to. */
const listedRefund = (item: JsonNode): readonly ProviderRefund[] => {
  const providerPaymentId = originalOf(item)
  if (providerPaymentId === null) return []
  return refundOf(item).map(({ id, status, amountKopecks, jsonData }) => ({
    refundId: ownRefundId(jsonData) ?? '',
    providerRefundId: id,
    providerPaymentId,
    status,
    amountKopecks,
  }))
}

const ownRefundId = (jsonData: string | null): string | null => textAt(nodeOf(jsonData ?? '') ?? undefined, 'refund_id')

const refund =
  (desk: Desk): Performer<unknown, ProviderRefund> =>
  async (payload, attempt) => {
    const asked = checked(Refund, payload)
    return 'field' in asked ? unsendable(asked.field) : giveBack(desk, asked.value, attempt)
  }

const giveBack = async (
  desk: Desk,
  order: Static<typeof Refund>,
  attempt: Attempt,
): Promise<Outcome<ProviderRefund>> => {
  const { refundId, providerPaymentId, amountKopecks } = order
  if (!keyIsRemembered(attempt, cloudpaymentsKeyLifetimeMs)) {
    const listed = await listRefunds(desk, { of: providerPaymentId, from: attempt.firstAttemptAt, attempt })
    if (ended(listed)) return listed.end
    const own = listed.value.find(({ jsonData }) => ownRefundId(jsonData) === refundId)
    if (own !== undefined)
      return done({
        refundId,
        providerRefundId: own.id,
        providerPaymentId,
        status: own.status,
        amountKopecks: own.amountKopecks,
      })
  }
  const answer = await write(desk, { path: '/payments/refund', body: refundBody(order) }, attempt)
  if (ended(answer)) return answer.end
  if (!answer.value.success) return notAccepted(answer.value)
  const providerRefundId = idAt(answer.value.model, 'TransactionId')
  return providerRefundId === null
    ? doubtful('answer-not-understood', attempt, cloudpaymentsKeyLifetimeMs)
    : done({ refundId, providerRefundId, providerPaymentId, status: 'succeeded', amountKopecks })
}

type Found = { readonly payment: ProviderPayment; readonly isRefund: boolean }

/** Reads a transaction, and when it takes money back, the payment that it belongs to. */
const readOne = async (desk: Desk, transactionId: string, attempt: Attempt): Promise<Step<Found | null>> => {
  const answer = await read(desk, { path: '/payments/get', body: getBody(transactionId) }, attempt)
  if (ended(answer)) return answer
  return paymentOf(desk, answer.value, attempt)
}

const findByInvoice = async (
  desk: Desk,
  paymentId: string,
  attempt: Attempt,
): Promise<Step<ProviderPayment | null>> => {
  const body = JSON.stringify({ InvoiceId: paymentId })
  const answer = await read(desk, { path: '/v2/payments/find', body }, attempt)
  if (ended(answer)) return answer
  const found = await paymentOf(desk, answer.value, attempt)
  return ended(found) ? found : { value: found.value?.payment ?? null }
}

/** An answer's payment; the provider shows the last operation of a number only, which may be a refund of it. */
const paymentOf = async (desk: Desk, answer: Envelope, attempt: Attempt): Promise<Step<Found | null>> => {
  if (!isJsonMap(answer.model)) {
    return answer.message === 'Not found'
      ? { value: null }
      : { end: answer.success ? notUnderstood() : notAccepted(answer) }
  }
  const original = originalOf(answer.model)
  const payment = original === null ? paymentFromModel(answer.model, desk.settings.publicId) : null
  if (payment !== null) return { value: { payment, isRefund: false } }
  if (original === null) return { end: notUnderstood() }
  const parent = await read(desk, { path: '/payments/get', body: getBody(original) }, attempt)
  if (ended(parent)) return parent
  const found = paymentFromModel(parent.value.model, desk.settings.publicId)
  return found === null ? { end: notUnderstood() } : { value: { payment: found, isRefund: true } }
}

const sumRefunds = async (desk: Desk, payment: ProviderPayment, attempt: Attempt): Promise<Step<number>> => {
  const from = payment.createdAt ?? attempt.now
  const listed = await listRefunds(desk, { of: payment.providerPaymentId, from, attempt })
  if (ended(listed)) return listed
  const given = listed.value.filter(({ status }) => status === 'succeeded')
  return { value: given.reduce((sum, { amountKopecks }) => sum + amountKopecks, 0) }
}

type ListedRefund = {
  readonly id: string
  readonly status: ProviderRefund['status']
  readonly amountKopecks: number
  readonly jsonData: string | null
}

const pageSize = 100

/** Far more operations than our terminal sees between a payment and its refund. */
const pagesMax = 50
const minuteMs = 60_000

/** All refunds of a payment since a moment. */
const listRefunds = async (
  desk: Desk,
  { of, from, attempt }: { readonly of: string; readonly from: Instant; readonly attempt: Attempt },
): Promise<Step<readonly ListedRefund[]>> => {
  const found: ListedRefund[] = []
  for (let pageNumber = 1; pageNumber <= pagesMax; pageNumber += 1) {
    const body = listBody(plusMs(from, -minuteMs), plusMs(attempt.now, minuteMs), pageNumber)
    const answer = await read(desk, { path: '/v2/payments/list', body }, attempt)
    if (ended(answer)) return answer
    const { model } = answer.value
    if (!isJsonList(model)) return { end: answer.value.success ? notUnderstood() : notAccepted(answer.value) }
    found.push(...model.flatMap((item) => (originalOf(item) === of ? refundOf(item) : [])))
    if (model.length < pageSize) return { value: found }
  }
  return { end: { tag: 'unknown', code: 'look-up-too-long', detail: `The list has more than ${pagesMax} pages` } }
}

const refundOf = (item: JsonNode): readonly ListedRefund[] => {
  const id = idAt(item, 'TransactionId')
  const amountKopecks = kopecksAt(item, 'Amount')
  if (id === null || amountKopecks === null) return []
  const text = textAt(item, 'Status')
  const status =
    text === 'Completed' ? 'succeeded' : text === 'Declined' || text === 'Cancelled' ? 'canceled' : 'pending'
  return [{ id, amountKopecks, status, jsonData: textAt(item, 'JsonData') }]
}

type Envelope = { readonly success: boolean; readonly message: string | null; readonly model: JsonNode }

const notUnderstood = (): NotDone => again('answer-not-understood', 'The answer has another shape than documented')

/** The provider says no without a payment: a fault of the request, told in its own words for people who read them. */
const notAccepted = ({ message, model }: Envelope): NotDone => {
  const reason = scalarAt(model, 'ReasonCode')
  if (textAt(model, 'AcsUrl') !== null)
    return refusedOutcome('payer-must-confirm', 'The bank wants the payer to confirm')
  if (reason !== null && reason !== '0')
    return refusedOutcome('declined', `CloudPayments declined the operation: ${reason}`)
  const known = message !== null && /^[A-Za-z .,'-]{1,120}$/.test(message) ? message : 'without a reason'
  return refusedOutcome('request-not-accepted', `CloudPayments did not accept the request: ${known}`)
}

type Call = { readonly path: string; readonly body: string }

/** Sends a call under each valid secret until one is accepted; a refused one cannot have taken effect. */
const exchange = async (
  { settings, call }: Desk,
  { path, body, key }: Call & { readonly key: string | null },
  attempt: Attempt,
): Promise<Exchange> => {
  let answer: Exchange = { tag: 'not-sent', code: 'no-secret' }
  for (const apiSecret of settings.apiSecrets) {
    answer = await call({
      method: 'POST',
      url: `${settings.baseUrl.replace(/\/$/, '')}${path}`,
      headers: {
        authorization: `Basic ${Buffer.from(`${settings.publicId}:${apiSecret}`).toString('base64')}`,
        accept: 'application/json',
        'content-type': 'application/json',
        ...(key === null ? {} : { 'x-request-id': key }),
      },
      body,
      signal: attempt.signal,
    })
    if (answer.tag !== 'response' || answer.status !== 401) break
  }
  return answer
}

const read = async (desk: Desk, call: Call, attempt: Attempt): Promise<Step<Envelope>> => {
  const answer = await exchange(desk, { ...call, key: null }, attempt)
  if (answer.tag !== 'response') return { end: again(answer.code, 'The provider could not be asked') }
  const envelope = envelopeFrom(answer)
  return envelope === null ? { end: refusalOf(answer, attempt) ?? notUnderstood() } : { value: envelope }
}

const write = async (desk: Desk, call: Call, attempt: Attempt): Promise<Step<Envelope>> => {
  const answer = await exchange(desk, { ...call, key: attempt.key }, attempt)
  if (answer.tag !== 'response') return { end: interrupted(answer, attempt, cloudpaymentsKeyLifetimeMs) }
  const envelope = envelopeFrom(answer)
  if (envelope !== null) return { value: envelope }
  const code = answer.status >= 500 ? 'provider-error' : 'answer-not-understood'
  return { end: refusalOf(answer, attempt) ?? doubtful(code, attempt, cloudpaymentsKeyLifetimeMs) }
}

type Answered = Extract<Exchange, { readonly tag: 'response' }>

const envelopeFrom = ({ status, text }: Answered): Envelope | null => {
  const node = status === 200 ? nodeOf(text) : null
  const success = nodeAt(node ?? undefined, 'Success')
  if (node === null || typeof success !== 'boolean') return null
  return { success, message: textAt(node, 'Message'), model: nodeAt(node, 'Model') ?? null }
}

/** A place among the calls at once is free again soon. */
const placePauseMs = 5_000

const refusalOf = ({ status, headers }: Answered, { now }: Attempt): NotDone | null => {
  if (status === 401) return locked('CloudPayments')
  if (status === 429) return throttled(headers, now, placePauseMs)
  return status >= 400 && status < 500 && status !== 408
    ? refusedOutcome('request-not-accepted', `CloudPayments answered ${status}`)
    : null
}
