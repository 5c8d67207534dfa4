import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Attempt } from '../../../src/connectors/connector.ts'
import { nodeOf } from '../../../src/connectors/exchange.ts'
import { makeProviderCall } from '../../../src/connectors/fetcher.ts'
import type { ProviderPayment, ProviderPayments, ProviderRefund } from '../../../src/connectors/payment.ts'
import type { TwinCall } from '../../../src/connectors/twin.ts'
import { createYooKassaCourier } from '../../../src/connectors/yookassa/client.ts'
import { paymentFromNode, yookassaDeclineClass, yookassaDeclines } from '../../../src/connectors/yookassa/payment.ts'
import { createYooKassaTwin, type YooKassaTwinState } from '../../../src/connectors/yookassa/twin.ts'
import { testCards } from '../../../src/connectors/yookassa/twinCards.ts'
import type { Outcome } from '../../../src/kernel/decision.ts'
import { type Instant, plusMs } from '../../../src/kernel/time.ts'
import { serveTwin, testClock, testTwinContext } from '../../support/twinServer.ts'

const hourMs = 3_600_000

/** A courier before a twin over a real socket, with the engine's part played by the test. */
const openCourier = async ({ secretKeys = ['test_key'], savingAllowed = true } = {}) => {
  const clock = testClock('2026-11-24T09:00:00.000Z')
  const context = testTwinContext<YooKassaTwinState>({ clock, hubUrl: () => 'http://127.0.0.1:9' })
  const twin = await serveTwin(
    createYooKassaTwin(context, { shopId: '100001', secretKeys: ['test_key'], savingAllowed }),
  )
  const settings = {
    shopId: '100001',
    secretKeys,
    baseUrl: `${twin.url}/v3`,
    allowedIps: [],
    acceptLoopback: true,
    live: false,
  }
  const stands = { value: true }
  const courier = createYooKassaCourier(settings, { call: makeProviderCall(fetch), stands: async () => stands.value })
  const attempt = (more: Partial<Attempt> = {}): Attempt => ({
    key: crypto.randomUUID(),
    number: 1,
    firstAttemptAt: clock.now(),
    now: clock.now(),
    signal: AbortSignal.timeout(5000),
    ...more,
  })
  const post = (path: string, body: unknown) =>
    fetch(`${twin.url}${path}`, { method: 'POST', body: JSON.stringify(body) })
  return {
    clock,
    twin,
    attempt,
    perform: (kind: string, payload: unknown, given: Attempt = attempt()): Promise<Outcome> =>
      (courier.performers[kind] ?? assert.fail(`There is no performer ${kind}`))(payload, given),
    policy: courier.policy,
    stands,
    fault: (kind: string, more: object = {}) => post('/faults', { kind, path: '/v3/', times: 1, ...more }),
    act: (body: unknown) => post('/act', body),
    ledger: async () =>
      (await (await fetch(`${twin.url}/ledger`)).json()) as { calls: readonly TwinCall[]; applied: number },
    stop: async () => {
      context.close()
      await twin.stop()
    },
  }
}

const order = {
  paymentId: 'pay_1',
  subscriptionId: 'sub_1',
  amountKopecks: 199050,
  description: 'Подписка «Про»',
  returnUrl: 'https://hub.example/pay/x/done',
  saveMethod: true,
  receipt: { email: 'anna@example.com', description: 'Подписка', vatCode: 11, taxSystemCode: 2 },
}

const success = '4111111111111111'

const resultOf = <Result>(outcome: Outcome): Result => {
  assert.equal(outcome.tag, 'done', JSON.stringify(outcome))
  return outcome.tag === 'done' ? (outcome.result as Result) : assert.fail()
}

describe('YooKassa courier', () => {
  let desk: Awaited<ReturnType<typeof openCourier>>
  before(async () => {
    desk = await openCourier()
  })
  after(() => desk.stop())

  it('creates a payment, reads it paid, charges the saved method and gives money back', async () => {
    const { perform, act, clock } = desk
    const made = resultOf<ProviderPayment>(await perform('yookassa.createPayment', order))
    assert.deepEqual(made, {
      provider: 'yookassa',
      providerPaymentId: made.providerPaymentId,
      paymentId: 'pay_1',
      subscriptionId: 'sub_1',
      status: 'pending',
      amountKopecks: 199050,
      refundedKopecks: 0,
      currency: 'RUB',
      accountId: '100001',
      test: true,
      paidAt: null,
      createdAt: clock.now(),
      declineReason: null,
      declineClass: null,
      savedMethod: null,
      confirmationUrl: made.confirmationUrl,
    })
    assert.match(made.confirmationUrl ?? '', /^http/)
    await act({ paymentId: made.providerPaymentId, card: success })
    const { providerPaymentId } = made
    const paid = resultOf<ProviderPayment>(await perform('yookassa.readPayment', { providerPaymentId }))
    assert.deepEqual([paid.status, paid.paidAt, paid.savedMethod?.title], ['succeeded', clock.now(), 'Bank card *1111'])
    const charge = { ...order, paymentId: 'pay_2', methodId: paid.savedMethod?.id }
    const charged = resultOf<ProviderPayment>(await perform('yookassa.chargeSaved', charge))
    assert.deepEqual([charged.status, charged.paymentId], ['succeeded', 'pay_2'])
    const asked = { refundId: 'ref_1', providerPaymentId, amountKopecks: 99050, description: '', receipt: null }
    const refund = resultOf<ProviderRefund>(await perform('yookassa.refund', asked))
    assert.deepEqual([refund.refundId, refund.status, refund.amountKopecks], ['ref_1', 'succeeded', 99050])
    const { providerRefundId } = refund
    assert.deepEqual(resultOf(await perform('yookassa.readRefund', { providerRefundId })), refund)
    const after = resultOf<ProviderPayment>(await perform('yookassa.readPayment', { providerPaymentId }))
    assert.equal(after.refundedKopecks, 99050)
  })

  it('lists the payments of a window in parts', async () => {
    const desk = await openCourier()
    const from = desk.clock.now()
    for (let n = 0; n < 101; n += 1) await desk.perform('yookassa.createPayment', { ...order, paymentId: `pay_${n}` })
    const to = desk.clock.now()
    desk.clock.advance(1000)
    await desk.perform('yookassa.createPayment', { ...order, paymentId: 'pay_late' })
    const first = resultOf<ProviderPayments>(await desk.perform('yookassa.listPayments', { from, to, cursor: null }))
    const cursor = first.nextCursor
    const second = resultOf<ProviderPayments>(await desk.perform('yookassa.listPayments', { from, to, cursor }))
    assert.deepEqual([first.payments.length, second.payments.length, second.nextCursor], [100, 1, null])
    const numbers = new Set([...first.payments, ...second.payments].map(({ paymentId }) => paymentId))
    assert.deepEqual([numbers.size, numbers.has('pay_late')], [101, false])
    await desk.stop()
  })

  it('lists the refunds of a window in parts, with our number where it is ours', async () => {
    const desk = await openCourier()
    const { providerPaymentId } = resultOf<ProviderPayment>(await desk.perform('yookassa.createPayment', order))
    await desk.act({ paymentId: providerPaymentId, card: success })
    const from = desk.clock.now()
    const asked = { refundId: 'ref_1', providerPaymentId, amountKopecks: 100, description: '', receipt: null }
    await desk.perform('yookassa.refund', asked)
    desk.clock.advance(1000)
    await desk.act({ paymentId: providerPaymentId, refundKopecks: 300 })
    const window = { from, to: desk.clock.now(), cursor: null }
    const { payments, refunds } = resultOf<ProviderPayments>(await desk.perform('yookassa.listRefunds', window))
    assert.deepEqual(
      refunds.map((refund) => [refund.refundId, refund.providerPaymentId, refund.amountKopecks, refund.status]),
      [
        ['', providerPaymentId, 300, 'succeeded'],
        ['ref_1', providerPaymentId, 100, 'succeeded'],
      ],
    )
    assert.deepEqual(payments, [])
    await desk.stop()
  })

  it('does not keep a method that was not asked for', async () => {
    const { perform, act } = desk
    const made = resultOf<ProviderPayment>(await perform('yookassa.createPayment', { ...order, saveMethod: false }))
    const { providerPaymentId } = made
    await act({ paymentId: providerPaymentId, card: success })
    assert.equal(
      resultOf<ProviderPayment>(await perform('yookassa.readPayment', { providerPaymentId })).savedMethod,
      null,
    )
  })

  for (const [card, { reason }] of testCards) {
    if (reason === null) continue
    it(`tells the reason ${reason} of card ${card} and its class`, async () => {
      const { perform, act } = desk
      const { providerPaymentId } = resultOf<ProviderPayment>(await perform('yookassa.createPayment', order))
      await act({ paymentId: providerPaymentId, card })
      const read = resultOf<ProviderPayment>(await perform('yookassa.readPayment', { providerPaymentId }))
      assert.deepEqual(
        [read.status, read.declineReason, read.declineClass],
        ['canceled', reason, yookassaDeclineClass(reason)],
      )
    })
  }

  it('tells the end of a refund that was cancelled in silence', async () => {
    const { perform, act } = desk
    const { providerPaymentId } = resultOf<ProviderPayment>(await perform('yookassa.createPayment', order))
    await act({ paymentId: providerPaymentId, card: success })
    await act({ nextRefund: 'pending' })
    const asked = {
      refundId: 'ref_2',
      providerPaymentId,
      amountKopecks: 1000,
      description: 'По просьбе',
      receipt: null,
    }
    const { providerRefundId, status } = resultOf<ProviderRefund>(await perform('yookassa.refund', asked))
    assert.equal(status, 'pending')
    await act({ refundId: providerRefundId, status: 'canceled' })
    const read = resultOf<ProviderRefund>(await perform('yookassa.readRefund', { providerRefundId, refundId: 'ref_2' }))
    assert.equal(read.status, 'canceled')
  })

  it('P3 I20 refuses for good what the provider refuses', async () => {
    const { perform } = desk
    const unknown = await perform('yookassa.readPayment', { providerPaymentId: crypto.randomUUID() })
    assert.deepEqual([unknown.tag, 'code' in unknown && unknown.code], ['refused', 'payment-not-found'])
    const charge = await perform('yookassa.chargeSaved', { ...order, methodId: 'unknown' })
    assert.deepEqual([charge.tag, 'code' in charge && charge.code], ['refused', 'request-not-accepted'])
    assert.match('detail' in charge ? charge.detail : '', /payment_method_id/)
  })

  const unsendable: readonly (readonly [string, object, string])[] = [
    ['a fraction of a kopeck', { amountKopecks: 1.5 }, 'amountKopecks'],
    ['nothing', { amountKopecks: 0 }, 'amountKopecks'],
    ['a negative sum', { amountKopecks: -1 }, 'amountKopecks'],
    ['no return address', { returnUrl: '' }, 'returnUrl'],
    ['a return address of 2049', { returnUrl: `https://a/${'x'.repeat(2039)}` }, 'returnUrl'],
    ['a VAT code of 13', { receipt: { ...order.receipt, vatCode: 13 } }, 'receipt'],
    ['no payment id', { paymentId: undefined }, 'paymentId'],
  ]
  for (const [title, more, field] of unsendable) {
    it(`refuses to send ${title}, without a call`, async () => {
      const calls = (await desk.ledger()).calls.length
      const outcome = await desk.perform('yookassa.createPayment', { ...order, ...more })
      assert.deepEqual([outcome.tag, 'code' in outcome && outcome.code], ['refused', 'payload-not-valid'])
      assert.match('detail' in outcome ? outcome.detail : '', new RegExp(field))
      assert.equal((await desk.ledger()).calls.length, calls)
    })
  }

  it('cuts a description that the provider would refuse (Y5)', async () => {
    const outcome = await desk.perform('yookassa.createPayment', {
      ...order,
      description: `${'x'.repeat(127)}😀${'x'.repeat(200)}`,
    })
    assert.equal(outcome.tag, 'done')
  })
})

describe('YooKassa courier, when the outcome is not known', () => {
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
    it(`P1 P2 applies one payment under one key after ${kind}`, async () => {
      const desk = await openCourier()
      const key = crypto.randomUUID()
      await desk.fault(kind, { seconds: 60 })
      const first = await desk.perform(
        'yookassa.createPayment',
        order,
        desk.attempt({ key, signal: AbortSignal.timeout(kind.endsWith('hang') ? 150 : 5000) }),
      )
      assert.equal(first.tag, 'later')
      assert.equal('code' in first && first.code === 'deadline', kind.endsWith('hang'))
      assert.equal('pauseDestination' in first, false)
      const second = resultOf<ProviderPayment>(
        await desk.perform('yookassa.createPayment', order, desk.attempt({ key, number: 2 })),
      )
      assert.equal(second.status, 'pending')
      const { calls, applied } = await desk.ledger()
      assert.deepEqual([applied, calls.every((call) => call.key === key)], [1, true])
      await desk.stop()
    })
  }

  it('P10 looks for the payment by our number when the key may be forgotten', async () => {
    const desk = await openCourier()
    const first = desk.attempt()
    await desk.fault('apply-then-500')
    assert.equal((await desk.perform('yookassa.createPayment', order, first)).tag, 'later')
    for (let n = 0; n < 120; n += 1)
      resultOf(await desk.perform('yookassa.createPayment', { ...order, paymentId: `pay_other_${n}` }))
    desk.clock.advance(25 * hourMs)
    const late = { ...first, number: 2, now: desk.clock.now(), signal: AbortSignal.timeout(5000) }
    const found = resultOf<ProviderPayment>(await desk.perform('yookassa.createPayment', order, late))
    assert.deepEqual([found.paymentId, found.status], ['pay_1', 'canceled'])
    assert.equal((await desk.ledger()).applied, 121)
    await desk.stop()
  })

  it('P10 creates the payment late when nothing took effect, and says unknown when that is in doubt', async () => {
    const desk = await openCourier()
    const firstAttemptAt: Instant = desk.clock.now()
    desk.clock.advance(25 * hourMs)
    const late = desk.attempt({ firstAttemptAt, number: 2 })
    await desk.fault('apply-then-500', { path: '/payments' })
    await desk.fault('slow', { path: '/nowhere' })
    const listing = await desk.perform('yookassa.createPayment', order, late)
    assert.equal(listing.tag, 'later', 'the look-up itself failed, so nothing was sent')
    await desk.fault('slow', { path: '/payments', seconds: 0 })
    await desk.fault('apply-then-500', { path: '/payments' })
    assert.equal((await desk.perform('yookassa.createPayment', order, late)).tag, 'unknown')
    assert.equal(
      resultOf<ProviderPayment>(await desk.perform('yookassa.createPayment', order, late)).paymentId,
      'pay_1',
    )
    assert.equal((await desk.ledger()).applied, 1)
    await desk.stop()
  })

  it('P10 looks for a refund by our number when the key may be forgotten', async () => {
    const desk = await openCourier()
    const { providerPaymentId } = resultOf<ProviderPayment>(await desk.perform('yookassa.createPayment', order))
    await desk.act({ paymentId: providerPaymentId, card: success })
    const asked = { refundId: 'ref_1', providerPaymentId, amountKopecks: 1000, description: '', receipt: null }
    const first = desk.attempt()
    await desk.fault('apply-then-reset')
    assert.equal((await desk.perform('yookassa.refund', asked, first)).tag, 'later')
    desk.clock.advance(25 * hourMs)
    const late = { ...first, now: desk.clock.now(), signal: AbortSignal.timeout(5000) }
    assert.equal(resultOf<ProviderRefund>(await desk.perform('yookassa.refund', asked, late)).refundId, 'ref_1')
    const read = resultOf<ProviderPayment>(await desk.perform('yookassa.readPayment', { providerPaymentId }))
    assert.equal(read.refundedKopecks, 1000)
    await desk.stop()
  })

  it('I21 reads again later when a read fails', async () => {
    const desk = await openCourier()
    for (const kind of ['500', 'garbage', 'html', 'empty', 'apply-then-reset']) {
      await desk.fault(kind)
      assert.equal((await desk.perform('yookassa.readPayment', { providerPaymentId: 'x' })).tag, 'later', kind)
    }
    await desk.stop()
  })
})

describe('YooKassa courier, when the provider asks for patience', () => {
  it('P4 pauses the destination as long as Retry-After says, else half a minute', async () => {
    const desk = await openCourier()
    await desk.fault('429-retry-after', { seconds: 120 })
    await desk.fault('429')
    for (const seconds of [120, 30]) {
      const outcome = await desk.perform('yookassa.createPayment', order)
      assert.equal(outcome.tag, 'later')
      if (outcome.tag !== 'later') return
      assert.equal(outcome.pauseDestination, 'until-not-before')
      assert.equal(outcome.notBefore, plusMs(desk.clock.now(), seconds * 1000))
    }
    await desk.stop()
  })
  it('P15 pauses the destination until a person has put the credentials right', async () => {
    const desk = await openCourier({ secretKeys: ['test_other'] })
    const outcome = await desk.perform('yookassa.createPayment', order)
    assert.deepEqual([outcome.tag, outcome.tag === 'later' && outcome.pauseDestination], ['later', 'until-resumed'])
    assert.equal(JSON.stringify(outcome).includes('test_other'), false)
    await desk.stop()
  })
  it('takes the second of two keys during a change', async () => {
    const desk = await openCourier({ secretKeys: ['test_new', 'test_key'] })
    assert.equal((await desk.perform('yookassa.createPayment', order)).tag, 'done')
    await desk.stop()
  })
  it('sends no charge that is no longer wanted, but tells what became of one that was sent', async () => {
    const desk = await openCourier()
    const made = resultOf<ProviderPayment>(await desk.perform('yookassa.createPayment', { ...order, saveMethod: true }))
    await desk.act({ paymentId: made.providerPaymentId, card: success })
    const { providerPaymentId } = made
    const paid = resultOf<ProviderPayment>(await desk.perform('yookassa.readPayment', { providerPaymentId }))
    const before = (await desk.ledger()).applied
    const charge = { ...order, paymentId: 'pay_2', methodId: paid.savedMethod?.id }
    desk.stands.value = false
    for (const number of [1, 2]) {
      const unsent = await desk.perform('yookassa.chargeSaved', charge, desk.attempt({ number }))
      assert.deepEqual([unsent.tag, 'code' in unsent && unsent.code], ['refused', 'charge-withdrawn'])
    }
    assert.equal((await desk.ledger()).applied, before)
    desk.stands.value = true
    const first = desk.attempt()
    await desk.fault('apply-then-500')
    assert.equal((await desk.perform('yookassa.chargeSaved', charge, first)).tag, 'later')
    desk.stands.value = false
    const again = await desk.perform('yookassa.chargeSaved', charge, { ...first, number: 2 })
    assert.equal(resultOf<ProviderPayment>(again).status, 'succeeded')
    assert.equal((await desk.ledger()).applied, before + 1)
    await desk.stop()
  })
  it('tells a right that the shop lacks from other refusals (Y9)', async () => {
    const desk = await openCourier({ savingAllowed: false })
    const outcome = await desk.perform('yookassa.createPayment', order)
    assert.deepEqual([outcome.tag, 'code' in outcome && outcome.code], ['refused', 'forbidden'])
    await desk.stop()
  })
  it('waits as long as an answer 202 says', async () => {
    const courier = createYooKassaCourier(
      { shopId: '1', secretKeys: ['k'], baseUrl: 'http://x', allowedIps: [], acceptLoopback: false, live: false },
      {
        stands: async () => true,
        call: async () => ({
          tag: 'response',
          status: 202,
          headers: new Headers(),
          text: '{"type":"processing","retry_after":1800}',
        }),
      },
    )
    const now = testClock('2026-11-24T09:00:00.000Z').now()
    const attempt = { key: 'k', number: 1, firstAttemptAt: now, now, signal: AbortSignal.timeout(1000) }
    const outcome = await courier.performers['yookassa.createPayment']?.(order, attempt)
    assert.deepEqual(outcome?.tag === 'later' && [outcome.code, outcome.notBefore], [
      'still-processing',
      plusMs(now, 1800),
    ])
  })
})

describe('YooKassa answers', () => {
  it('never retries a reason that is unknown', () => {
    assert.equal(yookassaDeclineClass('something_of_2030'), 'never')
    assert.equal(yookassaDeclineClass('constructor'), 'never')
  })
  it('class every reason of the provider', () => {
    assert.equal(Object.keys(yookassaDeclines).length, 21)
    assert.equal(yookassaDeclineClass('permission_revoked'), 'never')
    assert.equal(yookassaDeclineClass('insufficient_funds'), 'retry-later')
    assert.equal(yookassaDeclineClass('card_expired'), 'new-method')
    assert.equal(yookassaDeclineClass('3d_secure_failed'), 'ask-payer')
  })
  it('are no payment without an amount in kopecks, an account or the mark of a test', () => {
    const whole = {
      id: 'x',
      status: 'succeeded',
      amount: { value: '1.00', currency: 'RUB' },
      recipient: { account_id: '1' },
      test: false,
    }
    assert.notEqual(paymentFromNode(nodeOf(JSON.stringify(whole)) ?? null), null)
    for (const part of [
      { amount: { value: '1.001', currency: 'RUB' } },
      { recipient: {} },
      { test: 'no' },
      { status: 'dreamt' },
    ]) {
      assert.equal(paymentFromNode(nodeOf(JSON.stringify({ ...whole, ...part })) ?? null), null)
    }
  })
})
