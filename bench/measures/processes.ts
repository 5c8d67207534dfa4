import { migrate } from '../../src/db/migrate.ts'
import { startLines } from '../children.ts'
import type { Context } from '../context.ts'
import type { Measured } from '../figure.ts'
import { emptyLog, openPool } from '../hub.ts'
import { type Contestant, interleave } from '../interleave.ts'

const writersEach = 64

/** 64 writers in one process, and four such processes on one database. */
export const processes = async (context: Context): Promise<Measured> => {
  const { windowMs, rounds } = context.options
  const url = await context.createDatabase('processes')
  await migrate(url)
  const admin = openPool(url, 1)
  let runs = 0
  const contestant = (count: number): Contestant => ({
    name: `processes.hub${count}`,
    title: `hub append, ${count} ${count === 1 ? 'process' : 'processes'}`,
    unit: 'events/s',
    note: `${writersEach} writers in each, one database`,
    before: () => emptyLog(admin),
    run: (window) => inProcesses({ url, count, windowMs: window, label: `p${++runs}` }),
  })
  try {
    const figures = await interleave([contestant(1), contestant(4)], { rounds, windowMs, warmUpMs: 0 })
    return { figures, comparisons: [{ figure: 'processes.hub4', to: 'processes.hub1', atLeast: 1 }] }
  } finally {
    await admin.end()
  }
}

type Run = { readonly url: string; readonly count: number; readonly windowMs: number; readonly label: string }

/** Starts all, lets them begin together, adds up their rates. */
const inProcesses = async ({ url, count, windowMs, label }: Run): Promise<number> => {
  const workers = Array.from({ length: count }, (_, index) =>
    startLines('appendWorker.ts', [url, `${label}-${index}`, String(writersEach), String(windowMs)]),
  )
  try {
    await Promise.all(workers.map((worker) => worker.line()))
    for (const worker of workers) worker.child.stdin?.write('go\n')
    const rates = await Promise.all(workers.map((worker) => worker.line()))
    await Promise.all(workers.map((worker) => worker.ended))
    return rates.reduce((sum, rate) => sum + Number(rate), 0)
  } finally {
    for (const worker of workers) worker.child.kill()
  }
}
