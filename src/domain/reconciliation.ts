import { unreachable } from '../kernel/brand.ts'
import { accepted, type Decider, type Decision } from '../kernel/decision.ts'
import { type CalendarDate, plusCalendarDays, plusMs } from '../kernel/time.ts'
import { correct, corrected, recordAbsence } from './corrections.ts'
import type {
  ComparedPage,
  Days,
  Finding,
  ReconciliationCommand,
  ReconciliationEvent,
  RunAsked,
  RunCounts,
  RunMoment,
} from './reconciliationMessages.ts'
import type { KnownDifference, Reconciliation, Run } from './reconciliationState.ts'

/** Pages of one run: 10 000 operations a run are far more than our shop makes, and a list that never ends has an end. */
export const runPagesMax = 100
/** Letters of one run; what follows is in the list of differences. */
const runAlertsMax = 10
/** Days of one run; what is older has been looked at by people. */
export const runDaysMax = 31
/** A run that did not end in this time is given up by the next one: its calls are paused, dead or discarded. */
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
      return { ...ended(state, event.data), missedSince: covered(state, event.data) ? null : state.missedSince }
    case 'ReconciliationFailed': {
      const { trigger, firstDay } = event.data
      const since = state.missedSince !== null && state.missedSince < firstDay ? state.missedSince : firstDay
      return { ...ended(state, event.data), missedSince: trigger === 'schedule' ? since : state.missedSince }
    }
    default:
      return unreachable(event)
  }
}

const ended = (state: Reconciliation, { runId }: Pick<RunMoment, 'runId'>): Reconciliation => ({
  ...state,
  runs: without(state.runs, runId),
})

/** Whether a run made up for the nights that failed. */
const covered = (state: Reconciliation, { firstDay, trigger }: RunAsked): boolean =>
  trigger === 'schedule' && state.missedSince !== null && firstDay <= state.missedSince

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
  const isStale = (run: Run): boolean => plusMs(run.startedAt, runPatienceMs) <= data.at
  const before = runUnderWay(state, data)
  if (before && !isStale(before)) return accepted()
  const stale = Object.values(state.runs).filter(isStale)
  const missed = [state.missedSince, ...stale.filter(({ trigger }) => trigger === 'schedule').map(dayOf)]
  const { at, provider } = data
  return accepted(
    ...stale.map((run): ReconciliationEvent => failed({ at, provider, runId: run.runId }, run, 'run-given-up')),
    {
      type: 'ReconciliationStarted',
      data: data.trigger === 'schedule' ? { ...data, firstDay: widened(data, missed) } : data,
    },
  )
}

const dayOf = ({ firstDay }: Run): CalendarDate => firstDay

/** Nights that came to nothing are made up for, a month back at most. */
const widened = ({ firstDay, lastDay }: Days, missed: readonly (CalendarDate | null)[]): CalendarDate => {
  const oldest = plusCalendarDays(lastDay, 1 - runDaysMax)
  const days = [firstDay, ...missed.filter((day) => day !== null && day >= oldest)]
  return days.reduce<CalendarDate>((first, day) => (day !== null && day < first ? day : first), firstDay)
}

const failed = (moment: RunMoment, run: Run, code: string): ReconciliationEvent => ({
  type: 'ReconciliationFailed',
  data: { ...moment, ...askedOf(run), code },
})

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
    ...(endless ? [failed(moment, run, 'books-too-long')] : []),
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
  { at, runId, code }: Pick<RunMoment, 'at' | 'runId'> & { readonly code: string },
): Decision<ReconciliationEvent> => {
  const run = state.runs[runId]
  return run && state.provider !== null
    ? accepted(failed({ at, runId, provider: state.provider }, run, code))
    : accepted()
}

/** The decider of the comparisons with one provider: its stream holds all runs, so a difference is news once. */
export const reconciliation: Decider<Reconciliation, ReconciliationCommand, ReconciliationEvent> = {
  initial: { provider: null, runs: {}, known: {}, missedSince: null },
  evolve,
  decide,
}

/** Whom an event is about: a difference belongs to the history of its partner. */
export const reconciliationSubject = (provider: string, event: ReconciliationEvent): string =>
  ('partnerId' in event.data ? event.data.partnerId : null) ?? provider
