import { rublesText } from '../../kernel/money.ts'
import { html } from '../html.ts'
import type { Twin, TwinContext } from '../twin.ts'
import { callAtDesk, openDesk, type TwinAnswer, type TwinState } from '../twinDesk.ts'
import { basicMatches, deskRoute, isRecord, jsonObject, jsonResponse, page, policyFrom } from '../twinRoutes.ts'
import { answerApi } from './twinApi.ts'
import { reasonOf, testCards } from './twinCards.ts'
import {
  type Envelope,
  emptyTerminal,
  envelopeOf,
  hookOf,
  type Order,
  type TerminalData,
  type Transaction,
} from './twinModel.ts'
import { paramsOf } from './twinParams.ts'
import { applyAgain, payOrder, type Terminal } from './twinPay.ts'

/** What the CloudPayments twin keeps between two starts. */
export type CloudPaymentsTwinState = TwinState<TerminalData>

/** The terminal that the twin plays. */
export type CloudPaymentsTwinSettings = {
  readonly publicId: string
  readonly apiSecrets: readonly string[]
  readonly live?: boolean
}

const minuteMs = 60_000

/** The provider delivers a notification again after 1, 2, 5, 10 and then every 30 minutes, 100 times in all. */
const retryGapsMs = [1, 2, 5, 10, 30].map((minutes) => minutes * minuteMs)
const attemptsMax = 100

/** Calls at once on a test terminal and on a live one; the next one gets 429. */
const concurrencyMax = { test: 5, live: 30 }

const bodyBytesMax = 1_048_576

/** A stand-in for CloudPayments: the API, a page to pay on, and signed notifications, `check` before each payment. */
export const createCloudPaymentsTwin = (
  context: TwinContext<CloudPaymentsTwinState>,
  settings: CloudPaymentsTwinSettings,
): Twin => {
  const { publicId, apiSecrets, live = false } = settings
  const desk = openDesk(context, {
    empty: emptyTerminal,
    retryGapsMs,
    attemptsMax,
    isAccepted: (status, body) => status === 200 && /^\s*\{\s*"code"\s*:\s*0\s*\}\s*$/.test(body),
    sweep: () => null,
    hasTimers: () => false,
  })
  const terminal: Terminal = { desk, newId: context.newId, publicId, secret: apiSecrets[0] ?? '', testMode: !live }
  let running = 0
  const limited = async (work: () => Promise<Response>): Promise<Response> => {
    if (running >= (live ? concurrencyMax.live : concurrencyMax.test)) return new Response('', { status: 429 })
    running += 1
    return work().finally(() => {
      running -= 1
    })
  }
  return {
    provider: 'cloudpayments',
    handle: async (request, at) => {
      if (apiPath.test(at.path)) return limited(() => answerCall({ context, terminal, apiSecrets }, request, at))
      const route = await deskRoute(desk, request, at.path)
      return route ?? (await actRoute(terminal, request, at.path)) ?? pageRoute(terminal, request, at)
    },
  }
}

const apiPath = /^\/(test$|v2\/|payments\/|orders\/|subscriptions\/)/

type Place = { readonly path: string; readonly base: string }

type Parts = {
  readonly context: TwinContext<CloudPaymentsTwinState>
  readonly terminal: Terminal
  readonly apiSecrets: readonly string[]
}

const answerCall = async (
  { context, terminal, apiSecrets }: Parts,
  request: Request,
  { path, base }: Place,
): Promise<Response> => {
  const text = (await request.text()).slice(0, bodyBytesMax)
  const key = request.headers.get('x-request-id')
  const failure = (status: 401 | 429 | 500): Response => new Response('', { status })
  const bare = (status: number, summary: string): TwinAnswer => ({
    response: new Response('', { status }),
    applied: false,
    summary,
  })
  const perform = async (): Promise<TwinAnswer> => {
    if (!basicMatches(request.headers.get('authorization'), terminal.publicId, apiSecrets)) {
      return bare(401, 'wrong public id or secret')
    }
    if (request.method !== 'POST') return bare(405, 'method not allowed')
    const params = paramsOf(text, request.headers.get('content-type') ?? '')
    if (params === null) return bare(400, 'body is neither JSON nor a form')
    const result = await answerApi({ terminal, path, params, key, base })
    if (result === null) return bare(404, 'no such method')
    return { response: jsonResponse(result.envelope), applied: result.applied, summary: summaryOf(result.envelope) }
  }
  return callAtDesk(context, terminal.desk, { method: request.method, path, key, failure, perform })
}

const summaryOf = ({ Success, Message, Model }: Envelope): string => {
  const model = isRecord(Model) ? Model : {}
  const id = model.TransactionId ?? model.Id ?? ''
  return `${Success ? 'success' : 'no success'} ${Message ?? ''} ${id} ${model.Status ?? ''}`
    .replaceAll(/\s+/g, ' ')
    .trim()
}

/**
 * The routes for tests: `POST /act` acts the payer (`{orderId, card}`), the bank (`{token, reasonCode}`), the cabinet
 * (`{check: false}`) and a terminal that applies a payment twice in spite of the key (`{transactionId, again: true}`); `POST /hooks` sets how notifications misbehave, or sends a lie (`{lie: {kind, fields, secret}}`) and tells
 * how it was answered.
 */
const actRoute = async (terminal: Terminal, request: Request, path: string): Promise<Response | null> => {
  if (request.method !== 'POST' || (path !== '/act' && path !== '/hooks')) return null
  const asked = jsonObject(await request.text())
  if (path === '/act') return act(terminal, asked)
  const { lie } = asked
  if (isRecord(lie)) {
    const fields = Object.entries(isRecord(lie.fields) ? lie.fields : {}).map(([name, value]) => [name, String(value)])
    const secret = typeof lie.secret === 'string' ? lie.secret : terminal.secret
    return jsonResponse({
      answer: await terminal.desk.deliver(hookOf(String(lie.kind), Object.fromEntries(fields), secret)),
    })
  }
  await terminal.desk.adjust((state) => ({ ...state, policy: policyFrom(asked) }))
  return jsonResponse({ policy: policyFrom(asked) })
}

const act = async (terminal: Terminal, asked: Readonly<Record<string, unknown>>): Promise<Response> => {
  if (typeof asked.orderId === 'string' && typeof asked.card === 'string') {
    const transaction = await payByCard(terminal, asked.orderId, asked.card)
    if (transaction === null) return jsonResponse({ error: 'No open order of this id, or no test card' }, 409)
    return jsonResponse(envelopeOf((await terminal.desk.state()).data, transaction, terminal.publicId))
  }
  if (typeof asked.transactionId === 'number' && asked.again === true) {
    const again = await terminal.desk.change((data, now) =>
      applyAgain(data, { of: Number(asked.transactionId), now, terminal }),
    )
    return again === null ? jsonResponse({ error: 'No completed payment of this number' }, 409) : jsonResponse(again)
  }
  const done = await terminal.desk.change<boolean>((data) => {
    if (typeof asked.check === 'boolean') return { data: { ...data, checkOn: asked.check }, result: true }
    const saved = typeof asked.token === 'string' ? data.tokens[asked.token] : undefined
    if (saved === undefined || typeof asked.reasonCode !== 'number') return { data, result: false }
    return {
      data: { ...data, tokens: { ...data.tokens, [saved.token]: { ...saved, byToken: asked.reasonCode } } },
      result: true,
    }
  })
  return done ? jsonResponse({ result: 'done' }) : jsonResponse({ error: 'Nothing to act on' }, 409)
}

/** Pays an open order by a test card; null when there is no such order or card. */
const payByCard = async (terminal: Terminal, orderId: string, card: string): Promise<Transaction | null> => {
  const number = card.replaceAll(/\s/g, '')
  const order = (await terminal.desk.state()).data.orders[orderId]
  const outcome = testCards.get(number)
  return order?.status !== 'Created' || outcome === undefined ? null : payOrder(terminal, order, { number, outcome })
}

const pageRoute = async (terminal: Terminal, request: Request, { path, base }: Place): Promise<Response> => {
  const { data } = await terminal.desk.state()
  if (path === '/' && request.method === 'GET') return terminalPage(data, base)
  const order = data.orders[/^\/d\/([\w-]{1,64})$/.exec(path)?.[1] ?? '']
  if (order === undefined) return page({ title: 'Страница не найдена', body: '', root: base, status: 404 })
  if (request.method === 'GET') return payPage(order, { base, refusal: null })
  if (request.method !== 'POST') return new Response(null, { status: 405, headers: { allow: 'GET, POST' } })
  const card = new URLSearchParams(await request.text()).get('card') ?? ''
  if (!testCards.has(card.replaceAll(/\s/g, ''))) {
    return payPage(order, { base, refusal: 'Это не тестовая карта: возьмите номер из списка' })
  }
  const transaction = await payByCard(terminal, order.id, card)
  if (transaction === null) return payPage(order, { base, refusal: 'Этот заказ уже закрыт' })
  const declined = transaction.status === 'Declined'
  const target = declined ? order.failUrl : order.successUrl
  if (target !== '') return new Response(null, { status: 303, headers: { location: target } })
  const current = (await terminal.desk.state()).data.orders[order.id] ?? order
  const refusal = `Оплата отклонена: ${transaction.reasonCode} ${reasonOf(transaction.reasonCode)}. Можно попробовать другой картой`
  return payPage(current, { base, refusal: declined ? refusal : null })
}

const orderWords: Readonly<Record<Order['status'], string>> = {
  Created: 'ждёт оплаты',
  Paid: 'оплачен',
  Cancelled: 'отменён',
}

const transactionWords: Readonly<Record<Transaction['status'], string>> = {
  AwaitingAuthentication: 'ждёт',
  Authorized: 'деньги удержаны',
  Completed: 'завершена',
  Cancelled: 'отменена',
  Declined: 'отклонена',
}

const outcomeWords = (code: number): string => (code === 0 ? 'успех' : `отказ ${code}`)

const cardTable = (): string =>
  html`<h2>Тестовые карты</h2>
<table><tr><th>Номер</th><th>Первый платёж</th><th>Списания потом</th></tr>
!${[...testCards].map(([number, { first, byToken }]) => html`<tr><td>${number}</td><td>${outcomeWords(first)}</td><td>${outcomeWords(byToken)}</td></tr>`)}
</table>`

const payPage = (
  order: Order,
  { base, refusal }: { readonly base: string; readonly refusal: string | null },
): Response => {
  const body = html`<p>${order.description}</p>
<p class="sum">${rublesText(order.amountKopecks)} ₽</p>
<p>Состояние: ${orderWords[order.status]}</p>
!${refusal === null ? '' : html`<p class="note" role="alert">${refusal}</p>`}
!${
    order.status === 'Created'
      ? html`<form method="post" action="${base}/d/${order.id}">
<label>Номер карты <input name="card" inputmode="numeric" autocomplete="off" required maxlength="24"></label>
<button>Заплатить</button>
</form>
!${cardTable()}`
      : ''
  }`
  return page({ title: 'Оплата через CloudPayments', body, root: base, status: refusal === null ? 200 : 409 })
}

const terminalPage = (data: TerminalData, base: string): Response => {
  const orders = Object.values(data.orders)
    .toReversed()
    .slice(0, 100)
    .map(
      (order) => html`<tr><td><a href="${base}/d/${order.id}">${order.number}</a></td><td>${order.description}</td>
<td>${rublesText(order.amountKopecks)} ₽</td><td>${orderWords[order.status]}</td></tr>`,
    )
  const operations = Object.values(data.transactions)
    .toReversed()
    .slice(0, 100)
    .map(
      (item) => html`<tr><td>${item.id}</td><td>${item.type === 'Payment' ? 'оплата' : 'возврат'}</td>
<td>${rublesText(item.amountKopecks)} ₽</td><td>${transactionWords[item.status]} ${item.reasonCode === 0 ? '' : reasonOf(item.reasonCode)}</td></tr>`,
    )
  const body = html`<p>Здесь вместо CloudPayments отвечает её двойник. Откройте заказ и заплатите тестовой картой.</p>
<h2>Заказы</h2>
<table><tr><th>Заказ</th><th>За что</th><th>Сумма</th><th>Состояние</th></tr>
!${orders}
</table>
<h2>Операции</h2>
<table><tr><th>Номер</th><th>Что</th><th>Сумма</th><th>Состояние</th></tr>
!${operations}
</table>
!${cardTable()}`
  return page({ title: 'CloudPayments: терминал', body, root: base })
}
