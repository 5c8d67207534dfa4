import { databaseError, type Sql } from '../db/connect.ts'
import { statement } from '../db/query.ts'
import type { Settlement } from '../log/appendRequest.ts'
import { outboxStatements } from './react.ts'

/** Settlements of one statement. */
const batchMax = 500
/** Tries of a statement that lost against another one. */
const triesMax = 5

/** Settles attempts that carry no events: what arrives while a statement runs goes into the next one. */
export type SettleLane = { readonly settle: (settlement: Settlement) => Promise<void> }

/** Opens the lane over a pool. Settlements are fenced by their attempt, so one that comes too late changes nothing. */
export const openSettleLane = (sql: Sql): SettleLane => {
  let queue: { settlement: Settlement; resolve: () => void; reject: (error: unknown) => void }[] = []
  let running = false

  const drain = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch = queue.slice(0, batchMax)
      queue = queue.slice(batchMax)
      try {
        const columns = columnsOf(batch.map(({ settlement }) => settlement))
        await again(() => sql.unsafe(statement(outboxStatements, 'settle_effects'), columns, { prepare: true }))
        for (const member of batch) member.resolve()
      } catch (error) {
        for (const member of batch) member.reject(error)
      }
    }
    running = false
  }

  return {
    settle: (settlement) =>
      new Promise((resolve, reject) => {
        queue.push({ settlement, resolve, reject })
        if (running) return
        running = true
        queueMicrotask(drain)
      }),
  }
}

/** A statement that the server gave up in favour of another one took no effect, and is simply sent again. */
const again = async (send: () => PromiseLike<unknown>): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      await send()
      return
    } catch (error) {
      const code = databaseError(error)?.code ?? ''
      if (attempt === triesMax || !['40P01', '40001', '55P03'].includes(code)) throw error
    }
  }
}

/**
 * The parameters of the statement: PostgreSQL reads a list for each column faster than a document for each row. JSON holds no line feed,
 * so that its lists are lines, in which no quote needs to be escaped.
 */
const columnsOf = (settlements: readonly Settlement[]): (string | (string | null)[])[] => [
  list(settlements.map(({ effectId }) => effectId)),
  list(settlements.map(({ attempt }) => attempt)),
  list(settlements.map(({ status }) => status)),
  list(settlements.map(({ firstAttemptAt }) => firstAttemptAt)),
  lines(settlements.map(({ outcome }) => outcome)),
  settlements.map(({ error }) => error),
  list(settlements.map(({ dueAt }) => dueAt)),
  lines(settlements.map(({ history }) => history)),
]

/** An array of PostgreSQL; for ids, numbers, moments and our own words, which need no quotes. */
const list = (values: readonly (string | number | null)[]): string =>
  `{${values.map((value) => value ?? 'null').join(',')}}`

const lines = (values: readonly unknown[]): string => values.map((value) => JSON.stringify(value)).join('\n')
