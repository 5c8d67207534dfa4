import type { ReadModel, Row } from '../../projections/projection.ts'
import { parseInstant } from '../kernel/time.ts'
import { positionAt, readSubject } from '../log/log.ts'
import { listStatement } from './listSql.ts'
import { fromLiveTable, presentAll, sourceOf, waitForPosition } from './lists.ts'
import type { Actor, HttpPorts } from './ports.ts'
import { maskPartner, presentRow } from './present.ts'
import { problem } from './problem.ts'
import type { Field, Resource } from './resources.ts'

const notFound = (): Error => problem(404, 'not-found', 'There is no such item')

/** One row of a list by its id; null when there is none. */
export const rowById = async (
  ports: HttpPorts,
  resource: Resource,
  at: { readonly id: string; readonly actor: Actor },
): Promise<Row | null> => {
  const idField = resource.fields.find((field) => field.name === resource.id) as Field
  if (idField.type === 'uuid' && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(at.id)) return null
  const query = {
    filters: [{ field: idField, values: [at.id] }],
    q: null,
    sort: { field: idField, descending: false },
    limit: 1,
    after: null,
    minPosition: null,
  }
  const [row] = await fromLiveTable(async () => {
    const statement = listStatement(resource, query, {
      source: await sourceOf(ports, resource, at.actor),
      analyst: at.actor.role === 'analyst',
      whole: false,
    })
    return ports.sql.unsafe<Row[]>(statement.text, [...statement.parameters])
  })
  return row ?? null
}

/** A card as the API answers it; `position` is that of the look itself, when the look is a fact. */
export type Card = { readonly item: Readonly<Record<string, unknown>>; readonly position: number | null }

/** A card: the row as it is, or as it was at a position or a moment. */
export const readCard = async (
  ports: HttpPorts,
  resource: Resource,
  at: { readonly id: string; readonly actor: Actor; readonly params: URLSearchParams },
): Promise<Card> => {
  for (const name of at.params.keys())
    if (name !== 'asOf' && name !== 'minPosition')
      throw problem(400, 'parameter-unknown', 'A card knows the parameters asOf and minPosition')
  const minPosition = at.params.get('minPosition')
  if (minPosition !== null) {
    if (!/^\d{1,15}$/.test(minPosition))
      throw problem(400, 'minPosition-unreadable', 'minPosition should be a whole number')
    await waitForPosition(ports, resource, Number(minPosition))
  }
  const row = await rowById(ports, resource, at)
  if (!row) throw notFound()
  const asOf = at.params.get('asOf')
  const shown = asOf === null ? row : await rowAsOf(ports, resource, { row, asOf, actor: at.actor, id: at.id })
  const [item] =
    asOf === null
      ? await presentAll(ports, resource, { rows: [shown], actor: at.actor })
      : [presentRow(resource, shown, ports.settings.pagesUrl)]
  const position = resource.name === 'partners' && at.actor.role === 'operator' ? await recordLook(ports, at) : null
  return { item: { ...item, ...(await details(ports, resource, { id: at.id, actor: at.actor })) }, position }
}

/** Every look of an operator at a person's card is a fact. */
const recordLook = async (
  ports: HttpPorts,
  { id, actor }: { readonly id: string; readonly actor: Actor },
): Promise<number | null> => {
  const handled = await ports.handler.handle({
    stream: `partner-${id}`,
    command: { type: 'ViewCard', data: { at: ports.now(), by: actor.name } },
    cause: { kind: 'operator', id: actor.name },
    actor: actor.name,
  })
  return handled.tag === 'accepted' ? handled.position : null
}

/** The last position that counts for `asOf`. */
export const readAsOf = async (ports: HttpPorts, text: string): Promise<number> => {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  const at = parseInstant(text)
  if (at === null)
    throw problem(400, 'asOf-unreadable', 'asOf should be a position, or a moment in ISO 8601 with its zone')
  return positionAt(ports.sql, at)
}

const rowAsOf = async (
  ports: HttpPorts,
  resource: Resource,
  at: { readonly row: Row; readonly asOf: string; readonly actor: Actor; readonly id: string },
): Promise<Row> => {
  const model = ports.readModels.find((candidate) => candidate.name === resource.readModel)
  if (!model || resource.subject === undefined)
    throw problem(400, 'asOf-not-here', 'Only partners, subscriptions and payments can be seen as they were')
  const upTo = await readAsOf(ports, at.asOf)
  const folded = await foldUpTo(ports, model, { subject: String(at.row[resource.subject]), key: at.id, upTo })
  if (!folded) throw problem(404, 'not-born', 'The item did not exist then')
  const row = at.actor.role === 'analyst' && resource.name === 'partners' ? maskPartner(folded) : folded
  return resource.name === 'partners' ? { ...row, pageUrl: row.listed === true ? `/partners/${row.slug}` : null } : row
}

/** The row of a key as the same fold makes it from the log up to a position. */
export const foldUpTo = async (
  ports: HttpPorts,
  model: ReadModel,
  at: { readonly subject: string; readonly key: string; readonly upTo: number },
): Promise<Row | null> => {
  const events = await readSubject(ports.sql, at.subject, at.upTo)
  await ports.codec.prefetch(events)
  let row: Row | null = null
  for (const event of events) {
    if (!model.types.includes(event.type)) continue
    const opened = { ...event, data: ports.codec.open(event) }
    if (model.keyOf(opened) === at.key) row = model.fold(row, opened)
  }
  return row
}

/** What a card shows beyond its row: the bytes of a delivery, the attempts of an effect. */
const details = async (
  ports: HttpPorts,
  resource: Resource,
  { id, actor }: { readonly id: string; readonly actor: Actor },
): Promise<Record<string, unknown>> => {
  if (resource.name === 'effects') {
    const [row] = await ports.sql<
      { history: unknown; reactor: string; eventPosition: number; subject: string }[]
    >`select history, reactor, event_position, subject from hub.effects where effect_id = ${id}`
    return row
      ? {
          history: row.history,
          reactor: row.reactor,
          eventPosition: row.eventPosition,
          ...(actor.role === 'operator' ? { subject: row.subject } : {}),
        }
      : {}
  }
  if (resource.name !== 'webhooks' || actor.role !== 'operator') return {}
  const [row] = await ports.sql<
    {
      method: string
      path: string
      query: string
      headers: unknown
      body: Buffer | null
      peer: string
      secretName: string
    }[]
  >`
    select method, path, query, headers, body, peer, secret_name from hub.inbox where webhook_id = ${id}`
  if (!row) return {}
  const { body, ...rest } = row
  return {
    ...rest,
    bodyBase64: body === null ? null : Buffer.from(body).toString('base64'),
    bodyText: body === null ? null : Buffer.from(body).toString('utf8'),
  }
}
