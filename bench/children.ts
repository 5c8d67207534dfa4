import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The secret of every webhook source of a benched service. */
export const benchSecret = 'bench-secret-of-this-run-only-0123456789'
/** The token of the operator of a benched service. */
export const benchToken = 'bench-operator-token-of-this-run-only'

const hub = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
/** A service that is not ready by then never will be. */
const readyMsMax = 30_000
const readyPollMs = 5

/** The path of a program of the bench. */
export const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Children that may still run. */
const running = new Set<ChildProcess>()

const started = (child: ChildProcess): ChildProcess => {
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Kills whatever still runs; for a bench that is interrupted itself. */
export const killChildren = (): void => {
  for (const child of running) child.kill('SIGKILL')
}

/** Ends a child politely, by force after 15 s; resolves when it is gone. */
export const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await gone
  clearTimeout(killer)
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** How a service is started. */
export type ServiceOptions = {
  readonly databaseUrl: string
  readonly folder: string
  /** Where the child is put down, so that whoever cleans up ends it, whatever happens. */
  readonly children: ChildProcess[]
  readonly roles: string
  /** 32 bytes in base64; one of its own unless told. */
  readonly masterKey?: string
  /** The runtime with its own arguments; that of the bench unless told. */
  readonly runtime?: readonly [string, ...string[]]
}

/** A service that answers. */
export type StartedService = { readonly url: string; readonly child: ChildProcess; readonly readyMs: number }

/** Starts `hub serve` as it is run; its providers lead nowhere, so that nothing it is told makes it call anybody. */
export const startService = async (options: ServiceOptions): Promise<StartedService> => {
  const port = await freePort()
  const [runtime, ...before] = options.runtime ?? [process.execPath]
  const startedAt = performance.now()
  const child = spawn(runtime, [...before, hub, 'serve'], {
    env: { ...process.env, ...environmentOf(options, port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  options.children.push(started(child))
  const url = `http://127.0.0.1:${port}`
  while (child.exitCode === null && performance.now() - startedAt < readyMsMax) {
    const response = await fetch(`${url}/readyz`).catch(() => null)
    if (response?.ok) return { url, child, readyMs: performance.now() - startedAt }
    await wait(readyPollMs)
  }
  throw new Error('Cannot bench: the service did not become ready')
}

const environmentOf = (options: ServiceOptions, port: number): Readonly<Record<string, string>> => {
  const nowhere = 'http://127.0.0.1:9'
  return {
    HUB_MODE: 'sandbox',
    HUB_ROLES: options.roles,
    HUB_SOURCE_RATE_MAX: '0',
    HUB_OPERATOR_TOKEN: benchToken,
    ...(options.masterKey === undefined ? {} : { HUB_MASTER_KEY: options.masterKey }),
    HOST: '127.0.0.1',
    PORT: String(port),
    DATA_DIR: options.folder,
    DATABASE_URL: options.databaseUrl,
    LOG_LEVEL: 'error',
    CLOUDPAYMENTS_PUBLIC_ID: 'pk_bench',
    CLOUDPAYMENTS_API_SECRET: benchSecret,
    CLOUDPAYMENTS_BASE_URL: nowhere,
    TILDA_PUBLIC_KEY: 'bench',
    TILDA_SECRET_KEY: 'bench',
    TILDA_WEBHOOK_SECRET: benchSecret,
    TILDA_BASE_URL: nowhere,
  }
}

/** Asks the API of a service as its operator; throws on anything but 2xx. */
export const askApi = async (url: string, path: string, body?: Readonly<Record<string, unknown>>): Promise<unknown> => {
  const response = await fetch(`${url}/api/v1/${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${benchToken}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  if (!response.ok) throw new Error(`Cannot bench: "${path}" was answered ${response.status}`)
  return response.json()
}

/** What a load found: answers 2xx in a second, percentiles of their latency in milliseconds, and how many were something else. */
export type Loaded = {
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly failed: number
}

/** A load of webhooks, from a process of its own. */
export type Load = {
  readonly url: string
  readonly kind: 'cloudpayments' | 'repeated' | 'tilda'
  readonly connections: number
  readonly windowMs: number
  /** Requests a second; as many as are answered unless told. */
  readonly perSecond?: number
}

/** Runs a load to its end; throws when any answer was not 2xx. */
export const runLoad = async ({ url, kind, connections, windowMs, perSecond = 0 }: Load): Promise<Loaded> => {
  const args = [url, kind, benchSecret, String(connections), String(windowMs), String(perSecond)]
  const child = spawn(process.execPath, [program('httpLoad.ts'), ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  started(child)
  const chunks: string[] = []
  child.stdout.on('data', (chunk) => chunks.push(String(chunk)))
  await once(child, 'close')
  const loaded = JSON.parse(chunks.join('')) as Loaded
  if (loaded.failed > 0) throw new Error(`Cannot bench: ${loaded.failed} requests to ${url} were not answered 2xx`)
  return loaded
}

/** A child that is spoken to line by line. */
export type LineChild = {
  readonly child: ChildProcess
  readonly line: () => Promise<string>
  readonly ended: Promise<unknown>
}

/** Starts a program of the bench whose lines are read one by one. */
export const startLines = (name: string, args: readonly string[]): LineChild => {
  const child = spawn(process.execPath, [program(name), ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  started(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => {
    const next = await lines.next()
    if (next.done) throw new Error(`Cannot bench: "${name}" ended too early`)
    return next.value
  }
  return { child, line, ended: once(child, 'exit') }
}

/** Resident memory of a process in MB, as `ps` tells it. */
export const residentMb = (pid: number): number => {
  const { stdout } = spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })
  return Number(stdout) / 1024
}
