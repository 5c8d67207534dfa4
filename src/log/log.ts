import type { Sql } from '../db/connect.ts'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import { invariant } from '../kernel/brand.ts'
import type { Instant } from '../kernel/time.ts'
import type { EventMeta } from './appendRequest.ts'

/** An event as the log holds it; personal fields are still sealed. */
export type RecordedEvent = {
  readonly position: number
  readonly eventId: string
  readonly stream: string
  readonly version: number
  readonly subject: string
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
  readonly meta: EventMeta
  readonly recordedAt: Instant
}

/** An event as a follower sees it: without data and meta when the follower did not ask for its type. */
export type FollowedEvent = Omit<RecordedEvent, 'data' | 'meta'> & {
  readonly data: RecordedEvent['data'] | null
  readonly meta: EventMeta | null
}

const named = statements(sqlText('log.sql'))
const prepared = { prepare: true } as const

/** A stream, and the version after which its events are wanted. */
export type StreamFrom = { readonly stream: string; readonly afterVersion: number }

/** The events of some streams after a version each, in order; all by one statement. A stream without such events is absent. */
export const readStreams = async (
  sql: Sql,
  wanted: readonly StreamFrom[],
): Promise<ReadonlyMap<string, readonly RecordedEvent[]>> => {
  const parameters = [wanted.map(({ stream }) => stream), wanted.map(({ afterVersion }) => afterVersion)]
  const found = await sql.unsafe<RecordedEvent[]>(statement(named, 'read_streams'), parameters, prepared)
  return Map.groupBy(found, (event) => event.stream)
}

/**
 * The next events after a position, at most `limit`; only events of the given types carry data.
 * Throws when a position is missing: positions are gapless by construction, so a hole is corruption.
 */
export const readAfter = async (
  sql: Sql,
  at: { position: number; limit: number; types: readonly string[] },
): Promise<FollowedEvent[]> => {
  const events = await rows(
    sql.unsafe<FollowedEvent[]>(statement(named, 'read_after'), [at.position, at.limit, [...at.types]], prepared),
  )
  assertGapless(at.position, events)
  return events
}

/** Throws unless each position is the last one plus one. */
export const assertGapless = (after: number, events: readonly { readonly position: number }[]): void => {
  let last = after
  for (const event of events) {
    if (event.position !== last + 1)
      throw new Error(`The log is corrupt: after position ${last} comes ${event.position}`)
    last = event.position
  }
}

/** All events about a person or company up to a position, in order. */
export const readSubject = (sql: Sql, subject: string, upTo: number): Promise<RecordedEvent[]> =>
  rows(sql.unsafe<RecordedEvent[]>(statement(named, 'read_subject'), [subject, upTo], prepared))

/** One event by its id; null when there is none. */
export const readEvent = async (sql: Sql, eventId: string): Promise<RecordedEvent | null> => {
  const [row] = await sql.unsafe<RecordedEvent[]>(statement(named, 'read_event'), [eventId], prepared)
  return row ?? null
}

/** The position of the newest event; 0 for an empty log. */
export const headPosition = async (sql: Sql): Promise<number> => {
  const [row] = await sql.unsafe<{ position: number }[]>(statement(named, 'head_position'), [], prepared)
  invariant(row, 'the head row exists')
  return row.position
}

/** The last position that was recorded at or before a moment; 0 when there was none. */
export const positionAt = async (sql: Sql, at: Instant): Promise<number> => {
  const [row] = await sql.unsafe<{ position: number }[]>(statement(named, 'position_at'), [at], prepared)
  return row?.position ?? 0
}

/** Who holds these peppered claims. */
export const claimHolders = async (sql: Sql, keys: readonly string[]): Promise<ReadonlyMap<string, string>> => {
  if (keys.length === 0) return new Map()
  const found = await sql.unsafe<{ key: string; stream: string }[]>(
    statement(named, 'claim_holders'),
    [[...keys]],
    prepared,
  )
  return new Map(found.map((row) => [row.key, row.stream]))
}

const rows = async <Row>(pending: PromiseLike<Iterable<Row>>): Promise<Row[]> => [...(await pending)]
