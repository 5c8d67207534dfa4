import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hook, listWhen, vectorEnv } from '../support/chats.ts'
import { createDatabase } from '../support/database.ts'
import { type Line, openLine } from '../support/line.ts'
import { type AskedOrder, checkOf, notify } from '../support/notices.ts'
import { askToPay, form, letterTo, payLink, submitForm } from '../support/road.ts'
import { type Json, type RunningService, startService, until } from '../support/service.ts'
import { chatMessage } from '../support/umnicoBodies.ts'

const env = { ...vectorEnv, DIALOG_MODE: 'native', PAYMENT_PROVIDER: 'cloudpayments' }

/** A service with an order that waits for its payer, over a line that can be held. */
const withOrder = async (
  work: (at: { service: RunningService; line: Line; order: AskedOrder }) => Promise<void>,
  more: Readonly<Record<string, string>> = {},
): Promise<void> => {
  const database = await createDatabase({ migrated: false })
  const line = await openLine(database.url)
  const service = await startService({ databaseUrl: line.url, env: { ...env, ...more } })
  try {
    await submitForm(service, form())
    await askToPay(payLink(await letterTo(service, 'maria@example.ru', /осталась оплата/)))
    const [asked] = await listWhen(service, 'events?type=PaymentRequested', (items) => items.length === 1)
    await work({ service, line, order: checkOf(asked.data.paymentId, asked.data.subscriptionId) })
  } finally {
    line.release()
    await service.stop()
    await line.close()
    await database.drop()
  }
}

const goAhead = { status: 200, body: '{"code":0}' }

/** How many appends wait for the log, as the service says. */
const waiting = async (service: RunningService): Promise<number> => {
  const headers = { authorization: `Bearer ${service.operator}` }
  const text = await (await fetch(`${service.url}/metrics`, { headers })).text()
  const value = /^\S*appends_waiting\S* (\d+)/m.exec(text)?.[1]
  assert.ok(value, `the metrics tell how many appends wait: ${text.slice(0, 500)}`)
  return Number(value)
}

/** How many appends wait once nobody joins them any more, and at least so many do. */
const waitingAtRest = async (service: RunningService, least: number): Promise<number> => {
  const seen: number[] = []
  await until(async () => {
    seen.push(await waiting(service))
    const [last, ...before] = seen.slice(-3).reverse()
    return last !== undefined && last >= least && before.length === 2 && before.every((count) => count === last)
  }, `a queue of ${least}`)
  return seen.at(-1) ?? 0
}

describe('payments among chats', () => {
  it('are answered while every connection that chats and read models use is stuck (W12)', () =>
    withOrder(async ({ service, line, order }) => {
      line.hold('hub', 'hub bulk', 'hub listen')
      const chats = Array.from({ length: 40 }, (_, index) => hook(service, 'umnico/s3cr3t', chatMessage(index)))
      for (let time = 0; time < 3; time += 1) assert.deepEqual(await notify(service, 'check', order), goAhead)
      const pay = { ...order, TransactionId: '4242', Status: 'Completed' }
      assert.deepEqual(await notify(service, 'pay', pay), goAhead)
      assert.deepEqual(await notify(service, 'pay', pay), goAhead, 'a repeat is counted over the same connections')
      line.release()
      const statuses = (await Promise.all(chats)).map(({ status }) => status)
      assert.ok(
        statuses.every((status) => status === 200 || status === 503),
        String(statuses),
      )
      const rows = await listWhen(service, 'webhooks?source=cloudpayments', (items) =>
        items.some((item) => item.dedupeKey === 'cloudpayments:pay:4242' && item.repeats === 1),
      )
      assert.equal(rows.filter((row: Json) => row.dedupeKey === 'cloudpayments:pay:4242').length, 1)
    }))

  it('overtake a queue of chats that waits for the log (W12)', () =>
    withOrder(async ({ service, line, order }) => {
      line.hold('hub lane')
      // A batch takes some thirty messages of this size, and the payment is larger than the room that they leave in one.
      const chats = Array.from({ length: 130 }, (_, index) =>
        hook(service, 'umnico/s3cr3t', chatMessage(index, { padding: 200_000 })),
      )
      const chatsWaiting = await waitingAtRest(service, 60)
      const paying = notify(service, 'pay', { ...order, Status: 'Completed', Description: 'x'.repeat(220_000) })
      await waitingAtRest(service, chatsWaiting + 1)
      line.release()
      assert.deepEqual(await paying, goAhead)
      const statuses = (await Promise.all(chats)).map(({ status }) => status)
      assert.ok(
        statuses.every((status) => status === 200 || status === 503),
        String(statuses),
      )
      const positions = async (type: string): Promise<number[]> =>
        (await service.get(`/api/v1/events?type=${type}&limit=500`)).body.items.map((event: Json) => event.position)
      const [paid = 0] = await positions('PaymentNoticeReceived')
      const later = (await positions('MessageReceived')).filter((position) => position > paid)
      assert.ok(later.length >= 40, `${later.length} chats that came before were kept after the payment`)
    }))

  it('are decided by the order itself before any read model shows it', () =>
    withOrder(
      async ({ service, order }) => {
        assert.deepEqual((await service.get('/api/v1/payments')).body.items, [])
        assert.deepEqual(await notify(service, 'check', order), goAhead)
        const codeOf = async (change: Partial<AskedOrder>): Promise<number> =>
          JSON.parse((await notify(service, 'check', { ...order, ...change })).body).code
        assert.equal(await codeOf({ InvoiceId: `pay_${'0'.repeat(32)}` }), 10)
        assert.equal(await codeOf({ AccountId: `sub_${'0'.repeat(32)}` }), 10, 'no order under a foreign account')
        assert.equal(await codeOf({ Amount: '1.00' }), 12)
        assert.equal(await codeOf({ TestMode: '0' }), 13)
      },
      { HUB_ROLES: 'http,reactors,timers' },
    ))

  it('go on while a storm of chats is taken in and the read model of payments is rebuilt and switched', () =>
    withOrder(async ({ service, order }) => {
      await listWhen(service, 'payments', (items) => items.length === 1)
      let next = 0
      const statuses: number[] = []
      const storm = Array.from({ length: 16 }, async () => {
        while (next < 1200) {
          next += 1
          statuses.push((await hook(service, 'umnico/s3cr3t', chatMessage(next, { dialogs: 40 }))).status)
        }
      })
      const rebuilt = service.post('/api/v1/projections/payments/rebuild', { reason: 'test' })
      const codes: number[] = []
      while (next < 1200) {
        const { status, body } = await notify(service, 'check', order)
        assert.equal(status, 200)
        codes.push(JSON.parse(body).code)
      }
      await Promise.all(storm)
      assert.ok((await rebuilt).status < 300)
      assert.ok(
        codes.every((code) => code === 0 || code === 13),
        String(codes),
      )
      const decided = codes.filter((code) => code === 0).length
      assert.ok(decided * 2 > codes.length, `${decided} of ${codes.length} checks were decided`)
      assert.ok(statuses.every((status) => status === 200))
      await listWhen(
        service,
        'projections',
        (items) => items.find((item) => item.name === 'payments')?.candidate?.status === 'ready',
      )
      const switched = await service.post('/api/v1/projections/payments/switch', { reason: 'test' })
      assert.ok(switched.status < 300, JSON.stringify(switched.body))
      assert.deepEqual(await notify(service, 'check', order), goAhead)
    }))
})
