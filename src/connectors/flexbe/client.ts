import { done } from '../../kernel/decision.ts'
import { type Instant, instant, msOf, parseInstant, plusMs } from '../../kernel/time.ts'
import { type BodyValue, bodyListAt, bodyTextAt, bodyValueAt, isBodyFields, isBodyList } from '../bodyValues.ts'
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
import { type FlexbeLead, legacyLeadOf, restLeadOf } from './lead.ts'
import type { FlexbeSettings } from './wire.ts'

/** Leads since a cursor, and the cursor of the next pull. */
export type FlexbePull = { readonly leads: readonly FlexbeLead[]; readonly cursor: Instant }

/** The newer API in Russia. */
export const flexbeRestUrl = 'https://api.flexbe.ru'

/** A pull only reads, so it may be repeated. */
const policy: DestinationPolicy = {
  concurrencyMax: 1,
  perSecondMax: 1,
  deadlineMs: 30_000,
  attemptsMax: 10,
  afterUnknown: 'repeat',
}

/** Leads become visible late and clocks differ: every pull looks back this far, and known leads are met again. */
const overlapMs = 600_000

/** The first pull of a new service takes what came in the last day. */
const firstPullMs = 86_400_000

const pageLeadsMax = 100

/** Ten thousand leads in one pull are no lead flow of a site. */
const pagesMax = 100

/** Our side of Flexbe: pulling leads, which is the truth about them. */
export const flexbeCourier = (settings: FlexbeSettings, deps: { readonly call: ProviderCall }): Courier => ({
  destination: 'flexbe',
  policy,
  performers: {
    'flexbe.pullLeads': pullLeads({ settings, call: deps.call }),
    'flexbe.listLeads': listLeads({ settings, call: deps.call }),
  },
})

type Desk = { readonly settings: FlexbeSettings; readonly call: ProviderCall }

const pullLeads =
  (desk: Desk): Performer<unknown, FlexbePull> =>
  async (payload, attempt) => {
    const given = bodyTextAt(isBodyFields(asBody(payload)) ? asBody(payload) : {}, 'since')
    const since = given === null ? null : parseInstant(given)
    if (given !== null && since === null) return unsendable('since')
    const from = since === null ? plusMs(attempt.now, -firstPullMs) : plusMs(since, -overlapMs)
    const leads = await leadsSince(desk, { from, to: null }, attempt)
    if (ended(leads)) return leads.end
    return done({ leads: leads.value, cursor: cursorOf(leads.value, since, attempt) })
  }

/** All leads of a window of time, both ends included, for reconciliation. */
const listLeads =
  (desk: Desk): Performer<unknown, { readonly leads: readonly FlexbeLead[] }> =>
  async (payload, attempt) => {
    const asked = asBody(payload)
    const from = parseInstant(bodyTextAt(asked, 'from') ?? '')
    const to = parseInstant(bodyTextAt(asked, 'to') ?? '')
    if (from === null || to === null) return unsendable(from === null ? 'from' : 'to')
    const leads = await leadsSince(desk, { from, to }, attempt)
    if (ended(leads)) return leads.end
    // The older API cannot be asked for an end; a lead whose moment is not told is looked at to be sure.
    return done({ leads: leads.value.filter(({ at }) => at === null || (at >= from && at <= to)) })
  }

/** The window of a list; null: until now. */
type Window = { readonly from: Instant; readonly to: Instant | null }

const leadsSince = async (desk: Desk, window: Window, attempt: Attempt): Promise<Step<readonly FlexbeLead[]>> => {
  const leads = new Map<string, FlexbeLead>()
  for (let page = 0; page < pagesMax; page += 1) {
    const answer = await pageOf(desk, { ...window, page }, attempt)
    if (ended(answer)) return answer
    const read = answer.value.flatMap((item) => leadOf(desk, item) ?? [])
    const isNew = read.some(({ leadId }) => !leads.has(leadId))
    for (const lead of read) leads.set(lead.leadId, lead)
    // A page that says nothing new is the last one again.
    if (answer.value.length < pageLeadsMax || !isNew) break
  }
  return { value: [...leads.values()] }
}

const asBody = (payload: unknown): BodyValue | undefined => parseAnswerJson(JSON.stringify(payload) ?? '')

/** The newest moment that was seen: never earlier than before, and never a clock that runs ahead of ours. */
const cursorOf = (leads: readonly FlexbeLead[], since: Instant | null, attempt: Attempt): Instant => {
  const start = msOf(since ?? plusMs(attempt.now, -firstPullMs))
  const moments = leads.flatMap(({ at }) => (at !== null && at <= attempt.now ? [msOf(at)] : []))
  return instant(moments.reduce((newest, at) => Math.max(newest, at), start))
}

type Page = Window & { readonly page: number }

const leadOf = ({ settings }: Desk, item: BodyValue): FlexbeLead | null =>
  settings.siteId === null ? legacyLeadOf(item) : restLeadOf(item)

const pageOf = (desk: Desk, page: Page, attempt: Attempt): Promise<Step<readonly BodyValue[]>> =>
  desk.settings.siteId === null
    ? legacyPage(desk, page, attempt)
    : restPage(desk, desk.settings.siteId, { ...page, attempt })

/** The key goes in the body, so that it stays out of the access logs. */
const legacyPage = async (
  { settings, call }: Desk,
  { from, page }: Page,
  attempt: Attempt,
): Promise<Step<readonly BodyValue[]>> => {
  const form = new URLSearchParams({
    api_key: settings.apiKey,
    method: 'getLeads',
    start: String(page * pageLeadsMax),
    count: String(pageLeadsMax),
    date_from: String(Math.floor(msOf(from) / 1000)),
  })
  const base = settings.baseUrl ?? settings.siteUrl
  const answer = await ask(
    call,
    {
      method: 'POST',
      url: `${base.replace(/\/$/, '')}/mod/api/`,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: String(form),
      signal: attempt.signal,
    },
    attempt,
  )
  if (ended(answer)) return answer
  const error = bodyTextAt(answer.value, 'error', 'code')
  if (error !== null) return { end: legacyRefusal(error, attempt) }
  const leads = bodyValueAt(answer.value, 'data', 'leads')
  // An answer without a list is no empty list: else a broken day would pass for a quiet one.
  if (isBodyList(leads)) return { value: leads }
  if (isBodyFields(leads)) return { value: Object.values(leads) }
  const data = bodyValueAt(answer.value, 'data')
  if (isBodyList(data)) return { value: data }
  return { end: again('answer-not-understood', 'The answer has no list of leads') }
}

const legacyRefusal = (code: string, attempt: Attempt): NotDone => {
  if (code === '0') return locked('Flexbe')
  if (code === '1') return throttled(new Headers(), attempt.now)
  return refusedOutcome('method-not-accepted', `Flexbe answered with its error ${code.slice(0, 20)}`)
}

const restPage = async (
  { settings, call }: Desk,
  siteId: string,
  { from, to, page, attempt }: Page & { readonly attempt: Attempt },
): Promise<Step<readonly BodyValue[]>> => {
  const query = new URLSearchParams({
    page: String(page + 1),
    limit: String(pageLeadsMax),
    dateFrom: from,
    ...(to === null ? {} : { dateTo: to }),
    sorting: 'date:desc',
  })
  const base = settings.baseUrl ?? flexbeRestUrl
  const answer = await ask(
    call,
    {
      method: 'GET',
      url: `${base.replace(/\/$/, '')}/sites/${encodeURIComponent(siteId)}/leads?${query}`,
      headers: { 'x-api-key': settings.apiKey, accept: 'application/json' },
      signal: attempt.signal,
    },
    attempt,
  )
  if (ended(answer)) return answer
  return isBodyList(bodyValueAt(answer.value, 'list'))
    ? { value: bodyListAt(answer.value, 'list') }
    : { end: again('answer-not-understood', 'The answer has no list of leads') }
}

const ask = async (call: ProviderCall, request: ProviderRequest, attempt: Attempt): Promise<Step<BodyValue>> => {
  const answer = await call(request)
  if (answer.tag !== 'response') return { end: again(answer.code, 'Flexbe could not be asked') }
  const { status } = answer
  if (status === 401 || status === 403) return { end: locked('Flexbe') }
  if (status === 429) return { end: throttled(answer.headers, attempt.now) }
  if (status === 404) return { end: refusedOutcome('not-found', 'Flexbe knows no such site') }
  if (status >= 400 && status < 500) return { end: refusedOutcome('not-accepted', `Flexbe answered ${status}`) }
  const value = status === 200 ? parseAnswerJson(answer.text) : undefined
  return value === undefined ? { end: again('provider-error', `Flexbe answered ${status}`) } : { value }
}
