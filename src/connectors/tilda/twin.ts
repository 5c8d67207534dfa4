import { html } from '../html.ts'
import type { Twin, TwinContext } from '../twin.ts'
import { callAtDesk, openDesk, type TwinAnswer, type TwinDesk, type TwinHook, type TwinState } from '../twinDesk.ts'
import { deskRoute, jsonResponse, page } from '../twinRoutes.ts'
import { twinTemplate } from './twinTemplate.ts'

/** What the twin of the partners' site keeps between two starts. */
export type TildaTwinState = TwinState<SiteData>

type SiteData = { readonly submissions: number; readonly html: string; readonly publishedAt: number | null }

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
const assets: Readonly<Record<string, readonly [string, string]>> = {
  'partner.css': ['text/css', 'body{font:16px/1.5 system-ui;margin:2rem}h1{color:#234}'],
}

/** A stand-in for Tilda: the registration form with its hook, the reading API, and the publish hook. */
export const createTildaTwin = (context: TwinContext<TildaTwinState>, settings: TildaTwinSettings): Twin => {
  const desk = openDesk<SiteData>(context, {
    empty: { submissions: 0, html: twinTemplate, publishedAt: null },
    retryGapsMs,
    attemptsMax: 3,
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
      const files = { images: [], js: [], css: [{ from: `${base}/files/partner.css`, to: 'partner.css' }] }
      return found({ ...card, html: published === '' ? '' : data.html, ...(method.endsWith('export') ? files : {}) })
    }
    default:
      return plain(error('Unknown method', 404), 'unknown method')
  }
}

type Site = {
  readonly path: string
  readonly base: string
  readonly settings: TildaTwinSettings
  readonly context: TwinContext<TildaTwinState>
}

const siteRoute = async (desk: TwinDesk<SiteData>, request: Request, site: Site): Promise<Response> => {
  const { path, base } = site
  if (path === '/' && request.method === 'GET') return formPage(base, null)
  if (path === '/form' && request.method === 'POST') {
    const fields = new URLSearchParams(await request.text())
    const { hook, answer } = await submit(desk, fields, site)
    const wantsJson = (request.headers.get('accept') ?? '').includes('json')
    return wantsJson
      ? jsonResponse({ tranid: hook, answer })
      : formPage(
          base,
          `Форма отправлена, номер ${hook}. Сервис ответил: ${answer ? `${answer.status} ${answer.body}` : 'никак'}`,
        )
  }
  if (path === '/publish' && request.method === 'POST') return publish(desk, request, site)
  return page({ title: 'Страница не найдена', body: '', root: base, status: 404 })
}

/** Sends a form as Tilda does: urlencoded, with its key, a number of its own and the visitor's cookies. */
const submit = async (desk: TwinDesk<SiteData>, fields: URLSearchParams, { settings }: Site) => {
  const number = await desk.change((data) => ({
    data: { ...data, submissions: data.submissions + 1 },
    result: data.submissions + 1,
  }))
  const tranid = fields.get('tranid') ?? `${settings.projectId}:${String(900_000_000 + number)}`
  const body = new URLSearchParams(fields)
  body.set('tranid', tranid)
  if (!body.has('formid')) body.set('formid', 'form100200300')
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
  const answer = await desk.deliver(hook)
  // Not taken at once: two more tries, a minute apart, as Tilda makes them.
  if (answer?.status !== 200) await desk.change((data) => ({ data, result: null, hooks: [hook] }))
  return { hook: tranid, answer }
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
  const response = await context
    .fetch(`${context.hubUrl()}/webhooks/tilda/page/${settings.pathSecret}?${query}`, { redirect: 'manual' })
    .catch(() => null)
  return formPage(base, `Страница опубликована. Сервис ответил: ${response ? response.status : 'никак'}`)
}

const formPage = (base: string, note: string | null): Response => {
  const message = note === null ? '' : html`<p><strong>${note}</strong></p>`
  const body = html`!${message}
<form method="post" action="${base}/form">
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
