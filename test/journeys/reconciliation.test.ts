import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { innOf } from '../../src/cli/demoCompanies.ts'
import { instant, moscowDate, plusCalendarDays } from '../../src/kernel/time.ts'
import { daysAfter, moveTo, nowOf } from '../support/billing.ts'
import { act, listWhen } from '../support/chats.ts'
import { createDatabase } from '../support/database.ts'
import { eventsOf, idle, reconciled, silence, standingProvider } from '../support/reconciling.ts'
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
import { type Json, type RunningService, startService, withService } from '../support/service.ts'

const inn = '7700000009'
const reason = 'Проверка'
const isActive = (partner: Json): boolean => partner.subscription?.status === 'active'

/** An applicant who was sent to the provider and has not paid yet; answers where he was sent. */
const sentToPay = async (service: RunningService): Promise<string> => {
  await submitForm(service, form())
  return askToPay(payLink(await letterTo(service, 'maria@example.ru', /осталась оплата/)))
}

/** The questions that are asked without a notice are lost too, as after the restore of an older backup. */
const forgetQuestions = async (service: RunningService): Promise<void> => {
  const asks = (items: readonly Json[]) => items.filter(({ kind }) => /\.(read|find)Payment$/.test(kind))
  const waiting = await listWhen(service, 'effects?status=waiting&limit=500', (items) => asks(items).length === 3)
  for (const { effectId } of asks(waiting))
    assert.equal((await service.post(`/api/v1/effects/${effectId}/discard`, { reason })).status, 200)
}

const wayOf = (partner: Json, events: readonly Json[]): readonly unknown[] => [
  events.length,
  events[0]?.meta.origin,
  events[0]?.data.partnerId === partner.partnerId,
]

describe('reconciliation with a payment provider', () => {
  for (const provider of ['yookassa', 'cloudpayments'] as const)
    it(`finds what was paid while the service was stopped and no notice came, and activates it once (W14, ${provider})`, {
      timeout: 60_000,
    }, async () => {
      const twin = await standingProvider(provider)
      const database = await createDatabase({ migrated: false })
      const dataDir = mkdtempSync(join(tmpdir(), 'hub-recon-'))
      const start = () => startService({ databaseUrl: database.url, dataDir, env: twin.env })
      let service = await start()
      try {
        const location = await sentToPay(service)
        await forgetQuestions(service)
        assert.equal(await service.stop(), 0)
        const id = location.split('/').at(-1)
        await twin.act(provider === 'yookassa' ? { paymentId: id, card: goodCard } : { orderId: id, card: goodCard })
        service = await start()
        const before = await partnerWhen(service, inn, () => true, 'there')
        assert.equal(before.subscription.status, 'pending_payment')

        const looked = await reconciled(service, provider, { dryRun: true })
        assert.deepEqual(
          [looked.status, looked.dryRun, looked.theirs, looked.behind, looked.different],
          ['finished', true, 1, 1, 0],
        )
        await idle(service)
        assert.deepEqual(await eventsOf(service, 'PaymentSucceeded'), [])
        assert.deepEqual(await eventsOf(service, 'DifferenceFound'), [])

        const found = await reconciled(service, provider)
        assert.deepEqual([found.theirs, found.behind, found.different], [1, 1, 0])
        const partner = await partnerWhen(service, inn, isActive, 'active')
        for (const type of ['PaymentSucceeded', 'SubscriptionActivated'])
          assert.deepEqual(wayOf(partner, await eventsOf(service, type)), [1, 'reconciliation', true], type)
        const [difference] = await listWhen(service, 'differences', ([row]) => row?.status === 'corrected')
        assert.deepEqual(
          [difference.kind, difference.remedy, difference.partnerId],
          ['behind', 'reread', partner.partnerId],
        )

        const again = await reconciled(service, provider)
        assert.deepEqual([again.theirs, again.behind, again.different, again.ours], [1, 0, 0, 1])
        await idle(service)
        for (const type of ['PaymentSucceeded', 'SubscriptionActivated', 'DifferenceFound'])
          assert.equal((await eventsOf(service, type)).length, 1, type)
      } finally {
        await service.stop()
        await twin.stop()
        await database.drop()
        rmSync(dataDir, { recursive: true, force: true })
      }
    })

  it('compares by itself in the night after a day, also a night on which the service was stopped (W14)', {
    timeout: 60_000,
  }, async () => {
    const twin = await standingProvider('yookassa')
    const database = await createDatabase({ migrated: false })
    let service = await startService({ databaseUrl: database.url, env: twin.env })
    try {
      const location = await sentToPay(service)
      await forgetQuestions(service)
      await service.stop()
      await twin.act({ paymentId: location.split('/').at(-1), card: goodCard })
      service = await startService({ databaseUrl: database.url, env: twin.env })
      // Noon, so that the hour at which this runs does not matter: the last night is over, and the next one far.
      await moveTo(service, `${daysAfter(await nowOf(service), 4).slice(0, 10)}T12:00:00.000Z`)
      await partnerWhen(service, inn, isActive, 'active')
      const first = moscowDate(instant(Date.now()))
      const nights = [0, 1, 2].map((count) => plusCalendarDays(first, count))
      const runs = await listWhen(service, 'reconciliation?provider=yookassa&status=finished', (items) =>
        nights.every((night) => items.some(({ firstDay, day }) => firstDay <= night && night <= day)),
      )
      assert.ok(runs.length <= 2 && runs.every(({ trigger }) => trigger === 'schedule'))
      assert.equal((await eventsOf(service, 'PaymentSucceeded')).length, 1)
    } finally {
      await service.stop()
      await twin.stop()
      await database.drop()
    }
  })

  it('counts one payment once, whichever of webhook, reconciliation and operator comes first (W15)', {
    timeout: 60_000,
  }, async () => {
    await withService({}, async (service) => {
      const orders = [
        ['webhook', 'reconciliation', 'operator'],
        ['webhook', 'operator', 'reconciliation'],
        ['reconciliation', 'webhook', 'operator'],
        ['reconciliation', 'operator', 'webhook'],
        ['operator', 'webhook', 'reconciliation'],
        ['operator', 'reconciliation', 'webhook'],
      ] as const
      await silence(service, 'yookassa')
      for (const [place, order] of orders.entries()) {
        const own = `77${String(10_000_000 + place).slice(1)}`
        const paid = await paidInSilence(service, `${own}0`)
        const ways = {
          webhook: () => notify(service, 'payment.succeeded', paid.payment),
          reconciliation: () => reconciled(service, 'yookassa'),
          operator: () => service.post(`/api/v1/webhooks/${paid.webhookId}/replay`, { reason }),
        }
        for (const way of order) await ways[way]()
        await idle(service)
        for (const type of ['PaymentSucceeded', 'SubscriptionActivated', 'PaymentMismatched']) {
          const events = (await eventsOf(service, type)).filter(({ data }) => data.partnerId === paid.partnerId)
          assert.equal(events.length, type === 'PaymentMismatched' ? 0 : 1, `${order.join(', ')}: ${type}`)
        }
      }
    })
  })

  for (const [provider, pay] of [
    ['yookassa', payAtYooKassa],
    ['cloudpayments', payAtCloudPayments],
  ] as const)
    it(`finds a payment that the provider applied twice, tells the operator, and gives it back by one command (P11, ${provider})`, {
      timeout: 60_000,
    }, async () => {
      await withService({ PAYMENT_PROVIDER: provider, RECEIPTS: 'on', RECEIPT_VAT: '1' }, async (service) => {
        const paid = await (await pay(service, await sentToPay(service), goodCard)).json()
        const before = await partnerWhen(service, inn, isActive, 'active')
        await silence(service, provider)
        const first = provider === 'yookassa' ? { paymentId: paid.id } : { transactionId: paid.Model.TransactionId }
        await act(service, provider, { ...first, again: true })

        const run = await reconciled(service, provider)
        assert.deepEqual([run.theirs, run.behind, run.different, run.findings.length], [2, 0, 1, 1])
        const [difference] = await listWhen(service, 'differences', (items) => items.length === 1)
        assert.deepEqual(
          [difference.kind, difference.status, difference.remedy, difference.amountKopecks, difference.partnerId],
          ['payment-twice', 'open', 'refund', 250_000, before.partnerId],
        )
        const alert = await letterTo(service, 'operator@example.ru', /Сверка/)
        assert.match(alert.text, /второй платёж по тому же номеру/)
        assert.ok(alert.text.includes(`hub differences correct ${difference.differenceId}`))

        assert.equal((await reconciled(service, provider)).different, 1)
        await idle(service)
        assert.equal((await eventsOf(service, 'DifferenceFound')).length, 1)
        assert.equal((await alerts(service)).length, 1)

        const path = `/api/v1/differences/${encodeURIComponent(difference.differenceId)}`
        assert.equal((await service.post(`${path}x/correct`, { reason })).status, 404)
        const both = await Promise.all([
          service.post(`${path}/correct`, { reason }),
          service.post(`${path}/correct`, { reason }),
        ])
        assert.equal(both.filter(({ status }) => status === 202).length, 1)
        await listWhen(service, 'differences?status=corrected', (items) => items.length === 1)
        const ledger = await (await fetch(`${service.url}/sandbox/${provider}/ledger`)).json()
        const refunds = ledger.calls.filter(
          (call: Json) => call.applied && call.method === 'POST' && /refund/.test(call.path),
        )
        assert.equal(refunds.length, 1)

        const after = await reconciled(service, provider)
        assert.deepEqual([after.behind, after.different], [0, 0])
        await idle(service)
        const partner = await partnerWhen(service, inn, isActive, 'active')
        assert.equal(partner.subscription.paidThrough, before.subscription.paidThrough)
        const [payment] = (await service.get('/api/v1/payments')).body.items
        assert.deepEqual([payment.status, payment.refundedKopecks], ['succeeded', 0])
        assert.equal((await alerts(service)).length, 1)
      })
    })

  it('sees a refund that was made in the cabinet and was not told of, on whatever day the payment was made', async () => {
    await withService({}, async (service) => {
      const location = await sentToPay(service)
      await forgetQuestions(service)
      const paid = await (await payAtYooKassa(service, location, goodCard)).json()
      await partnerWhen(service, inn, isActive, 'active')
      await silence(service, 'yookassa')
      await act(service, 'yookassa', { paymentId: paid.id, refundKopecks: 50_000 })
      assert.equal((await reconciled(service, 'yookassa')).behind > 0, true)
      const [first] = await listWhen(service, 'payments', ([row]) => row?.refundedKopecks === 50_000)
      assert.equal(first.status, 'partially_refunded')
      assert.equal((await service.post('/sandbox/clock', { advance: '2d' })).status, 200)
      await act(service, 'yookassa', { paymentId: paid.id, refundKopecks: 30_000 })
      await reconciled(service, 'yookassa', { day: plusCalendarDays(moscowDate(instant(Date.now())), 2) })
      await listWhen(service, 'payments', ([row]) => row?.refundedKopecks === 80_000)
      const refunds = await eventsOf(service, 'PaymentRefunded')
      assert.deepEqual(
        refunds.map(({ meta }) => meta.origin),
        ['reconciliation', 'reconciliation'],
      )
    })
  })
})

describe('reconciliation with the site', () => {
  it('takes in the leads of a day that neither a hook nor a pull brought, once', async () => {
    await withService({}, async (service) => {
      await listWhen(service, 'effects?kind=flexbe.pullLeads&status=done', (items) => items.length > 0)
      await act(service, 'flexbe', { lead: { name: 'Анна', phone: '89100000001', hooked: false } })
      const looked = await reconciled(service, 'flexbe', { dryRun: true })
      assert.deepEqual([looked.theirs, looked.behind], [1, 1])
      assert.deepEqual((await service.get('/api/v1/leads')).body.items, [])
      assert.equal((await reconciled(service, 'flexbe')).behind, 1)
      const [lead] = await listWhen(service, 'leads', (items) => items.length === 1)
      assert.equal(lead.phone, '+79100000001')
      const [received] = await eventsOf(service, 'LeadReceived')
      assert.equal(received.meta.origin, 'reconciliation')
      assert.deepEqual(
        [(await reconciled(service, 'flexbe')).behind, (await eventsOf(service, 'LeadReceived')).length],
        [0, 1],
      )
    })
  })
})

describe('the commands of reconciliation', () => {
  it('refuse what cannot be compared, and join a comparison that is under way', async () => {
    await withService({}, async (service) => {
      const run = (provider: string, body: unknown) => service.post(`/api/v1/reconciliation/${provider}/run`, body)
      assert.equal((await run('pigeon', { reason })).status, 404)
      assert.equal((await run('yookassa', {})).status, 422)
      for (const day of ['2026-02-30', 'today', '2999-01-01', '2001-01-01', 7, null])
        assert.equal((await run('yookassa', { reason, day })).status, 422, String(day))
      assert.equal((await service.post('/api/v1/destinations/yookassa/pause', { reason })).status, 200)
      const first = await run('yookassa', { reason })
      const second = await run('yookassa', { reason })
      assert.deepEqual([first.status, second.status], [202, 202])
      assert.deepEqual([second.body.runId, first.body.joined, second.body.joined], [first.body.runId, false, true])
      assert.equal((await service.post('/sandbox/clock', { advance: '7h' })).status, 200)
      const third = await run('yookassa', { reason, day: first.body.day })
      assert.notEqual(third.body.runId, first.body.runId)
      await listWhen(service, `reconciliation?runId=${first.body.runId}`, ([row]) => row?.code === 'run-given-up')
      assert.equal((await service.post('/api/v1/destinations/yookassa/resume', { reason })).status, 200)
      await listWhen(service, `reconciliation?runId=${third.body.runId}`, ([row]) => row?.status === 'finished')
      const card = await service.get(`/api/v1/reconciliation/${third.body.runId}`)
      assert.deepEqual([card.status, card.body.day, card.body.theirs], [200, first.body.day, 0])
    })
  })
})

const alerts = async (service: RunningService): Promise<readonly Json[]> => {
  const letters: Json[] = await (await fetch(`${service.url}/sandbox/mail/messages`)).json()
  return letters.filter(({ to, subject }) => to === 'operator@example.ru' && /Сверка/.test(subject))
}

const notify = async (service: RunningService, event: string, object: Json): Promise<void> => {
  const response = await fetch(`${service.url}/sandbox/yookassa/hooks`, {
    method: 'POST',
    body: JSON.stringify({ lie: { event, object } }),
  })
  assert.equal((await response.json()).answer.status, 200)
}

/** A partner of his own who pays without any notice; a delivery about his payment, of before, can be replayed. */
const paidInSilence = async (
  service: RunningService,
  digits: string,
): Promise<{ partnerId: string; payment: Json; webhookId: string }> => {
  const ownInn = innOf(digits.slice(0, 9))
  await fetch(`${service.url}/sandbox/fns/`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ inn: ownInn, name: `ООО «Пример ${digits}»`, status: 'Действующее' }),
  })
  const email = `partner-${digits}@example.ru`
  await submitForm(service, form({ ИНН: ownInn, Почта: email, Телефон: `+7912${digits.slice(-7)}` }))
  const location = await askToPay(payLink(await letterTo(service, email, /осталась оплата/)))
  const id = location.split('/').at(-1) ?? ''
  await notify(service, 'payment.waiting_for_capture', { id, status: 'pending' })
  const [delivery] = await listWhen(
    service,
    `webhooks?dedupeKey=yookassa:payment.waiting_for_capture:${id}`,
    (items) => items.length === 1,
  )
  await idle(service)
  const payment = await (await payAtYooKassa(service, location, goodCard)).json()
  const { partnerId } = await partnerWhen(service, ownInn, () => true, 'there')
  return { partnerId, payment, webhookId: delivery.webhookId }
}
