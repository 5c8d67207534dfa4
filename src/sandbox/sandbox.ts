import { html } from '../connectors/html.ts'
import type { Twin } from '../connectors/twin.ts'

/** What the sandbox needs of the service. */
export type SandboxDeps = {
  /** The public prefix of the service, for links. */
  readonly publicUrl: string
  readonly twins: readonly Twin[]
  readonly isOperator: (request: Request) => boolean
  /** Moves the clock by milliseconds; answers the new moment. */
  readonly advance: (ms: number) => Promise<Response>
}

const titles: Readonly<Record<string, string>> = {
  fns: 'ФНС: реестр компаний',
  tilda: 'Тильда: форма партнёра и шаблон страницы',
  yookassa: 'ЮKassa: магазин',
  cloudpayments: 'CloudPayments: терминал',
  mail: 'Почта: письма, которые отправил сервис',
  umnico: 'Umnico: чат на сайте',
  protalk: 'Протолк: боты',
  flexbe: 'Flexbe: сайт с ценами',
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Reads a length of time such as `31d`; null when it is none.
 * @example lengthMs('90m') // 5_400_000
 */
export const lengthMs = (text: string): number | null => {
  const match = /^(\d{1,6})([smhd])$/.exec(text.trim())
  return match ? Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0) : null
}

const problem = (status: number, code: string, detail: string): Response =>
  new Response(JSON.stringify({ type: `about:blank#${code}`, title: code, status, detail, code }), {
    status,
    headers: { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' },
  })

/** The index of the sandbox, the twins below it, and the clock. */
export const sandboxDoor = (deps: SandboxDeps) => {
  const twins = new Map(deps.twins.map((twin) => [twin.provider === 'email' ? 'mail' : twin.provider, twin]))
  return async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    if (pathname === '/sandbox/clock') return clock(deps, request)
    const [name = '', ...rest] = pathname.slice('/sandbox/'.length).split('/')
    if (name === '') return index([...twins.keys()])
    const twin = twins.get(name)
    if (!twin) return problem(404, 'twin-unknown', `There is no twin "${name}" here`)
    if (rest.length === 0) return new Response(null, { status: 308, headers: { Location: `/sandbox/${name}/` } })
    return twin.handle(request, { path: `/${rest.join('/')}`, base: `${deps.publicUrl}/sandbox/${name}` })
  }
}

/** Moves the clock, by an operator only. */
export const clock = async (deps: Pick<SandboxDeps, 'isOperator' | 'advance'>, request: Request): Promise<Response> => {
  if (request.method !== 'POST') return new Response(null, { status: 405, headers: { Allow: 'POST' } })
  if (!deps.isOperator(request))
    return problem(401, 'token-missing', 'The clock is moved with the token of an operator')
  const body: unknown = await request.json().catch(() => null)
  const advance =
    body !== null && typeof body === 'object' && 'advance' in body && typeof body.advance === 'string'
      ? lengthMs(body.advance)
      : null
  if (advance === null)
    return problem(400, 'length-unreadable', 'advance should be a number with s, m, h or d, such as "31d"')
  return deps.advance(advance)
}

const index = (names: readonly string[]): Response => {
  const items = names.map((name) => html`<li><a href="/sandbox/${name}/">${titles[name] ?? name}</a></li>`).join('')
  const page = html`<!doctype html>
<html lang="ru">
  <head><meta charset="utf-8" /><meta name="viewport" content="width=device-width" /><title>Песочница</title><link rel="stylesheet" href="/assets/site.css" /></head>
  <body><main>
    <h1>Песочница</h1>
    <p>Здесь вместо настоящих служб работают их двойники. Каждый говорит на языке своей службы и показывает, что в ней произошло.</p>
    <ul>!${items}</ul>
    <p><a href="/console">Консоль оператора</a></p>
  </main></body>
</html>`
  return new Response(page, {
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      'Content-Security-Policy': "default-src 'self'",
      'X-Content-Type-Options': 'nosniff',
    },
  })
}
