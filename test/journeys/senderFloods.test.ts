import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import type { Delivery } from '../../src/connectors/connector.ts'
import { flexbeHook } from '../../src/connectors/flexbe/wire.ts'
import { protalkHook } from '../../src/connectors/protalk/wire.ts'
import { tildaForm } from '../../src/connectors/tilda/wire.ts'
import { umnicoHook } from '../../src/connectors/umnico/wire.ts'
import { serve } from '../../src/runtime.ts'
import {
  cloudpaymentsWire,
  flexbeWire,
  keptUnder,
  protalkWire,
  send,
  sendersEnv,
  tildaWire,
  umnicoWire,
} from '../support/senders.ts'
import { withService } from '../support/service.ts'
import { known } from '../support/webhookReading.ts'

/**
 * Sends bytes as they are and answers what comes until the line is closed. A line that is cut at once may lose the answer that was
 * written to it; then it is asked again, as a sender would.
 */
const talk = async (port: number, parts: readonly string[]): Promise<string> => {
  let answer = ''
  for (let tries = 0; tries < 5 && answer === ''; tries++) answer = await talkOnce(port, parts)
  return answer
}

const talkOnce = (port: number, parts: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => {
      for (const part of parts) socket.write(part)
    })
    socket.on('data', (chunk) => {
      answer += chunk
      if (/^HTTP\/1\.1 \d{3}/.test(answer)) socket.end()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0)

describe('a body beyond every measure', () => {
  it('is refused while it streams, whatever its length says, and nobody else waits for it (W11)', async () => {
    await withService(sendersEnv, async (service) => {
      const port = Number(new URL(service.url).port)
      const head = (more: string) =>
        `POST /webhooks/tilda/form HTTP/1.1\r\nHost: hub\r\nX-Api-Key: ${known.key}\r\nContent-Type: application/x-www-form-urlencoded\r\n${more}\r\n\r\n`
      const chunk = `10000\r\n${'a'.repeat(65_536)}\r\n`
      // A sender that drips stays on the line all the while.
      const dripping = connect(port, '127.0.0.1', () => dripping.write(`${head('Content-Length: 100')}a`))
      dripping.on('error', () => {})
      try {
        assert.equal(statusOf(await talk(port, [head('Content-Length: 99999999999')])), 413)
        assert.equal(
          statusOf(await talk(port, [head('Transfer-Encoding: chunked'), ...Array.from({ length: 40 }, () => chunk)])),
          413,
        )
        const many = Array.from({ length: 5000 }, (_, index) => `x-${index}: 1`).join('\r\n')
        for (const headers of [`x: ${'a'.repeat(65_536)}`, many])
          assert.ok([400, 413, 431].includes(statusOf(await talk(port, [head(headers)]))))
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, n) => send(service, tildaWire(`Name=x&Phone=89120000001&tranid=1:${n}`))),
        )
        assert.ok(answers.every(({ status }) => status === 200))
        assert.equal((await service.get('/api/v1/webhooks?limit=500')).body.items.length, 20)
      } finally {
        dripping.destroy()
      }
    })
  })

  it('of a hundred thousand fields, colliding names or endless brackets is refused and kept, and the next one is taken (S21)', async () => {
    await withService(sendersEnv, async (service) => {
      const room = 250_000
      const short = (count: number) => Array.from({ length: count }, (_, index) => `${index.toString(36)}=`)
      const floods: Readonly<Record<string, string>> = {
        'a hundred thousand fields': `${'a&'.repeat(100_000)}b=1`,
        'fields of different names': short(40_000).join('&').slice(0, room),
        'one name again and again': 'a=1&'.repeat(60_000).slice(0, room),
        'numbers that make a sparse list': 'a[4294967295]=1&a[999999999]=2&'.repeat(5000).slice(0, room),
        'brackets without end': `a${'[b]'.repeat(80_000)}=1`,
      }
      for (const [what, body] of Object.entries(floods)) {
        for (const wire of [tildaWire(body), flexbeWire(body)]) {
          const { status } = await send(service, wire)
          assert.equal(status, 400, `${wire.path} answers ${status} to ${what}`)
          const row = await keptUnder(service, wire.path.split('/')[0] ?? '', body)
          assert.equal(row?.verdict, 'quarantined', what)
        }
        assert.equal((await send(service, cloudpaymentsWire('pay', body))).status, 400, what)
      }
      for (const body of [`{"accountId":147517,"a":${'{"a":'.repeat(50_000)}`, `[${'{},'.repeat(80_000)}{}]`])
        assert.equal((await send(service, umnicoWire(body))).status, 400)
      const over = await send(service, tildaWire('a&'.repeat(140_000)))
      assert.equal(over.status, 413)
      assert.equal((await send(service, tildaWire('Name=x&Phone=89120000001&tranid=1:1'))).status, 200)
    })
  })
})

describe('texts made to be slow', () => {
  it('are read in linear time by every reader of phones, addresses, numbers and marks (S13)', async () => {
    await withService(sendersEnv, async (service) => {
      const long = 16_000
      const evils = [
        `${'1'.repeat(long)}!`,
        `${'a'.repeat(long)}@`,
        `${'a@'.repeat(long / 2)}`,
        `a@${'a.'.repeat(long / 2 - 1)}`,
        `${'+7 ('.repeat(long / 4)}`,
        `${' '.repeat(long)}x`,
        `http://${'%'.repeat(long - 8)}`,
        `${'((((('.repeat(long / 5)}`,
        `${'-'.repeat(long)}1`,
      ]
      for (const [index, evil] of evils.entries()) {
        const value = encodeURIComponent(evil).slice(0, 48_000).replace(/%.?$/, '')
        const names = ['Phone', 'Email', 'INN', 'Name', 'COOKIES', 'Comments']
        const form = `${names
          .map((name) => `${name}=${value}`)
          .join('&')
          .slice(0, 240_000)
          .replace(/%.?$/, '')}&tranid=9:${index}`
        const chat = {
          type: 'message.incoming',
          accountId: 147517,
          leadId: index + 1,
          message: { messageId: `e-${index}`, message: { text: evil }, sender: { login: evil } },
        }
        const call = { tool: 'leave_request', phone: evil, email: evil, city: evil, consent: evil, chat_id: evil }
        // A sender's own patience is the bound: Tilda's is five seconds for each.
        const signal = AbortSignal.timeout(5000)
        const statuses = await Promise.all(
          [
            tildaWire(form),
            umnicoWire(chat),
            protalkWire('client', call),
            flexbeWire(`data[id]=${index}1&data[client][phone]=${value}&data[page][url]=${value}`),
          ].map(async ({ path, headers, body }) => {
            const response = await fetch(`${service.url}/webhooks/${path}`, { method: 'POST', headers, body, signal })
            await response.arrayBuffer()
            return response.status
          }),
        )
        assert.ok(
          statuses.every((status) => [200, 400].includes(status)),
          `${statuses} to ${evil.slice(0, 20)}`,
        )
      }
      const search = await service.get(`/api/v1/leads?q=${encodeURIComponent('%_'.repeat(1000))}`)
      assert.ok([200, 400].includes(search.status))
    })
  })
})

describe('names that reach a prototype', () => {
  const evil = {
    form: '__proto__[admin]=1&constructor[prototype][admin]=1&a[__proto__][admin]=1&__proto__=x&Phone=89120000001&tool=find_partners&event=lead',
    json: '{"__proto__":{"admin":1},"constructor":{"prototype":{"admin":1}},"a":{"__proto__":{"admin":1}},"accountId":147517,"Phone":"89120000001","tool":"find_partners"}',
  }
  const tilda = {
    publicKey: '',
    secretKey: '',
    webhookKeys: [known.key],
    webhookKeyPlace: { in: 'cookie', name: '__proto__' },
    pathSecrets: [],
    projectId: null,
    templatePageId: null,
    forms: {},
    baseUrl: '',
  } as const
  const umnico = { apiKey: '', widgetToken: '', webhookSecrets: [known.path], accountId: '147517', baseUrl: '' }
  const flexbe = { apiKey: '', webhookSecrets: [known.path], siteId: null, baseUrl: null, siteUrl: '' }
  const protalk = {
    clientBotToken: '',
    partnerBotToken: '',
    clientBotId: null,
    partnerBotId: null,
    webhookSecrets: [known.tool],
    baseUrl: '',
  }
  const readers: readonly ((delivery: Delivery) => unknown)[] = [
    (delivery) => [tildaForm.verify(delivery, tilda), tildaForm.read(delivery, tilda)],
    (delivery) => [umnicoHook.verify(delivery, umnico), umnicoHook.read(delivery, umnico)],
    (delivery) => [flexbeHook.verify(delivery, flexbe), flexbeHook.read(delivery, flexbe)],
    (delivery) => [protalkHook.verify(delivery, protalk), protalkHook.read(delivery, protalk)],
  ]

  it('touch none in the process that reads them from a socket: in JSON, forms, queries and cookies (S14)', async () => {
    let reads = 0
    const server = await serve(
      async (request) => {
        const url = new URL(request.url)
        const headers = new Map<string, readonly string[]>()
        for (const [name, value] of request.headers) headers.set(name, [value])
        const body = new Uint8Array(await request.arrayBuffer())
        const delivery: Delivery = {
          method: request.method,
          path: url.pathname,
          query: url.search.slice(1),
          headers,
          params: { secret: known.path, bot: 'client' },
          body,
          peer: '',
          receivedAt: '2026-11-24T09:00:00.000Z' as Delivery['receivedAt'],
        }
        for (const read of readers) {
          read(delivery)
          reads += 1
        }
        return Response.json({ polluted: ({} as { admin?: unknown }).admin ?? null })
      },
      { port: 0, hostname: '127.0.0.1', bodyBytesMax: 300_000 },
    )
    try {
      for (const [type, body] of [
        ['application/x-www-form-urlencoded', evil.form],
        ['application/json', evil.json],
      ] as const) {
        const response = await fetch(`http://127.0.0.1:${server.port}/?${evil.form}`, {
          method: 'POST',
          headers: {
            'content-type': type,
            cookie: `__proto__=${known.key}; constructor=1`,
            'x-webhook-secret': known.tool,
          },
          body,
        })
        assert.deepEqual(await response.json(), { polluted: null })
      }
      assert.equal(reads, 2 * readers.length)
      assert.equal(({} as { admin?: unknown }).admin, undefined)
    } finally {
      await server.stop(true)
    }
  })

  it('are ignored or refused by the service, which goes on as before (S14)', async () => {
    await withService(sendersEnv, async (service) => {
      const health = (await service.get('/healthz')).body
      for (const wire of [
        tildaWire(evil.form),
        tildaWire(evil.json, { 'content-type': 'application/json' }),
        umnicoWire(evil.json),
        flexbeWire(evil.form),
        protalkWire('client', evil.json),
      ]) {
        const { status } = await send(service, wire)
        assert.ok([200, 400].includes(status), `${wire.path} answers ${status}`)
      }
      assert.equal((await send(service, tildaWire('__proto__[admin]=1&constructor[prototype][x]=1'))).status, 400)
      assert.deepEqual((await service.get('/healthz')).body, health)
      const { status, body } = await service.get('/api/v1/leads?__proto__=1')
      assert.equal(status, 400)
      assert.equal(body.admin, undefined)
    })
  })
})
