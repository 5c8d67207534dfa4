import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { partnerId, paymentId, subscriptionIdOf } from '../../src/domain/ids.ts'
import { subscription } from '../../src/domain/subscription.ts'
import type { DeclineClass, SubscriptionCommand, SubscriptionEvent } from '../../src/domain/subscriptionMessages.ts'
import { chargeStands } from '../../src/domain/subscriptionRenewal.ts'
import type { Open, Subscription } from '../../src/domain/subscriptionState.ts'
import { kopecks } from '../../src/kernel/money.ts'
import { type Instant, instant, moscowDate, plusDays, plusMonths, plusMs } from '../../src/kernel/time.ts'

const start = instant(Date.UTC(2026, 10, 24, 9))
const partner = partnerId('11111111-1111-1111-1111-111111111111')
const subscriptionId = subscriptionIdOf(partner)
const number = (n: number) => paymentId(`00000000-0000-0000-0000-${String(n).padStart(12, '0')}`)

const open = (change: object = {}): SubscriptionCommand => ({
  type: 'OpenSubscription',
  data: {
    subscriptionId,
    partnerId: partner,
    at: start,
    plan: 'PARTNER-1M',
    title: 'Месяц',
    priceKopecks: kopecks(250_000),
    months: 1,
    ...change,
  },
})
const byHand = (at: Instant, n: number, autopay = true): SubscriptionCommand => ({
  type: 'RequestPayment',
  data: { at, paymentId: number(n), provider: 'yookassa', autopay },
})
const answer = (at: Instant, n: number, change: object = {}): SubscriptionCommand => ({
  type: 'RecordProviderPayment',
  data: {
    at,
    expected: { accountId: null, test: null },
    payment: {
      provider: 'yookassa',
      providerPaymentId: `p${n}`,
      paymentId: number(n),
      subscriptionId,
      status: 'succeeded',
      amountKopecks: 250_000,
      refundedKopecks: 0,
      currency: 'RUB',
      accountId: null,
      test: true,
      paidAt: at,
      declineReason: null,
      savedMethod: { id: 'method', title: 'Card *4444' },
      ...change,
    },
  },
})
const declined = (at: Instant, n: number, declineClass: DeclineClass, declineReason = 'code'): SubscriptionCommand =>
  answer(at, n, { status: 'canceled', declineReason, declineClass, savedMethod: null, paidAt: null })
const renew = (at: Instant, n: number): SubscriptionCommand => ({
  type: 'RenewSubscription',
  data: { at, paymentId: number(n) },
})
const check = (at: Instant): SubscriptionCommand => ({ type: 'CheckPeriod', data: { at } })

const play = (...commands: readonly SubscriptionCommand[]) => {
  let state: Subscription = subscription.initial
  let last: readonly SubscriptionEvent[] = []
  let refused: string | null = null
  const log: SubscriptionEvent[] = []
  for (const command of commands) {
    const decision = subscription.decide(state, command)
    last = decision.tag === 'accepted' ? decision.events : []
    refused = decision.tag === 'refused' ? decision.code : null
    log.push(...last)
    for (const event of last) state = subscription.evolve(state, event)
  }
  assert.notEqual(state.status, 'absent')
  return { state: state as Open, types: last.map(({ type }) => type), last, refused, log }
}

const paid = [open(), byHand(start, 1), answer(start, 1)] as const
const end = plusMonths(start, 1)
const chargeAt = plusDays(end, -1)

describe('a renewal', () => {
  it('is planned by the payer’s consent, a day before the end', () => {
    const { types, state } = play(...paid)
    assert.deepEqual(types, ['PaymentSucceeded', 'AutopayStarted', 'SubscriptionActivated', 'RenewalScheduled'])
    assert.deepEqual(state.charge, { at: chargeAt, attempt: 1 })
    const without = play(open(), byHand(start, 1, false), answer(start, 1))
    assert.deepEqual(without.types, ['PaymentSucceeded', 'SubscriptionActivated'])
    assert.equal(without.state.autopay, null, 'a method that came without a consent is not kept for charges')
  })

  it('is told of three days before the end, once, and before anything is charged', () => {
    assert.deepEqual(play(...paid, check(plusDays(end, -4))).types, [])
    const told = play(...paid, check(plusDays(end, -3)))
    assert.deepEqual(told.types, ['RenewalAnnounced'])
    assert.deepEqual(play(...paid, check(plusDays(end, -3)), check(plusDays(end, -2))).types, [])
    assert.deepEqual(play(...paid, renew(chargeAt, 2)).types, ['RenewalAnnounced', 'PaymentRequested'])
    assert.deepEqual(play(...paid, check(plusDays(end, -3)), renew(chargeAt, 2)).types, ['PaymentRequested'])
  })

  it('charges a period once, however many timers come, early, late or twice', () => {
    assert.deepEqual(play(...paid, renew(plusMs(chargeAt, -1), 2)).types, [])
    assert.deepEqual(play(...paid, renew(chargeAt, 2), renew(chargeAt, 3)).types, [])
    const renewed = [...paid, renew(chargeAt, 2), answer(chargeAt, 2)]
    assert.deepEqual(play(...renewed).types, ['PaymentSucceeded', 'SubscriptionActivated', 'RenewalScheduled'])
    assert.deepEqual(play(...renewed, renew(plusDays(chargeAt, 2), 3)).types, [])
    assert.deepEqual(play(...renewed, answer(chargeAt, 2)).types, [])
  })

  it('follows a soft refusal on the days after the first try, a day apart at least, and gives up with the last', () => {
    let commands: readonly SubscriptionCommand[] = paid
    let due = chargeAt
    for (const [index, days] of [1, 3, 5].entries()) {
      commands = [...commands, renew(due, index + 2), declined(plusMs(due, 5000), index + 2, 'retry-later')]
      const { state, types } = play(...commands)
      assert.deepEqual(types, ['PaymentDeclined', 'RenewalScheduled'])
      assert.deepEqual(state.charge, { at: plusDays(chargeAt, days), attempt: index + 2 })
      due = plusDays(chargeAt, days)
    }
    const { types, state, last } = play(...commands, renew(due, 5), declined(due, 5, 'retry-later'))
    assert.deepEqual(types, ['PaymentDeclined', 'RenewalStopped'])
    assert.ok(last[1]?.type === 'RenewalStopped' && last[1].data.exhausted)
    assert.notEqual(state.autopay, null, 'the method itself was not refused')
    // A try that came late moves the next one, because a bank is not asked twice a day.
    const late = plusDays(chargeAt, 0.9)
    const slow = play(...paid, renew(chargeAt, 2), declined(chargeAt, 2, 'retry-later'), renew(plusDays(late, 2), 3))
    assert.deepEqual(slow.types, ['PaymentRequested'])
    const next = play(
      ...paid,
      renew(chargeAt, 2),
      declined(chargeAt, 2, 'retry-later'),
      renew(plusDays(late, 2), 3),
      declined(plusDays(late, 2), 3, 'retry-later'),
    )
    assert.equal(next.state.charge?.at, plusDays(late, 3))
  })

  it('lets the provider’s own word on the next try beat our days, also when it comes after the refusal', () => {
    const told = plusDays(chargeAt, 2)
    const asked = (at: Instant) => {
      const command = declined(at, 2, 'retry-later')
      return command.type === 'RecordProviderPayment'
        ? { ...command, data: { ...command.data, retryAfter: told } }
        : command
    }
    assert.equal(play(...paid, renew(chargeAt, 2), asked(chargeAt)).state.charge?.at, told)
    const later = play(...paid, renew(chargeAt, 2), declined(chargeAt, 2, 'retry-later'), asked(chargeAt))
    assert.deepEqual([later.types, later.state.charge], [['RenewalScheduled'], { at: told, attempt: 2 }])
    assert.deepEqual(play(...paid, renew(chargeAt, 2), asked(chargeAt), asked(chargeAt)).types, [])
  })

  it('follows no hard refusal, and forgets a method that was refused itself', () => {
    const after = (declineClass: DeclineClass) => play(...paid, renew(chargeAt, 2), declined(chargeAt, 2, declineClass))
    assert.deepEqual(after('ask-payer').types, ['PaymentDeclined', 'RenewalStopped'])
    for (const declineClass of ['new-method', 'never'] as const) {
      assert.deepEqual(after(declineClass).types, ['PaymentDeclined', 'RenewalStopped', 'AutopayStopped'])
      assert.equal(after(declineClass).state.autopay, null)
    }
    const unknown = play(...paid, renew(chargeAt, 2), answer(chargeAt, 2, { status: 'canceled', savedMethod: null }))
    assert.deepEqual(unknown.types, ['PaymentDeclined', 'RenewalStopped', 'AutopayStopped'])
  })

  it('is stopped by a cancellation, a withdrawn consent, a whole refund and the end of grace', () => {
    const stops: readonly SubscriptionCommand[] = [
      { type: 'CancelSubscription', data: { at: start, when: 'period_end' } },
      { type: 'CancelSubscription', data: { at: start, when: 'now' } },
      { type: 'StopAutopay', data: { at: start, reason: 'withdrawn' } },
      answer(start, 1, { refundedKopecks: 250_000 }),
    ]
    for (const stop of stops) {
      const { state, types } = play(...paid, stop, renew(chargeAt, 2))
      assert.deepEqual([types, state.charge], [[], null], stop.type)
      // A charge that was decided before is not sent any more.
      assert.ok(chargeStands(play(...paid, renew(chargeAt, 2)).state, number(2)))
      assert.equal(chargeStands(play(...paid, renew(chargeAt, 2), stop).state, number(2)), false, stop.type)
    }
    assert.deepEqual(play(...paid, renew(plusDays(end, 7), 2)).types, ['SubscriptionSuspended'])
    assert.notEqual(play(...paid, answer(start, 1, { refundedKopecks: 1 })).state.charge, null)
  })

  it('lets nobody pay by hand what is being charged, and waits for who began before', () => {
    assert.equal(play(...paid, renew(chargeAt, 2), byHand(chargeAt, 3)).refused, 'charge-under-way')
    const lapsed = [renew(chargeAt, 2), check(end), check(plusDays(end, 7))] as const
    assert.deepEqual(play(...paid, ...lapsed, byHand(plusDays(end, 8), 3)).types, ['PaymentRequested'])
    assert.equal(chargeStands(play(...paid, ...lapsed).state, number(2)), false)
    const busy = play(...paid, byHand(chargeAt, 3), renew(chargeAt, 2))
    assert.deepEqual(busy.types, ['RenewalScheduled'])
    assert.ok((busy.state.charge?.at ?? '') > chargeAt)
    const over = play(...paid, renew(chargeAt, 2), {
      type: 'RecordPaymentRefusal',
      data: { at: chargeAt, paymentId: number(2), code: 'charge-withdrawn' },
    })
    assert.deepEqual(over.types, ['PaymentDeclined'])
  })

  it('keeps the number that the provider gave to a charge which it has not decided yet', () => {
    const pending = answer(chargeAt, 2, { status: 'pending', paidAt: null, savedMethod: null })
    assert.deepEqual(play(...paid, renew(chargeAt, 2), pending).types, ['PaymentAccepted'])
    assert.deepEqual(play(...paid, renew(chargeAt, 2), pending, pending).types, [])
  })

  it('keeps the day of the month through short months, for ten years and in any zone of the machine (R22)', () => {
    const dates = fc.date({ min: new Date('2026-01-01T00:00:00Z'), max: new Date('2027-12-31T23:59:59Z') })
    fc.assert(
      fc.property(dates, fc.constantFrom(1, 3, 12), (date, months) => {
        const first = instant(date)
        let commands: readonly SubscriptionCommand[] = [open({ months }), byHand(first, 1), answer(first, 1)]
        for (let period = 2; period * months <= 120; period += 1) {
          const { state } = play(...commands)
          assert.equal(state.paidThrough, plusMonths(first, months * (period - 1)))
          const due = plusDays(state.paidThrough ?? first, -1)
          commands = [...commands, renew(due, period), answer(due, period)]
        }
        const day = Number(moscowDate(first).slice(8))
        for (const event of play(...commands).log) {
          if (event.type !== 'SubscriptionActivated') continue
          const date = moscowDate(event.data.paidThrough)
          const last = new Date(Date.UTC(Number(date.slice(0, 4)), Number(date.slice(5, 7)), 0)).getUTCDate()
          assert.equal(Number(date.slice(8)), Math.min(day, last))
        }
      }),
      { seed: 22, numRuns: 12 },
    )
  })

  it('never charges a period twice, whatever comes in whatever order', () => {
    const hours = fc.integer({ min: 0, max: 100 * 24 })
    const moves = fc.oneof(
      hours.map((hour) => (n: number) => renew(plusMs(start, hour * 3_600_000), n)),
      hours.map((hour) => () => check(plusMs(start, hour * 3_600_000))),
      fc.tuple(hours, fc.constantFrom('retry-later' as const, 'ask-payer' as const, 'never' as const)).map(
        ([hour, code]) =>
          (n: number) =>
            declined(plusMs(start, hour * 3_600_000), n - 1, code),
      ),
      hours.map((hour) => (n: number) => answer(plusMs(start, hour * 3_600_000), n - 1)),
      hours.map((hour) => (n: number) => byHand(plusMs(start, hour * 3_600_000), n, n % 2 === 0)),
      hours.map(
        (hour) => (): SubscriptionCommand => ({
          type: 'ResumeSubscription',
          data: { at: plusMs(start, hour * 3_600_000) },
        }),
      ),
      hours.map(
        (hour) => (): SubscriptionCommand => ({
          type: 'CancelSubscription',
          data: { at: plusMs(start, hour * 3_600_000), when: 'period_end' },
        }),
      ),
    )
    fc.assert(
      fc.property(fc.array(moves, { maxLength: 40 }), (steps) => {
        const { log } = play(...paid, ...steps.map((step, index) => step(index + 2)))
        const charged = log.flatMap((event) =>
          event.type === 'PaymentRequested' && event.data.renewal ? [event.data] : [],
        )
        const paidNumbers = new Set(
          log.flatMap((event) => (event.type === 'PaymentSucceeded' ? [event.data.paymentId] : [])),
        )
        const periods = charged
          .filter(({ paymentId: id }) => paidNumbers.has(id))
          .map(({ renewal }) => renewal?.paidThrough)
        assert.equal(new Set(periods).size, periods.length)
      }),
      { seed: 77, numRuns: 500 },
    )
  })
})

describe('a period that nobody pays', () => {
  it('is reminded of once in its grace, suspended after a week and expired after ninety days more', () => {
    const unpaid = [open(), byHand(start, 1, false), answer(start, 1)] as const
    const days = (...all: readonly number[]) => play(...unpaid, ...all.map((day) => check(plusDays(end, day)))).types
    assert.deepEqual(days(-3), ['RenewalAnnounced'])
    assert.deepEqual(days(0), ['SubscriptionPastDue'])
    assert.deepEqual(days(0, 4), ['PaymentReminded'])
    assert.deepEqual(days(0, 4, 5), [])
    assert.deepEqual(days(0, 7), ['SubscriptionSuspended'])
    assert.deepEqual(days(0, 7, 96), [])
    assert.deepEqual(days(0, 7, 97), ['SubscriptionExpired'])
  })

  it('after a trial has no grace, and a payment within the trial follows it', () => {
    const trial = open({ trialDays: 14 })
    const over = plusDays(start, 14)
    assert.deepEqual(play(trial).types, ['SubscriptionOpened', 'TrialStarted'])
    assert.deepEqual(play(trial, check(over)).types, ['SubscriptionSuspended'])
    const within = play(trial, byHand(start, 1), answer(start, 1))
    assert.equal(within.state.paidThrough, plusMonths(over, 1))
    const activated = within.last.find(({ type }) => type === 'SubscriptionActivated')
    assert.ok(activated?.type === 'SubscriptionActivated' && activated.data.first)
  })
})
