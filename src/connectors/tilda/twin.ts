import { type Instant, msOf } from '../../kernel/time.ts'
import { html } from '../html.ts'
import type { Twin, TwinContext } from '../twin.ts'
import { callAtDesk, openDesk, type TwinAnswer, type TwinDesk, type TwinHook, type TwinState } from '../twinDesk.ts'
import { deskRoute, jsonObject, jsonResponse, page, policyFrom } from '../twinRoutes.ts'
import { twinTemplate } from './twinTemplate.ts'

/** What the twin of the partners' site keeps between two starts. */
export type TildaTwinState = TwinState<SiteData>

type SiteData = {
  readonly submissions: number
  readonly html: string
  readonly publishedAt: number | null
  /** When the API was asked within the last hour; absent in what an older twin kept. */
  readonly asked?: readonly Instant[]
}

/** The site that the twin plays. */
export type TildaTwinSettings = {
  readonly publicKey: string
  readonly secretKey: string
  readonly webhookKey: string
  readonly webhookKeyPlace: { readonly in: 'header' | 'field' | 'cookie'; readonly name: string }
  readonly pathSecret: string
  readonly projectId: string
  readonly pageId: string
}

/** Two further tries, one minute apart. */
const retryGapsMs = [60_000, 60_000]
const answerWithinMs = 5000
/** The vendor's limit; what exceeding it returns is not documented. */
const requestsPerHourMax = 150
const hourMs = 3_600_000
const assets: Readonly<Record<string, readonly [string, string]>> = {
  'partner.css': ['text/css', 'body{font:16px/1.5 system-ui;margin:2rem}h1{color:#234}'],
  'house.svg': [
    'image/svg+xml',
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M3 11 12 3l9 8v10H3z" fill="#234"/></svg>',
  ],
}

/** A stand-in for Tilda: the registration form with its hook, the reading API, and the publish hook. */
export const createTildaTwin = (context: TwinContext<TildaTwinState>, settings: TildaTwinSettings): Twin => {
  const desk = openDesk<SiteData>(context, {
    empty: { submissions: 0, html: twinTemplate, publishedAt: null },
    retryGapsMs,
    attemptsMax: 3,
    answerWithinMs,
    isAccepted: (status) => status === 200,
    sweep: () => null,
    hasTimers: () => false,
  })
  const error = (message: string, status = 200): Response =>
    jsonResponse({ status: 'ERROR', message, errorside: 'client' }, status)
  const failure = (status: 401 | 429 | 500): Response =>
    status === 401 ? error('Wrong public key', 404) : error('Server error', status)
  return {
    provider: 'tilda',
    handle: async (request, { path, base }) => {
      const method = /^\/v1\/(get\w+)\/?$/.exec(path)?.[1]
      if (method) {
        const perform = async (): Promise<TwinAnswer> => answerApi(desk, request, { method, settings, base, error })
        return callAtDesk(context, desk, { method: request.method, path, key: null, failure, perform })
      }
      const asset = assets[path.replace(/^\/files\//, '')]
      if (asset) return new Response(asset[1], { headers: { 'content-type': asset[0] } })
      return (
        (await deskRoute(desk, request, path)) ?? (await siteRoute(desk, request, { path, base, settings, context }))
      )
    },
  }
}

type Api = {
  readonly method: string
  readonly settings: TildaTwinSettings
  readonly base: string
  readonly error: (message: string, status?: number) => Response
}

const answerApi = async (
  desk: TwinDesk<SiteData>,
  request: Request,
  { method, settings, base, error }: Api,
): Promise<TwinAnswer> => {
  const query = new URL(request.url).searchParams
  const plain = (response: Response, summary: string, applied = false): TwinAnswer => ({ response, applied, summary })
  if (query.get('publickey') !== settings.publicKey || query.get('secretkey') !== settings.secretKey)
    return plain(error('Wrong public key', 404), 'wrong key')
  if (await isOverLimit(desk)) return plain(error('Requests limit exceeded'), 'over the hourly limit')
  const { data } = await desk.state()
  const published = data.publishedAt === null ? '' : String(data.publishedAt)
  const card = {
    id: settings.pageId,
    projectid: settings.projectId,
    title: 'Страница партнёра',
    descr: '',
    img: '',
    featureimg: '',
    alias: 'partner',
    date: '2026-01-10 12:00:00',
    sort: '10',
    published,
    filename: `page${settings.pageId}.html`,
  }
  const found = (result: unknown): TwinAnswer => plain(jsonResponse({ status: 'FOUND', result }), method, true)
  switch (method) {
    case 'getprojectslist':
      return found([{ id: settings.projectId, title: 'Партнёры', descr: '' }])
    case 'getproject':
    case 'getprojectinfo':
    case 'getprojectexport':
      return found({
        id: settings.projectId,
        title: 'Партнёры',
        descr: '',
        customdomain: '',
        export_csspath: '',
        export_jspath: '',
        export_imgpath: '',
        indexpageid: null,
        favicon: '',
        page404id: '0',
        images: [],
      })
    case 'getpageslist':
      return found([card])
    case 'getpage':
    case 'getpagefull':
    case 'getpageexport':
    case 'getpagefullexport': {
      if (query.get('pageid') !== settings.pageId) return plain(error('Page not found', 404), 'unknown page')
      const file = (to: string) => ({ from: `${base}/files/${to}`, to })
      const files = { images: [file('house.svg')], js: [], css: [file('partner.css')] }
      return found({ ...card, html: published === '' ? '' : data.html, ...(method.endsWith('export') ? files : {}) })
    }
    default:
      return plain(error('Unknown method', 404), 'unknown method')
  }
}

/** Counts a request; whether it was one too many. */
const isOverLimit = (desk: TwinDesk<SiteData>): Promise<boolean> =>
  desk.change((data, now) => {
    const recent = (data.asked ?? []).filter((at) => msOf(now) - msOf(at) < hourMs)
    const isOver = recent.length >= requestsPerHourMax
    return { data: { ...data, asked: isOver ? recent : [...recent, now] }, result: isOver }
  })

type Site = {
  readonly path: string
  readonly base: string
  readonly settings: TildaTwinSettings
  readonly context: TwinContext<TildaTwinState>
}

const siteRoute = async (desk: TwinDesk<SiteData>, request: Request, site: Site): Promise<Response> => {
  const { path, base } = site
  switch (`${request.method} ${path}`) {
    case 'GET /':
      return formPage(base, { query: new URL(request.url).search })
    case 'POST /form':
      return answerForm(desk, request, site)
    case 'POST /publish':
      return publish(desk, request, site)
    case 'POST /hooks': {
      const policy = policyFrom(jsonObject(await request.text()))
      await desk.adjust((state) => ({ ...state, policy }))
      return jsonResponse({ policy })
    }
    default:
      return page({ title: 'Страница не найдена', body: '', root: base, status: 404 })
  }
}

const answerForm = async (desk: TwinDesk<SiteData>, request: Request, site: Site): Promise<Response> => {
  const { tranid, answer } = await submit(desk, request, site)
  if ((request.headers.get('accept') ?? '').includes('json')) return jsonResponse({ tranid, answer })
  const said = answer ? `${answer.status} ${answer.body}` : 'никак'
  return formPage(site.base, { note: `Форма отправлена, номер ${tranid}. Сервис ответил: ${said}` })
}

/**
 * Sends a form as Tilda does: urlencoded, with its key, a number of its own and the visitor's cookies. The first try goes at once, so
 * that its answer can be shown; the others wait their minute. A test's wishes about hooks hold here too.
 */
const submit = async (desk: TwinDesk<SiteData>, request: Request, { settings, context }: Site) => {
  const body = new URLSearchParams(await request.text())
  const number = await desk.change((data) => ({
    data: { ...data, submissions: data.submissions + 1 },
    result: data.submissions + 1,
  }))
  const tranid = body.get('tranid') ?? `${settings.projectId}:${String(900_000_000 + number)}`
  body.set('tranid', tranid)
  if (!body.has('formid')) body.set('formid', 'form100200300')
  if (!body.has('COOKIES')) {
    const visit = `tildauid=${msOf(context.now())}.${100_000 + number}`
    body.set('COOKIES', [visit, ...marksOf(new URL(request.url).search)].join('; '))
  }
  const { in: place, name } = settings.webhookKeyPlace
  if (place === 'field') body.set(name, settings.webhookKey)
  const hook: TwinHook = {
    name: 'form',
    path: '/webhooks/tilda/form',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(place === 'header' ? { [name]: settings.webhookKey } : {}),
      ...(place === 'cookie' ? { cookie: `${name}=${settings.webhookKey}` } : {}),
    },
    body: body.toString(),
  }
  return { tranid, answer: await sendForm(desk, hook) }
}

const sendForm = async (desk: TwinDesk<SiteData>, hook: TwinHook) => {
  const { delayMs, times, order, suppress } = (await desk.state()).policy
  if (suppress) return null
  const queue = (later: TwinHook) => desk.change((data) => ({ data, result: null, hooks: [later] }))
  if (delayMs > 0 || order === 'reversed') return queue(hook)
  const answers = []
  for (let copy = 0; copy < times; copy++) answers.push(await desk.deliver(hook))
  if (answers.some((answer) => answer?.status !== 200)) await queue({ ...hook, tried: 1 })
  return answers[0] ?? null
}

/** The site's script keeps the raw pieces of the visitor's query in a cookie, and encodes the whole of it once more. */
const marksOf = (query: string): readonly string[] => {
  const marks = query
    .slice(1)
    .split('&')
    .filter((piece) => piece.startsWith('utm_'))
  return marks.length === 0 ? [] : [`TILDAUTM=${encodeURIComponent(marks.map((mark) => `${mark}|||`).join(''))}`]
}

const publish = async (
  desk: TwinDesk<SiteData>,
  request: Request,
  { base, settings, context }: Site,
): Promise<Response> => {
  const markup = new URLSearchParams(await request.text()).get('html')
  const at = Math.floor(Date.parse(context.now()) / 1000)
  await desk.change((data) => ({
    data: { ...data, html: markup?.trim() ? markup : data.html, publishedAt: at },
    result: null,
  }))
  const query = new URLSearchParams({
    pageid: settings.pageId,
    projectid: settings.projectId,
    published: String(at),
    publickey: settings.publicKey,
  })
  const { suppress, times } = (await desk.state()).policy
  const statuses: number[] = []
  for (let copy = 0; copy < (suppress ? 0 : times); copy++) {
    const response = await context
      .fetch(`${context.hubUrl()}/webhooks/tilda/page/${settings.pathSecret}?${query}`, {
        redirect: 'manual',
        signal: AbortSignal.timeout(answerWithinMs),
      })
      .catch(() => null)
    await response?.body?.cancel()
    if (response) statuses.push(response.status)
  }
  return formPage(base, { note: `Страница опубликована. Сервис ответил: ${statuses.join(', ') || 'никак'}` })
}

const formPage = (base: string, { note = '', query = '' }: { note?: string; query?: string }): Response => {
  const message = note === '' ? '' : html`<p><strong>${note}</strong></p>`
  const body = html`!${message}
<form method="post" action="${base}/form${query}">
<p><label>Компания<br><input name="Компания" value="ООО «Пример Дом»"></label></p>
<p><label>ИНН<br><input name="ИНН" value="7700000009"></label></p>
<p><label>Контактное лицо<br><input name="Имя" value="Примерова Мария"></label></p>
<p><label>Телефон<br><input name="Телефон" value="+7 (912) 345-67-89"></label></p>
<p><label>Почта<br><input name="Почта" value="maria@example.ru"></label></p>
<p><label>Город<br><input name="Город" value="Ярославль"></label></p>
<p><label>Услуги<br><input name="Услуги" value="Ипотека; Оценка"></label></p>
<p><label>Тариф<br><select name="Тариф"><option>PARTNER-1M</option><option>PARTNER-3M</option><option>PARTNER-12M</option></select></label></p>
<p><label><input type="checkbox" name="Согласие" value="yes"> Согласие на обработку персональных данных</label></p>
<p><label><input type="checkbox" name="Рассылка" value="yes"> Согласие на рассылку</label></p>
<input type="hidden" name="hub_form" value="partner_registration">
<p><button>Отправить заявку</button></p>
</form>
<h2>Шаблон страницы партнёра</h2>
<form method="post" action="${base}/publish"><p><textarea name="html" rows="6" cols="70" placeholder="Оставьте пустым, чтобы опубликовать прежний"></textarea></p><p><button>Опубликовать страницу</button></p></form>`
  return page({ title: 'Кабинет партнёра на Тильде', body, root: base })
}
