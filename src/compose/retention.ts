import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import { type Loop, startLoop } from '../engine/loop.ts'
import type { Core } from './core.ts'
import { errorFields, type Logger } from './log.ts'

const named = statements(sqlText('inbox.sql'))

/** Raw bytes are personal data: a month is enough to look into a delivery. What is quarantined waits for a person. */
const bodyDays = 30
/** Providers repeat for days, people resend after weeks: keys are remembered well beyond both. */
const keyDays = 60
/** Rows of one statement, so that nothing waits for a clean-up. */
const batchMax = 1000
const pauseMs = 10 * 60_000
/** After the first sweep only what became old lately is looked at, so that a clean-up does not read the whole past. */
const recentDays = 40
const everDays = 36_500

/** Lets raw bytes and old dedupe keys go, in small batches, for ever. */
export const startRetention = (core: Core, log: Logger): Loop => {
  let swept = false
  return startLoop({
    idleMs: pauseMs,
    onError: (error) => log.warn('Old deliveries could not be cleaned', errorFields(error)),
    step: async () => {
      const bodies = await core.sql.unsafe(statement(named, 'expire_bodies'), [
        bodyDays,
        batchMax,
        swept ? recentDays : everDays,
      ])
      const keys = await core.sql.unsafe(statement(named, 'expire_keys'), [keyDays, batchMax])
      const more = bodies.length === batchMax || keys.count === batchMax
      swept ||= !more
      return more
    },
  })
}
