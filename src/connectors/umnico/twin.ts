import { html } from '../html.ts'
import type { Twin, TwinContext } from '../twin.ts'
import { callAtDesk, openDesk, type TwinDesk, type TwinState } from '../twinDesk.ts'
import { deskRoute, isRecord, jsonObject, jsonResponse, page, policyFrom } from '../twinRoutes.ts'
import { answerUmnico, lastSpokenAt } from './twinApi.ts'
import {
  type Chat,
  type ChatData,
  changeStatus,
  emptyChats,
  enterAnswer,
  enterVisitorWords,
  hooksOf,
  noteDelivery,
  type VisitorWords,
} from './twinModel.ts'

/** What the Umnico twin keeps between two starts. */
export type UmnicoTwinState = TwinState<ChatData>

/** The account that the twin plays. */
export type UmnicoTwinSettings = {
  readonly apiKey: string
  readonly accountId: string
  readonly widgetToken: string
  /** Given: the service's hook is registered from the first moment, as if its owner had done it. */
  readonly webhookSecret: string | null
}

/** The provider names no schedule; some tries within minutes are what clients saw. */
const retryGapsMs = [2, 10, 30, 60].map((seconds) => seconds * 1000)

const bodyLengthMax = 262_144

const apiPrefix = '/v1.3'

/** A stand-in for Umnico: the API below `/v1.3`, hooks, and a page on which a person writes as a visitor. */
export const createUmnicoTwin = (context: TwinContext<UmnicoTwinState>, settings: UmnicoTwinSettings): Twin => {
  const desk = openDesk(context, {
    empty: firstDay(settings),
    retryGapsMs,
    attemptsMax: retryGapsMs.length + 1,
    isAccepted: (status) => status >= 200 && status < 300,
    delivered: (data, hook, accepted) => noteDelivery(data, hook.path, accepted),
    sweep: () => null,
    hasTimers: () => false,
  })
  const parts = { context, desk, settings, accountId: Number(settings.accountId) }
  return {
    provider: 'umnico',
    handle: async (request, { path, base }) => {
      if (path.startsWith(`${apiPrefix}/`)) return answerCall(parts, request, path)
      const route = await deskRoute(desk, request, path)
      return route ?? (await actRoute(parts, request, path)) ?? pageRoute(parts, request, { path, base })
    },
  }
}

type Parts = {
  readonly context: TwinContext<UmnicoTwinState>
  readonly desk: TwinDesk<ChatData>
  readonly settings: UmnicoTwinSettings
  readonly accountId: number
}

const firstDay = ({ webhookSecret }: UmnicoTwinSettings): ChatData => {
  if (webhookSecret === null) return emptyChats
  const url = `http://hub.invalid/webhooks/umnico/${encodeURIComponent(webhookSecret)}`
  return { ...emptyChats, webhooks: [{ id: 1, url, name: 'partner-hub', status: 1 }] }
}

const answerCall = async (parts: Parts, request: Request, path: string): Promise<Response> => {
  const { context, desk, settings, accountId } = parts
  const text = (await request.text()).slice(0, bodyLengthMax)
  const words = { 401: 'Unauthorized', 429: 'Too many requests', 500: 'Internal server error' } as const
  const failure = (status: 401 | 429 | 500): Response => jsonResponse({ error: words[status] }, status)
  const { customId } = jsonObject(text)
  const perform = async () =>
    request.headers.get('authorization') === `Bearer ${settings.apiKey}`
      ? answerUmnico({
          desk,
          account: { id: accountId, widgetToken: settings.widgetToken },
          method: request.method,
          path: path.slice(apiPrefix.length),
          query: new URL(request.url).searchParams,
          text,
        })
      : { response: failure(401), applied: false, summary: 'wrong token' }
  const key = typeof customId === 'string' ? customId : null
  return callAtDesk(context, desk, { method: request.method, path, key, failure, perform })
}

/**
 * The routes for tests: `POST /act` acts a visitor (`{incoming: {leadId?, text, channel?, name?, login?, attachments?}}`), an
 * operator (`{operator: {leadId, text}}`, `{status: {leadId, statusId}}`), the provider (`{event: {…}}` sends any body,
 * `{shape: 'plain'|'wrapped'}`); `GET /chats` tells all dialogs; `POST /hooks` sets how notifications misbehave.
 */
const actRoute = async (parts: Parts, request: Request, path: string): Promise<Response | null> => {
  const { desk } = parts
  if (request.method === 'GET' && path === '/chats') {
    const { chats, webhooks } = (await desk.state()).data
    return jsonResponse({ chats: Object.values(chats), webhooks })
  }
  if (request.method !== 'POST' || (path !== '/act' && path !== '/hooks')) return null
  const asked = jsonObject(await request.text())
  if (path === '/act') {
    const result = await act(parts, asked)
    return result === null ? jsonResponse({ error: 'Nothing to act on' }, 409) : jsonResponse(result)
  }
  await desk.adjust((state) => ({ ...state, policy: policyFrom(asked) }))
  return jsonResponse({ policy: policyFrom(asked) })
}

const act = async ({ desk, accountId }: Parts, asked: Readonly<Record<string, unknown>>): Promise<unknown> => {
  const { incoming, operator, status, event, shape } = asked
  if (isRecord(incoming)) {
    return desk.change((data, now) => enterVisitorWords(data, wordsOf(incoming), { accountId, now }))
  }
  if (isRecord(operator)) {
    const answer = { leadId: String(operator.leadId), text: String(operator.text), customId: null, userId: 15 }
    return desk.change((data, now) => enterAnswer(data, answer, { accountId, now }))
  }
  if (isRecord(status)) {
    const wanted = { leadId: String(status.leadId), statusId: Number(status.statusId) }
    return desk.change((data, now) => changeStatus(data, wanted, { accountId, now }))
  }
  if (isRecord(event)) {
    return desk.change((data) => ({ data, result: { sent: true }, hooks: hooksOf(data, String(event.type), event) }))
  }
  if (shape !== 'plain' && shape !== 'wrapped') return null
  return desk.change((data) => ({ data: { ...data, shape }, result: { shape } }))
}

const wordsOf = (asked: Readonly<Record<string, unknown>>): VisitorWords => ({
  leadId: asked.leadId === undefined || asked.leadId === null || asked.leadId === '' ? null : Number(asked.leadId),
  text: typeof asked.text === 'string' ? asked.text : '',
  channel: typeof asked.channel === 'string' && asked.channel !== '' ? asked.channel : 'onlinechat',
  name: typeof asked.name === 'string' && asked.name !== '' ? asked.name : 'Посетитель',
  login: typeof asked.login === 'string' && asked.login !== '' ? asked.login : 'visitor',
  attachments: Array.isArray(asked.attachments)
    ? asked.attachments.filter(isRecord).map(({ type, url }) => ({ type: String(type), url: String(url) }))
    : [],
})

type Place = { readonly path: string; readonly base: string }

const pageRoute = async (parts: Parts, request: Request, { path, base }: Place): Promise<Response> => {
  if (path !== '/') return page({ title: 'Страница не найдена', body: '', root: base, status: 404 })
  const { desk, accountId } = parts
  if (request.method === 'POST') {
    const form = Object.fromEntries(new URLSearchParams(await request.text()))
    const chat = await desk.change((data, now) => enterVisitorWords(data, wordsOf(form), { accountId, now }))
    return new Response(null, { status: 303, headers: { location: `${base}/?lead=${chat.id}` } })
  }
  if (request.method !== 'GET') return new Response(null, { status: 405, headers: { allow: 'GET, POST' } })
  const { data } = await desk.state()
  return chatPage(data, { base, leadId: new URL(request.url).searchParams.get('lead') })
}

const chatPage = (
  data: ChatData,
  { base, leadId }: { readonly base: string; readonly leadId: string | null },
): Response => {
  const chats = Object.values(data.chats).toSorted((left, right) => lastSpokenAt(right) - lastSpokenAt(left))
  const open = leadId === null ? undefined : data.chats[leadId]
  const off = data.webhooks.filter(({ status }) => status === 0).length
  return page({
    title: open === undefined ? 'Umnico: чат посетителя' : `Диалог ${open.id}`,
    root: base,
    body: html`!${off > 0 ? html`<p class="note">Выключено вебхуков: ${off}</p>` : ''}
!${open === undefined ? '' : dialogTable(open, base)}
!${writeForm(open)}
<h2>Диалоги</h2>
<table><tr><th>Диалог</th><th>Канал</th><th>Посетитель</th><th>Последнее сообщение</th></tr>
!${chats.map((chat) => html`<tr><td><a href="${base}/?lead=${chat.id}">${chat.id}</a></td><td>${chat.channel}</td><td>${chat.customer.name}</td><td>${chat.messages.at(-1)?.text ?? ''}</td></tr>`)}
</table>
<p><a href="${base}/">Новый посетитель</a></p>`,
  })
}

const dialogTable = (chat: Chat, base: string): string => html`<table>
!${chat.messages.map(({ incoming, text }) => html`<tr><th>${incoming ? chat.customer.name : 'Ответ'}</th><td>!${text.split('\n').map((line) => html`${line}<br>`)}</td></tr>`)}
</table>
<p><a href="${base}/?lead=${chat.id}">Обновить</a></p>`

const writeForm = (chat: Chat | undefined): string => html`<form method="post">
!${
  chat === undefined
    ? html`<p><label>Имя <input name="name" value="Олег"></label>
<label>Канал <select name="channel"><option value="onlinechat">чат на сайте</option><option value="whatsapp2">WhatsApp</option><option value="telegram">Telegram</option></select></label>
<label>Логин или номер <input name="login" value="79090751580"></label></p>`
    : html`<input type="hidden" name="leadId" value="${chat.id}">`
}
<p><label>Сообщение <input name="text" size="50" required autofocus></label> <button>Написать</button></p>
</form>`
