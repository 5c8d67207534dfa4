import { type Instant, msOf, parseInstant } from '../../kernel/time.ts'
import type { TwinAnswer, TwinChange, TwinDesk } from '../twinDesk.ts'
import { isRecord, jsonResponse } from '../twinRoutes.ts'
import {
  amountOf,
  cancelPayment,
  capturePayment,
  enterRefund,
  keyLifetimeMs,
  type Payment,
  type PaymentEntry,
  type Refund,
  type ShopData,
  settlePayment,
  withPayment,
} from './twinModel.ts'
import { captureFault, type Fault, listFault, paymentFault, refundFault, sumOf } from './twinRules.ts'

/** One authorised call below `/v3`. */
export type ApiCall = {
  readonly desk: TwinDesk<ShopData>
  readonly newId: () => string
  readonly shop: { readonly shopId: string; readonly live: boolean; readonly savingAllowed: boolean }
  readonly method: string
  /** After `/v3`, such as `/payments`. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Headers
  readonly text: string
  /** Where the twin's pages are. */
  readonly base: string
}

/** The provider's error answer. */
export const errorResponse = (
  id: string,
  { status, code, ...more }: { readonly status: number; readonly code: string } & Readonly<Record<string, unknown>>,
): Response => jsonResponse({ type: 'error', id, code, ...more }, status)

const refusal = (response: Response, summary: string): TwinAnswer => ({ response, applied: false, summary })

const faultAnswer = ({ newId }: ApiCall, fault: Fault): TwinAnswer => {
  const { status = 400, ...more } = fault
  const code = status === 403 ? 'forbidden' : 'invalid_request'
  return refusal(errorResponse(newId(), { ...more, status, code }), fault.description)
}

const notFound = ({ newId }: ApiCall): TwinAnswer =>
  refusal(errorResponse(newId(), { status: 404, code: 'not_found', description: 'Object is not found' }), 'not found')

/** Answers an authorised API call. */
export const answerApi = async (call: ApiCall): Promise<TwinAnswer> => {
  const { method, path } = call
  const [, collection = '', id, action] = path.split('/')
  if (!['payments', 'refunds', 'receipts', 'me'].includes(collection)) return notFound(call)
  const wanted = action !== undefined || id === undefined ? methodsOf(collection, action) : ['GET']
  if (!wanted.includes(method)) {
    return refusal(new Response(null, { status: 405, headers: { allow: wanted.join(', ') } }), 'method not allowed')
  }
  return method === 'GET' ? answerGet(call, collection, id) : answerPost(call, { collection, id, action })
}

const methodsOf = (collection: string, action: string | undefined): readonly string[] => {
  if (action !== undefined) return ['POST']
  return collection === 'payments' || collection === 'refunds' ? ['GET', 'POST'] : ['GET']
}

const answerGet = async (call: ApiCall, collection: string, id: string | undefined): Promise<TwinAnswer> => {
  const { data } = await settledState(call)
  if (collection === 'me') {
    const { shopId, live } = call.shop
    const me = { account_id: shopId, status: 'enabled', test: !live, payment_methods: ['bank_card'] }
    return refusal(jsonResponse(me), 'me')
  }
  const objects: readonly (Payment | Refund)[] =
    collection === 'payments'
      ? Object.values(data.payments).map(({ payment }) => payment)
      : collection === 'refunds'
        ? Object.values(data.refunds)
        : []
  if (id === undefined) return listAnswer(call, objects)
  const found = objects.find((object) => object.id === id)
  return found ? refusal(jsonResponse(found), `${collection} ${found.id}: ${found.status}`) : notFound(call)
}

/** Time may have ended a payment since the last call. */
const settledState = async ({ desk }: ApiCall) => {
  await desk.change((data) => ({ data, result: null }))
  return desk.state()
}

const listAnswer = (call: ApiCall, objects: readonly (Payment | Refund)[]): TwinAnswer => {
  const { query } = call
  const fault = listFault(query, (cursor) => objects.some(({ id }) => id === cursor))
  if (fault !== null) return faultAnswer(call, fault)
  const matching = objects
    .filter((object) => [...query].every(([name, value]) => matches(object, name, value)))
    .sort((left, right) =>
      left.created_at === right.created_at
        ? left.id < right.id
          ? 1
          : -1
        : left.created_at < right.created_at
          ? 1
          : -1,
    )
  const cursor = query.get('cursor')
  const start = cursor === null ? 0 : matching.findIndex(({ id }) => id === cursor) + 1
  const items = matching.slice(start, start + Number(query.get('limit') ?? 10))
  const more = start + items.length < matching.length
  const last = items.at(-1)
  return refusal(
    jsonResponse({ type: 'list', items, ...(more && last ? { next_cursor: last.id } : {}) }),
    `list of ${items.length}`,
  )
}

const matches = (object: Payment | Refund, name: string, value: string): boolean => {
  if (name === 'status') return object.status === value
  if (name === 'payment_id') return 'payment_id' in object && object.payment_id === value
  const [field, comparison] = name.split('.')
  if (comparison === undefined) return true
  const at = field === 'created_at' ? object.created_at : 'captured_at' in object ? object.captured_at : undefined
  const bound = parseInstant(value)
  if (at === undefined || bound === null) return false
  const difference = msOf(at) - msOf(bound)
  if (comparison === 'gte') return difference >= 0
  if (comparison === 'gt') return difference > 0
  return comparison === 'lte' ? difference <= 0 : difference < 0
}

type Target = { readonly collection: string; readonly id: string | undefined; readonly action: string | undefined }

const answerPost = async (call: ApiCall, target: Target): Promise<TwinAnswer> => {
  if (!/^application\/json\s*(;|$)/i.test(call.headers.get('content-type') ?? '')) {
    return refusal(new Response(null, { status: 415 }), 'content type not supported')
  }
  const key = call.headers.get('idempotence-key') ?? ''
  if (!/^[0-9a-zA-Z+_.-]{1,64}$/.test(key)) {
    return faultAnswer(call, { description: 'Idempotence key is missing or not valid', parameter: 'Idempotence-Key' })
  }
  const body = parsedBody(call.text)
  if (body === null) return faultAnswer(call, { description: 'Request body is not a JSON object' })
  const asked = `${call.path} ${call.text}`
  const result = await call.desk.change((shop, now) =>
    underKey(shop, { key, asked, now }, () => perform(call, target, { shop, body, now })),
  )
  return 'fault' in result
    ? result.fault === null
      ? notFound(call)
      : faultAnswer(call, result.fault)
    : succeeded(result)
}

const succeeded = ({
  answer,
  applied,
}: {
  readonly answer: Payment | Refund
  readonly applied: boolean
}): TwinAnswer => ({
  response: jsonResponse(answer),
  applied,
  summary: `${'payment_id' in answer ? 'refund' : 'payment'} ${answer.id}: ${answer.status}, ${answer.amount.value} ${answer.amount.currency}`,
})

type Result = { readonly answer: Payment | Refund; readonly applied: boolean } | { readonly fault: Fault | null }

type Work = { readonly shop: ShopData; readonly body: Readonly<Record<string, unknown>>; readonly now: Instant }

/** Gives the first answer again under a key of the last day; what was refused is not remembered. */
const underKey = (
  shop: ShopData,
  { key, asked, now }: { readonly key: string; readonly asked: string; readonly now: Instant },
  work: () => TwinChange<ShopData, Payment | Refund> | { readonly fault: Fault | null },
): TwinChange<ShopData, Result> => {
  const known = shop.keys[key]
  if (known !== undefined && msOf(now) - msOf(known.at) < keyLifetimeMs) {
    if (known.asked === asked) return { data: shop, result: { answer: known.answer, applied: false } }
    const fault = { description: 'Idempotence key duplicated', parameter: 'Idempotence-Key' }
    return { data: shop, result: { fault } }
  }
  const change = work()
  if ('fault' in change) return { data: shop, result: { fault: change.fault } }
  const fresh = Object.entries(change.data.keys).filter(([, { at }]) => msOf(now) - msOf(at) < keyLifetimeMs)
  const keys = { ...Object.fromEntries(fresh), [key]: { at: now, asked, answer: change.result } }
  const remembered = { ...change.data, keys }
  return { data: remembered, result: { answer: change.result, applied: true }, hooks: change.hooks ?? [] }
}

const perform = (
  call: ApiCall,
  { collection, id, action }: Target,
  work: Work,
): TwinChange<ShopData, Payment | Refund> | { readonly fault: Fault | null } => {
  if (collection === 'refunds') return createRefund(call, work)
  if (id === undefined) return createPayment(call, work)
  const entry = work.shop.payments[id]
  if (entry === undefined || (action !== 'capture' && action !== 'cancel')) return { fault: null }
  if (action === 'capture') {
    const fault = captureFault(work.body, entry.payment)
    const amount = sumOf(work.body.amount)
    if (fault !== null) return { fault }
    return capturePayment(
      work.shop,
      entry,
      work.now,
      amount ? amountOf(amount.sum, amount.currency) : entry.payment.amount,
    )
  }
  return entry.payment.status === 'waiting_for_capture'
    ? cancelPayment(work.shop, entry, 'canceled_by_merchant')
    : { fault: { description: 'Payment is not in status waiting_for_capture' } }
}

const createPayment = (
  call: ApiCall,
  { shop, body, now }: Work,
): TwinChange<ShopData, Payment> | { readonly fault: Fault } => {
  const fault = paymentFault(body, shop, call.shop.savingAllowed)
  const amount = sumOf(body.amount)
  if (fault !== null || amount === null)
    return { fault: fault ?? { description: 'Amount is required', parameter: 'amount' } }
  const id = call.newId()
  const payment: Payment = {
    id,
    status: 'pending',
    paid: false,
    amount: amountOf(amount.sum, amount.currency),
    recipient: { account_id: call.shop.shopId, gateway_id: `${call.shop.shopId}1` },
    created_at: now,
    test: !call.shop.live,
    refundable: false,
    ...(typeof body.description === 'string' ? { description: body.description } : {}),
    ...(isRecord(body.metadata) ? { metadata: textsOf(body.metadata) } : {}),
    ...(body.receipt === undefined ? {} : { receipt_registration: 'pending' }),
  }
  const entry: PaymentEntry = { payment, capture: body.capture === true, save: body.save_payment_method === true }
  const saved = typeof body.payment_method_id === 'string' ? shop.methods[body.payment_method_id] : undefined
  if (saved !== undefined) {
    const outcome = { reason: saved.reason, party: 'payment_network', secure: false }
    return settlePayment(withPayment(shop, entry), { entry, method: saved.method, outcome, now })
  }
  const confirmation = isRecord(body.confirmation) ? body.confirmation : {}
  const waiting: Payment = {
    ...payment,
    confirmation: {
      type: 'redirect',
      confirmation_url: `${call.base}/pay/${id}`,
      return_url: String(confirmation.return_url),
    },
  }
  return { data: withPayment(shop, { ...entry, payment: waiting }), result: waiting }
}

const createRefund = (
  call: ApiCall,
  { shop, body, now }: Work,
): TwinChange<ShopData, Refund> | { readonly fault: Fault } => {
  const fault = refundFault(body, shop)
  const amount = sumOf(body.amount)
  if (fault !== null || amount === null)
    return { fault: fault ?? { description: 'Amount is required', parameter: 'amount' } }
  const refund: Refund = {
    id: call.newId(),
    payment_id: String(body.payment_id),
    status: shop.nextRefund,
    amount: amountOf(amount.sum, amount.currency),
    created_at: now,
    ...(typeof body.description === 'string' ? { description: body.description } : {}),
    ...(isRecord(body.metadata) ? { metadata: textsOf(body.metadata) } : {}),
    ...(shop.nextRefund === 'canceled'
      ? { cancellation_details: { party: 'refund_network', reason: 'rejected_by_payee' } }
      : {}),
  }
  return enterRefund({ ...shop, nextRefund: 'succeeded' }, refund)
}

const textsOf = (metadata: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, String(value)]))

const parsedBody = (text: string): Readonly<Record<string, unknown>> | null => {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}
