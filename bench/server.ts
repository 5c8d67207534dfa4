import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { startEmbedded } from '../src/db/embedded.ts'

/** The PostgreSQL of a run. */
export type BenchServer = {
  readonly adminUrl: string
  /** Where it keeps its data, or the folder of temporary files when it is not ours. */
  readonly folder: string
  readonly about: string
  readonly createDatabase: (label: string) => Promise<string>
  /** Drops what was made; a server of our own is shut down and removed. */
  readonly stop: () => Promise<void>
}

/** Settings that make or break a measurement of durable writes. */
const told = ['server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method', 'shared_buffers']

/** Starts a throwaway server with default durability, or uses the one that BENCH_PG_URL names. */
export const openServer = async (say: (line: string) => void): Promise<BenchServer> => {
  const given = process.env.BENCH_PG_URL
  const folder = mkdtempSync(join(tmpdir(), 'partner-hub-bench-'))
  const embedded = given === undefined ? await startEmbedded({ dataDir: folder, log: (message) => say(message) }) : null
  const adminUrl = given ?? embedded?.adminUrl ?? ''
  assertLoopback(adminUrl)
  const admin = postgres(adminUrl, { max: 1, onnotice: () => {} })
  const made: string[] = []
  const createDatabase = async (label: string): Promise<string> => {
    const name = `bench_${process.pid}_${label}`
    await admin.unsafe(`drop database if exists ${name} with (force)`)
    await admin.unsafe(`create database ${name}`)
    made.push(name)
    const url = new URL(adminUrl)
    url.pathname = `/${name}`
    return url.href
  }
  const stopOnce = async (): Promise<void> => {
    try {
      for (const name of made) await admin.unsafe(`drop database if exists ${name} with (force)`)
      await admin.end({ timeout: 5 })
    } finally {
      await embedded?.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }
  let stopping: Promise<void> | null = null
  /** A signal and the end of the run may both ask for it: whoever comes second waits for the same end. */
  const stop = (): Promise<void> => {
    stopping ??= stopOnce()
    return stopping
  }
  const rows = await admin<{ name: string; setting: string; unit: string | null }[]>`
    select name, setting, unit from pg_settings where name = any (${told}) order by array_position(${told}, name)`
  const about = rows.map((row) => `${row.name} ${row.setting}${row.unit ? ` × ${row.unit}` : ''}`).join(', ')
  return { adminUrl, folder, about, createDatabase, stop }
}

/** Throws unless an address is on loopback: nothing else is ever put under load. */
export const assertLoopback = (url: string): void => {
  const { hostname } = new URL(url)
  if (!['127.0.0.1', 'localhost', '::1', '[::1]'].includes(hostname))
    throw new Error('Cannot bench: BENCH_PG_URL and BENCH_HISTORY_URL should name a server on loopback')
}
