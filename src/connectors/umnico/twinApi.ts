import type { TwinAnswer, TwinDesk } from '../twinDesk.ts'
import { isRecord, jsonObject, jsonResponse } from '../twinRoutes.ts'
import {
  type Chat,
  type ChatData,
  changeStatus,
  enterAnswer,
  enterVisitorWords,
  integrationsOf,
  leadBody,
  managers,
  messageObject,
  pathOf,
  statuses,
  webhooksMax,
} from './twinModel.ts'

/** One call of the API, with the prefix cut off its path. */
export type UmnicoCall = {
  readonly desk: TwinDesk<ChatData>
  readonly account: { readonly id: number; readonly widgetToken: string }
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly text: string
}

/** Answers a call of the API as the provider does. */
export const answerUmnico = async (call: UmnicoCall): Promise<TwinAnswer> => {
  const { data } = await call.desk.state()
  const [first = '', second = '', third = '', fourth = ''] = call.path
    .split('/')
    .filter(Boolean)
    .map(decodeURIComponent)
  switch (`${call.method} ${first}`) {
    case 'GET account':
      return read({ account: { id: call.account.id, status: 'active' } }, 'account')
    case 'GET integrations':
      return read(listed(data, integrationsOf(call.account.widgetToken)), 'integrations')
    case 'GET managers':
      return read(listed(data, managers), 'managers')
    case 'GET statuses':
      return read(listed(data, statuses), 'statuses')
    case 'GET leads':
      return readLeads(call, data, second)
    case 'PUT leads':
      return changeLead(call, second)
    case 'GET messaging':
      return third === 'sources' ? readSources(data, second) : notFound()
    case 'POST messaging':
      if (second === 'post') return writeFirst(call)
      if (third === 'send') return send(call, second)
      return third === 'history' ? readHistory(call, data, { leadId: second, realId: fourth }) : notFound()
    case 'GET webhooks':
      return read(listed(data, data.webhooks), 'webhooks')
    case 'POST webhooks':
      return register(call)
    case 'PUT webhooks':
    case 'DELETE webhooks':
      return changeWebhook(call, Number(second))
    default:
      return notFound()
  }
}

const read = (value: unknown, summary: string): TwinAnswer => ({
  response: jsonResponse(value),
  applied: false,
  summary: `read ${summary}`,
})

const applied = (value: unknown, summary: string): TwinAnswer => ({
  response: jsonResponse(value),
  applied: true,
  summary,
})

const refused = (status: number, error: string): TwinAnswer => ({
  response: jsonResponse({ error }, status),
  applied: false,
  summary: error,
})

const notFound = (): TwinAnswer => refused(404, 'Not found')

/** Both ways of writing lists were seen at the provider. */
const listed = (data: ChatData, items: readonly unknown[]): unknown =>
  data.shape === 'plain' ? items : { data: items }

const pageMax = 200

const readLeads = ({ query }: UmnicoCall, data: ChatData, second: string): TwinAnswer => {
  if (second !== 'inbox' && second !== 'all') {
    const chat = data.chats[second]
    return chat === undefined ? notFound() : read(leadBody(chat), 'a lead')
  }
  const offset = Number(query.get('offset') ?? 0) || 0
  const limit = Math.min(Number(query.get('limit') ?? 50) || 50, pageMax)
  const leads = Object.values(data.chats)
    .map(leadBody)
    .slice(offset, offset + limit)
  return read(data.shape === 'plain' ? leads : { data: leads.map((lead) => ({ lead })) }, 'leads')
}

const changeLead = async ({ desk, account, text }: UmnicoCall, leadId: string): Promise<TwinAnswer> => {
  const { statusId } = jsonObject(text)
  if (typeof statusId !== 'number') return refused(400, 'statusId must be a number')
  const chat = await desk.change<Chat | null>((data, now) =>
    changeStatus(data, { leadId, statusId }, { accountId: account.id, now }),
  )
  return chat === null ? notFound() : applied(leadBody(chat), 'status changed')
}

const readSources = (data: ChatData, leadId: string): TwinAnswer => {
  const chat = data.chats[leadId]
  if (chat === undefined) return notFound()
  const { realId, saId } = chat
  return read(
    listed(data, [
      { id: `c${realId}`, realId: realId + 500_000, saId, type: 'comment' },
      { id: String(realId), realId, saId, type: 'message' },
    ]),
    'sources',
  )
}

const historyPage = 20

const readHistory = (
  { text }: UmnicoCall,
  data: ChatData,
  { leadId, realId }: { readonly leadId: string; readonly realId: string },
): TwinAnswer => {
  const chat = data.chats[leadId]
  if (chat === undefined || String(chat.realId) !== realId) return notFound()
  const { cursor } = jsonObject(text)
  const from = typeof cursor === 'number' && cursor > 0 ? cursor : 0
  const newest = chat.messages.toReversed()
  const messages = newest.slice(from, from + historyPage).map((message) => messageObject(chat, message))
  return read({ messages, cursor: from + historyPage < newest.length ? from + historyPage : null }, 'history')
}

const send = async ({ desk, account, text }: UmnicoCall, leadId: string): Promise<TwinAnswer> => {
  const { message, source, userId, customId } = jsonObject(text)
  const words = isRecord(message) ? message.text : undefined
  if (typeof words !== 'string') return refused(422, 'message.text is required')
  if (typeof userId !== 'number') return refused(400, 'userId must be an integer')
  if (!managers.some(({ id }) => id === userId)) return refused(422, `User ${userId} doesn't exist for this account`)
  const chat = (await desk.state()).data.chats[leadId]
  if (chat === undefined) return notFound()
  if (String(source) !== String(chat.realId)) return refused(400, 'Unknown source')
  const label = typeof customId === 'string' ? customId : null
  const sent = await desk.change((data, now) =>
    enterAnswer(data, { leadId, text: words, customId: label, userId }, { accountId: account.id, now }),
  )
  return sent === null ? notFound() : applied({ messageId: sent.messageId, customId: label }, 'message sent')
}

const writeFirst = async ({ desk, account, text }: UmnicoCall): Promise<TwinAnswer> => {
  const { message, destination, saId, customId } = jsonObject(text)
  const words = typeof message === 'string' ? message : isRecord(message) ? message.text : undefined
  if (typeof words !== 'string' || typeof destination !== 'string' || !/^\d{8,15}$/.test(destination)) {
    return refused(400, 'message and destination are required, the destination in digits only')
  }
  const channel = saId === 89 ? 'telegram' : 'whatsapp2'
  const chat = await desk.change<Chat>((data, now) => {
    const at = { accountId: account.id, now }
    const visitor = { leadId: null, text: '', channel, name: destination, login: destination, attachments: [] }
    const opened = enterVisitorWords({ ...data, webhooks: [] }, visitor, at)
    const empty = { ...opened.result, messages: [] }
    const label = typeof customId === 'string' ? customId : null
    const started = { ...opened.data, webhooks: data.webhooks, chats: { ...opened.data.chats, [empty.id]: empty } }
    const said = enterAnswer(started, { leadId: String(empty.id), text: words, customId: label, userId: null }, at)
    return { data: said.data, result: empty, hooks: said.hooks ?? [] }
  })
  return applied([{ leadId: chat.id, sa: { id: chat.saId } }], 'dialog opened')
}

const register = async ({ desk, text }: UmnicoCall): Promise<TwinAnswer> => {
  const { url, name } = jsonObject(text)
  if (typeof url !== 'string' || !URL.canParse(url)) return refused(400, 'url is required')
  const outcome = await desk.change<string | object>((data) => {
    if (data.webhooks.some((hook) => hook.url === url)) return { data, result: 'This server already exists' }
    // The hook of the first day has no address of its own: the service that registers the same path takes it over.
    const first = data.webhooks.find((hook) => isPlaceholder(hook.url) && pathOf(hook.url) === pathOf(url))
    if (first !== undefined) {
      const taken = { ...first, url, status: 1 as const }
      return {
        data: { ...data, webhooks: data.webhooks.map((hook) => (hook === first ? taken : hook)) },
        result: taken,
      }
    }
    if (data.webhooks.length >= webhooksMax) return { data, result: 'Too many servers' }
    const hook = { id: data.nextId, url, name: typeof name === 'string' ? name : '', status: 1 as const }
    return { data: { ...data, nextId: data.nextId + 1, webhooks: [...data.webhooks, hook] }, result: hook }
  })
  return typeof outcome === 'string' ? refused(400, outcome) : applied(outcome, 'hook registered')
}

const isPlaceholder = (url: string): boolean => new URL(url).hostname === 'hub.invalid'

const changeWebhook = async ({ desk, method, text }: UmnicoCall, id: number): Promise<TwinAnswer> => {
  const { status, url, name } = jsonObject(text)
  const changed = await desk.change((data) => {
    const hook = data.webhooks.find((item) => item.id === id)
    if (hook === undefined) return { data, result: null }
    const next = {
      ...hook,
      ...(typeof url === 'string' && URL.canParse(url) ? { url } : {}),
      ...(typeof name === 'string' ? { name } : {}),
      ...(status === 0 || status === 1 ? { status: status as 0 | 1 } : {}),
    }
    const others = data.webhooks.filter((item) => item.id !== id)
    const webhooks = method === 'DELETE' ? others : [...others, next]
    return { data: { ...data, webhooks, failures: { ...data.failures, [id]: 0 } }, result: next }
  })
  return changed === null ? notFound() : applied(changed, method === 'DELETE' ? 'hook removed' : 'hook changed')
}

/** The moment of a dialog's last message, for the list of dialogs. */
export const lastSpokenAt = (chat: Chat): number => chat.messages.at(-1)?.datetime ?? 0
