import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { restLeadOf } from '../../../src/connectors/flexbe/lead.ts'
import { type FlexbeFacts, type FlexbeSettings, flexbeHook } from '../../../src/connectors/flexbe/wire.ts'
import { delivery } from '../deliveries.ts'

const settings: FlexbeSettings = {
  apiKey: 'key-test-1',
  webhookSecrets: ['s3cr3t'],
  siteId: null,
  baseUrl: null,
  siteUrl: 'https://xn----7sblg6ajc1e4b.xn--p1ai',
}

const vector =
  'event=lead&data%5Bid%5D=8123456&data%5Bnum%5D=412&data%5Btime%5D=1763900200&data%5Bstatus%5D%5Bcode%5D=0&data%5Bclient%5D%5Bname%5D=%D0%9E%D0%BB%D0%B5%D0%B3&data%5Bclient%5D%5Bphone%5D=8+%28909%29+075-15-80&data%5Bclient%5D%5Bemail%5D=&data%5Bform_name%5D=%D0%A3%D0%B7%D0%BD%D0%B0%D1%82%D1%8C+%D1%86%D0%B5%D0%BD%D1%83+%D0%B4%D0%BE%D0%BC%D0%B0&data%5Bpage%5D%5Burl%5D=https%3A%2F%2F%D0%B4%D0%BE%D0%BC%D0%B0-%D1%86%D0%B5%D0%BD%D1%8B.%D1%80%D1%84%2Fdom-120%2F&data%5Butm%5D%5Butm_source%5D=yandex&data%5Butm%5D%5Butm_term%5D=%D1%86%D0%B5%D0%BD%D0%B0+%D0%B4%D0%BE%D0%BC%D0%B0+120+%D0%BC%C2%B2'

const form = { 'Content-Type': 'application/x-www-form-urlencoded' }
const hook = (body: string, secret = 's3cr3t', headers: Readonly<Record<string, string>> = form) =>
  delivery({ params: { secret }, headers, body })
const read = (body: string, headers = form) => flexbeHook.read(hook(body, 's3cr3t', headers), settings)
const leadOf = (facts: FlexbeFacts) => (facts.kind === 'lead' ? facts.lead : null)

const lead = {
  leadId: '8123456',
  number: '412',
  status: 'new',
  name: 'Олег',
  phone: '+79090751580',
  phoneRaw: null,
  email: null,
  formName: 'Узнать цену дома',
  pageUrl: 'https://xn----7sblg6ajc1e4b.xn--p1ai/dom-120/',
  utm: { source: 'yandex', term: 'цена дома 120 м²' },
  note: null,
  answers: [],
  pay: null,
  at: '2025-11-23T12:16:40.000Z',
}

describe('flexbeHook', () => {
  it('reads a lead (V9)', () => {
    const reading = read(vector)
    assert.ok(reading.tag === 'facts')
    assert.equal(reading.dedupeKey, 'flexbe:lead:8123456')
    assert.deepEqual(reading.facts, { kind: 'lead', event: 'lead', lead })
    assert.deepEqual(flexbeHook.accepted(hook(vector)), {
      status: 200,
      contentType: 'application/json; charset=utf-8',
      body: '{"status":1}',
    })
  })
  it('reads the same lead from JSON', () => {
    const data = {
      id: 8123456,
      num: 412,
      time: 1763900200,
      status: { code: 0, name: 'Новая' },
      client: { name: 'Олег', phone: '8 (909) 075-15-80', email: '' },
      form_name: 'Узнать цену дома',
      page: { url: 'https://дома-цены.рф/dom-120/' },
      utm: { utm_source: 'yandex', utm_term: 'цена дома 120 м²', ip: '203.0.113.9' },
    }
    for (const body of [
      { event: 'lead', data },
      { event: 'lead', data: { lead: data } },
    ]) {
      const reading = read(JSON.stringify(body), { 'Content-Type': 'application/json' })
      assert.ok(reading.tag === 'facts')
      assert.deepEqual(leadOf(reading.facts), lead)
    }
  })
  it('reads answers of the form, and a payment as a mere claim', () => {
    const reading = read(
      'event=pay&data[id]=7&data[form_data][0][name]=Площадь&data[form_data][0][value]=120&data[form_data][1][name]=Город&data[form_data][1][value]=Рыбинск&data[pay][id]=9&data[pay][status][code]=2&data[client][phone]=вечером',
    )
    assert.ok(reading.tag === 'facts' && reading.facts.kind === 'lead')
    assert.equal(reading.dedupeKey, 'flexbe:pay:7')
    assert.deepEqual(reading.facts.lead.answers, [
      { name: 'Площадь', value: '120' },
      { name: 'Город', value: 'Рыбинск' },
    ])
    assert.deepEqual(reading.facts.lead.pay, { payId: '9', status: 'paid' })
    assert.deepEqual([reading.facts.lead.phone, reading.facts.lead.phoneRaw], [null, 'вечером'])
  })
  it('quarantines what it does not recognise, which still is a hint to pull (V9)', () => {
    for (const body of ['hello=1', 'event=lead&data[name]=x', 'data[id]=5', vector.replace('8123456', '..%2F1')]) {
      const reading = read(body)
      assert.ok(reading.tag === 'poor', body)
      assert.deepEqual(reading.facts, { kind: 'hint' })
      assert.match(reading.dedupeKey, /^flexbe:unrecognised:[0-9a-f]{64}$/)
    }
  })
  it('answers 404 to a wrong path secret (R17)', () => {
    for (const secret of ['wrong', '']) {
      const result = flexbeHook.verify(hook(vector, secret), settings)
      assert.equal(result.tag === 'refused' && result.status, 404)
    }
    assert.equal(flexbeHook.verify(hook(vector), settings).tag, 'authentic')
  })
  it('answers 400 to an empty body and to a broken name (R9, R11)', () => {
    for (const body of ['', '%E0%A4%A=1']) {
      const reading = read(body)
      assert.equal(reading.tag === 'malformed' && reading.answer.status, 400)
    }
  })
})

describe('restLeadOf', () => {
  it('reads a lead of the newer API into the same words', () =>
    assert.deepEqual(
      restLeadOf({
        id: 8123456,
        sequence: 412,
        status: 'new',
        formName: 'Узнать цену дома',
        customer: { name: 'Олег', phone: '8 (909) 075-15-80', email: null },
        formFields: [{ id: 'f1', name: 'Город', value: 'Рыбинск', type: 'text' }],
        tracking: { ip: '203.0.113.9' },
        trackingExtra: {
          url: 'https://дома-цены.рф/dom-120/',
          utm: { utm_source: 'yandex', utm_term: 'цена дома 120 м²' },
        },
        createdAt: '2025-11-23T12:16:40.000Z',
      }),
      { ...lead, answers: [{ name: 'Город', value: 'Рыбинск' }] },
    ))
  it('reads nothing without an id', () => assert.equal(restLeadOf({ status: 'new' }), null))
})
