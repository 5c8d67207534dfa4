import type { FoldEvent, ReadModel, Row } from '../../projections/projection.ts'
import type { Sql } from '../db/connect.ts'
import { statement } from '../db/query.ts'
import type { Codec } from './codec.ts'
import { type PageEvent, readPage } from './logPage.ts'
import {
  loadRows,
  readModelStatements,
  rowsJson,
  tableOf,
  type Version,
  versionsOf,
  writeStatement,
} from './readModelTable.ts'

/**
 * Events of one step. Whoever is behind writes a row once a step, however many of its events are in it; a step is folded without a
 * pause, in some ten milliseconds.
 */
const stepEventsMax = 5000
const prepared = { prepare: true } as const

/** An event whose fold threw, or that waits behind one of the same key. */
type Parked = { readonly key: string; readonly position: number; readonly error: string | null }

/** What a projector needs. */
export type ProjectorDeps = {
  readonly sql: Sql
  readonly models: readonly ReadModel[]
  readonly codec: Codec
  /** Told after every commit. */
  readonly onMoved?: (name: string, version: number, position: number) => void
  readonly boundary?: (name: string) => void
  /** Told when a fold threw. */
  readonly onParked?: (name: string, parked: Parked) => void
}

/** One step of all read models that are fed live. True when at least one has more to read. */
export const makeProjector = (deps: ProjectorDeps) => {
  const byName = new Map(deps.models.map((model) => [model.name, model]))

  const step = async (): Promise<boolean> => {
    const versions = (await versionsOf(deps.sql)).filter(
      (version) => version.role !== 'failed' && version.ready && byName.has(version.name),
    )
    // Versions that stand at the same position share one read of the log.
    const groups = Map.groupBy(versions, (version) => version.position)
    let more = false
    for (const [position, group] of groups) if (await stepGroup(position, group)) more = true
    return more
  }

  const stepGroup = async (position: number, group: readonly Version[]): Promise<boolean> => {
    const models = group.flatMap((version) => byName.get(version.name) ?? [])
    const types = [...new Set(models.flatMap((model) => model.types))]
    const page = await readPage(deps.sql, { from: position, to: position + stepEventsMax, types })
    if (page.to === position) return false
    const personal = new Set(models.filter((model) => model.personal).flatMap((model) => model.types))
    await deps.codec.prefetch(page.events.filter((event) => personal.has(event.type)))
    const untouched: Version[] = []
    const advancing: Promise<void>[] = []
    for (const version of group) {
      const model = byName.get(version.name)
      const wanted = model ? wantedEvents(model, deps.codec, page.events) : []
      if (model && wanted.length > 0) advancing.push(advance(version, { model, wanted, to: page.to }))
      else untouched.push(version)
    }
    await Promise.all([...advancing, pass(untouched, { from: position, to: page.to })])
    return page.to - position === stepEventsMax
  }

  /** Moves the checkpoints of read models that want nothing of a page. */
  const pass = async (versions: readonly Version[], { from, to }: { from: number; to: number }): Promise<void> => {
    if (versions.length === 0) return
    const names = versions.map(({ name }) => name)
    const moved = await deps.sql.unsafe<{ name: string; version: number }[]>(
      statement(readModelStatements, 'move_checkpoints'),
      [from, to, names, versions.map(({ version }) => version)],
      prepared,
    )
    for (const { name, version } of moved) deps.onMoved?.(name, version, to)
  }

  const advance = async (version: Version, { model, wanted, to }: Advance): Promise<void> => {
    const table = tableOf(version.name, version.version)
    const keys = [...new Set(wanted.map((entry) => entry.key))]
    const held = version.parked > 0 ? await parkedKeys(deps.sql, version) : new Set<string>()
    const { changed, parked } = foldAll(model, { wanted, rows: await loadRows(deps.sql, model, { table, keys }), held })
    // Parking before the checkpoint moves is safe to repeat: a parked position is kept once.
    if (parked.length > 0) {
      await deps.sql.unsafe(statement(readModelStatements, 'park'), [
        model.name,
        version.version,
        JSON.stringify(parked),
      ])
      for (const entry of parked) if (entry.error !== null) deps.onParked?.(model.name, entry)
    }
    deps.boundary?.('project:before-commit')
    const [result] = await deps.sql.unsafe<{ moved: number }[]>(
      writeStatement(model, table),
      [model.name, version.version, to, to - version.position, version.position, rowsJson(model, changed)],
      prepared,
    )
    deps.boundary?.('project:after-commit')
    // Not moved: another process was faster, and its rows are the truth.
    if (result?.moved === 1) deps.onMoved?.(model.name, version.version, to)
  }

  return { step }
}

const parkedKeys = async (sql: Sql, version: Version): Promise<Set<string>> => {
  const rows = await sql.unsafe<{ key: string }[]>(statement(readModelStatements, 'parked_keys'), [
    version.name,
    version.version,
  ])
  return new Set(rows.map((row) => row.key))
}

/** An event with the key of the row that it changes. */
type Keyed = { readonly key: string; readonly event: FoldEvent }

/** What a page brings to a read model, and the position of its end. */
type Advance = { readonly model: ReadModel; readonly wanted: readonly Keyed[]; readonly to: number }

/** The events that a read model wants, opened, with their keys. */
const wantedEvents = (model: ReadModel, codec: Codec, events: readonly PageEvent[]): Keyed[] => {
  const types = new Set(model.types)
  const wanted: Keyed[] = []
  for (const event of events) {
    if (!types.has(event.type)) continue
    const opened = model.personal ? { ...event, data: codec.open(event) } : event
    const key = model.keyOf(opened)
    if (key !== null) wanted.push({ key, event: opened })
  }
  return wanted
}

/** Folds events over the rows that they touch. A fold that throws parks its event, and later events of the key behind it. */
const foldAll = (
  model: ReadModel,
  at: { wanted: readonly Keyed[]; rows: Map<string, Row>; held: Set<string> },
): { changed: Row[]; parked: Parked[] } => {
  const parked: Parked[] = []
  const changed = new Map<string, Row>()
  for (const { key, event } of at.wanted) {
    if (at.held.has(key)) {
      parked.push({ key, position: event.position, error: null })
      continue
    }
    const before = changed.get(key) ?? at.rows.get(key) ?? null
    try {
      const after = model.fold(before, event)
      if (after !== null && after !== before) changed.set(key, after)
    } catch (error) {
      at.held.add(key)
      parked.push({ key, position: event.position, error: error instanceof Error ? error.message : String(error) })
    }
  }
  return { changed: [...changed.values()], parked }
}
