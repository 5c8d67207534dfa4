import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createDatabase, type TestDatabase } from './database.ts'

/** A service that runs as a process of its own, reached over HTTP only. */
export type RunningService = {
  readonly url: string
  readonly operator: string
  readonly analyst: string
  readonly pid: number
  /** Asks as an operator. */
  readonly get: (
    path: string,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<{ status: number; body: Json; headers: Headers }>
  readonly post: (path: string, body: unknown) => Promise<{ status: number; body: Json; headers: Headers }>
  readonly log: () => string
  /** Resolves to the exit code after SIGTERM; null when it had to be killed. */
  readonly stop: () => Promise<number | null>
  readonly kill: () => Promise<void>
}

/** JSON of an answer, as tests walk through it. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
export type Json = any

/** How a service is started. */
export type ServiceOptions = {
  readonly databaseUrl: string
  readonly dataDir?: string
  readonly env?: Readonly<Record<string, string>>
  readonly port?: number
  readonly runtime?: 'bun' | 'deno'
}

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The runtime that the tests themselves run on. */
export const ownRuntime = (): 'bun' | 'deno' => ('Deno' in globalThis ? 'deno' : 'bun')

/** A port that is free at this moment. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

const command = (runtime: 'bun' | 'deno'): readonly [string, readonly string[]] => {
  const entry = join(root, 'src/cli/main.ts')
  return runtime === 'deno'
    ? [process.execPath, ['run', '--no-check', '-A', '--node-modules-dir=manual', entry, 'serve']]
    : [process.execPath, [entry, 'serve']]
}

/** A service that ended before it was ready. */
export class ServiceEnded extends Error {
  override readonly name = 'ServiceEnded'
}

/** Starts the service and waits until it is ready; `ServiceEnded` when it ends before that. */
export const startService = async (options: ServiceOptions): Promise<RunningService> => {
  const port = options.port ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'hub-test-'))
  const operator = 'operator-token-of-the-tests'
  const analyst = 'analyst-token-of-the-tests'
  const [program, args] = command(options.runtime ?? ownRuntime())
  const child = spawn(program, args, {
    cwd: root,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      TZ: process.env.TZ ?? 'UTC',
      DATABASE_URL: options.databaseUrl,
      DATA_DIR: dataDir,
      PORT: String(port),
      HUB_OPERATOR_TOKEN: operator,
      HUB_ANALYST_TOKEN: analyst,
      HUB_MASTER_KEY: masterKey,
      HUB_SOURCE_RATE_MAX: '0',
      OPERATOR_EMAIL: 'operator@example.ru',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  child.stdout.on('data', (chunk) => {
    log += chunk
  })
  child.stderr.on('data', (chunk) => {
    log += chunk
  })
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  const ask = async (path: string, init: RequestInit): Promise<{ status: number; body: Json; headers: Headers }> => {
    const response = await fetch(`${url}${path}`, {
      redirect: 'manual',
      ...init,
      headers: { authorization: `Bearer ${operator}`, ...init.headers },
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: parsed(text) }
  }
  await until(
    async () => {
      // A process that was ended by a signal has no exit code.
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new ServiceEnded(`The service ended with ${child.exitCode ?? child.signalCode}:\n${log}`)
      }
      return (await fetch(`${url}/readyz`).catch(() => null))?.status === 200
    },
    () => `the service to be ready:\n${log}`,
  )
  return {
    url,
    operator,
    analyst,
    pid: child.pid ?? 0,
    get: (path, headers = {}) => ask(path, { headers }),
    post: (path, body) =>
      ask(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    log: () => log,
    stop: async () => {
      // Not child.kill(): on Deno that reports the signal as the end, also of a process that answered it with an exit code.
      process.kill(child.pid ?? 0, 'SIGTERM')
      const code = await Promise.race([exited, wait(20_000, 'late' as const)])
      if (code === 'late') child.kill('SIGKILL')
      if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true })
      return code === 'late' ? null : code
    },
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

const masterKey = randomBytes(32).toString('base64')

const parsed = (text: string): Json => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Waits until a question is answered with yes; fails after a bounded time. What it waited for may be told when it fails. */
export const until = async (
  question: () => Promise<boolean>,
  what: string | (() => string),
  withinMs = 30_000,
): Promise<void> => {
  const deadline = performance.now() + withinMs
  while (!(await question())) {
    if (performance.now() > deadline) {
      throw new Error(`Waited ${withinMs} ms in vain for ${typeof what === 'string' ? what : what()}`)
    }
    await wait(25)
  }
}

/** Runs a test against a service over a database of its own. */
export const withService = async (
  env: Readonly<Record<string, string>>,
  work: (service: RunningService, database: TestDatabase) => Promise<void>,
): Promise<void> => {
  const database = await createDatabase({ migrated: false })
  const service = await startService({ databaseUrl: database.url, env })
  try {
    await work(service, database)
  } catch (error) {
    throw new Error(
      `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n--- log of the service ---\n${service.log().slice(-4000)}`,
    )
  } finally {
    await service.stop()
    await database.drop()
  }
}
