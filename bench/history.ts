import { seedHistory } from '../src/cli/benchSeed.ts'
import type { Core } from '../src/compose/core.ts'
import type { Context } from './context.ts'
import { openHub } from './hub.ts'

/** A seeded database that the measures of one run share. */
export type History = { readonly url: string; readonly core: Core; readonly events: number; readonly rowBytes: number }

let shared: Promise<History> | null = null

/** The history of a run: seeded when it is first asked for. */
export const historyOf = (context: Context): Promise<History> => {
  shared ??= seeded(context)
  return shared
}

/** Closes the history, if there is one. */
export const closeHistory = async (): Promise<void> => {
  const history = await shared?.catch(() => null)
  await history?.core.close()
}

const seeded = async (context: Context): Promise<History> => {
  const url = await context.createDatabase('history')
  const core = await openHub(url)
  const started = performance.now()
  const { events, partners } = await seedHistory(core, { events: context.options.events, seed: 1 })
  const seconds = (performance.now() - started) / 1000
  context.say(`seeded ${events} events of ${partners} partners in ${seconds.toFixed(1)} s`)
  await core.sql`vacuum analyze hub.events`
  const [row] = await core.sql<{ bytes: number }[]>`
    select coalesce(avg(pg_column_size(e.*)), 0)::int as bytes from hub.events e where position % 97 = 0`
  return { url, core, events, rowBytes: row?.bytes ?? 0 }
}
