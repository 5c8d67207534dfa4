import { killChildren } from './children.ts'
import type { Context, Measure } from './context.ts'
import type { Check, Comparison, Figure } from './figure.ts'
import { closeHistory } from './history.ts'
import { describeMachine, findProgram, flushTime, load, versions } from './machine.ts'
import { append } from './measures/append.ts'
import { effects } from './measures/effects.ts'
import { growth } from './measures/growth.ts'
import { hanging } from './measures/hanging.ts'
import { http } from './measures/http.ts'
import { inbox } from './measures/inbox.ts'
import { ingest } from './measures/ingest.ts'
import { latency } from './measures/latency.ts'
import { live } from './measures/live.ts'
import { pages } from './measures/pages.ts'
import { processes } from './measures/processes.ts'
import { rebuild } from './measures/rebuild.ts'
import { start } from './measures/start.ts'
import { readOptions } from './options.ts'
import { renderReport, reportOf } from './report.ts'
import { openServer } from './server.ts'

/** Every measure, in the order of the run. */
const measures: Readonly<Record<string, Measure>> = {
  append,
  inbox,
  processes,
  rebuild,
  growth,
  live,
  effects,
  hanging,
  http,
  ingest,
  latency,
  pages,
  start,
}

const say = (line: string): void => void process.stderr.write(`${line}\n`)

const run = async (context: Context, names: readonly string[]) => {
  const figures: Figure[] = []
  const comparisons: Comparison[] = []
  const checks: Check[] = []
  const crashed: string[] = []
  for (const name of names) {
    const started = performance.now()
    say(`${name} …`)
    try {
      const found = await measures[name]?.(context)
      figures.push(...(found?.figures ?? []))
      comparisons.push(...(found?.comparisons ?? []))
      checks.push(...(found?.checks ?? []))
    } catch (error) {
      // What the others found is told all the same.
      crashed.push(name)
      say(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    say(`${name} took ${((performance.now() - started) / 1000).toFixed(1)} s`)
  }
  return { figures, comparisons, checks, crashed }
}

const main = async (): Promise<number> => {
  const options = readOptions(process.argv.slice(2))
  if (typeof options === 'string') {
    process.stdout.write(`${options}\n`)
    return 0
  }
  const names = options.only ?? Object.keys(measures)
  const unknown = names.filter((name) => measures[name] === undefined)
  if (unknown.length > 0)
    throw new Error(`Cannot measure "${unknown.join(', ')}": known are ${Object.keys(measures).join(', ')}`)
  const loadBefore = load()
  const server = await openServer(say)
  const stop = (): void => {
    killChildren()
    void server.stop().finally(() => process.exit(130))
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    const flush = flushTime(server.folder, options)
    const context: Context = {
      adminUrl: server.adminUrl,
      options,
      say,
      createDatabase: server.createDatabase,
      pgbench: findProgram('pgbench'),
    }
    const { crashed, ...found } = await run(context, names)
    const about = {
      machine: describeMachine(),
      load: { before: loadBefore, after: load() },
      fdatasync: flush,
      postgresql: server.about,
      versions: versions(),
      rounds: options.rounds,
      ...(crashed.length > 0 ? { crashed } : {}),
      ...(options.smoke ? { smoke: 'one short round: the figures say that it works, not how fast' } : {}),
    }
    const report = reportOf(about, found)
    process.stdout.write(`${renderReport(report)}\n`)
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`)
    return crashed.length > 0 || found.checks.some((check) => !check.passed) ? 1 : 0
  } finally {
    await closeHistory().catch(() => {})
    await server.stop()
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error))
    process.exit(1)
  },
)
