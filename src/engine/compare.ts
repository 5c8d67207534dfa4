import { setTimeout as wait } from 'node:timers/promises'
import type { ReadModel } from '../../projections/projection.ts'
import type { Sql } from '../db/connect.ts'
import { headPosition } from '../log/log.ts'
import type { Codec } from './codec.ts'
import { fill } from './fill.ts'
import { columnOf, readModelSql, tableOf, versionsOf } from './readModelTable.ts'

/** Rows shown of a difference: enough to recognise a cause, few enough to read. */
const samplesMax = 20
/** Tries to catch two versions at one position before comparing them as they are. */
const alignTries = 50

/** What differs between two versions, as counts, with samples. */
export type Difference = {
  readonly added: number
  readonly removed: number
  readonly changed: number
  readonly samples: readonly { readonly key: string; readonly before: unknown; readonly after: unknown }[]
}

const compareTables = async (
  sql: Sql,
  model: ReadModel,
  tables: { readonly before: string; readonly after: string },
): Promise<Difference> => {
  const key = columnOf(model.key)
  const joined = `from ${tables.before} b full join ${tables.after} a on a.${key} = b.${key} where to_jsonb(b) is distinct from to_jsonb(a)`
  const [counts] = await sql.unsafe<{ added: number; removed: number; changed: number }[]>(
    `select count(*) filter (where b.${key} is null)::int as added, count(*) filter (where a.${key} is null)::int as removed,
            count(*) filter (where a.${key} is not null and b.${key} is not null)::int as changed ${joined}`,
  )
  const samples = await sql.unsafe<{ key: string; before: unknown; after: unknown }[]>(
    `select coalesce(a.${key}, b.${key}) as key, to_jsonb(b) as before, to_jsonb(a) as after ${joined} order by 1 limit ${samplesMax}`,
  )
  return {
    added: counts?.added ?? 0,
    removed: counts?.removed ?? 0,
    changed: counts?.changed ?? 0,
    samples: [...samples],
  }
}

/** Compares the candidate of a read model with its live rows, at one position of the log; null when there is no candidate. */
export const diffCandidate = async (sql: Sql, model: ReadModel): Promise<Difference | null> => {
  for (let attempt = 0; ; attempt++) {
    const found = await sql.begin('isolation level repeatable read read only', async (begun) => {
      const transaction = begun as unknown as Sql
      const versions = (await versionsOf(transaction)).filter((version) => version.name === model.name)
      const live = versions.find((version) => version.role === 'live')
      const candidate = versions.find((version) => version.role === 'candidate')
      if (!live || !candidate) return null
      if (live.position !== candidate.position && candidate.ready && attempt < alignTries) return 'apart' as const
      return compareTables(transaction, model, {
        before: tableOf(model.name, live.version),
        after: tableOf(model.name, candidate.version),
      })
    })
    if (found !== 'apart') return found as Difference | null
    await wait(50)
  }
}

/** What checking one read model came to. */
export type Verified = {
  readonly name: string
  readonly rows: number
  readonly differences: number
  readonly position: number
}

/** Folds the log afresh into a scratch table and compares it with the live rows at the same position. */
export const verifyModel = async (
  deps: { readonly sql: Sql; readonly codec: Codec },
  model: ReadModel,
): Promise<Verified> => {
  const { sql, codec } = deps
  const scratch = tableOf(model.name, 'verify')
  await sql.unsafe(`drop table if exists ${scratch}`)
  await sql.unsafe(readModelSql(model.name, 'table', scratch).replace(/^create table/, 'create unlogged table'))
  try {
    let from = 0
    for (let attempt = 0; ; attempt++) {
      const target = await livePosition(sql, model.name)
      if (target > from)
        from = await fill({
          sql,
          codec,
          parts: [{ model, table: scratch, checkpoint: async () => true }],
          from,
          target,
          stopped: () => false,
        })
      await sql.unsafe(`analyze ${scratch}`)
      const result = await sql.begin('isolation level repeatable read read only', async (begun) => {
        const transaction = begun as unknown as Sql
        const versions = await versionsOf(transaction)
        const live = versions.find((version) => version.name === model.name && version.role === 'live')
        if (!live) throw new Error(`Cannot verify "${model.name}": it has no live version`)
        if (live.position !== from && attempt < alignTries) return null
        const table = tableOf(model.name, live.version)
        const difference = await compareTables(transaction, model, { before: table, after: scratch })
        const [counted] = await transaction.unsafe<{ rows: number }[]>(`select count(*)::int as rows from ${table}`)
        return {
          name: model.name,
          rows: counted?.rows ?? 0,
          differences: difference.added + difference.removed + difference.changed + live.parked,
          position: live.position,
        }
      })
      if (result) return result as Verified
    }
  } finally {
    await sql.unsafe(`drop table if exists ${scratch}`)
  }
}

const livePosition = async (sql: Sql, name: string): Promise<number> => {
  const live = (await versionsOf(sql)).find((version) => version.name === name && version.role === 'live')
  return live?.position ?? headPosition(sql)
}
