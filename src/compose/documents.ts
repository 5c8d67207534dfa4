import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import type { Core } from './core.ts'

const named = statements(sqlText('operations.sql'))

/** Loads what the service noted under a name; null when nothing was. */
export const loadNote = async (core: Pick<Core, 'sql'>, name: string): Promise<unknown> => {
  const [row] = await core.sql.unsafe<{ body: Buffer }[]>(statement(named, 'load_document'), [name], { prepare: true })
  return row ? JSON.parse(Buffer.from(row.body).toString()) : null
}

/** Notes something small under a name, such as a learned id or how far a poll came. */
export const saveNote = async (core: Pick<Core, 'sql'>, name: string, value: unknown): Promise<void> => {
  const body = Buffer.from(JSON.stringify(value))
  await core.sql.unsafe(statement(named, 'save_document'), [name, 'application/json', body], { prepare: true })
}
