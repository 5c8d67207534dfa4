import type { Row } from '../../projections/projection.ts'
import { readSubject } from '../log/log.ts'
import { rowById } from './cards.ts'
import { listStatement } from './listSql.ts'
import { fromLiveTable, presentAll, sourceOf } from './lists.ts'
import type { Actor, By, HttpPorts, OperationResult } from './ports.ts'
import type { Field, Resource } from './resources.ts'
import { resources } from './resources.ts'

const resourceOf = (name: string): Resource => {
  const found = resources.find((candidate) => candidate.name === name)
  if (!found) throw new Error(`There is no list "${name}"`)
  return found
}

/** Everything that is known about a partner, as the law lets a person ask for it. That it was handed out is a fact of the log. */
export const exportPerson = async (
  ports: HttpPorts,
  at: { readonly partnerId: string; readonly actor: Actor; readonly by: By },
): Promise<OperationResult> => {
  const { partnerId, actor, by } = at
  const partners = resourceOf('partners')
  const row = await rowById(ports, partners, { id: partnerId, actor })
  if (!row) return { tag: 'unknown', detail: 'There is no such partner' }
  const [partner] = await presentAll(ports, partners, { rows: [row], actor })
  const [events, subscriptions, payments, webhooks, effects] = await Promise.all([
    eventsAbout(ports, partnerId),
    ownRows(ports, resourceOf('subscriptions'), at),
    ownRows(ports, resourceOf('payments'), at),
    deliveriesOf(ports, partnerId),
    ports.sql<Row[]>`select effect_id, destination, kind, status, attempt as attempts, created_at, settled_at
      from hub.effects where subject = ${partnerId} and destination <> 'hub' order by created_at, effect_id`,
  ])
  const handled = await ports.handler.handle({
    stream: `operator-${partnerId}`,
    command: {
      type: 'RecordOperatorAction',
      data: { at: ports.now(), action: 'partner-export', target: partnerId, before: null, after: null },
    },
    cause: { kind: 'operator', id: by.actor },
    actor: by.actor,
    reason: by.reason,
  })
  // What was handed out must be on record; without the record nothing is handed out.
  if (handled.tag !== 'accepted')
    return { tag: 'refused', code: 'not-settled', detail: 'The command could not be settled' }
  const body = { partnerId, exportedAt: ports.now(), partner, subscriptions, payments, events, webhooks, effects }
  return { tag: 'ok', status: 200, position: handled.position, body }
}

const eventsAbout = async (ports: HttpPorts, subject: string): Promise<readonly Row[]> => {
  const events = await readSubject(ports.sql, subject, Number.MAX_SAFE_INTEGER)
  await ports.codec.prefetch(events)
  return events.map((event) => ({ ...event, data: ports.codec.open(event) }))
}

const ownRows = async (
  ports: HttpPorts,
  resource: Resource,
  { partnerId, actor }: { readonly partnerId: string; readonly actor: Actor },
): Promise<readonly Row[]> => {
  const named = (name: string): Field => {
    const found = resource.fields.find((field) => field.name === name)
    if (!found) throw new Error(`The list ${resource.name} has no field "${name}"`)
    return found
  }
  const query = {
    filters: [{ field: named('partnerId'), values: [partnerId] }],
    q: null,
    sort: { field: named(resource.id), descending: false },
    limit: 1,
    after: null,
    minPosition: null,
  }
  const rows = await fromLiveTable(async () => {
    const source = await sourceOf(ports, resource, actor)
    const statement = listStatement(resource, query, { source, analyst: actor.role === 'analyst', whole: true })
    return ports.sql.unsafe<Row[]>(statement.text, [...statement.parameters])
  })
  return presentAll(ports, resource, { rows, actor })
}

/** Deliveries about the partner, or that made an event about the partner, with what the sender sent. */
const deliveriesOf = async (ports: HttpPorts, subject: string): Promise<readonly Row[]> => {
  const rows = await ports.sql<(Row & { readonly body: Uint8Array | null })[]>`
    select webhook_id, source, route, verdict, received_at, headers, body from hub.inbox
     where subject = ${subject} or webhook_id in (
       select (meta -> 'cause' ->> 'id')::uuid from hub.events where subject = ${subject} and meta -> 'cause' ->> 'kind' = 'webhook')
     order by received_at, webhook_id`
  return rows.map(({ body, ...rest }) => ({
    ...rest,
    bodyText: body === null ? null : Buffer.from(body).toString('utf8'),
  }))
}
