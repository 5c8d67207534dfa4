import type { FoldEvent, ReadModel } from '../../projections/projection.ts'
import type { Sql } from '../db/connect.ts'
import type { Codec } from './codec.ts'
import { type HeldRows, holdRows, type TakenRows, writeRows } from './heldRows.ts'
import { type LogPage, type PageEvent, readPage } from './logPage.ts'

/** Positions of one page: two are in memory at once, some 10 MB; read ahead, so that a round trip costs little. */
const pagePositions = 1000
/**
 * Fields of changed rows, of all read models of a pass, at which they are written. More make fewer writes of rows that go on changing,
 * and a process that holds more than 300 MB: as many may be on their way to the tables meanwhile.
 */
const changedCellsMax = 150_000

/** Where a filling stands, told after every page. */
export type Progress = { readonly position: number; readonly target: number }

/** A read model that is filled, the table it goes to, and its checkpoint. */
export type FillPart = {
  readonly model: ReadModel
  readonly table: string
  /** Moves the checkpoint inside the transaction of a flush; false ends the filling, because somebody else took over. */
  readonly checkpoint: (transaction: Sql, move: Move) => Promise<boolean>
}

/** How far a flush moves a checkpoint. */
type Move = { readonly from: number; readonly to: number }

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
  /** Smaller than usual in tests. */
  readonly limits?: { readonly pagePositions: number; readonly changedCellsMax: number }
}

/** A part with the rows that it keeps in memory. */
type Filling = FillPart & { readonly rows: HeldRows }

/**
 * Folds the log from one position to another into the tables of one or several read models: pages are read ahead while the last one
 * is folded in memory, and what changed is written while the next ones are; all checkpoints move in the transaction of the rows.
 * Rows that events have touched lately stay in memory. Answers the position reached: short of the target when it was stopped. A fold
 * that throws fails the filling loudly. It cannot call anybody: it has nothing to call with.
 */
export const fill = async (options: FillOptions): Promise<number> => {
  const { sql, target } = options
  const cellsMax = options.limits?.changedCellsMax ?? changedCellsMax
  const empty = options.from === 0
  const fillings = options.parts.map((part): Filling => ({ ...part, rows: holdRows({ ...part, empty }) }))
  const foldPage = pageFolder(options, fillings)
  const writer = rowsWriter(sql, { fillings, from: options.from })
  let position = options.from
  const readNext = pageReader(options)
  let next = readNext()
  try {
    while (position < target && !options.stopped()) {
      const page = await next
      if (page.to < target) next = readNext()
      await foldPage(page.events)
      position = page.to
      const cells = fillings.reduce((sum, { rows }) => sum + rows.changedCells(), 0)
      if (!(await writer.turn({ position, due: cells >= cellsMax }))) return writer.writtenTo()
      options.onProgress?.({ position, target })
    }
    if (await writer.turn({ position, due: true })) await writer.finish()
  } finally {
    await writer.finish().catch(() => {})
  }
  return writer.writtenTo()
}

/** Reads the pages of a filling in order. */
const pageReader = ({ sql, parts, from, target, limits }: FillOptions) => {
  const types = [...new Set(parts.flatMap(({ model }) => model.types))]
  const length = limits?.pagePositions ?? pagePositions
  let reached = from
  const read = async (to: number): Promise<LogPage> => {
    const page = await readPage(sql, { from: reached, to, types })
    if (page.to !== to)
      throw new Error(`The log is corrupt: after position ${page.to} comes nothing, but it is at ${to}`)
    return page
  }
  return (): Promise<LogPage> => {
    const to = Math.min(reached + length, target)
    const page = read(to)
    reached = to
    page.catch(() => {})
    return page
  }
}

/** Folds pages of events over the rows of all read models; an event that several want is opened once. */
const pageFolder = ({ codec, sql }: FillOptions, fillings: readonly Filling[]) => {
  const types = new Set(fillings.flatMap(({ model }) => model.types))
  const wanting = new Map([...types].map((type) => [type, fillings.filter(({ model }) => model.types.includes(type))]))
  const personal = new Set(fillings.filter(({ model }) => model.personal).flatMap(({ model }) => model.types))

  return async (events: readonly PageEvent[]): Promise<void> => {
    await codec.prefetch(events.filter((event) => personal.has(event.type)))
    const folds: { readonly rows: HeldRows; readonly key: string; readonly event: FoldEvent }[] = []
    for (const sealed of events) {
      const opened = personal.has(sealed.type) ? { ...sealed, data: codec.open(sealed) } : sealed
      for (const { model, rows } of wanting.get(sealed.type) ?? []) {
        const event = model.personal ? opened : sealed
        const key = model.keyOf(event)
        if (key === null) continue
        rows.want(key)
        folds.push({ rows, key, event })
      }
    }
    await Promise.all(fillings.map(({ rows }) => rows.load(sql)))
    for (const { rows, key, event } of folds) rows.fold(key, event)
  }
}

/** Thrown inside a transaction to undo it, when somebody else moved one of the checkpoints. */
const superseded = new Error('Another process moved the checkpoint of a read model that is being filled')

/** Writes what changed and moves every checkpoint, or does neither. */
const writeAll = async (
  sql: Sql,
  { taken, move }: { readonly taken: readonly (FillPart & { readonly taken: TakenRows })[]; readonly move: Move },
): Promise<boolean> => {
  try {
    await sql.begin(async (begun) => {
      const transaction = begun as unknown as Sql
      for (const { checkpoint } of taken) if (!(await checkpoint(transaction, move))) throw superseded
      for (const part of taken) await writeRows(transaction, part)
    })
    return true
  } catch (error) {
    if (error === superseded) return false
    throw error
  }
}

type Underway = { readonly to: number; readonly written: Promise<boolean>; ended: boolean }

/** Writes changed rows beside the folding, one flush at a time. */
const rowsWriter = (sql: Sql, { fillings, from }: { readonly fillings: readonly Filling[]; readonly from: number }) => {
  let writtenTo = from
  let underway: Underway | null = null

  /** Waits for the flush that is under way; false when somebody else took over. */
  const finish = async (): Promise<boolean> => {
    if (underway === null) return true
    const { to, written } = underway
    if (!(await written)) return false
    // Whoever has had no event in the newer half of what was written is probably not needed again soon.
    for (const { rows } of fillings) rows.forget((writtenTo + to) / 2)
    writtenTo = to
    underway = null
    return true
  }

  const start = (to: number): void => {
    const taken = fillings.map((filling) => ({ ...filling, taken: filling.rows.take() }))
    const flush: Underway = { to, written: writeAll(sql, { taken, move: { from: writtenTo, to } }), ended: false }
    const end = (): void => {
      flush.ended = true
    }
    flush.written.then(end, end)
    underway = flush
  }

  /** Called between pages: clears up after a flush that has ended, and starts one when it is due. False when somebody else took over. */
  const turn = async ({ position, due }: { readonly position: number; readonly due: boolean }): Promise<boolean> => {
    if ((due || underway?.ended === true) && !(await finish())) return false
    if (due && position > writtenTo) start(position)
    return true
  }

  return { turn, finish, writtenTo: () => writtenTo }
}
