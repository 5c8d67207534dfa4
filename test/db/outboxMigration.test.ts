import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import type postgres from 'postgres'
import { connect } from '../../src/db/connect.ts'
import { migrate } from '../../src/db/migrate.ts'
import { instant } from '../../src/kernel/time.ts'
import { openLane } from '../../src/log/append.ts'
import type { AppendResult } from '../../src/log/appendRequest.ts'
import { withOldDatabase } from '../support/oldDatabase.ts'

const insertOld = async (sql: postgres.Sql, status: string, attempt: number): Promise<string> => {
  const effectId = randomUUID()
  const leased = status === 'running'
  await sql`insert into hub.effects (effect_id, destination, kind, reactor, event_id, event_position, subject, payload, status, due_at, attempt,
      first_attempt_at, leased_until, worker, history, created_at)
    values (${effectId}, 'fns', 'fns.lookUp', 'rule', ${randomUUID()}, 1, 'nobody', '{"a":1}', ${status}, hub.now(), ${attempt},
      ${attempt > 0 ? '2026-11-24T09:00:00Z' : null}, ${leased ? '2026-11-24T09:00:15Z' : null}, ${leased ? 'worker' : null},
      ${attempt > 1 ? '[{"attempt":1,"outcome":"later","code":"a \\"quoted\\" code"}]' : '[]'}::text::jsonb, hub.now())`
  return effectId
}

describe('the migration of the outbox', () => {
  it('keeps every effect: what waits is in the queue, what runs is under its lease, and an older process can take neither', () =>
    withOldDatabase('0008', async (sql, url) => {
      const before = new Map<string, string>()
      for (const status of ['waiting', 'running', 'done', 'refused', 'unknown', 'dead', 'cancelled'])
        before.set(await insertOld(sql, status, status === 'waiting' ? 0 : 2), status)
      await migrate(url)
      const rows = await sql<{ effect_id: string; status: string; attempt: number; history: unknown[] }[]>`
        select effect_id, status, attempt, history from hub.effects`
      assert.deepEqual(new Map(rows.map((row) => [row.effect_id, row.status])), before)
      for (const row of rows) {
        assert.equal(row.attempt, row.status === 'waiting' ? 0 : 2)
        assert.deepEqual(
          row.history,
          row.status === 'waiting' ? [] : [{ attempt: 1, outcome: 'later', code: 'a "quoted" code' }],
        )
      }
      const leases = await sql`select worker, leased_until, effects, attempts from hub.effect_leases`
      assert.equal(leases.length, 1)
      assert.equal(leases[0]?.leased_until.toISOString(), '2026-11-24T09:00:15.000Z')
      assert.deepEqual(leases[0]?.attempts, [2])
      assert.equal((await sql`select from hub.effect_queue`).length, 1)
      await assert.rejects(
        sql`update hub.effects set attempt = attempt + 1, status = 'running' where status = 'waiting'`,
      )
      await assert.rejects(sql`update hub.effects set status = 'done' where status = 'running'`)
      assert.equal((await sql`select from read.effects where status = 'running'`).length, 1)
    }))

  it('lets the attempt that was running be settled once, and by no other number', () =>
    withOldDatabase('0008', async (sql, url) => {
      const effectId = await insertOld(sql, 'running', 2)
      await migrate(url)
      const lane = openLane({
        open: () => connect(url, { connectionsMax: 1, applicationName: 'test', prepare: true, statementTimeoutMs: 0 }),
        nowMs: () => performance.now(),
      })
      const settled = (attempt: number): Promise<AppendResult> =>
        lane.append({
          stream: 'nothing',
          expectedVersion: null,
          events: [],
          settle: {
            effectId,
            attempt,
            status: 'done',
            outcome: { tag: 'done' },
            error: null,
            dueAt: null,
            history: { attempt },
            firstAttemptAt: instant(0),
          },
        })
      const tags = []
      for (const attempt of [1, 2, 2]) tags.push((await settled(attempt)).tag)
      await lane.close()
      assert.deepEqual(tags, ['fenced', 'appended', 'fenced'])
      const [row] = await sql`select status, attempt, history, first_attempt_at from hub.effects`
      assert.deepEqual([row?.status, row?.attempt, row?.history.length], ['done', 2, 2])
      assert.equal(row?.first_attempt_at.toISOString(), '2026-11-24T09:00:00.000Z')
    }))
})
