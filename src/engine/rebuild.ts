import { setTimeout as wait } from 'node:timers/promises'
import type { ReadModel } from '../../projections/projection.ts'
import { databaseError, type Sql } from '../db/connect.ts'
import { statement } from '../db/query.ts'
import { headPosition } from '../log/log.ts'
import type { Codec } from './codec.ts'
import { type FillPart, fill } from './fill.ts'
import { readModelSql, readModelStatements, tableOf, type Version, versionsOf } from './readModelTable.ts'
import { createIndexes } from './tableIndexes.ts'

/** A candidate this close to the head is handed to the live loop, which closes the rest in a step or two. */
const handOverWithin = 5000
/** How long one try of a switch may wait for its locks; the tries go on for `switchTriesMs`. */
const switchLockTimeoutMs = 500
const switchTriesMs = 15_000

/** A view that was held during a switch is looked after again every so many steps, which are a second apart. */
const tidyEvery = 10

/** What rebuilding needs. */
export type RebuildDeps = {
  readonly sql: Sql
  readonly models: readonly ReadModel[]
  readonly codec: Codec
  readonly onError: (name: string, error: unknown) => void
  /** Wakes the live loop, because a candidate became its business. */
  readonly onReady: () => void
}

/** Adds a candidate version of a read model with an empty table; an existing one that is still being built is kept and watched. */
export const addCandidate = async (sql: Sql, model: ReadModel): Promise<{ version: number; joined: boolean }> =>
  sql.begin(async (begun) => {
    const transaction = begun as unknown as Sql
    await transaction`select pg_advisory_xact_lock(726551002)`
    const versions = (await versionsOf(transaction)).filter((version) => version.name === model.name)
    const candidate = versions.find((version) => version.role === 'candidate')
    if (candidate && !candidate.ready) return { version: candidate.version, joined: true }
    for (const version of versions)
      if (version === candidate || version.role === 'failed') await dropVersion(transaction, version)
    const next = Math.max(...versions.map((version) => version.version)) + 1
    await transaction.unsafe(readModelSql(model.name, 'table', tableOf(model.name, next)))
    await transaction.unsafe(statement(readModelStatements, 'add_version'), [model.name, next, 'candidate', false])
    return { version: next, joined: false }
  }) as Promise<{ version: number; joined: boolean }>

const dropVersion = async (transaction: Sql, version: Version): Promise<void> => {
  await transaction.unsafe(`drop table if exists ${tableOf(version.name, version.version)}`)
  await transaction.unsafe(statement(readModelStatements, 'drop_version'), [version.name, version.version])
  await transaction`delete from hub.parked_events where read_model = ${version.name} and version = ${version.version}`
}

/** Builds whatever candidates are not ready yet, those at the same position in one pass; resumes where an earlier process stopped. */
export const makeRebuilder = (deps: RebuildDeps) => {
  const byName = new Map(deps.models.map((model) => [model.name, model]))
  let stopped = false
  let steps = 0
  /** After a failure candidates are built one at a time, until the one that fails is known. */
  let together = true

  const step = async (): Promise<boolean> => {
    const versions = await versionsOf(deps.sql)
    if (steps % tidyEvery === 0) for (const model of deps.models) await tidyReadModel(deps.sql, model)
    steps += 1
    const waiting = versions.flatMap((version): Candidate[] => {
      const model = byName.get(version.name)
      return version.role === 'candidate' && !version.ready && model ? [{ ...version, model }] : []
    })
    const [first] = waiting
    if (!first || stopped) {
      together = true
      return false
    }
    const group = together ? waiting.filter((candidate) => candidate.position === first.position) : [first]
    try {
      await build(group, first.position)
    } catch (error) {
      // A lost database is no fault of a candidate; anything else would fail again in the same place.
      if (databaseError(error) !== null && !/^(22|23|42)/.test(databaseError(error)?.code ?? '')) throw error
      together = group.length === 1
      if (together) await fail(first, error)
    }
    return true
  }

  const fail = async ({ name, version }: Candidate, error: unknown): Promise<void> => {
    deps.onError(name, error)
    const text = error instanceof Error ? error.message : String(error)
    await deps.sql.unsafe(statement(readModelStatements, 'mark_failed'), [name, version, text])
  }

  const build = async (group: readonly Candidate[], from: number): Promise<void> => {
    let position = from
    for (;;) {
      const target = await headPosition(deps.sql)
      for (const { name, version } of group)
        await deps.sql.unsafe(statement(readModelStatements, 'set_target'), [name, version, target])
      if (target - position <= handOverWithin && position > 0) break
      if (target === 0) break
      const reached = await fill({
        sql: deps.sql,
        codec: deps.codec,
        parts: group.map(partOf),
        from: position,
        target,
        stopped: () => stopped,
      })
      if (stopped || reached < target) return
      position = reached
    }
    const tables = group.map(({ model, name, version }) => ({ model, table: tableOf(name, version) }))
    await createIndexes(deps.sql, tables)
    for (const { name, version } of group)
      await deps.sql.unsafe(statement(readModelStatements, 'mark_ready'), [name, version])
    deps.onReady()
  }

  return {
    step,
    stop: () => {
      stopped = true
    },
  }
}

/** A version that is being built, with its fold. */
type Candidate = Version & { readonly model: ReadModel }

/** How a candidate is filled: its checkpoint moves with its rows, and only from where this process left it. */
const partOf = ({ model, name, version }: Candidate): FillPart => ({
  model,
  table: tableOf(name, version),
  checkpoint: async (transaction, { from, to }) => {
    const moved = await transaction.unsafe(statement(readModelStatements, 'move_checkpoint'), [
      name,
      version,
      to,
      to - from,
      from,
    ])
    return moved.length === 1
  },
})

/** What a change of the live version came to. */
export type Switched =
  | { readonly tag: 'switched'; readonly version: number }
  | { readonly tag: 'refused'; readonly code: string; readonly detail: string }

/**
 * Makes another version live: locks both checkpoint rows and requires the new one to be at or past the old one. The view follows at once,
 * or, while an analyst's long query holds it, as soon as that ends: until then it shows the previous version, which goes on being fed.
 * Neither ingest nor a query ever waits for a switch.
 */
export const changeLive = async (sql: Sql, model: ReadModel, to: 'candidate' | 'previous'): Promise<Switched> => {
  const deadline = performance.now() + switchTriesMs
  for (;;) {
    try {
      const result = (await sql.begin((begun) => tryChange(begun as unknown as Sql, model, to))) as Switched | 'behind'
      if (result !== 'behind') {
        if (result.tag === 'switched') await tidyReadModel(sql, model)
        return result
      }
    } catch (error) {
      if (!lostToLock(error)) throw error
    }
    if (performance.now() > deadline) {
      return {
        tag: 'refused',
        code: 'switch-timeout',
        detail: `Cannot switch "${model.name}": the ${to} version did not catch up within ${switchTriesMs} ms`,
      }
    }
    await wait(100)
  }
}

/** A lock that was not to be had in time, or a circle of locks: the same may succeed later. */
const lostToLock = (error: unknown): boolean => ['55P03', '40P01'].includes(databaseError(error)?.code ?? '')

/**
 * Points the view at the live version and drops tables that no version has any more; what is locked is left for the next time. True
 * when nothing is left to do.
 */
export const tidyReadModel = async (sql: Sql, model: ReadModel): Promise<boolean> => {
  const [live] = (await versionsOf(sql)).filter((version) => version.name === model.name && version.role === 'live')
  if (!live) return true
  const table = tableOf(model.name, live.version)
  try {
    await sql.begin(async (transaction) => {
      await transaction.unsafe(`set local lock_timeout = ${switchLockTimeoutMs}`)
      const [seen] = await transaction.unsafe<{ points: boolean }[]>(
        `select exists (select from pg_depend d join pg_rewrite r on r.oid = d.objid
                         where r.ev_class = to_regclass($1) and d.refobjid = to_regclass($2)) as points`,
        [`read.${model.name}`, table],
      )
      if (!seen?.points) await transaction.unsafe(readModelSql(model.name, 'view', table))
      const left = await transaction.unsafe<{ name: string }[]>(
        `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = 'hub_read' and c.relkind = 'r' and c.relname ~ ('^' || $1 || '_[0-9]+$')
            and not exists (select from hub.read_models m where m.name = $1 and c.relname = m.name || '_' || m.version)`,
        [model.name],
      )
      for (const { name } of left) await transaction.unsafe(`drop table hub_read.${name}`)
    })
    return true
  } catch (error) {
    if (lostToLock(error)) return false
    throw error
  }
}

const tryChange = async (
  transaction: Sql,
  model: ReadModel,
  to: 'candidate' | 'previous',
): Promise<Switched | 'behind'> => {
  await transaction.unsafe(`set local lock_timeout = ${switchLockTimeoutMs}`)
  const rows = await transaction<{ version: number; role: string; ready: boolean; position: number }[]>`
    select version, role, ready, position from hub.read_models where name = ${model.name} order by version for update`
  const live = rows.find((row) => row.role === 'live')
  const next = rows.find((row) => row.role === to)
  if (!live || !next)
    return {
      tag: 'refused',
      code: `no-${to}-version`,
      detail: `Cannot switch "${model.name}": there is no ${to} version`,
    }
  if (!next.ready)
    return {
      tag: 'refused',
      code: 'candidate-not-ready',
      detail: `Cannot switch "${model.name}": version ${next.version} is still being built`,
    }
  if (next.position < live.position) return 'behind'
  const oldPrevious = rows.find((row) => row.role === 'previous' && row !== next)
  // Its table is dropped afterwards, when nobody reads it any more.
  if (oldPrevious)
    await transaction.unsafe(statement(readModelStatements, 'drop_version'), [model.name, oldPrevious.version])
  // Roles are unique, so the one that leaves a role goes first.
  await transaction`update hub.read_models set role = 'failed' where name = ${model.name} and version = ${next.version}`
  await transaction`update hub.read_models set role = 'previous' where name = ${model.name} and version = ${live.version}`
  await transaction`update hub.read_models set role = 'live' where name = ${model.name} and version = ${next.version}`
  return { tag: 'switched', version: next.version }
}
