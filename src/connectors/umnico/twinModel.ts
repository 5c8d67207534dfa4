import { type Instant, msOf } from '../../kernel/time.ts'
import type { TwinChange, TwinHook } from '../twinDesk.ts'

/** A message in a dialog of the twin. */
export type ChatMessage = {
  readonly messageId: string
  readonly datetime: number
  readonly incoming: boolean
  readonly text: string
  readonly customId: string | null
  readonly userId: number | null
  readonly attachments: readonly { readonly type: string; readonly url: string }[]
}

/** A dialog, which Umnico calls a lead. */
export type Chat = {
  readonly id: number
  readonly customer: {
    readonly id: number
    readonly name: string
    readonly login: string
    readonly phone: string | null
  }
  readonly channel: string
  readonly saId: number
  readonly realId: number
  readonly statusId: number
  readonly userId: number | null
  readonly messages: readonly ChatMessage[]
}

/** A registered hook; 0 is switched off. */
export type ChatWebhook = { readonly id: number; readonly url: string; readonly name: string; readonly status: 0 | 1 }

/** All that the twin knows. */
export type ChatData = {
  readonly chats: Readonly<Record<string, Chat>>
  readonly webhooks: readonly ChatWebhook[]
  /** Deliveries that failed one after another, by the id of the hook. */
  readonly failures: Readonly<Record<string, number>>
  readonly nextId: number
  /** How the API writes lists: alone, or wrapped; both were seen. */
  readonly shape: 'plain' | 'wrapped'
}

/** A twin on its first day. */
export const emptyChats: ChatData = { chats: {}, webhooks: [], failures: {}, nextId: 1000, shape: 'plain' }

/** After this many failures one after another the hook is switched off. */
export const failuresMax = 5

/** Hooks that one account may have. */
export const webhooksMax = 10

/** The operators of the account. */
export const managers = [
  {
    id: 15,
    name: 'Ольга Петрова',
    login: 'olga@primer.example',
    role: 'owner',
    confirmed: true,
    allowAllDeals: true,
    sources: [],
  },
  {
    id: 16,
    name: 'Бот',
    login: 'bot@primer.example',
    role: 'manager',
    confirmed: true,
    allowAllDeals: true,
    sources: [],
  },
] as const

/** The states of a deal. */
export const statuses = [
  { id: 40, type: 'new', name: 'Новое', order: 1, color: '#3aa0ff' },
  { id: 42, type: 'work', name: 'В работе', order: 2, color: '#ffcc00' },
  { id: 43, type: 'completed', name: 'Завершено', order: 3, color: '#55cc55' },
] as const

/** The channels of the account; the token of the widget names the chat of the site. */
export const integrationsOf = (widgetToken: string) => [
  { id: 87, type: 'onlinechat', login: 'Чат на сайте', externalId: widgetToken, status: 'active' },
  { id: 88, type: 'whatsapp2', login: '79990001122', externalId: 'wa-1', status: 'active' },
  { id: 89, type: 'telegram', login: 'primer_dom', externalId: 'tg-1', status: 'active' },
]

const channelIds: Readonly<Record<string, number>> = { onlinechat: 87, whatsapp2: 88, telegram: 89 }

/** A visitor says something; in a dialog that is there, or in a new one. */
export type VisitorWords = {
  readonly leadId: number | null
  readonly text: string
  readonly channel: string
  readonly name: string
  readonly login: string
  readonly attachments: ChatMessage['attachments']
}

/** Where the twin's own numbers come from besides the data. */
export type Numbered = { readonly accountId: number; readonly now: Instant }

/** Enters what a visitor says, and tells everybody who listens. */
export const enterVisitorWords = (data: ChatData, words: VisitorWords, at: Numbered): TwinChange<ChatData, Chat> => {
  const known = words.leadId === null ? undefined : data.chats[String(words.leadId)]
  const chat = known ?? newChat(data, words)
  const message: ChatMessage = {
    messageId: `m-${data.nextId + 3}`,
    datetime: msOf(at.now),
    incoming: true,
    text: words.text,
    customId: null,
    userId: null,
    attachments: words.attachments,
  }
  const next = { ...chat, messages: [...chat.messages, message] }
  const entered = withChat({ ...data, nextId: data.nextId + 4 }, next)
  const body = messageBody(next, message, { accountId: at.accountId, isNew: known === undefined })
  return { data: entered, result: next, hooks: hooksOf(entered, 'message.incoming', body) }
}

const newChat = (data: ChatData, { channel, name, login }: VisitorWords): Chat => ({
  id: data.nextId,
  customer: { id: data.nextId + 1, name, login, phone: null },
  channel,
  saId: channelIds[channel] ?? 90,
  realId: data.nextId + 2,
  statusId: 40,
  userId: null,
  messages: [],
})

/** What is said to a visitor, by the service or by an operator. */
export type Answer = {
  readonly leadId: string
  readonly text: string
  readonly customId: string | null
  readonly userId: number | null
}

/** Enters what was said to a visitor; null when there is no such dialog. */
export const enterAnswer = (data: ChatData, answer: Answer, at: Numbered): TwinChange<ChatData, ChatMessage | null> => {
  const chat = data.chats[answer.leadId]
  if (chat === undefined) return { data, result: null }
  const message: ChatMessage = {
    messageId: `m-${data.nextId}`,
    datetime: msOf(at.now),
    incoming: false,
    text: answer.text,
    customId: answer.customId,
    userId: answer.userId,
    attachments: [],
  }
  const next = { ...chat, messages: [...chat.messages, message] }
  const entered = withChat({ ...data, nextId: data.nextId + 1 }, next)
  const body = messageBody(next, message, { accountId: at.accountId, isNew: false })
  return { data: entered, result: message, hooks: hooksOf(entered, 'message.outgoing', body) }
}

/** Moves a deal into another state; null when there is no such deal. */
export const changeStatus = (
  data: ChatData,
  { leadId, statusId }: { readonly leadId: string; readonly statusId: number },
  { accountId }: Numbered,
): TwinChange<ChatData, Chat | null> => {
  const chat = data.chats[leadId]
  if (chat === undefined) return { data, result: null }
  const next = { ...chat, statusId }
  const entered = withChat(data, next)
  const body = { type: 'lead.changed.status', accountId, leadId: chat.id, lead: leadBody(next) }
  return { data: entered, result: next, hooks: hooksOf(entered, 'lead.changed.status', body) }
}

/** A deal as the API and the hooks write it. */
export const leadBody = (chat: Chat) => ({
  id: chat.id,
  userId: chat.userId,
  statusId: chat.statusId,
  read: false,
  amount: 0,
  details: '',
  tags: [],
  socialAccount: { id: chat.saId, type: chat.channel, login: chat.customer.login },
  customer: { ...chat.customer, email: null, avatar: null },
})

/** A message as the history and the hooks write it. */
export const messageObject = (chat: Chat, message: ChatMessage) => ({
  messageId: message.messageId,
  datetime: message.datetime,
  incoming: message.incoming,
  ...(message.customId === null ? {} : { customId: message.customId }),
  message: { text: message.text, attachments: message.attachments },
  sender: message.incoming
    ? {
        id: chat.customer.id,
        customerId: chat.customer.id,
        login: chat.customer.login,
        socialId: chat.customer.login,
        name: chat.customer.name,
        type: chat.channel,
      }
    : { id: message.userId, login: 'operator', type: chat.channel },
  source: { id: String(chat.realId), realId: chat.realId, saId: chat.saId, type: 'message', identifier: '79990001122' },
  sa: { id: chat.saId, type: chat.channel, login: '79990001122' },
})

const messageBody = (
  chat: Chat,
  message: ChatMessage,
  { accountId, isNew }: { readonly accountId: number; readonly isNew: boolean },
) => ({
  type: message.incoming ? 'message.incoming' : 'message.outgoing',
  accountId,
  leadId: chat.id,
  isNewLead: isNew,
  isNewCustomer: isNew,
  message: messageObject(chat, message),
})

/** One notification for each hook that is switched on. */
export const hooksOf = (data: ChatData, name: string, body: unknown): readonly TwinHook[] =>
  data.webhooks.flatMap(({ status, url }) =>
    status === 1
      ? [{ name, path: pathOf(url), headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }]
      : [],
  )

/** The service may be registered by its public address, which need not lead here: its path is what counts. */
export const pathOf = (url: string): string => {
  const { pathname, search } = new URL(url)
  const at = pathname.indexOf('/webhooks/')
  return `${at > 0 ? pathname.slice(at) : pathname}${search}`
}

/** Counts failures of a hook one after another, and switches it off at the limit. */
export const noteDelivery = (data: ChatData, path: string, accepted: boolean): ChatData => {
  const hook = data.webhooks.find(({ url }) => pathOf(url) === path)
  if (hook === undefined) return data
  const count = accepted ? 0 : (data.failures[hook.id] ?? 0) + 1
  const webhooks =
    count >= failuresMax
      ? data.webhooks.map((item) => (item.id === hook.id ? { ...item, status: 0 as const } : item))
      : data.webhooks
  return { ...data, webhooks, failures: { ...data.failures, [hook.id]: count } }
}

const withChat = (data: ChatData, chat: Chat): ChatData => ({ ...data, chats: { ...data.chats, [chat.id]: chat } })
