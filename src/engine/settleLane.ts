import type { Sql } from '../db/connect.ts'
import { statement } from '../db/query.ts'
import type { Settlement } from '../log/appendRequest.ts'
import { outboxStatements } from './react.ts'

/** Settlements of one statement. */
const batchMax = 500

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
        await sql.unsafe(
          statement(outboxStatements, 'settle_effects'),
          [JSON.stringify(batch.map(({ settlement }) => rowOf(settlement)))],
          { prepare: true },
        )
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

const rowOf = (settlement: Settlement) => ({
  e: settlement.effectId,
  a: settlement.attempt,
  st: settlement.status,
  o: settlement.outcome ?? null,
  er: settlement.error,
  du: settlement.dueAt,
  h: [settlement.history],
})
