import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Delivery } from '../../src/connectors/connector.ts'
import { flexbeHook } from '../../src/connectors/flexbe/wire.ts'
import { protalkHook } from '../../src/connectors/protalk/wire.ts'
import { umnicoHook } from '../../src/connectors/umnico/wire.ts'
import { delivery } from './deliveries.ts'

const secrets = { webhookSecrets: ['s3cr3t'] }
const umnico = { ...secrets, apiKey: '', widgetToken: '', accountId: '1', baseUrl: '' }
const flexbe = { ...secrets, apiKey: '', siteId: null, baseUrl: null, siteUrl: '' }
const protalk = {
  ...secrets,
  clientBotToken: '',
  partnerBotToken: '',
  clientBotId: null,
  partnerBotId: null,
  baseUrl: '',
}

const params = { secret: 's3cr3t', bot: 'client' }
const hooks = [
  {
    name: 'umnicoHook',
    run: (sent: Delivery) => [umnicoHook.verify(sent, umnico), umnicoHook.read(sent, umnico)] as const,
  },
  {
    name: 'flexbeHook',
    run: (sent: Delivery) => [flexbeHook.verify(sent, flexbe), flexbeHook.read(sent, flexbe)] as const,
  },
  {
    name: 'protalkHook',
    run: (sent: Delivery) => [protalkHook.verify(sent, protalk), protalkHook.read(sent, protalk)] as const,
  },
]

/** Bodies that look like the real ones, with anything in any place. */
const names = fc.constantFrom(
  'type',
  'message',
  'lead',
  'leadId',
  'id',
  'customer',
  'data',
  'event',
  'tool',
  'args',
  'phone',
  'datetime',
  'source',
  '__proto__',
)
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom('message.incoming', 'lead.changed', 'leave_request', 'lead', 'client'),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(names, tie('tree'), { maxKeys: 6 }),
  ),
}))
const bodies = fc.oneof(
  fc.dictionary(names, tree, { maxKeys: 8 }).map((value) => new TextEncoder().encode(JSON.stringify(value))),
  fc.uint8Array({ maxLength: 300 }),
)

for (const { name, run } of hooks) {
  describe(name, () => {
    it('never throws, and keeps only what can be stored, whatever arrives (R7-R11)', () => {
      fc.assert(
        fc.property(
          bodies,
          fc.string(),
          fc.constantFrom('application/json', 'application/x-www-form-urlencoded', ''),
          (body, query, type) => {
            const [, reading] = run(delivery({ params, query, body, headers: { 'content-type': type } }))
            const kept = JSON.stringify(reading)
            assert.ok(kept.isWellFormed() && !kept.includes('\\u0000'))
            if ('dedupeKey' in reading) assert.ok(reading.dedupeKey.length > 0 && reading.canonical.length > 0)
          },
        ),
        { seed: 7, numRuns: 300 },
      )
    })
    it('says the same of the same delivery every time', () => {
      fc.assert(
        fc.property(bodies, (body) => {
          const sent = delivery({ params, body, headers: { 'content-type': 'application/json' } })
          assert.deepEqual(run(sent), run(sent))
        }),
        { seed: 7, numRuns: 100 },
      )
    })
    it('pollutes no prototype (R10)', () => {
      const body =
        '{"__proto__":{"admin":1},"type":"message.incoming","message":{"__proto__":{"admin":1}},"tool":"find_partners","args":"{\\"__proto__\\":{\\"admin\\":1}}"}'
      run(delivery({ params, body, query: '__proto__[admin]=1', headers: { 'content-type': 'application/json' } }))
      assert.equal(Reflect.get({}, 'admin'), undefined)
    })
  })
}
