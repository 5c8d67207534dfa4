import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Context } from '../context.ts'
import type { Figure, Measured } from '../figure.ts'
import { type Contestant, interleave } from '../interleave.ts'

const connections = 64
const secret = 'bench-secret-of-this-run-only-0123456789'
const program = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))
const hub = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** Webhooks acknowledged when they are durable, over HTTP, beside a plain route with one INSERT; load from a process of its own. */
export const http = async (context: Context): Promise<Measured> => {
  const { windowMs, warmUpMs, rounds } = context.options
  const folder = mkdtempSync(join(tmpdir(), 'partner-hub-http-'))
  const children: ChildProcess[] = []
  try {
    const service = await startHub(context, { folder, children })
    const plain = await startPlain(await context.createDatabase('http_plain'), children)
    const p99: number[] = []
    const contestant = (
      name: string,
      kind: string,
      more: { title: string; url: string; note: string },
    ): Contestant => ({
      name,
      title: more.title,
      unit: 'requests/s',
      note: more.note,
      run: async (window) => {
        const found = await load([more.url, kind, secret, String(connections), String(window)])
        if (found.failed > 0)
          throw new Error(`Cannot bench: ${found.failed} requests to ${more.url} were not answered 2xx`)
        if (name === 'http.cloudpayments') p99.push(found.p99)
        return found.rate
      },
    })
    const note = `${connections} connections, each body new`
    const figures = await interleave(
      [
        contestant('http.cloudpayments', 'cloudpayments', {
          title: 'hub, CloudPayments pay acknowledged',
          url: `${service}/webhooks/cloudpayments/pay`,
          note: `${note}, HMAC checked, inbox row and event committed`,
        }),
        contestant('http.tilda', 'tilda', {
          title: 'hub, Tilda form acknowledged',
          url: `${service}/webhooks/tilda/form`,
          note: `${note}, key checked, a partner decided, sealed, claimed and committed`,
        }),
        contestant('http.plain', 'cloudpayments', {
          title: 'plain Elysia route with one INSERT',
          url: `${plain}/hook`,
          note: `${note}, nothing checked, pool of 12`,
        }),
      ],
      {
        rounds: Math.min(rounds, 3),
        windowMs: Math.max(1000, windowMs),
        warmUpMs: context.options.smoke ? 0 : warmUpMs,
      },
    )
    const latency: Figure = {
      name: 'http.p99',
      title: 'hub, CloudPayments pay: 99th percentile',
      unit: 'ms',
      rounds: p99.slice(-Math.min(rounds, 3)),
      note,
    }
    return {
      figures: [...figures, latency],
      comparisons: [
        { figure: 'http.cloudpayments', to: 'http.plain', atLeast: 1 },
        { figure: 'http.tilda', to: 'http.plain', atLeast: null },
      ],
    }
  } finally {
    await Promise.all(children.map(ended))
    rmSync(folder, { recursive: true, force: true })
  }
}

const ended = async (child: ChildProcess): Promise<void> => {
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

/** The service as it is run, receiving only, so that nothing it was told makes it call anybody. */
const startHub = async (context: Context, at: { folder: string; children: ChildProcess[] }): Promise<string> => {
  const port = await freePort()
  const nowhere = 'http://127.0.0.1:9'
  const env = {
    ...process.env,
    HUB_MODE: 'sandbox',
    HUB_ROLES: 'http',
    HUB_SOURCE_RATE_MAX: '0',
    HOST: '127.0.0.1',
    PORT: String(port),
    DATA_DIR: at.folder,
    DATABASE_URL: await context.createDatabase('http'),
    LOG_LEVEL: 'error',
    CLOUDPAYMENTS_PUBLIC_ID: 'pk_bench',
    CLOUDPAYMENTS_API_SECRET: secret,
    CLOUDPAYMENTS_BASE_URL: nowhere,
    TILDA_PUBLIC_KEY: 'bench',
    TILDA_SECRET_KEY: 'bench',
    TILDA_WEBHOOK_SECRET: secret,
    TILDA_BASE_URL: nowhere,
  }
  const child = spawn(process.execPath, [hub, 'serve'], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  at.children.push(child)
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 300 && child.exitCode === null; tries++) {
    const response = await fetch(`${url}/readyz`).catch(() => null)
    if (response?.ok) return url
    await wait(100)
  }
  throw new Error('Cannot bench: the service did not become ready')
}

const startPlain = async (databaseUrl: string, children: ChildProcess[]): Promise<string> => {
  const child = spawn(process.execPath, [program('httpPlain.ts'), databaseUrl], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [port] = await once(child.stdout, 'data')
  return `http://127.0.0.1:${String(port).trim()}`
}

const load = async (args: readonly string[]): Promise<{ rate: number; p99: number; failed: number }> => {
  const child = spawn(process.execPath, [program('httpLoad.ts'), ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  const chunks: string[] = []
  child.stdout.on('data', (chunk) => chunks.push(String(chunk)))
  await once(child, 'close')
  return JSON.parse(chunks.join(''))
}
