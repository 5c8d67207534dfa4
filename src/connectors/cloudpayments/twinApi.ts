import { kopecks } from '../../kernel/money.ts'
import { type Instant, moscowDate, msOf, plusMs } from '../../kernel/time.ts'
import type { TwinChange } from '../twinDesk.ts'
import {
  type Envelope,
  envelopeOf,
  fieldsOf,
  hookOf,
  keyLifetimeMs,
  modelOf,
  type Order,
  refundedOf,
  type TerminalData,
  type Transaction,
  withTransaction,
} from './twinModel.ts'
import { amountParam, flagParam, integerParam, momentParam, type Params, textParam } from './twinParams.ts'
import { type Terminal, takeMoney } from './twinPay.ts'
import { answerSubscriptions } from './twinSubscriptions.ts'

/** One authorised call. */
export type ApiCall = {
  readonly terminal: Terminal
  readonly path: string
  readonly params: Params
  /** `X-Request-ID`, or null. */
  readonly key: string | null
  /** Where the twin's pages are. */
  readonly base: string
}

/** The answer, and whether the call changed anything. Null: no such method. */
export type ApiResult = { readonly envelope: Envelope; readonly applied: boolean } | null

/** Calls that change something; the others only read and need no memory. */
const writes =
  /^\/(orders\/|payments\/(tokens\/(charge|auth)|confirm|void|refund)$|subscriptions\/(create|update|cancel)$)/

/** Answers a call, or repeats the answer that the same request id got within the last hour. */
export const answerApi = async (call: ApiCall): Promise<ApiResult> => {
  const { terminal, key, path } = call
  if (!writes.test(path)) return answerRead(call)
  const known = key === null ? null : await rememberedAnswer(call, key)
  if (known !== null) return { envelope: known, applied: false }
  const result = await answerWrite(call)
  if (result !== null && key !== null) {
    await terminal.desk.change((data, at) => {
      const fresh = Object.entries(data.keys).filter(([, known]) => msOf(at) - msOf(known.at) < keyLifetimeMs)
      const keys = { ...Object.fromEntries(fresh), [key]: { at, answer: result.envelope } }
      return { data: { ...data, keys }, result: null }
    })
  }
  return result
}

const rememberedAnswer = ({ terminal }: ApiCall, key: string): Promise<Envelope | null> =>
  terminal.desk.change<Envelope | null>((data, now) => {
    const known = data.keys[key]
    return { data, result: known !== undefined && msOf(now) - msOf(known.at) < keyLifetimeMs ? known.answer : null }
  })

const refusal = (message: string): Envelope => ({ Success: false, Message: message })

const answerRead = async ({ terminal, path, params }: ApiCall): Promise<ApiResult> => {
  const { data } = await terminal.desk.state()
  const read = (envelope: Envelope): ApiResult => ({ envelope, applied: false })
  switch (path) {
    case '/test':
      return read({ Success: true, Message: terminal.newId() })
    case '/payments/get':
      return read(oneAnswer(data, data.transactions[textParam(params, 'TransactionId')], terminal.publicId))
    case '/payments/find':
    case '/v2/payments/find': {
      const invoiceId = textParam(params, 'InvoiceId')
      const all = Object.values(data.transactions).filter((item) => item.invoiceId === invoiceId && invoiceId !== '')
      const seen = path.startsWith('/v2') ? all : all.filter(({ type }) => type === 'Payment')
      return read(oneAnswer(data, seen.at(-1), terminal.publicId))
    }
    case '/payments/list':
      return read(dayAnswer(data, params, terminal.publicId))
    case '/v2/payments/list':
      return read(rangeAnswer(data, params, terminal.publicId))
    case '/payments/tokens/list':
      return read(tokensAnswer(data, params))
    case '/subscriptions/get':
    case '/subscriptions/find':
      return changeSubscriptions({ terminal, params }, path)
    default:
      return null
  }
}

const oneAnswer = (data: TerminalData, found: Transaction | undefined, publicId: string): Envelope =>
  found === undefined ? refusal('Not found') : envelopeOf(data, found, publicId)

const dayAnswer = (data: TerminalData, params: Params, publicId: string): Envelope => {
  const day = textParam(params, 'Date').slice(0, 10)
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return refusal('Date is required')
  const zone = textParam(params, 'TimeZone')
  const dayOf = (at: Instant) => (zone === 'MSK' ? moscowDate(at) : at.slice(0, 10))
  const found = Object.values(data.transactions).filter(({ createdAt }) => dayOf(createdAt) === day)
  return { Success: true, Message: null, Model: found.map((item) => modelOf(data, item, publicId)) }
}

const pageSize = 100

const rangeAnswer = (data: TerminalData, params: Params, publicId: string): Envelope => {
  const pageNumber = integerParam(params, 'PageNumber') ?? 0
  const from = momentParam(params, 'CreatedDateGte')
  const to = momentParam(params, 'CreatedDateLte')
  if (pageNumber < 1) return refusal('PageNumber is not valid')
  if (from === null || to === null) return refusal('CreatedDateGte and CreatedDateLte are required')
  const statuses = params.get('statuses')
  const wanted = Array.isArray(statuses) ? statuses.map(String) : null
  const found = Object.values(data.transactions)
    .filter(({ createdAt }) => createdAt >= from && createdAt <= to)
    .filter(({ status }) => wanted === null || wanted.includes(status))
    .sort((left, right) => left.id - right.id)
    .slice((pageNumber - 1) * pageSize, pageNumber * pageSize)
  return { Success: true, Message: null, Model: found.map((item) => modelOf(data, item, publicId)) }
}

const tokensAnswer = (data: TerminalData, params: Params): Envelope => {
  const pageNumber = Math.max(1, integerParam(params, 'PageNumber') ?? 1)
  const all = Object.values(data.tokens).slice((pageNumber - 1) * pageSize, pageNumber * pageSize)
  const model = all.map(({ token, accountId, card }) => ({
    Token: token,
    AccountId: accountId,
    CardMask: `${card.first6}******${card.last4}`,
    ExpirationDateMonth: 12,
    ExpirationDateYear: 2030,
  }))
  return { Success: true, Message: null, Model: model }
}

const answerWrite = async (call: ApiCall): Promise<ApiResult> => {
  const { terminal, path, params } = call
  switch (path) {
    case '/payments/tokens/charge':
      return chargeToken(call, false)
    case '/payments/tokens/auth':
      return chargeToken(call, true)
    case '/orders/create':
      return changed(terminal, (data, now) => createOrder(call, data, now))
    case '/orders/cancel':
      return changed(terminal, (data) => cancelOrder(data, params))
    case '/payments/confirm':
      return changed(terminal, (data, now) => confirm({ data, now }, params, terminal))
    case '/payments/void':
      return changed(terminal, (data) => voidPayment(data, params, terminal))
    case '/payments/refund':
      return changed(terminal, (data, now) => refund({ data, now }, params, terminal))
    default:
      return changeSubscriptions(call, path)
  }
}

const changed = async (
  { desk }: Terminal,
  step: (data: TerminalData, now: Instant) => TwinChange<TerminalData, Envelope>,
): Promise<ApiResult> =>
  desk.change<ApiResult>((data, now) => {
    const change = step(data, now)
    return { ...change, result: { envelope: change.result, applied: change.data !== data } }
  })

const changeSubscriptions = (
  { terminal, params }: Pick<ApiCall, 'terminal' | 'params'>,
  path: string,
): Promise<ApiResult> => {
  const method = path.slice('/subscriptions/'.length)
  return terminal.desk.change<ApiResult>((data, now) => {
    const context = { now, newId: terminal.newId, secret: terminal.secret }
    const change = answerSubscriptions(data, { method, params }, context)
    if (change === null) return { data, result: null }
    return { ...change, result: { envelope: change.result, applied: change.data !== data } }
  })
}

const failure = (data: TerminalData, message: string): TwinChange<TerminalData, Envelope> => ({
  data,
  result: refusal(message),
})

const chargeToken = async ({ terminal, params }: ApiCall, twoStages: boolean): Promise<ApiResult> => {
  const refused = (message: string): ApiResult => ({ envelope: refusal(message), applied: false })
  const amount = amountParam(params)
  if (typeof amount === 'string') return refused(amount)
  const accountId = textParam(params, 'AccountId')
  const initiator = textParam(params, 'TrInitiatorCode')
  if (textParam(params, 'Token') === '') return refused('Token is required')
  if (accountId === '') return refused('AccountId is required')
  if (initiator !== '0' && initiator !== '1') return refused('TrInitiatorCode is required')
  const saved = (await terminal.desk.state()).data.tokens[textParam(params, 'Token')]
  const foreign = saved === undefined || saved.accountId !== accountId
  const transaction = await takeMoney(terminal, {
    amountKopecks: amount,
    invoiceId: textParam(params, 'InvoiceId'),
    accountId,
    email: textParam(params, 'Email'),
    description: textParam(params, 'Description'),
    jsonData: textParam(params, 'JsonData'),
    card: saved?.card ?? { first6: '000000', last4: '0000', type: 'Visa' },
    token: saved?.token ?? '',
    twoStages,
    reasonCode: foreign ? 6025 : saved.byToken,
    newToken: null,
  })
  const { data } = await terminal.desk.state()
  return { envelope: envelopeOf(data, transaction, terminal.publicId), applied: true }
}

const createOrder = (
  { terminal, params, base }: ApiCall,
  data: TerminalData,
  now: Instant,
): TwinChange<TerminalData, Envelope> => {
  const amount = amountParam(params)
  if (typeof amount === 'string') return failure(data, amount)
  if (textParam(params, 'Description') === '') return failure(data, 'Description is required')
  if (flagParam(params, 'SendSms') && flagParam(params, 'SendViber'))
    return failure(data, 'SendSms and SendViber together')
  const id = terminal.newId().replaceAll('-', '').slice(0, 16)
  const order: Order = {
    id,
    number: Object.keys(data.orders).length + 1,
    amountKopecks: amount,
    description: textParam(params, 'Description'),
    email: textParam(params, 'Email'),
    invoiceId: textParam(params, 'InvoiceId'),
    accountId: textParam(params, 'AccountId'),
    jsonData: textParam(params, 'JsonData'),
    successUrl: textParam(params, 'SuccessRedirectUrl'),
    failUrl: textParam(params, 'FailRedirectUrl'),
    saveCard: flagParam(params, 'SaveCard'),
    twoStages: flagParam(params, 'RequireConfirmation'),
    status: 'Created',
    createdAt: now,
    paidAt: null,
  }
  const model = {
    Id: id,
    Number: order.number,
    Amount: amount / 100,
    Currency: 'RUB',
    Url: `${base}/d/${id}`,
    Email: order.email || null,
    Description: order.description,
    Status: order.status,
    CreatedDateIso: now.slice(0, 19),
    PaymentDateIso: null,
    InternalId: order.number,
  }
  const next = { ...data, orders: { ...data.orders, [id]: order } }
  return { data: next, result: { Success: true, Message: null, Model: model } }
}

const cancelOrder = (data: TerminalData, params: Params): TwinChange<TerminalData, Envelope> => {
  const order = data.orders[textParam(params, 'Id')]
  if (order === undefined) return failure(data, 'Not found')
  if (order.status !== 'Created') return failure(data, 'Order cannot be cancelled')
  const next = { ...data, orders: { ...data.orders, [order.id]: { ...order, status: 'Cancelled' as const } } }
  return { data: next, result: { Success: true, Message: null } }
}

type Books = { readonly data: TerminalData; readonly now: Instant }

const confirm = ({ data, now }: Books, params: Params, { secret }: Terminal): TwinChange<TerminalData, Envelope> => {
  const found = data.transactions[textParam(params, 'TransactionId')]
  const amount = amountParam(params)
  if (found === undefined) return failure(data, 'Not found')
  if (typeof amount === 'string') return failure(data, amount)
  if (found.status !== 'Authorized' || amount > found.amountKopecks) return failure(data, 'Payment cannot be confirmed')
  const confirmed: Transaction = { ...found, status: 'Completed', amountKopecks: amount, confirmedAt: now }
  const hooks = [hookOf('confirm', fieldsOf('confirm', confirmed), secret)]
  return { data: withTransaction(data, confirmed), result: { Success: true, Message: null }, hooks }
}

const voidPayment = (data: TerminalData, params: Params, { secret }: Terminal): TwinChange<TerminalData, Envelope> => {
  const found = data.transactions[textParam(params, 'TransactionId')]
  if (found === undefined) return failure(data, 'Not found')
  if (found.status !== 'Authorized') return failure(data, 'Only an authorized payment can be voided')
  const voided: Transaction = { ...found, status: 'Cancelled' }
  const hooks = [hookOf('cancel', fieldsOf('cancel', voided), secret)]
  return { data: withTransaction(data, voided), result: { Success: true, Message: null }, hooks }
}

const yearMs = 365 * 86_400_000

const refund = ({ data, now }: Books, params: Params, { secret }: Terminal): TwinChange<TerminalData, Envelope> => {
  const found = data.transactions[textParam(params, 'TransactionId')]
  const amount = amountParam(params)
  if (typeof amount === 'string') return failure(data, amount)
  if (found === undefined) return failure(data, 'Not found')
  if (found.type !== 'Payment' || found.status !== 'Completed')
    return failure(data, 'Only a completed payment can be refunded')
  if (now > plusMs(found.createdAt, yearMs)) return failure(data, 'Payment is older than a year')
  if (amount > kopecks(found.amountKopecks - refundedOf(data, found.id)))
    return failure(data, 'Amount is above the rest')
  const id = data.lastNumber + 1
  const { token: _, ...shared } = found
  const made: Transaction = {
    ...shared,
    id,
    type: 'Refund',
    originalId: found.id,
    amountKopecks: amount,
    jsonData: textParam(params, 'JsonData'),
    token: '',
    createdAt: now,
    confirmedAt: now,
  }
  const hooks = [hookOf('refund', fieldsOf('refund', made), secret)]
  return {
    data: withTransaction({ ...data, lastNumber: id }, made),
    result: { Success: true, Message: null, Model: { TransactionId: id } },
    hooks,
  }
}
