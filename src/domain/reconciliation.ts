import { unreachable } from '../kernel/brand.ts'
import { accepted, type Decider, type Decision, refused } from '../kernel/decision.ts'
import { type Instant, plusMs } from '../kernel/time.ts'
import type { RefundId } from './ids.ts'
import type {
  ComparedPage,
  Days,
  Finding,
  ReconciledProvider,
  ReconciliationCommand,
  ReconciliationEvent,
  RunAsked,
  RunCounts,
  RunMoment,
} from './reconciliationMessages.ts'

/** A run that is under way. */
export type Run = RunAsked & {
  readonly runId: string
  readonly startedAt: Instant
  readonly pages: number
  /** What their pages named. */
  readonly seen: readonly string[]
  readonly found: readonly string[]
  readonly alerts: number
  readonly foreign: number
  readonly behind: number
  readonly different: number
}

/** A difference that is not settled yet. */
export type KnownDifference = Days & {
  readonly finding: Finding
  readonly status: 'open' | 'correcting'
  /** The correction that is under way. */
  readonly refundId: RefundId | null
}

/** The comparisons with one provider: the runs under way, and what is still different. */
export type Reconciliation = {
  readonly provider: ReconciledProvider | null
  readonly runs: Readonly<Record<string, Run>>
  readonly known: Readonly<Record<string, KnownDifference>>
}

/** Pages of one run: 10 000 operations a run are far more than our shop makes, and a list that never ends has an end. */
export const runPagesMax = 100
/** Letters of one run; what follows is in the list of differences. */
const runAlertsMax = 10
/** A run that did not end in this time is given up by the next one for the same days: its calls are paused, or were discarded. */
const runPatienceMs = 6 * 3_600_000

const without = <Value>(record: Readonly<Record<string, Value>>, key: string): Readonly<Record<string, Value>> => {
  const { [key]: _gone, ...rest } = record
  return rest
}

/** What nobody has to look at: it is corrected by itself, or was already. */
const correctsItself = ({ remedy }: Finding): boolean => remedy === 'reread' || remedy === 'taken'

const evolve = (state: Reconciliation, event: ReconciliationEvent): Reconciliation => {
  switch (event.type) {
    case 'ReconciliationStarted': {
      const { runId, provider, at, firstDay, lastDay, trigger, dryRun } = event.data
      const run: Run = {
        ...{ runId, firstDay, lastDay, trigger, dryRun, startedAt: at, pages: 0, seen: [], found: [] },
        ...{ alerts: 0, foreign: 0, behind: 0, different: 0 },
      }
      return { ...state, provider, runs: { ...state.runs, [runId]: run } }
    }
    case 'ReconciliationPageRead':
      return withRun(state, event.data.runId, (run) => turned(run, event.data))
    case 'DifferenceFound': {
      const { runId, alert, firstDay, lastDay, ...finding } = event.data
      const counted = withRun(state, runId, (run) => ({ ...run, alerts: run.alerts + (alert ? 1 : 0) }))
      if (correctsItself(finding)) return counted
      const known: KnownDifference = { finding, firstDay, lastDay, status: 'open', refundId: null }
      return { ...counted, known: { ...counted.known, [finding.differenceId]: known } }
    }
    case 'DifferenceSettled':
    case 'CorrectionMade':
      return { ...state, known: without(state.known, event.data.differenceId) }
    case 'CorrectionAsked':
      return withKnown(state, event.data.differenceId, { status: 'correcting', refundId: event.data.refundId })
    case 'CorrectionRefused':
      return withKnown(state, event.data.differenceId, { status: 'open', refundId: null })
    case 'ReconciliationFinished':
    case 'ReconciliationFailed':
      return { ...state, runs: without(state.runs, event.data.runId) }
    default:
      return unreachable(event)
  }
}

const withRun = (state: Reconciliation, runId: string, change: (run: Run) => Run): Reconciliation => {
  const run = state.runs[runId]
  return run ? { ...state, runs: { ...state.runs, [runId]: change(run) } } : state
}

const withKnown = (state: Reconciliation, id: string, change: Partial<KnownDifference>): Reconciliation => {
  const known = state.known[id]
  return known ? { ...state, known: { ...state.known, [id]: { ...known, ...change } } } : state
}

const turned = (run: Run, page: ComparedPage): Run => {
  const own = page.findings.filter(correctsItself).length
  return {
    ...run,
    pages: run.pages + 1,
    seen: [...run.seen, ...page.externalIds],
    found: [...run.found, ...page.findings.map(({ differenceId }) => differenceId)],
    foreign: run.foreign + page.foreign,
    behind: run.behind + own,
    different: run.different + page.findings.length - own,
  }
}

const decide = (state: Reconciliation, command: ReconciliationCommand): Decision<ReconciliationEvent> => {
  switch (command.type) {
    case 'StartReconciliation':
      return start(state, command.data)
    case 'RecordComparedPage':
      return recordPage(state, command.data)
    case 'CloseReconciliation':
      return close(state, command.data)
    case 'FailReconciliation':
      return fail(state, command.data)
    case 'RecordAbsence':
      return recordAbsence(state, command.data)
    case 'CorrectDifference':
      return correct(state, command.data)
    case 'RecordCorrection':
    case 'RecordCorrectionRefusal':
      return corrected(state, command)
    default:
      return unreachable(command)
  }
}

/** A run for the same days that is under way, and is as thorough as the one that is asked for. */
export const runUnderWay = (
  state: Reconciliation,
  asked: Pick<RunAsked, 'firstDay' | 'lastDay' | 'dryRun'>,
): Run | null =>
  Object.values(state.runs).find(
    (run) => run.firstDay === asked.firstDay && run.lastDay === asked.lastDay && run.dryRun === asked.dryRun,
  ) ?? null

const start = (state: Reconciliation, data: RunMoment & RunAsked): Decision<ReconciliationEvent> => {
  const before = runUnderWay(state, data)
  if (before && plusMs(before.startedAt, runPatienceMs) > data.at) return accepted()
  const { at, provider } = data
  return accepted(
    ...(before
      ? [{ type: 'ReconciliationFailed', data: { at, provider, runId: before.runId, code: 'run-given-up' } } as const]
      : []),
    { type: 'ReconciliationStarted', data },
  )
}

type Page = Pick<RunMoment, 'at' | 'runId'> & ComparedPage

const recordPage = (state: Reconciliation, data: Page): Decision<ReconciliationEvent> => {
  const run = state.runs[data.runId]
  // Of a run that was given up, or a page that was read twice.
  if (!run || state.provider === null || run.pages !== data.page) return accepted()
  const moment: RunMoment = { at: data.at, runId: run.runId, provider: state.provider }
  const rechecks = run.dryRun ? [] : data.rechecks
  const read: ReconciliationEvent = {
    type: 'ReconciliationPageRead',
    data: { ...data, ...moment, ...askedOf(run), rechecks },
  }
  const endless = data.next !== null && run.pages + 1 >= runPagesMax
  return accepted(
    read,
    ...(run.dryRun ? [] : news(state, { moment, run, findings: data.findings })),
    ...(endless ? [{ type: 'ReconciliationFailed', data: { ...moment, code: 'books-too-long' } } as const] : []),
  )
}

const askedOf = ({ firstDay, lastDay, trigger, dryRun }: RunAsked): RunAsked => ({
  firstDay,
  lastDay,
  trigger,
  dryRun,
})

/** What was not known before. What corrects itself is told every time, because it is asked for again. */
const news = (
  state: Reconciliation,
  at: { readonly moment: RunMoment; readonly run: Run; readonly findings: readonly Finding[] },
): ReconciliationEvent[] => {
  const { firstDay, lastDay } = at.run
  const fresh = at.findings.filter((finding) => correctsItself(finding) || !(finding.differenceId in state.known))
  let alerts = at.run.alerts
  return fresh.map((finding) => {
    const alert = !correctsItself(finding) && alerts < runAlertsMax
    alerts += alert ? 1 : 0
    return { type: 'DifferenceFound', data: { ...at.moment, firstDay, lastDay, ...finding, alert } }
  })
}

const close = (
  state: Reconciliation,
  data: Extract<ReconciliationCommand, { type: 'CloseReconciliation' }>['data'],
): Decision<ReconciliationEvent> => {
  const run = state.runs[data.runId]
  if (!run || state.provider === null) return accepted()
  const moment: RunMoment = { at: data.at, runId: run.runId, provider: state.provider }
  const { foreign, behind, different } = run
  const counts: RunCounts = { theirs: run.seen.length, foreign, behind, different, ours: data.ours }
  const rechecks = run.dryRun ? [] : data.rechecks
  return accepted(
    ...(run.dryRun ? [] : settled(state, run)).map(
      (differenceId): ReconciliationEvent => ({ type: 'DifferenceSettled', data: { ...moment, differenceId } }),
    ),
    { type: 'ReconciliationFinished', data: { ...moment, ...askedOf(run), ...counts, rechecks } },
  )
}

/** Differences of these days that are no longer there. What they do not have cannot be seen on their pages. */
const settled = (state: Reconciliation, run: Run): readonly string[] =>
  Object.entries(state.known)
    .filter(([id, { finding, status, firstDay, lastDay }]) => {
      const covered = run.firstDay <= firstDay && run.lastDay >= lastDay
      return covered && status === 'open' && finding.kind !== 'absent-there' && !run.found.includes(id)
    })
    .map(([id]) => id)

const fail = (
  state: Reconciliation,
  data: Pick<RunMoment, 'at' | 'runId'> & { readonly code: string },
): Decision<ReconciliationEvent> =>
  data.runId in state.runs && state.provider !== null
    ? accepted({ type: 'ReconciliationFailed', data: { ...data, provider: state.provider } })
    : accepted()

const recordAbsence = (
  state: Reconciliation,
  { recheck, ...moment }: Extract<ReconciliationCommand, { type: 'RecordAbsence' }>['data'],
): Decision<ReconciliationEvent> => {
  const differenceId = `${moment.provider}:${recheck.externalId}:absent-there`
  if (differenceId in state.known) return accepted()
  const finding: Finding = {
    ...{ ...recheck, differenceId, kind: 'absent-there', remedy: null },
    ...{ field: null, expected: null, actual: null },
  }
  return accepted({ type: 'DifferenceFound', data: { ...moment, ...finding, alert: true } })
}

const correct = (
  state: Reconciliation,
  { at, differenceId, refundId }: Extract<ReconciliationCommand, { type: 'CorrectDifference' }>['data'],
): Decision<ReconciliationEvent> => {
  const known = state.known[differenceId]
  if (!known || state.provider === null)
    return refused('difference-unknown', 'Cannot correct the difference: none of this id is open')
  if (known.status === 'correcting')
    return refused('correction-under-way', 'Cannot correct the difference: its correction is under way already')
  const { externalId, paymentId, subscriptionId, partnerId, amountKopecks, remedy } = known.finding
  if (remedy !== 'refund' || amountKopecks === null)
    return refused('no-correction', `Cannot correct a difference of the kind ${known.finding.kind} by a command`)
  const order = { externalId, paymentId, subscriptionId, partnerId, amountKopecks }
  return accepted({
    type: 'CorrectionAsked',
    data: { at, provider: state.provider, differenceId, refundId, ...order },
  })
}

const corrected = (
  state: Reconciliation,
  command: Extract<ReconciliationCommand, { type: 'RecordCorrection' | 'RecordCorrectionRefusal' }>,
): Decision<ReconciliationEvent> => {
  const known = state.known[command.data.differenceId]
  if (!known || state.provider === null || known.refundId !== command.data.refundId) return accepted()
  const about = { provider: state.provider, partnerId: known.finding.partnerId }
  return command.type === 'RecordCorrection'
    ? accepted({ type: 'CorrectionMade', data: { ...command.data, ...about } })
    : accepted({ type: 'CorrectionRefused', data: { ...command.data, ...about } })
}

/** The decider of the comparisons with one provider: its stream holds all runs, so a difference is news once. */
export const reconciliation: Decider<Reconciliation, ReconciliationCommand, ReconciliationEvent> = {
  initial: { provider: null, runs: {}, known: {} },
  evolve,
  decide,
}

/** Whom an event is about: a difference belongs to the history of its partner. */
export const reconciliationSubject = (provider: string, event: ReconciliationEvent): string =>
  ('partnerId' in event.data ? event.data.partnerId : null) ?? provider
