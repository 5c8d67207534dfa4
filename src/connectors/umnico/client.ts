import { done, type Outcome } from '../../kernel/decision.ts'
import { type Instant, msOf, plusMs } from '../../kernel/time.ts'
import { type BodyValue, bodyTextAt, bodyValueAt, isBodyFields, isBodyList } from '../bodyValues.ts'
import { parseAnswerJson } from '../boundedJson.ts'
import type { Attempt, Courier, DestinationPolicy, Performer } from '../connector.ts'
import {
  again,
  ended,
  locked,
  type NotDone,
  type ProviderCall,
  type ProviderRequest,
  refusedOutcome,
  type Step,
  throttled,
  unsendable,
} from '../exchange.ts'
import { type UmnicoLead, type UmnicoSettings, umnicoLeadOf } from './wire.ts'

/** What a message to a client becomes. */
export type UmnicoSent = { readonly source: string; readonly alreadyThere: boolean }

/** What became of our hook at Umnico. */
export type UmnicoWebhook = {
  readonly webhookId: string | null
  readonly state: 'active' | 'switched-on' | 'registered'
}

/** A channel of the account; `isWidget` marks the chat of the site. */
export type UmnicoChannel = {
  readonly saId: string
  readonly type: string
  readonly login: string | null
  readonly isWidget: boolean
}

/** A state of a deal, as the account names it. */
export type UmnicoStatus = { readonly statusId: string; readonly type: string; readonly name: string }

/** The documents name no rate; more than this was never seen in a chat of people. */
const policy: DestinationPolicy = {
  concurrencyMax: 4,
  perSecondMax: 2,
  deadlineMs: 20_000,
  attemptsMax: 12,
  // Before it sends again the performer looks for the message, so a repetition cannot double it.
  afterUnknown: 'repeat',
}

/** A message that was accepted may need this long to appear in the history. */
const settleMs = 15_000

/** Operators and sources of dialogs change rarely; both are asked for again after a refusal. */
const cacheMs = 600_000

/** Dialogs whose source is remembered. */
const sourcesMax = 2000

const textLengthMax = 4096
const historyPagesMax = 3

/** Our side of Umnico: messages to clients, the watch over our hook, and reading the account. */
export const umnicoCourier = (settings: UmnicoSettings, deps: { readonly call: ProviderCall }): Courier => {
  const desk: Desk = { settings, call: deps.call, memory: { operator: null, sources: new Map() } }
  return {
    destination: 'umnico',
    policy,
    performers: {
      'umnico.send': send(desk),
      'umnico.ensureWebhook': ensureWebhook(desk),
      'umnico.readAccount': readAccount(desk),
      'umnico.readLead': readLead(desk),
      'umnico.readChannels': readChannels(desk),
      'umnico.readStatuses': readStatuses(desk),
    },
  }
}

type Desk = {
  readonly settings: UmnicoSettings
  readonly call: ProviderCall
  readonly memory: {
    operator: { readonly userId: number; readonly at: Instant } | null
    readonly sources: Map<string, string>
  }
}

type Order = {
  readonly leadId: string
  readonly text: string
  readonly customId: string
  readonly source: string | null
}

const send =
  (desk: Desk): Performer<unknown, UmnicoSent> =>
  async (payload, attempt) => {
    const order = orderOf(payload)
    if (typeof order === 'string') return unsendable(order)
    const settledAt = plusMs(attempt.firstAttemptAt, settleMs)
    if (attempt.number > 1 && attempt.now < settledAt) {
      return { ...again('settling', 'The earlier attempt may still become visible'), notBefore: settledAt }
    }
    const source = await sourceOf(desk, order, attempt)
    if (ended(source)) return source.end
    if (attempt.number > 1) {
      const found = await wasSent(desk, { ...order, source: source.value }, attempt)
      if (ended(found)) return found.end
      if (found.value) return done({ source: source.value, alreadyThere: true })
    }
    const operator = await operatorOf(desk, attempt)
    if (ended(operator)) return operator.end
    const { leadId, text, customId } = order
    const author = operator.value === null ? {} : { userId: operator.value }
    const body = { message: { text }, source: source.value, ...author, customId }
    return sent(
      desk,
      await ask(desk, { method: 'POST', path: `/messaging/${encodeURIComponent(leadId)}/send`, body }, attempt),
      {
        leadId,
        source: source.value,
      },
    )
  }

const orderOf = (payload: unknown): Order | string => {
  const fields = isRecord(payload) ? payload : {}
  const { leadId, text, customId, source } = fields
  if (typeof leadId !== 'string' || !/^[\w-]{1,64}$/.test(leadId)) return 'leadId'
  if (typeof text !== 'string' || text === '' || text.length > textLengthMax) return 'text'
  if (typeof customId !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(customId)) return 'customId'
  return { leadId, text, customId, source: typeof source === 'string' && source !== '' ? source : null }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/** What the answer to a send means. */
const sent = (
  desk: Desk,
  answer: Answered,
  { leadId, source }: { readonly leadId: string; readonly source: string },
): Outcome<UmnicoSent> => {
  if (ended(answer)) return answer.end
  const { status, value } = answer.value
  if (status < 300 && value !== undefined) return done({ source, alreadyThere: false })
  if (status === 404) {
    desk.memory.sources.delete(leadId)
    return refusedOutcome('lead-not-found', 'Umnico knows no such dialog')
  }
  if (status === 422 && desk.memory.operator !== null) {
    // The operator may have been dismissed since: the next attempt chooses again.
    desk.memory.operator = null
    return again('operator-not-accepted', 'Umnico does not accept the operator in whose name we write')
  }
  if (status >= 400 && status < 500) return refusedOutcome('message-not-accepted', `Umnico answered ${status}`)
  return {
    tag: 'unknown',
    code: status >= 500 ? 'provider-error' : 'answer-not-understood',
    detail: `Umnico answered ${status}`,
  }
}

/** Where an answer goes: what the message said, else the dialog's source of messages. */
const sourceOf = async (desk: Desk, { leadId, source }: Order, attempt: Attempt): Promise<Step<string>> => {
  const known = source ?? desk.memory.sources.get(leadId)
  if (known !== undefined) return { value: known }
  const answer = await read(desk, `/messaging/${encodeURIComponent(leadId)}/sources`, attempt)
  if (ended(answer)) return answer
  const sources = listOf(answer.value)
  const chosen = sources.find((item) => bodyTextAt(item, 'type') === 'message') ?? sources[0]
  const found = bodyTextAt(chosen, 'realId') ?? bodyTextAt(chosen, 'id')
  if (found === null) return { end: again('no-source', 'The dialog has no source of messages yet') }
  if (desk.memory.sources.size >= sourcesMax) desk.memory.sources.clear()
  desk.memory.sources.set(leadId, found)
  return { value: found }
}

/** An operator made for the bot, else the owner, else anybody who is confirmed; null leaves the choice to Umnico. */
const operatorOf = async (desk: Desk, attempt: Attempt): Promise<Step<number | null>> => {
  const kept = desk.memory.operator
  if (kept !== null && msOf(attempt.now) - msOf(kept.at) < cacheMs) return { value: kept.userId }
  const answer = await read(desk, '/managers', attempt)
  if (ended(answer)) return answer.end.tag === 'refused' ? { value: null } : answer
  const managers = listOf(answer.value).filter((item) => Number.isSafeInteger(bodyValueAt(item, 'id')))
  const confirmed = managers.filter((item) => bodyValueAt(item, 'confirmed') !== false)
  const chosen =
    confirmed.find((item) => /(?:^|[^\p{L}])(?:bot|бот)(?:$|[^\p{L}])/iu.test(bodyTextAt(item, 'name') ?? '')) ??
    confirmed.find((item) => bodyTextAt(item, 'role') === 'owner') ??
    confirmed[0]
  const userId = Number(bodyTextAt(chosen, 'id') ?? Number.NaN)
  if (Number.isNaN(userId)) return { value: null }
  desk.memory.operator = { userId, at: attempt.now }
  return { value: userId }
}

/** Looks through the newest messages for our label, or for our words where the history keeps no labels. */
const wasSent = async (desk: Desk, order: Order, attempt: Attempt): Promise<Step<boolean>> => {
  const path = `/messaging/${encodeURIComponent(order.leadId)}/history/${encodeURIComponent(order.source ?? '')}`
  let cursor: BodyValue = null
  for (let page = 0; page < historyPagesMax; page += 1) {
    const answer: Answered = await ask(desk, { method: 'POST', path, body: cursor === null ? {} : { cursor } }, attempt)
    if (ended(answer))
      return { end: answer.end.tag === 'unknown' ? again(answer.end.code, answer.end.detail) : answer.end }
    if (answer.value.status !== 200 || answer.value.value === undefined) {
      return { end: again('history-not-read', `Umnico answered ${answer.value.status}`) }
    }
    const messages = listOf(answer.value.value)
    if (messages.some((message) => isOurs(message, order, attempt))) return { value: true }
    cursor = bodyValueAt(answer.value.value, 'cursor') ?? null
    const older = messages.some((message) => momentOf(message) < msOf(attempt.firstAttemptAt) - minuteMs)
    if (cursor === null || older || messages.length === 0) break
  }
  return { value: false }
}

const minuteMs = 60_000

const momentOf = (message: BodyValue): number => Number(bodyTextAt(message, 'datetime') ?? Number.POSITIVE_INFINITY)

const isOurs = (message: BodyValue, { customId, text }: Order, attempt: Attempt): boolean => {
  const label = bodyTextAt(message, 'customId')
  if (label !== null) return label === customId
  const words = bodyTextAt(message, 'message', 'text') ?? bodyTextAt(message, 'text')
  const isRecent = momentOf(message) >= msOf(attempt.firstAttemptAt) - minuteMs
  return bodyValueAt(message, 'incoming') === false && words === text && isRecent
}

/** Keeps our hook registered and switched on: Umnico switches off what failed too often. */
const ensureWebhook =
  (desk: Desk): Performer<unknown, UmnicoWebhook> =>
  async (payload, attempt) => {
    const { url, name = 'partner-hub' } = isRecord(payload) ? payload : {}
    if (typeof url !== 'string' || !URL.canParse(url)) return unsendable('url')
    const found = await findWebhook(desk, url, attempt)
    if (ended(found)) return found.end
    if (found.value !== null) return switchedOn(desk, found.value, attempt)
    const answer = await ask(desk, { method: 'POST', path: '/webhooks', body: { url, name } }, attempt)
    if (ended(answer)) return answer.end
    const { status, value, text } = answer.value
    if (status < 300) return done({ webhookId: bodyTextAt(value, 'id'), state: 'registered' })
    if (status >= 500) return again('provider-error', `Umnico answered ${status}`)
    if (!/already exists/i.test(text)) return refusedOutcome('webhook-not-accepted', `Umnico answered ${status}`)
    const listed = await findWebhook(desk, url, attempt)
    if (ended(listed)) return listed.end
    return listed.value === null ? done({ webhookId: null, state: 'active' }) : switchedOn(desk, listed.value, attempt)
  }

type Found = { readonly webhookId: string; readonly isOn: boolean }

const findWebhook = async (desk: Desk, url: string, attempt: Attempt): Promise<Step<Found | null>> => {
  const answer = await read(desk, '/webhooks', attempt)
  if (ended(answer)) return answer
  const own = listOf(answer.value).find((item) => bodyTextAt(item, 'url') === url)
  const webhookId = bodyTextAt(own, 'id')
  return { value: webhookId === null ? null : { webhookId, isOn: bodyTextAt(own, 'status') !== '0' } }
}

const switchedOn = async (
  desk: Desk,
  { webhookId, isOn }: Found,
  attempt: Attempt,
): Promise<Outcome<UmnicoWebhook>> => {
  if (isOn) return done({ webhookId, state: 'active' })
  const path = `/webhooks/${encodeURIComponent(webhookId)}`
  const answer = await ask(desk, { method: 'PUT', path, body: { status: 1 } }, attempt)
  if (ended(answer)) return answer.end
  return answer.value.status < 300
    ? done({ webhookId, state: 'switched-on' })
    : again('webhook-not-switched-on', `Umnico answered ${answer.value.status}`)
}

const readAccount =
  (desk: Desk): Performer<unknown, { readonly accountId: string }> =>
  async (_payload, attempt) => {
    const answer = await read(desk, '/account/me', attempt)
    if (ended(answer)) return answer.end
    const accountId = bodyTextAt(answer.value, 'account', 'id') ?? bodyTextAt(answer.value, 'id')
    return accountId === null ? again('answer-not-understood', 'The answer names no account') : done({ accountId })
  }

const readLead =
  (desk: Desk): Performer<unknown, UmnicoLead> =>
  async (payload, attempt) => {
    const { leadId } = isRecord(payload) ? payload : {}
    if (typeof leadId !== 'string' || !/^[\w-]{1,64}$/.test(leadId)) return unsendable('leadId')
    const answer = await read(desk, `/leads/${leadId}`, attempt)
    if (ended(answer)) return answer.end
    const lead = umnicoLeadOf(unwrapped(answer.value))
    return lead === null ? again('answer-not-understood', 'The answer is no lead') : done(lead)
  }

const readChannels =
  (desk: Desk): Performer<unknown, { readonly channels: readonly UmnicoChannel[] }> =>
  async (_payload, attempt) => {
    const answer = await read(desk, '/integrations', attempt)
    if (ended(answer)) return answer.end
    const token = desk.settings.widgetToken
    const channels = listOf(answer.value).flatMap((item) => {
      const saId = bodyTextAt(item, 'id')
      const names = ['externalId', 'login', 'url'].map((name) => bodyTextAt(item, name) ?? '')
      const isWidget = names.some((name) => name === token || (token.length >= 8 && name.includes(token)))
      return saId === null
        ? []
        : [{ saId, type: bodyTextAt(item, 'type') ?? '', login: bodyTextAt(item, 'login'), isWidget }]
    })
    return done({ channels })
  }

const readStatuses =
  (desk: Desk): Performer<unknown, { readonly statuses: readonly UmnicoStatus[] }> =>
  async (_payload, attempt) => {
    const answer = await read(desk, '/statuses', attempt)
    if (ended(answer)) return answer.end
    const statuses = listOf(answer.value).flatMap((item) => {
      const statusId = bodyTextAt(item, 'id')
      return statusId === null
        ? []
        : [{ statusId, type: bodyTextAt(item, 'type') ?? '', name: bodyTextAt(item, 'name') ?? statusId }]
    })
    return done({ statuses })
  }

/** The items of a list, which may stand alone or in a field, each perhaps in a wrapping of its own. */
const listOf = (value: BodyValue): readonly BodyValue[] => {
  if (isBodyList(value)) return value.map(unwrapped)
  const list = isBodyFields(value) ? Object.values(value).find(isBodyList) : undefined
  return (list ?? []).map(unwrapped)
}

const unwrapped = (item: BodyValue): BodyValue => {
  for (const name of ['lead', 'data']) {
    const inner = bodyValueAt(item, name)
    if (isBodyFields(inner) && bodyTextAt(item, 'id') === null) return inner
  }
  return item
}

type Call = { readonly method: ProviderRequest['method']; readonly path: string; readonly body?: unknown }

type Answered = Step<{ readonly status: number; readonly value: BodyValue | undefined; readonly text: string }>

/** Makes a call; ends the attempt where the answer does not depend on what was asked. */
const ask = async ({ settings, call }: Desk, { method, path, body }: Call, attempt: Attempt): Promise<Answered> => {
  const answer = await call({
    method,
    url: `${settings.baseUrl.replace(/\/$/, '')}${path}`,
    headers: {
      // With a small letter one account was answered 401.
      authorization: `Bearer ${settings.apiKey}`,
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: attempt.signal,
  })
  if (answer.tag !== 'response') {
    return {
      end:
        answer.tag === 'not-sent'
          ? again(answer.code, 'The request was not sent')
          : { tag: 'unknown', code: answer.code, detail: 'Umnico did not answer; the message is looked up first' },
    }
  }
  if (answer.status === 401 || answer.status === 403) return { end: locked('Umnico') }
  if (answer.status === 429) return { end: throttled(answer.headers, attempt.now) }
  return { value: { status: answer.status, value: parseAnswerJson(answer.text), text: answer.text } }
}

/** Reads; whatever goes wrong on the way is only a reason to read again. */
const read = async (desk: Desk, path: string, attempt: Attempt): Promise<Step<BodyValue>> => {
  const answer = await ask(desk, { method: 'GET', path }, attempt)
  if (ended(answer)) return { end: answer.end.tag === 'unknown' ? readAgain(answer.end) : answer.end }
  const { status, value } = answer.value
  if (status === 200 && value !== undefined) return { value }
  if (status === 404) return { end: refusedOutcome('not-found', 'Umnico knows nothing under this id') }
  if (status >= 400 && status < 500) return { end: refusedOutcome('not-accepted', `Umnico answered ${status}`) }
  return { end: again('provider-error', `Umnico answered ${status}`) }
}

const readAgain = (end: { readonly code: string }): NotDone => again(end.code, 'Umnico did not answer a question')
