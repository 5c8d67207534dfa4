import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Instant, plusMonths } from '../../src/kernel/time.ts'
import {
  address,
  bankSays,
  chargesAt,
  daysAfter,
  lettersAbout,
  moveTo,
  pageStatus,
  paidPartner,
  payByHand,
  paymentsSince,
  subscriptionWhen,
  type TestProvider,
  testProviders,
} from '../support/billing.ts'
import { letterTo } from '../support/road.ts'
import { type Json, type RunningService, until, withService } from '../support/service.ts'

/** The newest payment as the provider shows it to the shop. */
const newestAtProvider = async (service: RunningService, { name }: TestProvider, row: Json): Promise<string> => {
  const basic = (user: string, password: string) => ({
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
  })
  if (name === 'yookassa') {
    const headers = basic('100001', 'test_sandbox-shop-key')
    return (await fetch(`${service.url}/sandbox/yookassa/v3/payments?limit=1`, { headers })).text()
  }
  const payments = await paymentsSince(service, row)
  const found = await fetch(`${service.url}/sandbox/cloudpayments/v2/payments/find`, {
    method: 'POST',
    headers: { ...basic('test_api_sandbox', 'sandbox-terminal-secret'), 'content-type': 'application/json' },
    body: JSON.stringify({ InvoiceId: payments.at(-1)?.paymentId }),
  })
  return found.text()
}

/** YooKassa tells only that a receipt came along; CloudPayments shows what was sent. */
const receiptOf = {
  yookassa: /"receipt_registration"/,
  cloudpayments: /CustomerReceipt.*maria@example\.ru/,
} as const

for (const provider of testProviders)
  describe(`renewal by a saved method (${provider.name})`, () => {
    const env = { PAYMENT_PROVIDER: provider.name }

    it('goes on for three periods: a notice, one charge a day before the end, and the day of the month stays (R22)', () =>
      withService(env, async (service) => {
        const { subscriptionId } = await paidPartner(service, provider, { autopay: true })
        let row = (await service.get(`/api/v1/subscriptions/${subscriptionId}`)).body
        const start = row.periodStart as Instant
        for (const period of [1, 2, 3]) {
          assert.equal(row.nextChargeAt, daysAfter(row.paidThrough, -1))
          await moveTo(service, daysAfter(row.paidThrough, -3))
          await until(
            async () => (await lettersAbout(service, /Размещение оплачено до/)) === period,
            'the notice of the charge',
          )
          assert.equal((await chargesAt(service, provider)).length, period - 1)
          await moveTo(service, row.nextChargeAt)
          const before = row.paidThrough
          row = await subscriptionWhen(service, subscriptionId, (now) => now.paidThrough !== before, 'renewed')
          assert.deepEqual(
            [row.status, row.periodStart, row.paidThrough, row.failedAttempts, row.savedMethod],
            ['active', before, plusMonths(start, period + 1), 0, true],
          )
          assert.equal((await chargesAt(service, provider)).length, period)
        }
        const payments = await paymentsSince(service, row)
        assert.deepEqual(
          payments.map((payment) => [payment.status, payment.amountKopecks]),
          [1, 2, 3, 4].map(() => ['succeeded', 250_000]),
        )
        const notice = await letterTo(service, address, /Размещение оплачено до/)
        assert.match(notice.text, /мы спишем 2 500 ₽/)
        const verified = (await service.post('/api/v1/projections/verify', {})).body.models as Json[]
        assert.ok(
          verified.every((model) => model.differences === 0),
          JSON.stringify(verified),
        )
      }))

    it('brings a receipt to the partner with each charge when receipts are on', () =>
      withService(
        { ...env, RECEIPTS: 'on', RECEIPT_VAT: provider.name === 'yookassa' ? '11' : '22' },
        async (service) => {
          const { subscriptionId } = await paidPartner(service, provider, { autopay: true })
          const first = (await service.get(`/api/v1/subscriptions/${subscriptionId}`)).body
          await moveTo(service, first.nextChargeAt)
          const row = await subscriptionWhen(
            service,
            subscriptionId,
            (now) => now.paidThrough !== first.paidThrough,
            'renewed',
          )
          assert.match(await newestAtProvider(service, provider, row), receiptOf[provider.name])
        },
      ))

    it('is tried again after a soft refusal, on its days, until the bank agrees', () =>
      withService(env, async (service) => {
        const partner = await paidPartner(service, provider, { autopay: true })
        const { subscriptionId } = partner
        const first = (await service.get(`/api/v1/subscriptions/${subscriptionId}`)).body
        await bankSays(service, provider, provider.soft)
        await moveTo(service, first.nextChargeAt)
        let row = await subscriptionWhen(service, subscriptionId, (now) => now.failedAttempts === 1, 'declined once')
        assert.deepEqual([row.status, row.savedMethod], ['active', true])
        assert.match((await letterTo(service, address, /списание не прошло/)).text, /На карте не хватает денег/)
        const began = Date.parse(row.nextChargeAt) - 86_400_000
        assert.ok(began >= Date.parse(first.nextChargeAt), 'the second try comes a day after the first')
        await moveTo(service, row.nextChargeAt)
        row = await subscriptionWhen(service, subscriptionId, (now) => now.failedAttempts === 2, 'declined twice')
        await subscriptionWhen(service, subscriptionId, (now) => now.status === 'past_due', 'past due')
        assert.equal(Date.parse(row.nextChargeAt), began + 3 * 86_400_000)
        assert.equal(await pageStatus(service, partner), 200)
        assert.equal(await lettersAbout(service, /Размещение закончилось/), 0)
        await bankSays(service, provider, null)
        await moveTo(service, row.nextChargeAt)
        row = await subscriptionWhen(service, subscriptionId, (now) => now.status === 'active', 'active again')
        assert.equal(row.failedAttempts, 0)
        assert.equal(row.nextChargeAt, daysAfter(row.paidThrough, -1))
        assert.equal((await chargesAt(service, provider)).length, 3)
      }))

    it('stops after a hard refusal: a letter, grace, the page withdrawn, and back after a payment by hand', () =>
      withService(env, async (service) => {
        const partner = await paidPartner(service, provider, { autopay: true })
        const { subscriptionId } = partner
        const first = (await service.get(`/api/v1/subscriptions/${subscriptionId}`)).body
        await bankSays(service, provider, provider.hard)
        await moveTo(service, first.nextChargeAt)
        const row = await subscriptionWhen(service, subscriptionId, (now) => now.failedAttempts === 1, 'declined')
        assert.deepEqual([row.status, row.savedMethod, row.nextChargeAt], ['active', false, null])
        const letter = await letterTo(service, address, /Нужна ваша оплата/)
        assert.match(letter.text, /Срок карты истёк/)
        assert.ok(letter.text.includes(partner.payLink))
        await moveTo(service, first.paidThrough)
        await subscriptionWhen(service, subscriptionId, (now) => now.status === 'past_due', 'past due')
        assert.equal(await pageStatus(service, partner), 200)
        await moveTo(service, daysAfter(first.paidThrough, 4))
        await until(async () => (await lettersAbout(service, /Размещение закончилось/)) === 2, 'both reminders')
        await moveTo(service, daysAfter(first.paidThrough, 7))
        await subscriptionWhen(service, subscriptionId, (now) => now.status === 'suspended', 'suspended')
        await until(async () => (await pageStatus(service, partner)) === 404, 'the page to be withdrawn')
        await letterTo(service, address, /Страница снята до оплаты/)
        assert.equal((await chargesAt(service, provider)).length, 1)
        await payByHand(service, provider, { link: partner.payLink, autopay: true })
        const back = await subscriptionWhen(service, subscriptionId, (now) => now.status === 'active', 'active')
        await until(async () => (await pageStatus(service, partner)) === 200, 'the page to be back')
        assert.deepEqual([back.savedMethod, back.nextChargeAt], [true, daysAfter(back.paidThrough, -1)])
      }))

    it('gives up after four tries and asks the partner to pay', () =>
      withService(env, async (service) => {
        const { subscriptionId } = await paidPartner(service, provider, { autopay: true })
        await bankSays(service, provider, provider.soft)
        for (const tries of [1, 2, 3, 4]) {
          const { nextChargeAt } = (await service.get(`/api/v1/subscriptions/${subscriptionId}`)).body
          await moveTo(service, nextChargeAt)
          await subscriptionWhen(
            service,
            subscriptionId,
            (now) => now.failedAttempts === tries,
            `declined ${tries} times`,
          )
        }
        const row = await subscriptionWhen(service, subscriptionId, (now) => now.nextChargeAt === null, 'not charged')
        assert.deepEqual([row.status, row.savedMethod], ['past_due', true])
        await letterTo(service, address, /Нужна ваша оплата/)
        assert.equal(await lettersAbout(service, /списание не прошло/), 3)
        assert.equal((await chargesAt(service, provider)).length, 4)
      }))

    it('is not charged when it was cancelled at the end of the period', () =>
      withService(env, async (service) => {
        const partner = await paidPartner(service, provider, { autopay: true })
        const path = `/api/v1/subscriptions/${partner.subscriptionId}`
        const first = (await service.get(path)).body
        const cancelled = await service.post(`${path}/cancel`, { reason: 'Просьба', at: 'period_end' })
        assert.equal(cancelled.status, 200)
        const row = (await service.get(`${path}?minPosition=${cancelled.headers.get('x-position')}`)).body
        assert.deepEqual([row.cancelAtPeriodEnd, row.nextChargeAt, row.status], [true, null, 'active'])
        await moveTo(service, daysAfter(first.paidThrough, -1))
        await moveTo(service, first.paidThrough)
        const ended = await subscriptionWhen(
          service,
          partner.subscriptionId,
          (now) => now.status === 'cancelled',
          'cancelled',
        )
        assert.deepEqual([ended.savedMethod, ended.nextChargeAt], [false, null])
        await until(async () => (await pageStatus(service, partner)) === 404, 'the page to be withdrawn')
        await letterTo(service, address, /Подписка закончена/)
        assert.equal(await lettersAbout(service, /Размещение оплачено до/), 0)
        assert.equal((await chargesAt(service, provider)).length, 0)
      }))
  })
