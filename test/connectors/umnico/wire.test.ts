import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Reading } from '../../../src/connectors/connector.ts'
import {
  type UmnicoFacts,
  type UmnicoMessage,
  type UmnicoSettings,
  umnicoHook,
} from '../../../src/connectors/umnico/wire.ts'
import { v7 as incoming, v8a, v8b } from '../../support/umnicoBodies.ts'
import { delivery } from '../deliveries.ts'

const settings: UmnicoSettings = {
  apiKey: 'key-test-1',
  widgetToken: 'widget-test-1',
  webhookSecrets: ['s3cr3t', 'older'],
  accountId: '147517',
  baseUrl: 'https://umnico.example/v1.3',
}

const hook = (body: unknown, secret = 's3cr3t') =>
  delivery({ params: { secret }, body: typeof body === 'string' ? body : JSON.stringify(body) })
const read = (body: unknown): Reading<UmnicoFacts> => umnicoHook.read(hook(body), settings)
const factsOf = (reading: Reading<UmnicoFacts>): UmnicoFacts => {
  if (reading.tag === 'facts') return reading.facts
  throw new Error(`Expected facts, got "${reading.tag}"`)
}
const messageOf = (body: unknown): UmnicoMessage => {
  const facts = factsOf(read(body))
  if (facts.kind === 'message') return facts
  throw new Error(`Expected a message, got "${facts.kind}"`)
}
const keyOf = (reading: Reading<UmnicoFacts>): string => ('dedupeKey' in reading ? reading.dedupeKey : '')
const statusOf = (body: unknown, secret?: string): number => {
  const result = umnicoHook.verify(hook(body, secret), settings)
  return result.tag === 'refused' ? result.status : 200
}

describe('umnicoHook.verify', () => {
  it('takes both valid secrets and says which it was', () => {
    assert.deepEqual(umnicoHook.verify(hook(incoming), settings), { tag: 'authentic', secretName: 'secret-1' })
    assert.deepEqual(umnicoHook.verify(hook(incoming, 'older'), settings), { tag: 'authentic', secretName: 'secret-2' })
  })
  it('answers 404 to a wrong path secret (R13)', () => {
    for (const secret of ['wrong', '', 's3cr3t ', 's3cr3', '__proto__']) assert.equal(statusOf(incoming, secret), 404)
  })
  it('answers 403 to a foreign or missing account (R14)', () => {
    assert.equal(statusOf({ ...incoming, accountId: 1 }), 403)
    assert.equal(statusOf({ type: 'message.incoming', leadId: 1 }), 403)
    assert.equal(statusOf('{}'), 403)
  })
  it('takes the account as a text too', () => assert.equal(statusOf({ ...incoming, accountId: '147517' }), 200))
  it('takes any account while its own is not known, but not none', () => {
    const unknown = { ...settings, accountId: null }
    assert.equal(umnicoHook.verify(hook(incoming), unknown).tag, 'authentic')
    assert.equal(umnicoHook.verify(hook({ type: 'x' }), unknown).tag, 'refused')
  })
  it('never takes an empty secret, even when one is configured', () =>
    assert.equal(umnicoHook.verify(hook(incoming, ''), { ...settings, webhookSecrets: [''] }).tag, 'refused'))
})

describe('umnicoHook.read', () => {
  it('reads an incoming message with a photo (V7)', () => {
    const reading = read(incoming)
    assert.equal(keyOf(reading), 'umnico:message.incoming:147517:m-501')
    assert.deepEqual(factsOf(reading), {
      kind: 'message',
      direction: 'incoming',
      accountId: '147517',
      leadId: '67918694',
      messageId: 'm-501',
      customId: null,
      channel: 'whatsapp2',
      saId: '88',
      source: '255',
      sourceKind: 'message',
      customerId: '7001',
      sender: { id: '9001', login: '79264376263', socialId: '79264376263', name: null },
      phone: '+79264376263',
      text: 'Здравствуйте! Сколько стоит дом 120 м² в Ярославле? 🏡',
      attachments: [{ type: 'photo', url: 'https://cdn.example/plan.jpg', name: null, fetched: false }],
      isNewLead: true,
      isNewCustomer: true,
      at: '2025-11-23T12:18:20.123Z',
    })
  })
  it('reads an outgoing echo with our label (V8a)', () => {
    const reading = read(v8a)
    const facts = factsOf(reading)
    assert.equal(keyOf(reading), 'umnico:message.outgoing:147517:m-502')
    assert.ok(facts.kind === 'message')
    assert.deepEqual(
      [facts.direction, facts.customId, facts.phone, facts.text],
      ['outgoing', 'ob-7f3a', null, 'Карточка партнёра'],
    )
  })
  it('reads a changed status, under one key for identical bodies only (V8b)', () => {
    const body = JSON.stringify(v8b)
    const facts = factsOf(read(body))
    assert.ok(facts.kind === 'lead')
    assert.deepEqual([facts.change, facts.leadId, facts.statusId, facts.userId], ['status', '67918694', '42', '15'])
    assert.match(keyOf(read(body)), /^umnico:lead\.changed\.status:147517:67918694:[0-9a-f]{64}$/)
    assert.equal(keyOf(read(body)), keyOf(read(body)))
    assert.notEqual(keyOf(read(body)), keyOf(read(body.replace('42', '43'))))
  })
  it('quarantines a message without a lead and does not refuse it (R15)', () => {
    const { leadId: _, ...rest } = incoming
    const reading = read(rest)
    assert.deepEqual([reading.tag, 'reason' in reading && reading.reason], ['poor', 'no-lead-id'])
    assert.equal(umnicoHook.accepted(hook(rest)).status, 200)
  })
  it('ignores an unknown type and does not refuse it (R16)', () => {
    const reading = read({ type: 'deal.sneezed', accountId: 147517, x: [1] })
    assert.deepEqual([reading.tag, 'reason' in reading && reading.reason], ['ignored', 'unknown-type'])
  })
  it('answers 400 to what is no JSON object (R7, R11)', () => {
    for (const body of ['', '[1]', '"a"', '{"type":"message.inc']) {
      const reading = read(body)
      assert.equal(reading.tag === 'malformed' && reading.answer.status, 400, body)
    }
  })
  it('takes no company number for the phone of the client', () => {
    const telegram = { ...incoming.message, sender: { id: 1, login: 'masha', socialId: 'user_1', type: 'telegram' } }
    assert.equal(messageOf({ ...incoming, message: telegram }).phone, null)
    const bare = { ...incoming.message, sender: { id: 1, type: 'whatsapp2' } }
    assert.equal(messageOf({ ...incoming, message: bare }).phone, null)
  })
  it('reads foreign WhatsApp numbers with their country code', () => {
    const sender = { ...incoming.message.sender, login: '375291234567' }
    assert.equal(messageOf({ ...incoming, message: { ...incoming.message, sender } }).phone, '+375291234567')
  })
  it('takes the moment of arrival when the message has no sound one', () => {
    for (const datetime of ['x', -1, 17639003, null])
      assert.equal(
        messageOf({ ...incoming, message: { ...incoming.message, datetime } }).at,
        '2025-11-23T12:30:00.000Z',
      )
  })
  it('takes the source id where there is no real id, and addresses of attachments by any of their names', () => {
    const message = {
      ...incoming.message,
      source: { id: 'abc' },
      message: {
        attachments: [
          { type: 'doc', link: 'https://cdn.example/a.pdf', name: 'a.pdf' },
          { src: 'javascript:alert(1)' },
        ],
      },
    }
    const facts = messageOf({ ...incoming, message })
    assert.equal(facts.source, 'abc')
    assert.deepEqual(facts.attachments, [
      { type: 'doc', url: 'https://cdn.example/a.pdf', name: 'a.pdf', fetched: false },
      { type: 'file', url: null, name: null, fetched: false },
    ])
  })
  it('reads what is known of a customer, by either name of the event', () => {
    for (const type of ['customer.changed', 'customer.updated']) {
      const facts = factsOf(
        read({
          type,
          accountId: 147517,
          customer: { id: 7001, name: ' Олег ', phone: '79090751580', email: 'A@B.ru' },
        }),
      )
      assert.deepEqual(facts, {
        kind: 'customer',
        change: 'changed',
        accountId: '147517',
        customerId: '7001',
        name: 'Олег',
        phone: '+79090751580',
        email: 'a@b.ru',
        login: null,
      })
    }
  })
  it('reads integrations that come and go', () => {
    const facts = factsOf(read({ type: 'integration.removed', accountId: 147517, integration: { id: 88, type: 'vk' } }))
    assert.deepEqual(facts, {
      kind: 'integration',
      change: 'deleted',
      accountId: '147517',
      saId: '88',
      channel: 'vk',
      login: null,
    })
  })
})
