import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { connect, type Sql } from './connect.ts'
import { sqlFolder, sqlText } from './sqlText.ts'

/** Every process that migrates takes this advisory lock first, so that two starts at once do it once. */
const migrationLock = 726_551_001

/** What a migration run did. */
export type Migrated = { readonly applied: readonly string[]; readonly version: string }

/**
 * Brings the schema up to date: numbered files in order, one transaction each, never changed after their release.
 * Throws when a released file was changed, or when the database is newer than this program.
 */
export const migrate = async (databaseUrl: string): Promise<Migrated> => {
  const sql = connect(databaseUrl, {
    connectionsMax: 1,
    applicationName: 'hub migrate',
    prepare: false,
    statementTimeoutMs: 0,
  })
  try {
    await sql`select pg_advisory_lock(${migrationLock})`
    await sql`create schema if not exists hub_migrations`
    await sql`create table if not exists hub_migrations.applied (
      name text primary key, sha256 text not null, applied_at timestamptz not null default clock_timestamp())`
    const done = new Map(
      (await sql<{ name: string; sha256: string }[]>`select name, sha256 from hub_migrations.applied`).map((row) => [
        row.name,
        row.sha256,
      ]),
    )
    const files = migrationFiles()
    const unknown = [...done.keys()].filter((name) => !files.includes(name))
    if (unknown.length > 0)
      throw new Error(`Cannot migrate: the database has "${unknown.join(', ')}", which this version does not know`)
    const applied: string[] = []
    for (const name of files) if (await apply(sql, name, done.get(name))) applied.push(name)
    return { applied, version: files.at(-1) ?? '' }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** The names of all migrations that this program has, in order. */
export const migrationFiles = (): string[] =>
  readdirSync(new URL('migrations/', sqlFolder))
    .filter((name) => /^\d{4}_[a-z_]+\.sql$/.test(name))
    .sort()

const apply = async (sql: Sql, name: string, recorded: string | undefined): Promise<boolean> => {
  const text = sqlText(`migrations/${name}`)
  const sha256 = createHash('sha256').update(text).digest('hex')
  if (recorded === sha256) return false
  if (recorded !== undefined) throw new Error(`Cannot migrate: "${name}" was changed after it was applied`)
  await sql.begin(async (transaction) => {
    await transaction.unsafe(text)
    await transaction`insert into hub_migrations.applied (name, sha256) values (${name}, ${sha256})`
  })
  return true
}
