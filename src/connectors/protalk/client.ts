import { done, type Outcome } from '../../kernel/decision.ts'
import { bodyTextAt, bodyValueAt } from '../bodyValues.ts'
import { parseAnswerJson } from '../boundedJson.ts'
import type { Attempt, Courier, DestinationPolicy, Performer } from '../connector.ts'
import {
  again,
  ended,
  locked,
  type ProviderCall,
  refusedOutcome,
  type Step,
  throttled,
  unsendable,
} from '../exchange.ts'
import { stripMarkdown } from '../plainText.ts'
import type { ProtalkBot } from './tools.ts'
import type { ProtalkSettings } from './wire.ts'

/** A bot's answer as plain text. */
export type ProtalkAnswer = { readonly text: string }

/**
 * A question costs money and adds a turn to the dialog, so one that may have been sent is left to a person. Answers take minutes
 * at times.
 */
const policy: DestinationPolicy = {
  concurrencyMax: 8,
  perSecondMax: 5,
  deadlineMs: 120_000,
  attemptsMax: 8,
  afterUnknown: 'ask',
}

const messageLengthMax = 8000

/** Our side of Protalk: asking a bot, and handing it a message without waiting for words. */
export const protalkCourier = (settings: ProtalkSettings, deps: { readonly call: ProviderCall }): Courier => {
  const desk: Desk = { settings, call: deps.call }
  return {
    destination: 'protalk',
    policy,
    performers: { 'protalk.ask': ask(desk), 'protalk.sendMessage': sendMessage(desk) },
  }
}

type Desk = { readonly settings: ProtalkSettings; readonly call: ProviderCall }

type Order = {
  readonly bot: ProtalkBot
  readonly chatId: string
  readonly message: string
  /** As the provider wants it: a number where it is one. */
  readonly botId: string | number | null
  readonly token: string
}

const ask =
  (desk: Desk): Performer<unknown, ProtalkAnswer> =>
  async (payload, attempt) => {
    const order = orderOf(desk.settings, payload)
    if (typeof order === 'string') return unsendable(order)
    const { botId, chatId, message, token } = order
    const body = { ...(botId === null ? {} : { bot_id: botId }), chat_id: chatId, message }
    const answer = await post(desk, { path: `/api/v1.0/ask/${encodeURIComponent(token)}`, body, order }, attempt)
    return ended(answer) ? answer.end : spoken(answer.value)
  }

const sendMessage =
  (desk: Desk): Performer<unknown, { readonly accepted: true }> =>
  async (payload, attempt) => {
    const order = orderOf(desk.settings, payload)
    if (typeof order === 'string') return unsendable(order)
    const { botId, chatId, message, token } = order
    const body = { ...(botId === null ? {} : { bot_id: botId }), bot_token: token, bot_chat_id: chatId, message }
    const answer = await post(desk, { path: '/api/v1.0/send_message_async', body, order }, attempt)
    if (ended(answer)) return answer.end
    const failure = failureOf(answer.value)
    return failure ?? done({ accepted: true })
  }

const orderOf = (settings: ProtalkSettings, payload: unknown): Order | string => {
  const fields: Readonly<Record<string, unknown>> =
    typeof payload === 'object' && payload !== null ? { ...payload } : {}
  const bot = (['client', 'partner'] as const).find((name) => name === fields.bot)
  const { chatId, message } = fields
  if (bot === undefined) return 'bot'
  if (typeof chatId !== 'string' || !/^[\w.:-]{1,128}$/.test(chatId)) return 'chatId'
  if (typeof message !== 'string' || message.trim() === '' || message.length > messageLengthMax) return 'message'
  const known = bot === 'client' ? settings.clientBotId : settings.partnerBotId
  const botId = known ?? (typeof fields.botId === 'string' && fields.botId !== '' ? fields.botId : null)
  return {
    bot,
    chatId,
    message,
    botId: botId !== null && /^\d{1,15}$/.test(botId) ? Number(botId) : botId,
    token: bot === 'client' ? settings.clientBotToken : settings.partnerBotToken,
  }
}

/** What a bot said; several names of the field are in use. */
const spoken = (text: string): Outcome<ProtalkAnswer> => {
  const failure = failureOf(text)
  if (failure !== null) return failure
  const answer = parseAnswerJson(text)
  const words = ['done', 'text', 'message'].map((name) => bodyTextAt(answer, name)).find((found) => found !== null)
  if (words === undefined || words === null) {
    return { tag: 'unknown', code: 'answer-not-understood', detail: 'The answer holds no words of the bot' }
  }
  const plain = stripMarkdown(words)
  return plain === '' ? refusedOutcome('answer-empty', 'The bot answered without words') : done({ text: plain })
}

/** An answer of 200 may still tell of a failure: the turn was made, and nothing came of it. */
const failureOf = (text: string): Extract<Outcome, { readonly tag: 'refused' }> | null => {
  const answer = parseAnswerJson(text)
  const error = bodyValueAt(answer, 'error')
  const hasError = error !== undefined && error !== null && error !== false && error !== ''
  const words =
    ['done', 'text', 'message'].map((name) => bodyTextAt(answer, name) ?? '').find((found) => found !== '') ?? text
  return hasError || words.trimStart().startsWith('[Server Error:')
    ? { tag: 'refused', code: 'bot-failed', detail: 'The bot answered with an error of its own' }
    : null
}

type Call = { readonly path: string; readonly body: unknown; readonly order: Order }

/** Makes a call once; only what surely did not reach the bot is tried again. */
const post = async ({ settings, call }: Desk, { path, body, order }: Call, attempt: Attempt): Promise<Step<string>> => {
  const answer = await call({
    method: 'POST',
    url: `${settings.baseUrl.replace(/\/$/, '')}${path}`,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
    signal: attempt.signal,
  })
  if (answer.tag !== 'response') {
    return {
      end:
        answer.tag === 'not-sent'
          ? again(answer.code, 'The request was not sent')
          : { tag: 'unknown', code: answer.code, detail: 'The bot did not answer; it may have taken the message' },
    }
  }
  const { status } = answer
  if (status === 200) return { value: answer.text }
  if (status === 401 || status === 403) return { end: locked('Protalk') }
  if (status === 402) {
    const detail = 'The account of the bot has no money left'
    return { end: { tag: 'later', code: 'no-balance', detail, pauseDestination: 'until-resumed' } }
  }
  if (status === 429) return { end: throttled(answer.headers, attempt.now) }
  if (status === 502 || status === 503) return { end: again('provider-error', `Protalk answered ${status}`) }
  if (status >= 400 && status < 500) {
    return order.botId === null
      ? { end: again('bot-id-unknown', 'The bot is not known by its id before its first call') }
      : { end: refusedOutcome('message-not-accepted', `Protalk answered ${status}`) }
  }
  return { end: { tag: 'unknown', code: 'provider-error', detail: `Protalk answered ${status}` } }
}
