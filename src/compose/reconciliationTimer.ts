import { v5 as uuidV5 } from 'uuid'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import { reconciliationStream } from '../domain/ids.ts'
import { runDaysMax } from '../domain/reconciliation.ts'
import type { ReconciledProvider } from '../domain/reconciliationMessages.ts'
import { startLoop } from '../engine/loop.ts'
import {
  type CalendarDate,
  type Instant,
  moscowDate,
  moscowDayStart,
  parseCalendarDate,
  plusCalendarDays,
  plusMs,
} from '../kernel/time.ts'
import type { Core } from './core.ts'
import { errorFields, type Logger } from './log.ts'

const named = statements(sqlText('reconciliation.sql'))

/** 03:30 in Moscow of the next day: whatever was begun before midnight is paid or out of date by then. */
const afterMidnightMs = 3.5 * 3_600_000
/** A new day is planned within this time; a moved clock is looked at at once. */
const lookEveryMs = 60_000
/** The namespace of the ids: one comparison for each provider and last day, whichever process plans it. */
const namespace = '5b0f6f63-53c5-5d0e-8a39-0f4f6a3cb1a4'

/** A comparison to be planned. */
export type PlannedRun = { readonly firstDay: CalendarDate; readonly lastDay: CalendarDate; readonly dueAt: Instant }

const dueOf = (day: CalendarDate): Instant => plusMs(moscowDayStart(plusCalendarDays(day, 1)), afterMidnightMs)

/**
 * What is to be planned at a moment: today's comparison, which is due in the night, and one of all days that nobody planned because
 * the service was down. Pure.
 * @example plannedRuns(null, '2026-11-24T09:00:00.000Z') // today only, due at 2026-11-25T00:30:00.000Z
 */
export const plannedRuns = (last: CalendarDate | null, now: Instant): readonly PlannedRun[] => {
  const today = moscowDate(now)
  const run = (firstDay: CalendarDate, lastDay: CalendarDate): PlannedRun => ({
    firstDay,
    lastDay,
    dueAt: dueOf(lastDay),
  })
  if (last === null) return [run(today, today)]
  if (last >= today) return []
  const yesterday = plusCalendarDays(today, -1)
  const oldest = plusCalendarDays(today, -runDaysMax)
  const missed = plusCalendarDays(last, 1)
  return [...(last < yesterday ? [run(laterOf(missed, oldest), yesterday)] : []), run(today, today)]
}

const laterOf = (one: CalendarDate, other: CalendarDate): CalendarDate => (one > other ? one : other)

/** Plans the daily comparison with each provider as a timer row, so that it survives restarts and happens once. */
export const startReconciling = (
  core: Core,
  { providers, log }: { readonly providers: readonly ReconciledProvider[]; readonly log: Logger },
): { readonly stop: () => Promise<void> } => {
  const loop = startLoop({
    idleMs: lookEveryMs,
    onError: (error) => log.error('A reconciliation could not be planned', errorFields(error)),
    step: async () => {
      for (const provider of providers) await planFor(core, provider)
      return false
    },
  })
  core.wakes.on('clock', loop.wake)
  return { stop: loop.stop }
}

const planFor = async (core: Core, provider: ReconciledProvider): Promise<void> => {
  const subject = `schedule:${provider}`
  const [row] = await core.sql.unsafe<{ day: string | null }[]>(statement(named, 'last_planned_day'), [subject])
  for (const { firstDay, lastDay, dueAt } of plannedRuns(parseCalendarDate(row?.day ?? ''), core.clock.now())) {
    const id = uuidV5(`${provider}:${lastDay}`, namespace)
    const data = {
      provider,
      runId: `rec_${id.replaceAll('-', '')}`,
      firstDay,
      lastDay,
      trigger: 'schedule',
      dryRun: false,
    }
    const payload = { stream: reconciliationStream(provider), command: { type: 'StartReconciliation', data } }
    const planned = await core.sql.unsafe(statement(named, 'plan_run'), [id, subject, JSON.stringify(payload), dueAt])
    if (planned.length > 0) core.wakes.emit('effects')
  }
}
