import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { Delivery } from '../../../src/connectors/connector.ts'
import { type TildaSettings, tildaForm, tildaPage } from '../../../src/connectors/tilda/wire.ts'
import type { Instant } from '../../../src/kernel/time.ts'

const vectors: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('../../fixtures/tildaForms.json', import.meta.url), 'utf8'),
)

const settings: TildaSettings = {
  publicKey: 'PUBKEYEXAMPLE0000000',
  secretKey: 'secret',
  webhookKeys: ['k-test-1', 'k-test-0'],
  webhookKeyPlace: { in: 'header', name: 'X-Api-Key' },
  pathSecrets: ['s3cr3t'],
  projectId: '7654321',
  templatePageId: null,
  forms: { form1122334455: 'partner_registration' },
  baseUrl: 'https://api.example/v1',
}

const urlencoded = 'application/x-www-form-urlencoded'

const delivery = (
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  more: Partial<Delivery> = {},
): Delivery => ({
  method: 'POST',
  path: '/webhooks/tilda/form',
  query: '',
  headers: new Map(
    Object.entries({ 'content-type': urlencoded, 'x-api-key': 'k-test-1', ...headers })
      .filter(([, value]) => value !== '')
      .map(([name, value]) => [name, [value]]),
  ),
  params: {},
  body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
  peer: '203.0.113.5',
  receivedAt: '2026-11-24T09:00:00.000Z' as Instant,
  ...more,
})

const factsOf = (body: string, headers: Readonly<Record<string, string>> = {}) => {
  const reading = tildaForm.read(delivery(body, headers), settings)
  assert.equal(reading.tag, 'facts', JSON.stringify(reading))
  if (reading.tag !== 'facts') throw new Error('unreachable')
  return reading
}
const verified = (body: string, headers: Readonly<Record<string, string>> = {}, change: Partial<TildaSettings> = {}) =>
  tildaForm.verify(delivery(body, headers), { ...settings, ...change })

describe('the form hook of Tilda', () => {
  it('answers a ping without a key and keeps nothing; a form that merely has a field "test" is no ping (V1)', () => {
    assert.equal(verified('test=test', { 'x-api-key': '' }).tag, 'authentic')
    assert.equal(tildaForm.read(delivery('test=test'), settings).tag, 'ping')
    assert.notEqual(tildaForm.read(delivery('test=test&Name=%D0%90&tranid=1:2'), settings).tag, 'ping')
  })

  it('reads an untidy registration with utm encoded twice (V2), and the same as JSON', () => {
    const { facts, dedupeKey } = factsOf(vectors.V2 ?? '')
    assert.equal(dedupeKey, 'tilda:7654321:9988776655')
    assert.deepEqual(
      [
        facts.kind,
        facts.name,
        facts.phone,
        facts.email,
        facts.city,
        facts.services,
        facts.consent.personalData,
        facts.utm,
        facts.ymUid,
      ],
      [
        'partner_registration',
        'Иванова Мария Сергеевна',
        '+79123456789',
        'maria.ivanova@example.ru',
        'Ярославль',
        ['Ипотека', 'Оценка'],
        true,
        { source: 'vk', medium: 'cpc', campaign: 'осень' },
        '1763900000123456789',
      ],
    )
    assert.equal(JSON.stringify(facts).includes('1763900000000.123456'), false, 'tildauid is not kept')
    const json = JSON.stringify(Object.fromEntries(new URLSearchParams(vectors.V2)))
    assert.deepEqual(factsOf(json, { 'content-type': 'application/json' }).facts, facts)
  })

  it('tells a repeat with other content from an equal one (V3)', () => {
    const first = factsOf(vectors.V2 ?? '')
    const other = factsOf(vectors.V3 ?? '')
    assert.equal(other.dedupeKey, first.dedupeKey)
    assert.notEqual(other.canonical, first.canonical)
    assert.equal(factsOf(vectors.V2 ?? '').canonical, first.canonical)
    assert.deepEqual([other.facts.phone, other.facts.utm], ['+79123456789', {}])
  })

  it('reads a form without tranid, with Cyrillic keys, a bare phone, an upload and repeated keys (V4)', () => {
    const { facts, dedupeKey } = factsOf(vectors.V4 ?? '')
    assert.equal(dedupeKey, 'tilda:sha256:f8d33ca64f328aae70141fc88b95dc12e2bf66087b1e4eebbfa974266e9a7c3c')
    assert.deepEqual(
      [facts.name, facts.phone, facts.email, facts.areas, facts.consent.personalData],
      ['Пётр Ёлкин', '+79123456789', null, ['Брагино', 'Центр'], false],
    )
    assert.deepEqual(facts.files, [
      {
        url: 'https://tupwidget.com/0123456789abcdef0123456789abcdef/dogovor_tilda12345678.pdf',
        name: 'dogovor_tilda12345678.pdf',
        fetched: false,
      },
    ])
  })

  it('reads an order in both shapes as one (V5)', () => {
    const brackets = factsOf(vectors.V5a ?? '')
    const json = factsOf(vectors.V5b ?? '')
    assert.deepEqual(brackets.facts.order, {
      orderId: '1357924680',
      amount: '4900.00',
      subtotal: '5000.00',
      discount: '100.00',
      promo: 'ОСЕНЬ',
      paymentSystem: 'yakassa',
      items: [{ name: 'Размещение партнёра, 1 мес.', sku: 'PARTNER-1M', qty: 2, price: '2500.00', amount: '5000.00' }],
    })
    assert.deepEqual(json.facts, brackets.facts)
    assert.equal(json.canonical, brackets.canonical, '(b) after (a) is a duplicate')
    assert.deepEqual([brackets.facts.kind, brackets.facts.phone], ['order', '+74852001020'])
  })

  it('refuses a missing, wrong, misplaced or doubled key (R1, R2, R3, S1)', () => {
    const refusals = [
      verified('Name=a', { 'x-api-key': '' }),
      verified('Name=a', { 'x-api-key': 'k-test-2' }),
      verified('Name=a', { 'x-api-key': 'k-test' }),
      verified('Name=a', { 'x-api-key': 'K-TEST-1' }),
      verified('test=test', { 'x-api-key': 'wrong' }),
      verified('Name=a&X-Api-Key=k-test-1', { 'x-api-key': '' }),
      verified('Name=a', { 'x-api-key': 'k-test-1, wrong' }),
    ]
    for (const refusal of refusals)
      assert.deepEqual([refusal.tag, 'status' in refusal ? refusal.status : 0], ['refused', 401])
    assert.deepEqual(verified('Name=a', { 'x-api-key': 'k-test-0' }), { tag: 'authentic', secretName: 'secret-2' })
  })

  it('takes the key from a field or a cookie where it is configured so, and does not keep it', () => {
    const inField = { webhookKeyPlace: { in: 'field', name: 'api_key' } } as const
    assert.equal(verified('Phone=9123456789&api_key=k-test-1', { 'x-api-key': '' }, inField).tag, 'authentic')
    assert.equal(verified('Phone=9123456789&api_key=k-test-1&api_key=no', { 'x-api-key': '' }, inField).tag, 'refused')
    assert.equal(verified('Phone=9123456789', { 'x-api-key': 'k-test-1' }, inField).tag, 'refused')
    const reading = tildaForm.read(delivery('Phone=9123456789&api_key=k-test-1'), { ...settings, ...inField })
    assert.equal(JSON.stringify(reading).includes('k-test-1'), false)
    const inCookie = { webhookKeyPlace: { in: 'cookie', name: 'hub' } } as const
    assert.equal(verified('Name=a', { 'x-api-key': '', cookie: 'a=b; hub=k-test-1' }, inCookie).tag, 'authentic')
  })

  it('refuses other media types (R6) and keeps unreadable bodies in quarantine (R7, R8, R9, R10, R11)', () => {
    for (const type of ['text/xml', 'multipart/form-data; boundary=x', 'text/plain']) {
      const refusal = verified('Name=a', { 'content-type': type })
      assert.deepEqual([refusal.tag, 'status' in refusal ? refusal.status : 0], ['refused', 415], type)
    }
    const json = { 'content-type': 'application/json' }
    const deep = `{"a":${'['.repeat(9)}1${']'.repeat(9)}}`
    const bodies: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
      ['', {}],
      ['{"Name":"a"', json],
      ['[1]', json],
      ['"text"', json],
      [deep, json],
      [Array.from({ length: 201 }, (_, index) => `f${index}=1`).join('&'), {}],
      [`${'n'.repeat(201)}=1`, {}],
      ['%E0%A4%A=1', {}],
      ['__proto__[admin]=1', {}],
      ['constructor[prototype][x]=1', {}],
    ]
    for (const [body, headers] of bodies) {
      const reading = tildaForm.read(delivery(body, headers), settings)
      assert.deepEqual(
        [reading.tag, reading.tag === 'malformed' ? reading.answer.status : 0],
        ['malformed', 400],
        body.slice(0, 60),
      )
    }
    assert.equal('admin' in {}, false)
  })

  it('mends a broken escape in a value and says so (R9), and sets a form without a contact aside (R20)', () => {
    const mended = factsOf('Phone=9123456789&Name=%E0%A4%A')
    assert.ok(mended.flags?.some((flag) => flag.startsWith('broken-value')))
    const poor = tildaForm.read(delivery('Name=%D0%90&tranid=1:2'), settings)
    assert.equal(poor.tag, 'poor')
  })

  it('keeps two spellings of a Cyrillic domain as one address', () => {
    assert.equal(
      factsOf('Email=A%40%D0%B4%D0%BE%D0%BC%D0%B0-%D1%86%D0%B5%D0%BD%D1%8B.%D1%80%D1%84').facts.email,
      factsOf('Email=a%40xn----7sblg6ajc1e4b.xn--p1ai').facts.email,
    )
  })
})

describe('the page hook of Tilda', () => {
  const asked = (query: string, secret = 's3cr3t'): Delivery =>
    delivery('', { 'content-type': '', 'x-api-key': '' }, { method: 'GET', query, params: { secret } })
  const whole = 'pageid=60112233&projectid=7654321&published=1763900123&publickey=PUBKEYEXAMPLE0000000'

  it('takes a hint about a page (V6)', () => {
    assert.equal(tildaPage.verify(asked(whole), settings).tag, 'authentic')
    const reading = tildaPage.read(asked(whole), settings)
    assert.deepEqual(reading.tag === 'facts' ? reading.facts : null, {
      pageId: '60112233',
      projectId: '7654321',
      published: '2025-11-23T12:15:23.000Z',
    })
  })

  it('refuses a foreign project, another key, a wrong path and an impossible page (R12)', () => {
    const statusOf = (query: string, secret?: string): number => {
      const result = tildaPage.verify(asked(query, secret), settings)
      return result.tag === 'refused' ? result.status : 200
    }
    assert.equal(statusOf(whole.replace('7654321', '1')), 403)
    assert.equal(statusOf(whole.replace('PUBKEY', 'OTHER')), 403)
    assert.equal(statusOf(whole, 'wrong'), 404)
    for (const page of ['../1', '0', '']) {
      const reading = tildaPage.read(asked(whole.replace('60112233', encodeURIComponent(page))), settings)
      assert.deepEqual(reading.tag === 'malformed' ? reading.answer.status : 0, 400)
    }
  })
})
