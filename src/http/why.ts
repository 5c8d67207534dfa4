import type { Row } from '../../projections/projection.ts'
import type { EventMeta } from '../log/appendRequest.ts'
import { type RecordedEvent, readEvent, readSubject } from '../log/log.ts'
import type { Actor, HttpPorts } from './ports.ts'
import { maskPartner, presentRow, valueAt } from './present.ts'
import { problem } from './problem.ts'
import { type Resource, resources } from './resources.ts'

/** One link of a chain; `summary` is a sentence without a person in it. */
export type Link = {
  readonly kind: 'webhook' | 'command' | 'event' | 'effect' | 'attempt' | 'outcome'
  readonly id: string | null
  readonly position: number | null
  readonly at: string | null
  readonly summary: string
} & Readonly<Record<string, unknown>>

type EffectRow = {
  readonly effectId: string
  readonly kind: string
  readonly destination: string
  readonly status: string
  readonly eventId: string
  readonly eventPosition: number
  readonly reactor: string
  readonly createdAt: string
  readonly settledAt: string | null
  readonly history: readonly {
    readonly attempt?: number
    readonly at?: string
    readonly endedAt?: string
    readonly outcome?: string
    readonly code?: string | null
  }[]
}

/** Causes of causes are followed this far; a chain of the product's rules is much shorter. */
const depthMax = 20

/** What set a field of a partner, back to the bytes of the delivery, or to the operator. */
export const explainField = async (
  ports: HttpPorts,
  at: { readonly partnerId: string; readonly field: string; readonly actor: Actor },
) => {
  const known = partnerResource.fields.some((field) => field.name === at.field || field.name.startsWith(`${at.field}.`))
  if (!known) throw problem(404, 'field-unknown', 'A partner has no such field')
  const { item, setters } = await settersOf(ports, { ...at, fields: [at.field] })
  const setter = setters.get(at.field)
  if (setter === undefined) throw problem(404, 'not-found', 'There is no such partner')
  return {
    field: at.field,
    value: valueAt(item, at.field) ?? null,
    chain: forActor(await causesOf(ports, setter), at.actor),
  }
}

const partnerResource = resources.find((candidate) => candidate.name === 'partners') as Resource

/** A partner as its events make it, and for each field the event that last changed it: one fold for all fields. */
export const settersOf = async (
  ports: HttpPorts,
  at: { readonly partnerId: string; readonly fields: readonly string[]; readonly actor: Actor },
): Promise<{
  readonly item: Readonly<Record<string, unknown>>
  readonly setters: ReadonlyMap<string, RecordedEvent>
}> => {
  const model = ports.readModels.find((candidate) => candidate.name === 'partners')
  if (!model) throw new Error('The read model of partners is missing')
  const events = await readSubject(ports.sql, at.partnerId, Number.MAX_SAFE_INTEGER)
  await ports.codec.prefetch(events)
  const shown = (row: Row): Readonly<Record<string, unknown>> => {
    const seen = at.actor.role === 'analyst' ? maskPartner(row) : row
    const pageUrl = row.listed === true ? `/partners/${row.slug}` : null
    return presentRow(partnerResource, { ...seen, pageUrl }, ports.settings.pagesUrl)
  }
  const setters = new Map<string, RecordedEvent>()
  let row: Row | null = null
  let item: Readonly<Record<string, unknown>> | null = null
  for (const event of events) {
    if (!model.types.includes(event.type)) continue
    row = model.fold(row, { ...event, data: ports.codec.open(event) })
    if (row === null) continue
    const next = shown(row)
    for (const field of at.fields) {
      const before = item === null ? undefined : (valueAt(item, field) ?? null)
      if (JSON.stringify(valueAt(next, field) ?? null) !== JSON.stringify(before)) setters.set(field, event)
    }
    item = next
  }
  if (item === null) throw problem(404, 'not-found', 'There is no such partner')
  return { item, setters }
}

/** Reasons are free text of operators, who may have named a person. */
const forActor = (chain: readonly Link[], actor: Actor): readonly Link[] =>
  actor.role === 'operator'
    ? chain
    : chain.map((link): Link => {
        const { reason: _reason, ...rest } = link
        return rest as Link
      })

/** The chain behind an event, the oldest cause first. */
const causesOf = async (ports: HttpPorts, last: RecordedEvent): Promise<Link[]> => {
  const links: Link[] = []
  let event: RecordedEvent | null = last
  for (let depth = 0; event !== null && depth < depthMax; depth++) {
    links.unshift(...commandAndEvent(event))
    const { cause } = event.meta
    if (cause.kind === 'webhook') {
      links.unshift(...(await webhookLinks(ports, cause.id)))
      break
    }
    if (cause.kind !== 'effect') break
    const effect = await effectRow(ports, cause.id)
    if (!effect) break
    links.unshift(...effectLinks(effect))
    event = await readEvent(ports.sql, effect.eventId)
  }
  return links
}

const who = (meta: EventMeta): string => {
  const names = {
    webhook: 'a webhook',
    effect: 'the outcome of an effect',
    operator: `operator ${meta.actor ?? ''}`.trim(),
    visitor: 'a visitor',
    import: 'an import',
  }
  return names[meta.cause.kind]
}

const commandAndEvent = (event: RecordedEvent): Link[] => [
  {
    kind: 'command',
    id: null,
    position: null,
    at: event.recordedAt,
    summary: `${event.meta.command}, by ${who(event.meta)}${event.meta.origin ? `, found by ${event.meta.origin}` : ''}`,
    command: event.meta.command,
    cause: event.meta.cause,
    ...(event.meta.origin === undefined ? {} : { origin: event.meta.origin }),
    ...(event.meta.reason === undefined ? {} : { reason: event.meta.reason }),
  },
  {
    kind: 'event',
    id: event.eventId,
    position: event.position,
    at: event.recordedAt,
    summary: `${event.type} in ${event.stream}`,
    type: event.type,
    stream: event.stream,
  },
]

const webhookLinks = async (ports: HttpPorts, id: string): Promise<Link[]> => {
  const [row] = await ports.sql<
    {
      webhookId: string
      source: string
      route: string
      verdict: string
      receivedAt: string
      sha256: string
      dedupeKey: string
      firstPosition: number | null
      bytes: number | null
    }[]
  >`
    select webhook_id, source, route, verdict, received_at, encode(sha256, 'hex') as sha256, dedupe_key, first_position, length(body) as bytes from hub.inbox where webhook_id = ${id}`
  if (!row) return []
  const { webhookId, route, verdict, receivedAt, sha256, dedupeKey, bytes } = row
  return [
    {
      kind: 'webhook',
      id: webhookId,
      position: null,
      at: receivedAt,
      summary: `${route}, ${verdict}${bytes === null ? '' : `, ${bytes} bytes`}`,
      source: row.source,
      verdict,
      sha256,
      dedupeKey,
    },
  ]
}

const effectRow = async (ports: HttpPorts, id: string): Promise<EffectRow | null> => {
  const [row] = await ports.sql<EffectRow[]>`
    select effect_id, kind, destination, status, event_id, event_position, reactor, created_at, settled_at, history from hub.effects where effect_id = ${id}`
  return row ?? null
}

const effectLinks = (effect: EffectRow): Link[] => [
  {
    kind: 'effect',
    id: effect.effectId,
    position: effect.eventPosition,
    at: effect.createdAt,
    summary: `${effect.kind}, asked for by the rule ${effect.reactor}`,
    operation: effect.kind,
    reactor: effect.reactor,
    destination: effect.destination,
    status: effect.status,
  },
  ...effect.history.flatMap((entry): Link[] => [
    {
      kind: 'attempt',
      id: effect.effectId,
      position: null,
      at: entry.at ?? null,
      summary: `attempt ${entry.attempt ?? ''} of ${effect.kind}`.replace('  ', ' '),
      attempt: entry.attempt ?? null,
    },
    {
      kind: 'outcome',
      id: effect.effectId,
      position: null,
      at: entry.endedAt ?? entry.at ?? null,
      summary: `${entry.outcome ?? 'unknown'}${entry.code ? `: ${entry.code}` : ''}`,
      outcome: entry.outcome ?? null,
      code: entry.code ?? null,
    },
  ]),
]

/** Everything that belongs to a webhook, an event or an effect: what led to it, and what followed. */
export const traceOf = async (
  ports: HttpPorts,
  { id, actor }: { readonly id: string; readonly actor: Actor },
): Promise<{ readonly id: string; readonly chain: readonly Link[] }> => ({
  id,
  chain: forActor(await traceLinks(ports, id.toLowerCase()), actor),
})

const traceLinks = async (ports: HttpPorts, id: string): Promise<readonly Link[]> => {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id))
    throw problem(404, 'not-found', 'There is no webhook, event or effect of this id')
  const webhook = await webhookLinks(ports, id)
  if (webhook.length > 0) return [...webhook, ...(await consequences(ports, await eventsCausedBy(ports, id), 0))]
  const event = await readEvent(ports.sql, id)
  if (event) return [...(await causesOf(ports, event)), ...(await effectsOf(ports, event, 0))]
  const effect = await effectRow(ports, id)
  if (!effect) throw problem(404, 'not-found', 'There is no webhook, event or effect of this id')
  const asked = await readEvent(ports.sql, effect.eventId)
  const before = asked ? await causesOf(ports, asked) : []
  return [...before, ...effectLinks(effect), ...(await consequences(ports, await eventsCausedBy(ports, id), 0))]
}

const eventsCausedBy = async (ports: HttpPorts, id: string): Promise<RecordedEvent[]> => {
  // A delivery and a settled effect both know the positions of the events that committed with them.
  const rows = await ports.sql<RecordedEvent[]>`
    select e.position, e.event_id, e.stream, e.version, e.subject, e.type, e.data, e.meta, e.recorded_at
      from (select first_position, event_count from hub.inbox where webhook_id = ${id}
            union all select first_position, event_count from hub.effects where effect_id = ${id}) became
      join hub.events e on e.position >= became.first_position and e.position < became.first_position + became.event_count
     order by e.position`
  return [...rows]
}

const consequences = async (ports: HttpPorts, events: readonly RecordedEvent[], depth: number): Promise<Link[]> => {
  const links: Link[] = []
  for (const event of events) links.push(...commandAndEvent(event), ...(await effectsOf(ports, event, depth)))
  return links
}

const effectsOf = async (ports: HttpPorts, event: RecordedEvent, depth: number): Promise<Link[]> => {
  if (depth >= depthMax) return []
  const effects = await ports.sql<EffectRow[]>`
    select effect_id, kind, destination, status, event_id, event_position, reactor, created_at, settled_at, history from hub.effects where subject = ${event.subject} and event_id = ${event.eventId} order by created_at, effect_id`
  const links: Link[] = []
  for (const effect of effects)
    links.push(
      ...effectLinks(effect),
      ...(await consequences(ports, await eventsCausedBy(ports, effect.effectId), depth + 1)),
    )
  return links
}
