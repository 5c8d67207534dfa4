import { seedHistory } from '../src/cli/benchSeed.ts'
import type { Core } from '../src/compose/core.ts'
import { headPosition } from '../src/log/log.ts'
import type { Context } from './context.ts'
import { newMasterKey, openHub } from './hub.ts'
import { assertLoopback } from './server.ts'

/** A database with a history of invented partners. */
export type History = {
  readonly url: string
  readonly core: Core
  readonly events: number
  readonly rowBytes: number
  /** What opens its persons. */
  readonly masterKey: string
}

let shared: Promise<History> | null = null

/** The history that the measures of a run share: seeded when it is first asked for, or the one that BENCH_HISTORY_URL names. */
export const historyOf = (context: Context): Promise<History> => {
  shared ??= givenHistory(context) ?? seedDatabase(context, 'history', context.options.events)
  return shared
}

/** Closes the history, if there is one. */
export const closeHistory = async (): Promise<void> => {
  const history = await shared?.catch(() => null)
  await history?.core.close()
}

/** Makes a database with a history of so many events. */
export const seedDatabase = async (context: Context, label: string, wanted: number): Promise<History> => {
  const url = await context.createDatabase(label)
  const masterKey = newMasterKey()
  const core = await openHub(url, masterKey)
  const started = performance.now()
  const { events, partners } = await seedHistory(core, { events: wanted, seed: 1 })
  const seconds = (performance.now() - started) / 1000
  context.say(`seeded ${events} events of ${partners} partners in ${seconds.toFixed(1)} s`)
  return opened({ url, core, masterKey, events })
}

/** A history that `hub bench seed` made before: a large one takes its time. Its read models are emptied and filled again. */
const givenHistory = (context: Context): Promise<History> | null => {
  const url = process.env.BENCH_HISTORY_URL
  if (url === undefined) return null
  assertLoopback(url)
  const open = async (): Promise<History> => {
    const masterKey = process.env.HUB_MASTER_KEY
    if (masterKey === undefined)
      throw new Error(
        'Cannot open the history of BENCH_HISTORY_URL: HUB_MASTER_KEY should be the key it was seeded with',
      )
    const core = await openHub(url, masterKey)
    const events = await headPosition(core.sql)
    context.say(`found a history of ${events} events`)
    return opened({ url, core, masterKey, events })
  }
  return open()
}

const opened = async (history: Omit<History, 'rowBytes'>): Promise<History> => {
  const { sql } = history.core
  await history.core.bulk`vacuum analyze hub.events`
  const [row] = await sql<{ bytes: number }[]>`
    select coalesce(avg(pg_column_size(e.*)), 0)::int as bytes from hub.events e where position % 97 = 0 and position < 1000000`
  return { ...history, rowBytes: row?.bytes ?? 0 }
}
