import type { DomainEvent } from '../src/domain/index.ts'
import type { Finding } from '../src/domain/reconciliationMessages.ts'
import type { Instant } from '../src/kernel/time.ts'
import { type FoldEvent, readModel } from './projection.ts'

/** One comparison of a provider's books with ours. */
export type ReconciliationRow = {
  readonly runId: string
  readonly provider: string
  readonly firstDay: string
  readonly day: string
  readonly trigger: string
  readonly dryRun: boolean
  readonly status: 'running' | 'finished' | 'failed'
  readonly code: string | null
  readonly pages: number
  readonly theirs: number
  readonly foreignCount: number
  readonly behind: number
  readonly different: number
  readonly ours: number | null
  readonly findings: readonly Finding[]
  readonly startedAt: Instant
  readonly finishedAt: Instant | null
  readonly position: number
}

/** A run tells at most so many of its findings; all of them are in the list of differences. */
const findingsMax = 100

const fold = (row: ReconciliationRow | null, recorded: FoldEvent): ReconciliationRow | null => {
  const event = { type: recorded.type, data: recorded.data } as DomainEvent
  if (event.type === 'ReconciliationStarted') {
    const { runId, provider, firstDay, lastDay, trigger, dryRun, at } = event.data
    return {
      ...{ runId, provider, firstDay, day: lastDay, trigger, dryRun, status: 'running', code: null },
      ...{ pages: 0, theirs: 0, foreignCount: 0, behind: 0, different: 0, ours: null, findings: [] },
      ...{ startedAt: at, finishedAt: null, position: recorded.position },
    }
  }
  const changes = row && change(row, event)
  return row && changes ? { ...row, ...changes, position: recorded.position } : row
}

const change = (row: ReconciliationRow, event: DomainEvent): Partial<ReconciliationRow> | null => {
  switch (event.type) {
    case 'ReconciliationPageRead': {
      const { externalIds, foreign, findings } = event.data
      const own = findings.filter(({ remedy }) => remedy === 'reread' || remedy === 'taken').length
      return {
        pages: row.pages + 1,
        theirs: row.theirs + externalIds.length,
        foreignCount: row.foreignCount + foreign,
        behind: row.behind + own,
        different: row.different + findings.length - own,
        findings: [...row.findings, ...findings].slice(0, findingsMax),
      }
    }
    case 'ReconciliationFinished':
      return { status: 'finished', ours: event.data.ours, finishedAt: event.data.at }
    case 'ReconciliationFailed':
      return { status: 'failed', code: event.data.code, finishedAt: event.data.at }
    default:
      return null
  }
}

/** Comparisons by their number. */
export const reconciliation = readModel<ReconciliationRow>({
  name: 'reconciliation',
  types: ['ReconciliationStarted', 'ReconciliationPageRead', 'ReconciliationFinished', 'ReconciliationFailed'],
  personal: false,
  key: 'runId',
  columns: {
    runId: 'text',
    provider: 'text',
    firstDay: 'text',
    day: 'text',
    trigger: 'text',
    dryRun: 'boolean',
    status: 'text',
    code: 'text',
    pages: 'integer',
    theirs: 'integer',
    foreignCount: 'integer',
    behind: 'integer',
    different: 'integer',
    ours: 'integer',
    findings: 'jsonb',
    startedAt: 'timestamptz',
    finishedAt: 'timestamptz',
    position: 'bigint',
  },
  keyOf: (event) => (typeof event.data.runId === 'string' ? event.data.runId : null),
  fold,
})
