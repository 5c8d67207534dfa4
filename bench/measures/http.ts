import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ended, type Load, program, runLoad, startService } from '../children.ts'
import type { Context } from '../context.ts'
import type { Figure, Measured } from '../figure.ts'
import { type Contestant, interleave } from '../interleave.ts'

const connections = 64

/** Webhooks acknowledged when they are durable, over HTTP, beside a plain route with one INSERT; load from a process of its own. */
export const http = async (context: Context): Promise<Measured> => {
  const { windowMs, warmUpMs, rounds } = context.options
  const folder = mkdtempSync(join(tmpdir(), 'partner-hub-http-'))
  const children: ChildProcess[] = []
  try {
    const databaseUrl = await context.createDatabase('http')
    const { url: service } = await startService({ databaseUrl, folder, children, roles: 'http' })
    const plain = await startPlain(await context.createDatabase('http_plain'), children)
    const p99: number[] = []
    const contestant = (
      name: string,
      kind: Load['kind'],
      more: { title: string; url: string; note: string },
    ): Contestant => ({
      name,
      title: more.title,
      unit: 'requests/s',
      note: more.note,
      run: async (window) => {
        const found = await runLoad({ url: more.url, kind, connections, windowMs: window })
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
        warmUpMs,
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
        { figure: 'http.cloudpayments', to: 'http.plain', atLeast: 1.2 },
        { figure: 'http.tilda', to: 'http.plain' },
      ],
    }
  } finally {
    await Promise.all(children.map(ended))
    rmSync(folder, { recursive: true, force: true })
  }
}

const startPlain = async (databaseUrl: string, children: ChildProcess[]): Promise<string> => {
  const child = spawn(process.execPath, [program('httpPlain.ts'), databaseUrl], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [port] = await once(child.stdout, 'data')
  return `http://127.0.0.1:${String(port).trim()}`
}
