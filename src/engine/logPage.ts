import type { Sql } from '../db/connect.ts'
import { statement } from '../db/query.ts'
import { invariant } from '../kernel/brand.ts'
import type { RecordedEvent } from '../log/log.ts'
import { readModelStatements } from './readModelTable.ts'

/** What folds and the opening of sealed fields need of an event. */
export type PageEvent = Pick<RecordedEvent, 'position' | 'eventId' | 'subject' | 'type' | 'data'>

/** A range of the log: its last position, and the events of the wanted types. */
export type LogPage = { readonly to: number; readonly events: readonly PageEvent[] }

type PageRow = {
  readonly last: number | null
  readonly types: readonly string[] | null
  readonly subjects: readonly string[] | null
  readonly eventIds: readonly string[] | null
  readonly data: readonly PageEvent['data'][] | null
}

/**
 * Reads the events of the wanted types after one position up to another, or up to the end of the log. Throws when a position before
 * the last one is missing.
 */
export const readPage = async (
  sql: Sql,
  { from, to, types }: { readonly from: number; readonly to: number; readonly types: readonly string[] },
): Promise<LogPage> => {
  const text = statement(readModelStatements, 'read_page')
  const [row] = await sql.unsafe<PageRow[]>(text, [from, to, [...types]], { prepare: true })
  const all = row?.types ?? []
  const last = row?.last ?? from
  // Positions are unique, so as many events as positions leave no hole.
  if (all.length !== last - from)
    throw new Error(`The log is corrupt: positions ${from + 1} to ${last} hold ${all.length} events`)
  const wanted = new Set(types)
  const events: PageEvent[] = []
  for (const [index, type] of all.entries()) {
    if (!wanted.has(type)) continue
    const subject = row?.subjects?.[events.length]
    const eventId = row?.eventIds?.[events.length]
    const data = row?.data?.[events.length]
    invariant(
      subject !== undefined && eventId !== undefined && data !== undefined,
      'a wanted event has all its columns',
    )
    events.push({ position: from + 1 + index, eventId, subject, type, data })
  }
  return { to: last, events }
}
