import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type ICreatePayment, YooCheckout } from '@a2seven/yoo-checkout'
import type { TwinCall } from '../../../src/connectors/twin.ts'
import { createYooKassaTwin, type YooKassaTwinState } from '../../../src/connectors/yookassa/twin.ts'
import { testCards } from '../../../src/connectors/yookassa/twinCards.ts'
import {
  memoryStore,
  type Served,
  serveHandler,
  serveTwin,
  testClock,
  testTwinContext,
  until,
} from '../../support/twinServer.ts'

type Note = { readonly event: string; readonly object: { readonly id: string; readonly status: string } }

/** A shop with a hub that keeps what it was told and answers as the test wants. */
const openShop = async ({ savingAllowed = true } = {}) => {
  const notes: Note[] = []
  let hubStatus = 200
  const hub = await serveHandler(async (request) => {
    notes.push(JSON.parse(await request.text()) as Note)
    return new Response('ok', { status: hubStatus })
  })
  const clock = testClock('2026-11-24T09:00:00.000Z')
  const store = memoryStore<YooKassaTwinState>()
  const context = testTwinContext<YooKassaTwinState>({ clock, hubUrl: () => hub.url, store })
  const twin = await serveTwin(
    createYooKassaTwin(context, { shopId: '100001', secretKeys: ['test_key'], savingAllowed }),
  )
  const client = new YooCheckout({ shopId: '100001', secretKey: 'test_key' })
  const rooted = client as unknown as { root: string }
  rooted.root = `${twin.url}/v3`
  return {
    client,
    clock,
    notes,
    store,
    twin,
    answerHub: (status: number) => {
      hubStatus = status
    },
    stop: async () => {
      context.close()
      await twin.stop()
      await hub.stop()
    },
  }
}

const order = (more: Partial<ICreatePayment> = {}): ICreatePayment => ({
  amount: { value: '1990.00', currency: 'RUB' },
  capture: true,
  confirmation: { type: 'redirect', return_url: 'https://hub.example/done' },
  metadata: { payment_id: 'pay_1' },
  ...more,
})

const success = '4111111111111111'

const send = (
  twin: Served,
  path: string,
  init: { method?: string; body?: unknown; headers?: Record<string, string>; key?: string | null } = {},
) => {
  const { method = 'POST', body, headers = {}, key = crypto.randomUUID() } = init
  return fetch(`${twin.url}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      authorization: `Basic ${btoa('100001:test_key')}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === null ? {} : { 'idempotence-key': key }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

const act = async (twin: Served, body: unknown) => {
  const response = await fetch(`${twin.url}/act`, { method: 'POST', body: JSON.stringify(body) })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const ledger = async (twin: Served) =>
  (await (await fetch(`${twin.url}/ledger`)).json()) as {
    readonly calls: readonly TwinCall[]
    readonly applied: number
  }

describe('YooKassa twin, driven by an independent client', () => {
  let shop: Awaited<ReturnType<typeof openShop>>
  before(async () => {
    shop = await openShop()
  })
  after(() => shop.stop())

  it('takes a payment from its creation to the notification and a refund', async () => {
    const { client, twin, notes } = shop
    const payment = await client.createPayment(order({ save_payment_method: true }), 'key-1')
    assert.equal(payment.status, 'pending')
    assert.equal(payment.test, true)
    assert.match(payment.confirmation.confirmation_url ?? '', /\/pay\//)
    assert.equal((await act(twin, { paymentId: payment.id, card: success })).status, 200)
    const paid = await client.getPayment(payment.id)
    assert.deepEqual([paid.status, paid.paid, paid.payment_method.saved], ['succeeded', true, true])
    await until(() => notes.some((note) => note.object.id === payment.id), 'the notification came')
    assert.equal(notes.find((note) => note.object.id === payment.id)?.event, 'payment.succeeded')

    const charged = await client.createPayment(
      { amount: order().amount, capture: true, payment_method_id: paid.payment_method.id },
      'key-2',
    )
    assert.equal(charged.status, 'succeeded')

    const refund = await client.createRefund(
      { payment_id: payment.id, amount: { value: '990.00', currency: 'RUB' } },
      'key-3',
    )
    assert.equal(refund.status, 'succeeded')
    assert.equal((await client.getRefund(refund.id)).payment_id, payment.id)
    assert.equal((await client.getPayment(payment.id)).refunded_amount?.value, '990.00')
    await until(() => notes.some((note) => note.event === 'refund.succeeded'), 'the refund was told')
  })

  it('remembers a key for a day and not a moment longer', async () => {
    const { client, clock } = shop
    const first = await client.createPayment(order(), 'key-day')
    assert.equal((await client.createPayment(order(), 'key-day')).id, first.id)
    await assert.rejects(client.createPayment(order({ description: 'Другое' }), 'key-day'), (error) => {
      const { code, parameter } = (error as { response: { data: { code: string; parameter: string } } }).response.data
      return code === 'invalid_request' && parameter === 'Idempotence-Key'
    })
    clock.advance(86_399_000)
    assert.equal((await client.createPayment(order(), 'key-day')).id, first.id)
    clock.advance(2_000)
    assert.notEqual((await client.createPayment(order(), 'key-day')).id, first.id)
  })

  it('cancels a payment that nobody made within an hour', async () => {
    const { client, clock, notes } = shop
    const payment = await client.createPayment(order(), 'key-late')
    clock.advance(3_600_000)
    const late = await client.getPayment(payment.id)
    assert.deepEqual([late.status, late.cancellation_details?.reason], ['canceled', 'expired_on_confirmation'])
    await until(() => notes.some((note) => note.object.id === payment.id), 'the cancellation was told')
    assert.equal((await act(shop.twin, { paymentId: payment.id, card: success })).status, 409)
  })

  it('holds, captures and cancels money of two stages', async () => {
    const { client, twin } = shop
    const held = await client.createPayment(order({ capture: false }), 'key-hold')
    await assert.rejects(client.cancelPayment(held.id, 'key-hold-0'))
    await act(twin, { paymentId: held.id, card: success })
    assert.equal((await client.getPayment(held.id)).status, 'waiting_for_capture')
    await assert.rejects(
      client.capturePayment(held.id, { amount: { value: '1990.01', currency: 'RUB' } }, 'key-hold-1'),
    )
    const captured = await client.capturePayment(
      held.id,
      { amount: { value: '1000.00', currency: 'RUB' } },
      'key-hold-2',
    )
    assert.deepEqual([captured.status, captured.amount.value], ['succeeded', '1000.00'])
    const other = await client.createPayment(order({ capture: false }), 'key-hold-3')
    await act(twin, { paymentId: other.id, card: success })
    assert.equal((await client.cancelPayment(other.id, 'key-hold-4')).status, 'canceled')
  })

  it('walks its list by cursor, newest first, without a gap', async () => {
    const { client, clock } = shop
    clock.advance(1000)
    const from = clock.now()
    const made: string[] = []
    for (let n = 0; n < 5; n += 1) {
      made.unshift((await client.createPayment(order(), `key-list-${n}`)).id)
      clock.advance(1000)
    }
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const list = await client.getPaymentList({
        limit: 2,
        created_at: { value: from, mode: 'gte' },
        ...(cursor === undefined ? {} : { cursor }),
      })
      seen.push(...list.items.map(({ id }) => id))
      cursor = list.next_cursor
    } while (cursor !== undefined)
    assert.deepEqual(seen, made)
  })

  for (const [card, { reason }] of testCards) {
    it(`makes of card ${card} ${reason ?? 'a success'}`, async () => {
      const payment = await shop.client.createPayment(order(), `key-card-${card}`)
      await act(shop.twin, { paymentId: payment.id, card })
      const after = await shop.client.getPayment(payment.id)
      assert.deepEqual(
        [after.status, after.cancellation_details?.reason ?? null],
        [reason === null ? 'succeeded' : 'canceled', reason],
      )
    })
  }
})

describe('YooKassa twin, refusing', () => {
  let shop: Awaited<ReturnType<typeof openShop>>
  let paidId = ''
  before(async () => {
    shop = await openShop({ savingAllowed: false })
    const payment = await shop.client.createPayment(order(), 'key-paid')
    await act(shop.twin, { paymentId: payment.id, card: success })
    paidId = payment.id
  })
  after(() => shop.stop())

  const amount = { value: '10.00', currency: 'RUB' }
  const receipt = (items: readonly unknown[], customer: unknown = { email: 'anna@example.com' }) => ({
    customer,
    items,
  })
  const item = { description: 'Подписка', quantity: 1, amount: { value: '1990.00', currency: 'RUB' }, vat_code: 11 }
  const bad: readonly (readonly [string, unknown, string])[] = [
    ['Y3 no amount', { amount: undefined }, 'amount'],
    ...['10,00', 'abc', '-1.00', '0.00', '10', '10.001', 10].map(
      (value) =>
        [`Y3 amount ${JSON.stringify(value)}`, { amount: { value, currency: 'RUB' } }, 'amount.value'] as const,
    ),
    ...['rub', 'XXX'].map(
      (currency) => [`Y4 currency ${currency}`, { amount: { value: '1.00', currency } }, 'amount.currency'] as const,
    ),
    ['Y5 description of 129', { description: 'x'.repeat(129) }, 'description'],
    [
      'Y5 metadata of 17',
      { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'v'])) },
      'metadata',
    ],
    ['Y5 metadata key of 33', { metadata: { ['k'.repeat(33)]: 'v' } }, 'metadata'],
    ['Y5 metadata value of 513', { metadata: { k: 'v'.repeat(513) } }, 'metadata'],
    ['Y5 metadata number', { metadata: { k: 1 } }, 'metadata'],
    ['Y6 no return_url', { confirmation: { type: 'redirect' } }, 'confirmation.return_url'],
    [
      'Y6 long return_url',
      { confirmation: { type: 'redirect', return_url: `https://a/${'x'.repeat(2048)}` } },
      'confirmation.return_url',
    ],
    [
      'Y6 locale ru-RU',
      { confirmation: { type: 'redirect', return_url: 'https://a/', locale: 'ru-RU' } },
      'confirmation.locale',
    ],
    ['Y7 two means', { payment_method_id: 'x' }, 'payment_method_id'],
    ['Y8 unknown method', { payment_method_id: 'x', confirmation: undefined }, 'payment_method_id'],
    ['Y13 no contact', { receipt: receipt([item], {}) }, 'receipt.customer'],
    ['Y13 no items', { receipt: receipt([]) }, 'receipt.items'],
    ['Y13 81 items', { receipt: receipt(Array.from({ length: 81 }, () => item)) }, 'receipt.items'],
    ['Y13 vat_code 0', { receipt: receipt([{ ...item, vat_code: 0 }]) }, 'receipt.items.vat_code'],
    ['Y13 vat_code 13', { receipt: receipt([{ ...item, vat_code: 13 }]) }, 'receipt.items.vat_code'],
    ['Y13 other sum', { receipt: receipt([{ ...item, amount }]) }, 'receipt'],
  ]
  for (const [title, more, parameter] of bad) {
    it(`answers ${title} with 400 and the parameter`, async () => {
      const response = await send(shop.twin, '/v3/payments', { body: { ...order(), ...(more as object) } })
      const body = (await response.json()) as Record<string, unknown>
      assert.deepEqual(
        [response.status, body.type, body.code, body.parameter],
        [400, 'error', 'invalid_request', parameter],
      )
    })
  }
  for (const key of [null, '', 'x'.repeat(65)]) {
    it(`Y1 answers the key ${JSON.stringify(key)} with 400`, async () => {
      const response = await send(shop.twin, '/v3/payments', { body: order(), key })
      assert.equal(response.status, 400)
      assert.equal(((await response.json()) as Record<string, unknown>).parameter, 'Idempotence-Key')
    })
  }
  it('Y9 answers saving without permission with 403', async () => {
    const response = await send(shop.twin, '/v3/payments', { body: { ...order(), save_payment_method: true } })
    assert.equal(response.status, 403)
  })
  const refunds: readonly (readonly [string, Record<string, unknown>])[] = [
    ['above the rest', { amount: { value: '1990.01', currency: 'RUB' } }],
    ['leaving 1.00', { amount: { value: '1989.00', currency: 'RUB' } }],
    ['of another currency', { amount: { value: '1.00', currency: 'USD' } }],
    ['with a description of 251', { amount, description: 'x'.repeat(251) }],
    ['of an unknown payment', { amount, payment_id: crypto.randomUUID() }],
  ]
  for (const [title, more] of refunds) {
    it(`Y11 answers a refund ${title} with 400`, async () => {
      const response = await send(shop.twin, '/v3/refunds', { body: { payment_id: paidId, ...more } })
      assert.equal(response.status, 400)
    })
  }
  it('Y11 answers a refund of an unpaid payment with 400', async () => {
    const { id } = await shop.client.createPayment(order(), 'key-unpaid')
    assert.equal((await send(shop.twin, '/v3/refunds', { body: { payment_id: id, amount } })).status, 400)
  })
  for (const query of [
    'limit=0',
    'limit=101',
    'created_at.gte=yesterday',
    'cursor=nowhere',
    'created_at[gte]=2026-11-24T00:00:00.000Z',
  ]) {
    it(`Y12 answers a list with ${query} with 400`, async () => {
      assert.equal((await send(shop.twin, `/v3/payments?${query}`, { method: 'GET' })).status, 400)
    })
  }
  it('Y12 answers a list of receipts by two ids with 400', async () => {
    assert.equal((await send(shop.twin, '/v3/receipts?payment_id=a&refund_id=b', { method: 'GET' })).status, 400)
  })
  it('Y14 answers a wrong key with 401 and an unknown id with 404', async () => {
    const wrong = { authorization: `Basic ${btoa('100001:other')}` }
    assert.equal((await send(shop.twin, '/v3/payments', { method: 'GET', headers: wrong })).status, 401)
    assert.equal((await send(shop.twin, `/v3/payments/${crypto.randomUUID()}`, { method: 'GET' })).status, 404)
  })
  it('Y15 answers another content type with 415 and another method with 405', async () => {
    const response = await send(shop.twin, '/v3/payments', { body: order(), headers: { 'content-type': 'text/plain' } })
    assert.equal(response.status, 415)
    const cancel = await send(shop.twin, `/v3/payments/${paidId}/cancel`, { method: 'GET' })
    assert.deepEqual([cancel.status, cancel.headers.get('allow')], [405, 'POST'])
  })
})

describe('YooKassa twin, notifying', () => {
  it('sends again while the answer is not 200, at its own pace', async () => {
    const shop = await openShop()
    shop.answerHub(503)
    const payment = await shop.client.createPayment(order(), 'key')
    await act(shop.twin, { paymentId: payment.id, card: success })
    const attempts = async () => (await shop.store.load())?.waiting[0]?.attempts
    await until(async () => (await attempts()) === 1, 'the first delivery was not taken')
    assert.equal(shop.notes.length, 1)
    shop.answerHub(200)
    shop.clock.advance(10_000)
    await until(() => shop.notes.length === 2, 'the second delivery came')
    assert.deepEqual(shop.notes[0], shop.notes[1])
    await until(async () => ((await shop.store.load())?.waiting.length ?? 1) === 0, 'nothing waits any more')
    await shop.stop()
  })
  it('repeats, reverses, delays and withholds as a test asks', async () => {
    const shop = await openShop()
    const policy = (body: unknown) => fetch(`${shop.twin.url}/hooks`, { method: 'POST', body: JSON.stringify(body) })
    await policy({ delayMs: 5000, times: 2, order: 'reversed' })
    const payment = await shop.client.createPayment(order({ capture: false }), 'key')
    await act(shop.twin, { paymentId: payment.id, card: success })
    await shop.client.capturePayment(payment.id, { amount: order().amount }, 'key-capture')
    shop.clock.advance(5000)
    await until(() => shop.notes.length === 4, 'four deliveries came')
    const events = shop.notes.map(({ event }) => event)
    assert.deepEqual(events, [
      'payment.succeeded',
      'payment.succeeded',
      'payment.waiting_for_capture',
      'payment.waiting_for_capture',
    ])
    await policy({ suppress: true })
    const silent = await shop.client.createPayment(order(), 'key-silent')
    await act(shop.twin, { paymentId: silent.id, card: success })
    assert.equal((await shop.client.getPayment(silent.id)).status, 'succeeded')
    assert.deepEqual((await shop.store.load())?.waiting, [])
    await shop.stop()
  })
  it('sends a lie and tells how it was answered', async () => {
    const shop = await openShop()
    const lie = { event: 'payment.succeeded', object: { id: crypto.randomUUID(), status: 'succeeded' } }
    const response = await fetch(`${shop.twin.url}/hooks`, { method: 'POST', body: JSON.stringify({ lie }) })
    assert.deepEqual(await response.json(), { answer: { status: 200, body: 'ok' } })
    assert.equal(shop.notes[0]?.object.id, lie.object.id)
    await shop.stop()
  })
})

describe('YooKassa twin, under faults', () => {
  it('P1 P2 applies one payment under one key, whatever became of the answers', async () => {
    const shop = await openShop()
    for (const kind of ['apply-then-500', 'apply-then-reset', 'html', 'garbage', '429-retry-after']) {
      const fault = { kind, path: '/payments', times: 1, seconds: 7 }
      await fetch(`${shop.twin.url}/faults`, { method: 'POST', body: JSON.stringify(fault) })
    }
    const results: (number | string)[] = []
    for (let n = 0; n < 6; n += 1) {
      const response = await send(shop.twin, '/v3/payments', { body: order(), key: 'one-key' })
      const text = await response.text().catch(() => 'broken')
      results.push(text === 'broken' ? 'broken' : response.status)
      if (response.status === 429) assert.equal(response.headers.get('retry-after'), '7')
    }
    assert.deepEqual(results, [500, 'broken', 200, 200, 429, 200])
    const { calls, applied } = await ledger(shop.twin)
    assert.equal(applied, 1)
    assert.equal(calls.filter(({ key }) => key === 'one-key').length, 6)
    assert.equal((await shop.client.getPaymentList()).items.length, 1)
    await shop.stop()
  })
  it('keeps what took effect over a restart', async () => {
    const shop = await openShop()
    const payment = await shop.client.createPayment(order(), 'key')
    const clock = testClock('2026-11-24T09:00:00.000Z')
    const context = testTwinContext<YooKassaTwinState>({ clock, hubUrl: () => 'http://127.0.0.1:9', store: shop.store })
    const again = await serveTwin(createYooKassaTwin(context, { shopId: '100001', secretKeys: ['test_key'] }))
    assert.equal((await send(again, `/v3/payments/${payment.id}`, { method: 'GET' })).status, 200)
    assert.equal((await ledger(again)).applied, 1)
    context.close()
    await again.stop()
    await shop.stop()
  })
})

describe('YooKassa twin, its pages', () => {
  it('lets a person pay by a test card and sends him back', async () => {
    const shop = await openShop()
    const payment = await shop.client.createPayment(order({ description: 'Подписка <b>«Про»</b>' }), 'key')
    const url = payment.confirmation.confirmation_url ?? ''
    const page = await fetch(url)
    const html = await page.text()
    assert.match(html, /1990\.00 ₽/)
    assert.match(html, /4111111111111111/)
    assert.equal(html.includes('<b>'), false)
    assert.equal(/<script|<style|style=|onclick/.test(html), false)
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/)
    const refused = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams({ card: '1234' }),
      redirect: 'manual',
    })
    assert.equal(refused.status, 409)
    const paid = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams({ card: '4111 1111 1111 1111' }),
      redirect: 'manual',
    })
    assert.deepEqual([paid.status, paid.headers.get('location')], [303, 'https://hub.example/done'])
    assert.match(await (await fetch(shop.twin.url)).text(), /оплачен/)
    await shop.stop()
  })
})
