import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Delivery } from '../../../src/connectors/connector.ts'
import { type YooKassaSettings, yookassaHook, yookassaRanges } from '../../../src/connectors/yookassa/wire.ts'
import { instant } from '../../../src/kernel/time.ts'

const settings: YooKassaSettings = {
  shopId: '100001',
  secretKeys: ['test_secret'],
  baseUrl: 'http://127.0.0.1:1',
  allowedIps: yookassaRanges,
  acceptLoopback: false,
  live: false,
}

const delivery = (body: string | Uint8Array, peer = '185.71.76.5'): Delivery => ({
  method: 'POST',
  path: '/webhooks/yookassa',
  query: '',
  headers: new Map([
    ['content-type', ['application/json']],
    ['x-forwarded-for', ['185.71.76.5']],
  ]),
  params: {},
  body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
  peer,
  receivedAt: instant(0),
})

const paymentId = '2e5f1a7c-000f-5000-9000-1b2c3d4e5f60'
const refundId = '2e5f1b8d-0015-5000-9000-1b2c3d4e5f61'

const notification = (event: string, object: unknown, type = 'notification') => JSON.stringify({ type, event, object })

const payment = {
  id: paymentId,
  status: 'succeeded',
  amount: { value: '1990.00', currency: 'RUB' },
  metadata: { payment_id: 'pay_1', subscription_id: 'sub_1', note: 'Анна' },
}

const read = (body: string | Uint8Array) => yookassaHook.read(delivery(body), settings)

describe('yookassaHook.verify()', () => {
  const inside = [
    '185.71.76.0',
    '185.71.77.31',
    '77.75.153.127',
    '77.75.154.128',
    '77.75.156.11',
    '77.75.156.35',
    '2a02:5180:0:1509::1',
    '::ffff:185.71.76.5',
    '2a02:5180:ffff::1',
  ]
  for (const peer of inside) {
    it(`takes ${peer}`, () => {
      const verdict = yookassaHook.verify(delivery('', peer), settings)
      assert.deepEqual(verdict, { tag: 'authentic', secretName: 'address' })
    })
  }
  const outside = [
    '185.71.76.32',
    '77.75.154.127',
    '77.75.156.12',
    '2a02:5181::1',
    '::ffff:8.8.8.8',
    '127.0.0.1',
    '::1',
    '',
    'evil',
    '185.71.76.5, 8.8.8.8',
  ]
  for (const peer of outside) {
    it(`I15 S5 refuses "${peer}" with 403, whatever X-Forwarded-For says`, () => {
      const verdict = yookassaHook.verify(delivery('', peer), settings)
      assert.deepEqual(verdict, { tag: 'refused', status: 403, code: 'address-not-allowed' })
    })
  }
  it('takes loopback only where a twin sends from it', () => {
    const twinSettings = { ...settings, acceptLoopback: true }
    for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      assert.equal(yookassaHook.verify(delivery('', peer), twinSettings).tag, 'authentic')
    }
    assert.equal(yookassaHook.verify(delivery('', '8.8.8.8'), twinSettings).tag, 'refused')
  })
  it('takes nobody when no range is given, and nobody by a range that is none', () => {
    for (const allowedIps of [[], ['not a range']]) {
      assert.equal(yookassaHook.verify(delivery(''), { ...settings, allowedIps }).tag, 'refused')
    }
  })
})

describe('yookassaHook.read()', () => {
  for (const event of ['payment.succeeded', 'payment.canceled', 'payment.waiting_for_capture']) {
    it(`tells which payment to read again after ${event}`, () => {
      const reading = read(notification(event, payment))
      assert.equal(reading.tag, 'facts')
      if (reading.tag !== 'facts') return
      assert.equal(reading.dedupeKey, `yookassa:${event}:${paymentId}`)
      assert.deepEqual(reading.facts, {
        event,
        objectId: paymentId,
        paymentId,
        status: 'succeeded',
        metadata: { payment_id: 'pay_1', subscription_id: 'sub_1' },
      })
    })
  }
  it('tells the payment of a refund', () => {
    const reading = read(notification('refund.succeeded', { id: refundId, payment_id: paymentId, status: 'succeeded' }))
    assert.deepEqual(reading.tag === 'facts' && [reading.facts.objectId, reading.facts.paymentId], [
      refundId,
      paymentId,
    ])
  })
  it('I25 keeps a refund that names no payment as poor', () => {
    assert.equal(read(notification('refund.succeeded', { id: refundId })).tag, 'poor')
  })
  it('I24 gives a repeat the same key and text, in any order of keys', () => {
    const first = read(`{"type":"notification","event":"payment.succeeded","object":{"id":"${paymentId}","paid":true}}`)
    const second = read(
      `{"object":{"paid":true,"id":"${paymentId}"}, "event":"payment.succeeded","type":"notification"}`,
    )
    assert.deepEqual(first, second)
  })
  it('gives another object under one key another text', () => {
    const [first, second] = [true, false].map((paid) =>
      read(notification('payment.succeeded', { id: paymentId, paid })),
    )
    assert.ok(first?.tag === 'facts' && second?.tag === 'facts')
    assert.equal(first.dedupeKey, second.dedupeKey)
    assert.notEqual(first.canonical, second.canonical)
  })
  it('I18 ignores an event that it does not know', () => {
    assert.equal(read(notification('payment.dreamt', { id: paymentId })).tag, 'ignored')
    assert.equal(
      read(notification('payout.succeeded', { id: 'po-285c0ab7-0003-5000-9000-0e1166498fda' })).tag,
      'ignored',
    )
  })
  it('I16 excepts the ids of saved methods', () => {
    assert.equal(read(notification('payment_method.active', { id: 'pm-short' })).tag, 'ignored')
  })

  const refusals: readonly (readonly [string, string | Uint8Array])[] = [
    ['text that is not JSON', 'payment=1'],
    ['an empty body', ''],
    ['bytes that are not UTF-8', new Uint8Array([0xff, 0xfe])],
    ['a list', '[]'],
    ['another type', notification('payment.succeeded', payment, 'event')],
    ['no event', '{"type":"notification","object":{}}'],
    ['no object', '{"type":"notification","event":"payment.succeeded"}'],
    ['no object id', notification('payment.succeeded', {})],
    ['an id of 35 characters', notification('payment.succeeded', { id: paymentId.slice(1) })],
    ['an id with a slash', notification('payment.succeeded', { id: `/${paymentId.slice(1)}` })],
    [
      'a repeated key (W9)',
      `{"type":"notification","event":"payment.succeeded","object":{"id":"${paymentId}","id":"x"}}`,
    ],
    ['deep JSON (W9)', `{"type":"notification","object":${'['.repeat(100_000)}`],
  ]
  for (const [title, body] of refusals) {
    it(`I16 answers ${title} with 400`, () => {
      const reading = read(body)
      assert.equal(reading.tag === 'malformed' && reading.answer.status, 400)
    })
  }
  it('I17 answers a body above the cap with 413', () => {
    const reading = read(notification('payment.succeeded', { ...payment, description: 'x'.repeat(262_144) }))
    assert.equal(reading.tag === 'malformed' && reading.answer.status, 413)
  })
  it('never throws, whatever the JSON', () => {
    fc.assert(
      fc.property(fc.json(), fc.string(), (object, event) => {
        const body = `{"type":"notification","event":${JSON.stringify(event)},"object":${object}}`
        assert.ok(['malformed', 'ignored', 'facts', 'poor'].includes(read(body).tag))
      }),
      { seed: 20261124, numRuns: 300 },
    )
  })
  it('is accepted with 200', () => assert.equal(yookassaHook.accepted(delivery('')).status, 200))
})
