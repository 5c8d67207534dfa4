import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { askApi, benchSecret, ended, startService } from '../children.ts'
import type { Context } from '../context.ts'
import { type Figure, type Measured, percentile } from '../figure.ts'
import { newMasterKey } from '../hub.ts'
import { applicationNotice } from '../notice.ts'

/** Forms of one round; one after the other, so that the service is idle before each. */
const formsOfRound = { usual: 100, smoke: 10 } as const
const roundsMax = 3
/** Long enough for the service to fall asleep again. */
const pauseMs = 20
const visibleMsMax = 10_000

/** How long after a form was sent its partner is in the API, while nothing else happens: in one process, and across two. */
export const latency = async (context: Context): Promise<Measured> => {
  const one = await inProcesses(context, { label: 'one', roles: ['http,projections'] })
  const two = await inProcesses(context, { label: 'two', roles: ['http', 'projections'] })
  return {
    figures: [...one, ...two],
    comparisons: [
      { figure: 'latency.one.p50', to: null, atMost: 10 },
      { figure: 'latency.two.p50', to: null, atMost: 10 },
    ],
  }
}

type Arrangement = { readonly label: 'one' | 'two'; readonly roles: readonly [string, ...string[]] }

const inProcesses = async (context: Context, { label, roles }: Arrangement): Promise<Figure[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'partner-hub-latency-'))
  const children: ChildProcess[] = []
  const forms = context.options.smoke ? formsOfRound.smoke : formsOfRound.usual
  const p50: number[] = []
  const p99: number[] = []
  try {
    const at = {
      databaseUrl: await context.createDatabase(`latency_${label}`),
      masterKey: newMasterKey(),
      folder,
      children,
    }
    const [street, ...others] = roles
    const { url } = await startService({ ...at, roles: street })
    for (const role of others) await startService({ ...at, roles: role })
    let number = 100_000_000
    for (let warm = 0; warm < forms; warm++) await untilVisible(url, ++number)
    for (let round = 0; round < Math.min(context.options.rounds, roundsMax); round++) {
      const times: number[] = []
      for (let form = 0; form < forms; form++) {
        await wait(pauseMs)
        times.push(await untilVisible(url, ++number))
      }
      p50.push(percentile(times, 0.5))
      p99.push(percentile(times, 0.99))
    }
  } finally {
    await Promise.all(children.map(ended))
    rmSync(folder, { recursive: true, force: true })
  }
  const where = label === 'one' ? 'one process' : 'two processes, http and projections'
  const figure = (name: string, title: string, rounds: readonly number[]): Figure => ({
    name: `latency.${label}.${name}`,
    title: `webhook → visible in the API, idle, ${title}, ${where}`,
    unit: 'ms',
    rounds,
    note: `${forms} forms a round, one at a time; the list is asked again as soon as it has answered, over one connection`,
  })
  return [figure('p50', 'median', p50), figure('p99', '99th percentile', p99)]
}

/** Sends a form and asks for its partner until it is there; answers the milliseconds since the form was sent. */
const untilVisible = async (url: string, number: number): Promise<number> => {
  const { body, headers } = applicationNotice(number, benchSecret)
  const started = performance.now()
  const response = await fetch(`${url}/webhooks/tilda/form`, { method: 'POST', headers, body })
  if (!response.ok) throw new Error(`Cannot bench: a form was answered ${response.status}`)
  for (;;) {
    const { items } = (await askApi(url, `partners?email=v${number}@example.ru`)) as { items: unknown[] }
    const taken = performance.now() - started
    if (items.length > 0) return taken
    if (taken > visibleMsMax) throw new Error(`Cannot bench: a partner was not visible after ${visibleMsMax} ms`)
  }
}
