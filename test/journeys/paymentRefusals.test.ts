import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { askToPay, form, goodCard, letterTo, partnerWhen, payAtYooKassa, payLink, submitForm } from '../support/road.ts'
import { type Json, type RunningService, until, withService } from '../support/service.ts'

// What a provider's words about an order of ours may and may not do, over HTTP with the twins.

type Order = { readonly paymentId: string; readonly subscriptionId: string; readonly location: string }

/** A verified partner who went to the provider's pay page and has not paid. */
const orderOf = async (service: RunningService): Promise<Order> => {
  await submitForm(service, form())
  const location = await askToPay(payLink(await letterTo(service, 'maria@example.ru', /осталась оплата/)))
  await until(async () => (await service.get('/api/v1/payments')).body.items.length === 1, 'the payment to be shown')
  const [{ paymentId, subscriptionId }] = (await service.get('/api/v1/payments')).body.items
  return { paymentId, subscriptionId, location }
}

/** Has a twin send a notification that it made up, right in form and signature; answers what we said. */
const lie = async (
  service: RunningService,
  provider: string,
  told: unknown,
): Promise<{ status: number; body: string }> => {
  const response = await fetch(`${service.url}/sandbox/${provider}/hooks`, {
    method: 'POST',
    body: JSON.stringify({ lie: told }),
  })
  return (await response.json()).answer
}

const typesOf = async (service: RunningService): Promise<readonly string[]> =>
  (await service.get('/api/v1/events?limit=500')).body.items.map((event: Json) => event.type)

const granted = ['PaymentSucceeded', 'SubscriptionActivated', 'PaymentRefunded']

const assertNothingGranted = async (service: RunningService): Promise<void> => {
  const types = await typesOf(service)
  for (const type of granted) assert.equal(types.includes(type), false, type)
  assert.equal((await service.get('/api/v1/subscriptions')).body.items[0].status, 'pending_payment')
}

describe('CloudPayments about an order of ours', () => {
  /** Asks as the terminal does before a charge; answers our code. */
  const checks = (service: RunningService, order: Order) => {
    let transaction = 7000
    return async (change: Readonly<Record<string, string>> = {}): Promise<unknown> => {
      const fields = {
        TransactionId: String(++transaction),
        Amount: '2500.00',
        Currency: 'RUB',
        InvoiceId: order.paymentId,
        AccountId: order.subscriptionId,
        Status: 'Completed',
        OperationType: 'Payment',
        TestMode: '1',
        ...change,
      }
      const answer = await lie(service, 'cloudpayments', { kind: 'check', fields })
      assert.equal(answer.status, 200)
      return JSON.parse(answer.body).code
    }
  }
  const other = (id: string): string => `${id.slice(0, -4)}0000`

  it('is told by a check why it may not charge: 10, 11, 12 and 13 (I8)', async () => {
    await withService({ PAYMENT_PROVIDER: 'cloudpayments' }, async (service) => {
      const order = await orderOf(service)
      const check = checks(service, order)
      assert.equal(await check(), 0)
      assert.equal(await check({ InvoiceId: other(order.paymentId) }), 10)
      assert.equal(await check({ AccountId: other(order.subscriptionId) }), 11)
      assert.equal(await check({ Amount: '2500.01' }), 12)
      assert.equal(await check({ Currency: 'USD' }), 12)
      const path = `/api/v1/subscriptions/${order.subscriptionId}`
      await service.post(`${path}/cancel`, { at: 'now', reason: 'test' })
      await until(async () => (await service.get(path)).body.status === 'cancelled', 'the cancellation to be shown')
      assert.equal(await check(), 13)
    })
  })

  it('is told by a check that an order is past its date: 20 (I8)', async () => {
    await withService({ PAYMENT_PROVIDER: 'cloudpayments' }, async (service) => {
      const check = checks(service, await orderOf(service))
      await service.post('/sandbox/clock', { advance: '40d' })
      assert.equal(await check(), 20)
    })
  })

  it('grants nothing by a pay or refund that its own books do not know (I9 to I11, I13)', async () => {
    await withService({ PAYMENT_PROVIDER: 'cloudpayments' }, async (service) => {
      const order = await orderOf(service)
      const usual = {
        Amount: '2500.00',
        Currency: 'RUB',
        InvoiceId: order.paymentId,
        AccountId: order.subscriptionId,
        Status: 'Completed',
        OperationType: 'Payment',
        TestMode: '1',
      }
      const told: readonly (readonly [string, 'pay' | 'refund', Readonly<Record<string, string>>])[] = [
        ['I9', 'pay', { InvoiceId: 'pay_unknown' }],
        ['I9', 'pay', { AccountId: 'sub_foreign' }],
        ['I9', 'pay', { Amount: '1.00' }],
        ['I9', 'pay', { Currency: 'USD' }],
        ['I10', 'pay', { TestMode: '0' }],
        ['I11', 'pay', { OperationType: 'CardPayout' }],
        ['I11', 'pay', { Status: 'Authorized' }],
        ['I13', 'refund', { PaymentTransactionId: '424242' }],
      ]
      for (const [index, [id, kind, change]] of told.entries()) {
        const fields = { ...usual, TransactionId: String(8000 + index), ...change }
        const answer = await lie(service, 'cloudpayments', { kind, fields })
        assert.deepEqual([answer.status, answer.body], [200, '{"code":0}'], `${id} ${JSON.stringify(change)}`)
      }
      await until(async () => {
        const { items } = (await service.get('/api/v1/effects?destination=cloudpayments&limit=500')).body
        const reads = items.filter((effect: Json) => effect.kind.startsWith('cloudpayments.read'))
        return reads.length >= told.length && reads.every((effect: Json) => effect.status === 'refused')
      }, 'every one to be looked up and not found')
      await assertNothingGranted(service)
    })
  })
})

describe('YooKassa about an order of ours', () => {
  const object = (id: string | undefined, more: Readonly<Record<string, unknown>> = {}) => ({
    id,
    status: 'succeeded',
    paid: true,
    amount: { value: '2500.00', currency: 'RUB' },
    metadata: {},
    ...more,
  })
  const reads = async (service: RunningService): Promise<readonly Json[]> =>
    (await service.get('/api/v1/effects?kind=yookassa.readPayment&limit=500')).body.items

  it('is asked itself: pending stays pending, an unknown object changes nothing, a fault is waited out (I19 to I21, I25)', async () => {
    await withService({}, async (service) => {
      const { location } = await orderOf(service)
      const id = location.split('/').at(-1)
      await fetch(`${service.url}/sandbox/yookassa/faults`, {
        method: 'POST',
        body: JSON.stringify({ kind: '500', method: 'GET', path: `/payments/${id}`, times: 1 }),
      })
      const success = await lie(service, 'yookassa', { event: 'payment.succeeded', object: object(id) })
      assert.equal(success.status, 200)
      await until(async () => (await reads(service)).some(({ attempts }) => attempts === 2), 'the read to be repeated')
      await until(async () => (await reads(service)).some(({ status }) => status === 'done'), 'the payment to be read')
      const unknown = '2e5f1a7c-000f-5000-9000-1a2b3c4d5e6f'
      const foreign = await lie(service, 'yookassa', { event: 'payment.succeeded', object: object(unknown) })
      assert.equal(foreign.status, 200)
      await until(
        async () => (await reads(service)).some(({ status }) => status === 'refused'),
        'the unknown payment to be refused',
      )
      const refund = { id: '2e5f1a7c-0015-5000-9000-1a2b3c4d5e6f', payment_id: unknown }
      const refunded = await lie(service, 'yookassa', { event: 'refund.succeeded', object: object(refund.id, refund) })
      assert.equal(refunded.status, 200)
      await assertNothingGranted(service)
    })
  })

  it('takes no step back: a hold that is told after the success changes nothing (I24)', async () => {
    await withService({}, async (service) => {
      const { location } = await orderOf(service)
      await payAtYooKassa(service, location, goodCard)
      await partnerWhen(service, '7700000009', (row) => row.subscription?.status === 'active', 'active')
      const before = (await typesOf(service)).filter((type) => granted.includes(type))
      const told = object(location.split('/').at(-1), { status: 'waiting_for_capture' })
      const late = await lie(service, 'yookassa', { event: 'payment.waiting_for_capture', object: told })
      assert.equal(late.status, 200)
      await until(
        async () => (await reads(service)).every(({ status }) => status === 'done' || status === 'waiting'),
        'the payment to be read again',
      )
      assert.deepEqual(
        (await typesOf(service)).filter((type) => granted.includes(type)),
        before,
      )
      assert.equal((await service.get('/api/v1/payments')).body.items[0].status, 'succeeded')
    })
  })
})
