import { rublesText } from '../../kernel/money.ts'
import { type Instant, msOf } from '../../kernel/time.ts'
import type { TwinChange } from '../twinDesk.ts'
import { type Envelope, hookOf, type Subscription, type TerminalData } from './twinModel.ts'
import { amountParam, flagParam, integerParam, momentParam, type Params, textParam } from './twinParams.ts'

type Context = { readonly now: Instant; readonly newId: () => string; readonly secret: string }

const yearMs = 366 * 86_400_000

/** Answers `/subscriptions/…`; null for an unknown method. The twin keeps the books of a schedule, and charges nobody by it. */
export const answerSubscriptions = (
  data: TerminalData,
  { method, params }: { readonly method: string; readonly params: Params },
  context: Context,
): TwinChange<TerminalData, Envelope> | null => {
  const found = data.subscriptions[textParam(params, 'Id')]
  switch (method) {
    case 'create':
      return create(data, params, context)
    case 'get':
      return found ? { data, result: success(subscriptionModel(found)) } : missing(data)
    case 'find': {
      const account = textParam(params, 'accountId')
      const all = Object.values(data.subscriptions).filter(({ accountId }) => accountId === account)
      return { data, result: success(all.map(subscriptionModel)) }
    }
    case 'update':
      return found ? update(data, found, { params, now: context.now }) : missing(data)
    case 'cancel':
      return found ? cancel(data, found, context.secret) : missing(data)
    default:
      return null
  }
}

const success = (model: unknown): Envelope => ({ Success: true, Message: null, Model: model })

const failure = (data: TerminalData, message: string): TwinChange<TerminalData, Envelope> => ({
  data,
  result: { Success: false, Message: message },
})

const missing = (data: TerminalData) => failure(data, 'Not found')

const create = (data: TerminalData, params: Params, { now, newId }: Context): TwinChange<TerminalData, Envelope> => {
  const amount = amountParam(params)
  if (typeof amount === 'string') return failure(data, amount)
  const token = data.tokens[textParam(params, 'Token')]
  if (token === undefined || textParam(params, 'AccountId') !== token.accountId)
    return failure(data, 'Token is not valid')
  const fault = scheduleFault(params, now)
  const startDate = momentParam(params, 'StartDate')
  if (fault !== null || startDate === null) return failure(data, fault ?? 'StartDate is required')
  const subscription: Subscription = {
    id: `sc_${newId().replaceAll('-', '').slice(0, 28)}`,
    token: token.token,
    accountId: token.accountId,
    description: textParam(params, 'Description'),
    email: textParam(params, 'Email'),
    amountKopecks: amount,
    requireConfirmation: flagParam(params, 'RequireConfirmation'),
    startDate,
    interval: textParam(params, 'Interval'),
    period: integerParam(params, 'Period') ?? 1,
    maxPeriods: integerParam(params, 'MaxPeriods'),
    status: 'Active',
  }
  return entered(data, subscription)
}

const scheduleFault = (params: Params, now: Instant): string | null => {
  const startDate = momentParam(params, 'StartDate')
  if (startDate === null || msOf(startDate) <= msOf(now)) return 'StartDate should be in the future'
  if (msOf(startDate) - msOf(now) > yearMs) return 'StartDate should be within a year'
  if (!['Day', 'Week', 'Month'].includes(textParam(params, 'Interval'))) return 'Interval is not valid'
  if ((integerParam(params, 'Period') ?? 0) < 1) return 'Period is not valid'
  return params.has('maxperiods') && (integerParam(params, 'MaxPeriods') ?? 0) < 1 ? 'MaxPeriods is not valid' : null
}

const entered = (data: TerminalData, subscription: Subscription): TwinChange<TerminalData, Envelope> => ({
  data: { ...data, subscriptions: { ...data.subscriptions, [subscription.id]: subscription } },
  result: success(subscriptionModel(subscription)),
})

/** Any update revives a cancelled subscription, without a notification: the provider does so. */
const update = (
  data: TerminalData,
  found: Subscription,
  { params, now }: { readonly params: Params; readonly now: Instant },
): TwinChange<TerminalData, Envelope> => {
  const amount = params.has('amount') ? amountParam(params) : found.amountKopecks
  if (typeof amount === 'string') return failure(data, amount)
  const startDate = params.has('startdate') ? momentParam(params, 'StartDate') : found.startDate
  if (startDate === null || (params.has('startdate') && msOf(startDate) <= msOf(now))) {
    return failure(data, 'StartDate should be in the future')
  }
  const description = params.has('description') ? textParam(params, 'Description') : found.description
  return entered(data, { ...found, amountKopecks: amount, startDate, description, status: 'Active' })
}

const cancel = (data: TerminalData, found: Subscription, secret: string): TwinChange<TerminalData, Envelope> => {
  const cancelled: Subscription = { ...found, status: 'Cancelled' }
  const { data: next } = entered(data, cancelled)
  const hooks = [hookOf('recurrent', recurrentFields(cancelled), secret)]
  return { data: next, result: { Success: true, Message: null }, hooks }
}

const recurrentFields = (subscription: Subscription): Readonly<Record<string, string>> => ({
  Id: subscription.id,
  AccountId: subscription.accountId,
  Description: subscription.description,
  Email: subscription.email,
  Amount: rublesText(subscription.amountKopecks),
  Currency: 'RUB',
  RequireConfirmation: subscription.requireConfirmation ? 'True' : 'False',
  StartDate: subscription.startDate.slice(0, 19).replace('T', ' '),
  Interval: subscription.interval,
  Period: String(subscription.period),
  Status: subscription.status,
  SuccessfulTransactionsNumber: '0',
  FailedTransactionsNumber: '0',
})

const statusCodes = { Active: 0, PastDue: 1, Rejected: 2, Cancelled: 3, Expired: 4 } as const

const subscriptionModel = (subscription: Subscription): Readonly<Record<string, unknown>> => ({
  Id: subscription.id,
  AccountId: subscription.accountId,
  Description: subscription.description,
  Email: subscription.email,
  Amount: subscription.amountKopecks / 100,
  Currency: 'RUB',
  RequireConfirmation: subscription.requireConfirmation,
  StartDateIso: subscription.startDate.slice(0, 19),
  Interval: subscription.interval,
  Period: subscription.period,
  MaxPeriods: subscription.maxPeriods,
  CultureName: 'ru-RU',
  Status: subscription.status,
  StatusCode: statusCodes[subscription.status],
  SuccessfulTransactionsNumber: 0,
  FailedTransactionsNumber: 0,
  LastTransactionDateIso: null,
  NextTransactionDateIso: subscription.status === 'Active' ? subscription.startDate.slice(0, 19) : null,
})
