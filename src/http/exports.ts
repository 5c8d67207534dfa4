import { stringify } from 'csv-stringify/sync'
import { ByteWriter, parquetWriteRows } from 'hyparquet-writer'
import type { Row } from '../../projections/projection.ts'
import { readListQuery } from './listQuery.ts'
import { listStatement } from './listSql.ts'
import { chosen, type ListDeps, presentAll, smallItems, sourceOf } from './lists.ts'
import type { Actor } from './ports.ts'
import { exportColumns, valueAt } from './present.ts'
import { apiHeaders } from './problem.ts'
import type { Field, Resource, SmallResource } from './resources.ts'

/** Rows taken from the server at a time; an export of any size needs no more memory than these. */
const chunkRows = 1000

/** The formats that a list streams its whole selection in. */
export type ExportFormat = 'csv' | 'ndjson' | 'parquet'

const types: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
  parquet: 'application/vnd.apache.parquet',
}

/** The export that `Accept` asks for; null for an ordinary page. */
export const exportFormat = (accept: string | null): ExportFormat | null => {
  const wanted = (accept ?? '').split(',').map((part) => part.split(';')[0]?.trim().toLowerCase())
  return (Object.keys(types) as ExportFormat[]).find((format) => wanted.includes(types[format])) ?? null
}

type Item = Readonly<Record<string, unknown>>

/** The whole selection of a list, streamed. */
export const exportList = (
  deps: ListDeps,
  resource: Resource | SmallResource,
  at: { readonly params: URLSearchParams; readonly actor: Actor; readonly format: ExportFormat },
): Response => {
  const query = readListQuery(resource, at.params, { actor: at.actor, readCursor: deps.cursors.read })
  const chunks =
    'source' in resource
      ? databaseChunks(deps, resource, { query, actor: at.actor })
      : memoryChunks(deps, resource, query)
  const body =
    at.format === 'csv' ? csv(resource, chunks) : at.format === 'ndjson' ? ndjson(chunks) : parquet(resource, chunks)
  const type = at.format === 'parquet' ? types.parquet : `${types[at.format]}; charset=utf-8`
  return new Response(streamOf(body), {
    headers: {
      ...apiHeaders,
      'Content-Type': type,
      'Content-Disposition': `attachment; filename="${resource.name}.${at.format}"`,
    },
  })
}

type Query = ReturnType<typeof readListQuery>

async function* databaseChunks(
  { ports }: ListDeps,
  resource: Resource,
  { query, actor }: { query: Query; actor: Actor },
): AsyncGenerator<readonly Item[]> {
  const statement = listStatement(resource, query, {
    source: await sourceOf(ports, resource, actor),
    analyst: actor.role === 'analyst',
    whole: true,
  })
  for await (const rows of ports.sql.unsafe<Row[]>(statement.text, [...statement.parameters]).cursor(chunkRows)) {
    yield await presentAll(ports, resource, { rows, actor })
  }
}

async function* memoryChunks(
  { ports }: ListDeps,
  resource: SmallResource,
  query: Query,
): AsyncGenerator<readonly Item[]> {
  yield chosen(resource, await smallItems(ports, resource.name), query)
}

const streamOf = (body: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> =>
  new ReadableStream({
    pull: async (controller) => {
      const next = await body.next()
      if (next.done) controller.close()
      else controller.enqueue(next.value)
    },
    cancel: async () => {
      await body.return(undefined)
    },
  })

const encoder = new TextEncoder()

async function* ndjson(chunks: AsyncGenerator<readonly Item[]>): AsyncGenerator<Uint8Array> {
  for await (const items of chunks)
    if (items.length > 0) yield encoder.encode(`${items.map((item) => JSON.stringify(item)).join('\n')}\n`)
}

/** A cell that a spreadsheet would take for a formula begins with an apostrophe instead; numbers are no formulas and stay digits. */
const cell = (field: Field, value: unknown): string => {
  if (value === null || value === undefined) return ''
  const text =
    typeof value === 'object'
      ? Array.isArray(value) && value.every((item) => typeof item !== 'object')
        ? value.join('; ')
        : JSON.stringify(value)
      : String(value)
  const isText = field.type !== 'number' && field.type !== 'boolean' && field.type !== 'time'
  return isText && /^[\s\u00a0]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text
}

async function* csv(
  resource: Resource | SmallResource,
  chunks: AsyncGenerator<readonly Item[]>,
): AsyncGenerator<Uint8Array> {
  yield encoder.encode(stringify([exportColumns(resource)]))
  for await (const items of chunks) {
    const rows = items.map((item) => resource.fields.map((field) => cell(field, valueAt(item, field.name))))
    if (rows.length > 0) yield encoder.encode(stringify(rows))
  }
}

const parquetTypes: Readonly<Record<Field['type'], 'STRING' | 'INT64' | 'BOOLEAN'>> = {
  text: 'STRING',
  uuid: 'STRING',
  time: 'STRING',
  texts: 'STRING',
  numbers: 'STRING',
  json: 'STRING',
  number: 'INT64',
  boolean: 'BOOLEAN',
}

const parquetValue = (field: Field, value: unknown): unknown => {
  if (value === null || value === undefined) return null
  if (field.type === 'number') return BigInt(Number(value))
  if (field.type === 'boolean') return value
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Parquet needs its footer last, so the compressed file is built before it is sent; rows themselves are not kept. */
async function* parquet(
  resource: Resource | SmallResource,
  chunks: AsyncGenerator<readonly Item[]>,
): AsyncGenerator<Uint8Array> {
  const columns = resource.fields.map((field) => ({
    name: field.name.replaceAll('.', '_'),
    type: parquetTypes[field.type],
  }))
  async function* rows(): AsyncGenerator<Record<string, unknown>> {
    for await (const items of chunks) {
      for (const item of items)
        yield Object.fromEntries(
          resource.fields.map((field, index) => [
            columns[index]?.name ?? field.name,
            parquetValue(field, valueAt(item, field.name)),
          ]),
        )
    }
  }
  const writer = new ByteWriter()
  await parquetWriteRows({ writer, rows: rows(), columns, rowGroupSize: 50_000 })
  yield new Uint8Array(writer.getBuffer())
}
