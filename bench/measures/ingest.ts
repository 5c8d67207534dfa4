import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { readModels } from '../../projections/index.ts'
import { askApi, benchSecret, ended, type Loaded, runLoad, startService } from '../children.ts'
import type { Context } from '../context.ts'
import type { Check, Figure, Measured } from '../figure.ts'
import { seedDatabase } from '../history.ts'
import { openPool } from '../hub.ts'
import { type Contestant, interleave } from '../interleave.ts'
import { paymentNotice } from '../notice.ts'

const connections = 64
/** A steady load that a small machine carries beside a rebuild, so that latency tells of the rebuild and not of a queue. */
const steady = { connections: 16, perSecond: 200 } as const
const historyEventsMax = 50_000
const roundsMax = 3
/** A service that acknowledges nothing for so long fails the check. */
const acknowledgingMsMax = 10_000
const route = '/webhooks/cloudpayments/pay'

/** Acknowledged webhooks over HTTP: latency alone and beside a rebuild, a storm of one delivery, and whether a kill loses any. */
export const ingest = async (context: Context): Promise<Measured> => {
  const { options } = context
  const folder = mkdtempSync(join(tmpdir(), 'partner-hub-ingest-'))
  const children: ChildProcess[] = []
  try {
    const history = await seedDatabase(context, 'ingest', Math.min(historyEventsMax, options.events))
    await history.core.close()
    const { url: databaseUrl, masterKey } = history
    const service = await startService({ databaseUrl, masterKey, folder, children, roles: 'http,projections' })
    const url = `${service.url}${route}`
    const windowMs = options.smoke ? 1000 : options.windowMs * 5
    const seen = { alone: [] as Loaded[], rebuilding: [] as Loaded[] }
    const steadyNote = `${steady.perSecond} requests a second over ${steady.connections} connections, each new, HMAC checked`
    const steadyRun = (kind: keyof typeof seen, note: string): Contestant => ({
      name: `ingest.${kind}`,
      title: `hub, 99th percentile of acknowledgements ${kind === 'alone' ? 'alone' : 'during a rebuild'}`,
      unit: 'ms',
      note,
      run: async () => {
        const rebuilding = kind === 'rebuilding' ? keepRebuilding(service.url) : null
        try {
          const loaded = await runLoad({ url, kind: 'cloudpayments', windowMs, ...steady })
          seen[kind].push(loaded)
          return loaded.p99
        } finally {
          await rebuilding?.stop()
        }
      },
    })
    const storm = (kind: 'cloudpayments' | 'repeated', title: string): Contestant => ({
      name: kind === 'repeated' ? 'ingest.repeated' : 'ingest.new',
      title,
      unit: 'requests/s',
      note: `${connections} connections, as many as are answered`,
      run: async () => (await runLoad({ url, kind, connections, windowMs: Math.max(1000, options.windowMs) })).rate,
    })
    if (!options.smoke) await runLoad({ url, kind: 'cloudpayments', windowMs: 1000, connections })
    const figures = await interleave(
      [
        steadyRun('alone', steadyNote),
        steadyRun(
          'rebuilding',
          `${steadyNote}; the same process rebuilds all read models of ${history.events} events over and over`,
        ),
        storm('cloudpayments', 'hub, new deliveries acknowledged'),
        storm('repeated', 'hub, one delivery repeated, acknowledged'),
      ],
      { rounds: Math.min(options.rounds, roundsMax), windowMs: 0, warmUpMs: 0 },
    )
    await ended(service.child)
    return {
      figures: [
        ...figures,
        ...otherPercentiles(seen.alone, 'alone'),
        ...otherPercentiles(seen.rebuilding, 'rebuilding'),
      ],
      comparisons: [
        { figure: 'ingest.rebuilding', to: 'ingest.alone', atMost: 2 },
        { figure: 'ingest.repeated', to: 'ingest.new', atLeast: 1.5 },
      ],
      checks: [await keepsAcknowledged(context, { folder, children })],
    }
  } finally {
    await Promise.all(children.map(ended))
    rmSync(folder, { recursive: true, force: true })
  }
}

const otherPercentiles = (loads: readonly Loaded[], kind: string): Figure[] =>
  (['p50', 'p999'] as const).map((name) => ({
    name: `ingest.${name}.${kind}`,
    title: `hub, ${name === 'p50' ? 'median' : '99.9th percentile'} of acknowledgements ${kind === 'alone' ? 'alone' : 'during a rebuild'}`,
    unit: 'ms',
    rounds: loads.map((loaded) => loaded[name]),
    note: 'the same load',
  }))

/** Asks for a rebuild of every read model, again as soon as all are ready, until it is stopped. */
const keepRebuilding = (url: string): { readonly stop: () => Promise<void> } => {
  let stopped = false
  const loop = async (): Promise<void> => {
    while (!stopped) {
      for (const { name } of readModels) await askApi(url, `projections/${name}/rebuild`, { reason: 'A measurement' })
      while (!stopped && (await isBuilding(url))) await wait(100)
    }
  }
  const running = loop()
  running.catch(() => {})
  return {
    stop: async () => {
      stopped = true
      await running
    },
  }
}

const isBuilding = async (url: string): Promise<boolean> => {
  const { items } = (await askApi(url, 'projections')) as { items: { candidate: { status: string } | null }[] }
  return items.some((item) => item.candidate?.status === 'building')
}

/** Kills the service in the middle of a load, several times, and looks for every delivery that it had acknowledged. */
const keepsAcknowledged = async (
  context: Context,
  at: { readonly folder: string; readonly children: ChildProcess[] },
): Promise<Check> => {
  const databaseUrl = await context.createDatabase('ingest_kill')
  const kills = Math.min(context.options.rounds, roundsMax)
  const acknowledged: string[] = []
  for (let kill = 0; kill < kills; kill++) {
    const { url, child } = await startService({ ...at, databaseUrl, roles: 'http' })
    const gone = once(child, 'exit')
    const senders = Array.from({ length: connections }, (_, sender) =>
      sendUntilLost(`${url}${route}`, (kill * connections + sender + 1) * 1_000_000, acknowledged),
    )
    await untilAcknowledging(acknowledged)
    await wait(300 + kill * 200)
    child.kill('SIGKILL')
    await Promise.all([gone, ...senders])
  }
  const sql = openPool(databaseUrl, 1)
  try {
    const [row] = await sql<{ kept: number }[]>`
      select count(*)::int as kept from hub.inbox where dedupe_key = any (${acknowledged})`
    const lost = acknowledged.length - (row?.kept ?? 0)
    return {
      title: 'every acknowledged delivery survives kill -9',
      passed: lost === 0 && acknowledged.length > 0,
      detail: `${kills} kills, ${acknowledged.length} acknowledged, ${lost} lost`,
    }
  } finally {
    await sql.end()
  }
}

/** Waits for the next acknowledgement: a busy machine takes its time with the first, and a kill before it would show nothing. */
const untilAcknowledging = async (acknowledged: readonly string[]): Promise<void> => {
  const before = acknowledged.length
  const deadline = performance.now() + acknowledgingMsMax
  while (acknowledged.length === before && performance.now() < deadline) await wait(10)
}

/** Sends one new delivery after the other until the connection is lost; notes the key of each that was acknowledged. */
const sendUntilLost = async (url: string, first: number, acknowledged: string[]): Promise<void> => {
  for (let transaction = first; ; transaction++) {
    const { body, headers } = paymentNotice(transaction, benchSecret)
    const response = await fetch(url, { method: 'POST', headers, body }).catch(() => null)
    if (response === null) return
    if (!response.ok) throw new Error(`Cannot bench: a delivery was answered ${response.status}`)
    acknowledged.push(`cloudpayments:pay:${transaction}`)
  }
}
