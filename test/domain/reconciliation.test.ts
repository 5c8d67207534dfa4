import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { refundId } from '../../src/domain/ids.ts'
import { reconciliation, runPagesMax } from '../../src/domain/reconciliation.ts'
import type {
  ComparedPage,
  Finding,
  ReconciliationCommand,
  ReconciliationEvent,
  RunAsked,
} from '../../src/domain/reconciliationMessages.ts'
import type { Reconciliation } from '../../src/domain/reconciliationState.ts'
import { type CalendarDate, type Instant, instant, plusMs } from '../../src/kernel/time.ts'

const start = instant(Date.parse('2026-11-24T09:00:00Z'))
const hours = (count: number): Instant => plusMs(start, count * 3_600_000)
const day = '2026-11-23' as CalendarDate
const later = '2026-11-24' as CalendarDate

const finding = (externalId: string, change: Partial<Finding> = {}): Finding => ({
  ...{ differenceId: `yookassa:${externalId}:payment-twice`, kind: 'payment-twice', externalId },
  ...{ paymentId: null, subscriptionId: null, partnerId: null, field: null, expected: null, actual: null },
  ...{ amountKopecks: 250_000, remedy: 'refund' },
  ...change,
})
const behind = finding('b', { differenceId: 'yookassa:b:behind', kind: 'behind', remedy: 'reread' })

const begin = (runId: string, at = start, change: Partial<RunAsked> = {}): ReconciliationCommand => ({
  type: 'StartReconciliation',
  data: { at, runId, provider: 'yookassa', firstDay: day, lastDay: day, trigger: 'schedule', dryRun: false, ...change },
})
const page = (
  runId: string,
  findings: readonly Finding[],
  change: Partial<ComparedPage> = {},
): ReconciliationCommand => ({
  type: 'RecordComparedPage',
  data: {
    ...{ at: start, runId, page: 0, part: 'payments', foreign: 0, rechecks: [], next: null, findings },
    externalIds: findings.map(({ externalId }) => externalId),
    ...change,
  },
})
const close = (runId: string): ReconciliationCommand => ({
  type: 'CloseReconciliation',
  data: { at: start, runId, ours: 1, rechecks: [] },
})

const played = (...commands: readonly ReconciliationCommand[]) => {
  let state: Reconciliation = reconciliation.initial
  const said: string[] = []
  const events: ReconciliationEvent[] = []
  for (const command of commands) {
    const decision = reconciliation.decide(state, command)
    const made = decision.tag === 'accepted' ? decision.events : []
    said.push(decision.tag === 'accepted' ? made.map((event) => event.type).join() : decision.code)
    events.push(...made)
    state = made.reduce(reconciliation.evolve, state)
  }
  return { state, said, events }
}

describe('a reconciliation', () => {
  it('tells a difference once, however often its day is compared, and what corrects itself every time', () => {
    const { said } = played(
      ...[begin('r1'), page('r1', [finding('a'), behind]), close('r1')],
      ...[begin('r2'), page('r2', [finding('a'), behind]), close('r2')],
    )
    assert.deepEqual(said, [
      'ReconciliationStarted',
      'ReconciliationPageRead,DifferenceFound,DifferenceFound',
      'ReconciliationFinished',
      'ReconciliationStarted',
      'ReconciliationPageRead,DifferenceFound',
      'ReconciliationFinished',
    ])
  })

  it('settles a difference that is no longer there, when its own day is compared', () => {
    const found = [begin('r1'), page('r1', [finding('a')]), close('r1')]
    const other = [begin('r2', start, { firstDay: later, lastDay: later }), page('r2', []), close('r2')]
    const own = [begin('r3'), page('r3', []), close('r3')]
    const { said, state } = played(...found, ...other, ...own)
    assert.deepEqual([said[5], said[8]], ['ReconciliationFinished', 'DifferenceSettled,ReconciliationFinished'])
    assert.deepEqual(state.known, {})
  })

  it('changes nothing on a dry run', () => {
    const { said, state } = played(
      begin('r1', start, { dryRun: true }),
      page('r1', [finding('a'), behind], { rechecks: [behind] }),
      close('r1'),
    )
    assert.deepEqual(said, ['ReconciliationStarted', 'ReconciliationPageRead', 'ReconciliationFinished'])
    assert.deepEqual(state, { provider: 'yookassa', runs: {}, known: {}, missedSince: null })
  })

  it('writes a bounded number of letters', () => {
    const many = Array.from({ length: 30 }, (_, n) => finding(`p${n}`))
    const { events } = played(begin('r1'), page('r1', many))
    const alerts = events.filter((event) => event.type === 'DifferenceFound' && event.data.alert)
    assert.deepEqual([events.length, alerts.length], [32, 10])
  })

  it('is joined while it runs, given up after six hours, and then deaf to its pages', () => {
    const { said } = played(
      begin('r1'),
      begin('r2', hours(5)),
      begin('r3', hours(6)),
      page('r1', [finding('a')]),
      close('r1'),
    )
    assert.deepEqual(said, ['ReconciliationStarted', '', 'ReconciliationFailed,ReconciliationStarted', '', ''])
  })

  it('makes up for nights that came to nothing, until a night comes to its end', () => {
    const night = (runId: string, lastDay: string, at: Instant) =>
      begin(runId, at, { firstDay: lastDay as CalendarDate, lastDay: lastDay as CalendarDate })
    const fail: ReconciliationCommand = {
      type: 'FailReconciliation',
      data: { at: start, runId: 'r1', code: 'not-found' },
    }
    const { events, state } = played(
      ...[night('r1', '2026-11-20', start), fail],
      ...[night('r2', '2026-11-21', hours(24)), night('r3', '2026-11-22', hours(48)), page('r3', []), close('r3')],
      night('r4', '2026-11-23', hours(72)),
    )
    const days = events.flatMap((event) =>
      event.type === 'ReconciliationStarted' ? [[event.data.firstDay, event.data.lastDay]] : [],
    )
    assert.deepEqual(days, [
      ['2026-11-20', '2026-11-20'],
      ['2026-11-20', '2026-11-21'],
      ['2026-11-20', '2026-11-22'],
      ['2026-11-23', '2026-11-23'],
    ])
    assert.equal(state.missedSince, null)
    const manual = played(night('r1', '2026-11-20', start), fail, begin('r2', hours(1), { trigger: 'operator' }))
    assert.deepEqual([manual.events.length, manual.state.missedSince], [3, '2026-11-20'])
    const old = played(night('r1', '2026-10-01', start), fail, night('r2', '2026-11-21', hours(24)))
    assert.equal(old.state.runs.r2?.firstDay, '2026-11-21')
  })

  it('takes each page once, and ends a list that has no end', () => {
    const next = { part: 'payments', cursor: 'next' } as const
    assert.deepEqual(played(begin('r1'), page('r1', [], { next }), page('r1', [], { next })).said.at(-1), '')
    const pages = Array.from({ length: runPagesMax }, (_, n) => page('r1', [], { next, page: n }))
    const { said, state } = played(begin('r1'), ...pages)
    assert.equal(said.at(-1), 'ReconciliationPageRead,ReconciliationFailed')
    assert.deepEqual(state.runs, {})
  })

  it('corrects a difference by one refund at a time, and again after a refusal', () => {
    const id = finding('a').differenceId
    const [one, two] = ['1', '2'].map((digit) => refundId(digit.repeat(32)))
    assert.ok(one && two)
    const ask = (number: typeof one): ReconciliationCommand => ({
      type: 'CorrectDifference',
      data: { at: start, differenceId: id, refundId: number },
    })
    const said = (type: 'RecordCorrection', number: typeof one): ReconciliationCommand => ({
      type,
      data: { at: start, differenceId: id, refundId: number },
    })
    const refusal: ReconciliationCommand = {
      type: 'RecordCorrectionRefusal',
      data: { at: start, differenceId: id, refundId: one, code: 'declined' },
    }
    const found = [begin('r1'), page('r1', [finding('a')]), close('r1')]
    const story = [
      ask(one),
      ask(two),
      refusal,
      ask(two),
      said('RecordCorrection', one),
      said('RecordCorrection', two),
      ask(one),
    ]
    assert.deepEqual(played(...found, ...story).said.slice(3), [
      'CorrectionAsked',
      'correction-under-way',
      'CorrectionRefused',
      'CorrectionAsked',
      '',
      'CorrectionMade',
      'difference-unknown',
    ])
    const without = [begin('r1'), page('r1', [finding('a', { remedy: null })]), ask(one)]
    assert.equal(played(...without).said.at(-1), 'no-correction')
  })

  it('reports a payment that they do not know once', () => {
    const recheck = { ...{ externalId: 'a', paymentId: null, subscriptionId: null, partnerId: null }, amountKopecks: 1 }
    const absence: ReconciliationCommand = {
      type: 'RecordAbsence',
      data: { at: start, runId: 'r1', provider: 'yookassa', firstDay: day, lastDay: day, recheck },
    }
    assert.deepEqual(played(begin('r1'), absence, absence).said, ['ReconciliationStarted', 'DifferenceFound', ''])
  })
})
