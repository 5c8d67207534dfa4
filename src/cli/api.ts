import { exits, failure, type World } from './world.ts'

/** A JSON object as the service answers it. */
export type Json = Readonly<Record<string, unknown>>

/** Parameters of a query; absent ones are left out. */
export type Query = Readonly<Record<string, string | number | null | undefined>>

/** One page, or several joined, of a list. */
export type Listed = { readonly items: readonly Json[]; readonly nextCursor: string | null; readonly position: number }

/** The service, as a command talks to it. Every fault becomes a failure with its exit code. */
export type Api = {
  readonly url: string
  readonly get: (path: string, query?: Query) => Promise<Json>
  /** Asks for a document that is not an object, or belongs to a twin. */
  readonly getAny: (path: string, query?: Query) => Promise<unknown>
  readonly send: (method: 'POST' | 'DELETE', path: string, body?: Json, options?: SendOptions) => Promise<unknown>
  /** Walks the pages of a list until it has `limit` items. */
  readonly list: (name: string, query: Query, limit: number) => Promise<Listed>
  readonly download: (path: string, query: Query, accept: string) => Promise<ReadableStream<Uint8Array>>
  readonly raw: (path: string, init?: RequestInit) => Promise<Response>
}

/** `patient` requests have no deadline: the service works as long as it takes. */
export type SendOptions = { readonly patient?: boolean }

/** A question that takes longer is not going to be answered. */
const deadlineMs = 60_000

/** The largest page that the service gives. */
const pageItemsMax = 500

/** Opens the service at an address with a token. */
export const openApi = (world: World, at: { readonly url: string; readonly token: string | null }): Api => {
  const raw = async (path: string, init: RequestInit & SendOptions = {}): Promise<Response> => {
    const { patient = false, ...rest } = init
    const interrupted = world.interrupted()
    const signal = patient ? interrupted : AbortSignal.any([interrupted, AbortSignal.timeout(deadlineMs)])
    const headers = new Headers(rest.headers)
    if (at.token !== null && !headers.has('authorization')) headers.set('authorization', `Bearer ${at.token}`)
    try {
      // One of the runtimes ends every request after five minutes unless it is told not to; the others do not know the word.
      const endless = patient ? { timeout: false } : {}
      return await world.fetch(`${at.url}${path}`, { redirect: 'manual', ...endless, ...rest, headers, signal })
    } catch (error) {
      throw interrupted.aborted ? interruption() : unreachable(at.url, error)
    }
  }
  const json = async (path: string, init: RequestInit & SendOptions = {}): Promise<unknown> => {
    const response = await raw(path, init)
    const text = await response.text().catch((error: unknown) => {
      throw world.interrupted().aborted ? interruption() : unreachable(at.url, error)
    })
    return understood(at.url, response, text)
  }
  const getAny = (path: string, query: Query = {}) => json(withQuery(path, query))
  const get = async (path: string, query: Query = {}) => objectOf(at.url, await getAny(path, query))
  const send: Api['send'] = (method, path, body, options = {}) =>
    json(path, {
      method,
      ...options,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
  return {
    url: at.url,
    raw,
    get,
    getAny,
    send,
    list: (name, query, limit) => walk({ get, path: `/api/v1/${name}` }, query, limit),
    download: async (path, query, accept) => {
      const response = await raw(withQuery(path, query), { headers: { accept }, patient: true })
      if (!response.ok || response.body === null) {
        understood(at.url, response, await response.text())
        throw notOurs(at.url)
      }
      return response.body
    },
  }
}

type Walk = { readonly get: Api['get']; readonly path: string }

const walk = async ({ get, path }: Walk, query: Query, limit: number): Promise<Listed> => {
  const items: Json[] = []
  let cursor: string | null = null
  for (;;) {
    const page: Json = await get(path, { ...query, limit: Math.min(pageItemsMax, limit - items.length), cursor })
    items.push(...(Array.isArray(page.items) ? (page.items as Json[]) : []))
    cursor = typeof page.nextCursor === 'string' ? page.nextCursor : null
    if (cursor === null || items.length >= limit)
      return { items, nextCursor: cursor, position: typeof page.position === 'number' ? page.position : 0 }
  }
}

/**
 * Adds parameters to a path.
 * @example withQuery('/api/v1/partners', { q: 'Ромашка', limit: 5, sort: null }) // '/api/v1/partners?q=…&limit=5'
 */
export const withQuery = (path: string, query: Query): string => {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === null || value === undefined ? [] : [[name, String(value)]],
  )
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`
}

/** The failure of a command that a person ended. */
export const interruption = () => failure(exits.interrupted, { code: 'interrupted', detail: 'Interrupted' })

const unreachable = (url: string, error: unknown) => {
  const timedOut = error instanceof Error && error.name === 'TimeoutError'
  const detail = timedOut
    ? `Cannot reach the service at ${url}: it did not answer within ${deadlineMs / 1000} s`
    : `Cannot reach the service at ${url}: nothing answers there; "hub serve" starts it, --url or HUB_URL names another one`
  return failure(exits.unreachable, { code: 'service-unreachable', detail })
}

const notOurs = (url: string) =>
  failure(exits.unreachable, {
    code: 'service-unreachable',
    detail: `Cannot understand what answers at ${url}: it does not speak the API of partner-hub`,
  })

const objectOf = (url: string, value: unknown): Json => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notOurs(url)
  return value as Json
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The service is there and says so itself: it has too much to do for this question. */
const busyCodes = ['exports-busy', 'took-too-long']

/** What an answer says; a refusal becomes a failure that carries the service's own words. */
const understood = (url: string, response: Response, text: string): unknown => {
  const body = parsed(text)
  const { status } = response
  if (response.ok) {
    if (status === 204) return {}
    if (body === undefined) throw notOurs(url)
    return body
  }
  const problem = typeof body === 'object' && body !== null ? (body as Json) : {}
  const code = typeof problem.code === 'string' ? problem.code : `http-${status}`
  const said = typeof problem.detail === 'string' ? problem.detail : `The service answered ${status}`
  const hint = status === 401 ? '; --token or HUB_OPERATOR_TOKEN gives the token' : ''
  const away = (status === 503 || status === 502) && !busyCodes.includes(code)
  const exit = away ? exits.unreachable : exits.refused
  throw failure(exit, { code, detail: `${said}${hint}`, status })
}
