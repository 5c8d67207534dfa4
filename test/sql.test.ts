import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, it } from 'node:test'
import { readModels } from '../projections/index.ts'
import { statements } from '../src/db/query.ts'
import { sqlFolder, sqlText } from '../src/db/sqlText.ts'
import { columnOf } from '../src/engine/readModelTable.ts'
import { testCore } from './support/core.ts'

/** Runs a test over a fresh, migrated database with its read models. */
const withCore = async (work: (core: Awaited<ReturnType<typeof testCore>>['core']) => Promise<void>): Promise<void> => {
  const rig = await testCore()
  try {
    await work(rig.core)
  } finally {
    await rig.close()
  }
}

describe('the SQL of the service', () => {
  it('prepares: every named statement of every file', () =>
    withCore(async ({ sql }) => {
      const files = readdirSync(sqlFolder).filter((name) => name.endsWith('.sql'))
      assert.ok(files.length >= 6)
      for (const file of files) {
        for (const [name, text] of Object.entries(statements(sqlText(file)))) {
          // Statements that are completed at run time hold a placeholder in braces.
          if (/\{\w+\}/.test(text)) continue
          await sql
            .unsafe(text)
            .describe()
            .catch((error: unknown) => assert.fail(`${file} ${name}: ${String(error)}`))
        }
      }
    }))

  it('gives each read model the columns that its fold declares', () =>
    withCore(async ({ sql }) => {
      for (const model of readModels) {
        const rows = await sql<
          { columnName: string }[]
        >`select column_name from information_schema.columns where table_schema = 'hub_read' and table_name = ${`${model.name}_1`} and is_generated = 'NEVER'`
        assert.deepEqual(
          rows.map((row) => row.columnName).toSorted(),
          Object.keys(model.columns).map(columnOf).toSorted(),
          model.name,
        )
      }
    }))

  it('comments every view and column that analysts see', () =>
    withCore(async ({ sql }) => {
      const bare = await sql<{ name: string }[]>`
        select c.relname || coalesce('.' || a.attname, '') as name
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
          left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
         where n.nspname = 'read' and (obj_description(c.oid) is null or col_description(c.oid, a.attnum) is null)`
      assert.deepEqual(
        bare.map((row) => row.name),
        [],
      )
      const [kinds] = await sql<{ views: number; others: number }[]>`
        select count(*) filter (where relkind = 'v')::int as views, count(*) filter (where relkind <> 'v')::int as others
          from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'read'`
      assert.ok((kinds?.views ?? 0) >= 5)
      assert.equal(kinds?.others, 0, 'the schema read holds views only')
    }))

  it('lets analysts read the views and nothing else, without writing', () =>
    withCore(async ({ sql }) => {
      const [role] = await sql<{ login: boolean; super: boolean; members: number; options: string[] }[]>`
        select rolcanlogin as login, rolsuper as super, rolconfig as options,
               (select count(*)::int from pg_auth_members where member = r.oid) as members
          from pg_roles r where rolname = 'hub_analyst'`
      assert.deepEqual([role?.login, role?.super, role?.members], [true, false, 0])
      assert.ok(
        role?.options.includes('default_transaction_read_only=on') &&
          role.options.some((option) => option.startsWith('statement_timeout=')),
      )
      const [rights] = await sql<{ reads: boolean; tables: boolean; log: boolean; writes: boolean }[]>`
        select has_table_privilege('hub_analyst', 'read.partners', 'select') as reads,
               has_schema_privilege('hub_analyst', 'hub_read', 'usage') as tables,
               has_schema_privilege('hub_analyst', 'hub', 'usage') as log,
               has_table_privilege('hub_analyst', 'read.partners', 'insert') as writes`
      assert.deepEqual(rights, { reads: true, tables: false, log: false, writes: false })
    }))
})
