import { readModels } from '../../projections/index.ts'
import { fill } from '../../src/engine/fill.ts'
import { makeProjector } from '../../src/engine/project.ts'
import { tableOf } from '../../src/engine/readModelTable.ts'
import type { Context } from '../context.ts'
import type { Measured } from '../figure.ts'
import { type History, historyOf } from '../history.ts'
import { interleave, rateOf } from '../interleave.ts'

const roundsMax = 3

/** Events that wait for the live read models, folded by the live loop; beside the rebuild of the same read models. */
export const live = async (context: Context): Promise<Measured> => {
  const history = await historyOf(context)
  const { liveEvents } = context.options
  const from = history.events - liveEvents
  const { core } = history
  const contestants = [
    {
      name: 'live.hub',
      title: 'hub live read models catching up',
      unit: 'events/s' as const,
      note: `the last ${liveEvents} of ${history.events} events into all ${readModels.length} read models, with indexes, steps of 5000`,
      before: () => fillTo(history, from),
      run: () =>
        rateOf(liveEvents, async () => {
          const projector = makeProjector({ sql: core.sql, models: readModels, codec: core.codec })
          while (await projector.step());
          await assertCaughtUp(history)
        }),
    },
    {
      name: 'live.rebuild',
      title: 'hub rebuild of the same read models',
      unit: 'events/s' as const,
      note: `${from} events into all ${readModels.length} in one pass, tables with their indexes`,
      before: async () => {},
      run: () => rateOf(from, () => fillTo(history, from)),
    },
  ]
  const figures = await interleave(contestants, {
    rounds: Math.min(context.options.rounds, roundsMax),
    windowMs: 0,
    warmUpMs: 0,
  })
  return { figures, comparisons: [{ figure: 'live.hub', to: 'live.rebuild', atLeast: 0.3 }] }
}

/** Brings the live tables to a position, as if the live loop had stopped there. */
const fillTo = async ({ core }: History, position: number): Promise<void> => {
  for (const model of readModels) await core.bulk.unsafe(`truncate ${tableOf(model.name, 1)}`)
  await fill({
    sql: core.bulk,
    codec: core.codec,
    parts: readModels.map((model) => ({ model, table: tableOf(model.name, 1), checkpoint: async () => true })),
    from: 0,
    target: position,
    stopped: () => false,
  })
  for (const model of readModels) await core.bulk.unsafe(`analyze ${tableOf(model.name, 1)}`)
  await core.bulk`update hub.read_models set position = ${position}`
}

const assertCaughtUp = async ({ core, events }: History): Promise<void> => {
  const rows = await core.sql<{ position: number }[]>`select position from hub.read_models`
  if (rows.some((row) => row.position !== events))
    throw new Error('Cannot bench: the live read models stopped too early')
}
