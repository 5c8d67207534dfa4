import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  askToPay,
  form,
  goodCard,
  letterTo,
  partnerWhen,
  payAtCloudPayments,
  payAtYooKassa,
  payLink,
  submitForm,
} from '../support/road.ts'
import { type Json, type RunningService, until, withService } from '../support/service.ts'

const reason = 'Просьба партнёра'

/** A partner who has paid a month by a provider. */
const paidPartner = async (
  service: RunningService,
  pay: (service: RunningService, location: string, card: string) => Promise<Response>,
): Promise<{ subscriptionId: string; link: string }> => {
  await submitForm(service, form())
  const link = payLink(await letterTo(service, 'maria@example.ru', /осталась оплата/))
  assert.equal((await pay(service, await askToPay(link), goodCard)).status, 200)
  const partner = await partnerWhen(service, '7700000009', (row) => row.subscription?.status === 'active', 'active')
  return { subscriptionId: partner.subscription.subscriptionId, link }
}

const paymentWhen = async (service: RunningService, condition: (row: Json) => boolean, what: string): Promise<Json> => {
  let found: Json
  await until(async () => {
    found = (await service.get('/api/v1/payments')).body.items[0]
    return condition(found)
  }, `the payment to be ${what}`)
  return found
}

describe('money given back', () => {
  for (const [provider, pay] of [
    ['yookassa', payAtYooKassa],
    ['cloudpayments', payAtCloudPayments],
  ] as const)
    it(`goes back in parts and never twice, and the provider’s own sum counts (${provider})`, async () => {
      await withService({ PAYMENT_PROVIDER: provider }, async (service) => {
        const { subscriptionId } = await paidPartner(service, pay)
        const refund = (amountKopecks: unknown) =>
          service.post(`/api/v1/subscriptions/${subscriptionId}/refund`, { reason, amountKopecks })
        for (const amount of [0, -1, 1.5, '100', null, undefined])
          assert.equal((await refund(amount)).status, 422, String(amount))
        const part = await refund(100_000)
        assert.equal(part.status, 200)
        assert.ok(Number(part.headers.get('x-position')) > 0)
        await paymentWhen(service, (row) => row.refundedKopecks === 100_000, 'refunded in part')
        assert.equal((await service.get('/api/v1/payments')).body.items[0].status, 'partially_refunded')
        const over = await refund(150_001)
        assert.deepEqual([over.status, over.body.code], [409, 'refund-too-large'])
        assert.deepEqual(
          (await Promise.all([refund(150_000), refund(150_000)])).map(({ status }) => status).sort(),
          [200, 409],
        )
        const whole = await paymentWhen(service, (row) => row.status === 'refunded', 'refunded')
        assert.equal(whole.refundedKopecks, 250_000)
        const ledger = await (await fetch(`${service.url}/sandbox/${provider}/ledger`)).json()
        const applied = ledger.calls.filter(
          (call: Json) => call.applied && call.method === 'POST' && /refund/.test(call.path),
        )
        assert.equal(applied.length, 2)
      })
    })
})

describe('a change of plan', () => {
  it('is shown at once or with the next period, and what was paid for stays paid for', async () => {
    await withService({}, async (service) => {
      const { subscriptionId, link } = await paidPartner(service, payAtYooKassa)
      const path = `/api/v1/subscriptions/${subscriptionId}`
      const change = (plan: unknown, at: unknown) => service.post(`${path}/change-plan`, { reason, plan, at })
      assert.equal((await change('PARTNER-99Y', 'now')).status, 422)
      assert.equal((await change('PARTNER-3M', 'soon')).status, 422)
      const before = (await service.get(path)).body
      assert.equal((await change('PARTNER-3M', 'period_end')).status, 200)
      assert.equal((await service.get(path)).body.plan, 'PARTNER-1M')
      assert.match(await (await fetch(link)).text(), /3 месяца/)
      const now = await change('PARTNER-12M', 'now')
      assert.equal(now.status, 200)
      const after = (await service.get(`${path}?minPosition=${now.headers.get('x-position')}`)).body
      assert.deepEqual(
        [after.plan, after.priceKopecks, after.paidThrough],
        ['PARTNER-12M', 2_400_000, before.paidThrough],
      )
    })
  })
})
