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

/** Runs pgbench with single-row INSERTs; answers transactions in a second. */
export const pgbenchInserts = async (
  program: string,
  at: { readonly url: string; readonly clients: number; readonly windowMs: number },
): Promise<number> => {
  const folder = mkdtempSync(join(tmpdir(), 'partner-hub-pgbench-'))
  try {
    const script = join(folder, 'insert.sql')
    writeFileSync(script, `${insertRow()}\n`)
    const seconds = Math.max(1, Math.round(at.windowMs / 1000))
    const text = await output(program, [
      '-n',
      '-M',
      'prepared',
      '-c',
      String(at.clients),
      '-j',
      '2',
      '-T',
      String(seconds),
      '-f',
      script,
      at.url,
    ])
    const found = /tps = ([\d.]+)/.exec(text)
    if (found?.[1] === undefined) throw new Error(`Cannot read the answer of pgbench: ${text.slice(-300)}`)
    return Number(found[1])
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
