import { createHash } from 'node:crypto'
import { type Instant, instant } from '../../kernel/time.ts'
import { parseJsonBody } from '../bodies.ts'
import {
  type BodyFields,
  type BodyLimits,
  type BodyValue,
  bodyLimits,
  bodyListAt,
  bodyTextAt,
  bodyValueAt,
  canonicalBody,
  isBodyFields,
} from '../bodyValues.ts'
import type { Answer, Authenticity, Delivery, Reading, WebhookWire } from '../connector.ts'
import { cleanText, emailFrom, phoneFrom } from '../contact.ts'
import { secretName, secretPlace } from '../secrets.ts'

/** The configuration of Umnico. */
export type UmnicoSettings = {
  readonly apiKey: string
  /** Says which channel is the chat of the site. */
  readonly widgetToken: string
  /** One, or two while the secret is being changed; the newer first. */
  readonly webhookSecrets: readonly string[]
  /** Null until it was read from the API. */
  readonly accountId: string | null
  /** Such as `https://api.umnico.com/v1.3`. */
  readonly baseUrl: string
}

/** A file in a message; it is not fetched here. */
export type UmnicoAttachment = {
  readonly type: string
  readonly url: string | null
  readonly name: string | null
  readonly fetched: false
}

/** Something was said in a dialog, by the client (`incoming`) or to the client (`outgoing`). */
export type UmnicoMessage = {
  readonly kind: 'message'
  readonly direction: 'incoming' | 'outgoing'
  readonly accountId: string
  readonly leadId: string
  readonly messageId: string | null
  /** Our own label of a message that we sent; null for everybody else's. */
  readonly customId: string | null
  /** The real channel such as `whatsapp2` or `onlinechat`; an open list. */
  readonly channel: string | null
  readonly saId: string | null
  /** Where an answer has to go: the source's real id. */
  readonly source: string | null
  readonly sourceKind: string | null
  readonly customerId: string | null
  readonly sender: {
    readonly id: string | null
    readonly login: string | null
    readonly socialId: string | null
    readonly name: string | null
  }
  /** The client's own number; never the company's. */
  readonly phone: string | null
  readonly text: string
  readonly attachments: readonly UmnicoAttachment[]
  readonly isNewLead: boolean
  readonly isNewCustomer: boolean
  readonly at: Instant
}

/** What Umnico knows of a client. */
export type UmnicoCustomer = {
  readonly customerId: string | null
  readonly name: string | null
  readonly phone: string | null
  readonly email: string | null
  readonly login: string | null
}

/** A lead in Umnico's words. */
export type UmnicoLead = {
  readonly leadId: string
  readonly statusId: string | null
  readonly userId: string | null
  readonly channel: string | null
  readonly login: string | null
  readonly details: string | null
  readonly customer: UmnicoCustomer | null
}

/** What a delivery of Umnico says. */
export type UmnicoFacts =
  | UmnicoMessage
  | ({
      readonly kind: 'lead'
      readonly change: 'created' | 'changed' | 'status'
      readonly accountId: string
    } & UmnicoLead)
  | ({ readonly kind: 'customer'; readonly change: 'created' | 'changed'; readonly accountId: string } & UmnicoCustomer)
  | {
      readonly kind: 'integration'
      readonly change: 'created' | 'deleted'
      readonly accountId: string
      readonly saId: string | null
      readonly channel: string | null
      readonly login: string | null
    }

/** The inbound half: a secret in the path, the account id in the body, and no refusal that would make Umnico switch the hook off. */
export const umnicoHook: WebhookWire<UmnicoSettings, UmnicoFacts> = {
  verify: (delivery, settings) => verify(delivery, settings),
  read: (delivery) => read(delivery),
  accepted: () => plain(200, 'ok'),
}

/** Attachments of some channels nest deeper than a form does, and a refusal costs us the hook. */
const umnicoLimits: BodyLimits = { ...bodyLimits, depthMax: 8 }

const textLengthMax = 4096
const shortTextLengthMax = 200
const attachmentsMax = 20

const plain = (status: number, body: string): Answer => ({ status, contentType: 'text/plain; charset=utf-8', body })

const verify = (delivery: Delivery, settings: UmnicoSettings): Authenticity => {
  const place = secretPlace(delivery.params.secret ?? '', settings.webhookSecrets)
  if (place === null) return { tag: 'refused', status: 404, code: 'wrong-secret' }
  const authentic: Authenticity = { tag: 'authentic', secretName: secretName(place) }
  const parsed = parseJsonBody(delivery.body, umnicoLimits)
  // The path proved the sender; what cannot be parsed is kept and answered by `read`.
  if (parsed.tag === 'unreadable' && parsed.code !== 'no-fields') return authentic
  const accountId = parsed.tag === 'fields' ? bodyTextAt(parsed.fields, 'accountId') : null
  if (accountId === null) return { tag: 'refused', status: 403, code: 'no-account' }
  return settings.accountId === null || settings.accountId === accountId
    ? authentic
    : { tag: 'refused', status: 403, code: 'foreign-account' }
}

type Kept = { readonly dedupeKey: string; readonly canonical: string }

const read = (delivery: Delivery): Reading<UmnicoFacts> => {
  const parsed = parseJsonBody(delivery.body, umnicoLimits)
  if (parsed.tag === 'unreadable') {
    return { tag: 'malformed', reason: parsed.code, answer: plain(400, parsed.code) }
  }
  const { fields, flags } = parsed
  const type = bodyTextAt(fields, 'type') ?? ''
  const kept: Kept = { dedupeKey: dedupeKeyOf(delivery.body, fields, type), canonical: canonicalBody(fields) }
  const facts = factsOf(fields, type, delivery.receivedAt)
  if (facts === null) return { tag: 'ignored', ...kept, reason: type === '' ? 'no-type' : 'unknown-type' }
  if (typeof facts === 'string') return { tag: 'poor', ...kept, reason: facts }
  return { tag: 'facts', ...kept, facts, ...(flags.length > 0 ? { flags } : {}) }
}

const dedupeKeyOf = (body: Uint8Array, fields: BodyFields, type: string): string => {
  const account = bodyTextAt(fields, 'accountId') ?? 'none'
  const messageId = bodyTextAt(fields, 'message', 'messageId')
  const about = leadIdOf(fields) ?? customerIdOf(fields) ?? 'none'
  const tail = messageId ?? `${about}:${createHash('sha256').update(body).digest('hex')}`
  return `umnico:${type || 'none'}:${account}:${tail}`.slice(0, 1000)
}

/** The facts of a known type, the reason why they are of no use, or null for a type that we do not know. */
const factsOf = (fields: BodyFields, type: string, receivedAt: Instant): UmnicoFacts | string | null => {
  switch (type) {
    case 'message.incoming':
      return messageOf(fields, 'incoming', receivedAt)
    case 'message.outgoing':
      return messageOf(fields, 'outgoing', receivedAt)
    case 'lead.created':
      return leadFactsOf(fields, 'created')
    case 'lead.changed':
      return leadFactsOf(fields, 'changed')
    case 'lead.changed.status':
      return leadFactsOf(fields, 'status')
    case 'customer.created':
      return customerFactsOf(fields, 'created')
    case 'customer.changed':
    case 'customer.updated':
      return customerFactsOf(fields, 'changed')
    case 'integration.created':
      return integrationOf(fields, 'created')
    case 'integration.deleted':
    case 'integration.removed':
      return integrationOf(fields, 'deleted')
    default:
      return null
  }
}

const accountIdOf = (fields: BodyFields): string => bodyTextAt(fields, 'accountId') ?? ''

const leadIdOf = (fields: BodyFields): string | null => idAt(fields, 'leadId') ?? idAt(fields, 'lead', 'id')

const customerIdOf = (fields: BodyFields): string | null => idAt(fields, 'customerId') ?? idAt(fields, 'customer', 'id')

/** An id as text; ids come as numbers and as texts. */
const idAt = (value: BodyValue | undefined, ...path: readonly string[]): string | null => {
  const id = bodyTextAt(value, ...path)?.trim() ?? ''
  return id !== '' && id.length <= shortTextLengthMax ? id : null
}

const shortAt = (value: BodyValue | undefined, ...path: readonly string[]): string | null => {
  const text = cleanText(bodyTextAt(value, ...path) ?? '')
  return text === '' ? null : text.slice(0, shortTextLengthMax).toWellFormed()
}

const messageOf = (
  fields: BodyFields,
  direction: UmnicoMessage['direction'],
  receivedAt: Instant,
): UmnicoMessage | string => {
  const leadId = leadIdOf(fields)
  if (leadId === null) return 'no-lead-id'
  const message = bodyValueAt(fields, 'message')
  if (!isBodyFields(message)) return 'no-message'
  const sender = bodyValueAt(message, 'sender')
  const channel = shortAt(sender, 'type') ?? shortAt(message, 'sa', 'type')
  const login = shortAt(sender, 'login')
  return {
    kind: 'message',
    direction,
    accountId: accountIdOf(fields),
    leadId,
    messageId: idAt(message, 'messageId'),
    customId: idAt(message, 'customId'),
    channel,
    saId: idAt(message, 'sa', 'id') ?? idAt(message, 'source', 'saId'),
    source: idAt(message, 'source', 'realId') ?? idAt(message, 'source', 'id'),
    sourceKind: shortAt(message, 'source', 'type'),
    customerId: idAt(sender, 'customerId'),
    sender: { id: idAt(sender, 'id'), login, socialId: shortAt(sender, 'socialId'), name: shortAt(sender, 'name') },
    phone: direction === 'incoming' && isWhatsApp(channel) ? internationalPhone(login) : null,
    text: cleanText(bodyTextAt(message, 'message', 'text') ?? '')
      .slice(0, textLengthMax)
      .toWellFormed(),
    attachments: bodyListAt(message, 'message', 'attachments').slice(0, attachmentsMax).flatMap(attachmentOf),
    isNewLead: bodyValueAt(fields, 'isNewLead') === true,
    isNewCustomer: bodyValueAt(fields, 'isNewCustomer') === true,
    at: momentAt(message, receivedAt),
  }
}

/** Only there the login is the client's number; elsewhere it is a nickname, and `sa.login` is always the company's. */
const isWhatsApp = (channel: string | null): boolean => channel !== null && /^(?:whatsapp|waba)/i.test(channel)

/** WhatsApp writes every number with its country code and without the plus. */
const internationalPhone = (login: string | null): string | null =>
  login !== null && /^\+?\d{8,15}$/.test(login) ? phoneFrom(`+${login.replace('+', '')}`) : null

const attachmentOf = (value: BodyValue): readonly UmnicoAttachment[] => {
  if (!isBodyFields(value)) return []
  const url = bodyTextAt(value, 'url') ?? bodyTextAt(value, 'link') ?? bodyTextAt(value, 'src')
  const usable = url !== null && /^https?:\/\/\S{1,2000}$/.test(url) ? url : null
  return [{ type: shortAt(value, 'type') ?? 'file', url: usable, name: shortAt(value, 'name'), fetched: false }]
}

/** Before 2001 or after 2100 a number of milliseconds is no moment of a chat. */
const momentMinMs = 978_307_200_000
const momentMaxMs = 4_102_444_800_000

const momentAt = (message: BodyFields, receivedAt: Instant): Instant => {
  const ms = Number(bodyTextAt(message, 'datetime') ?? Number.NaN)
  return ms >= momentMinMs && ms < momentMaxMs ? instant(Math.trunc(ms)) : receivedAt
}

const leadFactsOf = (fields: BodyFields, change: 'created' | 'changed' | 'status'): UmnicoFacts | string => {
  const lead = umnicoLeadOf(bodyValueAt(fields, 'lead'), leadIdOf(fields))
  return lead === null ? 'no-lead-id' : { kind: 'lead', change, accountId: accountIdOf(fields), ...lead }
}

const customerFactsOf = (fields: BodyFields, change: 'created' | 'changed'): UmnicoFacts | string => {
  const customerId = customerIdOf(fields)
  if (customerId === null) return 'no-customer-id'
  const customer = customerOf(bodyValueAt(fields, 'customer'))
  return { kind: 'customer', change, accountId: accountIdOf(fields), ...customer, customerId }
}

const integrationOf = (fields: BodyFields, change: 'created' | 'deleted'): UmnicoFacts => {
  const integration = bodyValueAt(fields, 'integration') ?? bodyValueAt(fields, 'sa')
  return {
    kind: 'integration',
    change,
    accountId: accountIdOf(fields),
    saId: idAt(integration, 'id') ?? idAt(fields, 'integrationId'),
    channel: shortAt(integration, 'type'),
    login: shortAt(integration, 'login'),
  }
}

/** Reads a lead of a hook or of the API; `leadId` fills in when the object itself has none. Null without any id. */
export const umnicoLeadOf = (value: BodyValue | undefined, leadId: string | null = null): UmnicoLead | null => {
  const id = idAt(value, 'id') ?? leadId
  if (id === null) return null
  const customer = bodyValueAt(value, 'customer')
  return {
    leadId: id,
    statusId: idAt(value, 'statusId'),
    userId: idAt(value, 'userId'),
    channel: shortAt(value, 'socialAccount', 'type'),
    login: shortAt(value, 'socialAccount', 'login'),
    details: shortAt(value, 'details'),
    customer: isBodyFields(customer) ? customerOf(customer) : null,
  }
}

const customerOf = (value: BodyValue | undefined): UmnicoCustomer => ({
  customerId: idAt(value, 'id'),
  name: shortAt(value, 'name'),
  phone: customerPhone(bodyTextAt(value, 'phone')),
  email: emailFrom(bodyTextAt(value, 'email') ?? ''),
  login: shortAt(value, 'login'),
})

/** Digits with a country code come without a plus here too; a Russian habit is understood first. */
const customerPhone = (raw: string | null): string | null =>
  raw === null ? null : (phoneFrom(raw) ?? internationalPhone(raw.replace(/\D/g, '')))
