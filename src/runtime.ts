import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { v7 as uuidV7 } from 'uuid'
import { keepBody, readBody } from './runtimeBody.ts'

/** What is known about a request besides itself: who is at the other end of the connection, and its address, read once. */
export type PeerInfo = { readonly peer: string; readonly url: Readonly<URL> }

/** Answers one request; its body is already complete and within the limit. */
export type Handler = (request: Request, info: PeerInfo) => Promise<Response>

/** Where to listen, how large a body may be, and who hears of what the handler throws. */
export type ServeOptions = {
  readonly port: number
  readonly hostname: string
  readonly bodyBytesMax: number
  /** A whole body must have come by then; 30 s unless told. */
  readonly bodyDeadlineMs?: number
  /** Paths whose handler takes the body by `readBody` alone, so that no second request is made around the bytes; none unless told. */
  readonly takesBytes?: (pathname: string) => boolean
  readonly onFault?: (error: unknown) => void
}

/** A listening server. A polite stop waits for answers in flight; `force` breaks them off. */
export type Server = { readonly port: number; readonly stop: (force: boolean) => Promise<void> }

/** Which runtime this process is. */
export type RuntimeName = 'bun' | 'deno' | 'node'

/** Which runtime this process is; the only place that asks. */
export const runtimeName: RuntimeName = 'Bun' in globalThis ? 'bun' : 'Deno' in globalThis ? 'deno' : 'node'

/** A fresh UUIDv7, which sorts by the time of its making; Bun has one built in. */
export const newUuid: () => string = runtimeName === 'bun' ? () => Bun.randomUUIDv7() : () => uuidV7()

/** A whole body must have come by then: long enough for a megabyte over a poor line, and well below 60 s. */
const bodyDeadlineMsMax = 30_000

/** A connection on which nothing moves is closed; above the body's deadline, so that a slow sender is told 408 first. */
const idleSeconds = 45

/** Node's server looks for late requests this often. */
const lateCheckMs = 5_000

/** How often a server that is stopping closes what has fallen idle. */
const idleSweepMs = 50

/**
 * Listens and answers. Bun has its own fast server. Deno's own one neither bounds a body nor cuts slow senders, so
 * there the server of `node:http` is used, which does.
 */
export const serve = async (handler: Handler, options: ServeOptions): Promise<Server> =>
  runtimeName === 'bun' ? serveOnBun(handler, options) : serveOnNodeHttp(handler, options)

const serveOnBun = (handler: Handler, options: ServeOptions): Server => {
  const server = Bun.serve({
    port: options.port,
    hostname: options.hostname,
    maxRequestBodySize: options.bodyBytesMax,
    idleTimeout: idleSeconds,
    development: false,
    // Outside development Bun would share the port with another process, and a second start would go unnoticed.
    reusePort: false,
    error: () => problem(500),
    fetch: (request, bun) =>
      bounded(handler, request, { peer: plainAddress(bun.requestIP(request)?.address), options }),
  })
  return { port: server.port ?? options.port, stop: (force) => server.stop(force) }
}

const serveOnNodeHttp = async (handler: Handler, options: ServeOptions): Promise<Server> => {
  const server = createServer({
    headersTimeout: bodyDeadlineMsMax,
    requestTimeout: idleSeconds * 1000,
    keepAliveTimeout: idleSeconds * 1000,
    connectionsCheckingInterval: lateCheckMs,
  })
  server.timeout = idleSeconds * 1000
  // Clients open lines ahead of need. One that has asked nothing yet counts as busy, so a stop would wait for it.
  const unused = new Set<Socket>()
  server.on('connection', (socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  server.on('request', (incoming, outgoing) => {
    unused.delete(incoming.socket)
    answer(handler, incoming, { outgoing, options }).catch(() => outgoing.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.hostname, resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    stop: (force) =>
      new Promise((resolve) => {
        // A connection that falls idle after the stop began would otherwise stay open until its own deadline.
        const sweep = setInterval(() => server.closeIdleConnections(), idleSweepMs)
        server.close(() => {
          clearInterval(sweep)
          resolve()
        })
        for (const socket of unused) socket.destroy()
        if (force) server.closeAllConnections()
        else server.closeIdleConnections()
      }),
  }
}

type Bounds = { readonly peer: string; readonly options: ServeOptions }

/** The handler behind the limits on size and time; what it throws becomes a plain 500. */
const bounded = async (handler: Handler, request: Request, { peer, options }: Bounds): Promise<Response> => {
  const url = addressOf(request.url)
  // Bun hands on a request whose Host header makes no URL.
  if (url === null) return problem(400)
  try {
    const { method } = request
    if (method === 'GET' || method === 'HEAD') return await handler(request, { peer, url })
    const body = await bodyOf(request, options)
    if (typeof body === 'number') return problem(body)
    const whole = options.takesBytes?.(url.pathname) === true ? request : withBody(request, body)
    keepBody(whole, body)
    return await handler(whole, { peer, url })
  } catch (error) {
    options.onFault?.(error)
    return problem(500)
  }
}

/** The whole body, or the status that says why there is none. A body that breaks off is the sender's doing, no fault of ours. */
const bodyOf = async (request: Request, options: ServeOptions): Promise<Uint8Array<ArrayBuffer> | 400 | 408 | 413> => {
  try {
    const body = await readBody(request, options.bodyBytesMax, options.bodyDeadlineMs ?? bodyDeadlineMsMax)
    return body === 'too-large' ? 413 : body === 'too-slow' ? 408 : body
  } catch {
    return 400
  }
}

const withBody = ({ url, method, headers }: Request, body: Uint8Array<ArrayBuffer>): Request =>
  new Request(url, { method, headers, body: body.byteLength === 0 ? null : body })

/** Addresses that were read before: senders ask for the same few all the time. */
const addresses = new Map<string, URL | null>()
const addressesMax = 1000
const addressCharsMax = 300

const addressOf = (text: string): URL | null => {
  const known = addresses.get(text)
  if (known !== undefined) return known
  const url = URL.parse(text)
  if (addresses.size >= addressesMax) addresses.clear()
  if (text.length <= addressCharsMax) addresses.set(text, url)
  return url
}

type Exchange = { readonly outgoing: ServerResponse; readonly options: ServeOptions }

const answer = async (handler: Handler, incoming: IncomingMessage, { outgoing, options }: Exchange): Promise<void> => {
  const request = toRequest(incoming)
  const peer = plainAddress(incoming.socket.remoteAddress)
  const response = request === null ? problem(400) : await bounded(handler, request, { peer, options })
  outgoing.statusCode = response.status
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value)
  if (!incoming.complete) hangUpAfter(incoming, outgoing)
  if (response.body === null || incoming.method === 'HEAD') {
    await response.body?.cancel()
    outgoing.end()
    return
  }
  await sendBody(response.body.getReader(), outgoing)
}

/** The web's view of a request; null when its parts make none (an impossible host, a forbidden method). */
const toRequest = (incoming: IncomingMessage): Request | null => {
  try {
    const headers = new Headers()
    for (let index = 0; index < incoming.rawHeaders.length; index += 2) {
      headers.append(incoming.rawHeaders[index] ?? '', incoming.rawHeaders[index + 1] ?? '')
    }
    const target = incoming.url ?? '/'
    // Joined as text: a path like "//there" would otherwise be read as another host.
    const url = target.startsWith('/') ? `http://${incoming.headers.host ?? 'localhost'}${target}` : target
    const method = incoming.method ?? 'GET'
    const body = method === 'GET' || method === 'HEAD' ? null : incomingBody(incoming)
    return new Request(url, { method, headers, body, ...halfDuplex })
  } catch {
    return null
  }
}

/** A streamed request body needs this word, which the DOM's types do not know. */
const halfDuplex = { duplex: 'half' }

const incomingBody = (incoming: IncomingMessage): ReadableStream<Uint8Array<ArrayBuffer>> => {
  const chunks = incoming.iterator({ destroyOnReturn: false })
  return new ReadableStream(
    {
      pull: async (controller) => {
        const { done, value } = await chunks.next()
        if (done === true) controller.close()
        else controller.enqueue(new Uint8Array(value))
      },
    },
    { highWaterMark: 0 },
  )
}

/** A sender that is still talking when it is answered gets a moment to read the answer, then the line is cut. */
const hangUpAfter = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
  outgoing.setHeader('connection', 'close')
  outgoing.once('finish', () => {
    setTimeout(() => incoming.socket.destroy(), 1_000).unref()
  })
}

const sendBody = async (reader: ReadableStreamDefaultReader<Uint8Array>, outgoing: ServerResponse): Promise<void> => {
  // The receiver has gone, or all is sent: either way nobody wants the rest.
  outgoing.once('close', () => {
    reader.cancel().catch(() => {})
  })
  const first = await reader.read()
  const second = reader.read()
  // A body that ends with its first chunk gets a length; anything longer goes out piece by piece, at once.
  const brief = await Promise.race([
    second.then((next) => next.done),
    new Promise((resolve) => setImmediate(resolve, false)),
  ])
  if (first.done || brief === true) {
    outgoing.end(first.value)
    return
  }
  outgoing.write(first.value)
  for (let next = await second; !next.done; next = await reader.read()) {
    if (!outgoing.write(next.value)) await writable(outgoing)
  }
  outgoing.end()
}

const writable = (outgoing: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const go = () => {
      outgoing.off('drain', go).off('close', go)
      resolve()
    }
    outgoing.on('drain', go).on('close', go)
  })

const titles = {
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Content Too Large',
  500: 'Internal Server Error',
} as const

/** What the server itself has to say, before or after the application: RFC 9457, without a word of the cause. */
const problem = (status: keyof typeof titles): Response => {
  const title = titles[status]
  const body = { type: 'about:blank', title, status, code: title.toLowerCase().replaceAll(' ', '-') }
  // A sender that was cut short has more to say; the line ends with this answer.
  const headers = { 'content-type': 'application/problem+json', 'cache-control': 'no-store', connection: 'close' }
  return new Response(JSON.stringify(body), { status, headers })
}

/** IPv4 in its own spelling, also on a socket that listens for both families. */
const plainAddress = (address = ''): string =>
  address.startsWith('::') ? address.replace(/^::ffff:(?=\d+\.)/i, '') : address
