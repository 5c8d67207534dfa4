import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, fdatasyncSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { delimiter, join } from 'node:path'
import { median } from './figure.ts'

/** How long one flush of the disk takes, and who measured it. */
export type Flush = { readonly microseconds: number; readonly by: string }

/** The machine that the figures come from. */
export type Machine = { readonly processor: string; readonly cores: number; readonly runtime: string }

/** Describes this machine. */
export const describeMachine = (): Machine => ({
  processor: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  runtime: process.versions.bun ? `Bun ${process.versions.bun}` : `Node ${process.versions.node}`,
})

/** The load average of the last minute. */
export const load = (): number => Math.round((loadavg()[0] ?? 0) * 100) / 100

/** Finds a program of PostgreSQL where distributions put it; null when there is none. */
export const findProgram = (name: string): string | null => {
  const file = process.platform === 'win32' ? `${name}.exe` : name
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort().reverse() : []
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ]
  return folders.map((folder) => join(folder, file)).find((path) => existsSync(path)) ?? null
}

/**
 * The time of one fdatasync in a folder: by PostgreSQL's own program, or 8 KB written and flushed some times. The program tries every
 * way of flushing for a second each: a smoke run has no time for it.
 */
export const flushTime = (folder: string, { smoke }: { readonly smoke: boolean }): Flush => {
  const file = join(folder, 'flush-test')
  try {
    return (smoke ? null : byProgram(file)) ?? byHand(file)
  } finally {
    rmSync(file, { force: true })
  }
}

const byProgram = (file: string): Flush | null => {
  const program = findProgram('pg_test_fsync')
  if (program === null) return null
  const { stdout } = spawnSync(program, ['-s', '1', '-f', file], { encoding: 'utf8', timeout: 60_000 })
  const found = /^\s*fdatasync\s.*?(\d+) usecs\/op/m.exec(stdout ?? '')
  return found?.[1] === undefined ? null : { microseconds: Number(found[1]), by: 'pg_test_fsync' }
}

const byHand = (file: string): Flush => {
  const handle = openSync(file, 'w')
  const block = Buffer.alloc(8192)
  const times: number[] = []
  for (let count = 0; count < 200; count++) {
    const started = performance.now()
    writeSync(handle, block, 0, block.length, 0)
    fdatasyncSync(handle)
    times.push((performance.now() - started) * 1000)
  }
  closeSync(handle)
  return { microseconds: Math.round(median(times)), by: '200 writes of 8 KB with node:fs' }
}

/** The version of each dependency of the bench, and of the hub itself. */
export const versions = (): Readonly<Record<string, string>> => {
  const read = (path: string): { version?: string; dependencies?: Record<string, string> } =>
    JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
  return { 'partner-hub': read('../package.json').version ?? '', ...read('package.json').dependencies }
}
