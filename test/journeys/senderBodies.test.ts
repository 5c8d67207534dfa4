import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { hook } from '../support/chats.ts'
import {
  cloudpaymentsWire,
  flexbeWire,
  keptUnder,
  protalkWire,
  send,
  sendersEnv,
  tildaWire,
  umnicoWire,
  type Wire,
  yookassaWire,
} from '../support/senders.ts'
import { type RunningService, until, withService } from '../support/service.ts'
import { known } from '../support/webhookReading.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** Sends bytes in the clothes of a request. */
const sendBytes = async (service: RunningService, wire: Omit<Wire, 'body'>, body: Bytes): Promise<number> => {
  const response = await fetch(`${service.url}/webhooks/${wire.path}`, { method: 'POST', headers: wire.headers, body })
  await response.arrayBuffer()
  return response.status
}

const bytes = (text: string): Bytes => Uint8Array.from(Buffer.from(text))

/** What PostgreSQL or a careless parser breaks at, as JSON with a place for what the hook needs to know its sender. */
const poisons: Readonly<Record<string, (field: string) => Bytes>> = {
  'a NUL': (field) => bytes(`{${field}"a":"x\\u0000y"}`),
  'half of a surrogate pair': (field) => bytes(`{${field}"a":"\\ud800"}`),
  'a hundred thousand levels': (field) => bytes(`{${field}"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
  'a number beyond numbers': (field) => bytes(`{${field}"a":1e400000}`),
  'a number that is short and long': (field) => bytes(`{${field}"a":1e100000}`),
  'a name twice': (field) => bytes(`{${field}"a":1,"a":2}`),
  'an id of 25 digits': (field) => bytes(`{${field}"leadId":1234567890123456789012345,"id":1234567890123456789012345}`),
  'not a number': (field) => bytes(`{${field}"a":NaN}`),
  'a byte order mark': (field) => bytes(`\ufeff{${field}"a":1}`),
  'another encoding': (field) =>
    Uint8Array.from([...bytes(`{${field}"a":"`), 0xcc, 0xe0, 0xf0, 0xe8, 0xff, ...bytes('"}')]),
  'packed bytes': (field) => Uint8Array.from(gzipSync(bytes(`{${field}"a":1}`))),
  nothing: () => new Uint8Array(),
}

/** Where JSON is taken, with the field that an account or a tool is known by. */
const jsonDoors = [
  { source: 'umnico', wire: umnicoWire(''), field: '"accountId":147517,"type":"message.incoming",' },
  { source: 'tilda', wire: tildaWire('', { 'content-type': 'application/json' }), field: '"Phone":"891200000?",' },
  {
    source: 'flexbe',
    wire: { ...flexbeWire(''), headers: { 'content-type': 'application/json' } },
    field: '"event":"lead",',
  },
  { source: 'yookassa', wire: yookassaWire(''), field: '"type":"notification","event":"payment.succeeded",' },
  {
    source: 'protalk',
    wire: protalkWire('client', ''),
    field: '"tool":"leave_request","consent":true,"phone":"891200000?",',
  },
] as const

describe('a body that poisons', () => {
  it('is answered, kept as it came with a verdict, and never a fault of ours, at every door (W9)', async () => {
    await withService(sendersEnv, async (service) => {
      for (const { source, wire, field } of jsonDoors) {
        for (const [index, [what, make]] of Object.entries(poisons).entries()) {
          const body = make(field.replaceAll('?', String(index).padStart(2, '0')))
          const status = await sendBytes(service, wire, body)
          assert.ok([200, 400, 403].includes(status), `${source} answers ${status} to ${what}`)
          // Without an account nobody knows who speaks, and a stranger's body is not kept.
          if (status === 403) continue
          const row = await keptUnder(service, source, body)
          // Questions of bots leave nothing behind; these are requests.
          assert.ok(row, `${source} keeps ${what}`)
          assert.match(row.verdict, /^(accepted|ignored|quarantined|conflict)$/)
          assert.notEqual(row.reason, 'decision-failed', `${source}: ${what}`)
          if (status === 400) assert.equal(row.verdict, 'quarantined', `${source}: ${what}`)
          const { bodyBase64 } = (await service.get(`/api/v1/webhooks/${row.webhookId}`)).body
          assert.deepEqual(
            Buffer.from(bodyBase64, 'base64'),
            Buffer.from(body),
            `${source}: ${what} is kept to the byte`,
          )
        }
      }
      const signed = cloudpaymentsWire('pay', 'TransactionId=12345678901234567890123&Amount=1.00')
      assert.equal((await send(service, signed)).status, 400)
      assert.doesNotMatch(service.log(), /unhandled|could not be kept/i)
    })
  })

  it('of digits keeps every digit of an id (W9)', async () => {
    await withService(sendersEnv, async (service) => {
      const id = '12345678901234567890123'
      const lead = `{"type":"message.incoming","accountId":147517,"leadId":${id},"message":{"messageId":${id},"message":{"text":"дом"}}}`
      assert.equal((await send(service, umnicoWire(lead))).status, 200)
      await until(async () => {
        const { items } = (await service.get(`/api/v1/dialogs?externalId=${id}`)).body
        return items.length === 1
      }, 'the dialog under its own number')
    })
  })
})

const types = [
  'application/x-www-form-urlencoded',
  'application/json',
  'application/json; charset=utf-16',
  'multipart/form-data; boundary=x',
  'text/xml',
  'text/plain',
  '',
] as const

const bodiesOfTypes = {
  form: 'Name=Oleg&Phone=89120000001&event=lead&data[id]=5&tool=leave_request&consent=1&phone=89120000001',
  json: '{"Name":"Oleg","Phone":"89120000001","event":"lead","accountId":147517,"files":{"f":{"filepath":"/etc/passwd"}}}',
  multipart: '--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nroot\r\n--x--\r\n',
} as const

describe('the content type', () => {
  it('does not choose the parser: every type with every body at every door is read as the door reads (W10)', async () => {
    await withService(sendersEnv, async (service) => {
      const doors = (body: string): readonly (readonly [string, Wire, readonly number[]])[] => [
        ['tilda', tildaWire(body), [200, 400, 415]],
        ['umnico', umnicoWire(body), [200, 400]],
        ['flexbe', flexbeWire(body), [200, 400, 415]],
        ['yookassa', yookassaWire(body), [400]],
        ['protalk', protalkWire('client', body), [200, 400]],
        ['cloudpayments', cloudpaymentsWire('pay', body), [400, 415]],
      ]
      for (const type of types) {
        for (const [name, body] of Object.entries(bodiesOfTypes)) {
          for (const [source, wire, allowed] of doors(body)) {
            const { 'content-type': _type, ...others } = wire.headers as Record<string, string>
            const headers = type === '' ? others : { ...others, 'content-type': type }
            const status = await sendBytes(service, { ...wire, headers }, bytes(body))
            assert.ok(allowed.includes(status), `${source} answers ${status} to a ${name} as "${type}"`)
            if (source === 'tilda' && /xml|multipart|plain/.test(type)) assert.equal(status, 415)
            if (source === 'umnico')
              assert.equal(status, name === 'json' ? 200 : 400, `umnico reads JSON, whatever "${type}" says`)
          }
        }
      }
      // A path in JSON that looks like an upload is text, and nothing of it is opened.
      assert.doesNotMatch(JSON.stringify((await service.get('/api/v1/leads?limit=500')).body), /root:/)
      assert.equal((await service.get('/healthz')).status, 200)
    })
  })
})

describe('a probe', () => {
  it('keeps nothing: Tilda’s ping is answered 200, other methods are told what is allowed (W7)', async () => {
    await withService(sendersEnv, async (service) => {
      const ping = (headers: Readonly<Record<string, string>>) => ({ ...tildaWire('test=test'), headers })
      const formType = { 'content-type': 'application/x-www-form-urlencoded' }
      for (const headers of [formType, { ...formType, 'x-api-key': known.key }]) {
        const { status, text } = await send(service, ping(headers))
        assert.deepEqual([status, text], [200, 'ok'])
      }
      assert.equal((await send(service, ping({ ...formType, 'x-api-key': 'wrong' }))).status, 401)
      assert.equal((await send(service, { ...ping(formType), body: 'test=test&Name=x&tranid=1:2' })).status, 401)
      for (const path of ['tilda/form', 'umnico/s3cr3t', 'flexbe/s3cr3t', 'yookassa', 'cloudpayments/check']) {
        for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
          const response = await fetch(`${service.url}/webhooks/${path}`, { method })
          await response.arrayBuffer()
          assert.deepEqual([response.status, response.headers.get('allow')], [405, 'POST'], `${method} ${path}`)
        }
      }
      for (const field of [{ test: 'test' }, {}])
        assert.ok([400, 403].includes((await hook(service, 'umnico/s3cr3t', field)).status))
      assert.deepEqual((await service.get('/api/v1/webhooks')).body.items, [])
      assert.deepEqual((await service.get('/api/v1/events')).body.items, [])
      const { status } = await send(service, tildaWire('test=test&Name=x&Phone=89120000001&tranid=1:2'))
      assert.equal(status, 200)
      assert.equal((await service.get('/api/v1/webhooks')).body.items.length, 1, 'a form may have a field "test"')
    })
  })
})
