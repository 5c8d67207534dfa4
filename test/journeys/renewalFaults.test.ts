import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
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
import { createDatabase } from '../support/database.ts'
import { form, letterTo, partnerWhen, payLink, submitForm } from '../support/road.ts'
import { freePort, type Json, type RunningService, startService, until, withService } from '../support/service.ts'

const reason = 'Просьба партнёра'
const [yookassa, cloudpayments] = testProviders as readonly [TestProvider, TestProvider]
const subscriptionPath = (id: string): string => `/api/v1/subscriptions/${id}`

const eventsOf = async (service: RunningService, type: string): Promise<readonly Json[]> =>
  (await service.get(`/api/v1/events?type=${type}&limit=500`)).body.items

const chargeEffect = async (service: RunningService, condition: (effect: Json) => boolean): Promise<Json> => {
  let found: Json
  await until(
    async () => {
      const effects = (await service.get('/api/v1/effects?limit=500')).body.items as Json[]
      found = effects.find((effect) => /chargeSaved|chargeToken/.test(effect.kind))
      return found !== undefined && condition(found)
    },
    () => `the charge to be as expected: ${JSON.stringify(found)}`,
  )
  return found
}

for (const provider of testProviders)
  describe(`a charge that something goes wrong with (${provider.name})`, () => {
    const env = { PAYMENT_PROVIDER: provider.name }

    // Each kill costs the lease of what was under way; the second answer is the charge itself.
    for (const passage of provider.name === 'yookassa' ? [1, 2, 3] : [2])
      it(`is made once although the service is killed at answer ${passage} of that day (R5, R6)`, async () => {
        const database = await createDatabase({ migrated: false })
        const dataDir = mkdtempSync(join(tmpdir(), 'hub-renew-'))
        const port = await freePort()
        const start = (more: Readonly<Record<string, string>>): Promise<RunningService> =>
          startService({ databaseUrl: database.url, dataDir, port, env: { ...env, ...more } })
        let service = await start({})
        try {
          const { subscriptionId } = await paidPartner(service, provider, { autopay: true })
          const first = (await service.get(subscriptionPath(subscriptionId))).body
          await moveTo(service, daysAfter(first.paidThrough, -3))
          await letterTo(service, address, /Размещение оплачено до/)
          // What is asked again and again would be killed instead of the charge.
          for (const name of ['tilda', 'umnico', 'flexbe', 'email'])
            await service.post(`/api/v1/destinations/${name}/pause`, { reason })
          await service.stop()
          service = await start({ HUB_TEST_CRASH: `deliver:after-answer:${passage}` })
          // Whether the clock's own answer still comes depends on how soon the service dies.
          await moveTo(service, first.nextChargeAt).catch(() => {})
          await until(
            async () => (await fetch(`${service.url}/healthz`).catch(() => null)) === null,
            'the service to be killed',
          )
          service = await start({})
          await moveTo(service, first.nextChargeAt)
          await subscriptionWhen(service, subscriptionId, (row) => row.paidThrough !== first.paidThrough, 'renewed')
          assert.equal((await chargesAt(service, provider)).length, 1)
          assert.equal((await eventsOf(service, 'PaymentSucceeded')).length, 2)
        } finally {
          await service.stop()
          rmSync(dataDir, { recursive: true, force: true })
          await database.drop()
        }
      })

    it('is looked up, not repeated, when its outcome is unknown for longer than the provider remembers (P1, P10)', () =>
      withService(env, async (service) => {
        const { subscriptionId } = await paidPartner(service, provider, { autopay: true })
        const first = (await service.get(subscriptionPath(subscriptionId))).body
        // The first payment is read again in its first hour; those calls must not use the fault up.
        await moveTo(service, daysAfter(first.paidThrough, -3))
        await until(async () => {
          const { items } = (await service.get('/api/v1/destinations')).body
          const { waiting, running } = items.find((item: Json) => item.name === provider.name)
          return waiting === 0 && running === 0
        }, 'the first payment to have been read again')
        // Of the charge only: the books that are compared at night lie under the same path.
        const fault = { kind: 'apply-then-500', method: 'POST', path: provider.chargePath, times: 1 }
        await fetch(`${service.url}/sandbox/${provider.name}/faults`, { method: 'POST', body: JSON.stringify(fault) })
        // The notices that would tell the truth do not come either.
        const silence = { delayMs: 0, times: 1, order: 'as-made', suppress: true }
        await fetch(`${service.url}/sandbox/${provider.name}/hooks`, { method: 'POST', body: JSON.stringify(silence) })
        await moveTo(service, first.nextChargeAt)
        const effect = await chargeEffect(service, ({ attempts, status }) => attempts === 1 && status === 'waiting')
        assert.equal(effect.lastError, 'provider-error')
        await moveTo(service, daysAfter(first.nextChargeAt, 1.1))
        await subscriptionWhen(service, subscriptionId, (row) => row.paidThrough !== first.paidThrough, 'renewed')
        assert.equal((await chargesAt(service, provider)).length, 1)
      }))

    it('is not sent any more when the consent was withdrawn while it waited', () =>
      withService(env, async (service) => {
        const partner = await paidPartner(service, provider, { autopay: true })
        const path = subscriptionPath(partner.subscriptionId)
        const first = (await service.get(path)).body
        await service.post(`/api/v1/destinations/${provider.name}/pause`, { reason })
        await moveTo(service, first.nextChargeAt)
        await chargeEffect(service, ({ status }) => status === 'waiting')
        // While its outcome is open, nobody pays the same period by hand.
        const byHand = await fetch(partner.payLink, { method: 'POST', redirect: 'manual', body: '' })
        assert.equal(byHand.status, 409)
        assert.match(await byHand.text(), /как раз списываем/)
        assert.equal((await service.post(`${path}/stop-autopay`, { reason })).status, 200)
        await service.post(`/api/v1/destinations/${provider.name}/resume`, { reason })
        const effect = await chargeEffect(service, ({ status }) => status === 'refused')
        assert.equal(effect.lastError, 'charge-withdrawn')
        const row = await subscriptionWhen(
          service,
          partner.subscriptionId,
          (now) => now.savedMethod === false,
          'not charged',
        )
        assert.deepEqual([row.nextChargeAt, row.failedAttempts], [null, 0])
        await until(
          async () => (await service.get('/api/v1/payments?status=canceled')).body.items.length === 1,
          'the end',
        )
        assert.equal((await chargesAt(service, provider)).length, 0)
        await payByHand(service, provider, { link: partner.payLink, autopay: false })
        await subscriptionWhen(
          service,
          partner.subscriptionId,
          (now) => now.paidThrough !== first.paidThrough,
          'paid by hand',
        )
      }))

    it('leaves the period to the payer when an operator gives it up', () =>
      withService(env, async (service) => {
        const partner = await paidPartner(service, provider, { autopay: true })
        const first = (await service.get(subscriptionPath(partner.subscriptionId))).body
        await service.post(`/api/v1/destinations/${provider.name}/pause`, { reason })
        await moveTo(service, first.nextChargeAt)
        const { effectId } = await chargeEffect(service, ({ status }) => status === 'waiting')
        assert.equal((await service.post(`/api/v1/effects/${effectId}/discard`, { reason })).status, 200)
        await service.post(`/api/v1/destinations/${provider.name}/resume`, { reason })
        const row = await subscriptionWhen(
          service,
          partner.subscriptionId,
          (now) => now.nextChargeAt === null,
          'not charged',
        )
        assert.equal(row.savedMethod, true)
        assert.match((await letterTo(service, address, /Нужна ваша оплата/)).text, /Оператор отказался/)
        // Tried again by mistake, it still takes no money: the period is not its business any more.
        await service.post(`/api/v1/effects/${effectId}/retry`, { reason })
        await chargeEffect(service, ({ status }) => status === 'refused')
        assert.equal((await chargesAt(service, provider)).length, 0)
        await payByHand(service, provider, { link: partner.payLink, autopay: false })
        await subscriptionWhen(
          service,
          partner.subscriptionId,
          (now) => now.paidThrough !== first.paidThrough,
          'paid by hand',
        )
      }))

    it('waits for a payer who is paying by hand at that moment', () =>
      withService(env, async (service) => {
        const partner = await paidPartner(service, provider, { autopay: true })
        const first = (await service.get(subscriptionPath(partner.subscriptionId))).body
        await moveTo(service, daysAfter(first.nextChargeAt, -0.01))
        const asked = await fetch(partner.payLink, { method: 'POST', redirect: 'manual', body: '' })
        assert.equal(asked.status, 303)
        await moveTo(service, first.nextChargeAt)
        await until(async () => (await eventsOf(service, 'RenewalScheduled')).length === 2, 'the charge to be put off')
        assert.equal((await chargesAt(service, provider)).length, 0)
        await provider.pay(service, asked.headers.get('location') ?? '', provider.card)
        const row = await subscriptionWhen(
          service,
          partner.subscriptionId,
          (now) => now.paidThrough !== first.paidThrough,
          'paid',
        )
        await moveTo(service, daysAfter(first.nextChargeAt, 0.2))
        assert.equal(row.nextChargeAt, daysAfter(row.paidThrough, -1))
        assert.equal((await chargesAt(service, provider)).length, 0)
      }))
  })

describe('a refusal with a word on the next try', () => {
  it('moves the next charge, when it comes as a signed notice (cloudpayments)', () =>
    withService({ PAYMENT_PROVIDER: 'cloudpayments' }, async (service) => {
      const { subscriptionId } = await paidPartner(service, cloudpayments, { autopay: true })
      const first = (await service.get(subscriptionPath(subscriptionId))).body
      await bankSays(service, cloudpayments, cloudpayments.soft)
      const hooks = (body: unknown): Promise<Response> =>
        fetch(`${service.url}/sandbox/cloudpayments/hooks`, { method: 'POST', body: JSON.stringify(body) })
      await hooks({ delayMs: 0, times: 1, order: 'as-made', suppress: true })
      await moveTo(service, first.nextChargeAt)
      const row = await subscriptionWhen(service, subscriptionId, (now) => now.failedAttempts === 1, 'declined')
      const declined = (await paymentsSince(service, row)).at(-1)
      const retryAfter = daysAfter(first.nextChargeAt, 2).slice(0, 19)
      const fields = {
        TransactionId: declined.providerPaymentId,
        Amount: '2500.00',
        Currency: 'RUB',
        InvoiceId: declined.paymentId,
        AccountId: subscriptionId,
        DateTime: first.nextChargeAt.slice(0, 19).replace('T', ' '),
        TestMode: '1',
        Reason: 'InsufficientFunds',
        ReasonCode: '5051',
        RetryAfter: retryAfter.replace('T', ' '),
      }
      const sent = await (await hooks({ lie: { kind: 'fail', fields } })).json()
      assert.deepEqual(sent.answer, { status: 200, body: '{"code":0}' })
      await subscriptionWhen(service, subscriptionId, (now) => now.nextChargeAt === `${retryAfter}.000Z`, 'put off')
      assert.equal(await lettersAbout(service, /списание не прошло/), 1)
    }))
})

describe('a subscription whose life goes on', () => {
  it('is renewed once when the clock jumps over notice, charge and end at once (R21)', () =>
    withService({}, async (service) => {
      const { subscriptionId } = await paidPartner(service, yookassa, { autopay: true })
      const first = (await service.get(subscriptionPath(subscriptionId))).body
      await moveTo(service, daysAfter(first.paidThrough, 2))
      const row = await subscriptionWhen(
        service,
        subscriptionId,
        (now) => now.paidThrough !== first.paidThrough && now.status === 'active',
        'renewed',
      )
      assert.ok(row.periodStart > first.paidThrough, 'a late payment pays from its own day on')
      assert.equal((await chargesAt(service, yookassa)).length, 1)
      const log = (await service.get('/api/v1/events?limit=500')).body.items as Json[]
      const position = (type: string, renewal: boolean): number =>
        log.find((event) => event.type === type && (type !== 'PaymentRequested' || !!event.data.renewal === renewal))
          ?.position
      assert.ok(position('RenewalAnnounced', true) < position('PaymentRequested', true), 'the notice comes first')
    }))

  it('is renewed once by two services at once', async () => {
    const database = await createDatabase({ migrated: false })
    const first = await startService({ databaseUrl: database.url })
    // One shop for both: the twin of the first one.
    const shop = {
      YUKASSA_SHOP_ID: '100001',
      YUKASSA_SECRET_KEY: 'test_sandbox-shop-key',
      YUKASSA_BASE_URL: `${first.url}/sandbox/yookassa/v3`,
      PUBLIC_URL: first.url,
      HUB_ROLES: 'reactors,timers',
    }
    const { subscriptionId } = await paidPartner(first, yookassa, { autopay: true })
    const second = await startService({ databaseUrl: database.url, env: shop })
    try {
      let row = (await first.get(subscriptionPath(subscriptionId))).body
      for (const charges of [1, 2]) {
        const before = row.paidThrough
        await moveTo(first, row.nextChargeAt)
        row = await subscriptionWhen(first, subscriptionId, (now) => now.paidThrough !== before, 'renewed')
        assert.equal((await chargesAt(first, yookassa)).length, charges)
      }
    } finally {
      await Promise.all([first.stop(), second.stop()])
      await database.drop()
    }
  })

  it('without a consent is told of by letters before and after its end, and expires at last', () =>
    withService({}, async (service) => {
      const partner = await paidPartner(service, yookassa, { autopay: false })
      const { subscriptionId } = partner
      const first = (await service.get(subscriptionPath(subscriptionId))).body
      assert.deepEqual([first.savedMethod, first.nextChargeAt], [false, null])
      await moveTo(service, daysAfter(first.paidThrough, -3))
      const soon = await letterTo(service, address, /Размещение оплачено до/)
      assert.match(soon.text, /продление не включено/)
      assert.ok(soon.text.includes(partner.payLink))
      await moveTo(service, first.paidThrough)
      await subscriptionWhen(service, subscriptionId, (row) => row.status === 'past_due', 'past due')
      await letterTo(service, address, /Размещение закончилось/)
      await moveTo(service, daysAfter(first.paidThrough, 4))
      await until(async () => (await lettersAbout(service, /Размещение закончилось/)) === 2, 'a second reminder')
      await moveTo(service, daysAfter(first.paidThrough, 7))
      await subscriptionWhen(service, subscriptionId, (row) => row.status === 'suspended', 'suspended')
      await until(async () => (await pageStatus(service, partner)) === 404, 'the page to be withdrawn')
      await letterTo(service, address, /Страница снята/)
      await moveTo(service, daysAfter(first.paidThrough, 97))
      await subscriptionWhen(service, subscriptionId, (row) => row.status === 'expired', 'expired')
      await letterTo(service, address, /Подписка закончена/)
      const late = await fetch(partner.payLink, { method: 'POST', redirect: 'manual', body: '' })
      assert.equal(late.status, 409)
      const shown = (await service.get(`/api/v1/partners/${partner.partnerId}`)).body
      assert.equal(shown.subscription.status, 'expired')
    }))

  it('is charged the price of the plan that it changes to, which is told again', () =>
    withService({}, async (service) => {
      const { subscriptionId } = await paidPartner(service, yookassa, { autopay: true })
      const path = subscriptionPath(subscriptionId)
      const first = (await service.get(path)).body
      await moveTo(service, daysAfter(first.paidThrough, -3))
      await until(async () => (await lettersAbout(service, /Размещение оплачено до/)) === 1, 'the notice')
      const change = await service.post(`${path}/change-plan`, { reason, plan: 'PARTNER-3M', at: 'period_end' })
      assert.equal(change.status, 200)
      await until(async () => (await lettersAbout(service, /Размещение оплачено до/)) === 2, 'the new price to be told')
      assert.match((await letterTo(service, address, /Размещение оплачено до/)).text, /6 900 ₽/)
      await moveTo(service, first.nextChargeAt)
      const row = await subscriptionWhen(service, subscriptionId, (now) => now.plan === 'PARTNER-3M', 'renewed')
      assert.equal(row.priceKopecks, 690_000)
      const payments = await paymentsSince(service, row)
      assert.deepEqual(
        payments.map((payment) => payment.amountKopecks),
        [250_000, 690_000],
      )
    }))

  it('is charged no more after its last payment was given back as a whole', () =>
    withService({}, async (service) => {
      const { subscriptionId } = await paidPartner(service, yookassa, { autopay: true })
      const path = subscriptionPath(subscriptionId)
      const first = (await service.get(path)).body
      await service.post(`${path}/refund`, { reason, amountKopecks: 100_000 })
      await until(
        async () => (await service.get('/api/v1/payments')).body.items[0].refundedKopecks === 100_000,
        'a part',
      )
      assert.equal((await service.get(path)).body.savedMethod, true)
      await service.post(`${path}/refund`, { reason, amountKopecks: 150_000 })
      const row = await subscriptionWhen(service, subscriptionId, (now) => now.savedMethod === false, 'not charged')
      assert.deepEqual([row.nextChargeAt, row.status], [null, 'active'])
      await moveTo(service, first.paidThrough)
      await subscriptionWhen(service, subscriptionId, (now) => now.status === 'past_due', 'past due')
      assert.equal((await chargesAt(service, yookassa)).length, 0)
    }))

  it('goes on again when a cancellation is taken back', () =>
    withService({}, async (service) => {
      const { subscriptionId } = await paidPartner(service, yookassa, { autopay: true })
      const path = subscriptionPath(subscriptionId)
      const first = (await service.get(path)).body
      await service.post(`${path}/cancel`, { reason, at: 'period_end' })
      await subscriptionWhen(service, subscriptionId, (row) => row.nextChargeAt === null, 'cancelled at its end')
      assert.equal((await service.post(`${path}/resume`, { reason })).status, 200)
      const row = await subscriptionWhen(service, subscriptionId, (now) => now.nextChargeAt !== null, 'going on')
      assert.deepEqual([row.cancelAtPeriodEnd, row.nextChargeAt], [false, first.nextChargeAt])
      await moveTo(service, first.nextChargeAt)
      await subscriptionWhen(service, subscriptionId, (now) => now.paidThrough !== first.paidThrough, 'renewed')
      assert.equal((await chargesAt(service, yookassa)).length, 1)
    }))

  it('ends with the person, who is charged no more', () =>
    withService({ PAYMENT_PROVIDER: 'cloudpayments' }, async (service) => {
      const { partnerId, subscriptionId } = await paidPartner(service, cloudpayments, { autopay: true })
      const first = (await service.get(subscriptionPath(subscriptionId))).body
      await service.post(`/api/v1/partners/${partnerId}/erase`, { reason, basis: 'request' })
      const row = await subscriptionWhen(service, subscriptionId, (now) => now.status === 'cancelled', 'cancelled')
      assert.deepEqual([row.savedMethod, row.nextChargeAt], [false, null])
      await moveTo(service, first.paidThrough)
      assert.equal((await chargesAt(service, cloudpayments)).length, 0)
      assert.equal(await lettersAbout(service, /Подписка закончена/), 0)
    }))

  it('may begin with a free trial: a page without a payment, a letter before its end, and a first payment that follows it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hub-plans-'))
    const plans = [{ plan: 'PARTNER-1M', title: '1 месяц', priceKopecks: 250_000, months: 1, trialDays: 14 }]
    writeFileSync(join(folder, 'plans.json'), JSON.stringify(plans))
    await withService({ PLANS_FILE: join(folder, 'plans.json') }, async (service) => {
      await submitForm(service, form())
      const started = await letterTo(service, address, /Пробный срок начался/)
      const link = payLink(started)
      const { slug, partnerId, subscription } = await partnerWhen(service, '7700000009', (row) => row.listed, 'listed')
      assert.equal(subscription.status, 'trialing')
      const partner = { slug, partnerId, subscriptionId: subscription.subscriptionId, payLink: link }
      assert.equal(await pageStatus(service, partner), 200)
      await moveTo(service, daysAfter(subscription.paidThrough, -3))
      await letterTo(service, address, /Пробный срок заканчивается/)
      await moveTo(service, subscription.paidThrough)
      await subscriptionWhen(service, partner.subscriptionId, (row) => row.status === 'suspended', 'suspended')
      await until(async () => (await pageStatus(service, partner)) === 404, 'the page to be withdrawn')
      await payByHand(service, yookassa, { link, autopay: true })
      const row = await subscriptionWhen(service, partner.subscriptionId, (now) => now.status === 'active', 'active')
      assert.equal(row.nextChargeAt, daysAfter(row.paidThrough, -1))
      await until(async () => (await pageStatus(service, partner)) === 200, 'the page to be back')
    })
    rmSync(folder, { recursive: true, force: true })
  })
})
