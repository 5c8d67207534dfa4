import type { ReadModel } from '../../projections/projection.ts'
import type { Sql } from '../db/connect.ts'
import { readModelSql } from './readModelTable.ts'

/** Tables that get their indexes at once: each takes a core of the server and its maintenance_work_mem. */
const tablesAtOnce = 2

type Filled = { readonly model: ReadModel; readonly table: string }

/** Makes the indexes of tables that were filled, and the planner's statistics. Those that are there already stay. */
export const createIndexes = async (sql: Sql, tables: readonly Filled[]): Promise<void> => {
  const waiting = tables.values()
  const lane = async (): Promise<void> => {
    for (const filled of waiting) await indexTable(sql, filled)
  }
  // Nothing is under way any more when one that failed is told.
  const ended = await Promise.allSettled(Array.from({ length: tablesAtOnce }, lane))
  for (const result of ended) if (result.status === 'rejected') throw result.reason
}

/** One transaction for all indexes of a table, so that an interrupted one makes all of them again. */
const indexTable = async (sql: Sql, { model, table }: Filled): Promise<void> => {
  await sql.begin(async (transaction) => {
    const [row] = await transaction.unsafe<{ count: number }[]>(
      'select count(*)::int as count from pg_index where indrelid = $1::regclass',
      [table],
    )
    // The primary key is there from the start.
    if ((row?.count ?? 0) <= 1) await transaction.unsafe(readModelSql(model.name, 'indexes', table))
  })
  await sql.unsafe(`analyze ${table}`)
}
