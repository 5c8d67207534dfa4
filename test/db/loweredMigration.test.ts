import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { readModels } from '../../projections/index.ts'
import { connect } from '../../src/db/connect.ts'
import { migrate } from '../../src/db/migrate.ts'
import { statement, statements } from '../../src/db/query.ts'
import { loadRows, readModelSql } from '../../src/engine/readModelTable.ts'
import { withOldDatabase } from '../support/oldDatabase.ts'

const before = statements(readFileSync(new URL('../fixtures/partners0007.sql', import.meta.url), 'utf8'))

describe('the migration of lists in lower case', () => {
  it('gives them to partners that are there, and to the view of analysts', () =>
    withOldDatabase('0008', async (sql, url) => {
      const table = 'hub_read.partners_1'
      for (const block of ['table', 'indexes', 'view'])
        await sql.unsafe(statement(before, block).replaceAll('{table}', table))
      await sql`
        insert into hub_read.partners_1 (partner_id, status, services, areas, verification_status, consent_personal_data, consent_marketing,
            listed, page_status, repeated_applications, registered_at, position)
          values ('par_1', 'applied', ${['Ипотека', 'A "quoted", {odd} One', 'NULL']}, '{}', 'pending', true, false, false, 'none', 0, now(), 1)`
      await migrate(url)
      const rows = await sql`
        select partner_id, services_lowered, areas_lowered from read.partners where services_lowered @> array['ипотека']`
      assert.deepEqual(
        [...rows],
        [
          {
            partner_id: 'par_1',
            services_lowered: ['ипотека', 'a "quoted", {odd} one', 'null'],
            areas_lowered: [],
          },
        ],
      )
      // The next version of the read model replaces the view of the migrated one.
      await sql.unsafe(readModelSql('partners', 'table', 'hub_read.partners_2'))
      await sql.unsafe(readModelSql('partners', 'view', 'hub_read.partners_2'))
      const client = connect(url, {
        connectionsMax: 1,
        applicationName: 'test',
        prepare: true,
        statementTimeoutMs: 0,
      })
      const model = readModels.find(({ name }) => name === 'partners')
      assert.ok(model)
      const loaded = await loadRows(client, model, { table, keys: ['par_1'] }).finally(() => client.end())
      assert.deepEqual(Object.keys(loaded.get('par_1') ?? {}).toSorted(), Object.keys(model.columns).toSorted())
    }))
})
