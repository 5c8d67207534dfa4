import { Elysia } from 'elysia'

/**
 * Who may come in through a door, and what it checks. `sender`: a provider, by its signature, key or address. `role`: an operator or
 * analyst, by a token or a session. `link`: whoever has a link that we signed. `public`: anybody, and nothing private is behind it.
 */
export type DoorPolicy = 'sender' | 'role' | 'link' | 'public'

/** One door of the service: answers a request whose path begins with `prefix`. A door without a policy does not compile. */
export type Door = {
  readonly prefix: string
  readonly policy: DoorPolicy
  readonly open: (request: Request, peer: string, url: Readonly<URL>) => Promise<Response>
}

/** What is known about a request besides itself. */
type RequestInfo = { readonly peer: string; readonly url: Readonly<URL> }

/** What the street door needs. */
export type AppDeps = {
  readonly doors: readonly Door[]
  readonly runtime: string
  readonly version: string
  readonly isReady: () => Promise<boolean>
  /** The host that serves partner pages only; null when pages share the host of everything else. */
  readonly pagesHost: string | null
  readonly publicHost: string
  readonly onError: (error: unknown) => void
}

const json = (status: number, body: unknown): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
  })

const problem = (status: number, code: string, detail: string): Response =>
  new Response(JSON.stringify({ type: 'about:blank', title: code, status, detail, code }), {
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    },
  })

/** What the host of the pages serves; the console and the hooks answer on the other one. */
const pagesPaths = ['/partners', '/feeds', '/assets', '/healthz', '/readyz']

/**
 * The service as one function from a request to an answer. Errors are problems first: nothing of what a caller sent, or of the
 * program, is shown. Each door reads its own bytes, so no parser of the framework runs before a signature is checked.
 */
export const makeApp = (deps: AppDeps): ((request: Request, info: RequestInfo) => Promise<Response>) => {
  const infos = new WeakMap<Request, RequestInfo>()
  let app = new Elysia()
    .onError(({ code, error }) => {
      if (code === 'NOT_FOUND') return problem(404, 'not-found', 'There is nothing here')
      deps.onError(error)
      return problem(500, 'internal', 'The service failed; the failure was recorded')
    })
    .get('/healthz', () => json(200, { status: 'ok', runtime: deps.runtime, version: deps.version }))
    .get('/readyz', async () =>
      (await deps.isReady())
        ? json(200, { status: 'ready' })
        : new Response('{"status":"starting"}', {
            status: 503,
            headers: { 'Retry-After': '1', 'Content-Type': 'application/json' },
          }),
    ) as unknown as Elysia
  for (const door of deps.doors) {
    const open = ({ request }: { request: Request }): Promise<Response> => {
      const { peer, url } = infos.get(request) ?? { peer: '', url: new URL(request.url) }
      return door.open(request, peer, url)
    }
    app = app
      .all(door.prefix, open, { parse: 'none' })
      .all(`${door.prefix}/*`, open, { parse: 'none' }) as unknown as Elysia
  }
  return async (request, info) => {
    const { pathname, host } = info.url
    if (
      deps.pagesHost !== null &&
      host === deps.pagesHost &&
      host !== deps.publicHost &&
      !pagesPaths.some((path) => isBelow(path, pathname))
    ) {
      return problem(404, 'not-found', 'There is nothing here')
    }
    infos.set(request, info)
    return app.handle(request)
  }
}

const isBelow = (prefix: string, pathname: string): boolean =>
  pathname.startsWith(prefix) && (pathname.length === prefix.length || pathname[prefix.length] === '/')
