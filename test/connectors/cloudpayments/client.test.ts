import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type CloudPaymentsOrder,
  cloudpaymentsKeyLifetimeMs,
  createCloudPaymentsCourier,
} from '../../../src/connectors/cloudpayments/client.ts'
import { createOrderBody, refundBody } from '../../../src/connectors/cloudpayments/order.ts'
import {
  cloudpaymentsDeclineClass,
  cloudpaymentsDeclines,
  paymentFromModel,
} from '../../../src/connectors/cloudpayments/payment.ts'
import { type CloudPaymentsTwinState, createCloudPaymentsTwin } from '../../../src/connectors/cloudpayments/twin.ts'
import type { Attempt } from '../../../src/connectors/connector.ts'
import { nodeOf } from '../../../src/connectors/exchange.ts'
import { makeProviderCall } from '../../../src/connectors/fetcher.ts'
import type { ProviderPayment, ProviderPayments, ProviderRefund } from '../../../src/connectors/payment.ts'
import type { TwinCall } from '../../../src/connectors/twin.ts'
import type { Outcome } from '../../../src/kernel/decision.ts'
import { plusMs } from '../../../src/kernel/time.ts'
import { serveTwin, testClock, testTwinContext } from '../../support/twinServer.ts'

const publicId = 'test_api_0001'

/** A courier before a twin over a real socket, with the engine's part played by the test. */
const openCourier = async ({ apiSecrets = ['secret'] } = {}) => {
  const clock = testClock('2026-11-24T09:00:00.000Z')
  const context = testTwinContext<CloudPaymentsTwinState>({ clock, hubUrl: () => 'http://127.0.0.1:9' })
  const twin = await serveTwin(createCloudPaymentsTwin(context, { publicId, apiSecrets: ['secret'] }))
  const stands = { value: true }
  const courier = createCloudPaymentsCourier(
    { publicId, apiSecrets, baseUrl: twin.url, live: false },
    { call: makeProviderCall(fetch), stands: async () => stands.value },
  )
  const attempt = (more: Partial<Attempt> = {}): Attempt => ({
    key: crypto.randomUUID(),
    number: 1,
    firstAttemptAt: clock.now(),
    now: clock.now(),
    signal: AbortSignal.timeout(5000),
    ...more,
  })
  const post = async (path: string, body: unknown) =>
    (await fetch(`${twin.url}${path}`, { method: 'POST', body: JSON.stringify(body) })).json() as Promise<
      Record<string, unknown>
    >
  await post('/act', { check: false })
  const perform = (kind: string, payload: unknown, given: Attempt = attempt()): Promise<Outcome> =>
    (courier.performers[kind] ?? assert.fail(`There is no performer ${kind}`))(payload, given)
  return {
    clock,
    attempt,
    perform,
    stands,
    act: (body: unknown) => post('/act', body),
    fault: (kind: string, more: object = {}) => post('/faults', { kind, path: '/', times: 1, ...more }),
    ledger: async () =>
      (await (await fetch(`${twin.url}/ledger`)).json()) as { calls: readonly TwinCall[]; applied: number },
    stop: async () => {
      context.close()
      await twin.stop()
    },
  }
}

type Desk = Awaited<ReturnType<typeof openCourier>>

const order = {
  paymentId: 'pay_1',
  subscriptionId: 'sub_1',
  amountKopecks: 199050,
  description: 'Подписка «Про»',
  email: 'anna@example.com',
  successUrl: 'https://hub.example/pay/x/done',
  failUrl: 'https://hub.example/pay/x',
  saveMethod: true,
  receipt: null,
}

const success = '4242424242424242'
const failingRenewal = '4111111111111111'

const resultOf = <Result>(outcome: Outcome): Result => {
  assert.equal(outcome.tag, 'done', JSON.stringify(outcome))
  return outcome.tag === 'done' ? (outcome.result as Result) : assert.fail()
}

const pay = async ({ perform, act }: Desk, paymentId: string, card = success): Promise<ProviderPayment> => {
  const { orderId } = resultOf<CloudPaymentsOrder>(await perform('cloudpayments.createOrder', { ...order, paymentId }))
  await act({ orderId, card })
  return resultOf<ProviderPayment>(await perform('cloudpayments.findPayment', { paymentId }))
}

describe('CloudPayments courier', () => {
  let desk: Desk
  before(async () => {
    desk = await openCourier()
  })
  after(() => desk.stop())

  it('creates an order, reads it paid, charges the saved card and gives money back', async () => {
    const { perform, act, clock } = desk
    const made = resultOf<CloudPaymentsOrder>(await perform('cloudpayments.createOrder', order))
    assert.match(made.confirmationUrl ?? '', /\/d\//)
    assert.equal(resultOf(await perform('cloudpayments.findPayment', { paymentId: 'pay_1' })), null)
    await act({ orderId: made.orderId, card: success })
    const found = resultOf<ProviderPayment>(await perform('cloudpayments.findPayment', { paymentId: 'pay_1' }))
    assert.deepEqual(found, {
      provider: 'cloudpayments',
      providerPaymentId: found.providerPaymentId,
      paymentId: 'pay_1',
      subscriptionId: 'sub_1',
      status: 'succeeded',
      amountKopecks: 199050,
      refundedKopecks: 0,
      currency: 'RUB',
      accountId: publicId,
      test: true,
      paidAt: clock.now(),
      createdAt: clock.now(),
      declineReason: null,
      declineClass: null,
      savedMethod: { id: found.savedMethod?.id, title: 'Visa *4242' },
      confirmationUrl: null,
    })
    const transactionId = found.providerPaymentId
    assert.deepEqual(resultOf(await perform('cloudpayments.readPayment', { transactionId })), found)
    const charge = { ...order, paymentId: 'pay_2', token: found.savedMethod?.id }
    const charged = resultOf<ProviderPayment>(await perform('cloudpayments.chargeToken', charge))
    assert.deepEqual([charged.status, charged.paymentId], ['succeeded', 'pay_2'])
    const asked = { refundId: 'ref_1', providerPaymentId: transactionId, amountKopecks: 99050, receipt: null }
    const refund = resultOf<ProviderRefund>(await perform('cloudpayments.refund', asked))
    assert.deepEqual([refund.refundId, refund.status, refund.amountKopecks], ['ref_1', 'succeeded', 99050])
    const whole = resultOf<ProviderPayment>(
      await perform('cloudpayments.readPayment', { transactionId, withRefunds: true }),
    )
    assert.equal(whole.refundedKopecks, 99050)
    const ofRefund = resultOf<ProviderPayment>(
      await perform('cloudpayments.readPayment', { transactionId: refund.providerRefundId }),
    )
    assert.deepEqual(ofRefund, whole)
    const last = resultOf<ProviderPayment>(await perform('cloudpayments.findPayment', { paymentId: 'pay_1' }))
    assert.deepEqual([last.providerPaymentId, last.status], [transactionId, 'succeeded'])
  })

  it('lists the payments of a window in parts, and the refunds beside them', async () => {
    const desk = await openCourier()
    const from = desk.clock.now()
    const { savedMethod, providerPaymentId } = await pay(desk, 'pay_0')
    await desk.perform('cloudpayments.refund', {
      refundId: 'ref_1',
      providerPaymentId,
      amountKopecks: 1,
      receipt: null,
    })
    for (let n = 1; n < 101; n += 1) {
      await desk.perform('cloudpayments.chargeToken', { ...order, paymentId: `pay_${n}`, token: savedMethod?.id })
    }
    const window = { from, to: desk.clock.now() }
    const first = resultOf<ProviderPayments>(
      await desk.perform('cloudpayments.listPayments', { ...window, cursor: null }),
    )
    const second = resultOf<ProviderPayments>(
      await desk.perform('cloudpayments.listPayments', { ...window, cursor: first.nextCursor }),
    )
    assert.deepEqual([first.payments.length, second.payments.length, second.nextCursor], [99, 2, null])
    assert.equal(new Set([...first.payments, ...second.payments].map(({ paymentId }) => paymentId)).size, 101)
    const [refund, ...others] = first.refunds
    assert.deepEqual(
      [refund?.refundId, refund?.providerPaymentId, refund?.amountKopecks],
      ['ref_1', providerPaymentId, 1],
    )
    assert.deepEqual([...others, ...second.refunds], [])
    await desk.stop()
  })

  it('tells a declined renewal with its code and class', async () => {
    const { savedMethod } = await pay(desk, 'pay_10', failingRenewal)
    const charge = { ...order, paymentId: 'pay_11', token: savedMethod?.id }
    const declined = resultOf<ProviderPayment>(await desk.perform('cloudpayments.chargeToken', charge))
    assert.deepEqual(
      [declined.status, declined.declineReason, declined.declineClass],
      ['declined', '5051', 'retry-later'],
    )
    const foreign = resultOf<ProviderPayment>(
      await desk.perform('cloudpayments.chargeToken', { ...charge, paymentId: 'pay_12', token: 'tk' }),
    )
    assert.deepEqual([foreign.declineReason, foreign.declineClass], ['6025', 'never'])
  })

  it('P3 refuses for good what the provider refuses', async () => {
    const unknown = await desk.perform('cloudpayments.readPayment', { transactionId: '1' })
    assert.deepEqual([unknown.tag, 'code' in unknown && unknown.code], ['refused', 'payment-not-found'])
    const { providerPaymentId } = await pay(desk, 'pay_20')
    const asked = { refundId: 'ref_9', providerPaymentId, amountKopecks: 199051, receipt: null }
    const refund = await desk.perform('cloudpayments.refund', asked)
    assert.deepEqual([refund.tag, 'code' in refund && refund.code], ['refused', 'request-not-accepted'])
  })

  const unsendable: readonly (readonly [string, string, object, string])[] = [
    ['a fraction of a kopeck', 'createOrder', { amountKopecks: 1.5 }, 'amountKopecks'],
    ['nothing', 'createOrder', { amountKopecks: 0 }, 'amountKopecks'],
    ['no description', 'createOrder', { description: '' }, 'description'],
    ['no email', 'createOrder', { email: undefined }, 'email'],
    [
      'a VAT rate of the past or of elsewhere',
      'createOrder',
      { receipt: { email: 'anna@example.com', description: 'x', vatCode: 18, taxSystemCode: null } },
      'receipt',
    ],
    ['no token', 'chargeToken', { token: '' }, 'token'],
    ['a transaction that is no number', 'readPayment', { transactionId: '1;2' }, 'transactionId'],
  ]
  for (const [title, kind, more, field] of unsendable) {
    it(`refuses to send ${title}, without a call`, async () => {
      const calls = (await desk.ledger()).calls.length
      const outcome = await desk.perform(`cloudpayments.${kind}`, { ...order, ...more })
      assert.deepEqual([outcome.tag, 'code' in outcome && outcome.code], ['refused', 'payload-not-valid'])
      assert.match('detail' in outcome ? outcome.detail : '', new RegExp(field))
      assert.equal((await desk.ledger()).calls.length, calls)
    })
  }
})

describe('CloudPayments courier, when the outcome is not known', () => {
  for (const kind of [
    'apply-then-500',
    'apply-then-reset',
    'apply-then-hang',
    'empty',
    'garbage',
    'html',
    '500',
    'redirect',
  ]) {
    it(`P1 P2 charges once under one key after ${kind}`, async () => {
      const desk = await openCourier()
      const { savedMethod } = await pay(desk, 'pay_1')
      const before = (await desk.ledger()).applied
      const charge = { ...order, paymentId: 'pay_2', token: savedMethod?.id }
      const key = crypto.randomUUID()
      await desk.fault(kind, { seconds: 60 })
      const signal = AbortSignal.timeout(kind.endsWith('hang') ? 150 : 5000)
      const first = await desk.perform('cloudpayments.chargeToken', charge, desk.attempt({ key, signal }))
      assert.equal(first.tag, 'later')
      assert.equal('code' in first && first.code === 'deadline', kind.endsWith('hang'))
      const second = resultOf<ProviderPayment>(
        await desk.perform('cloudpayments.chargeToken', charge, desk.attempt({ key, number: 2 })),
      )
      assert.equal(second.status, 'succeeded')
      assert.equal((await desk.ledger()).applied - before, 1)
      await desk.stop()
    })
  }

  it('sends no charge that is no longer wanted, but tells what became of one that was sent', async () => {
    const desk = await openCourier()
    const { savedMethod } = await pay(desk, 'pay_1')
    const before = (await desk.ledger()).applied
    const charge = { ...order, paymentId: 'pay_2', token: savedMethod?.id }
    desk.stands.value = false
    const unsent = await desk.perform('cloudpayments.chargeToken', charge)
    assert.deepEqual([unsent.tag, 'code' in unsent && unsent.code], ['refused', 'charge-withdrawn'])
    const lost = await desk.perform('cloudpayments.chargeToken', charge, desk.attempt({ number: 2 }))
    assert.deepEqual([lost.tag, 'code' in lost && lost.code], ['refused', 'charge-withdrawn'])
    assert.equal((await desk.ledger()).applied, before)
    desk.stands.value = true
    const first = desk.attempt()
    await desk.fault('apply-then-500')
    assert.equal((await desk.perform('cloudpayments.chargeToken', charge, first)).tag, 'later')
    desk.stands.value = false
    const again = await desk.perform('cloudpayments.chargeToken', charge, { ...first, number: 2 })
    assert.equal(resultOf<ProviderPayment>(again).status, 'succeeded')
    assert.equal((await desk.ledger()).applied, before + 1)
    await desk.stop()
  })

  for (const minutes of [51, 61]) {
    it(`P10 finds the charge by our number instead of repeating it after ${minutes} minutes`, async () => {
      const desk = await openCourier()
      const { savedMethod } = await pay(desk, 'pay_1')
      const before = (await desk.ledger()).applied
      const charge = { ...order, paymentId: 'pay_2', token: savedMethod?.id }
      const first = desk.attempt()
      await desk.fault('apply-then-500')
      assert.equal((await desk.perform('cloudpayments.chargeToken', charge, first)).tag, 'later')
      desk.clock.advance(minutes * 60_000)
      const late = { ...first, number: 2, now: desk.clock.now(), signal: AbortSignal.timeout(5000) }
      const found = resultOf<ProviderPayment>(await desk.perform('cloudpayments.chargeToken', charge, late))
      assert.deepEqual([found.paymentId, found.status], ['pay_2', 'succeeded'])
      assert.equal((await desk.ledger()).applied - before, 1)
      await desk.stop()
    })
  }

  it('P10 charges late when nothing took effect, and says unknown when that is in doubt', async () => {
    const desk = await openCourier()
    const { savedMethod } = await pay(desk, 'pay_1')
    const before = (await desk.ledger()).applied
    const charge = { ...order, paymentId: 'pay_2', token: savedMethod?.id }
    const firstAttemptAt = desk.clock.now()
    desk.clock.advance(cloudpaymentsKeyLifetimeMs)
    const late = desk.attempt({ firstAttemptAt, number: 2 })
    await desk.fault('500', { path: '/v2/payments/find' })
    assert.equal((await desk.perform('cloudpayments.chargeToken', charge, late)).tag, 'later')
    await desk.fault('apply-then-reset', { path: '/payments/tokens/charge' })
    assert.equal((await desk.perform('cloudpayments.chargeToken', charge, late)).tag, 'unknown')
    assert.equal(
      resultOf<ProviderPayment>(await desk.perform('cloudpayments.chargeToken', charge, late)).paymentId,
      'pay_2',
    )
    assert.equal((await desk.ledger()).applied - before, 1)
    await desk.stop()
  })

  it('P10 creates no second order for a number that was paid meanwhile', async () => {
    const desk = await openCourier()
    const { providerPaymentId } = await pay(desk, 'pay_1')
    const firstAttemptAt = desk.clock.now()
    desk.clock.advance(2 * 3_600_000)
    const outcome = await desk.perform('cloudpayments.createOrder', order, desk.attempt({ firstAttemptAt, number: 2 }))
    const { orderId, payment } = resultOf<CloudPaymentsOrder>(outcome)
    assert.deepEqual([orderId, payment?.providerPaymentId], [null, providerPaymentId])
    await desk.stop()
  })

  it('P10 finds its refund in the list instead of repeating it', async () => {
    const desk = await openCourier()
    const { providerPaymentId } = await pay(desk, 'pay_1')
    const asked = { refundId: 'ref_1', providerPaymentId, amountKopecks: 1000, receipt: null }
    resultOf(await desk.perform('cloudpayments.refund', { ...asked, refundId: 'ref_0' }))
    const first = desk.attempt()
    await desk.fault('apply-then-500')
    assert.equal((await desk.perform('cloudpayments.refund', asked, first)).tag, 'later')
    desk.clock.advance(61 * 60_000)
    const late = { ...first, now: desk.clock.now(), signal: AbortSignal.timeout(5000) }
    assert.equal(resultOf<ProviderRefund>(await desk.perform('cloudpayments.refund', asked, late)).refundId, 'ref_1')
    const asking = { transactionId: providerPaymentId, withRefunds: true }
    const read = resultOf<ProviderPayment>(await desk.perform('cloudpayments.readPayment', asking))
    assert.equal(read.refundedKopecks, 2000)
    await desk.stop()
  })
})

describe('CloudPayments courier, when the provider asks for patience', () => {
  it('P4 P12 pauses the destination', async () => {
    const desk = await openCourier()
    await desk.fault('429-retry-after', { seconds: 60 })
    await desk.fault('429')
    for (const seconds of [60, 5]) {
      const outcome = await desk.perform('cloudpayments.createOrder', order)
      assert.deepEqual(outcome.tag === 'later' && [outcome.pauseDestination, outcome.notBefore], [
        'until-not-before',
        plusMs(desk.clock.now(), seconds * 1000),
      ])
    }
    await desk.stop()
  })
  it('P1 P15 pauses the destination until a person has put the credentials right', async () => {
    const desk = await openCourier({ apiSecrets: ['other'] })
    const outcome = await desk.perform('cloudpayments.createOrder', order)
    assert.deepEqual(outcome.tag === 'later' && outcome.pauseDestination, 'until-resumed')
    await desk.stop()
  })
  it('takes the second of two secrets during a change', async () => {
    const desk = await openCourier({ apiSecrets: ['new', 'secret'] })
    assert.equal((await desk.perform('cloudpayments.createOrder', order)).tag, 'done')
    await desk.stop()
  })
})

describe('CloudPayments requests', () => {
  it('carry amounts as numbers and the receipt in the codes of this provider', () => {
    const receipt = { email: 'anna@example.com', description: 'Подписка', vatCode: 22, taxSystemCode: 0 }
    const body = JSON.parse(createOrderBody({ ...order, receipt })) as Record<string, unknown>
    assert.deepEqual(
      [body.Amount, body.InvoiceId, body.AccountId, body.Email],
      [1990.5, 'pay_1', 'sub_1', 'anna@example.com'],
    )
    const data = JSON.parse(String(body.JsonData)) as { cloudPayments: { CustomerReceipt: Record<string, unknown> } }
    const { Items, taxationSystem } = data.cloudPayments.CustomerReceipt
    assert.equal(taxationSystem, 0)
    assert.deepEqual(
      (Items as readonly Record<string, unknown>[]).map(({ amount, vat }) => [amount, vat]),
      [[1990.5, 22]],
    )
  })
  it('go without an email for a payer who left only a phone', () => {
    const body = JSON.parse(createOrderBody({ ...order, email: null })) as Record<string, unknown>
    assert.equal('Email' in body, false)
  })
  it('keep every digit of a 64-bit number', () => {
    const body = refundBody({
      refundId: 'ref_1',
      providerPaymentId: '9223372036854775807',
      amountKopecks: 1,
      receipt: null,
    })
    assert.match(body, /^\{"TransactionId":9223372036854775807,"Amount":0\.01,/)
  })
})

describe('CloudPayments answers', () => {
  it('class the groups that the provider names', () => {
    for (const code of '5001 5003 5005 5012 5017 5033 5034 5057'.split(' '))
      assert.equal(cloudpaymentsDeclineClass(code), 'never')
    for (const code of '5051 5065 5096'.split(' ')) assert.equal(cloudpaymentsDeclineClass(code), 'retry-later')
    assert.equal(cloudpaymentsDeclineClass('5054'), 'new-method')
    assert.equal(cloudpaymentsDeclineClass('5206'), 'ask-payer')
    assert.equal(new Set(Object.keys(cloudpaymentsDeclines)).size, 51)
  })
  it('never retry a code that is unknown', () => {
    for (const code of ['9999', '', 'constructor']) assert.equal(cloudpaymentsDeclineClass(code), 'never')
  })
  const model = { TransactionId: 1, Status: 'Completed', Amount: 10.5, Currency: 'RUB', InvoiceId: 42, Type: 0 }
  const paymentOf = (more: object) => paymentFromModel(nodeOf(JSON.stringify({ ...model, ...more })) ?? null, publicId)
  it('take an InvoiceId that is shown as a number', () => assert.equal(paymentOf({})?.paymentId, '42'))
  it('are no payment when the operation takes money back or is of an unknown state', () => {
    assert.equal(paymentOf({ Type: 1, OriginalTransactionId: 7 }), null)
    assert.equal(paymentOf({ Type: undefined, OriginalTransactionId: 7 }), null)
    assert.equal(paymentOf({ Status: 'Dreamt' }), null)
    assert.equal(paymentOf({ Amount: 10.505 }), null)
  })
  it('I11 tell a hold from money', () =>
    assert.equal(paymentOf({ Status: 'Authorized' })?.status, 'waiting_for_capture'))
})
