import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventData } from '../hub.ts'

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** One row of hub.events by one INSERT; a sequence gives the position, as every table with an identity does it. */
const insertRow = (): string => {
  const data = quoted(JSON.stringify(eventData(7)))
  const meta = quoted(JSON.stringify({ command: 'RecordVisit', cause: { kind: 'import', id: 'bench' } }))
  return `insert into hub.events (position, event_id, stream, version, subject, type, data, meta, recorded_at)
 select p, gen_random_uuid(), 'plain-' || p, 1, 'par_7', 'VisitRecorded', ${data}, ${meta}, clock_timestamp()
 from nextval('bench_position') as p;`.replaceAll('\n', ' ')
}

/** A window as long as this always has a rate. */
const secondsMax = 8

/** Runs pgbench with single-row INSERTs; answers transactions in a second. */
export const pgbenchInserts = async (
  program: string,
  at: { readonly url: string; readonly clients: number; readonly windowMs: number },
): Promise<number> => {
  const folder = mkdtempSync(join(tmpdir(), 'partner-hub-pgbench-'))
  try {
    const script = join(folder, 'insert.sql')
    writeFileSync(script, `${insertRow()}\n`)
    // A busy machine takes longer than a short window to connect: then there is no rate, and a longer window finds one.
    for (let seconds = Math.max(1, Math.round(at.windowMs / 1000)); ; seconds *= 2) {
      const duration = ['-T', String(seconds)]
      const clients = ['-c', String(at.clients), '-j', '2']
      const text = await output(program, ['-n', '-M', 'prepared', ...clients, ...duration, '-f', script, at.url])
      const found = /tps = ([\d.]+)/.exec(text)
      if (found?.[1] !== undefined) return Number(found[1])
      if (seconds >= secondsMax) throw new Error(`Cannot read the answer of pgbench: ${text.slice(-300)}`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const output = (program: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const chunks: string[] = []
    child.stdout.on('data', (chunk) => chunks.push(String(chunk)))
    child.stderr.on('data', (chunk) => chunks.push(String(chunk)))
    child.on('error', reject)
    child.on('exit', () => resolve(chunks.join('')))
  })
