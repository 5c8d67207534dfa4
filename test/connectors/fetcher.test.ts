import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { describe, it } from 'node:test'
import type { Exchange } from '../../src/connectors/exchange.ts'
import { makeDownload, makeProviderCall } from '../../src/connectors/fetcher.ts'

const key = 'k-very-secret'
const call = makeProviderCall(fetch)
const megabyte = 1024 * 1024

type Answering = (request: IncomingMessage, response: ServerResponse) => void

/** A server for one test; `seen` counts the requests that reached it. */
const served = async (answering: Answering, work: (url: string, seen: () => number) => Promise<void>) => {
  let seen = 0
  const server = createServer((request, response) => {
    seen += 1
    answering(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    await work(`http://127.0.0.1:${port}/egr?key=${key}`, () => seen)
  } finally {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
}

const asked = (url: string, signal = AbortSignal.timeout(5000)): Promise<Exchange> =>
  call({ method: 'GET', url, headers: { accept: 'application/json' }, signal })

/** The port of a server that is gone: nobody listens there. */
const closedPort = async (): Promise<number> => {
  const server = createTcpServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}

describe('makeProviderCall()', () => {
  it('gives any status as an answer, asks once and sends what it was given', () =>
    served(
      (request, response) => {
        const chunks: Buffer[] = []
        request.on('data', (chunk: Buffer) => chunks.push(chunk))
        request.on('end', () => {
          response.writeHead(503, { 'content-type': 'text/plain', 'retry-after': '7' })
          response.end(`${request.method} ${request.headers['x-own']} ${Buffer.concat(chunks)}`)
        })
      },
      async (url, seen) => {
        const answer = await call({
          method: 'POST',
          url,
          headers: { 'x-own': 'one', 'content-type': 'application/json' },
          body: '{"a":1}',
          signal: AbortSignal.timeout(5000),
        })
        assert.ok(answer.tag === 'response')
        assert.deepEqual(
          [answer.status, answer.text, answer.headers.get('retry-after')],
          [503, 'POST one {"a":1}', '7'],
        )
        assert.equal(seen(), 1)
      },
    ))

  it('follows no redirect', () =>
    served(
      (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end(),
      async (url, seen) => {
        const answer = await asked(url)
        assert.deepEqual([answer.tag, answer.tag === 'response' ? answer.status : 0, seen()], ['response', 302, 1])
      },
    ))

  it('says that nothing was sent when nobody listens, when the name is unknown or when time was over before', async () => {
    const refusals = [
      await asked(`http://127.0.0.1:${await closedPort()}/egr?key=${key}`),
      await asked(`http://no-such-host.invalid/egr?key=${key}`),
      await asked('http://127.0.0.1:9/', AbortSignal.abort()),
    ]
    assert.deepEqual(
      refusals.map((refusal) => [refusal.tag, 'code' in refusal ? refusal.code : '']),
      [
        ['not-sent', 'connection-failed'],
        ['not-sent', 'connection-failed'],
        ['not-sent', 'deadline'],
      ],
    )
  })

  it('says that it may have been sent when the connection breaks before, or in the midst of, the answer', async () => {
    await served(
      (request) => request.socket.destroy(),
      async (url, seen) => {
        assert.deepEqual(await asked(url), { tag: 'maybe-sent', code: 'connection-lost' })
        assert.equal(seen(), 1, 'it was asked once')
      },
    )
    await served(
      (request, response) => {
        response.writeHead(200, { 'content-length': '1000' })
        response.write('{"items":', () => setTimeout(() => request.socket.destroy(), 20))
      },
      async (url) => assert.equal((await asked(url)).tag, 'maybe-sent'),
    )
  })

  it('says that it may have been sent when the deadline passes, also while the body drips', async () => {
    const hanging: readonly Answering[] = [
      () => {},
      (_request, response) => {
        response.writeHead(200)
        response.write('{')
      },
    ]
    for (const answering of hanging)
      await served(answering, async (url) =>
        assert.deepEqual(await asked(url, AbortSignal.timeout(150)), { tag: 'maybe-sent', code: 'deadline' }),
      )
  })

  it('reads five megabytes and no more', async () => {
    const sized = (bytes: number): Answering => {
      const body = Buffer.alloc(bytes, 'a')
      return (_request, response) => response.end(body)
    }
    await served(sized(5 * megabyte), async (url) => {
      const answer = await asked(url)
      assert.equal(answer.tag === 'response' ? answer.text.length : 0, 5 * megabyte)
    })
    await served(sized(5 * megabyte + 1), async (url) =>
      assert.deepEqual(await asked(url), { tag: 'maybe-sent', code: 'answer-too-large' }),
    )
  })

  it('never speaks of the address, in which keys ride', async () => {
    const texts = [
      JSON.stringify(await asked(`http://127.0.0.1:${await closedPort()}/egr?key=${key}`)),
      JSON.stringify(await asked(`not an address ${key}`)),
    ]
    for (const text of texts) assert.equal(text.includes(key), false, text)
  })
})

describe('makeDownload()', () => {
  const download = makeDownload(fetch)

  it('brings bytes with their type', () =>
    served(
      (_request, response) => response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from([1, 2, 255])),
      async (url) => {
        const file = await download(url, 3, AbortSignal.timeout(5000))
        assert.deepEqual([file?.contentType, [...(file?.bytes ?? [])]], ['image/png', [1, 2, 255]])
      },
    ))

  it('is null for a longer file whose length nobody told, another status, a redirect and a dead host', async () => {
    const answers: readonly Answering[] = [
      (_request, response) => {
        response.write('abc')
        response.end('d')
      },
      (_request, response) => response.writeHead(404).end('abc'),
      (_request, response) => response.writeHead(302, { location: '/other' }).end(),
    ]
    for (const answering of answers)
      await served(answering, async (url) => assert.equal(await download(url, 3, AbortSignal.timeout(5000)), null))
    assert.equal(await download(`http://127.0.0.1:${await closedPort()}/`, 3, AbortSignal.timeout(5000)), null)
  })
})
