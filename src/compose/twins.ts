import { setTimeout as wait } from 'node:timers/promises'
import type { TwinContext, TwinStore } from '../connectors/twin.ts'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import type { Instant } from '../kernel/time.ts'
import type { Core } from './core.ts'

const named = statements(sqlText('operations.sql'))

/** Keeps a twin's state in the database of the service, so that what "took effect" survives a restart. */
const storeOf = <State>(core: Core, name: string): TwinStore<State> => ({
  load: async () => {
    const [row] = await core.sql.unsafe<{ body: Buffer }[]>(statement(named, 'load_document'), [`twin:${name}`], {
      prepare: true,
    })
    return row ? (JSON.parse(Buffer.from(row.body).toString()) as State) : null
  },
  save: async (state) => {
    await core.sql.unsafe(
      statement(named, 'save_document'),
      [`twin:${name}`, 'application/json', Buffer.from(JSON.stringify(state))],
      { prepare: true },
    )
  },
})

/** Makes what a twin is given. */
export const twinContexts =
  (
    core: Core,
    world: {
      readonly now: () => Instant
      readonly newId: () => string
      readonly ownUrl: string
      readonly fetch: typeof fetch
    },
  ) =>
  <State>(name: string): TwinContext<State> => ({
    now: world.now,
    newId: world.newId,
    store: storeOf<State>(core, name),
    hubUrl: () => world.ownUrl,
    fetch: world.fetch,
    wait: async (ms) => void (await wait(ms)),
  })
