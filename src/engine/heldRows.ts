import { once } from 'node:events'
import type { FoldEvent, ReadModel, Row } from '../../projections/projection.ts'
import type { Sql } from '../db/connect.ts'
import { makeKeyFilter } from './keyFilter.ts'
import { columnOf, copyLines, loadRows } from './readModelTable.ts'

/** Rows of one piece of a COPY: some ten kilobytes. */
const copyRows = 200

/** A row in memory: whether the table has a state of it, whether that is an older one, and the position of its last event. */
type Held = { row: Row; stored: boolean; changed: boolean; touched: number }

/** What a flush takes: rows as they are now, and the keys of those that the table has an older state of. */
export type TakenRows = { readonly rows: readonly Row[]; readonly replaced: readonly string[] }

/** The rows of one table that a filling keeps in memory. */
export type HeldRows = ReturnType<typeof holdRows>

/** Keeps rows of a table in memory while the log is folded into it. Nobody else writes to the table. */
export const holdRows = (at: { readonly model: ReadModel; readonly table: string; readonly empty: boolean }) => {
  const { model } = at
  const held = new Map<string, Held>()
  // Of a table that began empty it is known which keys it cannot have: a row that is new need not be looked for.
  const stored = at.empty ? makeKeyFilter() : null
  const wanted = new Set<string>()
  const cellsOfRow = Object.keys(model.columns).length
  let changedRows = 0

  /** Notes a row that will be folded over, if it is not in memory and the table may have it. */
  const want = (key: string): void => {
    if (!held.has(key) && (stored === null || stored.mayHave(key))) wanted.add(key)
  }

  /** Brings the noted rows into memory. */
  const load = async (sql: Sql): Promise<void> => {
    if (wanted.size === 0) return
    for (const [key, row] of await loadRows(sql, model, { table: at.table, keys: [...wanted] }))
      held.set(key, { row, stored: true, changed: false, touched: 0 })
    wanted.clear()
  }

  /** Folds one event over its row. */
  const fold = (key: string, event: FoldEvent): void => {
    const before = held.get(key)
    const after = model.fold(before?.row ?? null, event)
    if (before) before.touched = event.position
    if (after === null || after === before?.row) return
    if (before?.changed !== true) changedRows += 1
    if (before) Object.assign(before, { row: after, changed: true })
    else held.set(key, { row: after, stored: false, changed: true, touched: event.position })
  }

  /** What changed since the last taking; from now on it counts as stored, because a flush that fails ends the filling. */
  const take = (): TakenRows => {
    const rows: Row[] = []
    const replaced: string[] = []
    for (const [key, entry] of held) {
      if (!entry.changed) continue
      rows.push(entry.row)
      if (entry.stored) replaced.push(key)
      else stored?.add(key)
      entry.stored = true
      entry.changed = false
    }
    changedRows = 0
    return { rows, replaced }
  }

  /** Forgets rows that the table has and that no event has touched since a position. Not while what was taken is being written. */
  const forget = (since: number): void => {
    for (const [key, entry] of held) if (!entry.changed && entry.touched < since) held.delete(key)
  }

  return { want, load, fold, take, forget, changedCells: () => changedRows * cellsOfRow }
}

/** Writes taken rows: older states are deleted, then all rows go in by COPY. */
export const writeRows = async (
  transaction: Sql,
  { model, table, taken }: { readonly model: ReadModel; readonly table: string; readonly taken: TakenRows },
): Promise<void> => {
  const { rows, replaced } = taken
  if (rows.length === 0) return
  if (replaced.length > 0)
    await transaction.unsafe(`delete from ${table} where ${columnOf(model.key)} = any ($1::text[])`, [[...replaced]])
  const columns = Object.keys(model.columns).map(columnOf).join(', ')
  const stream = await transaction.unsafe(`copy ${table} (${columns}) from stdin`).writable()
  const finished = once(stream, 'finish')
  finished.catch(() => {})
  for (let start = 0; start < rows.length; start += copyRows)
    if (!stream.write(copyLines(model, rows.slice(start, start + copyRows)))) await once(stream, 'drain')
  stream.end()
  await finished
}
