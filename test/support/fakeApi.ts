import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as the stand-in saw it. */
export type SeenRequest = {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly authorization: string | null
  readonly accept: string
  readonly body: unknown
}

/** A canned answer: a body of JSON with 200, or a whole answer. */
export type Canned = {
  readonly status?: number
  readonly json?: unknown
  readonly text?: string
  readonly contentType?: string
  /** Breaks the connection off after the text. */
  readonly cut?: boolean
}

/** What is answered to `METHOD /path`; a function sees the request. */
export type Routes = Readonly<Record<string, Canned | ((request: SeenRequest) => Canned)>>

/** A running stand-in. */
export type FakeApi = {
  readonly url: string
  readonly seen: readonly SeenRequest[]
  readonly stop: () => Promise<void>
}

/** A problem as the service would word it. */
export const problem = (status: number, code: string, detail: string): Canned => ({
  status,
  contentType: 'application/problem+json',
  json: { type: 'about:blank', title: code, status, detail, code },
})

/** A list as the service would answer it. */
export const listed = (items: readonly unknown[], position = 7): Canned => ({
  json: { items, nextCursor: null, position },
})

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const send = (outgoing: ServerResponse, { status = 200, json, text, contentType, cut = false }: Canned): void => {
  outgoing.writeHead(status, { 'content-type': contentType ?? 'application/json' })
  const body = text ?? JSON.stringify(json ?? {})
  if (!cut) outgoing.end(body)
  else outgoing.write(body, () => setTimeout(() => outgoing.destroy(), 50))
}

/** Stands in for the service over a real socket, with canned answers, and remembers what it was asked. */
export const fakeApi = async (routes: Routes): Promise<FakeApi> => {
  const seen: SeenRequest[] = []
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const url = new URL(incoming.url ?? '/', 'http://fake')
      const request: SeenRequest = {
        method: incoming.method ?? 'GET',
        path: url.pathname,
        query: url.searchParams,
        authorization: incoming.headers.authorization ?? null,
        accept: incoming.headers.accept ?? '',
        body: parsed(Buffer.concat(chunks).toString()),
      }
      seen.push(request)
      const route = routes[`${request.method} ${request.path}`] ?? problem(404, 'not-found', 'There is nothing here')
      send(outgoing, typeof route === 'function' ? route(request) : route)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
