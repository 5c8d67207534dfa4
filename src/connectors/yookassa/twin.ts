import { kopecks } from '../../kernel/money.ts'
import { html } from '../html.ts'
import type { Twin, TwinContext } from '../twin.ts'
import { callAtDesk, openDesk, type TwinChange, type TwinDesk, type TwinState } from '../twinDesk.ts'
import { basicMatches, deskRoute, isRecord, jsonObject, jsonResponse, page, policyFrom } from '../twinRoutes.ts'
import { answerApi, errorResponse } from './twinApi.ts'
import { testCards } from './twinCards.ts'
import {
  amountOf,
  applyAgain,
  emptyShop,
  enterRefund,
  hookOf,
  methodOf,
  type Payment,
  type Refund,
  type ShopData,
  settlePayment,
  sweepShop,
} from './twinModel.ts'

/** What the YooKassa twin keeps between two starts. */
export type YooKassaTwinState = TwinState<ShopData>

/** The shop that the twin plays. `savingAllowed`: whether the provider lets it save means of payment. */
export type YooKassaTwinSettings = {
  readonly shopId: string
  readonly secretKeys: readonly string[]
  readonly live?: boolean
  readonly savingAllowed?: boolean
}

/** The provider delivers a notification again after these pauses, over a day in all. */
const retryGapsMs = [10, 42, 84, 168, 672, 5376, 80_000].map((seconds) => seconds * 1000)

/** A body above this is no payment. */
const bodyBytesMax = 262_144

/** A stand-in for YooKassa: the API below `/v3`, a page to pay on, and notifications. */
export const createYooKassaTwin = (context: TwinContext<YooKassaTwinState>, settings: YooKassaTwinSettings): Twin => {
  const desk = openDesk(context, {
    empty: emptyShop,
    retryGapsMs,
    attemptsMax: retryGapsMs.length + 1,
    isAccepted: (status) => status === 200,
    sweep: sweepShop,
    hasTimers: (shop) => Object.values(shop.payments).some(({ payment }) => payment.status === 'pending'),
  })
  const parts = { context, desk, settings }
  return {
    provider: 'yookassa',
    handle: async (request, { path, base }) => {
      if (path.startsWith('/v3/')) return answerCall(parts, request, { path, base })
      const route = await deskRoute(desk, request, path)
      return route ?? (await actRoute(parts, request, path)) ?? pageRoute(parts, request, { path, base })
    },
  }
}

type Parts = {
  readonly context: TwinContext<YooKassaTwinState>
  readonly desk: TwinDesk<ShopData>
  readonly settings: YooKassaTwinSettings
}

type Place = { readonly path: string; readonly base: string }

const answerCall = async (
  { context, desk, settings }: Parts,
  request: Request,
  { path, base }: Place,
): Promise<Response> => {
  const text = (await request.text()).slice(0, bodyBytesMax)
  const { shopId, secretKeys, live = false, savingAllowed = true } = settings
  const failure = (status: 401 | 429 | 500): Response => {
    const codes = { 401: 'invalid_credentials', 429: 'too_many_requests', 500: 'internal_server_error' } as const
    return errorResponse(context.newId(), { status, code: codes[status] })
  }
  const perform = async () => {
    if (!basicMatches(request.headers.get('authorization'), shopId, secretKeys)) {
      return { response: failure(401), applied: false, summary: 'wrong shop or key' }
    }
    return answerApi({
      desk,
      newId: context.newId,
      shop: { shopId, live, savingAllowed },
      method: request.method,
      path: path.slice('/v3'.length),
      query: new URL(request.url).searchParams,
      headers: request.headers,
      text,
      base,
    })
  }
  const key = request.headers.get('idempotence-key')
  return callAtDesk(context, desk, { method: request.method, path, key, failure, perform })
}

/**
 * The routes for tests: `POST /act` acts the payer (`{paymentId, card}`), the shop's clerk (`{paymentId, refundKopecks}`), the
 * bank (`{methodId, reason}`, `{nextRefund}`, `{refundId, status}`), and a shop that applies a payment twice in spite of the key
 * (`{paymentId, again: true}`); `POST /hooks` sets how notifications misbehave, or sends a
 * lie (`{lie: {event, object}}`) and tells how it was answered.
 */
const actRoute = async ({ context, desk }: Parts, request: Request, path: string): Promise<Response | null> => {
  if (request.method !== 'POST' || (path !== '/act' && path !== '/hooks')) return null
  const asked = jsonObject(await request.text())
  if (path === '/act') return jsonResponse(...(await act({ context, desk }, asked)))
  if (isRecord(asked.lie)) {
    const answer = await desk.deliver(hookOf(String(asked.lie.event), asked.lie.object))
    return jsonResponse({ answer })
  }
  await desk.adjust((state) => ({ ...state, policy: policyFrom(asked) }))
  return jsonResponse({ policy: policyFrom(asked) })
}

type Asked = Readonly<Record<string, unknown>>

const act = async (
  { context, desk }: Pick<Parts, 'context' | 'desk'>,
  asked: Asked,
): Promise<readonly [unknown, number]> => {
  if (typeof asked.paymentId === 'string' && typeof asked.card === 'string') {
    const payment = await payByCard({ context, desk }, asked.paymentId, asked.card)
    return payment === null ? [{ error: 'No open payment of this id, or no test card' }, 409] : [payment, 200]
  }
  if (typeof asked.paymentId === 'string' && asked.again === true) {
    const id = context.newId()
    const again = await desk.change((shop, now) => applyAgain(shop, { of: String(asked.paymentId), id, now }))
    return again === null ? [{ error: 'No paid payment of this id' }, 409] : [again, 200]
  }
  const refund = await desk.change<Refund | string | null>((shop, now) => {
    if (typeof asked.paymentId === 'string' && typeof asked.refundKopecks === 'number') {
      const amount = amountOf(kopecks(asked.refundKopecks))
      return enterRefund(shop, {
        id: context.newId(),
        payment_id: asked.paymentId,
        status: 'succeeded',
        amount,
        created_at: now,
      })
    }
    return actAsBank(shop, asked)
  })
  return refund === null ? [{ error: 'Nothing to act on' }, 409] : [{ result: refund }, 200]
}

const actAsBank = (shop: ShopData, asked: Asked): TwinChange<ShopData, Refund | string | null> => {
  const { methodId, refundId, status, nextRefund } = asked
  const statusWanted = (value: unknown) =>
    (['pending', 'succeeded', 'canceled'] as const).find((name) => name === value)
  const next = statusWanted(nextRefund)
  if (next !== undefined) return { data: { ...shop, nextRefund: next }, result: next }
  const saved = typeof methodId === 'string' ? shop.methods[methodId] : undefined
  if (saved !== undefined) {
    const reason = typeof asked.reason === 'string' ? asked.reason : null
    return {
      data: { ...shop, methods: { ...shop.methods, [saved.method.id]: { ...saved, reason } } },
      result: reason ?? 'succeeds',
    }
  }
  const refund = typeof refundId === 'string' ? shop.refunds[refundId] : undefined
  const end = statusWanted(status)
  return refund?.status === 'pending' && end !== undefined
    ? enterRefund(shop, { ...refund, status: end })
    : { data: shop, result: null }
}

/** Pays an open payment by a test card; null when there is no such payment or card. */
const payByCard = (
  { context, desk }: Pick<Parts, 'context' | 'desk'>,
  id: string,
  card: string,
): Promise<Payment | null> =>
  desk.change<Payment | null>((shop, now) => {
    const number = card.replaceAll(/\s/g, '')
    const entry = shop.payments[id]
    const outcome = testCards.get(number)
    if (entry?.payment.status !== 'pending' || outcome === undefined) return { data: shop, result: null }
    return settlePayment(shop, { entry, method: methodOf(context.newId(), number, entry.save), outcome, now })
  })

const pageRoute = async (parts: Parts, request: Request, { path, base }: Place): Promise<Response> => {
  const { data } = await parts.desk.state()
  const id = /^\/pay\/([\w-]{1,64})$/.exec(path)?.[1]
  if (path === '/' && request.method === 'GET') return shopPage(data, base)
  const payment = id === undefined ? undefined : data.payments[id]?.payment
  if (payment === undefined) return page({ title: 'Страница не найдена', body: '', root: base, status: 404 })
  if (request.method === 'GET') return payPage(payment, { base, refusal: null })
  if (request.method !== 'POST') return new Response(null, { status: 405, headers: { allow: 'GET, POST' } })
  const card = new URLSearchParams(await request.text()).get('card') ?? ''
  if (!testCards.has(card.replaceAll(/\s/g, ''))) {
    return payPage(payment, { base, refusal: 'Это не тестовая карта: возьмите номер из списка' })
  }
  const returnUrl = payment.confirmation?.return_url
  const paid = await payByCard(parts, payment.id, card)
  return paid === null || returnUrl === undefined
    ? payPage(payment, { base, refusal: 'Этот платёж уже завершён' })
    : new Response(null, { status: 303, headers: { location: returnUrl } })
}

const statusWords: Readonly<Record<Payment['status'], string>> = {
  pending: 'ждёт оплаты',
  waiting_for_capture: 'деньги удержаны',
  succeeded: 'оплачен',
  canceled: 'отменён',
}

const cardTable = (): string =>
  html`<h2>Тестовые карты</h2>
<table><tr><th>Номер</th><th>Что выйдет</th></tr>
!${[...testCards].map(([number, { reason, secure }]) => html`<tr><td>${number}</td><td>${reason ?? (secure ? 'успех, с 3-D Secure' : 'успех')}</td></tr>`)}
</table>`

const payPage = (
  payment: Payment,
  { base, refusal }: { readonly base: string; readonly refusal: string | null },
): Response => {
  const open = payment.status === 'pending'
  const body = html`<p>${payment.description ?? 'Без описания'}</p>
<p class="sum">${payment.amount.value} ₽</p>
<p>Состояние: ${statusWords[payment.status]}</p>
!${refusal === null ? '' : html`<p class="note" role="alert">${refusal}</p>`}
!${
    open
      ? html`<form method="post" action="${base}/pay/${payment.id}">
<label>Номер карты <input name="card" inputmode="numeric" autocomplete="off" required maxlength="24"></label>
<button>Заплатить</button>
</form>
!${cardTable()}`
      : ''
  }`
  return page({ title: 'Оплата через ЮKassa', body, root: base, status: refusal === null ? 200 : 409 })
}

const shopPage = (shop: ShopData, base: string): Response => {
  const rows = Object.values(shop.payments)
    .toReversed()
    .slice(0, 100)
    .map(
      ({
        payment,
      }) => html`<tr><td><a href="${base}/pay/${payment.id}">${payment.id}</a></td><td>${payment.description ?? ''}</td>
<td>${payment.amount.value} ₽</td><td>${statusWords[payment.status]}</td></tr>`,
    )
  const body = html`<p>Здесь вместо ЮKassa отвечает её двойник. Откройте платёж и заплатите тестовой картой.</p>
<table><tr><th>Платёж</th><th>За что</th><th>Сумма</th><th>Состояние</th></tr>
!${rows}
</table>
!${cardTable()}`
  return page({ title: 'ЮKassa: магазин', body, root: base })
}
