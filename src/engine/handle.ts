import { setTimeout as wait } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { Sql } from '../db/connect.ts'
import type { Lane } from '../log/append.ts'
import type {
  AppendRequest,
  AppendResult,
  Cause,
  InboxRow,
  NewEvent,
  Origin,
  Settlement,
} from '../log/appendRequest.ts'
import { gathering } from '../log/gather.ts'
import { type RecordedEvent, readStreams, type StreamFrom } from '../log/log.ts'
import type { PersonKeys } from '../privacy/personKeys.ts'
import type { Codec } from './codec.ts'
import { type Message, type Models, modelOf, type StreamModel } from './model.ts'

/** Stream states kept in memory; a stale one is harmless, because every append carries the version it was decided on. */
const statesCachedMax = 20_000
/**
 * Races lost before giving up. Inside a process appends to one stream take turns, so only other processes can win; with two of
 * them on one stream half of the rounds are lost, and 40 rounds fail once in 10^12.
 */
const racesMax = 40

/** A command on its way to its stream, with everything that must be committed together with its events. */
export type HandleRequest = {
  readonly stream: string
  readonly command: Message
  readonly cause: Cause
  readonly actor?: string
  readonly reason?: string
  readonly origin?: Origin
  readonly inbox?: InboxRow
  readonly settle?: Settlement
  /** Set when the stream was just named and cannot exist: saves reading it. */
  readonly isNew?: boolean
  readonly withinMs?: number
  /** Goes before everything that is not, and reads over connections that nothing else uses. */
  readonly urgent?: boolean
}

/** What became of a command. */
export type Handled =
  | {
      readonly tag: 'accepted'
      readonly position: number
      readonly version: number
      readonly events: readonly Message[]
    }
  | { readonly tag: 'refused'; readonly code: string; readonly detail: string; readonly position: number | null }
  | Extract<AppendResult, { tag: 'duplicate' | 'claimed' | 'fenced' }>

/** The state of a stream as far as this process knows. */
export type StreamState = { readonly version: number; readonly state: unknown }

/** Loads, folds, decides and appends. */
export type CommandHandler = {
  readonly handle: (request: HandleRequest) => Promise<Handled>
  /** The present state of a stream, read from the log when it is not in memory up to date. */
  readonly load: (stream: string, options?: { readonly urgent?: boolean }) => Promise<StreamState>
  /** Forgets cached states, because the keys behind them were destroyed. */
  readonly forget: (stream: string) => void
}

/** What the handler needs. */
export type HandlerDeps = {
  readonly lane: Lane
  readonly sql: Sql
  /** Connections for what is urgent, so that it does not wait behind everybody else's questions. */
  readonly reserved: Sql
  readonly models: Models
  readonly keys: PersonKeys
  readonly codec: Codec
  readonly newId: () => string
  /** Makes a claim unreadable, see privacy. */
  readonly pepper: (claim: string) => string
}

/** Makes the command handler of a process. */
export const commandHandler = (deps: HandlerDeps): CommandHandler => {
  const states = new LRUCache<string, StreamState>({ max: statesCachedMax })
  const turns = new Map<string, Promise<unknown>>()
  const eventsOf = streamReader(deps.sql)
  const urgentEventsOf = streamReader(deps.reserved)

  const load: CommandHandler['load'] = async (stream, { urgent = false } = {}) => {
    const model = modelOf(deps.models, stream)
    const known = states.get(stream) ?? { version: 0, state: model.initial }
    const events = await (urgent ? urgentEventsOf : eventsOf)(stream, known.version)
    if (events.length === 0) return known
    await deps.codec.prefetch(events)
    let state = known.state
    for (const event of events) state = model.evolve(state, { type: event.type, data: deps.codec.open(event) })
    const loaded = { version: events.at(-1)?.version ?? known.version, state }
    states.set(stream, loaded)
    return loaded
  }

  /** Appends to one stream take turns inside the process, so that they do not race each other. */
  const inTurn = async <T>(stream: string, work: () => Promise<T>): Promise<T> => {
    const before = turns.get(stream)
    const mine = before ? before.then(work, work) : work()
    turns.set(stream, mine)
    try {
      return await mine
    } finally {
      if (turns.get(stream) === mine) turns.delete(stream)
    }
  }

  const attempt = async (
    request: HandleRequest,
    known: StreamState & { readonly proven: boolean },
  ): Promise<Handled | { tag: 'conflict' }> => {
    const model = modelOf(deps.models, request.stream)
    const decision = model.decide(known.state, request.command)
    const events = decision.tag === 'accepted' ? decision.events : []
    const kept = request.inbox !== undefined || request.settle !== undefined
    if (events.length === 0 && !kept) {
      // Nothing is appended that could prove the version, so the state must come from the log itself.
      if (!known.proven) return { tag: 'conflict' }
      return decision.tag === 'refused'
        ? { ...decision, position: null }
        : { tag: 'accepted', position: 0, version: known.version, events }
    }
    const subjects = events.map((event) => model.subjectOf(request.stream, known.state, event))
    if (!(request.isNew && known.version === 0)) {
      const withKeys = subjects.filter((_, index) => isPersonal(model, events[index]))
      if (withKeys.length > 0) await deps.keys.prefetch(withKeys)
    }
    const { rows, claims, fresh, state } = prepare(request, { model, known, events, subjects })
    const append: AppendRequest = {
      stream: request.stream,
      expectedVersion: known.version,
      events: rows,
      claims,
      keys: fresh,
      ...(request.inbox ? { inbox: inboxRow(request.inbox, decision, rows) } : {}),
      ...(request.settle ? { settle: request.settle } : {}),
      ...(request.urgent ? { urgent: true } : {}),
    }
    let result: AppendResult | null = null
    try {
      result = await deps.lane.append(append, request.withinMs)
    } finally {
      if (result?.tag !== 'appended') for (const key of fresh) deps.keys.drop(key.subject)
    }
    if (result.tag === 'conflict') return { tag: 'conflict' }
    if (result.tag !== 'appended') return result
    states.set(request.stream, { version: result.version, state })
    if (decision.tag === 'refused') return { ...decision, position: result.position }
    return { tag: 'accepted', position: result.position, version: result.version, events }
  }

  /** Turns the decided facts into sealed rows with their claims, and folds them into the next state. Keys must be in memory. */
  const prepare = (request: HandleRequest, { model, known, events, subjects }: Decided) => {
    const rows: NewEvent[] = []
    const fresh: { subject: string; wrapped: Buffer }[] = []
    const take: string[] = []
    const release: string[] = []
    let state = known.state
    events.forEach((event, index) => {
      const subject = subjects[index] ?? request.stream
      const eventId = deps.newId()
      const sealed = deps.keys.sealData(event.data, {
        subject,
        aad: eventId,
        personal: model.personal[event.type] ?? [],
      })
      if (sealed.fresh) fresh.push(sealed.fresh)
      const claims = model.claimsOf(state, event)
      take.push(...claims.take.map(deps.pepper))
      release.push(...claims.release.map(deps.pepper))
      rows.push({ eventId, subject, type: event.type, data: sealed.data, meta: metaOf(request) })
      state = model.evolve(state, event)
    })
    const taken = new Set(take)
    return { rows, fresh, claims: { take: [...taken], release: release.filter((key) => !taken.has(key)) }, state }
  }

  /** What memory says about a stream; null when only the log can tell. */
  const recall = (request: HandleRequest): (StreamState & { readonly proven: boolean }) | null => {
    const cached = states.get(request.stream)
    if (cached) return { ...cached, proven: false }
    if (!request.isNew) return null
    return { version: 0, state: modelOf(deps.models, request.stream).initial, proven: false }
  }

  const handle = (request: HandleRequest): Promise<Handled> =>
    inTurn(request.stream, async () => {
      for (let race = 0; race < racesMax; race++) {
        const recalled = race === 0 ? recall(request) : null
        const result = await attempt(request, recalled ?? { ...(await load(request.stream, request)), proven: true })
        if (result.tag !== 'conflict') return result
        if (race > 2) await wait(Math.min(race, 20) * Math.random())
      }
      throw new Error(`Cannot append to "${request.stream}": the race was lost ${racesMax} times`)
    })

  return { handle, load, forget: (stream) => states.delete(stream) }
}

type Decided = {
  readonly model: StreamModel
  readonly known: StreamState
  readonly events: readonly Message[]
  readonly subjects: readonly string[]
}

const isPersonal = (model: StreamModel, event: Message | undefined): boolean =>
  (model.personal[event?.type ?? ''] ?? []).length > 0

/** Reads streams; those that are asked for while a statement is under way share the next one. */
const streamReader = (sql: Sql): ((stream: string, afterVersion: number) => Promise<readonly RecordedEvent[]>) => {
  const ask = gathering(async (keys) => {
    const asked = keys.map(keyedStream)
    const lowest = new Map<string, number>()
    for (const { stream, afterVersion } of asked)
      lowest.set(stream, Math.min(afterVersion, lowest.get(stream) ?? afterVersion))
    const found = await readStreams(
      sql,
      [...lowest].map(([stream, afterVersion]) => ({ stream, afterVersion })),
    )
    return new Map(
      asked.map(({ key, stream, afterVersion }) => [
        key,
        (found.get(stream) ?? []).filter((event) => event.version > afterVersion),
      ]),
    )
  })
  return async (stream, afterVersion) => {
    const key = `${afterVersion} ${stream}`
    return (await ask([key])).get(key) ?? []
  }
}

const keyedStream = (key: string): StreamFrom & { readonly key: string } => {
  const middle = key.indexOf(' ')
  return { key, stream: key.slice(middle + 1), afterVersion: Number(key.slice(0, middle)) }
}

const metaOf = (request: HandleRequest): NewEvent['meta'] => ({
  command: request.command.type,
  cause: request.cause,
  ...(request.actor === undefined ? {} : { actor: request.actor }),
  ...(request.reason === undefined ? {} : { reason: request.reason }),
  ...(request.origin === undefined ? {} : { origin: request.origin }),
})

const inboxRow = (
  row: InboxRow,
  decision: { tag: 'accepted' } | { tag: 'refused'; code: string },
  events: readonly NewEvent[],
): InboxRow => ({
  ...row,
  subject: row.subject ?? events[0]?.subject ?? null,
  reason: decision.tag === 'refused' ? decision.code : row.reason,
})
