import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { createDatabase } from '../support/database.ts'
import { cloudpaymentsWire, send, senders, sendersEnv, tildaWire, type Wire, yookassaWire } from '../support/senders.ts'
import { type RunningService, ServiceEnded, startService, withService } from '../support/service.ts'
import { known } from '../support/webhookReading.ts'

const refusals = async (service: RunningService): Promise<string> => {
  const headers = { authorization: `Bearer ${service.operator}` }
  const text = await (await fetch(`${service.url}/metrics`, { headers })).text()
  return text
    .split('\n')
    .filter((line) => line.startsWith('hub_webhooks_refused_total'))
    .join('\n')
}

const mac = (body: string, secret: string): string => createHmac('sha256', secret).update(body).digest('base64')

/** What a forger may write in the place of a proof, knowing everything but the secret. */
const forged = (right: string): readonly string[] => [
  '',
  right.slice(0, 1),
  right.slice(0, -1),
  `${right}0`,
  `${right}${right}`,
  right.toUpperCase() === right ? right.toLowerCase() : right.toUpperCase(),
  Buffer.from(right).toString('base64'),
  Buffer.from(right).toString('hex'),
  `${right},${right}x`,
  `"${right}"`,
  `Bearer ${right}`,
  'null',
  'undefined',
  '*',
  'x'.repeat(10_000),
]

/** Every proof of every sender, replaced. */
const forgeries = (): readonly Wire[] => {
  const [tilda, umnico, flexbe, , terminal, bot] = senders.map((sender) => sender.valid(1))
  if (!tilda || !umnico || !flexbe || !terminal || !bot) throw new Error('A sender is missing')
  const path = (wire: Wire, right: string): readonly Wire[] =>
    forged(right)
      .filter((secret) => secret.length < 1000)
      .map((secret) => ({ ...wire, path: wire.path.replace(right, encodeURIComponent(secret)) }))
  const header = (wire: Wire, name: string, values: readonly string[]): readonly Wire[] =>
    values.map((value) => ({ ...wire, headers: { ...wire.headers, [name]: value } }))
  const right = terminal.headers['content-hmac'] ?? ''
  return [
    ...header(tilda, 'x-api-key', [...forged(known.key), known.path, known.tool, known.mac]),
    ...path(umnico, known.path),
    ...path(flexbe, known.path),
    ...header(bot, 'x-webhook-secret', [...forged(known.tool), known.key]),
    ...header(terminal, 'content-hmac', [
      ...forged(right),
      mac(terminal.body, known.key),
      mac(`${terminal.body}\n`, known.mac),
      createHmac('sha256', known.mac).update(terminal.body).digest('base64url'),
      createHmac('sha256', known.mac).update(terminal.body).digest('hex'),
      createHmac('sha1', known.mac).update(terminal.body).digest('base64'),
      right.replace(/=+$/, ''),
    ]),
    // A right signature of something else: other bytes, another door, words in the query.
    { ...terminal, body: terminal.body.replace('2500.00', '1.00') },
    { ...terminal, headers: { ...terminal.headers, 'content-hmac': mac('', known.mac) } },
    { ...tilda, path: `tilda/form?x-api-key=${known.key}`, headers: { ...tilda.headers, 'x-api-key': 'no' } },
    { ...bot, path: `protalk/client?secret=${known.tool}`, headers: { ...bot.headers, 'x-webhook-secret': 'no' } },
  ]
}

describe('a proof', () => {
  it('that is forged, cut, doubled, re-encoded or another sender’s is refused, counted, and its body is not kept (S1)', async () => {
    await withService(sendersEnv, async (service) => {
      for (const wire of forgeries()) {
        const { status, text } = await send(service, wire)
        const what = `${wire.path} with ${JSON.stringify(wire.headers).slice(0, 300)}`
        assert.ok([401, 403, 404].includes(status), `${status} is the answer to ${what}`)
        assert.equal(text, '', `the refusal says nothing: ${what}`)
      }
      assert.deepEqual((await service.get('/api/v1/webhooks')).body.items, [])
      assert.deepEqual((await service.get('/api/v1/events')).body.items, [])
      const counted = await refusals(service)
      for (const source of ['tilda', 'umnico', 'flexbe', 'protalk', 'cloudpayments'])
        assert.match(counted, new RegExp(`source="${source}"`), `refusals of ${source} are counted: ${counted}`)
      for (const sender of senders) assert.equal((await send(service, sender.valid(1))).status, 200, sender.source)
      assert.doesNotMatch(service.log(), new RegExp([known.key, known.tool, known.mac].join('|')))
    })
  })

  it('may be either of two secrets while one is being changed, and no other (S1)', async () => {
    const env = {
      ...sendersEnv,
      TILDA_WEBHOOK_SECRET: `k-new,${known.key}`,
      CLOUDPAYMENTS_API_SECRET: `m-new,${known.mac}`,
    }
    await withService(env, async (service) => {
      const body = (n: number) => `Name=x&Phone=89120000001&tranid=1:${n}`
      const keys = ['k-new', known.key, 'k-new,k-test-1', 'k-old']
      const statuses = []
      for (const [n, key] of keys.entries())
        statuses.push((await send(service, tildaWire(body(n), { 'x-api-key': key }))).status)
      assert.deepEqual(statuses, [200, 200, 401, 401])
      const fail = 'TransactionId=5&Amount=1.00&ReasonCode=5051'
      for (const [secret, status] of [
        ['m-new', 200],
        ['m-old', 401],
      ] as const) {
        const answer = await send(service, cloudpaymentsWire('fail', fail, { 'content-hmac': mac(fail, secret) }))
        assert.equal(answer.status, status)
      }
      const { items } = (await service.get('/api/v1/webhooks?source=tilda')).body
      assert.equal(items.length, 2)
    })
  })
})

describe('an address', () => {
  const notice = yookassaWire({
    type: 'notification',
    event: 'payment.succeeded',
    object: { id: '2e5f1a7c-000f-5000-9000-1b2c3d4e5f60', status: 'succeeded' },
  })
  const from = (forwarded: string | null): Wire => {
    const { 'x-forwarded-for': _own, ...headers } = notice.headers as Record<string, string>
    return { ...notice, headers: forwarded === null ? headers : { ...headers, 'x-forwarded-for': forwarded } }
  }

  it('is believed from our own proxy only, and of what it says the last word only (S5)', async () => {
    const shop = '185.71.76.5'
    const { TRUSTED_PROXIES: _proxy, ...direct } = sendersEnv
    await withService(direct, async (service) => {
      for (const forwarded of [null, shop, `${shop}, 127.0.0.1`, '127.0.0.1'])
        assert.equal((await send(service, from(forwarded))).status, 403, `directly, as ${forwarded}`)
      const others = { 'x-real-ip': shop, forwarded: `for=${shop}`, 'cf-connecting-ip': shop, 'true-client-ip': shop }
      const spoofed = { ...from(null), headers: { ...from(null).headers, ...others } }
      assert.equal((await send(service, spoofed)).status, 403)
      assert.deepEqual((await service.get('/api/v1/webhooks')).body.items, [])
    })
    await withService(sendersEnv, async (service) => {
      for (const forwarded of [null, '203.0.113.9', `${shop}, 203.0.113.9`, `${shop},`, `x, ${shop}, not-an-address`])
        assert.equal((await send(service, from(forwarded))).status, 403, `through the proxy, as ${forwarded}`)
      assert.deepEqual((await service.get('/api/v1/webhooks')).body.items, [])
      for (const forwarded of [shop, `203.0.113.9, ${shop}`, '::ffff:185.71.76.5'])
        assert.equal((await send(service, from(forwarded))).status, 200, `through the proxy, as ${forwarded}`)
    })
  })
})

describe('a service without secrets', () => {
  const production = { HUB_MODE: 'production', PUBLIC_URL: 'https://hub.example', HUB_TEST_CLOCK: '' }

  const startAnd = async (
    env: Readonly<Record<string, string>>,
    work: (service: RunningService) => Promise<void>,
  ): Promise<string> => {
    const database = await createDatabase({ migrated: false })
    try {
      const service = await startService({ databaseUrl: database.url, env })
      try {
        await work(service)
        return ''
      } finally {
        await service.stop()
      }
    } catch (error) {
      if (error instanceof ServiceEnded) return error.message
      throw error
    } finally {
      await database.drop()
    }
  }
  const never = async (): Promise<void> => assert.fail('the service should not have started')

  it('does not start in production, and says which are missing without a value (S4)', async () => {
    const said = await startAnd({ ...production, HUB_MASTER_KEY: '', HUB_OPERATOR_TOKEN: '' }, never)
    assert.match(said, /HUB_MASTER_KEY/)
    assert.match(said, /HUB_OPERATOR_TOKEN/)
    const half = await startAnd(
      { ...production, TILDA_PUBLIC_KEY: 'public-half', UMNICO_API_KEY: 'umnico-half' },
      never,
    )
    assert.match(half, /TILDA_SECRET_KEY/)
    assert.match(half, /UMNICO_WIDGET_TOKEN/)
    assert.doesNotMatch(half, /public-half|umnico-half/)
    assert.match(
      await startAnd({ YUKASSA_SHOP_ID: '1', YUKASSA_SECRET_KEY: 'live_secret' }, never),
      /YUKASSA_SECRET_KEY/,
    )
  })

  it('has no door in production for a sender whom nobody configured (S4)', async () => {
    const ended = await startAnd(production, async (service) => {
      for (const sender of senders) assert.equal((await send(service, sender.valid(1))).status, 404, sender.source)
      const page = await fetch(`${service.url}/webhooks/tilda/page/${known.path}?pageid=1&publickey=&projectid=`)
      assert.equal(page.status, 404)
      assert.deepEqual((await service.get('/api/v1/webhooks')).body.items, [])
    })
    assert.equal(ended, '')
  })

  it('derives a secret for a door whose owner chose none, and takes no empty one (S4)', async () => {
    const env = { ...sendersEnv, UMNICO_WEBHOOK_SECRET: '', TILDA_WEBHOOK_SECRET: '', FLEXBE_WEBHOOK_SECRET: '' }
    await withService(env, async (service) => {
      const [tilda, umnico, , , , bot] = senders.map((sender) => sender.valid(1))
      if (!tilda || !umnico || !bot) throw new Error('A sender is missing')
      const emptied = [
        { ...tilda, headers: { ...tilda.headers, 'x-api-key': '' } },
        { ...umnico, path: 'umnico/' },
        { ...umnico, path: 'umnico/%20' },
        { ...bot, headers: { ...bot.headers, 'x-webhook-secret': '' } },
        { ...bot, path: 'protalk/client?secret=', headers: { 'content-type': 'application/json' } },
      ]
      for (const wire of emptied) assert.ok([401, 404].includes((await send(service, wire)).status), wire.path)
      const { providers } = (await service.get('/api/v1/doctor')).body
      const hooks: string[] = providers.find(({ name }: { name: string }) => name === 'umnico').hooks
      const derived = hooks[0]?.split('/').at(-1) ?? ''
      assert.match(derived, /^[\w-]{32}$/)
      assert.equal((await send(service, { ...umnico, path: `umnico/${derived}` })).status, 200)
    })
  })
})
