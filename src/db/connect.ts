import postgres from 'postgres'
import { type Instant, instant } from '../kernel/time.ts'

/** The client of one PostgreSQL, with our types: int8 as a safe number, timestamptz as an Instant text, bytea as bytes. */
export type Sql = ReturnType<typeof connect>

/** How a pool is opened. */
export type ConnectOptions = {
  readonly connectionsMax: number
  /** Shown in pg_stat_activity. */
  readonly applicationName: string
  /** False behind a transaction pooler, which does not keep statements by name. */
  readonly prepare: boolean
  /** Every statement ends within this time on the server; 0: no limit. */
  readonly statementTimeoutMs: number
}

const safeInteger = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError('Cannot read int8 as a number: it is outside the safe range')
  return value
}

/** Object identifiers of PostgreSQL's own types. */
const oid = { int8: 20, numeric: 1700, timestamptz: 1184 }

const utcText = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00$/

/** Sessions speak UTC, so a timestamptz needs no calendar: its text is cut into the shape of an Instant. */
const readInstant = (text: string): Instant => {
  if (!utcText.test(text)) return instant(new Date(text))
  const fraction = text.length > 22 ? text.slice(20, Math.min(23, text.length - 3)).padEnd(3, '0') : '000'
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction}Z` as Instant
}

/** Opens a lazy pool: no connection is made before the first statement. */
export const connect = (url: string, options: ConnectOptions) =>
  postgres(url, {
    max: options.connectionsMax,
    prepare: options.prepare,
    connect_timeout: 5,
    idle_timeout: 0,
    max_lifetime: null,
    onnotice: () => {},
    connection: {
      application_name: options.applicationName,
      statement_timeout: options.statementTimeoutMs,
      idle_in_transaction_session_timeout: 60_000,
      TimeZone: 'UTC',
    },
    types: {
      int8: {
        to: oid.int8,
        from: [oid.int8],
        serialize: (value: number | bigint) => String(value),
        parse: safeInteger,
      },
      instant: {
        to: oid.timestamptz,
        from: [oid.timestamptz],
        serialize: (value: string | Date) => (value instanceof Date ? value.toISOString() : value),
        parse: readInstant,
      },
    },
    transform: { column: { from: postgres.toCamel } },
  })

/** The SQLSTATE and constraint of a database error; null for anything else. */
export const databaseError = (error: unknown): { readonly code: string; readonly constraint: string | null } | null => {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null
  const constraint =
    'constraint_name' in error && typeof error.constraint_name === 'string' ? error.constraint_name : null
  return { code: error.code, constraint }
}

/** Whether an error means that the database could not be reached, was lost, or is full: the same statement may succeed later. */
export const isDatabaseAway = (error: unknown): boolean => {
  const known = databaseError(error)
  if (!known) return false
  if (
    /^(CONNECTION_|CONNECT_TIMEOUT|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)/.test(known.code)
  )
    return true
  return /^(08|53|57P)/.test(known.code) || known.code === '25006'
}
