import { readFileSync } from 'node:fs'
import { html } from '../connectors/html.ts'
import { databaseError, isDatabaseAway } from '../db/connect.ts'
import type { HttpPorts } from '../http/ports.ts'
import { type Problem, problemOf } from '../http/problem.ts'
import { explain, type Language } from '../kernel/explanations.ts'
import { isLogAway } from '../log/append.ts'
import { runAction, saidOf } from './actions.ts'
import { destinationsPage } from './destinationsPage.ts'
import { effectPage } from './effectPage.ts'
import { effectsPage } from './effectsPage.ts'
import { badge, consoleHeaders, documentAnswer, framed, type Look, link, type Page, redirect } from './frame.ts'
import { makeLive } from './live.ts'
import { overviewPage } from './overviewPage.ts'
import { partnerPage, whyPage } from './partnerPage.ts'
import { partnersPage } from './partnersPage.ts'
import { differencePage, readModelsPage } from './readModelsPage.ts'
import { reconciliationPage } from './reconciliationPage.ts'
import { cookieOf, makeSessions, type Session, type Sessions, sessionSeconds, setCookie } from './session.ts'
import { readNext, signInPage } from './signInPage.ts'
import { tracePage } from './tracePage.ts'
import { webhookPage } from './webhookPage.ts'
import { webhooksPage } from './webhooksPage.ts'
import { wordsOf } from './words.ts'

/** The operators' console: its door, its files, and the end of its streams. */
export type Console = {
  /** Answers `/console` and everything below it. `peer` is the address that the lockout counts by. */
  readonly open: (request: Request, peer: string) => Promise<Response>
  /** Answers `/assets/console.css` and `/assets/console.js`; null for any other path. */
  readonly asset: (pathname: string) => Response | null
  /** Ends the streams of live numbers, so that the service can stop. */
  readonly closeStreams: () => void
}

const sessionCookie = 'hub_console'
const formCookie = 'hub_form'
const languageCookie = 'hub_lang'
const languageSeconds = 365 * 86_400
const formSeconds = 3600

const files: Readonly<Record<string, { readonly type: string; readonly bytes: Uint8Array<ArrayBuffer> }>> = {
  '/assets/console.css': {
    type: 'text/css; charset=utf-8',
    bytes: new Uint8Array(readFileSync(new URL('assets/console.css', import.meta.url))),
  },
  '/assets/console.js': {
    type: 'text/javascript; charset=utf-8',
    bytes: new Uint8Array(readFileSync(new URL('assets/console.js', import.meta.url))),
  },
}

type Room = {
  readonly ports: HttpPorts
  readonly sessions: Sessions
  readonly secure: boolean
  readonly live: ReturnType<typeof makeLive>
}
type Asked = {
  readonly request: Request
  readonly peer: string
  readonly url: URL
  readonly language: Language
  readonly session: Session | null
}
type SignedIn = Asked & { readonly session: Session }

/** Makes the console. The time of sessions is the real one: moving the clock of the service signs nobody out. */
export const makeConsole = (ports: HttpPorts, nowMs: () => number = Date.now): Console => {
  const room: Room = {
    ports,
    sessions: makeSessions(ports.settings.operatorTokens, nowMs),
    secure: ports.settings.publicUrl.startsWith('https:'),
    live: makeLive(ports, nowMs),
  }
  return {
    open: async (request, peer) => {
      const url = new URL(request.url)
      const session = room.sessions.read(cookieOf(request, sessionCookie))
      const asked: Asked = { request, peer, url, language: languageOf(request, url), session }
      const answer = await guarded(room, asked)
      if (url.searchParams.has('lang')) {
        const cookie = setCookie(languageCookie, asked.language, {
          maxAgeSeconds: languageSeconds,
          secure: room.secure,
        })
        answer.headers.append('Set-Cookie', cookie)
      }
      return answer
    },
    asset: (pathname) => {
      const file = Object.hasOwn(files, pathname) ? files[pathname] : undefined
      if (!file) return null
      return new Response(file.bytes, {
        headers: {
          'Content-Type': file.type,
          'Cache-Control': 'public, max-age=300',
          'X-Content-Type-Options': 'nosniff',
        },
      })
    },
    closeStreams: room.live.closeStreams,
  }
}

const languageOf = (request: Request, url: URL): Language => {
  const wanted = url.searchParams.get('lang') ?? cookieOf(request, languageCookie)
  return wanted === 'en' ? 'en' : 'ru'
}

const guarded = async (room: Room, asked: Asked): Promise<Response> => {
  try {
    return await answer(room, asked)
  } catch (error) {
    const known = problemOf(error)
    if (known) return problemPage(asked, known)
    // A statement that the server cut off: the question was too wide for a page.
    const tooWide = databaseError(error)?.code === '57014'
    if (!tooWide && !isDatabaseAway(error) && !isLogAway(error)) throw error
    const say = wordsOf(asked.language)
    const body = html`<p class="error" role="alert">${say(tooWide ? 'tookTooLong' : 'away')}</p>`
    return show(asked, { title: say('refusedTitle'), section: null, body }, 503, [['Retry-After', '5']])
  }
}

const answer = async (room: Room, asked: Asked): Promise<Response> => {
  const { request, url, session } = asked
  const path = url.pathname.replace(/\/+$/, '').slice('/console'.length + 1)
  if (request.method === 'POST') return posted(room, asked, path)
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return new Response(null, { status: 405, headers: { ...consoleHeaders, Allow: 'GET, HEAD, POST' } })
  const next = readNext(path === 'sign-in' ? url.searchParams.get('next') : `${url.pathname}${url.search}`)
  if (path === 'sign-in') return session === null ? askToSignIn(room, asked, { next, error: null }) : redirect(next)
  if (session === null)
    return path === 'live'
      ? new Response(null, { status: 401, headers: consoleHeaders })
      : redirect(`/console/sign-in?next=${encodeURIComponent(next)}`)
  if (path === 'live')
    return request.method === 'HEAD'
      ? new Response(null, { headers: consoleHeaders })
      : room.live.open(session.expiresAtMs)
  const look = lookOf(room, { ...asked, session })
  const page = await pageOf(look, path.split('/'))
  return page === null ? show(asked, notFound(look), 404) : show(asked, withSaid(look, page))
}

const lookOf = ({ ports }: Room, { language, session, url }: SignedIn): Look => ({
  ports,
  language,
  session,
  url,
  say: wordsOf(language),
  actor: { role: 'operator', name: 'operator' },
})

const pageOf = async (look: Look, [section = '', id, part, name]: readonly string[]): Promise<Page | null> => {
  switch (section) {
    case '':
      return overviewPage(look)
    case 'webhooks':
      return id === undefined ? webhooksPage(look) : part === undefined ? webhookPage(look, id) : null
    case 'effects':
      return id === undefined ? effectsPage(look) : part === undefined ? effectPage(look, id) : null
    case 'partners':
      if (id === undefined) return partnersPage(look)
      if (part === undefined) return partnerPage(look, id)
      return part === 'why' && name !== undefined ? whyPage(look, { id, field: name }) : null
    case 'read-models':
      if (id === undefined) return readModelsPage(look)
      return part === 'diff' ? differencePage(look, id) : null
    case 'trace':
      return id === undefined || part !== undefined ? null : tracePage(look, id)
    case 'destinations':
      return id === undefined ? destinationsPage(look) : null
    case 'reconciliation':
      return id === undefined ? reconciliationPage(look) : null
    default:
      return null
  }
}

const show = (asked: Asked, page: Page, status = 200, headers: readonly (readonly [string, string])[] = []) => {
  const document = framed(page, {
    say: wordsOf(asked.language),
    language: asked.language,
    url: asked.url,
    session: asked.session,
  })
  return documentAnswer(asked.request.method === 'HEAD' ? '' : document, status, headers)
}

const notFound = ({ say }: Look): Page => ({
  title: say('notFound'),
  section: null,
  body: html`<p>${say('notFoundText')}</p>`,
})

/** What an action came to, above the page that it led back to; only words of ours are said. */
const withSaid = (look: Look, page: Page): Page => {
  const said = look.url.searchParams.get('said')
  if (said === null || !/^[a-z_]{1,40}$/.test(said)) return page
  const outcome = ['done', 'counted'].includes(said) ? '' : html` ${look.say('outcomeIs')} !${badge(said, look)}`
  const count = /^\d{1,9}$/.exec(look.url.searchParams.get('count') ?? '')
  const counted = count === null ? '' : ` ${look.say('counted')} ${count[0]}`
  const words = look.say(said === 'counted' ? 'onlyCounted' : 'done')
  return { ...page, body: html`<p class="calm" role="status">${words}!${outcome}${counted}</p>!${page.body}` }
}

const problemPage = (asked: Asked, { status, code, detail }: Problem): Response => {
  const say = wordsOf(asked.language)
  const known = explain(code, asked.language)
  const title = status === 404 ? say('notFound') : say('refusedTitle')
  const body = html`<p class="error" role="alert">${known?.sentence ?? detail}</p>
!${known ? html`<p>${known.meaning} ${known.action}</p>` : ''}
<p class="soft"><code>${code}</code> ${detail}</p>
<p>!${link(backOf(asked), say('back'))}</p>`
  return show(asked, { title, section: null, body }, status)
}

/** The page of ours that the browser came from. */
const backOf = ({ request, url }: Asked): string => {
  const referer = request.headers.get('referer')
  if (referer === null || !URL.canParse(referer)) return '/console'
  const from = new URL(referer)
  return from.host === url.host ? readNext(from.pathname) : '/console'
}

const posted = async (room: Room, asked: Asked, path: string): Promise<Response> => {
  const { request, session } = asked
  const form = new URLSearchParams(await request.text())
  // A browser that says that another site sent the form is believed.
  const foreign = request.headers.get('sec-fetch-site') === 'cross-site'
  if (path === 'sign-in') return signIn(room, asked, { form, foreign })
  if (session === null) return redirect('/console/sign-in')
  const given = form.get('csrf') ?? ''
  if (foreign || !room.sessions.isSame(given, session.csrf))
    return problemPage(asked, { status: 403, code: 'form-out-of-date', detail: wordsOf(asked.language)('formOld') })
  if (path === 'sign-out') {
    room.sessions.signOut(session)
    return redirect('/console/sign-in', [['Set-Cookie', cookie(room, sessionCookie, { value: '', maxAgeSeconds: 0 })]])
  }
  if (!path.startsWith('do/')) return show(asked, notFound(lookOf(room, { ...asked, session })), 404)
  const done = await runAction(lookOf(room, { ...asked, session }), path.slice('do/'.length), form)
  return redirect(`${readNext(form.get('back'))}?${saidOf(done)}`)
}

const cookie = (
  room: Room,
  name: string,
  { value, maxAgeSeconds }: { readonly value: string; readonly maxAgeSeconds: number },
): string => setCookie(name, value, { maxAgeSeconds, secure: room.secure })

const askToSignIn = (
  room: Room,
  asked: Asked,
  at: { readonly next: string; readonly error: string | null; readonly status?: number; readonly retry?: number },
): Response => {
  const nonce = room.sessions.newNonce()
  const page = signInPage(wordsOf(asked.language), { ...at, formToken: room.sessions.formToken(nonce) })
  const headers: (readonly [string, string])[] = [
    ['Set-Cookie', cookie(room, formCookie, { value: nonce, maxAgeSeconds: formSeconds })],
  ]
  if (at.retry !== undefined) headers.push(['Retry-After', String(at.retry)])
  return show({ ...asked, session: null }, page, at.status ?? 200, headers)
}

const signIn = (
  room: Room,
  asked: Asked,
  { form, foreign }: { readonly form: URLSearchParams; readonly foreign: boolean },
): Response => {
  const say = wordsOf(asked.language)
  const next = readNext(form.get('next'))
  const nonce = cookieOf(asked.request, formCookie)
  if (foreign || nonce === null || !room.sessions.isSame(form.get('csrf') ?? '', room.sessions.formToken(nonce)))
    return askToSignIn(room, asked, { next, error: say('formOld'), status: 403 })
  const result = room.sessions.signIn(form.get('token')?.trim() ?? '', asked.peer)
  switch (result.tag) {
    case 'wrong':
      return askToSignIn(room, asked, { next, error: say('tokenWrong'), status: 401 })
    case 'locked': {
      const error = `${say('tooOften')} ${result.seconds}`
      return askToSignIn(room, asked, { next, error, status: 429, retry: result.seconds })
    }
    default:
      return redirect(next, [
        ['Set-Cookie', cookie(room, sessionCookie, { value: result.cookie, maxAgeSeconds: sessionSeconds })],
        ['Set-Cookie', cookie(room, formCookie, { value: '', maxAgeSeconds: 0 })],
      ])
  }
}
