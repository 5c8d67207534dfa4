import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { readModels } from '../projections/index.ts'
import { models } from '../src/domain/index.ts'
import { makeCodec } from '../src/engine/codec.ts'
import { fill } from '../src/engine/fill.ts'
import { readModelSql, tableOf } from '../src/engine/readModelTable.ts'
import { createIndexes } from '../src/engine/tableIndexes.ts'
import { headPosition } from '../src/log/log.ts'
import { personKeys } from '../src/privacy/personKeys.ts'
import { openHub } from './hub.ts'

// A rebuild in a process of its own, so that its memory can be told. Reads one line with a job, rebuilds the read models that it names
// into tables of version 9 in one pass, and prints what that took.

/** What is rebuilt. */
export type RebuildJob = {
  readonly url: string
  readonly masterKey: string
  readonly names: readonly string[]
  /** Events of a first fill that is not counted: code is compiled, connections open. */
  readonly warmUpEvents: number
}

/** What a rebuild took: milliseconds with its indexes, and the most memory that the process ever held. */
export type RebuildTaken = { readonly ms: number; readonly events: number; readonly peakMb: number }

const [line] = await once(process.stdin, 'data')
const job = JSON.parse(String(line)) as RebuildJob
// Nobody waits for the answer any more.
process.stdin.once('end', () => process.exit(1))
const core = await openHub(job.url, job.masterKey)
const chosen = readModels.filter((model) => job.names.includes(model.name))
const head = await headPosition(core.sql)

const tables = async (): Promise<void> => {
  for (const { name } of chosen) {
    await core.bulk.unsafe(`drop table if exists ${tableOf(name, 9)}`)
    await core.bulk.unsafe(readModelSql(name, 'table', tableOf(name, 9)))
  }
}

const rebuild = async (target: number): Promise<number> => {
  await tables()
  const started = performance.now()
  const reached = await fill({
    sql: core.bulk,
    // Keys of persons are read and unwrapped anew, as by a process that was just started.
    codec: makeCodec(models, personKeys(core.bulk, core.master)),
    parts: chosen.map((model) => ({ model, table: tableOf(model.name, 9), checkpoint: async () => true })),
    from: 0,
    target,
    stopped: () => false,
  })
  if (reached !== target) throw new Error(`Cannot bench: the rebuild ended at ${reached} of ${target}`)
  const filled = chosen.map((model) => ({ model, table: tableOf(model.name, 9) }))
  await createIndexes(core.bulk, filled)
  return performance.now() - started
}

/** The high-water mark of resident memory; elsewhere than on Linux what the runtime knows. */
const peakMb = (): number => {
  const status = '/proc/self/status'
  const found = existsSync(status) ? /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(status, 'utf8')) : null
  return (found?.[1] === undefined ? process.resourceUsage().maxRSS : Number(found[1])) / 1024
}

await rebuild(Math.min(job.warmUpEvents, head))
const ms = await rebuild(head)
process.stdout.write(`${JSON.stringify({ ms, events: head, peakMb: peakMb() } satisfies RebuildTaken)}\n`)
await core.close()
process.exit(0)
