import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type ProtalkFacts,
  type ProtalkSettings,
  protalkHook,
  toolAnswer,
  umnicoChatId,
  umnicoDialogOf,
} from '../../../src/connectors/protalk/wire.ts'
import { type DeliveryParts, delivery } from '../deliveries.ts'

const settings: ProtalkSettings = {
  clientBotToken: 'token-client-1',
  partnerBotToken: 'token-partner-1',
  webhookSecrets: ['k-tool-1', 'k-tool-0'],
  clientBotId: '53194',
  partnerBotId: null,
  baseUrl: 'https://protalk.example',
}

const json = { 'Content-Type': 'application/json' }
const keyed = { ...json, 'X-Webhook-Secret': 'k-tool-1' }
const vector = {
  tool: 'find_partners',
  city: 'ярославль ',
  service: 'Ипотека',
  limit: '50',
  chat_id: 'umn147517_67918694',
  bot_id: 53194,
}

const call = (parts: DeliveryParts, bot = 'client') => delivery({ ...parts, params: { bot } })
const post = (body: unknown, bot = 'client', headers: Readonly<Record<string, string>> = keyed) =>
  call({ headers, body: JSON.stringify(body) }, bot)
const get = (query: Readonly<Record<string, string>>, bot = 'client') =>
  call({ method: 'GET', query: String(new URLSearchParams(query)) }, bot)
const read = (asked: ReturnType<typeof call>) => protalkHook.read(asked, settings)
const factsOf = (asked: ReturnType<typeof call>): ProtalkFacts => {
  const reading = read(asked)
  if (reading.tag === 'facts' || reading.tag === 'query') return reading.facts
  throw new Error(`Expected facts, got "${reading.tag}"`)
}
const statusOf = (asked: ReturnType<typeof call>): number => {
  const result = protalkHook.verify(asked, settings)
  return result.tag === 'refused' ? result.status : 200
}

describe('protalkHook.verify', () => {
  it('takes the secret in the header, a field or the query (V10)', () => {
    assert.equal(statusOf(post(vector)), 200)
    assert.equal(statusOf(post({ ...vector, secret: 'k-tool-1' }, 'client', json)), 200)
    assert.equal(statusOf(get({ tool: 'find_partners', secret: 'k-tool-1' })), 200)
    assert.equal(statusOf(call({ headers: json, query: 'secret=k-tool-1', body: JSON.stringify(vector) })), 200)
    assert.equal(
      statusOf(
        call({
          headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
          body: 'tool=find_partners&secret=k-tool-0',
        }),
      ),
      200,
    )
  })
  it('says which of two valid secrets it was', () =>
    assert.deepEqual(protalkHook.verify(get({ secret: 'k-tool-0' }), settings), {
      tag: 'authentic',
      secretName: 'secret-2',
    }))
  it('answers 401 to a wrong, a missing and an ambiguous secret (R18)', () => {
    assert.equal(statusOf(post(vector, 'client', json)), 401)
    assert.equal(statusOf(post(vector, 'client', { ...json, 'X-Webhook-Secret': 'wrong' })), 401)
    assert.equal(statusOf(post({ ...vector, secret: 'wrong' })), 401)
    assert.equal(statusOf(call({ method: 'GET', query: 'secret=k-tool-1&secret=wrong' })), 401)
  })
  it('answers 401 when the body that should hold the secret cannot be read', () =>
    assert.equal(statusOf(call({ headers: json, body: '{"secret":"k-tool-1"' })), 401))
  it('answers 404 to a bot that there is not', () => assert.equal(statusOf(post(vector, 'other')), 404))
})

describe('protalkHook.read', () => {
  it('reads a tool call with its arguments clamped, as an inquiry (V10)', () => {
    assert.deepEqual(read(post(vector)), {
      tag: 'query',
      facts: {
        bot: 'client',
        tool: 'find_partners',
        args: { city: 'ярославль', service: 'Ипотека', limit: 3 },
        chatId: 'umn147517_67918694',
        botId: '53194',
        q: null,
      },
    })
  })
  it('reads the same from a query and from a form, without the secret (V10)', () => {
    const sent = { ...vector, bot_id: '53194', secret: 'k-tool-1' }
    const form = call({
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: String(new URLSearchParams(sent)),
    })
    assert.deepEqual(factsOf(get(sent)), factsOf(post(vector)))
    assert.deepEqual(factsOf(form), factsOf(post(vector)))
    assert.ok(!JSON.stringify(factsOf(form)).includes('k-tool'))
  })
  it('reads arguments from an object or a JSON text of their own', () => {
    const inner = { city: 'Рыбинск', limit: 2 }
    for (const nested of [{ arguments: inner }, { args: JSON.stringify(inner) }]) {
      const facts = factsOf(post({ tool: 'find_partners', ...nested }))
      assert.deepEqual(facts.args, { city: 'Рыбинск', service: null, limit: 2 })
    }
  })
  it('clamps any number that a model thinks of', () => {
    const limits: readonly (readonly [unknown, number])[] = [
      [0, 1],
      [-5, 1],
      ['2', 2],
      [2.9, 2],
      ['много', 3],
      [1e99, 3],
      [null, 3],
      [[1], 3],
    ]
    for (const [limit, clamped] of limits) {
      const { args } = factsOf(post({ tool: 'find_partners', limit }))
      assert.equal('limit' in args && args.limit, clamped, String(limit))
    }
  })
  it('reads a city with SQL or HTML as a mere text (R18)', () => {
    const { args } = factsOf(post({ tool: 'find_partners', city: "<b>'; DROP TABLE partners;--</b>" }))
    assert.deepEqual(args, { city: "<b>'; DROP TABLE partners;--</b>", service: null, limit: 3 })
  })
  it('looks up no partner but by an id', () => {
    assert.deepEqual(factsOf(post({ tool: 'partner_card', partner_id: 'par_1' })).args, { partnerId: 'par_1' })
    assert.deepEqual(factsOf(post({ tool: 'partner_card', partner_id: "1' or '1'='1" })).args, { partnerId: null })
  })
  it('answers 400 with words for the bot to an unknown tool and to the other bot’s (R18)', () => {
    for (const asked of [
      post({ tool: 'drop_tables' }),
      post({ city: 'Х' }),
      post({ tool: 'payment_link' }),
      post(vector, 'partner'),
    ]) {
      const reading = read(asked)
      assert.ok(reading.tag === 'malformed')
      assert.equal(reading.answer.status, 400)
      const body = JSON.parse(reading.answer.body)
      assert.deepEqual([body.ok, body.items], [false, []])
      assert.match(body.text, /^Такой функции нет/)
    }
  })
  it('answers 400 to a body that cannot be read, and to an empty one (R7, R11)', () => {
    for (const body of ['[1]', '{"tool":"find_partners"', '']) {
      const reading = read(call({ headers: keyed, body }))
      assert.equal(reading.tag === 'malformed' && reading.answer.status, 400, body)
    }
  })
  it('gives a request of a visitor one key for equal content', () => {
    const request = {
      tool: 'leave_request',
      name: ' Олег ',
      phone: '8 (909) 075-15-80',
      city: 'Рыбинск',
      wish: 'дом 120 м²',
      consent: 'да',
      chat_id: 'umn1_2',
    }
    const reading = read(post(request))
    assert.ok(reading.tag === 'facts')
    assert.deepEqual(reading.facts.args, {
      name: 'Олег',
      phone: '+79090751580',
      phoneRaw: null,
      email: null,
      city: 'Рыбинск',
      service: null,
      wish: 'дом 120 м²',
      consent: true,
    })
    assert.match(reading.dedupeKey, /^protalk:client:leave_request:umn1_2:[0-9a-f]{64}$/)
    assert.deepEqual(read(post({ ...request, q: 'ещё раз', bot_id: 5 })), {
      ...reading,
      facts: { ...reading.facts, q: 'ещё раз', botId: '5' },
    })
    const other = read(post({ ...request, phone: '9090751581' }))
    assert.notEqual('dedupeKey' in other && other.dedupeKey, reading.dedupeKey)
  })
  it('takes nothing but a clear yes for consent', () => {
    for (const [consent, given] of [
      [true, true],
      ['Да', true],
      [1, true],
      ['true', true],
      [false, false],
      ['нет', false],
      [null, false],
      [['да'], false],
      [{}, false],
    ]) {
      const { args } = factsOf(post({ tool: 'leave_request', consent }))
      assert.equal('consent' in args && args.consent, given, JSON.stringify(consent))
    }
  })
  it('keeps what was written instead of a phone', () => {
    const { args } = factsOf(post({ tool: 'leave_request', phone: 'позвоните вечером' }))
    assert.deepEqual('phoneRaw' in args && [args.phone, args.phoneRaw], [null, 'позвоните вечером'])
  })
  it('reads the proof of a partner, the code also as a number', () => {
    const facts = factsOf(post({ tool: 'cancel_subscription', email: 'A@B.ru', code: 123456, at: 'now' }, 'partner'))
    assert.deepEqual(facts.args, { email: 'a@b.ru', phone: null, code: '123456', at: 'now' })
    assert.deepEqual(factsOf(post({ tool: 'my_leads', code: '12-34' }, 'partner')).args, {
      email: null,
      phone: null,
      code: '1234',
    })
    assert.deepEqual(factsOf(post({ tool: 'payment_link', code: 'abc', plan: 'PARTNER-1M' }, 'partner')).args, {
      email: null,
      phone: null,
      code: null,
      plan: 'PARTNER-1M',
    })
  })
  it('tells tools that write from tools that read', () => {
    const tagOf = (tool: string) => read(post({ tool }, 'partner')).tag
    assert.deepEqual(['subscription_status', 'my_leads', 'payment_link', 'cancel_subscription'].map(tagOf), [
      'query',
      'query',
      'facts',
      'facts',
    ])
  })
})

describe('answers and dialogs', () => {
  it('toolAnswer() cuts the text to 1500 characters', () => {
    const { body } = toolAnswer({ ok: true, text: 'я'.repeat(2000), items: [] })
    assert.equal(JSON.parse(body).text.length, 1500)
  })
  it('umnicoDialogOf() reads what umnicoChatId() wrote, and nothing else', () => {
    assert.equal(umnicoChatId('147517', '67918694'), vector.chat_id)
    assert.deepEqual(umnicoDialogOf(vector.chat_id), { accountId: '147517', leadId: '67918694' })
    assert.equal(umnicoDialogOf('ask123'), null)
  })
})
