import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { migrate } from '../../src/db/migrate.ts'

/** A database of a test file's own. */
export type TestDatabase = { readonly url: string; readonly drop: () => Promise<void> }

const server = (): string => {
  const url = process.env.TEST_PG_URL
  if (!url)
    throw new Error('Cannot make a test database: TEST_PG_URL should name a PostgreSQL server; "npm test" starts one')
  return url
}

/** Who owns the databases: the role that the service really has, no superuser; the server's own user when none is named. */
const owner = (): string => process.env.TEST_PG_OWNER_URL || server()

const urlOf = (base: string, name: string): string => {
  const url = new URL(base)
  url.pathname = `/${name}`
  return url.href
}

const administer = async <T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> => {
  const sql = postgres(server(), { max: 1, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end()
  }
}

const createOwned = (sql: postgres.Sql, name: string, template: string): Promise<unknown> =>
  sql.unsafe(`create database ${name} owner "${decodeURIComponent(new URL(owner()).username)}" template ${template}`)

/** Under this lock a run's template is made once, whichever file comes first. */
const templateLock = 726_551_003

/** The database that all of a run are copied from; the runner names it, a test that runs by itself makes its own. */
const template = `test_template_${process.env.TEST_RUN ?? process.pid}`

const migrated = async (sql: postgres.Sql): Promise<void> => {
  await sql`select pg_advisory_lock(${templateLock})`
  try {
    const [found] = await sql<
      { ready: boolean }[]
    >`select datistemplate as ready from pg_database where datname = ${template}`
    if (found?.ready) return
    if (found) await sql.unsafe(`drop database ${template} with (force)`)
    await createOwned(sql, template, 'template0')
    await migrate(urlOf(owner(), template))
    // The mark that its migrations went through: one that was broken off is made anew.
    await sql.unsafe(`alter database ${template} is_template true`)
  } finally {
    await sql`select pg_advisory_unlock(${templateLock})`
  }
}

/** Makes a database of one's own: migrated, as a copy of the run's template, or empty. */
export const createDatabase = async (
  options: { readonly migrated: boolean } = { migrated: true },
): Promise<TestDatabase> => {
  const name = `test_${randomBytes(8).toString('hex')}`
  await administer(async (sql) => {
    if (options.migrated) await migrated(sql)
    await createOwned(sql, name, options.migrated ? template : 'template0')
  })
  return {
    url: urlOf(owner(), name),
    drop: () => administer(async (sql) => void (await sql.unsafe(`drop database if exists ${name} with (force)`))),
  }
}
