import { msOf, parseInstant } from '../../kernel/time.ts'
import { html } from '../html.ts'
import type { Twin, TwinContext } from '../twin.ts'
import { callAtDesk, openDesk, type TwinAnswer, type TwinDesk, type TwinState } from '../twinDesk.ts'
import { deskRoute, isRecord, jsonObject, jsonResponse, page, policyFrom } from '../twinRoutes.ts'
import {
  emptySite,
  enterForm,
  type FormWords,
  legacyLead,
  restLead,
  type SiteData,
  type SiteLead,
} from './twinModel.ts'

/** What the Flexbe twin keeps between two starts. */
export type FlexbeTwinState = TwinState<SiteData>

/** The site that the twin plays. */
export type FlexbeTwinSettings = {
  readonly apiKey: string
  readonly siteId: string
  /** Part of the address that the owner entered in the settings of the site. */
  readonly webhookSecret: string
}

/** The provider's schedule is not known. */
const retryGapsMs = [10, 60].map((seconds) => seconds * 1000)

const bodyLengthMax = 262_144
const pageUrl = 'https://дома-цены.рф/dom-120/'
const formName = 'Узнать цену дома'

/** A stand-in for Flexbe: the older API at `/mod/api/`, the newer one at `/sites/…`, and a page of the site with its form. */
export const createFlexbeTwin = (context: TwinContext<FlexbeTwinState>, settings: FlexbeTwinSettings): Twin => {
  const desk = openDesk(context, {
    empty: emptySite,
    retryGapsMs,
    attemptsMax: retryGapsMs.length + 1,
    isAccepted: (status) => status === 200,
    sweep: () => null,
    hasTimers: () => false,
  })
  const hookPath = `/webhooks/flexbe/${encodeURIComponent(settings.webhookSecret)}`
  const parts: Parts = { context, desk, settings, hookPath }
  return {
    provider: 'flexbe',
    handle: async (request, { path, base }) => {
      if (/^\/mod\/api\/?$/.test(path)) return legacyCall(parts, request)
      if (path === '/auth/me' || path.startsWith('/sites/')) return restCall(parts, request, path)
      const route = await deskRoute(desk, request, path)
      return route ?? (await actRoute(parts, request, path)) ?? sitePage(parts, request, { path, base })
    },
  }
}

type Parts = {
  readonly context: TwinContext<FlexbeTwinState>
  readonly desk: TwinDesk<SiteData>
  readonly settings: FlexbeTwinSettings
  readonly hookPath: string
}

const read = (value: unknown, summary: string): TwinAnswer => ({
  response: jsonResponse(value),
  applied: false,
  summary,
})

/** The older API tells its failures in an answer of 200. */
const legacyCall = async ({ context, desk, settings }: Parts, request: Request): Promise<Response> => {
  const asked = new URL(request.url).searchParams
  if (request.method === 'POST') {
    for (const [name, value] of new URLSearchParams((await request.text()).slice(0, bodyLengthMax)))
      asked.set(name, value)
  }
  const failed = (code: number, msg: string): TwinAnswer => read({ error: { code, msg } }, msg)
  const failure = (status: 401 | 429 | 500): Response => {
    if (status === 500) return new Response('Internal server error', { status })
    return failed(status === 401 ? 0 : 1, status === 401 ? 'Wrong API key' : 'Limit exceeded').response
  }
  const perform = async (): Promise<TwinAnswer> => {
    if (asked.get('api_key') !== settings.apiKey) return failed(0, 'Wrong API key')
    if (asked.get('method') === 'checkConnection') return read({ status: 1 }, 'checked')
    if (asked.get('method') !== 'getLeads') return failed(2, 'Unknown method')
    const from = Number(asked.get('date_from') ?? 0) || 0
    const start = Number(asked.get('start') ?? 0) || 0
    const count = Math.min(Number(asked.get('count') ?? 50) || 50, 100)
    const { leads } = (await desk.state()).data
    const chosen = leads.filter(({ at }) => msOf(at) >= from * 1000).toReversed()
    return read({ data: { leads: chosen.slice(start, start + count).map(legacyLead) } }, 'read leads')
  }
  return callAtDesk(context, desk, { method: request.method, path: '/mod/api/', key: null, failure, perform })
}

const restRefusal = (statusCode: number, message: string): Response =>
  jsonResponse({ message, error: message, statusCode }, statusCode)

const restCall = async ({ context, desk, settings }: Parts, request: Request, path: string): Promise<Response> => {
  const words = { 401: 'Unauthorized', 429: 'Too many requests', 500: 'Internal server error' } as const
  const failure = (status: 401 | 429 | 500): Response => restRefusal(status, words[status])
  const refused = (status: number, message: string): TwinAnswer => ({
    response: restRefusal(status, message),
    applied: false,
    summary: message,
  })
  const perform = async (): Promise<TwinAnswer> => {
    if (request.headers.get('x-api-key') !== settings.apiKey) return refused(401, 'Unauthorized')
    if (request.method !== 'GET') return refused(404, 'Not found')
    if (path === '/auth/me') return read({ type: 'site', siteId: Number(settings.siteId) }, 'checked')
    const [siteId, list, leadId] = path.slice('/sites/'.length).split('/')
    if (siteId !== settings.siteId || list !== 'leads') return refused(404, 'Not found')
    const { leads } = (await desk.state()).data
    if (leadId === undefined)
      return read(restList(leads, settings.siteId, new URL(request.url).searchParams), 'read leads')
    const lead = leads.find(({ id }) => String(id) === leadId)
    return lead === undefined ? refused(404, 'Not found') : read(restLead(lead, settings.siteId), 'read a lead')
  }
  return callAtDesk(context, desk, { method: request.method, path, key: null, failure, perform })
}

const restList = (leads: readonly SiteLead[], siteId: string, query: URLSearchParams): unknown => {
  const number = Math.max(Number(query.get('page') ?? 1) || 1, 1)
  const limit = Math.min(Number(query.get('limit') ?? 50) || 50, 100)
  const from = parseInstant(query.get('dateFrom') ?? '')
  const to = parseInstant(query.get('dateTo') ?? '')
  const chosen = leads
    .filter(({ at, status }) => status !== 'deleted' && (from === null || at >= from) && (to === null || at <= to))
    .toReversed()
  const list = chosen.slice((number - 1) * limit, number * limit).map((lead) => restLead(lead, siteId))
  return { list, pagination: { page: number, limit, total: chosen.length } }
}

/**
 * The routes for tests: `POST /act` fills the form (`{lead: {name?, phone?, email?, city?, area?, utm?, hooked?}}`; with `hooked:
 * false` no notification comes) or sends any body to the hook (`{hook: "text"}`); `GET /leads` tells all leads; `POST /hooks` sets
 * how notifications misbehave.
 */
const actRoute = async (parts: Parts, request: Request, path: string): Promise<Response | null> => {
  const { desk, hookPath } = parts
  if (request.method === 'GET' && path === '/leads') return jsonResponse({ leads: (await desk.state()).data.leads })
  if (request.method !== 'POST' || (path !== '/act' && path !== '/hooks')) return null
  const asked = jsonObject(await request.text())
  if (path === '/hooks') {
    await desk.adjust((state) => ({ ...state, policy: policyFrom(asked) }))
    return jsonResponse({ policy: policyFrom(asked) })
  }
  if (typeof asked.hook === 'string') {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    return jsonResponse({ answer: await desk.deliver({ name: 'act', path: hookPath, headers, body: asked.hook }) })
  }
  if (!isRecord(asked.lead)) return jsonResponse({ error: 'Nothing to act on' }, 409)
  const words = wordsOf(asked.lead)
  return jsonResponse(await desk.change((data, now) => enterForm(data, words, { now, hookPath })))
}

const wordsOf = (asked: Readonly<Record<string, unknown>>): FormWords => {
  const text = (name: string, usual = ''): string => {
    const value = asked[name]
    return typeof value === 'string' ? value.slice(0, 500) : usual
  }
  const utm = isRecord(asked.utm) ? asked.utm : {}
  const answers = [
    { name: 'Город', value: text('city') },
    { name: 'Площадь, м²', value: text('area') },
    { name: 'Услуга', value: text('service') },
  ]
  return {
    name: text('name'),
    phone: text('phone'),
    email: text('email'),
    formName: text('formName', formName),
    pageUrl: text('pageUrl', pageUrl),
    utm: Object.fromEntries(Object.entries(utm).map(([key, value]) => [key.slice(0, 40), String(value).slice(0, 200)])),
    answers: answers.filter(({ value }) => value !== ''),
    hooked: asked.hooked !== false,
  }
}

type Place = { readonly path: string; readonly base: string }

const sitePage = async (parts: Parts, request: Request, { path, base }: Place): Promise<Response> => {
  if (path !== '/') return page({ title: 'Страница не найдена', body: '', root: base, status: 404 })
  const { desk, hookPath } = parts
  const query = new URL(request.url).searchParams
  if (request.method === 'POST') {
    const form = Object.fromEntries(new URLSearchParams((await request.text()).slice(0, bodyLengthMax)))
    const utm = Object.fromEntries(
      [...query].flatMap(([key, value]) => (key.startsWith('utm_') ? [[key.slice(4), value]] : [])),
    )
    await desk.change((data, now) => enterForm(data, wordsOf({ ...form, utm }), { now, hookPath }))
    return new Response(null, { status: 303, headers: { location: `${base}/?sent=1` } })
  }
  if (request.method !== 'GET') return new Response(null, { status: 405, headers: { allow: 'GET, POST' } })
  return formPage((await desk.state()).data, { base, isSent: query.has('sent') })
}

const formPage = (
  { leads }: SiteData,
  { base, isSent }: { readonly base: string; readonly isSent: boolean },
): Response =>
  page({
    title: 'Дома и цены',
    root: base,
    body: html`!${isSent ? '<p class="note">Спасибо! Мы перезвоним.</p>' : ''}
<form method="post">
<h2>${formName}</h2>
<p><label>Имя <input name="name" value="Олег"></label></p>
<p><label>Телефон <input name="phone" value="8 (909) 075-15-80" required></label></p>
<p><label>Почта <input name="email" type="email"></label></p>
<p><label>Город <input name="city" value="Ярославль"></label></p>
<p><label>Площадь, м² <input name="area" value="120"></label></p>
<p><label>Услуга <input name="service"></label></p>
<p><button>${formName}</button></p>
</form>
<h2>Заявки</h2>
<table><tr><th>№</th><th>Когда</th><th>Имя</th><th>Телефон</th><th>Форма</th></tr>
!${leads
      .slice(-50)
      .toReversed()
      .map(
        (lead) =>
          html`<tr><td>${lead.num}</td><td>${lead.at}</td><td>${lead.name}</td><td>${lead.phone}</td><td>${lead.formName}</td></tr>`,
      )}
</table>`,
  })
