import type { Sql } from '../db/connect.ts'
import { statement } from '../db/query.ts'
import type { Instant } from '../kernel/time.ts'
import { outboxStatements } from './react.ts'
import type { ClaimedEffect } from './settlement.ts'

/** Seconds of a lease; extended while attempts run, so that a dead worker's effects are free within half a minute. */
const leaseSeconds = 15
const prepared = { prepare: true } as const

/** What a worker holds: one lease for all effects that it claimed at once. */
export type Leases = {
  /** Claims what is due at a destination. */
  readonly claim: (destination: string, limit: number) => Promise<readonly ClaimedEffect[]>
  /** An attempt is over. One that may not be settled leaves its lease to run out, which ends it. */
  readonly end: (effect: ClaimedEffect, settled: boolean) => void
  /** Extends the leases whose attempts still run, and gives up those that are over. */
  readonly extend: () => Promise<void>
  /** Puts effects back whose attempts were not begun. */
  readonly handBack: (effects: readonly ClaimedEffect[]) => Promise<void>
}

type Lease = { open: number; settled: boolean }

type ClaimedRow = Omit<ClaimedEffect, 'destination' | 'firstAttemptAt' | 'claimedAt' | 'lease'> & {
  readonly firstAttemptAt: Instant | null
  /** Told with the first row only, because it is the same for all. */
  readonly claimedAt: Instant | null
}

/** Opens the leases of a worker, which counts its claims. */
export const openLeases = (sql: Sql, worker: string): Leases => {
  const held = new Map<number, Lease>()
  /** Leases that are over and still have their row. */
  let over: number[] = []
  let claims = 0

  /** Sends a statement that gives up the leases that are over; they are over still when it fails. */
  const givingUp = async <T>(send: (given: readonly number[]) => PromiseLike<T>): Promise<T> => {
    const given = over
    over = []
    try {
      return await send(given)
    } catch (error) {
      over.push(...given)
      throw error
    }
  }

  const end = (effect: ClaimedEffect, settled: boolean): void => {
    const lease = held.get(effect.lease)
    if (!lease) return
    lease.open -= 1
    lease.settled &&= settled
    if (lease.open > 0) return
    held.delete(effect.lease)
    if (lease.settled) over.push(effect.lease)
  }

  return {
    end,
    claim: async (destination, limit) => {
      claims += 1
      const lease = claims
      const rows = await givingUp((given) =>
        sql.unsafe<ClaimedRow[]>(
          statement(outboxStatements, 'claim_effects'),
          [destination, limit, leaseSeconds, worker, lease, [...given]],
          prepared,
        ),
      )
      const claimedAt = rows[0]?.claimedAt
      if (!claimedAt) return []
      held.set(lease, { open: rows.length, settled: true })
      return rows.map((row) => ({
        effectId: row.effectId,
        destination,
        kind: row.kind,
        eventId: row.eventId,
        subject: row.subject,
        payload: row.payload,
        attempt: row.attempt,
        firstAttemptAt: row.firstAttemptAt ?? claimedAt,
        claimedAt,
        lease,
      }))
    },
    extend: async () => {
      const running = [...held.keys()]
      if (running.length > 0)
        await sql.unsafe(statement(outboxStatements, 'extend_leases'), [worker, running, leaseSeconds], prepared)
      if (over.length > 0)
        await givingUp((given) =>
          sql.unsafe(statement(outboxStatements, 'release_leases'), [worker, [...given]], prepared),
        )
    },
    handBack: async (effects) => {
      if (effects.length === 0) return
      const leases = [...new Set(effects.map((effect) => effect.lease))]
      const ids = effects.map((effect) => effect.effectId)
      await sql.unsafe(statement(outboxStatements, 'hand_back'), [worker, leases, ids])
      for (const effect of effects) end(effect, true)
    },
  }
}
