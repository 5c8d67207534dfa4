import { v5 as uuidV5 } from 'uuid'
import { databaseError, type Sql } from '../db/connect.ts'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import { invariant } from '../kernel/brand.ts'
import { done, type Outcome } from '../kernel/decision.ts'
import type { Instant } from '../kernel/time.ts'
import { type FollowedEvent, readAfter } from '../log/log.ts'
import type { PersonKeys } from '../privacy/personKeys.ts'
import type { Codec } from './codec.ts'
import type { CommandHandler } from './handle.ts'

/** Events of one step of the reactors. */
const stepEventsMax = 500
/** The namespace of effect ids: UUIDv5 of reactor, event and number, so that an effect has one key for ever. */
const effectNamespace = '6f0b2a1e-6f6f-5c57-9a0e-6d1f5b7d1c11'
const followerName = 'reactors'
/** A rule that fails again and again at one event waits for a person, or for another version of it. */
const reactionsMax = 5
/** The effect that asks a rule again about an event at which it failed; a destination of its own, so that operators see and redrive it. */
export const reactAgainKind = 'rules.react'
const prepared = { prepare: true } as const

/** The named statements of the outbox. */
export const outboxStatements = statements(sqlText('outbox.sql'))

/** An operation that a reactor asks for. */
export type PlannedEffect = {
  readonly destination: string
  readonly kind: string
  readonly payload: Readonly<Record<string, unknown>>
  /** The fields of the payload that are about a person: sealed in the outbox. */
  readonly personal?: readonly string[]
  /** Not before this moment; absent: at once. */
  readonly dueAt?: Instant
}

/** An event as a reactor sees it: opened. */
export type ReactorEvent = {
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
  readonly stream: string
  readonly subject: string
  readonly eventId: string
  readonly position: number
  readonly recordedAt: Instant
}

/** A pure rule: an event, and the states that it asked for, to effects. It sees live events only, each once; no rebuild comes here. */
export type Reactor = {
  readonly name: string
  readonly types: readonly string[]
  /** Streams whose present state the rule needs. */
  readonly needs?: (event: ReactorEvent) => readonly string[]
  readonly react: (event: ReactorEvent, states: ReadonlyMap<string, unknown>) => readonly PlannedEffect[]
}

/** What following with reactors needs. */
export type ReactDeps = {
  readonly sql: Sql
  readonly codec: Codec
  readonly keys: PersonKeys
  readonly handler: CommandHandler
  readonly reactors: readonly Reactor[]
  /** Told which destinations got something to do. */
  readonly onPlanned: (destinations: ReadonlySet<string>) => void
  readonly boundary: (name: string) => void
  /** Told when a rule failed at an event; all others go on. */
  readonly onParked: (reactor: string, parked: { readonly position: number; readonly error: string }) => void
}

type EffectRow = Readonly<Record<string, unknown>>

/** The id of an effect, fixed by what caused it; never of a position, because positions repeat after a restore. */
export const effectIdOf = (reactor: string, eventId: string, number: number): string =>
  uuidV5(`${reactor}:${eventId}:${number}`, effectNamespace)

/** One step: the next events, all reactors, effects and checkpoint in one statement. True when more may wait. */
export const makeReacting = (deps: ReactDeps) => {
  const types = [...new Set(deps.reactors.flatMap((reactor) => reactor.types))]

  const step = async (): Promise<boolean> => {
    const [follower] = await deps.sql.unsafe<{ position: number }[]>(
      statement(outboxStatements, 'follower_position'),
      [followerName],
      prepared,
    )
    invariant(follower, 'the reactors have a checkpoint')
    const events = await readAfter(deps.sql, { position: follower.position, limit: stepEventsMax, types })
    const last = events.at(-1)
    if (!last) return false
    await deps.codec.prefetch(events)
    const rows: EffectRow[] = []
    for (const event of events) {
      // What was brought in from elsewhere happened long ago: no rule acts on it.
      if (event.data !== null && event.meta?.cause.kind !== 'import') rows.push(...(await reactions(event)))
    }
    deps.boundary('react:before-commit')
    const [result] = await deps.sql.unsafe<{ moved: number; born: number }[]>(
      statement(outboxStatements, 'plan_effects'),
      [followerName, last.position, follower.position, JSON.stringify(rows)],
      prepared,
    )
    deps.boundary('react:after-commit')
    if (result?.moved === 1 && rows.length > 0) deps.onPlanned(new Set(rows.map((row) => String(row.dest))))
    return events.length === stepEventsMax
  }

  /** What all rules make of an event. A rule that fails is asked again later, by an effect of its own, and holds up nobody. */
  const reactions = async (event: FollowedEvent): Promise<EffectRow[]> => {
    const rows: EffectRow[] = []
    for (const reactor of deps.reactors) {
      if (!reactor.types.includes(event.type)) continue
      try {
        rows.push(...(await plan(event, reactor)))
      } catch (error) {
        // The database may answer in a moment, and then the whole step is done again.
        if (databaseError(error)) throw error
        deps.onParked(reactor.name, { position: event.position, error: messageOf(error) })
        rows.push(parkedRow(event, reactor))
      }
    }
    return rows
  }

  const plan = async (followed: FollowedEvent, reactor: Reactor): Promise<EffectRow[]> => {
    const event: ReactorEvent = { ...followed, data: deps.codec.open(followed) }
    const states = new Map<string, unknown>()
    for (const stream of reactor.needs?.(event) ?? []) states.set(stream, (await deps.handler.load(stream)).state)
    const effects = reactor.react(event, states)
    return Promise.all(effects.map((effect, number) => rowOf({ event, reactor, effect, number })))
  }

  /** Asks a rule again about one event; what it then makes of it is planned as if it had never failed. */
  const reactAgain = async (
    payload: Readonly<Record<string, unknown>>,
    { number }: { readonly number: number },
  ): Promise<Outcome> => {
    const reactor = deps.reactors.find(({ name }) => name === payload.reactor)
    const [event] = reactor
      ? await readAfter(deps.sql, { position: Number(payload.position) - 1, limit: 1, types: reactor.types })
      : []
    if (!reactor || !event || event.data === null)
      return { tag: 'refused', code: 'reaction-unknown', detail: 'There is no such rule, or no such event' }
    try {
      await deps.codec.prefetch([event])
      const rows = await plan(event, reactor)
      await deps.sql.unsafe(statement(outboxStatements, 'add_effects'), [JSON.stringify(rows)], prepared)
      deps.onPlanned(new Set(rows.map((row) => String(row.dest))))
      return done({ effects: rows.length })
    } catch (error) {
      if (databaseError(error)) throw error
      const failed = { code: 'reaction-failed', detail: messageOf(error) }
      return number < reactionsMax ? { tag: 'later', ...failed } : { tag: 'refused', ...failed }
    }
  }

  const rowOf = async ({
    event,
    reactor,
    effect,
    number,
  }: {
    event: ReactorEvent
    reactor: Reactor
    effect: PlannedEffect
    number: number
  }) => {
    const id = effectIdOf(reactor.name, event.eventId, number)
    if (effect.personal) await deps.keys.prefetch([event.subject])
    const sealed = deps.keys.sealData(effect.payload, {
      subject: event.subject,
      aad: id,
      personal: effect.personal ?? [],
    })
    // Personal data of a person came out of that person's events, so the key exists.
    invariant(sealed.fresh === null, `effect ${effect.kind} has personal fields of a person without a key`)
    return {
      id,
      dest: effect.destination,
      kind: effect.kind,
      reactor: reactor.name,
      event: event.eventId,
      position: event.position,
      subject: event.subject,
      payload: sealed.data,
      due: effect.dueAt ?? null,
    }
  }

  return { step, reactAgain }
}

/** Never a value of the event: it may be somebody's. */
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 300)

const parkedRow = (event: FollowedEvent, { name }: Reactor): EffectRow => ({
  id: uuidV5(`${name}:${event.eventId}:parked`, effectNamespace),
  dest: 'rules',
  kind: reactAgainKind,
  reactor: name,
  event: event.eventId,
  position: event.position,
  subject: event.subject,
  payload: { reactor: name, position: event.position },
  due: null,
})
