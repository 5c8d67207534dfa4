import { createHash } from 'node:crypto'
import postgres from 'postgres'
import { migrationFiles } from '../../src/db/migrate.ts'
import { sqlText } from '../../src/db/sqlText.ts'
import { createDatabase } from './database.ts'

/** A database as an older version left it, with the migrations before a name, to be filled and then brought up to date. */
export const withOldDatabase = async (
  before: string,
  work: (sql: postgres.Sql, url: string) => Promise<void>,
): Promise<void> => {
  const database = await createDatabase({ migrated: false })
  const sql = postgres(database.url, { max: 1, onnotice: () => {} })
  try {
    await sql`create schema hub_migrations`
    await sql`create table hub_migrations.applied (name text primary key, sha256 text not null, applied_at timestamptz not null default now())`
    for (const name of migrationFiles().filter((file) => file < before)) {
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
