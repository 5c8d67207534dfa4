import { stringify } from 'csv-stringify/sync'
import { ByteWriter, parquetWriteRows } from 'hyparquet-writer'
import type { Row } from '../../projections/projection.ts'
import { readListQuery } from './listQuery.ts'
import { listStatement } from './listSql.ts'
import { chosen, fromLiveTable, type ListDeps, presentAll, smallItems, sourceOf, waitForPosition } from './lists.ts'
import type { Actor } from './ports.ts'
import { exportColumns, valueAt } from './present.ts'
import { apiHeaders, problem } from './problem.ts'
import type { Field, Resource, SmallResource } from './resources.ts'

/** Rows taken from the server at a time; an export of any size needs no more memory than these. */
const chunkRows = 1000
/** Rows of a group in a Parquet file, which holds one group in memory at a time. */
const rowGroupRows = 10_000
/** The first rows of a large sorted selection come late; later ones do not. */
const firstRowsWithinMs = 300_000

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

/** The whole selection of a list, streamed. Its first rows are read before the answer begins, so that a failure is still a problem. */
export const exportList = async (
  deps: ListDeps,
  resource: Resource | SmallResource,
  at: {
    readonly params: URLSearchParams
    readonly actor: Actor
    readonly format: ExportFormat
    readonly bodyless: boolean
  },
): Promise<Response> => {
  const query = readListQuery(resource, at.params, { actor: at.actor, readCursor: deps.cursors.read })
  const type = at.format === 'parquet' ? types.parquet : `${types[at.format]}; charset=utf-8`
  const headers = {
    ...apiHeaders,
    'Content-Type': type,
    'Content-Disposition': `attachment; filename="${resource.name}.${at.format}"`,
  }
  if (at.bodyless) return new Response(null, { headers })
  if ('source' in resource && query.minPosition !== null) await waitForPosition(deps.ports, resource, query.minPosition)
  const chunks = await begun(
    'source' in resource
      ? databaseChunks(deps, resource, { query, actor: at.actor })
      : memoryChunks(deps, resource, query),
  )
  if (at.format === 'parquet') return new Response(parquet(resource, chunks), { headers })
  return new Response(streamOf(at.format === 'csv' ? csv(resource, chunks) : ndjson(chunks)), { headers })
}

type Query = ReturnType<typeof readListQuery>
type Chunks = AsyncGenerator<readonly Item[]>

/** The same chunks, the first of which is there already. */
const begun = async (chunks: Chunks): Promise<Chunks> => {
  const first = await chunks.next()
  return (async function* () {
    try {
      if (!first.done) yield first.value
      yield* chunks
    } finally {
      await chunks.return(undefined)
    }
  })()
}

/**
 * A cursor of the server over one snapshot. Each step is a statement of its own, so a reader that stalls for long is cut off by
 * `idle_in_transaction_session_timeout`, and none holds a connection for ever.
 */
async function* databaseChunks(
  { ports, exportSlots }: ListDeps,
  resource: Resource,
  { query, actor }: { query: Query; actor: Actor },
): Chunks {
  const leave = exportSlots.take()
  if (leave === null) throw problem(503, 'exports-busy', 'Too many exports run at this moment; try again soon')
  try {
    const connection = await ports.sql.reserve()
    try {
      await fromLiveTable(async () => {
        const statement = listStatement(resource, query, {
          source: await sourceOf(ports, resource, actor),
          analyst: actor.role === 'analyst',
          whole: true,
        })
        await connection.unsafe('rollback; begin isolation level repeatable read read only')
        await connection.unsafe(`set local statement_timeout = ${firstRowsWithinMs}`)
        await connection.unsafe(`declare export no scroll cursor for ${statement.text}`, [...statement.parameters])
      })
      for (;;) {
        const rows = await connection.unsafe<Row[]>(`fetch ${chunkRows} from export`)
        if (rows.length === 0) return
        yield await presentAll(ports, resource, { rows, actor })
      }
    } finally {
      // A connection that the server cut off has nothing to roll back.
      await connection.unsafe('rollback').catch(() => {})
      connection.release()
    }
  } finally {
    leave()
  }
}

async function* memoryChunks({ ports }: ListDeps, resource: SmallResource, query: Query): Chunks {
  yield chosen(resource, await smallItems(ports, resource.name), query)
}

/** Places for what may only run so many times at once. */
export const slots = (max: number) => {
  let taken = 0
  return {
    /** Takes a place; null when all are taken. What it answers gives the place back. */
    take: (): (() => void) | null => {
      if (taken >= max) return null
      taken += 1
      return () => {
        taken -= 1
      }
    },
  }
}

const streamOf = (body: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> =>
  new ReadableStream(
    {
      pull: async (controller) => {
        const next = await body.next()
        if (next.done) controller.close()
        else controller.enqueue(next.value)
      },
      cancel: async () => {
        await body.return(undefined)
      },
    },
    { highWaterMark: 1 },
  )

const encoder = new TextEncoder()

async function* ndjson(chunks: Chunks): AsyncGenerator<Uint8Array> {
  for await (const items of chunks)
    if (items.length > 0) yield encoder.encode(`${items.map((item) => JSON.stringify(item)).join('\n')}\n`)
}

/** What a spreadsheet would read as a formula; a lone number, such as a phone with its plus, is none. */
const formula = /^[\s\u00a0]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/
const loneNumber = /^[+-]?\d+(?:[.,]\d+)?$/

/** A cell that a spreadsheet would take for a formula begins with an apostrophe instead; numbers stay digits. */
const cell = (value: unknown): string => {
  if (value === null || value === undefined) return ''
  const text =
    typeof value === 'object'
      ? Array.isArray(value) && value.every((item) => typeof item !== 'object')
        ? value.join('; ')
        : JSON.stringify(value)
      : String(value)
  return defused(text)
}

/**
 * A text that a spreadsheet takes for a text.
 * @example defused('=1+1') // "'=1+1"
 */
export const defused = (text: string): string => (formula.test(text) && !loneNumber.test(text) ? `'${text}` : text)

async function* csv(resource: Resource | SmallResource, chunks: Chunks): AsyncGenerator<Uint8Array> {
  yield encoder.encode(stringify([exportColumns(resource)]))
  for await (const items of chunks) {
    const rows = items.map((item) => resource.fields.map((field) => cell(valueAt(item, field.name))))
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

/** Row groups are sent as they are made, so no more than one of them is in memory. */
const parquet = (resource: Resource | SmallResource, chunks: Chunks): ReadableStream<Uint8Array> => {
  const columns = resource.fields.map((field) => ({
    name: field.name.replaceAll('.', '_'),
    type: parquetTypes[field.type],
    nullable: true,
  }))
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const sink = writable.getWriter()
  let hasReader = true
  sink.closed.catch(() => {
    hasReader = false
  })
  async function* rows(): AsyncGenerator<Record<string, unknown>> {
    for await (const items of chunks) {
      if (!hasReader) throw new Error('Cannot go on with the file: nobody reads it')
      for (const item of items)
        yield Object.fromEntries(
          resource.fields.map((field, index) => [
            columns[index]?.name ?? field.name,
            parquetValue(field, valueAt(item, field.name)),
          ]),
        )
    }
  }
  const writer: ByteWriter & { flush?: () => Promise<void> } = new ByteWriter()
  const flush = async (): Promise<void> => {
    const bytes = writer.getBytes().slice()
    writer.index = 0
    await sink.write(bytes)
  }
  writer.flush = flush
  const write = async (): Promise<void> => {
    await parquetWriteRows({ writer, rows: rows(), columns, rowGroupSize: rowGroupRows })
    await flush()
    await sink.close()
  }
  // A reader that left ends the rows; a failure of the rows breaks the download off, so nobody takes half a file for a whole one.
  write().catch((error: unknown) => sink.abort(error).catch(() => {}))
  return readable
}
