import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { variables } from '../configVariables.ts'
import { exits, failure, type World } from './world.ts'

/** A service of the demonstration's own. */
export type OwnService = {
  readonly url: string
  readonly token: string
  readonly dataDir: string
  /** Ends it and removes what it kept. */
  readonly stop: () => Promise<void>
}

/** The first start unpacks a database. */
const readyWithinMs = 120_000
const stopWithinMs = 15_000
const pollMs = 200

/** Starts a sandbox in a temporary folder, on a free port, with nothing of the configuration around. */
export const startOwnService = async (world: World): Promise<OwnService> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'partner-hub-demo-'))
  const port = await freePort()
  const token = `op_${world.newId()}`
  const url = `http://127.0.0.1:${port}`
  const around = Object.entries(world.env).filter(([name]) => !(name in variables))
  const [program = '', ...args] = world.hubCommand
  const child = spawn(program, [...args, 'serve'], {
    // A group of its own: Ctrl-C at the terminal ends the demonstration first, and then the demonstration ends it.
    detached: true,
    stdio: 'ignore',
    env: { ...Object.fromEntries(around), DATA_DIR: dataDir, PORT: String(port), HUB_OPERATOR_TOKEN: token },
  })
  const ended = new Promise<void>((resolve) => {
    child.on('exit', () => resolve())
    child.on('error', () => resolve())
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    const late = new AbortController()
    await Promise.race([ended, pause(stopWithinMs, late.signal)])
    late.abort()
    child.kill('SIGKILL')
    rmSync(dataDir, { recursive: true, force: true })
  }
  child.unref()
  const started = await untilReady(world, url, ended)
  if (started) return { url, token, dataDir, stop }
  await stop()
  if (world.interrupted().aborted) throw failure(exits.interrupted, { code: 'interrupted', detail: 'Interrupted' })
  throw failure(exits.unreachable, {
    code: 'service-unreachable',
    detail: 'Cannot start a sandbox for the demonstration; "hub serve" shows why',
  })
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

const untilReady = async (world: World, url: string, ended: Promise<void>): Promise<boolean> => {
  let alive = true
  void ended.then(() => {
    alive = false
  })
  const deadlineMs = world.nowMs() + readyWithinMs
  while (alive && world.nowMs() < deadlineMs && !world.interrupted().aborted) {
    const response = await world.fetch(`${url}/readyz`).catch(() => null)
    await response?.body?.cancel()
    if (response?.ok) return true
    await world.wait(pollMs)
  }
  return false
}
