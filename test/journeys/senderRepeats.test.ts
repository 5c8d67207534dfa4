import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hook, listWhen, tool } from '../support/chats.ts'
import { createDatabase } from '../support/database.ts'
import { freshTransaction, notify } from '../support/notices.ts'
import { askToPay, form, goodCard, letterTo, partnerWhen, payAtYooKassa, payLink, submitForm } from '../support/road.ts'
import { cloudpaymentsWire, type Sender, send, senders, sendersEnv, tildaWire } from '../support/senders.ts'
import { type Json, type RunningService, startService, until, withService } from '../support/service.ts'
import { v7, v8b } from '../support/umnicoBodies.ts'

const rowsOf = async (service: RunningService, source: string): Promise<Json[]> =>
  (await service.get(`/api/v1/webhooks?source=${source}&sort=receivedAt&limit=500`)).body.items

const eventsOf = async (service: RunningService, type: string): Promise<Json[]> =>
  (await service.get(`/api/v1/events?type=${type}&limit=500`)).body.items

const headOf = async (service: RunningService): Promise<number> =>
  (await service.get('/api/v1/events?sort=-position&limit=1')).body.items[0]?.position ?? 0

/** How often each delivery comes; what most senders could do by retrying, and more. */
const copies = (sender: Sender): number => (sender.source === 'cloudpayments' ? 1000 : 100)

describe('the same delivery', () => {
  for (const sender of senders) {
    it(`of ${sender.source}, ${copies(sender)} times at once, is one delivery with one set of events, and answered the same each time (W1)`, async () => {
      await withService({ ...sendersEnv, HUB_ROLES: 'http,projections' }, async (service) => {
        const wire = sender.valid(1)
        const answers = await Promise.all(Array.from({ length: copies(sender) }, () => send(service, wire)))
        assert.deepEqual(
          [...new Set(answers.map(({ status, text }) => `${status} ${text}`))],
          [`200 ${sender.accepted}`],
        )
        await until(
          async () => (await rowsOf(service, sender.source))[0]?.repeats === copies(sender) - 1,
          'all repeats to be counted',
        )
        const rows = await rowsOf(service, sender.source)
        assert.deepEqual(
          rows.map((row) => row.verdict),
          ['accepted'],
        )
        assert.ok(rows[0].dedupeKey.startsWith(sender.source), rows[0].dedupeKey)
        const before = await headOf(service)
        assert.equal(before, rows[0].eventPositions.length, 'every event in the log came of the one delivery')
        assert.equal((await send(service, wire)).text, sender.accepted)
        assert.equal(await headOf(service), before)
      })
    })
  }
})

describe('different content under one key', () => {
  it('is kept as a conflict of which the operator hears, and the first one stands; the shop is asked again (W2)', async () => {
    await withService(sendersEnv, async (service) => {
      for (const sender of senders) {
        if (sender.other === null) continue
        await send(service, sender.valid(7))
        const head = await headOf(service)
        for (let time = 0; time < 2; time += 1) {
          const answer = await send(service, sender.other(7))
          assert.deepEqual([answer.status, answer.text], [200, sender.accepted], sender.source)
        }
        const isReread = sender.source === 'yookassa'
        await until(
          async () => (await rowsOf(service, sender.source)).some((row) => row.repeatOf !== null && row.repeats === 1),
          `the repeat of the conflict of ${sender.source} to be counted`,
        )
        const [first, second, ...more] = await rowsOf(service, sender.source)
        assert.equal(more.length, 0)
        assert.equal(first.dedupeKey, sender.key(7))
        assert.deepEqual(
          [first.verdict, second.verdict, second.repeatOf],
          ['accepted', isReread ? 'duplicate' : 'conflict', first.webhookId],
        )
        const types = (await service.get('/api/v1/events?sort=position&limit=500')).body.items
          .filter((event: Json) => event.position > head && second.eventPositions.includes(event.position))
          .map((event: Json) => event.type)
        assert.deepEqual(types, [isReread ? 'PaymentNoticeReceived' : 'ContentConflicted'])
      }
      const [lead] = (await service.get('/api/v1/leads?source=tilda')).body.items
      assert.equal(lead.name, 'Олег', 'the first one stands')
      const letter = await letterTo(service, 'operator@example.ru', /./)
      assert.match(letter.text, /под уже известным номером/)
      const alerts = await eventsOf(service, 'ContentConflicted')
      const tilda = senders[0]
      await send(service, tilda?.valid(8) ?? tildaWire(''))
      await send(service, tilda?.other?.(8) ?? tildaWire(''))
      assert.equal((await eventsOf(service, 'ContentConflicted')).length, alerts.length, 'one alert an hour and source')
      assert.equal((await rowsOf(service, 'tilda')).filter((row) => row.verdict === 'conflict').length, 2)
    })
  })
})

const permutations = <Item>(items: readonly Item[]): readonly (readonly Item[])[] =>
  items.length < 2
    ? [items]
    : items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))

describe('notifications of payments', () => {
  it('in every order, before and after the payment, lead to the same subscription and never back (W3)', async () => {
    await withService({}, async (service) => {
      await submitForm(service, form())
      const link = payLink(await letterTo(service, 'maria@example.ru', /осталась оплата/))
      const location = await askToPay(link)
      const id = location.split('/').at(-1)
      const notices = ['payment.waiting_for_capture', 'payment.succeeded', 'payment.canceled', 'refund.succeeded'].map(
        (event) => ({
          type: 'notification',
          event,
          object: {
            id: event.startsWith('refund') ? '2e5f1a7c-000f-5000-9000-1b2c3d4e5f60' : id,
            payment_id: id,
            status: event.split('.')[1],
            amount: { value: '2500.00', currency: 'RUB' },
          },
        }),
      )
      const orders = permutations(notices)
      assert.equal(orders.length, 24)
      /** Each order is new to us: the moment differs, so none is a mere repeat. */
      const tell = async (order: readonly unknown[], number: number): Promise<void> => {
        for (const notice of order) {
          const body = { ...(notice as Json), sent: number }
          assert.equal((await hook(service, 'yookassa', body)).status, 200)
        }
      }
      const settled = async (): Promise<void> => {
        const told = (await eventsOf(service, 'PaymentNoticeReceived')).length
        await until(async () => {
          const { items } = (await service.get('/api/v1/effects?kind=yookassa.readPayment&status=done&limit=500')).body
          return items.length >= told
        }, 'every notification to be checked')
      }
      for (const [index, order] of orders.slice(0, 6).entries()) await tell(order, index)
      await settled()
      const seen = async (): Promise<unknown> => {
        const [subscription] = (await service.get('/api/v1/subscriptions')).body.items
        const [payment, ...more] = (await service.get('/api/v1/payments')).body.items
        assert.equal(more.length, 0)
        return [subscription.status, subscription.paidThrough, payment.status, payment.refundedKopecks]
      }
      assert.deepEqual(await seen(), ['pending_payment', null, 'pending', 0])
      await payAtYooKassa(service, location, goodCard)
      await partnerWhen(service, '7700000009', (row) => row.subscription?.status === 'active', 'active')
      const paid = await seen()
      for (const [index, order] of orders.entries()) {
        await tell(order, 100 + index)
        await settled()
        assert.deepEqual(await seen(), paid, `after order ${index}`)
      }
      assert.equal((await eventsOf(service, 'SubscriptionActivated')).length, 1)
    })
  })

  it('that come before our own call returns find their order, and make no second payment (W5)', async () => {
    await withService({}, async (service) => {
      await submitForm(service, form())
      const link = payLink(await letterTo(service, 'maria@example.ru', /осталась оплата/))
      const fault = { kind: 'apply-then-hang', path: '/payments', times: 1, seconds: 5 }
      await fetch(`${service.url}/sandbox/yookassa/faults`, { method: 'POST', body: JSON.stringify(fault) })
      const asking = fetch(link, { method: 'POST', redirect: 'manual', body: new URLSearchParams() })
      const shop = `${service.url}/sandbox/yookassa`
      await until(
        async () => (await (await fetch(`${shop}/ledger`)).json()).applied === 1,
        'the payment to exist at the shop',
      )
      const payments = async (): Promise<Json[]> => {
        const authorization = `Basic ${Buffer.from('100001:test_sandbox-shop-key').toString('base64')}`
        return (await (await fetch(`${shop}/v3/payments`, { headers: { authorization } })).json()).items
      }
      const [made] = await payments()
      await payAtYooKassa(service, `/${made.id}`, goodCard)
      await partnerWhen(service, '7700000009', (row) => row.subscription?.status === 'active', 'active')
      await (await asking).arrayBuffer()
      await until(async () => {
        const { items } = (await service.get('/api/v1/effects?kind=yookassa.createPayment')).body
        return items[0]?.status === 'done'
      }, 'our own call to be settled')
      const items = (await service.get('/api/v1/payments')).body.items
      assert.deepEqual(
        items.map((payment: Json) => [payment.status, payment.providerPaymentId]),
        [['succeeded', made.id]],
      )
      assert.equal((await payments()).length, 1)
      assert.equal((await eventsOf(service, 'SubscriptionActivated')).length, 1)
    })
  })
})

describe('a late delivery', () => {
  it('is still a repeat after 40 days, and what it tells keeps its own time when it is new (W4, S3)', async () => {
    await withService({ ...sendersEnv, YUKASSA_ALLOWED_IPS: '' }, async (service) => {
      const captured = senders.map((sender) => sender.valid(11))
      for (const wire of captured) assert.equal((await send(service, wire)).status, 200)
      const counts = async (): Promise<number[]> =>
        Promise.all(
          ['leads', 'dialogs', 'messages'].map(
            async (list) => (await service.get(`/api/v1/${list}?limit=500`)).body.items.length,
          ),
        )
      await listWhen(service, 'leads', (items) => items.length === 4)
      const before = await counts()
      assert.equal((await service.post('/sandbox/clock', { advance: '40d' })).status, 200)
      for (const [index, wire] of captured.entries()) {
        const sender = senders[index]
        const answer = await send(service, wire)
        assert.deepEqual([answer.status, answer.text], [200, sender?.accepted])
        const source = sender?.source ?? ''
        await until(async () => (await rowsOf(service, source))[0]?.repeats === 1, `the repeat of ${source}`)
        assert.equal((await rowsOf(service, source)).length, 1, source)
      }
      assert.deepEqual(await counts(), before)

      assert.equal((await hook(service, 'umnico/s3cr3t', v7)).status, 200)
      const [message] = await listWhen(service, 'messages?messageId=umnico:147517:m-501', (items) => items.length === 1)
      assert.equal(message.at, '2025-11-23T12:18:20.123Z')
    })
  })

  it('that was captured and is sent again by somebody else grants nothing a second time (S3)', async () => {
    await withService({ PAYMENT_PROVIDER: 'cloudpayments' }, async (service) => {
      const TransactionId = freshTransaction()
      const fields = { TransactionId, Amount: '2500.00', Currency: 'RUB', Status: 'Completed' }
      const answers = []
      for (const advance of ['1s', '1h', '9d']) {
        answers.push(await notify(service, 'pay', fields))
        await service.post('/sandbox/clock', { advance })
      }
      assert.deepEqual(
        answers,
        answers.map(() => ({ status: 200, body: '{"code":0}' })),
      )
      await until(async () => (await rowsOf(service, 'cloudpayments'))[0]?.repeats === 2, 'two repeats')
      assert.equal((await eventsOf(service, 'PaymentNoticeReceived')).length, 1)
      const headers = { 'content-hmac': 'AAAA' }
      const changed = await send(service, cloudpaymentsWire('pay', new URLSearchParams(fields).toString(), headers))
      assert.equal(changed.status, 401)
    })
  })
})

describe('what we do not know yet', () => {
  it('is kept, shown and answered 2xx by every sender that may say it, and no fault of ours (W6)', async () => {
    await withService(sendersEnv, async (service) => {
      const unknown: readonly (readonly [source: string, path: string, body: unknown, verdict: string])[] = [
        ['umnico', 'umnico/s3cr3t', { type: 'moon.rises', accountId: 147517, leadId: 5 }, 'ignored unknown-type'],
        ['flexbe', 'flexbe/s3cr3t', 'event=page_published&data[page]=7', 'quarantined no-lead-id'],
        ['cloudpayments', 'cloudpayments/recurrent', '', 'ignored recurrent-without-transaction'],
        ['yookassa', 'yookassa', '', 'ignored event-not-used'],
        ['tilda', 'tilda/form', '', 'quarantined partner-not-found'],
      ]
      const wires: Readonly<Record<string, () => Promise<{ status: number }>>> = {
        cloudpayments: () =>
          send(service, cloudpaymentsWire('recurrent', 'Id=sc_1&Amount=10.00&Status=Hibernating&Interval=Month')),
        yookassa: async () => {
          const object = { id: '2e5f1a7c-000f-5000-9000-1b2c3d4e5f60', status: 'dreaming' }
          const body = { type: 'notification', event: 'payment.dreamt', object }
          return hook(service, 'yookassa', body, { 'x-forwarded-for': '185.71.76.5' })
        },
        tilda: () => send(service, tildaWire('hub_form=partner_profile&Phone=%2B79120000001&tranid=1:1')),
      }
      for (const [source, path, body, verdict] of unknown) {
        const { status } = await (wires[source] ?? (() => hook(service, path, body)))()
        assert.equal(status, 200, source)
        const [row, ...more] = await rowsOf(service, source)
        assert.equal(more.length, 0)
        assert.equal(`${row.verdict} ${row.reason}`, verdict, source)
        const card = (await service.get(`/api/v1/webhooks/${row.webhookId}`)).body
        assert.ok(card.bodyBase64.length > 0, 'its bytes are kept')
      }
      // A bot is told in words, because it shows the answer; the call is kept all the same.
      const asked = await tool(service, 'client', { tool: 'tell_fortune', chat_id: 'c1' })
      assert.deepEqual([asked.status, asked.body.ok], [400, false])
      assert.deepEqual(
        (await rowsOf(service, 'protalk')).map((row) => `${row.verdict} ${row.reason}`),
        ['quarantined unknown-tool'],
      )
      const replayed = await service.post(`/api/v1/webhooks/${(await rowsOf(service, 'umnico'))[0].webhookId}/replay`, {
        reason: 'test',
      })
      assert.ok([200, 202].includes(replayed.status), JSON.stringify(replayed.body))
      assert.equal(replayed.body.verdict, 'ignored')
    })
  })

  it('is processed when it is replayed after an upgrade made sense of it (W6)', async () => {
    const database = await createDatabase({ migrated: false })
    const body = 'Name=%D0%9E%D0%BB%D0%B5%D0%B3&Phone=%2B79120000001&policy=yes&tranid=1:1&formid=form777'
    // Without a word about the form its kind is a profile's, whose partner nobody knows; an upgraded configuration knows better.
    const first = await startService({
      databaseUrl: database.url,
      env: { ...sendersEnv, TILDA_FORMS: 'form777=partner_profile' },
    })
    let webhookId = ''
    try {
      assert.equal((await send(first, tildaWire(body))).status, 200)
      assert.equal((await hook(first, 'umnico/s3cr3t', v8b)).status, 200)
      const [row] = await rowsOf(first, 'tilda')
      webhookId = row.webhookId
      assert.equal(`${row.verdict} ${row.reason}`, 'quarantined partner-not-found')
      const [status] = await rowsOf(first, 'umnico')
      assert.equal(`${status.verdict} ${status.reason}`, 'ignored dialog-unknown')
      assert.equal((await hook(first, 'umnico/s3cr3t', v7)).status, 200)
      const again = await first.post(`/api/v1/webhooks/${status.webhookId}/replay`, { reason: 'the dialog is known' })
      assert.equal(again.body.verdict, 'accepted', JSON.stringify(again.body))
      await listWhen(first, 'events?type=DialogStatusNoted', (items) => items.length === 1)
    } finally {
      await first.stop()
    }
    const second = await startService({
      databaseUrl: database.url,
      env: { ...sendersEnv, TILDA_FORMS: 'form777=partner_registration' },
    })
    try {
      const released = await second.post(`/api/v1/quarantine/${webhookId}/release`, { reason: 'the form is known now' })
      assert.ok(released.status < 300, JSON.stringify(released.body))
      await listWhen(second, 'partners', ([row]) => row?.phone === '+79120000001')
      const [partner, ...more] = (await second.get('/api/v1/partners')).body.items
      assert.deepEqual([partner.contactName, more.length], ['Олег', 0])
    } finally {
      await second.stop()
      await database.drop()
    }
  })
})
