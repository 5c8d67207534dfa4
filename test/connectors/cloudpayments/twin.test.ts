import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { ClientService } from 'cloudpayments'
import { type CloudPaymentsTwinState, createCloudPaymentsTwin } from '../../../src/connectors/cloudpayments/twin.ts'
import { testCards } from '../../../src/connectors/cloudpayments/twinCards.ts'
import { type CloudPaymentsNotice, cloudpaymentsHook } from '../../../src/connectors/cloudpayments/wire.ts'
import type { Delivery } from '../../../src/connectors/connector.ts'
import type { TwinCall } from '../../../src/connectors/twin.ts'
import { instant } from '../../../src/kernel/time.ts'
import {
  memoryStore,
  type Served,
  serveHandler,
  serveTwin,
  testClock,
  testTwinContext,
  until,
} from '../../support/twinServer.ts'

type Told = {
  readonly kind: string
  readonly notice: CloudPaymentsNotice
  readonly raw: string
  readonly headers: Record<string, string>
}

const publicId = 'test_api_0001'
const secret = 'секрет терминала'
const settings = { publicId, apiSecrets: [secret], baseUrl: '', live: false }

/** A terminal with a hub that reads notifications by our own wire and answers as the test wants. */
const openTerminal = async ({ live = false } = {}) => {
  const told: Told[] = []
  const answers: Record<string, () => Response | Promise<Response>> = {}
  const hub = await serveHandler(async (request) => {
    const kind = new URL(request.url).pathname.split('/').at(-1) ?? ''
    const body = new Uint8Array(await request.arrayBuffer())
    const headers = new Map([...request.headers].map(([name, value]) => [name, [value]]))
    const delivery: Delivery = {
      method: 'POST',
      path: '',
      query: '',
      headers,
      params: { kind },
      body,
      peer: '',
      receivedAt: instant(0),
    }
    assert.deepEqual(cloudpaymentsHook.verify(delivery, settings), { tag: 'authentic', secretName: 'content-hmac-1' })
    const reading = cloudpaymentsHook.read(delivery, settings)
    assert.equal(reading.tag, 'facts')
    const raw = new TextDecoder().decode(body)
    if (reading.tag === 'facts')
      told.push({ kind, notice: reading.facts, raw, headers: Object.fromEntries(request.headers) })
    return (await answers[kind]?.()) ?? Response.json({ code: 0 })
  })
  const clock = testClock('2026-11-24T09:00:00.000Z')
  const store = memoryStore<CloudPaymentsTwinState>()
  const context = testTwinContext<CloudPaymentsTwinState>({ clock, hubUrl: () => hub.url, store })
  const twin = await serveTwin(createCloudPaymentsTwin(context, { publicId, apiSecrets: [secret], live }))
  const service = new ClientService({
    publicId,
    privateKey: secret,
    endpoint: twin.url,
    org: { inn: 0, taxationSystem: 0 },
  })
  return {
    client: service.getClientApi(),
    handlers: service.getNotificationHandlers(),
    clock,
    told,
    answers,
    twin,
    store,
    stop: async () => {
      context.close()
      await twin.stop()
      await hub.stop()
    },
  }
}

type Terminal = Awaited<ReturnType<typeof openTerminal>>

type Answer = {
  readonly Success: boolean
  readonly Message: string | null
  readonly Model?: Record<string, unknown> & readonly Record<string, unknown>[]
}

const authorization = `Basic ${Buffer.from(`${publicId}:${secret}`).toString('base64')}`

const send = (twin: Served, path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
  fetch(`${twin.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization, ...headers },
    body: JSON.stringify(body),
  })

const call = async (
  twin: Served,
  path: string,
  body: unknown = {},
  headers: Record<string, string> = {},
): Promise<Answer> => (await send(twin, path, body, headers)).json() as Promise<Answer>

const act = async (twin: Served, body: unknown): Promise<Answer> =>
  (await fetch(`${twin.url}/act`, { method: 'POST', body: JSON.stringify(body) })).json() as Promise<Answer>

let invoice = 0

/** Creates an order and pays it by a card. */
const payOrder = async ({ twin }: Terminal, card: string, more: Record<string, unknown> = {}) => {
  invoice += 1
  const order = {
    Amount: 1990.5,
    Description: 'Подписка «Про»',
    InvoiceId: `pay_${invoice}`,
    AccountId: 'sub_1',
    Email: 'anna@example.com',
    SaveCard: true,
  }
  const created = await call(twin, '/orders/create', { ...order, ...more })
  const paid = await act(twin, { orderId: created.Model?.Id, card })
  return { invoiceId: `pay_${invoice}`, created, paid, model: paid.Model ?? assert.fail('There should be a model') }
}

const success = '4242424242424242'
const failingRenewal = '4111111111111111'

describe('CloudPayments twin, driven by an independent client', () => {
  /** A test of its own terminal, so that nothing depends on the order of tests. */
  const atTerminal = (title: string, test: (terminal: Terminal) => Promise<void>) =>
    it(title, async () => {
      const terminal = await openTerminal()
      await test(terminal).finally(terminal.stop)
    })

  atTerminal('takes an order from its creation to check, pay and a refund', async (terminal) => {
    const { client, told, twin } = terminal
    const asked = {
      Amount: 1990.5,
      Currency: 'RUB',
      Description: 'Подписка',
      InvoiceId: 'inv-1',
      AccountId: 'sub-1',
      Email: 'anna@example.com',
      RequireConfirmation: false,
      SendEmail: false,
    }
    const order = await client.createOrder(asked as unknown as Parameters<typeof client.createOrder>[0])
    const created = order.getResponse() as unknown as Answer
    assert.equal(created.Model?.Status, 'Created')
    const paid = await act(twin, { orderId: created.Model?.Id, card: success })
    assert.equal(paid.Model?.Status, 'Completed')
    await until(() => told.some(({ kind }) => kind === 'pay'), 'pay was told')
    assert.deepEqual(
      told.map(({ kind }) => kind),
      ['check', 'pay'],
    )
    const { notice } = told[1] ?? assert.fail()
    assert.deepEqual(
      [notice.invoiceId, notice.accountId, notice.amountKopecks, notice.currency, notice.status, notice.testMode],
      ['inv-1', 'sub-1', 199050, 'RUB', 'Completed', true],
    )
    const got = (
      await client.getPayment({ TransactionId: Number(notice.transactionId) })
    ).getResponse() as unknown as Answer
    assert.deepEqual([got.Success, got.Model?.Status, got.Model?.InvoiceId], [true, 'Completed', 'inv-1'])
    const refund = await client.refundPayment({ TransactionId: Number(notice.transactionId), Amount: 990.5 })
    assert.equal(refund.isSuccess(), true)
    await until(() => told.some(({ kind }) => kind === 'refund'), 'the refund was told')
    assert.deepEqual(
      [told[2]?.notice.paymentTransactionId, told[2]?.notice.amountKopecks],
      [notice.transactionId, 99050],
    )
    const found = await call(twin, '/v2/payments/find', { InvoiceId: 'inv-1' })
    assert.equal(found.Model?.Type, 1)
    const foundOld = (await client.findPaymentByInvoiceId({ InvoiceId: 'inv-1' })).getResponse() as unknown as Answer
    assert.equal(foundOld.Model?.Type, 0)
  })

  atTerminal('signs so that an independent handler believes it', async (terminal) => {
    const { handlers, told } = terminal
    await payOrder(terminal, success, { Description: "Скидка 100% + 'ещё' ~ (A&B)" })
    await until(() => told.at(-1)?.kind === 'pay', 'pay was told')
    const { raw, headers } = told.at(-1) ?? assert.fail()
    const request = Object.assign(Readable.from([Buffer.from(raw)]), { method: 'POST', url: '/', headers })
    const asked = request as unknown as Parameters<typeof handlers.handlePayRequest>[0]
    const { response } = await handlers.handlePayRequest(asked, async () => 0)
    assert.deepEqual(response, { code: 0 })
    const forged = Object.assign(Readable.from([Buffer.from(raw.replace('1990', '1'))]), {
      method: 'POST',
      url: '/',
      headers,
    })
    await assert.rejects(handlers.handlePayRequest(forged as unknown as typeof asked, async () => 0))
  })

  atTerminal('charges a saved card, by its account only', async (terminal) => {
    const { twin, client } = terminal
    const { model } = await payOrder(terminal, success)
    const token = String(model.Token)
    const charge = {
      Amount: 10,
      Currency: 'RUB',
      AccountId: 'sub_1',
      Token: token,
      InvoiceId: 'renewal',
      TrInitiatorCode: 0,
    }
    const charged = (
      await client.chargeTokenPayment(charge as Parameters<typeof client.chargeTokenPayment>[0])
    ).getResponse() as unknown as Answer
    assert.deepEqual([charged.Success, charged.Model?.Status], [true, 'Completed'])
    const foreign = await call(twin, '/payments/tokens/charge', { ...charge, Token: 'tk_foreign' })
    assert.deepEqual([foreign.Success, foreign.Model?.ReasonCode], [false, 6025])
    const list = await call(twin, '/payments/tokens/list', { PageNumber: 1 })
    assert.equal(
      list.Model?.some(({ Token }) => Token === token),
      true,
    )
  })

  atTerminal('saves no card without an account or without being asked', async (terminal) => {
    assert.equal((await payOrder(terminal, success, { AccountId: '' })).model.Token, null)
    assert.equal((await payOrder(terminal, success, { SaveCard: false })).model.Token, null)
  })

  atTerminal('confirms and voids payments of two stages and tells of it', async (terminal) => {
    const { twin, told } = terminal
    const first = await payOrder(terminal, success, { RequireConfirmation: true })
    assert.equal(first.model.Status, 'Authorized')
    const id = first.model.TransactionId
    assert.equal((await call(twin, '/payments/confirm', { TransactionId: id, Amount: 1990.51 })).Success, false)
    assert.equal((await call(twin, '/payments/confirm', { TransactionId: id, Amount: 1000 })).Success, true)
    await until(() => told.at(-1)?.kind === 'confirm', 'confirm was told')
    const second = await payOrder(terminal, success, { RequireConfirmation: true })
    assert.equal((await call(twin, '/payments/void', { TransactionId: second.model.TransactionId })).Success, true)
    await until(() => told.at(-1)?.kind === 'cancel', 'cancel was told')
  })

  atTerminal('keeps subscriptions, and an update revives a cancelled one (P8)', async (terminal) => {
    const { twin, told } = terminal
    const { model } = await payOrder(terminal, success)
    const asked = {
      Token: model.Token,
      AccountId: 'sub_1',
      Description: 'x',
      Amount: 10,
      Currency: 'RUB',
      RequireConfirmation: false,
      StartDate: '2027-01-01T00:00:00',
      Interval: 'Month',
      Period: 1,
    }
    const { Model } = await call(twin, '/subscriptions/create', asked)
    const Id = Model?.Id
    assert.equal((await call(twin, '/subscriptions/cancel', { Id })).Success, true)
    await until(() => told.at(-1)?.kind === 'recurrent', 'recurrent was told')
    assert.equal(told.at(-1)?.notice.status, 'Cancelled')
    assert.equal((await call(twin, '/subscriptions/update', { Id, Description: 'y' })).Model?.Status, 'Active')
    assert.equal((await call(twin, '/subscriptions/find', { accountId: 'sub_1' })).Model?.length, 1)
    for (const bad of [
      { StartDate: '2026-01-01' },
      { StartDate: '2028-01-01' },
      { Period: 0 },
      { Period: 1.5 },
      { Interval: 'Year' },
      { MaxPeriods: 0 },
    ]) {
      assert.equal(
        (await call(twin, '/subscriptions/create', { ...asked, ...bad })).Success,
        false,
        `P7 ${JSON.stringify(bad)}`,
      )
    }
  })

  for (const [card, { first, byToken }] of testCards) {
    atTerminal(`makes of card ${card} ${first} and by token ${byToken}`, async (terminal) => {
      const { model, paid } = await payOrder(terminal, card)
      assert.deepEqual([paid.Success, model.ReasonCode], [first === 0, first])
      if (first !== 0) return
      const charge = { Amount: 1, AccountId: 'sub_1', Token: model.Token, TrInitiatorCode: 0 }
      assert.equal((await call(terminal.twin, '/payments/tokens/charge', charge)).Model?.ReasonCode, byToken)
    })
  }
})

describe('CloudPayments twin, asking before it takes money', () => {
  const cases: readonly (readonly [string, () => Response, number])[] = [
    ['10', () => Response.json({ code: 10 }), 3001],
    ['11', () => Response.json({ code: 11 }), 3002],
    ['12', () => Response.json({ code: 12 }), 3003],
    ['13', () => Response.json({ code: 13 }), 3008],
    ['20', () => Response.json({ code: 20 }), 3004],
    ['7', () => Response.json({ code: 7 }), 3005],
    ['a page', () => new Response('<html>'), 3005],
    ['503', () => new Response('', { status: 503 }), 3006],
    ['404', () => new Response('', { status: 404 }), 3007],
  ]
  for (const [title, answer, code] of cases) {
    it(`declines with ${code} when check is answered ${title}, and the payer may try again`, async () => {
      const terminal = await openTerminal()
      terminal.answers.check = answer
      const { model, created } = await payOrder(terminal, success)
      assert.deepEqual([model.Status, model.ReasonCode], ['Declined', code])
      await until(() => terminal.told.at(-1)?.kind === 'fail', 'fail was told')
      assert.equal(terminal.told.at(-1)?.notice.reasonCode, String(code))
      terminal.answers.check = () => Response.json({ code: 0 })
      assert.equal((await act(terminal.twin, { orderId: created.Model?.Id, card: success })).Model?.Status, 'Completed')
      await terminal.stop()
    })
  }
  it('asks nobody when the cabinet has check switched off', async () => {
    const terminal = await openTerminal()
    await act(terminal.twin, { check: false })
    await payOrder(terminal, success)
    await until(() => terminal.told.length > 0, 'pay was told')
    assert.equal(terminal.told[0]?.kind, 'pay')
    await terminal.stop()
  })
  it('tells pay again until it hears {"code":0}', async () => {
    const terminal = await openTerminal()
    const pays = () => terminal.told.filter(({ kind }) => kind === 'pay').length
    terminal.answers.pay = () => new Response('OK')
    await payOrder(terminal, success)
    const attempts = async () => (await terminal.store.load())?.waiting[0]?.attempts
    await until(async () => (await attempts()) === 1, 'the first answer was not taken')
    assert.equal(pays(), 1)
    terminal.clock.advance(60_000)
    await until(async () => (await attempts()) === 2, 'the second answer was not taken')
    assert.equal(pays(), 2)
    terminal.answers.pay = () => Response.json({ code: 0 })
    terminal.clock.advance(120_000)
    await until(() => pays() === 3, 'pay was told after two more minutes')
    await until(async () => (await terminal.store.load())?.waiting.length === 0, 'nothing waits any more')
    await terminal.stop()
  })
  it('sends a lie as the test asks', async () => {
    const terminal = await openTerminal()
    const lie = { kind: 'pay', fields: { TransactionId: 7, Amount: '1.00', InvoiceId: 'pay_x' } }
    await fetch(`${terminal.twin.url}/hooks`, { method: 'POST', body: JSON.stringify({ lie }) })
    assert.deepEqual([terminal.told[0]?.notice.transactionId, terminal.told[0]?.notice.invoiceId], ['7', 'pay_x'])
    await terminal.stop()
  })
})

describe('CloudPayments twin, refusing', () => {
  let terminal: Terminal
  let paid: Record<string, unknown> = {}
  before(async () => {
    terminal = await openTerminal()
    paid = (await payOrder(terminal, success)).model
  })
  after(() => terminal.stop())

  it('P1 answers no or wrong Basic with 401', async () => {
    assert.equal((await send(terminal.twin, '/test', {}, { authorization: 'Basic eDp5' })).status, 401)
    assert.equal((await call(terminal.twin, '/test')).Success, true)
  })
  const order = { Amount: 10, Description: 'x' }
  const charge = { Amount: 10, AccountId: 'a', Token: 't', TrInitiatorCode: 0 }
  const bad: readonly (readonly [string, string, Record<string, unknown>, string?])[] = [
    ['P2 no Amount', '/orders/create', { ...order, Amount: undefined }, 'Amount is required'],
    ['P2 Amount 0.001', '/orders/create', { ...order, Amount: 0.001 }],
    ['P2 Amount 0', '/orders/create', { ...order, Amount: 0 }],
    ['P2 Amount of three decimals', '/orders/create', { ...order, Amount: 10.001 }],
    ['P3 no Token', '/payments/tokens/charge', { ...charge, Token: undefined }],
    ['P3 no AccountId', '/payments/tokens/charge', { ...charge, AccountId: undefined }],
    ['P3 no TrInitiatorCode', '/payments/tokens/charge', { ...charge, TrInitiatorCode: undefined }],
    ['P5 refund of an unknown payment', '/payments/refund', { TransactionId: 1, Amount: 1 }, 'Not found'],
    [
      'P9 PageNumber 0',
      '/v2/payments/list',
      { PageNumber: 0, CreatedDateGte: '2026-01-01', CreatedDateLte: '2027-01-01' },
    ],
    ['P9 no dates', '/v2/payments/list', { PageNumber: 1 }],
    ['P10 get of an unknown number', '/payments/get', { TransactionId: 1 }, 'Not found'],
    ['P10 find of an unknown number', '/v2/payments/find', { InvoiceId: 'nowhere' }, 'Not found'],
    ['P11 no Description', '/orders/create', { Amount: 10 }],
    ['P11 SMS and Viber', '/orders/create', { ...order, SendSms: true, SendViber: true }],
  ]
  for (const [title, path, body, message] of bad) {
    it(`answers ${title} with no success`, async () => {
      const answer = await call(terminal.twin, path, body)
      assert.equal(answer.Success, false)
      assert.equal(answer.Model, undefined)
      if (message !== undefined) assert.equal(answer.Message, message)
    })
  }
  it('P5 P6 refuses a refund without Amount or above the rest, a void and a confirmation of what is completed', async () => {
    const TransactionId = paid.TransactionId
    assert.equal((await call(terminal.twin, '/payments/refund', { TransactionId })).Message, 'Amount is required')
    assert.equal((await call(terminal.twin, '/payments/refund', { TransactionId, Amount: 1990.51 })).Success, false)
    assert.equal((await call(terminal.twin, '/payments/void', { TransactionId })).Success, false)
    assert.equal((await call(terminal.twin, '/payments/confirm', { TransactionId, Amount: 1 })).Success, false)
    terminal.clock.advance(366 * 86_400_000)
    assert.equal((await call(terminal.twin, '/payments/refund', { TransactionId, Amount: 1 })).Success, false)
  })
  it('P12 answers the sixth call at once with 429', async () => {
    await fetch(`${terminal.twin.url}/faults`, {
      method: 'POST',
      body: JSON.stringify({ kind: 'slow', path: '/test', times: 5 }),
    })
    const statuses = await Promise.all(
      Array.from({ length: 6 }, async () => (await send(terminal.twin, '/test')).status),
    )
    assert.deepEqual(statuses.toSorted(), [200, 200, 200, 200, 200, 429])
  })
})

describe('CloudPayments twin, under one request id', () => {
  it('P1 P2 charges once, whatever became of the answers, and P10 forgets the id after an hour', async () => {
    const terminal = await openTerminal()
    const { model } = await payOrder(terminal, success)
    const charge = { Amount: 10, AccountId: 'sub_1', Token: model.Token, TrInitiatorCode: 0, InvoiceId: 'renewal-1' }
    const headers = { 'x-request-id': 'one-id' }
    for (const kind of ['apply-then-500', 'apply-then-reset', 'empty']) {
      await fetch(`${terminal.twin.url}/faults`, {
        method: 'POST',
        body: JSON.stringify({ kind, path: '/tokens/charge', times: 1 }),
      })
    }
    for (let n = 0; n < 4; n += 1)
      await (await send(terminal.twin, '/payments/tokens/charge', charge, headers)).text().catch(() => '')
    const charges = async () => {
      const list = await call(terminal.twin, '/v2/payments/list', {
        PageNumber: 1,
        CreatedDateGte: '2026-11-24',
        CreatedDateLte: '2026-11-25',
      })
      return list.Model?.filter(({ InvoiceId }) => InvoiceId === 'renewal-1').length
    }
    assert.equal(await charges(), 1)
    terminal.clock.advance(3_600_000)
    await send(terminal.twin, '/payments/tokens/charge', charge, headers)
    assert.equal(await charges(), 2)
    const { calls } = (await (await fetch(`${terminal.twin.url}/ledger`)).json()) as { calls: readonly TwinCall[] }
    assert.equal(calls.filter(({ key, applied }) => key === 'one-id' && applied).length, 2)
    await terminal.stop()
  })
})

describe('CloudPayments twin, its pages', () => {
  it('lets a person pay by a test card, be declined and try again', async () => {
    const terminal = await openTerminal()
    const created = await call(terminal.twin, '/orders/create', {
      Amount: 1990.5,
      Description: 'Подписка <b>',
      SuccessRedirectUrl: 'https://hub.example/done',
      InvoiceId: 'page',
    })
    const url = String(created.Model?.Url)
    const html = await (await fetch(url)).text()
    assert.match(html, /1990\.50 ₽/)
    assert.equal(/<b>|<script|<style|style=/.test(html), false)
    const pay = (card: string) =>
      fetch(url, { method: 'POST', body: new URLSearchParams({ card }), redirect: 'manual' })
    const declined = await pay('4012888888881881')
    assert.match(await declined.text(), /5051/)
    const paid = await pay(failingRenewal)
    assert.deepEqual([paid.status, paid.headers.get('location')], [303, 'https://hub.example/done'])
    assert.match(await (await fetch(`${terminal.twin.url}/`)).text(), /завершена/)
    await terminal.stop()
  })
})
