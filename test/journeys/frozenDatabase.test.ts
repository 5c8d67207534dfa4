import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { createDatabase } from '../support/database.ts'
import { openLine } from '../support/line.ts'
import { form } from '../support/road.ts'
import { type RunningService, startService, until } from '../support/service.ts'

const secret = 'secret-of-the-terminal'
const formKey = 'key-of-the-forms'

const check = async (service: RunningService, fields: Readonly<Record<string, string>>): Promise<unknown> => {
  const raw = new URLSearchParams({ TransactionId: String(Math.trunc(1e9 + performance.now())), ...fields }).toString()
  const answer = await fetch(`${service.url}/webhooks/cloudpayments/check`, {
    method: 'POST',
    body: raw,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'content-hmac': createHmac('sha256', secret).update(raw).digest('base64'),
    },
  })
  return { status: answer.status, body: await answer.text() }
}

const sendForm = (service: RunningService, tranid: string): Promise<Response> =>
  fetch(`${service.url}/webhooks/tilda/form`, {
    method: 'POST',
    body: new URLSearchParams({ ...form({ ИНН: '7604002028', Почта: 'boris@example.ru' }), tranid }),
    headers: { 'x-api-key': formKey },
  })

describe('a database that is frozen', () => {
  it('declines a check in time, acknowledges nothing, and takes the same deliveries once it goes on', async () => {
    const database = await createDatabase({ migrated: false })
    const line = await openLine(database.url)
    const service = await startService({
      databaseUrl: line.url,
      env: {
        PAYMENT_PROVIDER: 'cloudpayments',
        CLOUDPAYMENTS_PUBLIC_ID: 'test_api_frozen',
        CLOUDPAYMENTS_API_SECRET: secret,
        TILDA_PUBLIC_KEY: 'public',
        TILDA_SECRET_KEY: 'secret',
        TILDA_WEBHOOK_SECRET: formKey,
        TILDA_BASE_URL: 'http://127.0.0.1:9',
      },
    })
    try {
      assert.equal((await sendForm(service, randomUUID())).status, 200)
      const order = { InvoiceId: 'pay_none', AccountId: 'sub_none', Amount: '2500.00', Currency: 'RUB', TestMode: '1' }
      assert.deepEqual(await check(service, order), { status: 200, body: '{"code":10}' })
      line.hold()
      const tranid = randomUUID()
      const [checked, sent] = await Promise.all([
        check(service, { ...order, InvoiceId: `pay_${'0'.repeat(32)}` }),
        sendForm(service, tranid),
      ])
      assert.deepEqual(checked, { status: 200, body: '{"code":13}' })
      assert.equal(sent.status, 503)
      assert.ok(Number(sent.headers.get('retry-after')) > 0)
      line.release()
      await until(async () => (await sendForm(service, tranid)).status === 200, 'the form to be taken')
      await until(async () => {
        const { body } = await service.get('/api/v1/webhooks?source=tilda')
        return body.items?.length === 2
      }, 'two forms, each kept once')
    } finally {
      line.release()
      await service.stop()
      await line.close()
      await database.drop()
    }
  })
})
