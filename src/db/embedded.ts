import { spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import postgres from 'postgres'
import {
  type Cluster,
  isAlive,
  lastLine,
  openCluster,
  rolePassword,
  serverEnvironment,
  superuserPassword,
} from './embeddedFiles.ts'

/** What the embedded server needs to know. */
export type EmbeddedOptions = {
  /** Everything it keeps lies in `postgres` below. */
  readonly dataDir: string
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
  /** Server settings on top of ours; for throwaway servers of tests. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A running server of our own. */
export type Embedded = {
  /** Database `hub` as role `hub`: it owns the database and may create roles, but is no superuser. */
  readonly url: string
  /** Database `postgres` as superuser. */
  readonly adminUrl: string
  /** Whether it was running already: started by another process, or left behind by one that was killed. */
  readonly adopted: boolean
  /** Shuts the server down and waits, unless another process of ours still uses it. */
  readonly stop: () => Promise<void>
}

/** A start that takes longer is given up; crash recovery of a large log fits in. */
const startMsMax = 60_000

/** A server that dies at once this often will not come up by trying again. */
const failuresMax = 5

/** A clean shutdown may take this long before the server is told to drop everything; it then recovers from its log at the next start. */
const stopMsMax = 10_000

/** The server's own log starts anew above this size. */
const logBytesMax = 8 * 1024 * 1024

/** For a small machine. Nothing here weakens durability. */
const ourSettings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '128MB',
  max_connections: '100',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
}

/**
 * Runs PostgreSQL from the package registry's binaries, on loopback only. Finds a server of this data folder that is alive and
 * adopts it; otherwise starts one, the first time with a new cluster. Safe to call from several processes at once.
 */
export const startEmbedded = async (options: EmbeddedOptions): Promise<Embedded> => {
  const cluster = openCluster(options.dataDir)
  if (cluster.fresh) options.log('Created a PostgreSQL cluster', { folder: cluster.folder })
  enter(cluster)
  try {
    const { port, adopted } = await running(cluster, options)
    const password = superuserPassword(cluster.folder)
    const adminUrl = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
    await ensureDatabase(adminUrl, rolePassword(password))
    options.log(adopted ? 'Adopted the running PostgreSQL' : 'Started PostgreSQL', { port })
    return {
      url: `postgres://hub:${rolePassword(password)}@127.0.0.1:${port}/hub`,
      adminUrl,
      adopted,
      stop: () => leave(cluster),
    }
  } catch (error) {
    await leave(cluster)
    throw error
  }
}

type Running = { readonly port: number; readonly adopted: boolean }

/** Looks, starts, looks again: whichever process's server holds the data folder in the end is the one. */
const running = async (
  cluster: Cluster & { readonly binaries: string },
  options: EmbeddedOptions,
): Promise<Running> => {
  const deadline = performance.now() + startMsMax
  let child: Child | null = null
  for (let failures = 0; performance.now() < deadline; ) {
    const held = lockFile(cluster.data)
    if (held !== null && (await isOurs(held, cluster))) return { port: held.port, adopted: held.pid !== child?.pid }
    if (child !== null && !child.alive()) {
      child = null
      failures += 1
      if (failures >= failuresMax)
        throw new Error(`Cannot start PostgreSQL: ${lastLine(logText(cluster)) || 'it ended at once'}`)
    }
    if (child === null) {
      if (held === null) child = start(cluster, { ...options, port: await freePort(cluster) })
      else if (!servesFolder(held.pid, cluster.data)) removeStale(cluster.data, held.pid)
    }
    await pause(25)
  }
  throw new Error(`Cannot start PostgreSQL within ${startMsMax / 1000} s: see "${join(cluster.folder, 'log')}"`)
}

type Child = { readonly pid: number | undefined; readonly alive: () => boolean }

type Starting = EmbeddedOptions & { readonly port: number; readonly cluster?: never }

const start = (cluster: Cluster & { readonly binaries: string }, { settings, port }: Starting): Child => {
  const path = join(cluster.folder, 'log')
  const log = openSync(path, existsSync(path) && statSync(path).size > logBytesMax ? 'w' : 'a', 0o600)
  const all = Object.entries({ ...ourSettings, ...settings, port: String(port) })
  // A session of its own: Ctrl-C in a terminal must reach us only, who drain first and stop the server last.
  const child = spawn(
    join(cluster.binaries, 'bin', 'postgres'),
    ['-D', cluster.data, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    {
      ...cluster.account,
      cwd: cluster.folder,
      env: serverEnvironment,
      detached: true,
      stdio: ['ignore', log, log],
    },
  )
  let ended = false
  child.on('exit', () => {
    ended = true
  })
  child.on('error', () => {
    ended = true
  })
  child.unref()
  closeSync(log)
  return { pid: child.pid, alive: () => !ended }
}

const logText = (cluster: Cluster): string => {
  const path = join(cluster.folder, 'log')
  return existsSync(path) ? readFileSync(path, 'utf8').slice(-4096) : ''
}

type Held = { readonly pid: number; readonly port: number; readonly status: string }

/** What PostgreSQL's own lock file says; null without one, or while it is being written. */
const lockFile = (data: string): Held | null => {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    const pid = Number(lines[0])
    return pid > 0 ? { pid, port: Number(lines[3]), status: lines[7]?.trim() ?? '' } : null
  } catch {
    return null
  }
}

/** Whether a ready server of this very folder lets us in at the address of the lock file. */
const isOurs = async (held: Held, cluster: Cluster): Promise<boolean> => {
  if (held.status !== 'ready' || !isAlive(held.pid)) return false
  const url = `postgres://postgres:${superuserPassword(cluster.folder)}@127.0.0.1:${held.port}/postgres`
  try {
    return await withAdmin(url, async (sql) => {
      const [row] = await sql<{ folder: string }[]>`select current_setting('data_directory') as folder`
      return row?.folder === cluster.data
    })
  } catch {
    return false
  }
}

/** Whether a process is a server that works in this folder; a number from a stale lock file may have gone to anybody. */
const servesFolder = (pid: number, data: string): boolean => {
  if (!isAlive(pid)) return false
  if (process.platform !== 'linux') return true
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === data
  } catch {
    return false
  }
}

/** Takes a dead server's lock file away, and puts it back if another process has just written its own. */
const removeStale = (data: string, pid: number): void => {
  const path = join(data, 'postmaster.pid')
  const aside = `${path}.stale.${process.pid}`
  try {
    renameSync(path, aside)
    if (Number(readFileSync(aside, 'utf8').split('\n')[0]) === pid) rmSync(aside)
    else renameSync(aside, path)
  } catch {
    // Another process has taken it away first.
  }
}

/** The port that was used last while it is free, else any free one; never the one where a server of the machine would listen. */
const freePort = async (cluster: Cluster): Promise<number> => {
  const path = join(cluster.folder, 'port')
  const last = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0
  const port = (await tryPort(last)) ?? (await tryPort(0)) ?? last
  if (port !== last) writeFileSync(path, `${port}\n`, { mode: 0o600 })
  return port
}

const tryPort = (port: number): Promise<number | null> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(null))
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : null))
    })
  })

/** A short-lived connection of the superuser. */
const withAdmin = async <T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> => {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: 3,
    prepare: false,
    onnotice: () => {},
    connection: { application_name: 'hub embedded' },
  })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Session lock under which processes that start together make role and database once. */
const ensureLock = 726_551_002

const ensureDatabase = (adminUrl: string, password: string): Promise<void> =>
  withAdmin(adminUrl, async (sql) => {
    await sql`select pg_advisory_lock(${ensureLock})`
    const [found] = await sql<{ role: boolean; base: boolean }[]>`
      select exists (select from pg_roles where rolname = 'hub') as role, exists (select from pg_database where datname = 'hub') as base`
    // Neither statement takes parameters; the password is our own hexadecimal.
    if (!found?.role) await sql.unsafe(`create role hub login createrole password '${password}'`)
    if (!found?.base) await sql.unsafe('create database hub owner hub')
  })

/** Each process that uses the server leaves a file with its number, so that the last one turns off the light. */
const usersFolder = (cluster: Cluster): string => join(cluster.folder, 'users')

const enter = (cluster: Cluster): void => {
  mkdirSync(usersFolder(cluster), { recursive: true, mode: 0o700 })
  writeFileSync(join(usersFolder(cluster), String(process.pid)), '')
}

const leave = async (cluster: Cluster): Promise<void> => {
  const folder = usersFolder(cluster)
  rmSync(join(folder, String(process.pid)), { force: true })
  for (const name of readdirSync(folder)) {
    if (isAlive(Number(name))) return
    rmSync(join(folder, name), { force: true })
  }
  const held = lockFile(cluster.data)
  if (held === null || !servesFolder(held.pid, cluster.data)) return
  process.kill(held.pid, 'SIGINT')
  if (await gone(held.pid, cluster.data)) return
  process.kill(held.pid, 'SIGQUIT')
  await gone(held.pid, cluster.data)
}

/** Waits for the lock file to go: the process itself may stay in the table until its parent looks. */
const gone = async (pid: number, data: string): Promise<boolean> => {
  const deadline = performance.now() + stopMsMax
  while (performance.now() < deadline) {
    if (lockFile(data)?.pid !== pid || !isAlive(pid)) return true
    await pause(10)
  }
  return false
}
