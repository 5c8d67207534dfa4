import type { ColumnType, ReadModel, Row } from '../../projections/projection.ts'
import type { Sql } from '../db/connect.ts'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'

/** One version of a read model as the database knows it. */
export type Version = {
  readonly name: string
  readonly version: number
  readonly role: 'live' | 'candidate' | 'previous' | 'failed'
  readonly ready: boolean
  readonly position: number
  readonly target: number | null
  readonly parked: number
  readonly runningSeconds: number
  readonly error: string | null
}

export const readModelStatements = statements(sqlText('readModels.sql'))
const prepared = { prepare: true } as const

/** The table of one version of a read model. */
export const tableOf = (name: string, version: number | 'verify'): string => `hub_read.${name}_${version}`

/**
 * The column of a field.
 * @example columnOf('paidThrough') // 'paid_through'
 */
export const columnOf = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** A named block of `sql/read/<name>.sql` for one table. */
export const readModelSql = (name: string, block: 'table' | 'indexes' | 'view', table: string): string =>
  statement(statements(sqlText(`read/${name}.sql`)), block).replaceAll('{table}', table)

/** All versions of all read models. */
export const versionsOf = async (sql: Sql): Promise<Version[]> => [
  ...(await sql.unsafe<Version[]>(statement(readModelStatements, 'versions'), [], prepared)),
]

/** Loads the rows of these keys. */
export const loadRows = async (
  sql: Sql,
  model: ReadModel,
  at: { table: string; keys: readonly string[] },
): Promise<Map<string, Row>> => {
  if (at.keys.length === 0) return new Map()
  const rows = await sql.unsafe<Record<string, unknown>[]>(
    `select ${fieldsOf(model).map(columnOf).join(', ')} from ${at.table} where ${columnOf(model.key)} = any ($1::text[])`,
    [[...at.keys]],
    prepared,
  )
  return new Map(rows.map((row) => [String(row[model.key]), row]))
}

const fieldsOf = (model: ReadModel): string[] => Object.keys(model.columns)

/** Rows as one JSON text with the names of the columns, for a set-based write. */
export const rowsJson = (model: ReadModel, rows: Iterable<Row>): string => {
  const names = fieldsOf(model).map((field) => [field, columnOf(field)] as const)
  return JSON.stringify(
    [...rows].map((row) => Object.fromEntries(names.map(([field, column]) => [column, row[field] ?? null]))),
  )
}

/**
 * The statement that writes changed rows and moves the checkpoint together, or does neither: the checkpoint moves only from where
 * this reader began. Parameters: name, version, new position, events seen, old position, rows as JSON. Answers `moved`.
 */
export const writeStatement = (model: ReadModel, table: string): string => {
  const columns = fieldsOf(model).map(columnOf)
  const key = columnOf(model.key)
  const updates = columns.filter((column) => column !== key).map((column) => `${column} = excluded.${column}`)
  return `with moved as (${statement(readModelStatements, 'move_checkpoint')}), written as (
    insert into ${table} (${columns.join(', ')})
    select ${columns.map((column) => `r.${column}`).join(', ')} from json_populate_recordset(null::${table}, $6::text::json) r
     where exists (select from moved)
    on conflict (${key}) do update set ${updates.join(', ')} returning 1)
  select (select count(*) from moved)::int as moved, (select count(*) from written)::int as written`
}

const copySpecial = /[\\\t\n\r]/
const copyEscapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
const copyText = (text: string): string =>
  copySpecial.test(text) ? text.replace(/[\\\t\n\r]/g, (character) => copyEscapes[character] ?? character) : text
const arrayText = (items: readonly unknown[]): string =>
  `{${items.map((item) => `"${String(item).replace(/["\\]/g, '\\$&')}"`).join(',')}}`

const copyCell = (type: ColumnType, value: unknown): string => {
  if (value === null || value === undefined) return '\\N'
  if (type === 'jsonb') return copyText(JSON.stringify(value))
  if (typeof value === 'string') return copyText(value)
  return copyText(Array.isArray(value) ? arrayText(value) : String(value))
}

/** Rows in COPY's text format, each with its line end. */
export const copyLines = (model: ReadModel, rows: readonly Row[]): string => {
  const columns = Object.entries(model.columns)
  let lines = ''
  for (const row of rows) {
    let separator = ''
    for (const [field, type] of columns) {
      lines += separator + copyCell(type, row[field])
      separator = '\t'
    }
    lines += '\n'
  }
  return lines
}

/** Creates the table and the view of each read model that has none yet, at position 0; several processes may do it at once. */
export const ensureReadModels = async (sql: Sql, models: readonly ReadModel[]): Promise<void> => {
  await sql.begin(async (transaction) => {
    await transaction`select pg_advisory_xact_lock(726551002)`
    const known = new Set(
      (await transaction<{ name: string }[]>`select name from hub.read_models where role = 'live'`).map(
        (row) => row.name,
      ),
    )
    for (const model of models) {
      if (known.has(model.name)) continue
      const table = tableOf(model.name, 1)
      await transaction.unsafe(readModelSql(model.name, 'table', table))
      await transaction.unsafe(readModelSql(model.name, 'indexes', table))
      await transaction.unsafe(readModelSql(model.name, 'view', table))
      await transaction.unsafe(statement(readModelStatements, 'add_version'), [model.name, 1, 'live', true])
    }
  })
}
