import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { type Handler, runtimeName, type ServeOptions, serve } from '../src/runtime.ts'
import { afterMs, readBody } from '../src/runtimeBody.ts'

const bodyBytesMax = 10_000

/** Serves for the length of one test. */
const serving = async (
  handler: Handler,
  work: (url: string, port: number) => Promise<void>,
  options: Partial<ServeOptions> = {},
): Promise<void> => {
  const server = await serve(handler, { port: 0, hostname: '127.0.0.1', bodyBytesMax, ...options })
  try {
    await work(`http://127.0.0.1:${server.port}`, server.port)
  } finally {
    await server.stop(true)
  }
}

/** Sends bytes as they are and collects what comes until the line is closed. */
const talk = (port: number, text: string): Promise<string> =>
  new Promise((resolve) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0)

const echo: Handler = async (request, { peer }) =>
  Response.json({ method: request.method, url: request.url, body: await request.text(), peer })

const chunked = (chunks: readonly string[]): string =>
  `POST / HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}`

describe('serve()', () => {
  it('hands on method, address, body and peer', () =>
    serving(echo, async (url) => {
      const answer = await fetch(`${url}/a/b?c=d`, { method: 'POST', body: 'привет' })
      assert.deepEqual(await answer.json(), {
        method: 'POST',
        url: `${url}/a/b?c=d`,
        body: 'привет',
        peer: '127.0.0.1',
      })
    }))

  it('keeps each Set-Cookie and the status', () =>
    serving(
      async () =>
        new Response(null, {
          status: 303,
          headers: [
            ['set-cookie', 'a=1'],
            ['set-cookie', 'b=2'],
            ['location', '/x'],
          ],
        }),
      async (url) => {
        const answer = await fetch(url, { redirect: 'manual' })
        assert.equal(answer.status, 303)
        assert.deepEqual(answer.headers.getSetCookie(), ['a=1', 'b=2'])
      },
    ))

  it('refuses a body above the limit by its length, before it came', () =>
    serving(echo, async (_url, port) => {
      assert.equal(
        statusOf(await talk(port, 'POST / HTTP/1.1\r\nHost: hub\r\nContent-Length: 99999999999\r\n\r\n')),
        413,
      )
    }))

  it('refuses a body above the limit while it streams without a length (W11)', () =>
    serving(echo, async (_url, port) => {
      assert.equal(statusOf(await talk(port, chunked(Array.from({ length: 8 }, () => 'a'.repeat(4096))))), 413)
    }))

  it('takes a body of exactly the limit', () =>
    serving(echo, async (url) => {
      const body = 'a'.repeat(bodyBytesMax)
      const answer = await fetch(url, { method: 'POST', body })
      assert.equal((await answer.json()).body, body)
    }))

  it('cuts a slow body with 408 and closes the line (W11)', () =>
    serving(
      echo,
      async (_url, port) => {
        assert.equal(statusOf(await talk(port, 'POST / HTTP/1.1\r\nHost: hub\r\nContent-Length: 100\r\n\r\nslow')), 408)
      },
      { bodyDeadlineMs: 100 },
    ))

  it('survives huge headers and thousands of headers (W11)', () =>
    serving(echo, async (url, port) => {
      const many = Array.from({ length: 5000 }, (_, index) => `x-${index}: 1\r\n`).join('')
      for (const headers of [`x: ${'a'.repeat(65_536)}\r\n`, many]) {
        assert.ok([400, 431].includes(statusOf(await talk(port, `GET / HTTP/1.1\r\nHost: hub\r\n${headers}\r\n`))))
      }
      assert.equal((await fetch(url)).status, 200)
    }))

  it('answers 400 to what is no request, and to a host that makes no address', () =>
    serving(echo, async (_url, port) => {
      assert.equal(statusOf(await talk(port, 'what is this?\r\n\r\n')), 400)
      assert.equal(
        statusOf(await talk(port, 'POST / HTTP/1.1\r\nHost: a b\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi')),
        400,
      )
    }))

  it('answers a plain 500 when the handler throws, and tells the reason to the log only', async () => {
    const faults: unknown[] = []
    const fault = new Error('The key is "s3cret"')
    const handler: Handler = async () => {
      throw fault
    }
    await serving(
      handler,
      async (url) => {
        const answer = await fetch(url)
        assert.equal(answer.status, 500)
        assert.equal(answer.headers.get('content-type'), 'application/problem+json')
        assert.deepEqual(await answer.json(), {
          type: 'about:blank',
          title: 'Internal Server Error',
          status: 500,
          code: 'internal-server-error',
        })
      },
      { onFault: (error) => faults.push(error) },
    )
    assert.deepEqual(faults, [fault])
  })

  it('sends a stream piece by piece and stops it when the reader leaves', async () => {
    let cancelled = () => {}
    const left = new Promise<void>((resolve) => {
      cancelled = resolve
    })
    let ticking: ReturnType<typeof setInterval> | undefined
    const handler: Handler = async () =>
      new Response(
        new ReadableStream({
          start: (controller) => {
            ticking = setInterval(() => controller.enqueue(new TextEncoder().encode('data: tick\n\n')), 10)
          },
          cancel: () => {
            clearInterval(ticking)
            cancelled()
          },
        }),
        { headers: { 'content-type': 'text/event-stream' } },
      )
    await serving(handler, async (url) => {
      const leaving = new AbortController()
      const answer = await fetch(url, { signal: leaving.signal })
      const first = await answer.body?.getReader().read()
      assert.match(new TextDecoder().decode(first?.value), /^data: tick/)
      leaving.abort()
      await left
    })
  })

  it('finishes the answer in flight when it is stopped politely', async () => {
    let finish = () => {}
    const gate = new Promise<void>((resolve) => {
      finish = resolve
    })
    let arrived = () => {}
    const here = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const server = await serve(
      async () => {
        arrived()
        await gate
        return new Response('done')
      },
      { port: 0, hostname: '127.0.0.1', bodyBytesMax },
    )
    const answer = fetch(`http://127.0.0.1:${server.port}`)
    await here
    const stopped = server.stop(false)
    finish()
    assert.equal(await (await answer).text(), 'done')
    await stopped
    await assert.rejects(fetch(`http://127.0.0.1:${server.port}`))
  })

  it('makes no second request for a handler that takes bytes; the body is read by readBody()', () => {
    const handler: Handler = async (request, { url }) => {
      const bytes = await readBody(request, bodyBytesMax, 1000)
      const text = bytes instanceof Uint8Array ? new TextDecoder().decode(bytes) : bytes
      return Response.json({ path: url.pathname, text, consumed: request.bodyUsed })
    }
    return serving(
      handler,
      async (url) => {
        const send = async (path: string) => (await fetch(`${url}${path}`, { method: 'POST', body: 'привет' })).json()
        assert.deepEqual(await send('/bytes/x?y'), { path: '/bytes/x', text: 'привет', consumed: true })
        assert.deepEqual(await send('/whole'), { path: '/whole', text: 'привет', consumed: false })
        assert.deepEqual(await send('/whole/../bytes/'), { path: '/bytes/', text: 'привет', consumed: true })
      },
      { takesBytes: (pathname) => pathname.startsWith('/bytes/') },
    )
  })

  it('rejects when the port is taken', () =>
    serving(echo, async (_url, port) => {
      await assert.rejects(async () => {
        const second = await serve(echo, { port, hostname: '127.0.0.1', bodyBytesMax })
        await second.stop(true)
      })
    }))
})

describe('readBody()', () => {
  const posted = (body: BodyInit, headers: Readonly<Record<string, string>> = {}): Request =>
    new Request('http://hub/', { method: 'POST', body, headers })

  it('counts the bytes that come, not those that a length promises', async () => {
    assert.equal(await readBody(posted('a'.repeat(11)), 10, 1000), 'too-large')
    assert.equal(await readBody(posted('', { 'content-length': '11' }), 10, 1000), 'too-large')
    assert.deepEqual(await readBody(posted('a'.repeat(10)), 10, 1000), new Uint8Array(10).fill(97))
  })

  it('joins what comes in pieces, and reads no body as no bytes', async () => {
    const pieces = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (const byte of [1, 2, 3]) controller.enqueue(Uint8Array.of(byte))
        controller.close()
      },
    })
    const init = { method: 'POST', body: pieces, duplex: 'half' }
    assert.deepEqual(await readBody(new Request('http://hub/', init), 10, 1000), Uint8Array.of(1, 2, 3))
    assert.deepEqual(await readBody(new Request('http://hub/'), 10, 1000), new Uint8Array())
  })

  it('gives up at the deadline', async () => {
    const init = { method: 'POST', body: new ReadableStream(), duplex: 'half' }
    assert.equal(await readBody(new Request('http://hub/', init), 10, 20), 'too-slow')
  })
})

describe('afterMs()', () => {
  it('calls back, also before a deadline that was set for later, and never what was cancelled', async () => {
    const passed: string[] = []
    const far = afterMs(60_000, () => passed.push('far'))
    await new Promise<void>((resolve) => {
      afterMs(20, () => passed.push('early'))
      const cancel = afterMs(10, () => passed.push('cancelled'))
      afterMs(40, () => resolve(void passed.push('late')))
      cancel()
    })
    far()
    assert.deepEqual(passed, ['early', 'late'])
  })

  it('sets a new deadline from within one that passed', async () => {
    await new Promise<void>((resolve) => afterMs(1, () => void afterMs(1, resolve)))
  })
})

describe('runtimeName', () => {
  it('is the runtime of this process', () => {
    assert.equal(runtimeName, 'Deno' in globalThis ? 'deno' : 'bun')
  })
})
