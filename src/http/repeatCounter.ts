import type { Sql } from '../db/connect.ts'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import type { Instant } from '../kernel/time.ts'

const inboxStatements = statements(sqlText('inbox.sql'))

/** Counts equal repeats: all that arrive while a statement runs are one statement more. */
export const repeatCounter = (deps: {
  readonly sql: Sql
  readonly now: () => Instant
}): ((webhookId: string) => Promise<void>) => {
  let counts = new Map<string, number>()
  let flushing: Promise<void> | null = null
  let next: Promise<void> | null = null

  const flush = async (): Promise<void> => {
    const batch = counts
    counts = new Map()
    const at = deps.now()
    const rows = [...batch].sort(([one], [other]) => (one < other ? -1 : 1)).map(([w, n]) => ({ w, n, at }))
    await deps.sql.unsafe(statement(inboxStatements, 'count_repeats'), [JSON.stringify(rows)], { prepare: true })
  }

  return (webhookId) => {
    counts.set(webhookId, (counts.get(webhookId) ?? 0) + 1)
    next ??= (flushing ?? Promise.resolve())
      .catch(() => {})
      .then(() => {
        next = null
        flushing = flush()
        return flushing
      })
    return next
  }
}
