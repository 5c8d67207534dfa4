import { html } from './html.ts'
import type { TwinFault } from './twin.ts'
import type { HookPolicy, TwinDesk } from './twinDesk.ts'

const faultKinds: readonly TwinFault['kind'][] = [
  'apply-then-hang',
  'apply-then-reset',
  'apply-then-500',
  '500',
  '429',
  '429-retry-after',
  '401',
  'garbage',
  'html',
  'empty',
  'slow',
  'redirect',
]

/** A JSON answer of a twin. */
export const jsonResponse = (value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(JSON.stringify(value), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  })

/** Reads a request's body as a JSON object; anything else is an empty one. */
export const jsonObject = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : {}
  } catch {
    return {}
  }
}

/** Whether a value is a plain object. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether a header of HTTP Basic names this user with one of these passwords. */
export const basicMatches = (header: string | null, user: string, passwords: readonly string[]): boolean =>
  passwords.some((password) => header === `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`)

/**
 * The routes that every twin has for tests: `GET|DELETE /ledger`, `GET|POST|DELETE /faults`, `GET|POST|DELETE /hooks` and the
 * stylesheet of its pages. Null when the request is for something else.
 */
export const deskRoute = async <Data>(
  desk: TwinDesk<Data>,
  request: Request,
  path: string,
): Promise<Response | null> => {
  switch (`${request.method} ${path}`) {
    case 'GET /ledger': {
      const { calls } = await desk.state()
      return jsonResponse({ calls, applied: calls.filter(({ applied }) => applied).length })
    }
    case 'DELETE /ledger':
      await desk.adjust((state) => ({ ...state, calls: [] }))
      return jsonResponse({ calls: [], applied: 0 })
    case 'GET /faults':
      return jsonResponse((await desk.state()).faults)
    case 'POST /faults':
      return addFault(desk, jsonObject(await request.text()))
    case 'DELETE /faults':
      await desk.adjust((state) => ({ ...state, faults: [] }))
      return jsonResponse([])
    case 'GET /hooks': {
      const { policy, waiting } = await desk.state()
      return jsonResponse({ policy, waiting: waiting.map(({ name, dueAt, attempts }) => ({ name, dueAt, attempts })) })
    }
    case 'DELETE /hooks':
      await desk.adjust((state) => ({ ...state, policy: policyFrom({}), waiting: [] }))
      return jsonResponse({ policy: policyFrom({}) })
    case 'GET /style.css':
      return new Response(stylesheet, { headers: { 'content-type': 'text/css; charset=utf-8' } })
    default:
      return null
  }
}

/** The policy that a test asks for; what it leaves out is as usual. */
export const policyFrom = (asked: Readonly<Record<string, unknown>>): HookPolicy => ({
  delayMs: countOf(asked.delayMs, 0),
  times: countOf(asked.times, 1),
  order: asked.order === 'reversed' ? 'reversed' : 'as-made',
  suppress: asked.suppress === true,
})

const countOf = (value: unknown, usual: number): number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : usual

const addFault = async <Data>(desk: TwinDesk<Data>, asked: Readonly<Record<string, unknown>>): Promise<Response> => {
  const kind = faultKinds.find((name) => name === asked.kind)
  if (kind === undefined)
    return jsonResponse({ error: `Cannot script this fault: "kind" is one of ${faultKinds.join(', ')}` }, 400)
  const path = typeof asked.path === 'string' ? asked.path : ''
  const fault: TwinFault = {
    kind,
    path,
    times: countOf(asked.times, 1),
    ...(typeof asked.method === 'string' ? { method: asked.method } : {}),
    ...(typeof asked.seconds === 'number' ? { seconds: asked.seconds } : {}),
  }
  await desk.adjust((state) => ({ ...state, faults: [...state.faults, fault] }))
  return jsonResponse(fault, 201)
}

/** A page of a twin in Russian; `body` is trusted HTML whose parts were escaped when it was made. `root` leads to the twin's `/`. */
export const page = ({ title, body, root, status = 200 }: PageParts): Response =>
  new Response(
    html`<!doctype html>
<html lang="ru">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="stylesheet" href="${root}/style.css">
</head>
<body>
<p class="note">Песочница: деньги не настоящие</p>
<h1>${title}</h1>
!${body}
</body>
</html>`,
    {
      status,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      },
    },
  )

type PageParts = { readonly title: string; readonly body: string; readonly root: string; readonly status?: number }

const stylesheet = `body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1d1d1f }
table { border-collapse: collapse; width: 100% }
td, th { border-bottom: 1px solid #ddd; padding: .3rem .5rem; text-align: left }
input, button { font: inherit; padding: .5rem .7rem }
.note { background: #fff4ce; padding: .4rem .7rem }
.sum { font-size: 1.6rem }
`
