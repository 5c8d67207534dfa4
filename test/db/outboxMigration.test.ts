import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import postgres from 'postgres'
import { migrate, migrationFiles } from '../../src/db/migrate.ts'
import { sqlText } from '../../src/db/sqlText.ts'
import { createDatabase } from '../support/database.ts'

/** A database of the version before the queue, to be filled and then brought up to date. */
const withOldDatabase = async (work: (sql: postgres.Sql, url: string) => Promise<void>): Promise<void> => {
  const database = await createDatabase({ migrated: false })
  const sql = postgres(database.url, { max: 1, onnotice: () => {} })
  try {
    await sql`create schema hub_migrations`
    await sql`create table hub_migrations.applied (name text primary key, sha256 text not null, applied_at timestamptz not null default now())`
    for (const name of migrationFiles().filter((file) => file < '0008')) {
      const text = sqlText(`migrations/${name}`)
      await sql.unsafe(text)
      await sql`insert into hub_migrations.applied (name, sha256) values (${name}, ${createHash('sha256').update(text).digest('hex')})`
    }
    await work(sql, database.url)
  } finally {
    await sql.end()
    await database.drop()
  }
}

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
    withOldDatabase(async (sql, url) => {
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

  it('lets an older process settle what it was performing together with its events', () =>
    withOldDatabase(async (sql, url) => {
      const effectId = await insertOld(sql, 'running', 2)
      await migrate(url)
      const settle = {
        i: 1,
        e: effectId,
        a: 2,
        st: 'done',
        o: { tag: 'done' },
        er: null,
        du: null,
        h: [{ attempt: 2 }],
        n: 0,
      }
      const append = async (attempt: number): Promise<number[]> => {
        const [row] =
          await sql`select verdicts from hub.append('[{"i":1,"s":"s","v":null,"n":0}]', '', '', '', '', ${JSON.stringify([{ ...settle, a: attempt }])}, null)`
        return row?.verdicts
      }
      assert.deepEqual(await append(1), [2])
      assert.deepEqual(await append(2), [0])
      const [row] = await sql`select status, attempt, history, first_attempt_at from hub.effects`
      assert.deepEqual([row?.status, row?.attempt, row?.history.length], ['done', 2, 2])
      assert.equal(row?.first_attempt_at.toISOString(), '2026-11-24T09:00:00.000Z')
    }))
})
