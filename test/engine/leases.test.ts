import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Sql } from '../../src/db/connect.ts'
import { statement, statements } from '../../src/db/query.ts'
import { sqlText } from '../../src/db/sqlText.ts'
import { openLeases } from '../../src/engine/leases.ts'
import { outboxStatements } from '../../src/engine/react.ts'
import { openSettleLane } from '../../src/engine/settleLane.ts'
import type { ClaimedEffect } from '../../src/engine/settlement.ts'
import { instant } from '../../src/kernel/time.ts'
import type { Settlement } from '../../src/log/appendRequest.ts'
import { testCore } from '../support/core.ts'
import { loseLeases, putEffect, putWaiting } from '../support/effects.ts'

const behaves = (title: string, work: (sql: Sql) => Promise<void>): void => {
  it(title, async () => {
    const rig = await testCore()
    try {
      await work(rig.core.sql)
    } finally {
      await rig.close()
    }
  })
}

const newWorker = (sql: Sql) => openLeases(sql, `worker-${randomUUID()}`)

const settlement = (effect: ClaimedEffect, status: Settlement['status']): Settlement => ({
  effectId: effect.effectId,
  attempt: effect.attempt,
  status,
  outcome: { tag: status },
  error: null,
  dueAt: status === 'waiting' ? instant(0) : null,
  history: { attempt: effect.attempt, outcome: status },
  firstAttemptAt: effect.firstAttemptAt,
})

const expire = (sql: Sql, after = 'repeat') =>
  sql.unsafe(statement(outboxStatements, 'expire_leases'), [JSON.stringify([{ name: 'fns', after }])])

const ofId = async (sql: Sql, id: string | undefined) => {
  const [row] = await sql<
    { status: string; attempt: number; lastError: string | null; history: readonly { code?: string }[] }[]
  >`select status, attempt, last_error, history from hub.effects where effect_id = ${id ?? ''}`
  return row
}

const statuses = async (sql: Sql): Promise<Record<string, number>> => {
  const rows = await sql<{ status: string; count: number }[]>`
    select status, count(*)::int as count from hub.effects group by status`
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]))
}

const countOf = async (sql: Sql, table: 'effect_leases' | 'effect_queue'): Promise<number> => {
  const [row] = await sql.unsafe<{ count: number }[]>(`select count(*)::int as count from hub.${table}`)
  return row?.count ?? 0
}

describe('a lease', () => {
  behaves('holds what was claimed at once: it runs, with its attempt, and nobody else can claim it', async (sql) => {
    await putWaiting(sql, 3, 'fns')
    const claimed = await newWorker(sql).claim('fns', 2)
    assert.deepEqual(
      claimed.map(({ attempt, destination }) => [attempt, destination]),
      [
        [1, 'fns'],
        [1, 'fns'],
      ],
    )
    assert.deepEqual(await statuses(sql), { running: 2, waiting: 1 })
    assert.equal((await ofId(sql, claimed[0]?.effectId))?.attempt, 1)
    assert.equal((await newWorker(sql).claim('fns', 10)).length, 1)
    assert.equal((await newWorker(sql).claim('fns', 10)).length, 0)
  })

  behaves(
    'that runs out loses what was not settled, and only that; who comes too late settles nothing',
    async (sql) => {
      await putWaiting(sql, 3, 'fns')
      const [done, slow, lost] = await newWorker(sql).claim('fns', 3)
      assert.ok(done && slow && lost)
      const lane = openSettleLane(sql)
      await lane.settle(settlement(done, 'done'))
      await expire(sql)
      assert.deepEqual(await statuses(sql), { done: 1, running: 2 })
      await loseLeases(sql)
      await expire(sql)
      await lane.settle(settlement(slow, 'done'))
      assert.deepEqual(await statuses(sql), { done: 1, waiting: 2 })
      assert.equal(await countOf(sql, 'effect_leases'), 0)
      const row = await ofId(sql, lost.effectId)
      assert.deepEqual(
        [row?.attempt, row?.lastError, row?.history.map(({ code }) => code)],
        [1, 'lease-expired', ['lease-expired']],
      )
      const again = await newWorker(sql).claim('fns', 3)
      assert.deepEqual(
        again.map(({ attempt }) => attempt),
        [2, 2],
      )
      assert.equal(again[0]?.firstAttemptAt, slow.firstAttemptAt)
    },
  )

  behaves('leaves what it lost unknown where it must not be repeated', async (sql) => {
    await putWaiting(sql, 2, 'fns')
    await newWorker(sql).claim('fns', 2)
    await loseLeases(sql)
    await expire(sql, 'ask')
    assert.deepEqual(await statuses(sql), { unknown: 2 })
    assert.equal(await countOf(sql, 'effect_queue'), 0)
  })

  behaves('that runs out does not touch an effect which waited again and is held by another one', async (sql) => {
    await putWaiting(sql, 2, 'fns')
    const [again, lost] = await newWorker(sql).claim('fns', 2)
    assert.ok(again && lost)
    const lane = openSettleLane(sql)
    await lane.settle(settlement(again, 'waiting'))
    const other = newWorker(sql)
    const [second] = await other.claim('fns', 2)
    assert.deepEqual([second?.effectId, second?.attempt], [again.effectId, 2])
    await sql`update hub.effect_leases set leased_until = clock_timestamp() - interval '1 second' where attempts @> array[1]`
    await expire(sql)
    assert.equal((await ofId(sql, again.effectId))?.status, 'running')
    assert.equal((await ofId(sql, lost.effectId))?.status, 'waiting')
    assert.ok(second)
    await lane.settle(settlement(again, 'refused'))
    assert.equal((await ofId(sql, again.effectId))?.status, 'running')
    await lane.settle(settlement(second, 'done'))
    assert.deepEqual(await statuses(sql), { done: 1, waiting: 1 })
  })

  behaves('gives back what was not begun, and that attempt did not happen', async (sql) => {
    await putWaiting(sql, 3, 'fns')
    const worker = newWorker(sql)
    const [begun, ...others] = await worker.claim('fns', 3)
    assert.ok(begun)
    await worker.handBack(others)
    assert.deepEqual(await statuses(sql), { running: 1, waiting: 2 })
    assert.equal((await ofId(sql, others[0]?.effectId))?.attempt, 0)
    const taken = await newWorker(sql).claim('fns', 3)
    assert.deepEqual(
      taken.map(({ effectId }) => effectId).toSorted(),
      others.map(({ effectId }) => effectId).toSorted(),
    )
    await sql`update hub.effect_leases set leased_until = clock_timestamp() - interval '1 second' where cardinality(effects) = 1`
    await expire(sql)
    assert.deepEqual(await statuses(sql), { running: 2, waiting: 1 })
  })

  behaves('that was lost gives nothing back', async (sql) => {
    await putWaiting(sql, 2, 'fns')
    const worker = newWorker(sql)
    const claimed = await worker.claim('fns', 2)
    await loseLeases(sql)
    await expire(sql)
    const [second] = await newWorker(sql).claim('fns', 1)
    await worker.handBack(claimed)
    assert.deepEqual(await statuses(sql), { running: 1, waiting: 1 })
    assert.equal((await ofId(sql, second?.effectId))?.attempt, 2)
  })

  behaves(
    'is gone with the next claim when all of it is settled; one that may not be settled runs out',
    async (sql) => {
      await putWaiting(sql, 3, 'fns')
      const worker = newWorker(sql)
      const [first] = await worker.claim('fns', 1)
      const [second] = await worker.claim('fns', 1)
      assert.ok(first && second)
      await openSettleLane(sql).settle(settlement(first, 'done'))
      worker.end(first, true)
      worker.end(second, false)
      await worker.claim('fns', 1)
      assert.equal(await countOf(sql, 'effect_leases'), 2)
      const untilOf = async () => {
        const rows = await sql<{ number: number; leasedUntil: string }[]>`
        select number, leased_until from hub.effect_leases order by number`
        return rows.map(({ leasedUntil }) => leasedUntil)
      }
      const before = await untilOf()
      await worker.extend()
      const after = await untilOf()
      assert.equal(after[0], before[0])
      assert.ok((after[1] ?? '') > (before[1] ?? ''))
    },
  )

  behaves(
    'counts its first attempts for the limits of a destination before they are settled, and once',
    async (sql) => {
      await putWaiting(sql, 3, 'fns')
      const claimed = await newWorker(sql).claim('fns', 2)
      const started = async (): Promise<unknown> => {
        const [row] = await sql.unsafe(statement(outboxStatements, 'started_since'), ['fns'])
        return { ...row }
      }
      assert.deepEqual(await started(), { day: 2, minute: 2 })
      await openSettleLane(sql).settle(settlement(claimed[0] ?? assert.fail('two were claimed'), 'done'))
      assert.deepEqual(await started(), { day: 2, minute: 2 })
    },
  )
})

describe('an effect under a lease', () => {
  behaves('is left to settle when its person is forgotten, while one that waits is cancelled', async (sql) => {
    const person = `par_${randomUUID()}`
    await putEffect(sql, { status: 'running', subject: person, payload: { open: 1 } })
    await putEffect(sql, { status: 'waiting', subject: person, payload: { open: 1 } })
    await sql.unsafe(statement(statements(sqlText('privacy.sql')), 'forget_effects'), [person])
    assert.deepEqual(await statuses(sql), { cancelled: 1, running: 1 })
    assert.equal(await countOf(sql, 'effect_queue'), 0)
    assert.deepEqual(
      (await sql<{ payload: unknown }[]>`select payload from hub.effects`).map(({ payload }) => payload),
      [{}, {}],
    )
  })

  behaves('is not free for operators', async (sql) => {
    const operations = statements(sqlText('operations.sql'))
    const id = await putEffect(sql, { status: 'running' })
    const from = ['waiting', 'refused', 'unknown', 'dead', 'cancelled']
    assert.equal((await sql.unsafe(statement(operations, 'free_effect'), [id, from, 'anna', 'why'])).length, 0)
    assert.equal((await sql.unsafe(statement(operations, 'close_effect'), [id, from, 'done', 'anna', 'why'])).length, 0)
    assert.deepEqual(await statuses(sql), { running: 1 })
  })

  behaves('keeps its place in the queue when an operator retries it while it waits', async (sql) => {
    const operations = statements(sqlText('operations.sql'))
    const id = await putEffect(sql, { status: 'waiting', at: instant(Date.now() + 3_600_000) })
    assert.equal((await newWorker(sql).claim('fns', 1)).length, 0)
    assert.equal((await sql.unsafe(statement(operations, 'free_effect'), [id, ['waiting'], 'anna', 'why'])).length, 1)
    assert.equal(await countOf(sql, 'effect_queue'), 1)
    assert.equal((await newWorker(sql).claim('fns', 1))[0]?.effectId, id)
  })
})
