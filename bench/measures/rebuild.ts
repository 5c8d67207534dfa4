import { readModels } from '../../projections/index.ts'
import type { ReadModel } from '../../projections/projection.ts'
import { models } from '../../src/domain/index.ts'
import { makeCodec } from '../../src/engine/codec.ts'
import { fill } from '../../src/engine/fill.ts'
import { readModelSql, tableOf } from '../../src/engine/readModelTable.ts'
import { createIndexes } from '../../src/engine/tableIndexes.ts'
import { personKeys } from '../../src/privacy/personKeys.ts'
import type { Context } from '../context.ts'
import type { Comparison, Measured } from '../figure.ts'
import { type History, historyOf } from '../history.ts'
import { type Contestant, interleave, rateOf } from '../interleave.ts'
import { emmettHistory, emmettProject, openEmmett } from '../peers/emmett.ts'
import { openPlain } from '../peers/plain.ts'

/** Rows of one page of the raw reader. */
const pageRows = 5000
/** A whole history is read many times in a round, so there are fewer of them. */
const roundsMax = 3

/** The rebuild of each read model from the first event, beside the bare reading of all rows and beside Emmett's projector. */
export const rebuild = async (context: Context): Promise<Measured> => {
  const history = await historyOf(context)
  const { peerEvents } = context.options
  const plain = openPlain(history.url, 1)
  const emmettUrl = await context.createDatabase('rebuild_emmett')
  const store = await openEmmett(emmettUrl)
  await emmettHistory(store, peerEvents)
  await store.close()
  let projections = 0
  const note = `${history.events} events, rows of ${history.rowBytes} bytes`
  const contestants: Contestant[] = [
    {
      name: 'rebuild.read',
      title: 'reading whole rows through postgres.js',
      unit: 'events/s',
      note: `${note}, keyset pages of ${pageRows}, one connection`,
      run: () => rateOf(history.events, () => readAll(plain, history.events)),
    },
    ...readModels.map((model) => fillContestant(history, model, note)),
    {
      name: 'rebuild.emmett',
      title: 'Emmett projector',
      unit: 'events/s',
      note: `${peerEvents} events of streams of 40 into Pongo documents, batches of 1000`,
      run: () => rateOf(peerEvents, () => emmettProject(emmettUrl, `life${++projections}`)),
    },
  ]
  try {
    const rounds = Math.min(context.options.rounds, roundsMax)
    const figures = await interleave(contestants, { rounds, windowMs: 0, warmUpMs: 0 })
    return { figures, comparisons: readModels.flatMap(comparisonsOf) }
  } finally {
    await plain.end()
  }
}

const comparisonsOf = (model: ReadModel): Comparison[] => [
  { figure: `rebuild.${model.name}`, to: 'rebuild.read', atLeast: 0.6 },
  { figure: `rebuild.${model.name}`, to: 'rebuild.emmett', atLeast: 30 },
]

const fillContestant = (history: History, model: ReadModel, note: string): Contestant => {
  const table = tableOf(model.name, 9)
  return {
    name: `rebuild.${model.name}`,
    title: `hub rebuild of ${model.name}`,
    unit: 'events/s',
    note: `${note}, from nothing to rows with all their indexes, keys of persons not in memory`,
    before: async () => {
      await history.core.bulk.unsafe(`drop table if exists ${table}`)
      await history.core.bulk.unsafe(readModelSql(model.name, 'table', table))
      await history.core.bulk`checkpoint`
    },
    run: () => rateOf(history.events, () => fillOnce(history, model, table)),
  }
}

/** Folds the whole log into a table, and makes its indexes, as a rebuild does. */
const fillOnce = async ({ core, events }: History, model: ReadModel, table: string): Promise<void> => {
  const reached = await fill({
    sql: core.bulk,
    // Person keys are read and unwrapped anew, as by a process that was just started.
    codec: makeCodec(models, personKeys(core.bulk, core.master)),
    parts: [{ model, table, checkpoint: async () => true }],
    from: 0,
    target: events,
    stopped: () => false,
  })
  if (reached !== events) throw new Error(`Cannot bench: the rebuild ended at ${reached}`)
  await createIndexes(core.bulk, [{ model, table }])
}

const readAll = async (sql: ReturnType<typeof openPlain>, events: number): Promise<void> => {
  for (let position = 0; position < events; ) {
    const rows = await sql<{ position: string }[]>`
      select * from hub.events where position > ${position} order by position limit ${pageRows}`
    const last = rows.at(-1)
    if (!last) throw new Error('Cannot bench: the log ended too early')
    position = Number(last.position)
  }
}
