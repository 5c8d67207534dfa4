import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { createDatabase } from '../support/database.ts'
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
import { type Json, ownRuntime, type RunningService, startService, until, withService } from '../support/service.ts'

const countOf = async (service: RunningService, list: string): Promise<number> =>
  (await service.get(`/api/v1/${list}?limit=500`)).body.items.length

describe('the road of a partner', () => {
  it('leads from a form over the registry and a payment to a public page, and every field tells why (road A)', async () => {
    await withService({}, async (service) => {
      const health = await service.get('/healthz')
      assert.equal(health.body.runtime, ownRuntime())
      const submitted = await submitForm(service, form())
      assert.deepEqual(submitted.answer, { status: 200, body: 'ok' })
      await letterTo(service, 'maria@example.ru', /принята/)
      const link = payLink(await letterTo(service, 'maria@example.ru', /осталась оплата/))
      const page = await fetch(link)
      assert.equal(page.status, 200)
      assert.match(await page.text(), /name="autopay"/)
      assert.equal(await countOf(service, 'payments'), 0, 'looking at the pay page creates nothing')
      const location = await askToPay(link)
      assert.equal(await askToPay(link), location, 'the pending payment is offered again')
      assert.equal((await payAtYooKassa(service, location, goodCard)).status, 200)
      const partner = await partnerWhen(service, '7700000009', (row) => row.listed, 'listed')
      assert.deepEqual(
        [partner.status, partner.subscription.status, partner.page.status],
        ['verified', 'active', 'published'],
      )
      const shown = await fetch(partner.page.url)
      assert.equal(shown.status, 200)
      assert.match(await shown.text(), /ПРИМЕР ДОМ/)
      assert.match(await (await fetch(`${service.url}/partners`)).text(), new RegExp(partner.slug))
      const welcome = await letterTo(service, 'maria@example.ru', /страница открыта/)
      assert.ok(welcome.text.includes(partner.page.url))
      const { body: why } = await service.get(`/api/v1/partners/${partner.partnerId}/why?field=status`)
      assert.deepEqual(
        why.chain.map((one: Json) => one.kind),
        ['webhook', 'command', 'event', 'effect', 'attempt', 'outcome', 'command', 'event'],
      )
      const { body: delivery } = await service.get(`/api/v1/webhooks/${why.chain[0].id}`)
      assert.equal(new URLSearchParams(delivery.bodyText).get('tranid'), submitted.tranid)
      const { body: payments } = await service.get('/api/v1/payments')
      assert.deepEqual(
        [payments.items.length, payments.items[0].status, payments.items[0].amountKopecks],
        [1, 'succeeded', 250_000],
      )
      const ledger = await (await fetch(`${service.url}/sandbox/yookassa/ledger`)).json()
      assert.equal(
        ledger.calls.filter((call: Json) => call.applied && call.method === 'POST' && call.path === '/v3/payments')
          .length,
        1,
      )
    })
  })

  it('refuses a closed company and a wrong INN with a letter, and names what is missing until a second form completes the first', async () => {
    await withService({}, async (service) => {
      await submitForm(
        service,
        form({
          ИНН: '7604003039',
          Компания: 'ООО «Старый фундамент»',
          Почта: 'closed@example.ru',
          Телефон: '+79120000001',
        }),
      )
      await submitForm(service, form({ ИНН: '7707083894', Почта: 'wrong@example.ru', Телефон: '+79120000002' }))
      await submitForm(
        service,
        form({
          ИНН: '',
          Согласие: '',
          Почта: 'later@example.ru',
          Телефон: '+79120000003',
          Компания: 'ООО «Волжский берег»',
        }),
      )
      assert.equal(
        (await partnerWhen(service, '7604003039', (row) => row.status === 'rejected', 'rejected')).verification.reason,
        'closed',
      )
      assert.equal(
        (await partnerWhen(service, '7707083894', (row) => row.status === 'rejected', 'rejected')).verification.reason,
        'invalid-identifier',
      )
      await letterTo(service, 'closed@example.ru', /отклонена/)
      await letterTo(service, 'wrong@example.ru', /отклонена/)
      const missing = await letterTo(service, 'later@example.ru', /ждёт данных/)
      assert.match(missing.text, /«ИНН»/)
      assert.match(missing.text, /согласие/)
      await submitForm(
        service,
        form({
          ИНН: '7604002028',
          Почта: 'later@example.ru',
          Телефон: '+79120000003',
          Компания: 'ООО «Волжский берег»',
        }),
      )
      await partnerWhen(service, '7604002028', (row) => row.status === 'verified', 'verified')
      assert.equal(await countOf(service, 'partners'), 3, 'the second form completed the first application')
      const calls = (await (await fetch(`${service.url}/sandbox/fns/ledger`)).json()).calls
      assert.equal(
        calls.filter((call: Json) => call.path.startsWith('/api/egr')).length,
        2,
        'an INN that cannot exist costs no request',
      )
    })
  })

  it('makes one partner of the same form sent 200 times at once, and of 200 forms with one INN, to two processes (W1)', async () => {
    const database = await createDatabase({ migrated: false })
    const first = await startService({ databaseUrl: database.url })
    const second = await startService({ databaseUrl: database.url })
    try {
      const { body: doctor } = await first.get('/api/v1/doctor')
      assert.ok(doctor.providers.some((provider: Json) => provider.name === 'tilda'))
      const secret = doctor.providers
        .find((provider: Json) => provider.name === 'tilda')
        .hooks.find((hook: string) => hook.includes('/page/'))
        .split('/')
        .at(-1)
      const post = (index: number, fields: Record<string, string>): Promise<number> =>
        fetch(`${[first, second][index % 2]?.url}/webhooks/tilda/form`, {
          method: 'POST',
          headers: { 'x-api-key': secret },
          body: new URLSearchParams(fields),
        }).then((response) => response.status)
      const same = await Promise.all(Array.from({ length: 200 }, (_, index) => post(index, form({ tranid: '1:1' }))))
      assert.ok(same.every((status) => status === 200))
      assert.equal(await countOf(first, 'webhooks'), 1)
      await until(
        async () => (await first.get('/api/v1/webhooks?source=tilda')).body.items[0].repeats === 199,
        'all repeats to be counted',
      )
      const many = await Promise.all(
        Array.from({ length: 200 }, (_, index) =>
          post(
            index,
            form({
              tranid: `2:${index}`,
              ИНН: '7604001017',
              Компания: 'ООО «Ярославские крыши»',
              Почта: `one${index}@example.ru`,
              Телефон: `+7912${String(index).padStart(7, '0')}`,
            }),
          ),
        ),
      )
      assert.ok(many.every((status) => status === 200))
      const partner = await partnerWhen(first, '7604001017', (row) => row.status === 'verified', 'verified')
      assert.equal(await countOf(first, 'partners'), 2)
      const events = (await first.get(`/api/v1/events?stream=partner-${partner.partnerId}&limit=500`)).body.items
      assert.equal(events.filter((event: Json) => event.type === 'PartnerApplied').length, 1)
      assert.equal(events.filter((event: Json) => event.type === 'PartnerApplicationRepeated').length, 199)
    } finally {
      await Promise.all([first.stop(), second.stop()])
      await database.drop()
    }
  })

  it('grants nothing for a forged signature or a lie, and activates for the payment that was really made (CloudPayments)', async () => {
    await withService({ PAYMENT_PROVIDER: 'cloudpayments' }, async (service) => {
      await submitForm(service, form())
      const link = payLink(await letterTo(service, 'maria@example.ru', /осталась оплата/))
      const location = await askToPay(link)
      const { body: before } = await service.get('/api/v1/payments')
      const [payment] = before.items
      const fields = {
        TransactionId: '991',
        Amount: '2500.00',
        Currency: 'RUB',
        InvoiceId: payment.paymentId,
        AccountId: payment.subscriptionId,
        Status: 'Completed',
        OperationType: 'Payment',
        TestMode: '1',
      }
      const raw = new URLSearchParams(fields).toString()
      const forged = await fetch(`${service.url}/webhooks/cloudpayments/pay`, {
        method: 'POST',
        body: raw,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'content-hmac': createHmac('sha256', 'not the secret').update(raw).digest('base64'),
        },
      })
      assert.equal(forged.status, 401)
      assert.equal(
        (await service.get('/api/v1/webhooks?source=cloudpayments')).body.items.filter((item: Json) =>
          item.route.endsWith('/pay'),
        ).length,
        0,
      )
      const lie = await fetch(`${service.url}/sandbox/cloudpayments/hooks`, {
        method: 'POST',
        body: JSON.stringify({ lie: { kind: 'pay', fields } }),
      })
      assert.equal((await lie.json()).answer.body, '{"code":0}')
      await until(
        async () =>
          (await service.get('/api/v1/effects?kind=cloudpayments.readPayment&status=refused')).body.items.length === 1,
        'the lie to be found out',
      )
      assert.equal((await service.get('/api/v1/subscriptions')).body.items[0].status, 'pending_payment')
      assert.equal((await payAtCloudPayments(service, location, goodCard)).status, 200)
      await partnerWhen(service, '7700000009', (row) => row.subscription?.status === 'active', 'active')
      assert.equal((await service.get('/api/v1/payments')).body.items[0].status, 'succeeded')
    })
  })

  it('believes the shop and not its notification: a lie about success changes nothing, a decline asks again (YooKassa)', async () => {
    await withService({}, async (service) => {
      await submitForm(service, form())
      const link = payLink(await letterTo(service, 'maria@example.ru', /осталась оплата/))
      const location = await askToPay(link)
      const id = location.split('/').at(-1)
      const lie = await fetch(`${service.url}/sandbox/yookassa/hooks`, {
        method: 'POST',
        body: JSON.stringify({
          lie: {
            event: 'payment.succeeded',
            object: {
              id,
              status: 'succeeded',
              paid: true,
              amount: { value: '2500.00', currency: 'RUB' },
              metadata: {},
            },
          },
        }),
      })
      assert.equal((await lie.json()).answer.status, 200)
      await until(
        async () =>
          (await service.get('/api/v1/effects?kind=yookassa.readPayment&status=done')).body.items.length === 1,
        'the payment to be read again',
      )
      assert.equal((await service.get('/api/v1/payments')).body.items[0].status, 'pending')
      await payAtYooKassa(service, location, '5555555555554600')
      await until(
        async () => (await service.get('/api/v1/payments')).body.items[0].status === 'declined',
        'the decline to be known',
      )
      await letterTo(service, 'maria@example.ru', /не прошёл/)
      const again = await askToPay(link)
      assert.notEqual(again, location)
      await payAtYooKassa(service, again, goodCard)
      await partnerWhen(service, '7700000009', (row) => row.subscription?.status === 'active', 'active')
    })
  })

  it('keeps an applicant waiting while the registry cannot be asked, asks a person after a day, and goes on when it answers', async () => {
    await withService({}, async (service) => {
      await fetch(`${service.url}/sandbox/fns/faults`, {
        method: 'POST',
        body: JSON.stringify({ kind: '500', path: '/api', times: 1000 }),
      })
      await submitForm(service, form())
      await until(
        async () => (await service.get('/api/v1/effects?kind=fns.lookUp')).body.items[0]?.attempts >= 1,
        'the registry to be asked',
      )
      assert.equal((await partnerWhen(service, '7700000009', () => true, 'there')).status, 'applied')
      assert.equal((await service.post('/sandbox/clock', { advance: '25h' })).status, 200)
      await partnerWhen(service, '7700000009', (row) => row.status === 'needs_review', 'in review')
      await letterTo(service, 'operator@example.ru', /ждёт решения/)
      await fetch(`${service.url}/sandbox/fns/faults`, { method: 'DELETE' })
      await service.post('/sandbox/clock', { advance: '2h' })
      await partnerWhen(service, '7700000009', (row) => row.status === 'verified', 'verified')
    })
  })

  it('ends a period that was not renewed: past due at its end, suspended and withdrawn after the grace days', async () => {
    await withService({}, async (service) => {
      await submitForm(service, form())
      const link = payLink(await letterTo(service, 'maria@example.ru', /осталась оплата/))
      await payAtYooKassa(service, await askToPay(link), goodCard)
      const partner = await partnerWhen(service, '7700000009', (row) => row.listed, 'listed')
      await service.post('/sandbox/clock', { advance: '32d' })
      await partnerWhen(service, '7700000009', (row) => row.subscription.status === 'past_due', 'past due')
      assert.equal((await fetch(partner.page.url)).status, 200)
      await service.post('/sandbox/clock', { advance: '8d' })
      await partnerWhen(
        service,
        '7700000009',
        (row) => row.subscription.status === 'suspended' && row.page.status === 'withdrawn',
        'suspended',
      )
      assert.equal((await fetch(partner.page.url)).status, 404)
    })
  })
})
