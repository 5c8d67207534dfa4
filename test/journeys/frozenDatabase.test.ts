import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { createDatabase } from '../support/database.ts'
import { type Line, openLine } from '../support/line.ts'
import { notify, notifyRaw } from '../support/notices.ts'
import { form } from '../support/road.ts'
import { type RunningService, startService, until } from '../support/service.ts'

const secret = 'secret-of-the-terminal'
const formKey = 'key-of-the-forms'

const env = {
  PAYMENT_PROVIDER: 'cloudpayments',
  CLOUDPAYMENTS_PUBLIC_ID: 'test_api_frozen',
  CLOUDPAYMENTS_API_SECRET: secret,
  TILDA_PUBLIC_KEY: 'public',
  TILDA_SECRET_KEY: 'secret',
  TILDA_WEBHOOK_SECRET: formKey,
  TILDA_BASE_URL: 'http://127.0.0.1:9',
}

const order = { InvoiceId: 'pay_none', AccountId: 'sub_none', Amount: '2500.00', Currency: 'RUB', TestMode: '1' }
const noDecision = { status: 200, body: '{"code":13}' }

const sendForm = (service: RunningService, tranid: string): Promise<Response> =>
  fetch(`${service.url}/webhooks/tilda/form`, {
    method: 'POST',
    body: new URLSearchParams({ ...form({ ИНН: '7604002028', Почта: 'boris@example.ru' }), tranid }),
    headers: { 'x-api-key': formKey },
  })

/** Asks in every way that a terminal may: about an order, with fields missing, with none that can be read. */
const assertChecks = async (service: RunningService): Promise<void> => {
  const ask = (fields: Readonly<Record<string, string>>) => notify(service, 'check', fields, secret)
  const raw = (text: string, type?: string) =>
    notifyRaw(service, 'check', { raw: text, secret, ...(type === undefined ? {} : { type }) })
  const [known, noInvoice, noAmount, garbled, cut, foreign] = await Promise.all([
    ask({ ...order, InvoiceId: `pay_${'0'.repeat(32)}` }),
    ask({ Amount: '1.00', Currency: 'RUB' }),
    ask({ InvoiceId: 'pay_none' }),
    raw('TransactionId=1&TransactionId=2&Amount=1.00'),
    raw('{"TransactionId":15', 'application/json'),
    raw('<a/>', 'text/xml'),
  ])
  assert.deepEqual(known, noDecision)
  assert.ok([10, 13].includes(JSON.parse(noInvoice.body).code), noInvoice.body)
  assert.equal(noInvoice.status, 200)
  for (const refused of [noAmount, garbled, cut]) assert.equal(refused.status, 400)
  assert.equal(foreign.status, 415)
}

const withLine = async (work: (service: RunningService, line: Line) => Promise<void>): Promise<void> => {
  const database = await createDatabase({ migrated: false })
  const line = await openLine(database.url)
  const service = await startService({ databaseUrl: line.url, env })
  try {
    await work(service, line)
  } finally {
    line.release()
    await service.stop()
    await line.close()
    await database.drop()
  }
}

/** The delivery that was refused in the meantime is taken once, as soon as the database answers. */
const assertTakenOnce = async (service: RunningService, tranid: string): Promise<void> => {
  await until(async () => (await sendForm(service, tranid)).status === 200, 'the form to be taken')
  await until(async () => {
    const { body } = await service.get('/api/v1/webhooks?source=tilda')
    return body.items?.length === 2
  }, 'two forms, each kept once')
}

describe('a database that is frozen', () => {
  it('declines a check in time, whatever is in it, acknowledges nothing, and takes the same deliveries once it goes on', () =>
    withLine(async (service, line) => {
      assert.equal((await sendForm(service, randomUUID())).status, 200)
      assert.deepEqual(await notify(service, 'check', order, secret), { status: 200, body: '{"code":10}' })
      line.hold()
      const tranid = randomUUID()
      const [sent] = await Promise.all([sendForm(service, tranid), assertChecks(service)])
      assert.equal(sent.status, 503)
      assert.ok(Number(sent.headers.get('retry-after')) > 0)
      const paid = await notify(service, 'pay', { ...order, Status: 'Completed' }, secret)
      assert.equal(paid.status, 503, 'what tells of money is not acknowledged before it is kept')
      line.release()
      await assertTakenOnce(service, tranid)
    }))
})

describe('a database that is away', () => {
  it('declines a check in time, whatever is in it, acknowledges nothing, and takes the same deliveries once it is back (R10)', () =>
    withLine(async (service, line) => {
      assert.equal((await sendForm(service, randomUUID())).status, 200)
      line.cut()
      const tranid = randomUUID()
      const [sent] = await Promise.all([sendForm(service, tranid), assertChecks(service)])
      assert.equal(sent.status, 503)
      assert.ok(Number(sent.headers.get('retry-after')) > 0)
      line.release()
      await assertTakenOnce(service, tranid)
    }))
})
