import { migrate } from '../../src/db/migrate.ts'
import type { Context } from '../context.ts'
import type { Measured } from '../figure.ts'
import { emptyLog, openBenchLane, openPool, versionedWriters } from '../hub.ts'
import { type Contestant, interleave, perSecond } from '../interleave.ts'
import { emmettWriters, openEmmett } from '../peers/emmett.ts'
import { pgbenchInserts } from '../peers/pgbench.ts'
import { openPlain, plainInserts } from '../peers/plain.ts'

const writers = 64
const rowNote = 'one event a call, row of about 500 bytes'

/** Single-event appends by 64 writers and by one, beside the plain INSERT, pgbench and Emmett. */
export const append = async (context: Context): Promise<Measured> => {
  const { windowMs, rounds, warmUpMs } = context.options
  const url = await context.createDatabase('append')
  await migrate(url)
  const admin = openPool(url, 1)
  await admin`create sequence bench_position`
  const lane = openBenchLane(url)
  const one = openPlain(url, 1)
  const pool = openPlain(url, writers)
  const emmettUrl = await context.createDatabase('append_emmett')
  const store = await openEmmett(emmettUrl)
  const before = (): Promise<void> => emptyLog(admin)
  let streams = 0
  const contestants: Contestant[] = [
    {
      name: 'append.hub64',
      title: `hub append, ${writers} writers`,
      unit: 'events/s',
      note: `${writers} awaited appends in one process, a stream each, ${rowNote}`,
      before,
      run: (windowMs) => perSecond({ writers, windowMs }, versionedWriters(lane, `w${++streams}`)),
    },
    {
      name: 'append.limit',
      title: 'plain INSERT in batches of 64 (the limit)',
      unit: 'events/s',
      note: '64 rows a statement through postgres.js, one connection, no checks, no lock',
      before,
      run: (windowMs) => {
        const insert = plainInserts(one)
        return perSecond({ writers: 1, windowMs }, (writer) => insert(writer, 64))
      },
    },
    rawContestant(context, { url, before, pool }),
    {
      name: 'append.emmett64',
      title: `Emmett appendToStream, ${writers} writers`,
      unit: 'events/s',
      note: `${writers} awaited appends, a stream each, its default pool`,
      before: async () => void (await admin`checkpoint`),
      run: (windowMs) => perSecond({ writers, windowMs }, emmettWriters(store, `w${++streams}`)),
    },
    {
      name: 'append.hub1',
      title: 'hub append, 1 writer',
      unit: 'events/s',
      note: rowNote,
      before,
      run: (windowMs) => perSecond({ writers: 1, windowMs }, versionedWriters(lane, `w${++streams}`)),
    },
    {
      name: 'append.plain1',
      title: 'plain INSERT, 1 writer',
      unit: 'events/s',
      note: 'one row a statement, one connection',
      before,
      run: (windowMs) => {
        const insert = plainInserts(one)
        return perSecond({ writers: 1, windowMs }, (writer) => insert(writer, 1))
      },
    },
  ]
  try {
    const figures = await interleave(contestants, { rounds, windowMs, warmUpMs })
    return {
      figures,
      comparisons: [
        { figure: 'append.hub64', to: 'append.limit', atLeast: 0.7 },
        { figure: 'append.hub64', to: 'append.raw64', atLeast: 1.8 },
        { figure: 'append.hub64', to: 'append.emmett64', atLeast: 7 },
        { figure: 'append.hub1', to: 'append.plain1', atLeast: 0.8 },
      ],
    }
  } finally {
    await lane.close()
    await store.close()
    await Promise.all([one.end(), pool.end(), admin.end()])
  }
}

type Raw = { readonly url: string; readonly before: () => Promise<void>; readonly pool: ReturnType<typeof openPlain> }

/** Single-row INSERTs at the same concurrency, by pgbench where the machine has it. */
const rawContestant = (context: Context, { url, before, pool }: Raw): Contestant => {
  const { pgbench } = context
  const common = { name: 'append.raw64', unit: 'events/s', before } as const
  if (pgbench !== null)
    return {
      ...common,
      title: `pgbench single-row INSERT, ${writers} clients`,
      note: '-M prepared -j 2, whole seconds',
      run: (windowMs) => pgbenchInserts(pgbench, { url, clients: writers, windowMs }),
    }
  return {
    ...common,
    title: `postgres.js single-row INSERT, ${writers} connections`,
    note: 'a pool of 64, one row a statement',
    run: (windowMs) => {
      const insert = plainInserts(pool)
      return perSecond({ writers, windowMs }, (writer) => insert(writer, 1))
    },
  }
}
