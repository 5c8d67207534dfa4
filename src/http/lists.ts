import { setTimeout as wait } from 'node:timers/promises'
import type { Row } from '../../projections/projection.ts'
import { databaseError } from '../db/connect.ts'
import { headPosition } from '../log/log.ts'
import { seeksRare } from './commonValues.ts'
import { type Cursor, type ListQuery, readListQuery } from './listQuery.ts'
import { listStatement } from './listSql.ts'
import type { Actor, HttpPorts } from './ports.ts'
import { presentEvents, presentRow, valueAt } from './present.ts'
import { problem } from './problem.ts'
import type { Resource, SmallResource } from './resources.ts'

/** A caller waits for a read model at most this long. */
const minPositionWithinMs = 5000
const minPositionPollMs = 15

/** What reading lists needs. */
export type ListDeps = {
  readonly ports: HttpPorts
  /** Places for exports, each of which holds a connection. */
  readonly exportSlots: { readonly take: () => (() => void) | null }
  readonly cursors: { readonly write: (cursor: Cursor) => string; readonly read: (token: string) => Cursor | null }
}

/** The live version of a read model and how far it is. */
export const liveVersion = async (ports: HttpPorts, name: string): Promise<{ version: number; position: number }> => {
  const [row] = await ports.sql<
    { version: number; position: number }[]
  >`select version, position from hub.read_models where name = ${name} and role = 'live'`
  if (!row) throw new Error(`The read model ${name} has no live version`)
  return row
}

/** Where a role reads a list from, and how far that is. */
const placeOf = async (
  ports: HttpPorts,
  resource: Resource,
  actor: Actor,
): Promise<{ source: string; table: string | null; position: number }> => {
  const source = resource.source[actor.role]
  if (resource.readModel === null) return { source, table: null, position: await headPosition(ports.sql) }
  const { version, position } = await liveVersion(ports, resource.readModel)
  const table = `${resource.readModel}_${version}`
  return { source: source.replace('{table}', `hub_read.${table}`), table, position }
}

/** Where a role reads a list from. */
export const sourceOf = async (ports: HttpPorts, resource: Resource, actor: Actor): Promise<string> =>
  (await placeOf(ports, resource, actor)).source

/** How far a list is: its read model, or the log itself. */
export const positionOf = async (ports: HttpPorts, resource: Resource): Promise<number> =>
  resource.readModel === null ? headPosition(ports.sql) : (await liveVersion(ports, resource.readModel)).position

/** Waits until a list has seen a position; 504 when that takes too long. */
export const waitForPosition = async (ports: HttpPorts, resource: Resource, position: number): Promise<void> => {
  const deadline = performance.now() + minPositionWithinMs
  while ((await positionOf(ports, resource)) < position) {
    if (performance.now() > deadline)
      throw problem(504, 'position-not-reached', `The list did not reach the position within ${minPositionWithinMs} ms`)
    await wait(minPositionPollMs)
  }
}

/** A page as the API answers it. */
export type Page = {
  readonly items: readonly Readonly<Record<string, unknown>>[]
  readonly nextCursor: string | null
  readonly position: number
}

/** One page of a list from the database. */
export const readPage = async (
  { ports, cursors }: ListDeps,
  resource: Resource,
  at: { readonly params: URLSearchParams; readonly actor: Actor },
): Promise<Page> => {
  const query = readListQuery(resource, at.params, { actor: at.actor, readCursor: cursors.read })
  if (query.minPosition !== null) await waitForPosition(ports, resource, query.minPosition)
  const { rows, position } = await fromLiveTable(async () => {
    const { source, table, position } = await placeOf(ports, resource, at.actor)
    const statement = listStatement(resource, query, {
      source,
      analyst: at.actor.role === 'analyst',
      whole: false,
      byLists: table !== null && (await seeksRare(ports.sql, query, table)),
    })
    const rows = await ports.sql.unsafe<(Row & { readonly sortValue: string | null })[]>(statement.text, [
      ...statement.parameters,
    ])
    return { rows, position }
  })
  const page = rows.slice(0, query.limit)
  const last = page.at(-1)
  const nextCursor =
    rows.length > query.limit && last
      ? cursors.write({ sort: sortText(query), value: last.sortValue, id: String(idOf(resource, last)) })
      : null
  return { items: await presentAll(ports, resource, { rows: page, actor: at.actor }), nextCursor, position }
}

/** Reads again when the live table went away between looking it up and reading it, because another version took its place. */
export const fromLiveTable = async <T>(read: () => PromiseLike<T>): Promise<T> => {
  try {
    return await read()
  } catch (error) {
    if (databaseError(error)?.code !== '42P01') throw error
    return read()
  }
}

const sortText = (query: ListQuery): string => `${query.sort.descending ? '-' : ''}${query.sort.field.name}`

const idOf = (resource: Resource, row: Row): unknown => row[resource.id]

/** Rows as the API shows them to a role. */
export const presentAll = async (
  ports: HttpPorts,
  resource: Resource,
  { rows, actor }: { readonly rows: readonly Row[]; readonly actor: Actor },
): Promise<Record<string, unknown>[]> => {
  const opened = resource.name === 'events' ? await presentEvents(ports, rows, actor) : rows
  return opened.map((row) => presentRow(resource, row, ports.settings.pagesUrl))
}

/** The items of a list that is in memory. */
export const smallItems = async (
  ports: HttpPorts,
  name: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> => {
  if (name === 'plans') return ports.settings.plans
  return name === 'projections' ? ports.operations.projections() : ports.operations.destinations()
}

/** Filters, orders and cuts items in memory as the database does rows. */
export const chosen = (
  resource: SmallResource,
  items: readonly Readonly<Record<string, unknown>>[],
  query: ListQuery,
): readonly Readonly<Record<string, unknown>>[] => {
  const text = (value: unknown): string => (value === null || value === undefined ? '' : String(value))
  const matching = items.filter(
    (item) =>
      query.filters.every(({ field, values }) => values.includes(text(valueAt(item, field.name)))) &&
      (query.q === null ||
        resource.fields.some(
          (field) =>
            field.searched &&
            text(valueAt(item, field.name))
              .toLowerCase()
              .includes(query.q?.toLowerCase() ?? ''),
        )),
  )
  const { field, descending } = query.sort
  const compare = (one: unknown, other: unknown): number =>
    typeof one === 'number' && typeof other === 'number'
      ? one - other
      : text(one) < text(other)
        ? -1
        : text(one) > text(other)
          ? 1
          : 0
  return matching.toSorted((one, other) => {
    const order = compare(valueAt(one, field.name), valueAt(other, field.name)) * (descending ? -1 : 1)
    return order !== 0 ? order : compare(one[resource.id], other[resource.id])
  })
}

/** One page of a list in memory. */
export const readSmallPage = async (
  { ports, cursors }: ListDeps,
  resource: SmallResource,
  at: { readonly params: URLSearchParams; readonly actor: Actor },
): Promise<Page> => {
  const query = readListQuery(resource, at.params, { actor: at.actor, readCursor: cursors.read })
  const all = chosen(resource, await smallItems(ports, resource.name), query)
  const start = query.after === null ? 0 : all.findIndex((item) => String(item[resource.id]) === query.after?.id) + 1
  const page = all.slice(start, start + query.limit)
  const last = page.at(-1)
  const nextCursor =
    start + query.limit < all.length && last
      ? cursors.write({ sort: sortText(query), value: null, id: String(last[resource.id]) })
      : null
  return { items: page, nextCursor, position: await headPosition(ports.sql) }
}
