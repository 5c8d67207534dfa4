import { mediaType } from '../connectors/bodies.ts'
import { cleanText, emailFrom } from '../connectors/contact.ts'
import {
  cabinetStream,
  type PartnerId,
  partnerStream,
  readPartnerId,
  subscriptionIdOf,
  subscriptionStream,
} from '../domain/ids.ts'
import type { DomainCommand } from '../domain/index.ts'
import type { Partner } from '../domain/partner.ts'
import type { Instant } from '../kernel/time.ts'
import { type CabinetViewDeps, cabinetView, type Known } from './cabinetView.ts'
import { databaseAway } from './ingest.ts'
import { meExpiredPage, mePage, meRequestPage, meSentPage } from './pages/cabinetPages.ts'
import { pageResponse } from './pages/layout.ts'
import { messagePage } from './pages/payPages.ts'
import { profilePage } from './pages/profilePage.ts'
import { toResponse } from './webhooks.ts'

/** What the cabinet needs. */
export type CabinetDeps = CabinetViewDeps & {
  /** The partner of a link and until when it is good; null when it is not ours. */
  readonly readToken: (token: string) => { readonly digits: string; readonly expiresAt: Instant } | null
  /** The digest that stands for an address. */
  readonly digestOf: (email: string) => string
  /** A person asks for a link now and then; a program does it all the time. */
  readonly withinRate: (source: string) => boolean
  readonly wait: (ms: number) => Promise<void>
  readonly isAway: (error: unknown) => boolean
}

const root = '/me'
/** Every request for a link is answered after this time, so that the time tells nothing about the address. */
const answerAfterMs = 250
const bodyCharsMax = 10_000

/**
 * The partner's cabinet: `GET /me` asks for an address, `POST /me` sends a link there, `/me/:token` is the cabinet, and the addresses
 * below it take plain forms. The token is the key: whoever has the link of the letter may act, until it runs out.
 */
export const cabinetDoor =
  (deps: CabinetDeps) =>
  async (request: Request, source: string): Promise<Response> => {
    try {
      const { pathname, searchParams } = new URL(request.url)
      if (pathname === root || pathname === `${root}/`) return await atTheGate(deps, request, source)
      const [, , token = '', action = null, ...more] = pathname.split('/')
      const partner = more.length > 0 ? null : await partnerOf(deps, token)
      if (!partner) return pageResponse(meExpiredPage({ requestUrl: root }), 404)
      return await inside(deps, request, { partner, path: `${root}/${token}`, action, done: searchParams.get('done') })
    } catch (error) {
      if (deps.isAway(error)) return toResponse(databaseAway)
      throw error
    }
  }

const notAllowed = (allow: string): Response => new Response(null, { status: 405, headers: { Allow: allow } })
const isReading = ({ method }: Request): boolean => method === 'GET' || method === 'HEAD'

const atTheGate = async (deps: CabinetDeps, request: Request, source: string): Promise<Response> => {
  if (isReading(request)) return pageResponse(meRequestPage({ action: root, error: null }))
  if (request.method !== 'POST') return notAllowed('GET, HEAD, POST')
  const type = mediaType(request.headers.get('content-type') ?? '')
  const isJson = type === 'application/json'
  if (!isJson && type !== 'application/x-www-form-urlencoded') return new Response(null, { status: 415 })
  const text = (await request.text()).slice(0, bodyCharsMax)
  const email = emailFrom((isJson ? emailOfJson(text) : new URLSearchParams(text).get('email')) ?? '')
  if (email === null)
    return isJson
      ? jsonAnswer(422, wrongAddress)
      : pageResponse(meRequestPage({ action: root, error: wrongAddress }), 422)
  if (!deps.withinRate(source)) {
    const headers = { 'Retry-After': '60' }
    return isJson
      ? jsonAnswer(429, tooOften, headers)
      : pageResponse(messagePage('Слишком часто', tooOften), 429, headers)
  }
  await Promise.all([ask(deps, email), deps.wait(answerAfterMs)])
  return isJson ? jsonAnswer(200, sent) : pageResponse(meSentPage())
}

const wrongAddress = 'Это не похоже на адрес почты. Проверьте его и попробуйте ещё раз.'
const tooOften = 'Попробуйте ещё раз через минуту.'
const sent = 'Если этот адрес указан в заявке партнёра, на него придёт письмо со ссылкой.'

const jsonAnswer = (status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(JSON.stringify({ ok: status === 200, text }), {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
  })

const emailOfJson = (text: string): string | null => {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null && 'email' in body && typeof body.email === 'string'
      ? body.email
      : null
  } catch {
    return null
  }
}

/** The same steps for an address that we know and one that we do not: a look-up, a decision, a fact. */
const ask = async (deps: CabinetDeps, email: string): Promise<void> => {
  const partnerId = await partnerByEmail(deps, email)
  await deps.handler.handle({
    stream: cabinetStream(deps.digestOf(email)),
    command: { type: 'AskCabinetLink', data: { at: deps.now(), partnerId } },
    cause: { kind: 'visitor', id: 'cabinet' },
  })
}

const partnerByEmail = async ({ sql }: CabinetDeps, email: string): Promise<PartnerId | null> => {
  const [live] = await sql<
    { version: number }[]
  >`select version from hub.read_models where name = 'partners' and role = 'live'`
  const [row] = await sql.unsafe<{ partnerId: string }[]>(
    `select partner_id from hub_read.partners_${live?.version ?? 1} where email = $1 and status <> 'erased'
      order by listed desc, registered_at limit 1`,
    [email],
    { prepare: true },
  )
  return readPartnerId(row?.partnerId ?? '')
}

const partnerOf = async (deps: CabinetDeps, token: string): Promise<Known | null> => {
  const link = deps.readToken(token)
  const id = link && link.expiresAt > deps.now() ? readPartnerId(`par_${link.digits}`) : null
  if (!id) return null
  const partner = (await deps.handler.load(partnerStream(id))).state as Partner
  return partner.status === 'absent' || partner.status === 'erased' ? null : partner
}

type Inside = {
  readonly partner: Known
  readonly path: string
  readonly action: string | null
  readonly done: string | null
}

const notices: Readonly<Record<string, string>> = {
  cancel: 'Подписка отменена.',
  resume: 'Отмена снята: подписка продлевается, как раньше.',
  'stop-autopay': 'Автопродление выключено, сохранённый способ оплаты мы забыли.',
  profile: 'Данные сохранены.',
}

const inside = async (deps: CabinetDeps, request: Request, at: Inside): Promise<Response> => {
  const { partner, path, action, done } = at
  if (action === null || action === '') {
    if (!isReading(request)) return notAllowed('GET, HEAD')
    const notice = done !== null && Object.hasOwn(notices, done) ? (notices[done] ?? null) : null
    return pageResponse(mePage(await cabinetView(deps, partner, { path, notice })))
  }
  if (!Object.hasOwn(notices, action))
    return pageResponse(messagePage('Страница не найдена', 'Вернитесь в кабинет.'), 404)
  if (action === 'profile' && isReading(request)) return profile(at, null)
  if (request.method !== 'POST') return notAllowed(action === 'profile' ? 'GET, HEAD, POST' : 'POST')
  const command = commandOf(at, new URLSearchParams((await request.text()).slice(0, bodyCharsMax)), deps.now())
  if (command === null)
    return pageResponse(messagePage('Не понимаем запрос', 'Вернитесь в кабинет и попробуйте ещё раз.'), 400)
  const handled = await deps.handler.handle({ ...command, cause: { kind: 'visitor', id: partner.partnerId } })
  if (handled.tag === 'refused')
    return pageResponse(
      messagePage('Не получилось', 'Подписка уже закончена или её ещё нет. Вернитесь в кабинет.'),
      409,
    )
  return new Response(null, {
    status: 303,
    headers: { Location: `${path}?done=${action}`, 'Cache-Control': 'no-store' },
  })
}

const profile = ({ partner: { application }, path }: Inside, error: string | null): Response =>
  pageResponse(
    profilePage({
      city: application.city,
      services: application.services,
      areas: application.areas,
      action: `${path}/profile`,
      backUrl: path,
      error,
    }),
  )

/** What a form of the cabinet asks for; null when it is not one of ours. */
const commandOf = (
  { partner, action }: Inside,
  form: URLSearchParams,
  now: Instant,
): { readonly stream: string; readonly command: DomainCommand } | null => {
  const stream = subscriptionStream(subscriptionIdOf(partner.partnerId))
  switch (action) {
    case 'cancel': {
      const when = form.get('at') ?? 'period_end'
      return when === 'now' || when === 'period_end'
        ? { stream, command: { type: 'CancelSubscription', data: { at: now, when } } }
        : null
    }
    case 'resume':
      return { stream, command: { type: 'ResumeSubscription', data: { at: now } } }
    case 'stop-autopay':
      return { stream, command: { type: 'StopAutopay', data: { at: now, reason: 'withdrawn' } } }
    case 'profile': {
      const application = {
        ...partner.application,
        city: wordsOf(form.get('city'))[0] ?? null,
        services: wordsOf(form.get('services')),
        areas: wordsOf(form.get('areas')),
      }
      return {
        stream: partnerStream(partner.partnerId),
        command: { type: 'ChangeProfile', data: { at: now, application } },
      }
    }
    default:
      return null
  }
}

const wordCharsMax = 100
const wordsMax = 20

const wordsOf = (text: string | null): readonly string[] =>
  cleanText(text ?? '')
    .split(/[,;\n]/)
    .map((word) => word.trim().slice(0, wordCharsMax).toWellFormed())
    .filter((word) => word !== '')
    .slice(0, wordsMax)
