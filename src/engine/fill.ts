import { once } from 'node:events'
import type { ReadModel, Row } from '../../projections/projection.ts'
import type { Sql } from '../db/connect.ts'
import { statement } from '../db/query.ts'
import type { RecordedEvent } from '../log/log.ts'
import type { Codec } from './codec.ts'
import { wantedEvents } from './project.ts'
import { columnOf, copyLine, loadRows, readModelStatements, rowsJson } from './readModelTable.ts'

/** Positions of one page: two are in memory at once, some 10 MB; read ahead, so that a round trip costs little. */
const pagePositions = 2000
/**
 * Rows kept in memory between flushes, of all read models of a pass. More make fewer merges of rows that come back, and a process that
 * holds more than 300 MB: a partner's row takes about 2 KB, and as much again until the garbage is collected.
 */
const rowsInMemoryMax = 20_000
const prepared = { prepare: true } as const

/** A row in memory, and whether the table has an older state of it. */
type Held = { readonly row: Row; readonly stored: boolean; readonly changed: boolean }

type PageEvent = Pick<RecordedEvent, 'position' | 'eventId' | 'stream' | 'subject' | 'type' | 'data' | 'recordedAt'>

/** Where a filling stands, told after every page. */
export type Progress = { readonly position: number; readonly target: number }

/** A read model that is filled, the table it goes to, and its checkpoint. */
export type FillPart = {
  readonly model: ReadModel
  readonly table: string
  /** Moves the checkpoint inside the transaction of a flush; false ends the filling, because somebody else took over. */
  readonly checkpoint: (transaction: Sql, move: { readonly from: number; readonly to: number }) => Promise<boolean>
}

/** What filling tables needs. */
export type FillOptions = {
  readonly sql: Sql
  readonly codec: Codec
  /** The read models that share one pass over the log; all stand at `from`. */
  readonly parts: readonly FillPart[]
  readonly from: number
  readonly target: number
  readonly onProgress?: (progress: Progress) => void
  readonly stopped: () => boolean
}

/** A part with the rows that it keeps in memory. */
type Filling = FillPart & { held: Map<string, Held> }

/**
 * Folds the log from one position to another into the tables of one or several read models: pages are read ahead while the last one
 * is folded in memory; rows new to a table go in by COPY, evicted ones that came back are merged set-based, and all checkpoints move
 * in the transaction of the rows. Answers the position reached: short of the target when it was stopped. A fold that throws fails the
 * filling loudly. It cannot call anybody: it has nothing to call with.
 */
export const fill = async (options: FillOptions): Promise<number> => {
  const { sql } = options
  const fillings = options.parts.map((part): Filling => ({ ...part, held: new Map() }))
  let flushedTo = options.from
  let position = options.from
  let next = readPage(options, position)
  while (position < options.target && !options.stopped()) {
    const page = await next
    position = page.to
    next = position < options.target ? readPage(options, position) : next
    next.catch(() => {})
    for (const filling of fillings)
      await foldPage(options, { filling, tableEmpty: flushedTo === 0, events: page.events })
    if (rowsIn(fillings) >= rowsInMemoryMax || position >= options.target) {
      if (!(await flush(sql, fillings, { from: flushedTo, to: position }))) return flushedTo
      flushedTo = position
    }
    options.onProgress?.({ position, target: options.target })
  }
  if (position > flushedTo && (await flush(sql, fillings, { from: flushedTo, to: position }))) flushedTo = position
  for (const { table } of fillings) await sql.unsafe(`analyze ${table}`)
  return flushedTo
}

const rowsIn = (fillings: readonly Filling[]): number => fillings.reduce((sum, { held }) => sum + held.size, 0)

const readPage = async (
  { sql, parts, target }: FillOptions,
  from: number,
): Promise<{ to: number; events: PageEvent[] }> => {
  const to = Math.min(from + pagePositions, target)
  const types = [...new Set(parts.flatMap(({ model }) => model.types))]
  const [events, [counted]] = await Promise.all([
    sql.unsafe<PageEvent[]>(statement(readModelStatements, 'read_range'), [from, to, types], prepared),
    sql.unsafe<{ count: number }[]>(statement(readModelStatements, 'count_range'), [from, to], prepared),
  ])
  if (counted?.count !== to - from)
    throw new Error(`The log is corrupt: positions ${from + 1} to ${to} hold ${counted?.count} events`)
  return { to, events: [...events] }
}

type FoldingPage = { readonly filling: Filling; readonly tableEmpty: boolean; readonly events: readonly PageEvent[] }

const foldPage = async ({ codec, sql }: FillOptions, { filling, tableEmpty, events }: FoldingPage): Promise<void> => {
  const { model, table, held } = filling
  if (model.personal) {
    const types = new Set(model.types)
    await codec.prefetch(events.filter((event) => types.has(event.type)))
  }
  const wanted = wantedEvents(model, codec, events)
  if (!tableEmpty) {
    const missing = [...new Set(wanted.map((entry) => entry.key))].filter((key) => !held.has(key))
    for (const [key, row] of await loadRows(sql, model, { table, keys: missing }))
      held.set(key, { row, stored: true, changed: false })
  }
  for (const { key, event } of wanted) {
    const before = held.get(key)
    const after = model.fold(before?.row ?? null, event)
    if (after !== null && after !== before?.row)
      held.set(key, { row: after, stored: before?.stored ?? false, changed: true })
  }
}

/** Thrown inside a transaction to undo it, when somebody else moved one of the checkpoints. */
const superseded = new Error('Another process moved the checkpoint of a read model that is being filled')

/** Writes what changed and moves every checkpoint, or does neither; memory is free afterwards. */
const flush = async (
  sql: Sql,
  fillings: readonly Filling[],
  move: { readonly from: number; readonly to: number },
): Promise<boolean> => {
  try {
    await sql.begin(async (begun) => {
      const transaction = begun as unknown as Sql
      for (const filling of fillings) if (!(await filling.checkpoint(transaction, move))) throw superseded
      for (const filling of fillings) await write(transaction, filling)
    })
  } catch (error) {
    if (error === superseded) return false
    throw error
  }
  for (const filling of fillings) filling.held = new Map()
  return true
}

const write = async (transaction: Sql, { model, table, held }: Filling): Promise<void> => {
  const fresh: Row[] = []
  const again: Row[] = []
  for (const entry of held.values()) if (entry.changed) (entry.stored ? again : fresh).push(entry.row)
  await copyIn(transaction, { model, table, rows: fresh })
  await merge(transaction, { model, table, rows: again })
}

type Target = { readonly model: ReadModel; readonly table: string; readonly rows: readonly Row[] }

/** Rows that are new to the table, by COPY in pieces of some hundred kilobytes. */
const copyIn = async (transaction: Sql, { model, table, rows }: Target): Promise<void> => {
  if (rows.length === 0) return
  const columns = Object.keys(model.columns).map(columnOf).join(', ')
  const stream = await transaction.unsafe(`copy ${table} (${columns}) from stdin`).writable()
  const finished = once(stream, 'finish')
  finished.catch(() => {})
  for (let start = 0; start < rows.length; start += 500) {
    const lines = rows.slice(start, start + 500).map((row) => copyLine(model, row))
    if (!stream.write(lines.join(''))) await once(stream, 'drain')
  }
  stream.end()
  await finished
}

/** Rows that the table has already: replaced set-based. */
const merge = async (transaction: Sql, { model, table, rows }: Target): Promise<void> => {
  const key = columnOf(model.key)
  const columns = Object.keys(model.columns).map(columnOf)
  const sets = columns.filter((column) => column !== key).map((column) => `${column} = r.${column}`)
  for (let start = 0; start < rows.length; start += 5000) {
    await transaction.unsafe(
      `update ${table} t set ${sets.join(', ')} from json_populate_recordset(null::${table}, $1::text::json) r where t.${key} = r.${key}`,
      [rowsJson(model, rows.slice(start, start + 5000))],
    )
  }
}
