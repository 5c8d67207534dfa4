import postgres from 'postgres'
import { plainRow } from '../hub.ts'

const columns = ['position', 'event_id', 'stream', 'version', 'subject', 'type', 'data', 'meta', 'recorded_at'] as const

/** A client of plain postgres.js, with nothing of ours. */
export const openPlain = (url: string, connectionsMax: number) =>
  postgres(url, { max: connectionsMax, onnotice: () => {} })

/** The client that `openPlain` opens. */
export type Plain = ReturnType<typeof openPlain>

/** Inserts some rows into hub.events by one statement, which is one commit; positions are counted in memory. */
export const plainInserts = (sql: Plain) => {
  let position = 0
  return async (writer: number, rows: number): Promise<number> => {
    const batch = Array.from({ length: rows }, () => plainRow(++position, writer))
    await sql`insert into hub.events ${sql(batch as never, columns as never)}`
    return rows
  }
}
