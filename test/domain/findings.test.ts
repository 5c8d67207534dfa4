import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  judgePayments,
  judgeRefunds,
  type Knowledge,
  type ListedPayment,
  type ListedRefund,
} from '../../src/domain/findings.ts'
import { partnerId, paymentId, refundId, subscriptionIdOf } from '../../src/domain/ids.ts'
import { subscription } from '../../src/domain/subscription.ts'
import type { ProviderPayment, SubscriptionCommand } from '../../src/domain/subscriptionMessages.ts'
import type { Subscription } from '../../src/domain/subscriptionState.ts'
import { kopecks } from '../../src/kernel/money.ts'
import { instant, plusMs } from '../../src/kernel/time.ts'

const at = instant(Date.parse('2026-11-24T09:00:00Z'))
const partner = partnerId('0191e0c2-0000-7000-8000-000000000001')
const subscriptionId = subscriptionIdOf(partner)
const payment = paymentId('0191e0c2-0000-7000-8000-000000000002')
const expected = { accountId: '100001', test: true }

const listed = (change: Partial<ListedPayment> = {}): ListedPayment => ({
  provider: 'yookassa',
  providerPaymentId: 'first',
  paymentId: payment,
  subscriptionId,
  status: 'succeeded',
  amountKopecks: 250_000,
  refundedKopecks: 0,
  currency: 'RUB',
  accountId: '100001',
  test: true,
  paidAt: at,
  createdAt: at,
  declineReason: null,
  savedMethod: null,
  ...change,
})

/** The subscription after it asked for a payment and was told these answers. */
const after = (provider: 'yookassa' | 'cloudpayments', ...answers: readonly ProviderPayment[]): Subscription => {
  const plan = { plan: 'PARTNER-1M', title: '1 месяц', priceKopecks: kopecks(250_000), months: 1 }
  const commands: readonly SubscriptionCommand[] = [
    { type: 'OpenSubscription', data: { ...plan, subscriptionId, partnerId: partner, at } },
    { type: 'RequestPayment', data: { at, paymentId: payment, provider, autopay: false } },
    ...answers.map(
      (answer): SubscriptionCommand => ({ type: 'RecordProviderPayment', data: { at, payment: answer, expected } }),
    ),
  ]
  return commands.reduce<Subscription>((state, command) => {
    const decision = subscription.decide(state, command)
    return decision.tag === 'accepted' ? decision.events.reduce(subscription.evolve, state) : state
  }, subscription.initial)
}

const knowing = (state: Subscription, provider: 'yookassa' | 'cloudpayments' = 'yookassa'): Knowledge => ({
  provider,
  at,
  expected,
  states: new Map([[subscriptionId, state]]),
})

const kinds = (items: readonly ListedPayment[], knowledge: Knowledge): readonly (readonly unknown[])[] =>
  judgePayments(items, knowledge).findings.map(({ kind, externalId, remedy, amountKopecks }) => [
    kind,
    externalId,
    remedy,
    amountKopecks,
  ])

describe('judgePayments()', () => {
  it('finds nothing where the books agree', () => {
    const paid = listed()
    assert.deepEqual(judgePayments([paid], knowing(after('yookassa', paid))), {
      findings: [],
      rechecks: [],
      foreign: 0,
    })
    const waiting = listed({ status: 'pending', paidAt: null })
    assert.deepEqual(kinds([waiting], knowing(after('yookassa'))), [])
  })

  it('asks again for what they know and we do not: paid, cancelled, given back', () => {
    assert.deepEqual(kinds([listed()], knowing(after('yookassa'))), [['behind', 'first', 'reread', 250_000]])
    const cancelled = listed({ status: 'canceled', declineReason: 'expired_on_confirmation' })
    assert.deepEqual(kinds([cancelled], knowing(after('yookassa'))), [['behind', 'first', 'reread', 250_000]])
    const back = listed({ refundedKopecks: 1000 })
    assert.deepEqual(kinds([back], knowing(after('yookassa', listed()))), [['behind', 'first', 'reread', 250_000]])
  })

  it('offers to give back a payment whose facts differ, and tells which', () => {
    for (const [change, field] of [
      [{ amountKopecks: 1 }, 'amount'],
      [{ currency: 'USD' }, 'currency'],
      [{ accountId: '2' }, 'account'],
      [{ test: false }, 'test'],
    ] as const) {
      const { findings } = judgePayments([listed(change)], knowing(after('yookassa')))
      assert.deepEqual(
        findings.map((finding) => [finding.kind, finding.field, finding.remedy]),
        [['fact-differs', field, 'refund']],
      )
    }
    const without = listed({ amountKopecks: 1, status: 'canceled' })
    assert.deepEqual(kinds([without], knowing(after('yookassa'))), [], 'no money, no difference')
    const givenBack = listed({ amountKopecks: 1, refundedKopecks: 1 })
    assert.deepEqual(kinds([givenBack], knowing(after('yookassa'))), [], 'the money went back')
  })

  for (const provider of ['yookassa', 'cloudpayments'] as const)
    it(`finds the second payment under one number, whichever of them we know (P11, ${provider})`, () => {
      const first = listed({ provider })
      const second = listed({ provider, providerPaymentId: 'second', createdAt: plusMs(at, 1000) })
      const twice = ['payment-twice', 'second', 'refund', 250_000]
      for (const page of [[first, second], [second, first], [second]])
        assert.deepEqual(kinds(page, knowing(after(provider, first), provider)), [twice])
      assert.deepEqual(kinds([second, first], knowing(after(provider), provider)).toSorted(), [
        ['behind', 'first', 'reread', 250_000],
        twice,
      ])
      const known = kinds([second, first], knowing(after(provider, second), provider))
      assert.deepEqual(known, [['payment-twice', 'first', 'refund', 250_000]])
      const back = { ...second, refundedKopecks: 250_000 }
      assert.deepEqual(kinds([first, back], knowing(after(provider, first), provider)), [])
    })

  it('takes the tries of one order at a terminal for tries', () => {
    const provider = 'cloudpayments'
    const declined = listed({
      provider,
      providerPaymentId: 'try',
      status: 'declined',
      declineReason: '5051',
      paidAt: null,
    })
    const paid = listed({ provider, createdAt: plusMs(at, 1000) })
    assert.deepEqual(kinds([declined, paid], knowing(after(provider, declined, paid), provider)), [])
    assert.deepEqual(kinds([declined, paid], knowing(after(provider), provider)), [
      ['behind', 'first', 'reread', 250_000],
    ])
  })

  it('leaves to a person what is paid here and not there, and less given back there', () => {
    const state = after('yookassa', listed({ refundedKopecks: 1000 }))
    assert.deepEqual(kinds([listed({ status: 'canceled' })], knowing(state)), [
      ['status-differs', 'first', null, 250_000],
    ])
    assert.deepEqual(kinds([listed({ refundedKopecks: 400 })], knowing(state)), [
      ['refunds-differ', 'first', null, 600],
    ])
  })

  it('counts what carries no number of ours as foreign, and reports a number that we never gave', () => {
    const other = listed({ paymentId: 'order-7', subscriptionId: null })
    assert.deepEqual(judgePayments([other], knowing(after('yookassa'))), { findings: [], rechecks: [], foreign: 1 })
    const unknown = { provider: 'yookassa', at, expected, states: new Map() } as const
    assert.deepEqual(kinds([listed()], unknown), [['order-unknown', 'first', null, 250_000]])
    assert.deepEqual(kinds([listed({ status: 'pending' })], unknown), [])
  })
})

describe('judgeRefunds()', () => {
  const made = (change: Partial<ListedRefund> = {}): ListedRefund => ({
    refundId: refundId('0191e0c2-0000-7000-8000-000000000003'),
    providerRefundId: 'refund-1',
    providerPaymentId: 'first',
    status: 'succeeded',
    amountKopecks: 1000,
    ...change,
  })
  const judged = (items: readonly ListedRefund[], refundedKopecks: number) => {
    const state = after('yookassa', listed({ refundedKopecks }))
    assert.ok(state.status !== 'absent')
    const own = state.payments[payment]
    assert.ok(own)
    const { findings, rechecks, foreign } = judgeRefunds(
      items,
      (id) => (id === 'first' ? { state, payment: own } : null),
      'yookassa',
    )
    return { kinds: findings.map(({ kind, externalId }) => [kind, externalId]), again: rechecks.length, foreign }
  }

  it('asks again for a payment of which more was given back than we know, and to be sure for one that agrees so far', () => {
    const parts = [made({ refundId: '' }), made({ refundId: '', providerRefundId: 'refund-2' })]
    assert.deepEqual(judged(parts, 1000), { kinds: [['behind', 'first']], again: 0, foreign: 0 })
    assert.deepEqual(judged(parts, 2000), { kinds: [], again: 1, foreign: 0 })
  })

  it('finds a refund that was made twice, and leaves others’ payments alone (P11)', () => {
    const twice = [made(), made({ providerRefundId: 'refund-2' })]
    assert.deepEqual(judged(twice, 2000), { kinds: [['refund-twice', 'refund-2']], again: 1, foreign: 0 })
    assert.deepEqual(judged([made({ providerPaymentId: 'theirs' })], 0), { kinds: [], again: 0, foreign: 1 })
    assert.deepEqual(judged([made({ status: 'canceled' })], 0), { kinds: [], again: 0, foreign: 0 })
  })
})
