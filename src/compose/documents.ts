import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import { startLoop } from '../engine/loop.ts'
import type { Core } from './core.ts'
import { errorFields, type Logger } from './log.ts'

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

/** Another process may have learned something: how often it is looked up. */
const lookEveryMs = 5000

/** Keeps up with notes that other processes may write. */
export const followNotes = (
  { core, log }: { readonly core: Pick<Core, 'sql'>; readonly log: Logger },
  notes: Readonly<Record<string, (value: unknown) => void>>,
): { readonly stop: () => Promise<void> } =>
  startLoop({
    idleMs: lookEveryMs,
    onError: (error) => log.warn('A note could not be read', errorFields(error)),
    step: async () => {
      for (const [name, take] of Object.entries(notes)) take(await loadNote(core, name))
      return false
    },
  })
