import type { Answer, DeliveryHeaders } from '../connectors/connector.ts'
import type { Instant } from '../kernel/time.ts'
import { databaseAway, type makeIngest } from './ingest.ts'
import type { AnyWebhookRoute } from './intake.ts'
import { sourceAddress } from './peer.ts'

/** The largest body of any sender. */
export const webhookBytesMax = 256 * 1024
/** A body that takes longer than this is not a webhook. */
const bodyDeadlineMs = 20_000
/** Paths remembered, and how long they may be; a service has some twenty. */
const pathsKnownMax = 500
const pathCharsMax = 200

/** A place where webhooks arrive: a path with parameters, and the route behind it; null when its provider is off. */
export type WebhookPlace = {
  /** Segments after `/webhooks/`; `:name` is a parameter. */
  readonly pattern: string
  readonly route: (params: Readonly<Record<string, string>>) => AnyWebhookRoute | null
}

/** What the webhook door needs. */
export type WebhookDoorDeps = {
  readonly places: readonly WebhookPlace[]
  readonly ingest: ReturnType<typeof makeIngest>['ingest']
  readonly trustedProxies: readonly string[]
  readonly withinRate: (source: string) => boolean
  readonly readBody: (
    request: Request,
    bytesMax: number,
    deadlineMs: number,
  ) => Promise<Uint8Array | 'too-large' | 'too-slow'>
  readonly now: () => Instant
  /** Counts refusals with their reason; bodies of strangers are not kept. */
  readonly onRefused: (source: string, code: string) => void
  readonly onError: (error: unknown) => void
}

const plain = (status: number, headers: Record<string, string> = {}): Response =>
  new Response(null, { status, headers: { 'Cache-Control': 'no-store', ...headers } })

/** Answers a request below `/webhooks/`: method, size, authenticity, then everything else. */
export const webhookDoor = (deps: WebhookDoorDeps) => {
  const match = placeMatcher(deps.places)
  return async (request: Request, peer: string, { pathname, search }: Readonly<URL>): Promise<Response> => {
    const found = match(pathname)
    if (!found) return plain(404)
    const { route, params } = found
    const { method } = request
    if (!route.methods.includes(method)) return plain(405, { Allow: route.methods.join(', ') })
    const source = sourceAddress(peer, request.headers.get('x-forwarded-for'), deps.trustedProxies)
    if (!deps.withinRate(source)) {
      deps.onRefused(route.source, 'rate')
      return plain(429, { 'Retry-After': '1' })
    }
    const body = method === 'GET' ? new Uint8Array() : await deps.readBody(request, webhookBytesMax, bodyDeadlineMs)
    if (body === 'too-large') return plain(413, { Connection: 'close' })
    if (body === 'too-slow') return plain(408, { Connection: 'close' })
    const delivery = {
      method,
      path: pathname,
      query: search.slice(1),
      headers: headersOf(request),
      params,
      body,
      peer: source,
      receivedAt: deps.now(),
    }
    const authenticity = route.verify(delivery)
    if (authenticity.tag === 'refused') {
      deps.onRefused(route.source, authenticity.code)
      return authenticity.answer ? toResponse(authenticity.answer) : plain(authenticity.status)
    }
    try {
      return toResponse(await deps.ingest(route, { ...delivery, secretName: authenticity.secretName }))
    } catch (error) {
      deps.onError(error)
      return toResponse(databaseAway)
    }
  }
}

const headersByType = new Map<string, Headers>()

/** The headers of an answer that has none of its own; there are a handful of content types, and the headers are made once for each. */
const usualHeaders = (contentType: string): Headers => {
  const made = headersByType.get(contentType)
  if (made) return made
  const headers = new Headers({
    'Content-Type': contentType,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  headersByType.set(contentType, headers)
  return headers
}

/** Makes the HTTP answer. */
export const toResponse = ({ status, contentType, body, headers: own }: Answer): Response => {
  // The headers of an answer are copied when it is made, so that the usual ones are never written to.
  const headers = own ? new Headers(usualHeaders(contentType)) : usualHeaders(contentType)
  for (const [name, value] of Object.entries(own ?? {})) headers.set(name, value)
  return new Response(body === '' ? null : body, { status, headers })
}

/** Header values by lower-case name. Runtimes join a header that was sent twice with a comma, which a base64 value never holds. */
const headersOf = ({ headers }: Request): DeliveryHeaders => ({
  get: (name) => {
    const value = headers.get(name)
    return value === null ? undefined : [value]
  },
  has: (name) => headers.has(name),
})

type Place = { readonly route: AnyWebhookRoute; readonly params: Readonly<Record<string, string>> }

/** Finds the place of a path; what was found is remembered, because senders ask for the same few paths all the time. */
const placeMatcher = (places: readonly WebhookPlace[]): ((pathname: string) => Place | null) => {
  const known = new Map<string, Place>()
  return (pathname) => {
    const seen = known.get(pathname)
    if (seen) return seen
    const found = matchPlace(places, pathname)
    if (found && pathname.length <= pathCharsMax && known.size < pathsKnownMax) known.set(pathname, found)
    return found
  }
}

const matchPlace = (places: readonly WebhookPlace[], pathname: string): Place | null => {
  const segments = pathname.split('/').slice(2)
  for (const place of places) {
    const names = place.pattern.split('/')
    if (names.length !== segments.length) continue
    const params: Record<string, string> = {}
    const fits = names.every((name, index) => {
      const segment = segments[index] ?? ''
      if (!name.startsWith(':')) return name === segment
      params[name.slice(1)] = segment
      return segment !== ''
    })
    if (!fits) continue
    const route = place.route(params)
    return route ? { route, params } : null
  }
  return null
}
