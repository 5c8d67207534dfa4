import { readModels } from '../../projections/index.ts'
import { makeProjector } from '../../src/engine/project.ts'
import { tableOf, versionsOf } from '../../src/engine/readModelTable.ts'
import { startLines } from '../children.ts'
import type { Context } from '../context.ts'
import type { Check, Figure, Measured } from '../figure.ts'
import { type History, historyOf, seedDatabase } from '../history.ts'
import { type Contestant, interleave } from '../interleave.ts'
import type { RebuildJob, RebuildTaken } from '../rebuildWorker.ts'

const smallEventsMax = 100_000
const roundsMax = 3
const warmUpEvents = { usual: 20_000, smoke: 500 } as const
const everything = readModels.map((model) => model.name)
/** The three that every event of a partner's life goes to; the others are small. */
const mainThree = ['partners', 'subscriptions', 'payments']

/** What an event of a rebuild costs in a long history and in a short one, how much memory it takes, and whether its rows are the live ones. */
export const growth = async (context: Context): Promise<Measured> => {
  const large = await historyOf(context)
  const small = await seedDatabase(context, 'growth_small', Math.min(smallEventsMax, Math.ceil(large.events / 10)))
  const peaks: Record<'large' | 'small', number[]> = { large: [], small: [] }
  const contestant = (name: string, history: History, more: Part): Contestant => ({
    name: `growth.${name}`,
    title: `hub rebuild of ${more.title}, ${history.events} events`,
    unit: 'µs/event',
    note: 'a process of its own, from nothing to rows with all their indexes, one pass',
    before: async () => void (await history.core.bulk`checkpoint`),
    run: async () => {
      const { url, masterKey } = history
      const warmUp = context.options.smoke ? warmUpEvents.smoke : warmUpEvents.usual
      const taken = await inChild({ url, masterKey, names: more.names, warmUpEvents: warmUp })
      more.peaks?.push(taken.peakMb)
      return (taken.ms * 1000) / taken.events
    },
  })
  const all = `all ${everything.length} read models`
  try {
    const figures = await interleave(
      [
        contestant('alone', large, { title: 'partners alone', names: ['partners'] }),
        contestant('three', large, { title: mainThree.join(', '), names: mainThree }),
        contestant('small', small, { title: all, names: everything, peaks: peaks.small }),
        contestant('large', large, { title: all, names: everything, peaks: peaks.large }),
      ],
      { rounds: Math.min(context.options.rounds, roundsMax), windowMs: 0, warmUpMs: 0 },
    )
    const check = await sameRows(large, context)
    return {
      figures: [...figures, memoryOf('large', large.events, peaks.large), memoryOf('small', small.events, peaks.small)],
      comparisons: [
        { figure: 'growth.large', to: 'growth.small', atMost: 1.2 },
        { figure: 'growth.three', to: 'growth.alone', atMost: 2 },
        { figure: 'growth.large', to: 'growth.alone', atMost: 2 },
        { figure: 'growth.memoryLarge', to: null, atMost: 300 },
        { figure: 'growth.memoryLarge', to: 'growth.memorySmall' },
      ],
      checks: [check],
    }
  } finally {
    await small.core.close()
    for (const name of everything) await large.core.bulk.unsafe(`drop table if exists ${tableOf(name, 9)}`)
  }
}

type Part = { readonly title: string; readonly names: readonly string[]; readonly peaks?: number[] }

const inChild = async (job: RebuildJob): Promise<RebuildTaken> => {
  const worker = startLines('rebuildWorker.ts', [])
  worker.child.stdin?.write(`${JSON.stringify(job)}\n`)
  try {
    return JSON.parse(await worker.line()) as RebuildTaken
  } finally {
    worker.child.kill()
    await worker.ended
  }
}

const memoryOf = (size: 'large' | 'small', events: number, rounds: readonly number[]): Figure => ({
  name: size === 'large' ? 'growth.memoryLarge' : 'growth.memorySmall',
  title: `hub rebuild, most memory, ${events} events`,
  unit: 'MB',
  rounds,
  note: 'resident set at its highest, the runtime included',
})

/** Brings the live read models up to the head by the live loop, and compares them with the tables of the last rebuilds row by row. */
const sameRows = async (history: History, context: Context): Promise<Check> => {
  const { sql, bulk, codec } = history.core
  context.say('growth: the live read models catch up, to be compared …')
  const projector = makeProjector({ sql, models: readModels, codec })
  while (await projector.step());
  const live = (await versionsOf(sql)).filter((version) => version.role === 'live')
  const behind = live.filter((version) => version.position !== history.events || version.parked > 0)
  const counts: string[] = []
  let different = behind.length
  for (const { name, version } of live) {
    const [one, other] = [tableOf(name, version), tableOf(name, 9)]
    const [row] = await bulk.unsafe<{ rows: number; different: number }[]>(
      `select (select count(*) from ${one})::int as rows,
              (select count(*) from ((table ${one} except table ${other}) union all (table ${other} except table ${one})) d)::int as different`,
    )
    different += row?.different ?? 1
    counts.push(`${name} ${row?.rows} rows, ${row?.different} differ`)
  }
  return { title: 'rebuilt rows equal the live ones', passed: different === 0, detail: counts.join('; ') }
}
