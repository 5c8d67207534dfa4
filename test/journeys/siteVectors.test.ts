import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { sendRaw } from '../support/raw.ts'
import { keptUnder, sendersEnv } from '../support/senders.ts'
import { type Json, type RunningService, until, withService } from '../support/service.ts'
import { chatMessage } from '../support/umnicoBodies.ts'

// The conformance vectors of the site's senders and what must be refused of them, over HTTP.

const vectors: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('../fixtures/tildaForms.json', import.meta.url), 'utf8'),
)
const vector = (id: string): string => {
  const found = vectors[id]
  assert.ok(found, `there is a vector ${id}`)
  return found
}

const formType = 'application/x-www-form-urlencoded'
const jsonType = 'application/json'
const key = 'k-test-1'

const env = { ...sendersEnv, TILDA_FORMS: 'form1122334455=partner_registration' }

type Headers = Readonly<Record<string, string | readonly string[]>>

const form = (service: RunningService, body: string | Uint8Array, headers: Headers = {}) =>
  sendRaw(service, { path: 'tilda/form', body, headers: { 'content-type': formType, 'x-api-key': key, ...headers } })

const deliveries = async (service: RunningService): Promise<readonly Json[]> =>
  (await service.get('/api/v1/webhooks?limit=500')).body.items

const events = async (service: RunningService, type: string): Promise<readonly Json[]> =>
  (await service.get('/api/v1/events?limit=500')).body.items.filter((event: Json) => event.type === type)

const maria = {
  contactName: 'Иванова Мария Сергеевна',
  phone: '+79123456789',
  email: 'maria.ivanova@example.ru',
  city: 'Ярославль',
  services: ['Ипотека', 'Оценка'],
}

describe('a form of Tilda', () => {
  it('is a ping only as exactly test=test, and a registration is read in both shapes as one (V1, V2)', async () => {
    await withService(env, async (service) => {
      const ping = await form(service, 'test=test', { 'x-api-key': '' })
      assert.deepEqual([ping.status, ping.text], [200, 'ok'])
      assert.deepEqual(await deliveries(service), [])
      assert.equal((await form(service, 'test=test&Name=%D0%90&Phone=89120000001&tranid=1:2')).status, 200)
      assert.equal((await deliveries(service)).length, 1, 'a form may have a field "test"')

      const { status, text } = await form(service, vector('V2'))
      assert.deepEqual([status, text], [200, 'ok'])
      const json = JSON.stringify(Object.fromEntries(new URLSearchParams(vector('V2'))))
      assert.equal((await form(service, json, { 'content-type': jsonType })).status, 200)
      const row = await keptUnder(service, 'tilda', vector('V2'))
      assert.deepEqual([row.dedupeKey, row.verdict, row.repeats], ['tilda:7654321:9988776655', 'accepted', 1])
      const [applied, ...more] = await events(service, 'PartnerApplied')
      assert.equal(more.length, 0)
      for (const [name, value] of Object.entries(maria)) assert.deepEqual(applied.data[name], value, name)
      assert.doesNotMatch(JSON.stringify(applied), /tildauid|1763900000000\.123456/)
      assert.match(JSON.stringify(applied), /осень/)
    })
  })

  it('with other contents under one key is a conflict, and the first one stands (V3)', async () => {
    await withService(env, async (service) => {
      for (const id of ['V2', 'V3', 'V3', 'V2']) assert.equal((await form(service, vector(id))).status, 200, id)
      const conflict = await keptUnder(service, 'tilda', vector('V3'))
      assert.equal(conflict.verdict, 'conflict')
      assert.equal((await events(service, 'PartnerApplied')).length, 1)
      await until(
        async () => (await service.get('/api/v1/partners')).body.items.length === 1,
        'the partner to be shown',
      )
      const [partner] = (await service.get('/api/v1/partners')).body.items
      assert.equal(partner.contactName, maria.contactName)
    })
  })

  it('without a number is known by its bytes; what is missing makes it wait (V4)', async () => {
    await withService(env, async (service) => {
      assert.equal((await form(service, vector('V4'))).status, 200)
      const row = await keptUnder(service, 'tilda', vector('V4'))
      assert.equal(row.dedupeKey, `tilda:sha256:${row.sha256}`)
      assert.equal(row.sha256, 'f8d33ca64f328aae70141fc88b95dc12e2bf66087b1e4eebbfa974266e9a7c3c')
      await until(
        async () => (await service.get('/api/v1/partners')).body.items.length === 1,
        'the partner to be shown',
      )
      const [partner] = (await service.get('/api/v1/partners')).body.items
      assert.deepEqual(
        [partner.status, partner.contactName, partner.phone, partner.email, partner.areas],
        ['awaiting_details', 'Пётр Ёлкин', '+79123456789', null, ['Брагино', 'Центр']],
      )
    })
  })

  it('with an order is one order in both shapes (V5)', async () => {
    await withService(env, async (service) => {
      for (const id of ['V5a', 'V5b']) assert.equal((await form(service, vector(id))).status, 200, id)
      const row = await keptUnder(service, 'tilda', vector('V5a'))
      assert.deepEqual([row.verdict, row.repeats], ['accepted', 1])
      const [order, ...more] = await events(service, 'OrderClaimed')
      assert.equal(more.length, 0)
      const { orderId, amount, subtotal, discount, promo, paymentSystem, items, phone } = order.data
      assert.deepEqual(
        { orderId, amount, subtotal, discount, promo, paymentSystem, items, phone },
        {
          orderId: '1357924680',
          amount: '4900.00',
          subtotal: '5000.00',
          discount: '100.00',
          promo: 'ОСЕНЬ',
          paymentSystem: 'yakassa',
          items: [
            { name: 'Размещение партнёра, 1 мес.', sku: 'PARTNER-1M', qty: 2, price: '2500.00', amount: '5000.00' },
          ],
          phone: '+74852001020',
        },
      )
      // Told to the operator, and nothing is granted for it.
      await until(
        async () =>
          (await (await fetch(`${service.url}/sandbox/mail/messages`)).json()).some((letter: Json) =>
            /Заказ с сайта Tilda/.test(letter.subject + letter.text),
          ),
        'the letter to the operator',
      )
      assert.equal((await service.get('/api/v1/subscriptions')).body.items.length, 0)
      // For an analyst the sums are in clear, the person is not.
      const seen = await fetch(`${service.url}/api/v1/events?limit=500`, {
        headers: { authorization: `Bearer ${service.analyst}` },
      })
      const text = await seen.text()
      assert.match(text, /1357924680/)
      assert.doesNotMatch(text, /74852001020|romashka/)
    })
  })

  it('is refused without its key in its place, once (R1 to R3)', async () => {
    await withService(env, async (service) => {
      const body = 'Name=x&Phone=89120000001&tranid=1:1'
      const refused: readonly (readonly [string, string, Headers])[] = [
        ['R1', body, { 'x-api-key': '' }],
        ['R1', body, { 'x-api-key': 'k-test-0' }],
        ['R1', 'test=test', { 'x-api-key': 'wrong' }],
        ['R2', `${body}&X-Api-Key=${key}`, { 'x-api-key': '' }],
        ['R2', body, { 'x-api-key': '', cookie: `X-Api-Key=${key}` }],
        ['R3', body, { 'x-api-key': [key, 'other'] }],
        ['R3', body, { 'x-api-key': ['other', key] }],
      ]
      for (const [id, sent, headers] of refused) {
        const answer = await form(service, sent, headers)
        assert.deepEqual([answer.status, answer.text], [401, ''], `${id} ${JSON.stringify(headers)}`)
      }
      assert.deepEqual(await deliveries(service), [])
    })
  })

  it('that cannot be read is refused and kept; a damaged value is taken and flagged (R6 to R11, R20)', async () => {
    await withService(env, async (service) => {
      const deep = `{"a":${'{"b":'.repeat(8)}1${'}'.repeat(8)}}`
      const cases: readonly (readonly [string, string | Uint8Array, number, string | null, string?])[] = [
        ['R6', '<a/>', 415, null, 'text/xml'],
        ['R6', '--x--', 415, null, 'multipart/form-data; boundary=x'],
        ['R7', '{"Name":"x"', 400, 'quarantined', jsonType],
        ['R7', '[1]', 400, 'quarantined', jsonType],
        ['R7', '"text"', 400, 'quarantined', jsonType],
        ['R7', deep, 400, 'quarantined', jsonType],
        ['R8', Array.from({ length: 201 }, (_, n) => `f${n}=1`).join('&'), 400, 'quarantined'],
        ['R8', `${'n'.repeat(201)}=1`, 400, 'quarantined'],
        ['R9', '%E0%A4%A=1&Phone=89120000001', 400, 'quarantined'],
        ['R9', 'Name=%E0%A4%A&Phone=89120000002&tranid=9:1', 200, 'accepted'],
        ['R10', '__proto__%5Badmin%5D=1', 400, 'quarantined'],
        ['R10', 'constructor%5Bprototype%5D%5Bx%5D=1&Phone=89120000003&tranid=9:2', 200, 'accepted'],
        ['R11', '', 400, 'quarantined'],
        ['R20', 'Name=%D0%90%D0%BD%D0%BD%D0%B0&tranid=9:3', 200, 'quarantined'],
      ]
      for (const [id, body, status, verdict, type] of cases) {
        const what = `${id} ${String(body).slice(0, 60)}`
        const answer = await form(service, body, type ? { 'content-type': type } : {})
        assert.equal(answer.status, status, what)
        assert.equal((await keptUnder(service, 'tilda', body))?.verdict ?? null, verdict, what)
      }
      const damaged = await keptUnder(service, 'tilda', 'Name=%E0%A4%A&Phone=89120000002&tranid=9:1')
      assert.ok(damaged.reason, 'the damage is told')
    })
  })
})

describe('every hook', () => {
  it('tells which method it takes (R4), bounds a body (R5), and says when to come again above the rate (R19)', async () => {
    await withService(env, async (service) => {
      const posts = ['tilda/form', 'umnico/s3cr3t', 'flexbe/s3cr3t', 'yookassa', 'cloudpayments/pay']
      for (const path of posts) {
        for (const method of ['GET', 'PUT', 'DELETE']) {
          const answer = await sendRaw(service, { method, path })
          assert.deepEqual([answer.status, answer.headers.allow], [405, 'POST'], `R4 ${method} ${path}`)
        }
      }
      const page = await sendRaw(service, { path: 'tilda/page/s3cr3t', body: 'pageid=1' })
      assert.deepEqual([page.status, page.headers.allow], [405, 'GET'], 'R4 page')
      for (const path of [...posts, 'protalk/client'])
        assert.equal((await sendRaw(service, { path, body: 'x'.repeat(256 * 1024 + 1) })).status, 413, `R5 ${path}`)
      assert.deepEqual(await deliveries(service), [])
    })
    await withService({ ...env, HUB_SOURCE_RATE_MAX: '2' }, async (service) => {
      const answers = []
      for (let n = 0; n < 12; n++) answers.push(await form(service, `Phone=8912000${1000 + n}&tranid=19:${n}`))
      const refused = answers.filter(({ status }) => status === 429)
      assert.ok(refused.length > 0, 'R19')
      for (const { headers } of refused) assert.match(String(headers['retry-after']), /^\d+$/)
      assert.equal(answers.filter(({ status }) => status === 200).length + refused.length, answers.length)
    })
  })
})

describe('the page hook of Tilda', () => {
  const ask = (service: RunningService, change: Readonly<Record<string, string>> = {}, secret = 's3cr3t') => {
    const query = {
      pageid: '60112233',
      projectid: '7654321',
      published: '1763900123',
      publickey: 'PUBKEYEXAMPLE0000000',
      ...change,
    }
    return sendRaw(service, { method: 'GET', path: `tilda/page/${secret}?${new URLSearchParams(query)}` })
  }

  it('is a hint, once in a minute (V6); of a foreign project, key or page it is refused (R12)', async () => {
    await withService({ ...env, TILDA_WEBHOOK_SECRET: `${key},s3cr3t` }, async (service) => {
      for (const [change, status] of [
        [{ projectid: '1' }, 403],
        [{ publickey: 'OTHER' }, 403],
        [{ pageid: '../1' }, 400],
        [{ pageid: '0' }, 400],
      ] as const)
        assert.equal((await ask(service, change)).status, status, JSON.stringify(change))
      assert.equal((await ask(service, {}, 'wrong')).status, 404)
      const published = await ask(service)
      assert.deepEqual([published.status, published.text], [200, 'ok'])
      await ask(service)
      const [row, ...more] = (await deliveries(service)).filter((one) => one.verdict === 'accepted')
      assert.equal(more.length, 0)
      assert.equal(row.repeats, 1)
    })
  })
})

describe('the chats, the site and the bots', () => {
  it('are refused by secret and account, and never for what they send (R13 to R18)', async () => {
    await withService(env, async (service) => {
      const umnico = (body: unknown, secret = 's3cr3t') =>
        sendRaw(service, {
          path: `umnico/${secret}`,
          headers: { 'content-type': jsonType },
          body: JSON.stringify(body),
        })
      const message = chatMessage(1)
      const { leadId: _lead, ...withoutLead } = { ...message, message: { ...message.message, messageId: 'R15' } }
      assert.equal((await umnico(message, 'wrong')).status, 404, 'R13')
      assert.equal((await umnico({ ...message, accountId: 1 })).status, 403, 'R14')
      const { accountId: _account, ...foreign } = message
      assert.equal((await umnico(foreign)).status, 403, 'R14')
      assert.deepEqual(await deliveries(service), [])
      assert.equal((await umnico(withoutLead)).status, 200, 'R15')
      assert.equal((await keptUnder(service, 'umnico', JSON.stringify(withoutLead)))?.verdict, 'quarantined', 'R15')
      const unknown = { type: 'lead.dreamt', accountId: 147517, leadId: 5 }
      assert.equal((await umnico(unknown)).status, 200, 'R16')
      assert.equal((await keptUnder(service, 'umnico', JSON.stringify(unknown)))?.verdict, 'ignored', 'R16')
      assert.equal((await sendRaw(service, { path: 'flexbe/wrong', body: 'event=lead' })).status, 404, 'R17')

      const tool = (body: unknown, secret = 'k-tool-1') =>
        sendRaw(service, {
          path: 'protalk/client',
          headers: { 'content-type': jsonType, 'x-webhook-secret': secret },
          body: JSON.stringify(body),
        })
      const find = { tool: 'find_partners', city: `'; drop table hub.events; --<script>alert(1)</script>` }
      assert.equal((await tool(find, 'wrong')).status, 401, 'R18')
      assert.equal((await tool({ tool: 'rm_rf' })).status, 400, 'R18')
      const answer = await tool(find)
      assert.equal(answer.status, 200, 'R18')
      assert.deepEqual(JSON.parse(answer.text), { ok: true, text: 'В этом городе партнёров пока нет.', items: [] })
    })
  })
})
