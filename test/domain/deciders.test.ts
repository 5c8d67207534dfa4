import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { partnerId, paymentId, refundId, subscriptionIdOf } from '../../src/domain/ids.ts'
import { models } from '../../src/domain/index.ts'
import { partner } from '../../src/domain/partner.ts'
import { subscription } from '../../src/domain/subscription.ts'
import type { SubscriptionCommand, SubscriptionEvent } from '../../src/domain/subscriptionMessages.ts'
import type { Subscription } from '../../src/domain/subscriptionState.ts'
import { kopecks } from '../../src/kernel/money.ts'
import { type Instant, instant, plusDays, plusMonths } from '../../src/kernel/time.ts'
import { application } from '../support/core.ts'

const at = instant(Date.UTC(2026, 10, 24, 9))
const id = partnerId('11111111-1111-1111-1111-111111111111')
const subscriptionId = subscriptionIdOf(id)
const pay = paymentId('22222222-2222-2222-2222-222222222222')
const open: SubscriptionCommand = {
  type: 'OpenSubscription',
  data: {
    subscriptionId,
    partnerId: id,
    at,
    plan: 'PARTNER-1M',
    title: 'Месяц',
    priceKopecks: kopecks(250_000),
    months: 1,
  },
}
const request: SubscriptionCommand = {
  type: 'RequestPayment',
  data: { at, paymentId: pay, provider: 'yookassa', autopay: false },
}
const answer = (
  change: Record<string, unknown> = {},
  expected = { accountId: '100001' as string | null, test: true as boolean | null },
): SubscriptionCommand => ({
  type: 'RecordProviderPayment',
  data: {
    at,
    expected,
    payment: {
      provider: 'yookassa',
      providerPaymentId: 'p1',
      paymentId: pay,
      subscriptionId,
      status: 'succeeded',
      amountKopecks: 250_000,
      refundedKopecks: 0,
      currency: 'RUB',
      accountId: '100001',
      test: true,
      paidAt: at,
      declineReason: null,
      savedMethod: null,
      ...change,
    } as never,
  },
})

/** Given commands, the facts that the last one makes. */
const said = (
  ...commands: readonly SubscriptionCommand[]
): { events: readonly SubscriptionEvent[]; state: Subscription; refused: string | null } => {
  let state = subscription.initial
  let events: readonly SubscriptionEvent[] = []
  let refused: string | null = null
  for (const command of commands) {
    const decision = subscription.decide(state, command)
    events = decision.tag === 'accepted' ? decision.events : []
    refused = decision.tag === 'refused' ? decision.code : null
    for (const event of events) state = subscription.evolve(state, event)
  }
  return { events, state, refused }
}
const types = (events: readonly SubscriptionEvent[]): string[] => events.map((event) => event.type)

describe('a subscription', () => {
  it('is activated by the provider’s own answer, once', () => {
    const paid = said(open, request, answer())
    assert.deepEqual(types(paid.events), ['PaymentSucceeded', 'SubscriptionActivated'])
    assert.deepEqual(said(open, request, answer(), answer()).events, [])
  })

  it('activates nothing when amount, currency, account, kind of money or subscription differ, and reports each difference once (I22, I23)', () => {
    for (const change of [
      { amountKopecks: 1 },
      { currency: 'USD' },
      { accountId: '666' },
      { test: false },
      { subscriptionId: null },
    ]) {
      assert.deepEqual(types(said(open, request, answer(change)).events), ['PaymentMismatched'], JSON.stringify(change))
      assert.deepEqual(said(open, request, answer(change), answer(change)).events, [])
    }
  })

  it('never steps back: a late pending or canceled answer after success changes nothing (I24, W3)', () => {
    for (const status of ['pending', 'canceled', 'waiting_for_capture', 'declined'])
      assert.deepEqual(said(open, request, answer(), answer({ status })).events, [], status)
  })

  it('ends in one state whatever the order of the provider’s answers', () => {
    const answers = ['pending', 'declined', 'succeeded', 'pending', 'declined']
    fc.assert(
      fc.property(fc.shuffledSubarray(answers, { minLength: 5 }), (order) => {
        const { state } = said(open, request, ...order.map((status) => answer({ status })))
        assert.equal(state.status, 'active')
      }),
      { seed: 5, numRuns: 60 },
    )
  })

  it('adds a period to what is left, by calendar months in Moscow', () => {
    const { state } = said(open, request, answer())
    assert.equal(state.status !== 'absent' && state.paidThrough, plusMonths(at, 1))
    assert.equal(plusMonths('2026-01-31T09:00:00.000Z' as Instant, 1), '2026-02-28T09:00:00.000Z')
    assert.equal(plusMonths('2028-01-31T09:00:00.000Z' as Instant, 1), '2028-02-29T09:00:00.000Z')
    // 23:30 in Moscow on the 31st is still the 31st there.
    assert.equal(plusMonths('2026-01-31T20:30:00.000Z' as Instant, 1), '2026-02-28T20:30:00.000Z')
  })

  it('counts partial and whole refunds from the provider’s sum, and no more than once (I8)', () => {
    const partial = said(open, request, answer(), answer({ refundedKopecks: 100 }))
    assert.deepEqual(types(partial.events), ['PaymentRefunded'])
    assert.deepEqual(
      said(open, request, answer(), answer({ refundedKopecks: 100 }), answer({ refundedKopecks: 100 })).events,
      [],
    )
  })

  it('gives back what was paid and no more, also while the provider has not answered yet', () => {
    const refund = (hex: string, amount: number): SubscriptionCommand => ({
      type: 'RequestRefund',
      data: { at, refundId: refundId(hex.repeat(32)), amountKopecks: kopecks(amount) },
    })
    const refusal = (hex: string): SubscriptionCommand => ({
      type: 'RecordRefundRefusal',
      data: { at, refundId: refundId(hex.repeat(32)), code: 'shop-balance' },
    })
    assert.equal(said(open, refund('a', 1)).refused, 'nothing-paid')
    assert.equal(said(open, request, answer(), refund('a', 250_001)).refused, 'refund-too-large')
    assert.deepEqual(types(said(open, request, answer(), refund('a', 250_000)).events), ['RefundRequested'])
    const part = [open, request, answer(), refund('a', 200_000)] as const
    assert.equal(said(...part, refund('b', 50_001)).refused, 'refund-too-large')
    assert.deepEqual(types(said(...part, refund('b', 50_000)).events), ['RefundRequested'])
    // The provider's sum and our own requests speak of the same money.
    assert.equal(said(...part, answer({ refundedKopecks: 200_000 }), refund('b', 50_000)).refused, null)
    assert.equal(said(...part, answer({ refundedKopecks: 240_000 }), refund('b', 50_000)).refused, 'refund-too-large')
    const refused = said(...part, refusal('a'))
    assert.deepEqual(types(refused.events), ['RefundRefused'])
    assert.deepEqual(said(...part, refusal('a'), refusal('a')).events, [])
    assert.equal(said(...part, refusal('a'), refund('b', 250_000)).refused, null)
  })

  it('changes its plan at once or with the next period, and a payment pays for the plan that it was asked for', () => {
    const year = { plan: 'PARTNER-12M', title: 'Год', priceKopecks: kopecks(2_400_000), months: 12 }
    const change = (when: 'now' | 'period_end'): SubscriptionCommand => ({
      type: 'ChangePlan',
      data: { at, when, plan: year },
    })
    const paidThrough = (state: Subscription) => (state.status === 'absent' ? null : state.paidThrough)
    assert.deepEqual(types(said(open, change('period_end')).events), ['PlanChanged'])
    assert.deepEqual(said(open, change('now'), change('now')).events, [])
    // Asked for a month, changed to a year, then paid for the month.
    const month = said(open, request, change('now'), answer())
    assert.equal(paidThrough(month.state), plusMonths(at, 1))
    const scheduled = said(open, request, answer(), change('period_end'))
    assert.deepEqual(types(scheduled.events), ['PlanChangeScheduled'])
    assert.equal(scheduled.state.status !== 'absent' && scheduled.state.plan, 'PARTNER-1M')
    const late = plusDays(at, 25)
    const second = paymentId('33333333-3333-3333-3333-333333333333')
    const renewed = said(
      open,
      request,
      answer(),
      change('period_end'),
      { type: 'RequestPayment', data: { at: late, paymentId: second, provider: 'yookassa', autopay: false } },
      answer({ paymentId: second, providerPaymentId: 'p2', amountKopecks: 2_400_000, paidAt: late }),
    )
    assert.deepEqual(types(renewed.events), ['PaymentSucceeded', 'PlanChanged', 'SubscriptionActivated'])
    assert.equal(paidThrough(renewed.state), plusMonths(plusMonths(at, 1), 12))
    const lapsed = said(open, request, answer(), change('period_end'), {
      type: 'CheckPeriod',
      data: { at: plusDays(at, 31) },
    })
    assert.deepEqual(types(lapsed.events), ['PlanChanged', 'SubscriptionPastDue'])
    assert.equal(
      said(open, { type: 'CancelSubscription', data: { at, when: 'now' } }, change('now')).refused,
      'subscription-ended',
    )
  })

  it('is past due after its period, suspended after the grace days, and ignores timers that come too early or twice', () => {
    const check = (days: number): SubscriptionCommand => ({ type: 'CheckPeriod', data: { at: plusDays(at, days) } })
    assert.deepEqual(said(open, request, answer(), check(10)).events, [])
    assert.deepEqual(types(said(open, request, answer(), check(31)).events), ['SubscriptionPastDue'])
    assert.deepEqual(types(said(open, request, answer(), check(31), check(38)).events), ['SubscriptionSuspended'])
    assert.deepEqual(said(open, request, answer(), check(31), check(38), check(39)).events, [])
  })

  it('offers a pending payment again and refuses a second one for a paid period', () => {
    assert.deepEqual(said(open, request, request).events, [])
    assert.equal(said(open, request, answer(), request).refused, 'subscription-paid')
  })

  it('lets no command throw in any state that commands can reach', () => {
    const command = fc.oneof(
      fc.constant(open),
      fc.constant(request),
      fc
        .record({
          status: fc.constantFrom('pending', 'succeeded', 'canceled', 'declined'),
          amountKopecks: fc.constantFrom(250_000, 1),
          refundedKopecks: fc.constantFrom(0, 5, 250_000),
        })
        .map((change) => answer(change)),
      fc
        .integer({ min: 0, max: 90 })
        .map((days): SubscriptionCommand => ({ type: 'CheckPeriod', data: { at: plusDays(at, days) } })),
      fc
        .constantFrom('now' as const, 'period_end' as const)
        .map((when): SubscriptionCommand => ({ type: 'CancelSubscription', data: { at, when } })),
      fc
        .integer({ min: 1, max: 60 })
        .map((days): SubscriptionCommand => ({ type: 'ExtendSubscription', data: { at, days } })),
      fc.constantFrom('now' as const, 'period_end' as const).map(
        (when): SubscriptionCommand => ({
          type: 'ChangePlan',
          data: { at, when, plan: { plan: 'PARTNER-3M', title: '3', priceKopecks: kopecks(690_000), months: 3 } },
        }),
      ),
      fc.integer({ min: 1, max: 300_000 }).map(
        (amount): SubscriptionCommand => ({
          type: 'RequestRefund',
          data: { at, refundId: refundId('a'.repeat(32)), amountKopecks: kopecks(amount) },
        }),
      ),
    )
    fc.assert(
      fc.property(fc.array(command, { maxLength: 25 }), (commands) => {
        said(...commands)
      }),
      { seed: 11, numRuns: 400 },
    )
  })
})

describe('a partner', () => {
  const apply = (change = {}) =>
    ({ type: 'ApplyAsPartner', data: { partnerId: id, at, application: application(change) } }) as const
  const play = (...commands: readonly Parameters<typeof partner.decide>[1][]) => {
    let state = partner.initial
    let last: readonly { type: string }[] = []
    for (const command of commands) {
      const decision = partner.decide(state, command)
      last = decision.tag === 'accepted' ? decision.events : []
      if (decision.tag === 'accepted') for (const event of decision.events) state = partner.evolve(state, event)
    }
    return { state, types: last.map((event) => event.type) }
  }

  it('waits for details, is completed by the same contact and not by another one with the same INN', () => {
    const waiting = play(apply({ personalData: false }))
    assert.equal(waiting.state.status, 'awaiting_details')
    assert.equal(play(apply({ personalData: false }), apply()).state.status, 'applied')
    const stranger = play(
      apply({ personalData: false }),
      apply({ email: 'other@example.ru', phone: '+79990000000', contactName: 'Чужой' }),
    )
    assert.deepEqual([stranger.state.status, stranger.types], ['awaiting_details', ['PartnerApplicationRepeated']])
  })

  it('never has its contacts overwritten by a second application', () => {
    const { state } = play(apply(), apply({ email: 'other@example.ru' }))
    assert.equal(state.status === 'applied' && state.application.email, 'maria@example.ru')
  })

  it('gives its INN back when it is rejected or erased', () => {
    const model = models.partner
    const state = play(apply()).state
    for (const type of ['PartnerRejected', 'PersonErased'])
      assert.deepEqual(model.claimsOf(state, { type, data: { at } }).release.includes('inn:7700000009'), true, type)
  })

  it('keeps an operator’s word against a late answer of the registry', () => {
    const verdict = (name: 'rejected' | 'verified') =>
      ({
        type: 'RecordVerdict',
        data: { at, checkedAt: at, verdict: name, reason: 'r', detail: 'd', company: null, slug: null },
      }) as const
    const review = { type: 'ReviewPartner', data: { at, verdict: 'rejected', slug: null, detail: 'нет' } } as const
    assert.deepEqual(play(apply(), review, verdict('rejected')).types, [])
  })
})
