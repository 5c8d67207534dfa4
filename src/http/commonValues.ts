import { LRUCache } from 'lru-cache'
import type { Sql } from '../db/connect.ts'
import type { ListQuery } from './listQuery.ts'
import { lowered, loweredColumn } from './listSql.ts'

/** Statistics change when PostgreSQL looks at a table again, which is seldom; to ask for them costs as much as a page. */
const rememberedMs = 60_000
const columnsMax = 50

type Values = Promise<ReadonlySet<string>>

const remembered = new WeakMap<Sql, LRUCache<string, Values>>()

/**
 * Whether a page is asked for by values of a list none of which is common, as far as the statistics of PostgreSQL know. The planner takes
 * every such value to be half as common as the last one it knows, and would walk through the whole table for one that nobody has.
 */
export const seeksRare = async (sql: Sql, { filters }: ListQuery, table: string): Promise<boolean> => {
  for (const { field, values } of filters) {
    if (field.type !== 'texts') continue
    const common = await commonValues(sql, table, loweredColumn(field))
    if (!values.some((value) => common.has(lowered(value)))) return true
  }
  return false
}

/** The common values of the lists in a column of a read model's table; none before PostgreSQL has looked at it. */
const commonValues = (sql: Sql, table: string, column: string): Values => {
  const known = remembered.get(sql) ?? new LRUCache<string, Values>({ max: columnsMax, ttl: rememberedMs })
  remembered.set(sql, known)
  const name = `${table}.${column}`
  const found = known.get(name)
  if (found) return found
  const asked = askCommonValues(sql, table, column)
  known.set(name, asked)
  asked.catch(() => known.delete(name))
  return asked
}

const askCommonValues = async (sql: Sql, table: string, column: string): Values => {
  const rows = await sql<{ value: string }[]>`
    select unnest(most_common_elems::text::text[]) as value from pg_stats
     where schemaname = 'hub_read' and tablename = ${table} and attname = ${column}`
  return new Set(rows.map(({ value }) => value))
}
