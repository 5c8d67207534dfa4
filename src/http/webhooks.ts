import type { Answer, Delivery } from '../connectors/connector.ts'
import type { Instant } from '../kernel/time.ts'
import { databaseAway, type makeIngest } from './ingest.ts'
import type { AnyWebhookRoute } from './intake.ts'
import { sourceAddress } from './peer.ts'

/** The largest body of any sender. */
export const webhookBytesMax = 256 * 1024
/** A body that takes longer than this is not a webhook. */
const bodyDeadlineMs = 20_000

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
export const webhookDoor =
  (deps: WebhookDoorDeps) =>
  async (request: Request, peer: string): Promise<Response> => {
    const url = new URL(request.url)
    const found = matchPlace(deps.places, url.pathname)
    if (!found) return plain(404)
    const { route, params } = found
    if (!route.methods.includes(request.method)) return plain(405, { Allow: route.methods.join(', ') })
    const headers = headerMap(request)
    const source = sourceAddress(peer, headers.get('x-forwarded-for') ?? [], deps.trustedProxies)
    if (!deps.withinRate(source)) {
      deps.onRefused(route.source, 'rate')
      return plain(429, { 'Retry-After': '1' })
    }
    const body =
      request.method === 'GET' ? new Uint8Array() : await deps.readBody(request, webhookBytesMax, bodyDeadlineMs)
    if (body === 'too-large') return plain(413, { Connection: 'close' })
    if (body === 'too-slow') return plain(408, { Connection: 'close' })
    const delivery: Delivery = {
      method: request.method,
      path: url.pathname,
      query: url.search.slice(1),
      headers,
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

/** Makes the HTTP answer. */
export const toResponse = (answer: Answer): Response =>
  new Response(answer.body === '' ? null : answer.body, {
    status: answer.status,
    headers: {
      'Content-Type': answer.contentType,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...answer.headers,
    },
  })

/** Header values by lower-case name. Runtimes join a header that was sent twice with a comma, which a base64 value never holds. */
const headerMap = (request: Request): Map<string, readonly string[]> => {
  const headers = new Map<string, readonly string[]>()
  request.headers.forEach((value, name) => {
    headers.set(name.toLowerCase(), [value])
  })
  return headers
}

const matchPlace = (
  places: readonly WebhookPlace[],
  pathname: string,
): { route: AnyWebhookRoute; params: Record<string, string> } | null => {
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
