import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const modules = fileURLToPath(new URL('../node_modules/', import.meta.url))

/** Smaller than this it is the placeholder that waits for an install script, not a runtime. */
const runtimeBytesMin = 1_000_000

/** The Bun to run under: this process itself, or the one among the dependencies, whether or not install scripts ran. */
export const findBun = () => {
  if (process.versions.bun) return process.execPath
  const exe = process.platform === 'win32' ? 'bun.exe' : 'bun'
  const arch = process.arch === 'arm64' ? 'aarch64' : process.arch
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const libc = process.platform === 'linux' && isMusl() ? '-musl' : ''
  return firstWorking('bun', [
    join(modules, 'bun', 'bin', 'bun.exe'),
    join(modules, '@oven', `bun-${system}-${arch}${libc}`, 'bin', exe),
    join(modules, '@oven', `bun-${system}-${arch}${libc}-baseline`, 'bin', exe),
  ])
}

/** The Deno to test under: this process itself, or the one among the development dependencies. */
export const findDeno = () => {
  if (process.versions.deno) return process.execPath
  const exe = process.platform === 'win32' ? 'deno.exe' : 'deno'
  const libc = process.platform === 'linux' ? '-glibc' : ''
  return firstWorking('deno', [
    join(modules, 'deno', exe),
    join(modules, '@deno', `${process.platform}-${process.arch}${libc}`, exe),
  ])
}

/** A process that lost the one it stands in for notices within this time. */
const orphanCheckMs = 250

/** Runs a program in our place: its streams are ours, signals go on to it, and so does its end come back. */
export const runInPlace = (program, args) => {
  const env = { ...process.env, HUB_LAUNCHER_PID: String(process.pid) }
  const child = spawn(program, args, { stdio: 'inherit', env })
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    process.on(signal, () => {
      // A terminal sends its Ctrl-C to the child as well; twice would read as impatience.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  // npm waits for its script; when it is gone, it was killed, and nobody would ever stop what it started.
  if (process.env.npm_lifecycle_event) whenOrphaned(process.ppid, () => child.kill('SIGTERM'))
  child.on('error', (error) => {
    console.error(`Cannot run "${program}": ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0))
  })
}

/** Ends a program that runs in another's place when that one is killed: a kill must reach both. */
export const dieWithLauncher = () => {
  const launcher = Number(process.env.HUB_LAUNCHER_PID)
  delete process.env.HUB_LAUNCHER_PID
  if (launcher > 0) whenOrphaned(launcher, () => process.kill(process.pid, 'SIGKILL'))
}

const whenOrphaned = (parent, react) => {
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    react()
  }, orphanCheckMs)
  timer.unref()
}

const firstWorking = (name, paths) => {
  for (const path of paths) if (existsSync(path) && statSync(path).size > runtimeBytesMin && works(path)) return path
  // One that the machine has by itself, such as a runtime that npm has no package of.
  if (works(name)) return name
  console.error(
    `Cannot find ${name} for ${process.platform} ${process.arch}: install the dependencies with "npm ci --ignore-scripts"`,
  )
  process.exit(1)
}

/** A processor may lack what a binary was built for: only a run tells. */
const works = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0

const isMusl = () => {
  const header = process.report?.getReport()?.header
  return header !== undefined && !header.glibcVersionRuntime
}
