import type { Static } from '@sinclair/typebox'
import { done, type Outcome } from '../../kernel/decision.ts'
import { plusMs } from '../../kernel/time.ts'
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
import { isJsonNumber, type JsonNode, nodeAt, textAt } from '../strictJson.ts'
import {
  ChargeSaved,
  CreatePayment,
  chargeSavedBody,
  checked,
  createPaymentBody,
  ListPayments,
  ReadPayment,
  ReadRefund,
  Refund,
  refundBody,
} from './order.ts'
import { listFromNode, paymentFromNode, refundFromNode } from './payment.ts'
import type { YooKassaSettings } from './wire.ts'

/** What the client needs of the world, and how fast it may go. */
export type YooKassaCourierOptions = {
  readonly call: ProviderCall
  readonly stands: ChargeStands
  readonly perSecondMax?: number
}

/** The provider remembers a key for 24 hours; the last hour is left for clocks that differ. */
export const yookassaKeyLifetimeMs = 23 * 3_600_000

/** The provider answers within 30 s, or with 500. */
const policyOf = (perSecondMax: number): DestinationPolicy => ({
  concurrencyMax: 8,
  perSecondMax,
  deadlineMs: 35_000,
  attemptsMax: 30,
  afterUnknown: 'repeat',
})

/** Our side of YooKassa: payments, charges of saved methods, refunds, and reading them again. */
export const createYooKassaCourier = (settings: YooKassaSettings, options: YooKassaCourierOptions): Courier => {
  const desk: Desk = { settings, call: options.call, stands: options.stands }
  return {
    destination: 'yookassa',
    policy: policyOf(options.perSecondMax ?? 20),
    performers: {
      'yookassa.createPayment': createPayment(desk),
      'yookassa.chargeSaved': chargeSaved(desk),
      'yookassa.readPayment': readPayment(desk),
      'yookassa.listPayments': listPart(desk, 'payments'),
      'yookassa.listRefunds': listPart(desk, 'refunds'),
      'yookassa.refund': refund(desk),
      'yookassa.readRefund': readRefund(desk),
    },
  }
}

type Desk = { readonly settings: YooKassaSettings; readonly call: ProviderCall; readonly stands: ChargeStands }

const createPayment =
  (desk: Desk): Performer<unknown, ProviderPayment> =>
  async (payload, attempt) => {
    const order = checked(CreatePayment, payload)
    return 'field' in order
      ? unsendable(order.field)
      : pay(desk, { ...order.value, body: createPaymentBody(order.value) }, attempt)
  }

const chargeSaved =
  (desk: Desk): Performer<unknown, ProviderPayment> =>
  async (payload, attempt) => {
    const order = checked(ChargeSaved, payload)
    if ('field' in order) return unsendable(order.field)
    if (await desk.stands(order.value))
      return pay(desk, { ...order.value, body: chargeSavedBody(order.value) }, attempt)
    return noLongerWanted(attempt, () => findPaid(desk, order.value.paymentId, attempt))
  }

/** Creates a payment once: by its key while the provider remembers it, after that by looking for it first. */
const pay = async (
  desk: Desk,
  { paymentId, body }: { readonly paymentId: string; readonly body: string },
  attempt: Attempt,
): Promise<Outcome<ProviderPayment>> => {
  if (!keyIsRemembered(attempt, yookassaKeyLifetimeMs)) {
    const found = await findPaid(desk, paymentId, attempt)
    if (ended(found)) return found.end
    if (found.value !== null) return done(found.value)
  }
  const answer = await write(desk, { path: '/payments', body }, attempt)
  if (ended(answer)) return answer.end
  const payment = paymentFromNode(answer.value)
  return payment === null ? doubtful('answer-not-understood', attempt, yookassaKeyLifetimeMs) : done(payment)
}

const findPaid = (desk: Desk, paymentId: string, attempt: Attempt): Promise<Step<ProviderPayment | null>> =>
  findListed(desk, 'payments', { attempt, read: ownPayment(paymentId) })

const ownPayment = (paymentId: string) => (node: JsonNode) => {
  const payment = paymentFromNode(node)
  return payment?.paymentId === paymentId ? payment : null
}

const readPayment =
  (desk: Desk): Performer<unknown, ProviderPayment> =>
  async (payload, attempt) => {
    const asked = checked(ReadPayment, payload)
    if ('field' in asked) return unsendable(asked.field)
    const answer = await read(desk, `/payments/${encodeURIComponent(asked.value.providerPaymentId)}`, attempt)
    if (ended(answer)) return named(answer.end, 'payment-not-found')
    const payment = paymentFromNode(answer.value)
    return payment === null ? again('answer-not-understood', 'The answer is no payment') : done(payment)
  }

/** A page of one of the provider's two lists in a window of time; payments and refunds are listed apart. */
const listPart =
  (desk: Desk, part: 'payments' | 'refunds'): Performer<unknown, ProviderPayments> =>
  async (payload, attempt) => {
    const asked = checked(ListPayments, payload)
    if ('field' in asked) return unsendable(asked.field)
    const { from, to, cursor } = asked.value
    const query = new URLSearchParams({ 'created_at.gte': from, 'created_at.lte': to, limit: '100' })
    if (cursor !== null) query.set('cursor', cursor)
    const answer = await read(desk, `/${part}?${query}`, attempt)
    if (ended(answer)) return answer.end
    const list = listFromNode(answer.value)
    if (list === null) return again('answer-not-understood', 'The answer is no list')
    const payments = part === 'payments' ? list.items.flatMap((item) => paymentFromNode(item) ?? []) : []
    const refunds = part === 'refunds' ? list.items.flatMap((item) => refundFromNode(item, null) ?? []) : []
    // An item that cannot be read would be missing from a reconciliation without a word.
    if (payments.length + refunds.length !== list.items.length)
      return again('answer-not-understood', `The list has an item that is none of the ${part}`)
    return done({ payments, refunds, nextCursor: list.nextCursor })
  }

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
  if (!keyIsRemembered(attempt, yookassaKeyLifetimeMs)) {
    const own = (node: JsonNode) =>
      textAt(node, 'metadata', 'refund_id') === order.refundId ? refundFromNode(node, order.refundId) : null
    const found = await findListed(desk, 'refunds', { attempt, read: own })
    if (ended(found)) return found.end
    if (found.value !== null) return done(found.value)
  }
  const answer = await write(desk, { path: '/refunds', body: refundBody(order) }, attempt)
  if (ended(answer)) return answer.end
  const made = refundFromNode(answer.value, order.refundId)
  return made === null ? doubtful('answer-not-understood', attempt, yookassaKeyLifetimeMs) : done(made)
}

const readRefund =
  (desk: Desk): Performer<unknown, ProviderRefund> =>
  async (payload, attempt) => {
    const asked = checked(ReadRefund, payload)
    if ('field' in asked) return unsendable(asked.field)
    const answer = await read(desk, `/refunds/${encodeURIComponent(asked.value.providerRefundId)}`, attempt)
    if (ended(answer)) return named(answer.end, 'refund-not-found')
    const found = refundFromNode(answer.value, asked.value.refundId ?? null)
    return found === null ? again('answer-not-understood', 'The answer is no refund') : done(found)
  }

/** A read that ended with `not-found` is told in the words of what was read. */
const named = (end: NotDone, code: string): NotDone =>
  end.tag === 'refused' && end.code === 'not-found' ? { ...end, code } : end

/** The window of a day and a little more, at 100 a page, on a shop far larger than ours. */
const pagesMax = 50
const minuteMs = 60_000

/** Looks through everything made since the first attempt: the provider cannot search by our numbers. */
const findListed = async <Found>(
  desk: Desk,
  collection: 'payments' | 'refunds',
  { attempt, read: own }: { readonly attempt: Attempt; readonly read: (node: JsonNode) => Found | null },
): Promise<Step<Found | null>> => {
  const from = plusMs(attempt.firstAttemptAt, -minuteMs)
  let cursor: string | null = null
  for (let pageNumber = 0; pageNumber < pagesMax; pageNumber += 1) {
    const query = new URLSearchParams({ 'created_at.gte': from, limit: '100', ...(cursor === null ? {} : { cursor }) })
    const answer = await read(desk, `/${collection}?${query}`, attempt)
    if (ended(answer)) return answer
    const list = listFromNode(answer.value)
    if (list === null) return { end: again('answer-not-understood', 'The answer is no list') }
    for (const item of list.items) {
      const found = own(item)
      if (found !== null) return { value: found }
    }
    if (list.nextCursor === null) return { value: null }
    cursor = list.nextCursor
  }
  return { end: { tag: 'unknown', code: 'look-up-too-long', detail: `The list has more than ${pagesMax} pages` } }
}

type Call = { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: string }

/** Sends a call under each valid secret until one is accepted; a refused one cannot have taken effect. */
const exchange = async (
  { settings, call }: Desk,
  { method, path, body }: Call,
  attempt: Attempt,
): Promise<Exchange> => {
  let answer: Exchange = { tag: 'not-sent', code: 'no-secret-key' }
  for (const secretKey of settings.secretKeys) {
    answer = await call({
      method,
      url: `${settings.baseUrl.replace(/\/$/, '')}${path}`,
      headers: {
        authorization: `Basic ${Buffer.from(`${settings.shopId}:${secretKey}`).toString('base64')}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'idempotence-key': attempt.key }),
      },
      ...(body === undefined ? {} : { body }),
      signal: attempt.signal,
    })
    if (answer.tag !== 'response' || answer.status !== 401) break
  }
  return answer
}

const read = async (desk: Desk, path: string, attempt: Attempt): Promise<Step<JsonNode>> => {
  const answer = await exchange(desk, { method: 'GET', path }, attempt)
  if (answer.tag !== 'response') return { end: again(answer.code, 'The provider could not be asked') }
  const node = nodeOf(answer.text)
  if (answer.status === 200 && node !== null) return { value: node }
  return {
    end: refusalOf(answer, node, attempt) ?? again('answer-not-understood', `The provider answered ${answer.status}`),
  }
}

const write = async (
  desk: Desk,
  { path, body }: { readonly path: string; readonly body: string },
  attempt: Attempt,
): Promise<Step<JsonNode>> => {
  const answer = await exchange(desk, { method: 'POST', path, body }, attempt)
  if (answer.tag !== 'response') return { end: interrupted(answer, attempt, yookassaKeyLifetimeMs) }
  const node = nodeOf(answer.text)
  if (answer.status === 200 && node !== null && textAt(node, 'type') !== 'processing') return { value: node }
  const code = answer.status >= 500 ? 'provider-error' : 'answer-not-understood'
  return { end: refusalOf(answer, node, attempt) ?? doubtful(code, attempt, yookassaKeyLifetimeMs) }
}

/** What the provider's table of answers says; null when the answer says nothing sure. */
const refusalOf = (
  { status, headers }: Extract<Exchange, { readonly tag: 'response' }>,
  node: JsonNode | null,
  { now }: Attempt,
): NotDone | null => {
  if (status === 401) return locked('YooKassa')
  if (status === 429) return throttled(headers, now, retryAfterMs(node))
  if (status === 202 || (status === 200 && node !== null && textAt(node, 'type') === 'processing')) {
    const notBefore = plusMs(now, Math.min(retryAfterMs(node) ?? 1000, minuteMs))
    return { tag: 'later', code: 'still-processing', detail: 'The provider is still at work', notBefore }
  }
  if (status === 403) return refusedOutcome('forbidden', 'YooKassa does not allow this to the shop')
  if (status === 404) return refusedOutcome('not-found', 'YooKassa does not know this object')
  // Only the provider's own words for the error: its description may repeat what was sent.
  if (node === null || textAt(node, 'type') !== 'error' || status < 400 || status >= 500) return null
  const parameter = textAt(node, 'parameter')
  const code = textAt(node, 'code') ?? 'without a code'
  return refusedOutcome(
    'request-not-accepted',
    `YooKassa did not accept the request: ${code}${parameter ? ` (${parameter})` : ''}`,
  )
}

const retryAfterMs = (node: JsonNode | null): number | null => {
  const value = nodeAt(node ?? undefined, 'retry_after')
  return isJsonNumber(value) && /^\d{1,9}$/.test(value.digits) ? Number(value.digits) : null
}
