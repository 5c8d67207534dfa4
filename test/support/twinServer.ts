import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Twin, TwinContext, TwinStore } from '../../src/connectors/twin.ts'
import { type Instant, instant, msOf, plusMs } from '../../src/kernel/time.ts'

/** An answer over a real socket, and the way to close it. */
export type Served = { readonly url: string; readonly stop: () => Promise<void> }

type Handler = (request: Request) => Promise<Response>

/** Serves a handler of web requests on a free port of loopback; a body that breaks off resets the connection. */
export const serveHandler = async (handler: Handler): Promise<Served> => {
  const server = createServer((incoming, outgoing) => {
    answer(handler, incoming, outgoing).catch(() => outgoing.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Serves a twin on a free port of loopback. */
export const serveTwin = async (twin: Twin): Promise<Served> => {
  const served = await serveHandler((request) => {
    const { pathname, origin } = new URL(request.url)
    return twin.handle(request, { path: pathname, base: origin })
  })
  return served
}

/** Keeps a twin's state in memory, as JSON, so that nothing but plain data survives. */
export const memoryStore = <State>(): TwinStore<State> => {
  let kept: string | null = null
  return {
    load: async () => (kept === null ? null : (JSON.parse(kept) as State)),
    save: async (state) => {
      kept = JSON.stringify(state)
    },
  }
}

/** A clock that only a test moves. */
export type TestClock = { readonly now: () => Instant; readonly advance: (ms: number) => void }

/** Starts a clock of a test at a moment. */
export const testClock = (start: string): TestClock => {
  let at = instant(new Date(start))
  return {
    now: () => at,
    advance: (ms) => {
      at = plusMs(at, ms)
    },
  }
}

/** What a twin under test is given; waits end when the test says so, and none keeps the process alive. */
export const testTwinContext = <State>(options: {
  readonly clock: TestClock
  readonly hubUrl: () => string
  readonly store?: TwinStore<State>
}): TwinContext<State> & { readonly close: () => void } => {
  let open = true
  return {
    now: options.clock.now,
    newId: () => crypto.randomUUID(),
    store: options.store ?? memoryStore<State>(),
    hubUrl: options.hubUrl,
    fetch,
    wait: (ms) =>
      new Promise((resolve) => {
        // After the test nothing is waited for: the loop that asked simply ends with the process.
        if (!open) return
        // A hang outlasts every deadline of a test; the other pauses are shortened.
        setTimeout(resolve, ms > 10_000 ? 2_000 : Math.min(ms, 50)).unref()
      }),
    close: () => {
      open = false
    },
  }
}

/** A twin over a real socket with a service that takes its hooks, each noted as its path and body. */
export type HookedTwin = {
  readonly url: string
  readonly clock: TestClock
  readonly hooks: string[]
  readonly tell: (path: string, body: unknown) => Promise<Response>
}

/** Runs a twin and a service that answers its hooks, for the length of one test. */
export const withHookedTwin = async <State>(
  made: { readonly twin: (context: TwinContext<State>) => Twin; readonly answer: () => Response },
  work: (hooked: HookedTwin) => Promise<void>,
): Promise<void> => {
  const clock = testClock('2026-03-02T09:00:00.000Z')
  const hooks: string[] = []
  const service = await serveHandler(async (request) => {
    hooks.push(`${new URL(request.url).pathname} ${await request.text()}`)
    return made.answer()
  })
  const context = testTwinContext<State>({ clock, hubUrl: () => service.url })
  const twin = await serveTwin(made.twin(context))
  const tell = (path: string, body: unknown) =>
    fetch(`${twin.url}${path}`, { method: 'POST', body: JSON.stringify(body) })
  try {
    await work({ url: twin.url, clock, hooks, tell })
  } finally {
    context.close()
    await twin.stop()
    await service.stop()
  }
}

/** Waits until a condition holds, and fails the test when it never does. */
export const until = async (condition: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  const deadline = msOf(instant(Date.now())) + 10_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const answer = async (handler: Handler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of incoming) chunks.push(chunk as Uint8Array)
  const headers = new Headers()
  for (const [name, value] of Object.entries(incoming.headers)) {
    for (const one of [value ?? []].flat()) headers.append(name, one)
  }
  const method = incoming.method ?? 'GET'
  const body = method === 'GET' || method === 'HEAD' ? null : new Uint8Array(Buffer.concat(chunks))
  const request = new Request(`http://${incoming.headers.host}${incoming.url}`, { method, headers, body })
  const response = await handler(request)
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  if (response.body !== null) {
    for await (const chunk of response.body) {
      // Written before the next one is asked for: a body that breaks off then breaks off on the wire too.
      await new Promise((resolve) => outgoing.write(chunk, resolve))
    }
  }
  outgoing.end()
}
