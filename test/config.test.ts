import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parseConfig } from '../src/config.ts'
import { variables } from '../src/configVariables.ts'

const faultsOf = (env: Readonly<Record<string, string>>): readonly string[] => {
  const parsed = parseConfig(env)
  return parsed.tag === 'faults' ? parsed.faults : []
}
const configOf = (env: Readonly<Record<string, string>>) => {
  const parsed = parseConfig(env)
  assert.equal(parsed.tag, 'config', JSON.stringify(parsed))
  if (parsed.tag !== 'config') throw new Error('unreachable')
  return parsed.config
}

const production = {
  HUB_MODE: 'production',
  DATABASE_URL: 'postgres://hub@db/hub',
  PUBLIC_URL: 'https://hub.example.ru',
  HUB_OPERATOR_TOKEN: 'operator-token-0001',
  HUB_ANALYST_TOKEN: 'analyst-token-00001',
  HUB_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
}

/** The variables that the owner has, as his own file lists them: those before "optional". */
const owners = {
  FNS_API_KEY: 'k',
  PROTALK_CLIENT_BOT_TOKEN: 'a',
  PROTALK_PARTNER_BOT_TOKEN: 'b',
  PROTALK_WEBHOOK_SECRET: 'c',
  UMNICO_API_KEY: 'd',
  UMNICO_WIDGET_TOKEN: 'e',
  TILDA_PUBLIC_KEY: 'f',
  TILDA_SECRET_KEY: 'g',
  FLEXBE_API_KEY: 'h',
  YUKASSA_SHOP_ID: '1',
  YUKASSA_SECRET_KEY: 'live_x',
  CLOUDPAYMENTS_PUBLIC_ID: 'pk_x',
  CLOUDPAYMENTS_API_SECRET: 'i',
  SMTP_HOST: 'smtp.example.ru',
  SMTP_PORT: '587',
  SMTP_USER: 'noreply@example.ru',
  SMTP_PASSWORD: 'j',
  EMAIL_FROM: 'noreply@example.ru',
}

describe('the configuration', () => {
  it('is complete without any variable in the sandbox', () => {
    const config = configOf({})
    assert.deepEqual(
      [config.service.port, config.service.host, config.service.mode, config.service.testClock],
      [3000, '127.0.0.1', 'sandbox', true],
    )
    assert.deepEqual([config.yookassa, config.email, config.tilda], [null, null, null])
  })

  it('starts in production with the list of the owner as he wrote it', () => {
    const config = configOf({ ...production, ...owners })
    assert.equal(config.yookassa?.baseUrl, 'https://api.yookassa.ru/v3')
    assert.equal(config.tilda?.webhookKeyPlace.name, 'X-Api-Key')
    assert.equal(config.email?.dailyMax, 450)
  })

  it('tells every fault at once, by name and never by value (S4)', () => {
    const faults = faultsOf({
      HUB_MODE: 'production',
      YUKASSA_SHOP_ID: 'secret-shop',
      PORT: 'eighty',
      TILDA_PUBLIC_KEY: 'secret-key',
      RECEIPTS: 'maybe',
    })
    const text = faults.join('\n')
    for (const name of [
      'YUKASSA_SECRET_KEY',
      'PORT',
      'TILDA_SECRET_KEY',
      'RECEIPTS',
      'HUB_MASTER_KEY',
      'HUB_OPERATOR_TOKEN',
      'DATABASE_URL',
      'PUBLIC_URL',
    ])
      assert.ok(text.includes(name), name)
    for (const value of ['secret-shop', 'secret-key', 'eighty', 'maybe'])
      assert.equal(text.includes(value), false, value)
  })

  it('lets a base address alone configure nothing, and win beside credentials', () => {
    assert.equal(configOf({ YUKASSA_BASE_URL: 'http://127.0.0.1:9' }).yookassa, null)
    assert.equal(
      configOf({ YUKASSA_BASE_URL: 'http://127.0.0.1:9/', YUKASSA_SHOP_ID: '1', YUKASSA_SECRET_KEY: 'test_x' }).yookassa
        ?.baseUrl,
      'http://127.0.0.1:9',
    )
  })

  it('refuses a live key or a public address in the sandbox, unless it is told so', () => {
    const live = { YUKASSA_SHOP_ID: '1', YUKASSA_SECRET_KEY: 'live_x' }
    assert.equal(faultsOf(live).length, 1)
    assert.equal(faultsOf({ PUBLIC_URL: 'https://hub.example.ru' }).length, 1)
    assert.deepEqual(faultsOf({ ...live, PUBLIC_URL: 'https://hub.example.ru', HUB_SANDBOX_PUBLIC: '1' }), [])
    assert.deepEqual(faultsOf({ PUBLIC_URL: 'http://192.168.1.5:3000' }), [])
  })

  it('refuses a movable clock in production, a short master key and one token for two roles', () => {
    assert.ok(faultsOf({ ...production, HUB_TEST_CLOCK: '1' })[0]?.includes('HUB_TEST_CLOCK'))
    assert.ok(faultsOf({ HUB_MASTER_KEY: 'c2hvcnQ=' })[0]?.includes('HUB_MASTER_KEY'))
    assert.ok(faultsOf({ HUB_OPERATOR_TOKEN: 'a', HUB_ANALYST_TOKEN: 'a' })[0]?.includes('HUB_ANALYST_TOKEN'))
  })

  it('takes two secrets during a rotation', () => {
    assert.deepEqual(
      configOf({ CLOUDPAYMENTS_PUBLIC_ID: 'x', CLOUDPAYMENTS_API_SECRET: 'new, old' }).cloudpayments?.apiSecrets,
      ['new', 'old'],
    )
  })
})

describe('.env.example', () => {
  it('lists exactly the variables that the service reads, with their defaults', () => {
    const lines = readFileSync(new URL('../.env.example', import.meta.url), 'utf8').split('\n')
    const listed = lines.flatMap((line) => {
      const match = /^#?([A-Z][A-Z_]+)=(.*)$/.exec(line)
      return match ? [[match[1], match[2]]] : []
    })
    const known = Object.entries(variables).map(([name, variable]) => [name, variable.default ?? ''])
    assert.deepEqual(listed.toSorted(), known.toSorted())
  })
})
