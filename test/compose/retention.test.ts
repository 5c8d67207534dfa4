import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { makeLogger } from '../../src/compose/log.ts'
import { startRetention } from '../../src/compose/retention.ts'
import { testCore } from '../support/core.ts'
import { until } from '../support/service.ts'

describe('what is kept of deliveries', () => {
  it('loses its bytes after a month and its dedupe key after two, but not what waits in quarantine', async () => {
    const rig = await testCore()
    try {
      const { sql } = rig.core
      const insert = async (days: number, verdict: string): Promise<string> => {
        const id = randomUUID()
        await sql`insert into hub.inbox (webhook_id, source, route, dedupe_key, verdict, received_at, peer, secret_name, method, path, query, headers, body, sha256)
          values (${id}, 'tilda', 'tilda/form', ${id}, ${verdict}, now() - make_interval(days => ${days}), '', '', 'POST', '', '', '{}', 'bytes', '')`
        await sql`insert into hub.inbox_keys (key_hash, webhook_id, content_hash, seen_at) values (${randomBytes(32)}, ${id}, '', now() - make_interval(days => ${days}))`
        return id
      }
      const old = await insert(31, 'accepted')
      const ancient = await insert(90, 'ignored')
      const held = await insert(31, 'quarantined')
      const fresh = await insert(29, 'accepted')
      const loop = startRetention(
        rig.core,
        makeLogger(
          'error',
          () => {},
          () => '',
        ),
      )
      const bodies = async (): Promise<string[]> =>
        (await sql<{ webhookId: string }[]>`select webhook_id from hub.inbox where body is not null`).map(
          (row) => row.webhookId,
        )
      await until(async () => (await bodies()).length === 2, 'the bytes to go')
      assert.deepEqual((await bodies()).toSorted(), [held, fresh].toSorted())
      await until(
        async () => (await sql`select from hub.inbox_keys where webhook_id = ${ancient}`).length === 0,
        'the key to go',
      )
      assert.equal((await sql`select from hub.inbox_keys where webhook_id = ${old}`).length, 1)
      await loop.stop()
    } finally {
      await rig.close()
    }
  })
})
