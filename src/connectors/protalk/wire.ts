import { createHash } from 'node:crypto'
import { mediaType, parseFormBody, parseJsonBody, parseQuery } from '../bodies.ts'
import {
  type BodyFields,
  type BodyValue,
  bodyFields,
  bodyListAt,
  bodyTextAt,
  bodyValueAt,
  canonicalBody,
  isBodyFields,
  type ParsedBody,
} from '../bodyValues.ts'
import type { Answer, Authenticity, Delivery, Inquiry, Reading } from '../connector.ts'
import { cleanText } from '../contact.ts'
import { cutText } from '../plainText.ts'
import { secretName, secretPlace } from '../secrets.ts'
import { answerLengthMax, type ToolResult } from './card.ts'
import { type ProtalkBot, type ToolCall, toolCallOf, toolsOf, writingTools } from './tools.ts'

/** The configuration of Protalk. */
export type ProtalkSettings = {
  readonly clientBotToken: string
  readonly partnerBotToken: string
  /** One, or two while the secret is being changed; the newer first. */
  readonly webhookSecrets: readonly string[]
  /** Null until a bot's first call told it. */
  readonly clientBotId: string | null
  readonly partnerBotId: string | null
  /** Such as `https://api.pro-talk.ru`. */
  readonly baseUrl: string
}

/** A bot calls one of our tools. */
export type ProtalkFacts = ToolCall & {
  readonly bot: ProtalkBot
  /** The dialog that the call belongs to; a proof of identity holds within it. */
  readonly chatId: string | null
  readonly botId: string | null
  /** The person's own words, as the model passed them on. */
  readonly q: string | null
}

/** The inbound half. Reading tools are inquiries: they are answered from what is known and leave no delivery behind. */
export type ProtalkHook = {
  readonly verify: (delivery: Delivery, settings: ProtalkSettings) => Authenticity
  readonly read: (delivery: Delivery, settings: ProtalkSettings) => Reading<ProtalkFacts> | Inquiry<ProtalkFacts>
  readonly accepted: (delivery: Delivery) => Answer
  /** The secret may come as a field: it is not kept. */
  readonly secretFields: (settings: ProtalkSettings) => readonly string[]
}

/** Calls of tools by GET, JSON or form, authentic by a static secret in a header, a field or the query. */
export const protalkHook: ProtalkHook = {
  verify: (delivery, settings) => verify(delivery, settings),
  read: (delivery) => read(delivery),
  accepted: () => toolAnswer({ ok: true, text: 'Принято.', items: [] }),
  secretFields: () => [secretField],
}

/** The answer to a tool call; its text is cut to what a bot may say. */
export const toolAnswer = ({ ok, text, items }: ToolResult, status = 200): Answer => ({
  status,
  contentType: 'application/json; charset=utf-8',
  body: JSON.stringify({ ok, text: cutText(text, answerLengthMax), items }),
})

/** The name under which a bot keeps the memory of a dialog in Umnico. */
export const umnicoChatId = (accountId: string, leadId: string): string => `umn${accountId}_${leadId}`

/** The dialog that a chat id names; null when it is none of Umnico's. */
export const umnicoDialogOf = (chatId: string): { readonly accountId: string; readonly leadId: string } | null => {
  const match = /^umn(\d{1,20})_([\w-]{1,64})$/.exec(chatId)
  return match?.[1] !== undefined && match[2] !== undefined ? { accountId: match[1], leadId: match[2] } : null
}

const secretHeader = 'x-webhook-secret'
const secretField = 'secret'
const idLengthMax = 200
const questionLengthMax = 1000

const botOf = (delivery: Delivery): ProtalkBot | null =>
  (['client', 'partner'] as const).find((bot) => bot === delivery.params.bot) ?? null

const verify = (delivery: Delivery, settings: ProtalkSettings): Authenticity => {
  if (botOf(delivery) === null) return { tag: 'refused', status: 404, code: 'unknown-bot' }
  const given = givenSecrets(delivery)
  const places = given.map((secret) => secretPlace(secret, settings.webhookSecrets))
  const [place] = places
  // A secret given twice has to be right both times: of a right and a wrong one nobody knows which was meant.
  return place === undefined || place === null || places.includes(null)
    ? { tag: 'refused', status: 401, code: given.length === 0 ? 'no-secret' : 'wrong-secret' }
    : { tag: 'authentic', secretName: secretName(place) }
}

const givenSecrets = (delivery: Delivery): readonly string[] => [
  ...(delivery.headers.get(secretHeader) ?? []),
  ...[parseQuery(delivery.query), bodyOf(delivery)].flatMap((parsed) =>
    parsed.tag === 'fields' ? bodyListAt(parsed.fields, secretField).map((secret) => String(secret)) : [],
  ),
]

/** The body as its content type says; a model's builder may not set one, so JSON is also known by its first sign. */
const bodyOf = (delivery: Delivery): ParsedBody => {
  if (delivery.body.length === 0) return { tag: 'unreadable', code: 'empty-body' }
  const type = mediaType(delivery.headers.get('content-type')?.[0])
  const isJson =
    /[/+]json$/.test(type) || (type !== 'application/x-www-form-urlencoded' && firstSign(delivery.body) === '{')
  return isJson ? parseJsonBody(delivery.body) : parseFormBody(delivery.body)
}

const firstSign = (body: Uint8Array): string => new TextDecoder().decode(body.subarray(0, 64)).trimStart().slice(0, 1)

const malformed = (reason: string, text: string, status = 400): Reading<never> => ({
  tag: 'malformed',
  reason,
  answer: toolAnswer({ ok: false, text, items: [] }, status),
})

const read = (delivery: Delivery): Reading<ProtalkFacts> | Inquiry<ProtalkFacts> => {
  const bot = botOf(delivery)
  const fields = fieldsOf(delivery)
  if (bot === null || typeof fields === 'string') {
    return malformed(typeof fields === 'string' ? fields : 'unknown-bot', 'Запрос не удалось прочитать.')
  }
  const call = toolCallOf(bot, fields)
  if (call === null) return malformed('unknown-tool', `Такой функции нет. Есть: ${toolsOf[bot].join(', ')}.`)
  const facts: ProtalkFacts = {
    ...call,
    bot,
    chatId: shortAt(fields, idLengthMax, 'chat_id', 'chatId'),
    botId: shortAt(fields, idLengthMax, 'bot_id', 'botId'),
    q: shortAt(fields, questionLengthMax, 'q'),
  }
  if (!writingTools.includes(call.tool)) return { tag: 'query', facts }
  const canonical = canonicalBody(
    bodyFields(Object.entries({ tool: call.tool, args: bodyFields(Object.entries(call.args)), chatId: facts.chatId })),
  )
  const digest = createHash('sha256').update(canonical).digest('hex')
  const dedupeKey = `protalk:${bot}:${call.tool}:${facts.chatId ?? 'none'}:${digest}`
  return { tag: 'facts', dedupeKey, canonical, facts }
}

/** Query and body together, the body first; arguments may lie in an object or a JSON text of their own. The secret is left out. */
const fieldsOf = (delivery: Delivery): BodyFields | string => {
  const query = parseQuery(delivery.query)
  const body = bodyOf(delivery)
  if (query.tag === 'unreadable' && query.code !== 'empty-body') return query.code
  if (body.tag === 'unreadable' && (body.code !== 'empty-body' || delivery.method !== 'GET')) return body.code
  const outer = [query, body].flatMap((parsed) => (parsed.tag === 'fields' ? Object.entries(parsed.fields) : []))
  const given = bodyFields(outer)
  const inner = ['arguments', 'args'].flatMap((name) => Object.entries(argumentsIn(bodyValueAt(given, name))))
  return bodyFields([...inner, ...outer].filter(([name]) => name !== secretField))
}

const argumentsIn = (value: BodyValue | undefined): BodyFields => {
  if (isBodyFields(value)) return value
  const parsed = typeof value === 'string' ? parseJsonBody(new TextEncoder().encode(value)) : null
  return parsed?.tag === 'fields' ? parsed.fields : bodyFields([])
}

const shortAt = (fields: BodyFields, lengthMax: number, ...names: readonly string[]): string | null => {
  const text = names.map((name) => cleanText(bodyTextAt(fields, name) ?? '')).find((found) => found !== '') ?? ''
  return text === '' ? null : cutText(text, lengthMax)
}
