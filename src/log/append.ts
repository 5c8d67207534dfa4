import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { databaseError, isDatabaseAway, type Sql } from '../db/connect.ts'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import { invariant } from '../kernel/brand.ts'
import type { Instant } from '../kernel/time.ts'
import type { AppendRequest, AppendResult } from './appendRequest.ts'
import { list, type PreparedAppend, prepareAppend, renderBatch } from './appendRows.ts'

/** Members of one batch: beyond this a batch costs more latency than it saves commits. */
const batchAppendsMax = 512
/** Bytes of one batch's parameters, so that one huge delivery does not hold the head row for long. */
const batchBytesMax = 8 * 1024 * 1024
/** Appends that wait: beyond this the service is drowning, and senders are told to come again. */
const queueMax = 20_000
/** Urgent appends find room when the queue is full of others. */
const urgentRoom = 2000
/** A batch that is not answered in this time is taken for lost with its connection, and looked up over a new one. */
const answerWithinMs = 10_000
/** Batches on their way at once, over the one connection: while PostgreSQL commits one, the next is written and the last one's callers go on. */
const inFlightMax = 2
/** With fewer waiting, they share one commit; with more, half of them go ahead, so that two batches are on their way. */
const splitFrom = 16

const named = statements(sqlText('log.sql'))
const appendText = statement(named, 'append')
const appendOneText = statement(named, 'append_one')
const appendEventsText = statement(named, 'append_events')
const findText = statement(named, 'find_appended')

/** Makes the error that says: the database could not be reached, or did not answer in time; nothing was acknowledged. */
const logAway = (message: string): Error => Object.assign(new Error(message), { code: 'LOG_AWAY' })

/** Whether an append failed because the database is away; the same append may succeed later. */
export const isLogAway = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'LOG_AWAY'

type Waiting = {
  readonly prepared: PreparedAppend
  readonly expiresAt: number
  readonly urgent: boolean
  readonly resolve: (result: AppendResult) => void
  readonly reject: (error: unknown) => void
}

type BatchRow = {
  readonly head: number
  readonly recordedAt: Instant
  /** Null when all are appended, one after the other behind the head. */
  readonly verdicts: readonly number[] | null
  readonly versions: readonly number[]
  readonly positions: readonly number[] | null
  readonly details: {
    readonly firsts: readonly { i: number; w: string; same: boolean; p: number | null; n: number | null }[]
    readonly holders: readonly { i: number; k: string; s: string }[]
  } | null
}

type FoundRow = {
  readonly id: string
  readonly position: number
  readonly version: number
  readonly recordedAt: Instant
}

/** What the lane needs of the world. */
export type LaneDeps = {
  /** Opens a client of exactly one connection; called again after a connection was given up. */
  readonly open: () => Sql
  /** Milliseconds, monotonic enough for deadlines. */
  readonly nowMs: () => number
  /** Called after every batch that appended events, with the new head. */
  readonly onAppended?: (head: number) => void
  /** Told before a batch is sent and after it is answered; tests kill the process there. */
  readonly boundary?: (name: string) => void
}

/** The one lane of a process through which everything is appended. */
export type Lane = {
  /** Appends when its turn comes; everything that waits meanwhile shares the commit. Rejects with an error that `isLogAway` tells after `withinMs`. */
  readonly append: (request: AppendRequest, withinMs?: number) => Promise<AppendResult>
  /** Resolves when nothing waits any more, then closes the connection. */
  readonly close: () => Promise<void>
  /** How many appends wait, and batches and members so far. */
  readonly stats: () => { readonly waiting: number; readonly batches: number; readonly appends: number }
}

/**
 * Opens the lane. At most two batches are in flight, in order, over one connection, and whatever arrived meanwhile goes into the next
 * one: under load batches grow by themselves, and a lone append pays one commit and waits for no timer.
 */
export const openLane = (deps: LaneDeps): Lane => {
  let connection = newConnection(deps.open)
  let queue: Waiting[] = []
  /** Streams, keys, claims and effects of the batches in flight: who touches them too waits for their end. */
  const inFlight = new Set<string>()
  let sending = 0
  /** The head after our last batch, and whether it was still there at the next one: beside others a larger batch is worth more than an early one. */
  let lastHead = 0
  let alone = true
  let scheduled = false
  let closed = false
  let idle: (() => void) | null = null
  const stats = { batches: 0, appends: 0 }

  const append = (request: AppendRequest, withinMs = answerWithinMs): Promise<AppendResult> =>
    new Promise((resolve, reject) => {
      if (closed) return reject(logAway('Cannot append: the service is stopping'))
      const urgent = request.urgent === true
      if (queue.length >= queueMax + (urgent ? urgentRoom : 0))
        return reject(logAway(`Cannot append: ${queueMax} appends wait already`))
      queue.push({ prepared: prepareAppend(request), expiresAt: deps.nowMs() + withinMs, urgent, resolve, reject })
      schedule()
    })

  /** Everything that is asked in this turn of the loop is taken together. */
  const schedule = (): void => {
    if (scheduled || sending >= inFlightMax) return
    scheduled = true
    queueMicrotask(() => {
      scheduled = false
      drain()
    })
  }

  const drain = (): void => {
    while (queue.length > 0 && sending < inFlightMax) {
      const split = alone && sending === 0 && queue.length >= splitFrom
      const limit = Math.min(batchAppendsMax, split ? Math.ceil(queue.length / inFlightMax) : batchAppendsMax)
      const { batch, rest } = nextBatch(queue, { inFlight, limit, nowMs: deps.nowMs() })
      queue = rest
      if (batch.length === 0) break
      void take(batch)
    }
    if (queue.length === 0 && sending === 0) idle?.()
  }

  const take = async (batch: readonly Waiting[]): Promise<void> => {
    sending += 1
    for (const member of batch) for (const thing of member.prepared.touches) inFlight.add(thing)
    try {
      await send(batch)
    } finally {
      for (const member of batch) for (const thing of member.prepared.touches) inFlight.delete(thing)
      sending -= 1
      schedule()
    }
  }

  const send = async (batch: readonly Waiting[]): Promise<void> => {
    const over = connection
    try {
      deps.boundary?.('append:before-commit')
      const prepared = batch.map((member) => member.prepared)
      const answer = (await appendedAlone(over, prepared)) ?? (await appended(over, prepared))
      deps.boundary?.('append:after-commit')
      settle(batch, answer)
    } catch (error) {
      if (isDatabaseAway(error) || isLogAway(error)) return resolveDoubt(batch, over)
      if (batch.length === 1) return batch[0]?.reject(error)
      // One member holds something that PostgreSQL refuses: halving finds it without failing its neighbours.
      const middle = batch.length >> 1
      await send(batch.slice(0, middle))
      await send(batch.slice(middle))
    }
  }

  const settle = (batch: readonly Waiting[], { row, offsets }: BatchAnswer): void => {
    stats.batches += 1
    stats.appends += batch.length
    let appended = 0
    batch.forEach((member, index) => {
      const result = resultOf(member.prepared, { index, row, offset: offsets[index] ?? 0 })
      if (result.tag === 'appended') appended += member.prepared.eventCount
      member.resolve(result)
    })
    alone = row.head === lastHead
    lastHead = row.head + appended
    if (appended > 0) deps.onAppended?.(lastHead)
  }

  /**
   * The connection was lost with the answer: what was committed is looked up under the head lock, never assumed. The lost connection is
   * revoked by the same statement, so that a batch which still lies in its socket can no longer be appended behind our back.
   */
  const resolveDoubt = async (batch: readonly Waiting[], lost: Connection): Promise<void> => {
    for (let attempt = 0; ; attempt++) {
      if (connection === lost) connection = newConnection(deps.open)
      await lost.sql.end({ timeout: 0 }).catch(() => {})
      const over = connection
      try {
        const eventIds = batch.flatMap((member) => member.prepared.firstEventId ?? [])
        const webhookIds = batch.flatMap((member) => member.prepared.webhookId ?? [])
        const rows = await inTime(over.sql.unsafe<FoundRow[]>(findText, [lost.id, list(eventIds), list(webhookIds)]))
        const found = new Map(rows.map((row) => [row.id, row]))
        const again = batch.filter((member) => !tell(member, found))
        // Not committed, and nobody was told anything: they take their turn again, first.
        queue = [...again, ...queue]
        return
      } catch (error) {
        if (!isDatabaseAway(error) && !isLogAway(error)) {
          for (const member of batch) member.reject(error)
          return
        }
        if (closed || batch.every((member) => member.expiresAt < deps.nowMs())) {
          for (const member of batch) member.reject(logAway('Cannot append: the database is away'))
          // The doubt may be dropped: the senders were told nothing, and their repeat finds what was committed.
          return
        }
        if (connection === over) connection = newConnection(deps.open)
        await over.sql.end({ timeout: 0 }).catch(() => {})
        await wait(Math.min(50 * 2 ** attempt, 1000))
      }
    }
  }

  const close = async (): Promise<void> => {
    closed = true
    if (queue.length > 0 || sending > 0)
      await new Promise<void>((resolve) => {
        idle = resolve
      })
    await connection.sql.end({ timeout: 5 })
  }

  return { append, close, stats: () => ({ waiting: queue.length, ...stats }) }
}

/** A connection and its name, under which it can be revoked. */
type Connection = { readonly sql: Sql; readonly id: string }

const newConnection = (open: () => Sql): Connection => ({ sql: open(), id: randomUUID() })

/** The answer, or a rejection when it does not come in time. */
const inTime = <T>(answer: PromiseLike<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const late = (): void => reject(logAway(`Cannot append: the database did not answer within ${answerWithinMs} ms`))
    const timer = setTimeout(late, answerWithinMs)
    answer.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })

/** The row of a batch, and how many events come before those of each member. */
type BatchAnswer = { readonly row: BatchRow; readonly offsets: readonly number[] }

const appended = async ({ sql, id }: Connection, batch: readonly PreparedAppend[]): Promise<BatchAnswer> => {
  const { onlyEvents, parameters, offsets } = renderBatch(batch)
  const text = onlyEvents ? appendEventsText : appendText
  const [row] = await inTime(sql.unsafe<BatchRow[]>(text, [id, ...parameters], { prepare: true }))
  invariant(row, 'hub.append answers with one row')
  return { row, offsets }
}

const uniqueViolation = '23505'

/** One event alone, by the statement that can only append it; null when the batch is another, or was not appended for some reason. */
const appendedAlone = async (
  { sql, id }: Connection,
  [only, second]: readonly PreparedAppend[],
): Promise<BatchAnswer | null> => {
  if (!only?.alone || second) return null
  try {
    const [row] = await inTime(
      sql.unsafe<Pick<BatchRow, 'head' | 'recordedAt'>[]>(appendOneText, [id, ...only.alone], { prepare: true }),
    )
    const versions = [only.expectedVersion ?? 0]
    return row ? { row: { ...row, verdicts: null, versions, positions: null, details: null }, offsets: [0] } : null
  } catch (error) {
    if (databaseError(error)?.code === uniqueViolation) return null
    throw error
  }
}

/**
 * Takes what can share one commit, the urgent first and then in order. A member that touches the same thing as an earlier one waits
 * for a later batch.
 */
const nextBatch = (
  queue: readonly Waiting[],
  at: { readonly inFlight: ReadonlySet<string>; readonly limit: number; readonly nowMs: number },
): { batch: Waiting[]; rest: Waiting[] } => {
  const batch: Waiting[] = []
  const rest: Waiting[] = []
  const touched = new Set<string>()
  let bytes = 0
  for (const member of urgentFirst(queue)) {
    if (member.expiresAt < at.nowMs) {
      member.reject(logAway('Cannot append: the database did not answer in time'))
      continue
    }
    const full = batch.length >= at.limit || (batch.length > 0 && bytes + member.prepared.bytes > batchBytesMax)
    const clashes = full || member.prepared.touches.some((thing) => touched.has(thing) || at.inFlight.has(thing))
    // Also a waiting member reserves its things, so that two appends to one stream keep their order.
    for (const thing of member.prepared.touches) touched.add(thing)
    if (clashes) rest.push(member)
    else {
      batch.push(member)
      bytes += member.prepared.bytes
    }
  }
  return { batch, rest }
}

const urgentFirst = (queue: readonly Waiting[]): readonly Waiting[] => {
  const urgent = queue.filter((member) => member.urgent)
  return urgent.length === 0 ? queue : [...urgent, ...queue.filter((member) => !member.urgent)]
}

const resultOf = (
  prepared: PreparedAppend,
  { index, row, offset }: { readonly index: number; readonly row: BatchRow; readonly offset: number },
): AppendResult => {
  const i = index + 1
  const version = row.versions[index] ?? 0
  switch (row.verdicts?.[index] ?? 0) {
    case 0: {
      const first = row.positions?.[index] ?? row.head + 1 + offset
      return {
        tag: 'appended',
        firstPosition: first,
        position: first + prepared.eventCount - 1,
        version: version + prepared.eventCount,
        recordedAt: row.recordedAt,
      }
    }
    case 1: {
      const first = row.details?.firsts.find((entry) => entry.i === i)
      invariant(first, 'a duplicate names the first delivery')
      return {
        tag: 'duplicate',
        webhookId: first.w,
        same: first.same,
        firstPosition: first.p,
        eventCount: first.n ?? 0,
      }
    }
    case 2:
      return { tag: 'fenced' }
    case 3: {
      const holder = row.details?.holders.find((entry) => entry.i === i)
      invariant(holder, 'a taken claim names its holder')
      return { tag: 'claimed', key: holder.k, stream: holder.s }
    }
    default:
      return { tag: 'conflict', version }
  }
}

/** Tells a member of a doubtful batch what became of it; false when it was not committed. */
const tell = (member: Waiting, found: ReadonlyMap<string, FoundRow>): boolean => {
  const { firstEventId, webhookId, eventCount, settles } = member.prepared
  const row = found.get(firstEventId ?? webhookId ?? '')
  if (row) {
    const version = firstEventId ? row.version + eventCount - 1 : row.version
    member.resolve({
      tag: 'appended',
      firstPosition: row.position,
      position: row.position + eventCount - 1,
      version,
      recordedAt: row.recordedAt,
    })
  } else if (!firstEventId && !webhookId && settles) {
    // A settlement alone leaves no id behind; its fence makes a repeat harmless, and the lease returns it.
    member.resolve({ tag: 'fenced' })
  } else return false
  return true
}
