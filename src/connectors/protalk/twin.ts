import { html } from '../html.ts'
import type { Twin, TwinContext } from '../twin.ts'
import { callAtDesk, openDesk, type TwinAnswer, type TwinDesk, type TwinState } from '../twinDesk.ts'
import { deskRoute, isRecord, jsonObject, jsonResponse, page, policyFrom } from '../twinRoutes.ts'
import type { ProtalkBot } from './tools.ts'
import { type BotMemory, emptyMemory, planOf } from './twinBot.ts'

/** A dialog with one of the bots. */
export type BotDialog = {
  readonly bot: ProtalkBot
  readonly chatId: string
  readonly turns: readonly { readonly from: 'person' | 'bot'; readonly text: string }[]
  readonly memory: BotMemory
}

/** All that the twin knows. */
export type BotData = {
  readonly dialogs: Readonly<Record<string, BotDialog>>
  /** `no-balance` answers 402, `server-error` answers 200 with an error in words. */
  readonly mode: 'normal' | 'no-balance' | 'server-error'
  /** What the next answer says, whatever was asked. */
  readonly nextAnswer: string | null
}

/** What the Protalk twin keeps between two starts. */
export type ProtalkTwinState = TwinState<BotData>

/** The account that the twin plays. */
export type ProtalkTwinSettings = {
  readonly clientBotToken: string
  readonly partnerBotToken: string
  readonly clientBotId: string
  readonly partnerBotId: string
  /** The key that the bots' functions send to the service. */
  readonly webhookSecret: string
}

const apiPrefix = '/api/v1.0'
const bodyLengthMax = 262_144
const dialogsMax = 200
const turnsMax = 100

/** A model that waits longer for a function would lose the thread. */
const toolTimeoutMs = 10_000

/** A stand-in for Protalk: both bots below `/api/v1.0`, which call our functions, and a page to talk to them. */
export const createProtalkTwin = (context: TwinContext<ProtalkTwinState>, settings: ProtalkTwinSettings): Twin => {
  const desk = openDesk(context, {
    empty: { dialogs: {}, mode: 'normal', nextAnswer: null },
    retryGapsMs: [],
    attemptsMax: 1,
    isAccepted: () => true,
    sweep: () => null,
    hasTimers: () => false,
  })
  const parts: Parts = { context, desk, settings }
  return {
    provider: 'protalk',
    handle: async (request, { path, base }) => {
      if (path.startsWith(`${apiPrefix}/`)) return answerCall(parts, request, path)
      const route = await deskRoute(desk, request, path)
      return route ?? (await actRoute(parts, request, path)) ?? pageRoute(parts, request, { path, base })
    },
  }
}

type Parts = {
  readonly context: TwinContext<ProtalkTwinState>
  readonly desk: TwinDesk<BotData>
  readonly settings: ProtalkTwinSettings
}

type Asked = { readonly bot: ProtalkBot; readonly chatId: string; readonly message: string }

const botOfToken = (settings: ProtalkTwinSettings, token: string): ProtalkBot | null => {
  if (token === settings.clientBotToken) return 'client'
  return token === settings.partnerBotToken ? 'partner' : null
}

const answerCall = async (parts: Parts, request: Request, path: string): Promise<Response> => {
  const { context, desk, settings } = parts
  const fields = jsonObject((await request.text()).slice(0, bodyLengthMax))
  const [method = '', given] = path.slice(apiPrefix.length + 1).split('/')
  const token = given === undefined ? String(fields.bot_token ?? '') : decodeURIComponent(given)
  const bot = botOfToken(settings, token)
  const words = { 401: 'Invalid bot token', 429: 'Too many requests', 500: 'Internal server error' } as const
  const failure = (status: 401 | 429 | 500): Response => jsonResponse({ error: words[status] }, status)
  const perform = async (): Promise<TwinAnswer> => {
    if (bot === null) return { response: failure(401), applied: false, summary: 'wrong token' }
    if (request.method !== 'POST') return refused(405, 'Method not allowed')
    return turnOrReply(parts, { method, bot, fields })
  }
  // The token rides in the address; the ledger names the bot instead.
  const shown = `${apiPrefix}/${method}${bot === null ? '' : `/${bot}`}`
  return callAtDesk(context, desk, { method: request.method, path: shown, key: null, failure, perform })
}

const refused = (status: number, error: string): TwinAnswer => ({
  response: jsonResponse({ error }, status),
  applied: false,
  summary: error,
})

type Call = {
  readonly method: string
  readonly bot: ProtalkBot
  readonly fields: Readonly<Record<string, unknown>>
}

const turnOrReply = async (parts: Parts, { method, bot, fields }: Call): Promise<TwinAnswer> => {
  const chatId = fields.chat_id ?? fields.bot_chat_id
  if (typeof chatId !== 'string' || chatId === '') return refused(400, 'chat_id is required')
  if (method === 'get_last_reply') {
    const dialog = (await parts.desk.state()).data.dialogs[`${bot}:${chatId}`]
    const last = dialog?.turns.findLast(({ from }) => from === 'bot')?.text ?? ''
    return { response: jsonResponse({ message: last }), applied: false, summary: 'read the last reply' }
  }
  const { message } = fields
  if (typeof message !== 'string' || message === '') return refused(400, 'message is required')
  if (method !== 'ask' && method !== 'send_message_async') return refused(404, 'Not found')
  const { mode } = (await parts.desk.state()).data
  if (mode === 'no-balance') return refused(402, 'Not enough tokens on the balance')
  const said =
    mode === 'server-error' ? '[Server Error: model overloaded]' : await talk(parts, { bot, chatId, message })
  const answer = method === 'ask' ? { done: said } : { status: 'ok' }
  return { response: jsonResponse(answer), applied: mode === 'normal', summary: `${method} of the ${bot} bot` }
}

/** One turn of a dialog: the person's words, perhaps a call of our function, and the bot's words. */
const talk = async (parts: Parts, { bot, chatId, message }: Asked): Promise<string> => {
  const key = `${bot}:${chatId}`
  const { data } = await parts.desk.state()
  const memory = data.dialogs[key]?.memory ?? emptyMemory
  const plan = planOf(bot, message, memory)
  const said =
    data.nextAnswer ??
    (plan.tag === 'say' ? plan.text : `${plan.opening}${await callTool(parts, { bot, chatId }, plan)}`)
  await parts.desk.change((now) => {
    const before = now.dialogs[key]?.turns ?? []
    const turns = [...before, { from: 'person' as const, text: message }, { from: 'bot' as const, text: said }]
    const dialog = { bot, chatId, turns: turns.slice(-turnsMax), memory: plan.tag === 'call' ? plan.memory : memory }
    const others = Object.entries(now.dialogs).filter(([name]) => name !== key)
    const dialogs = Object.fromEntries([...others.slice(1 - dialogsMax), [key, dialog]])
    return { data: { ...now, dialogs, nextAnswer: null }, result: null }
  })
  return said
}

const callTool = async (
  { context, settings }: Parts,
  { bot, chatId }: Pick<Asked, 'bot' | 'chatId'>,
  { tool, args }: { readonly tool: string; readonly args: Readonly<Record<string, unknown>> },
): Promise<string> => {
  const botId = bot === 'client' ? settings.clientBotId : settings.partnerBotId
  try {
    const response = await context.fetch(`${context.hubUrl()}/webhooks/protalk/${bot}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-webhook-secret': settings.webhookSecret },
      body: JSON.stringify({ tool, ...args, chat_id: chatId, bot_id: botId }),
      signal: AbortSignal.timeout(toolTimeoutMs),
    })
    const { text } = jsonObject(await response.text())
    return typeof text === 'string' && text !== '' ? text : 'Сейчас не могу посмотреть, попробуйте позже.'
  } catch {
    return 'Сейчас не могу посмотреть, попробуйте позже.'
  }
}

/**
 * The routes for tests: `POST /act` talks to a bot (`{message: {bot, chatId, text}}`), fixes its next answer (`{nextAnswer}`) or
 * its state (`{mode}`); `GET /dialogs` tells all dialogs; `POST /hooks` is taken as at every twin.
 */
const actRoute = async (parts: Parts, request: Request, path: string): Promise<Response | null> => {
  const { desk } = parts
  if (request.method === 'GET' && path === '/dialogs') {
    return jsonResponse({ dialogs: Object.values((await desk.state()).data.dialogs) })
  }
  if (request.method !== 'POST' || (path !== '/act' && path !== '/hooks')) return null
  const asked = jsonObject(await request.text())
  if (path === '/hooks') {
    await desk.adjust((state) => ({ ...state, policy: policyFrom(asked) }))
    return jsonResponse({ policy: policyFrom(asked) })
  }
  const { message, nextAnswer } = asked
  if (isRecord(message)) {
    const bot = message.bot === 'partner' ? 'partner' : 'client'
    const text = await talk(parts, {
      bot,
      chatId: String(message.chatId ?? 'act'),
      message: String(message.text ?? ''),
    })
    return jsonResponse({ text })
  }
  if (typeof nextAnswer === 'string') {
    await desk.change((data) => ({ data: { ...data, nextAnswer }, result: null }))
    return jsonResponse({ nextAnswer })
  }
  const mode = (['normal', 'no-balance', 'server-error'] as const).find((name) => name === asked.mode)
  if (mode === undefined) return jsonResponse({ error: 'Nothing to act on' }, 409)
  await desk.change((data) => ({ data: { ...data, mode }, result: null }))
  return jsonResponse({ mode })
}

type Place = { readonly path: string; readonly base: string }

const pageRoute = async (parts: Parts, request: Request, { path, base }: Place): Promise<Response> => {
  if (path !== '/') return page({ title: 'Страница не найдена', body: '', root: base, status: 404 })
  if (request.method === 'POST') {
    const form = new URLSearchParams(await request.text())
    const bot = form.get('bot') === 'partner' ? 'partner' : 'client'
    const chatId = /^[\w.:-]{1,100}$/.exec(form.get('chatId') ?? '')?.[0] ?? `chat_${parts.context.newId()}`
    const message = (form.get('text') ?? '').slice(0, 4000)
    if (message !== '') await talk(parts, { bot, chatId, message })
    return new Response(null, {
      status: 303,
      headers: { location: `${base}/?${new URLSearchParams({ bot, chatId })}` },
    })
  }
  if (request.method !== 'GET') return new Response(null, { status: 405, headers: { allow: 'GET, POST' } })
  const query = new URL(request.url).searchParams
  const { data } = await parts.desk.state()
  return talkPage(data, base, data.dialogs[`${query.get('bot')}:${query.get('chatId')}`])
}

const botNames: Readonly<Record<ProtalkBot, string>> = { client: 'бот для посетителей', partner: 'бот для партнёров' }

const talkPage = (data: BotData, base: string, open: BotDialog | undefined): Response =>
  page({
    title: open === undefined ? 'Protalk: разговор с ботом' : `Разговор: ${botNames[open.bot]}`,
    root: base,
    body: html`!${open === undefined ? '' : turnsTable(open)}
!${talkForm(open)}
<h2>Разговоры</h2>
<table><tr><th>Бот</th><th>Разговор</th><th>Последние слова</th></tr>
!${Object.values(data.dialogs)
      .toReversed()
      .map(
        (dialog) =>
          html`<tr><td>${botNames[dialog.bot]}</td><td><a href="${base}/?${new URLSearchParams({ bot: dialog.bot, chatId: dialog.chatId })}">${dialog.chatId}</a></td><td>${dialog.turns.at(-1)?.text.slice(0, 80) ?? ''}</td></tr>`,
      )}
</table>
<p><a href="${base}/">Новый разговор</a></p>`,
  })

const turnsTable = ({ turns }: BotDialog): string => html`<table>
!${turns.map(({ from, text }) => html`<tr><th>${from === 'bot' ? 'Бот' : 'Вы'}</th><td>!${text.split('\n').map((line) => html`${line}<br>`)}</td></tr>`)}
</table>`

const talkForm = (open: BotDialog | undefined): string => html`<form method="post">
!${
  open === undefined
    ? html`<p><label>Бот <select name="bot"><option value="client">${botNames.client}</option><option value="partner">${botNames.partner}</option></select></label></p>`
    : html`<input type="hidden" name="bot" value="${open.bot}"><input type="hidden" name="chatId" value="${open.chatId}">`
}
<p><label>Сообщение <input name="text" size="50" required autofocus></label> <button>Спросить</button></p>
</form>`
