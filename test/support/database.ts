import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { migrate } from '../../src/db/migrate.ts'

/** A database of a test file's own. */
export type TestDatabase = { readonly url: string; readonly drop: () => Promise<void> }

const server = (): string => {
  const url = process.env.TEST_PG_URL
  if (!url) throw new Error('Cannot make a test database: TEST_PG_URL should name a PostgreSQL server; "npm test" starts one')
  return url
}

const administer = async <T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> => {
  const sql = postgres(server(), { max: 1, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end()
  }
}

/** Makes an empty, migrated database. */
export const createDatabase = async (options: { readonly migrated: boolean } = { migrated: true }): Promise<TestDatabase> => {
  const name = `test_${randomBytes(8).toString('hex')}`
  await administer((sql) => sql.unsafe(`create database ${name}`))
  const url = new URL(server())
  url.pathname = `/${name}`
  if (options.migrated) await migrate(url.href)
  return { url: url.href, drop: () => administer(async (sql) => void (await sql.unsafe(`drop database if exists ${name} with (force)`))) }
}
