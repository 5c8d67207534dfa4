import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { createDatabase } from '../support/database.ts'
import { form, goodCard } from '../support/road.ts'
import { freePort, type Json, type RunningService, ServiceEnded, startService, until } from '../support/service.ts'

/** Every named place of the road: before and after each commit, each outgoing call and each answer. */
const boundaries = [
  'ingest:before-append',
  'ingest:after-append',
  'append:before-commit',
  'append:after-commit',
  'react:before-commit',
  'react:after-commit',
  'project:before-commit',
  'project:after-commit',
  'deliver:after-claim',
  'deliver:before-call',
  'deliver:after-answer',
  'deliver:before-settle',
  'deliver:after-settle',
] as const

/** How often the road passes a place; two deliveries come in, everything else happens more often. */
const passagesOf = (boundary: string): number => (boundary.startsWith('ingest') ? 2 : 4)

/** Kills in all: one a boundary in an ordinary run, `CRASH_KILLS=65` for the whole sweep. Several at once, because most of a run is waiting. */
const kills = Number(process.env.CRASH_KILLS ?? boundaries.length)
const atOnce = Number(process.env.CRASH_AT_ONCE ?? 4)
const seed = Number(process.env.CRASH_SEED ?? 20_261_124)

/** A small seeded generator, so that a failing run can be played again. */
const randomOf = (start: number): (() => number) => {
  let state = start >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

type Plan = { readonly boundary: (typeof boundaries)[number]; readonly passage: number }

/** One life of a partner against a service that is killed once at the planned place and started again, as a supervisor would. */
const play = async ({ boundary, passage }: Plan): Promise<{ killed: boolean }> => {
  const database = await createDatabase()
  const dataDir = mkdtempSync(join(tmpdir(), 'hub-crash-'))
  const port = await freePort()
  const start = (env: Readonly<Record<string, string>>): Promise<RunningService> =>
    startService({ databaseUrl: database.url, dataDir, port, env: { LOG_LEVEL: 'error', ...env } })
  let killed = false
  // Effects of the start itself (hooks to register) reach some places before the service says that it is ready.
  let service = await start({ HUB_TEST_CRASH: `${boundary}:${passage}` }).catch((error: unknown) => {
    if (!(error instanceof ServiceEnded)) throw error
    killed = true
    return start({})
  })
  let over = false
  const supervisor = (async () => {
    while (!over) {
      if ((await fetch(`${service.url}/healthz`).catch(() => null)) === null && !over) {
        killed = true
        await service.kill()
        service = await start({})
      }
      await wait(50)
    }
  })()
  try {
    await walk(() => service)
    await settled(() => service)
    await check(() => service)
    return { killed }
  } finally {
    over = true
    await supervisor
    await service.stop()
    rmSync(dataDir, { recursive: true, force: true })
    await database.drop()
  }
}

/** Asks again and again while the service is away, as senders, payers and browsers do. */
const patiently = async <T>(work: () => Promise<T | null>, what: string): Promise<T> => {
  let found: T | null = null
  await until(
    async () => {
      found = await work().catch(() => null)
      return found !== null
    },
    what,
    60_000,
  )
  if (found === null) throw new Error('unreachable')
  return found
}

const json = async (response: Response): Promise<Json> => (response.ok ? response.json() : null)

const walk = async (service: () => RunningService): Promise<void> => {
  const hook = await patiently(async () => {
    const { body } = await service().get('/api/v1/doctor')
    return (
      (body.providers.find((provider: Json) => provider.name === 'tilda').hooks as string[])
        .find((one) => one.includes('/page/'))
        ?.split('/')
        .at(-1) ?? null
    )
  }, 'the hook address')
  await patiently(async () => {
    const response = await fetch(`${service().url}/webhooks/tilda/form`, {
      method: 'POST',
      headers: { 'x-api-key': hook },
      body: new URLSearchParams(form({ tranid: '5:5' })),
    })
    return response.status === 200 ? true : null
  }, 'the form to be taken')
  const link = await patiently(async () => {
    const letters: Json[] = await json(await fetch(`${service().url}/sandbox/mail/messages`))
    return letters.map((letter) => /\/pay\/[\w-]+/.exec(letter.text)?.[0]).find((path) => path !== undefined) ?? null
  }, 'the letter with the pay link')
  await patiently(async () => {
    const paid = await service().get('/api/v1/payments?status=succeeded')
    if (paid.body.items.length > 0) return true
    const response = await fetch(`${service().url}${link}`, { method: 'POST', redirect: 'manual', body: '' })
    const location = response.headers.get('location') ?? ''
    if (!location.includes('/sandbox/yookassa/pay/')) return null
    await fetch(`${service().url}/sandbox/yookassa/act`, {
      method: 'POST',
      body: JSON.stringify({ paymentId: location.split('/').at(-1), card: goodCard }),
    })
    return null
  }, 'the payment to succeed')
}

/** Quiet: the partner is listed and nothing that is due is left to do. */
const settled = (service: () => RunningService): Promise<true> =>
  patiently(async () => {
    const { body } = await service().get('/api/v1/partners?listed=true')
    const effects = (await service().get('/api/v1/effects?destination=email&limit=500')).body.items as Json[]
    const running = (await service().get('/api/v1/effects?status=running&limit=500')).body.items as Json[]
    return body.items.length === 1 &&
      effects.length === 4 &&
      effects.every((effect) => effect.status === 'done') &&
      running.length === 0
      ? true
      : null
  }, 'everything to come to rest')

const check = async (service: () => RunningService): Promise<void> => {
  const ledger = await json(await fetch(`${service().url}/sandbox/yookassa/ledger`))
  const created = ledger.calls.filter(
    (call: Json) => call.method === 'POST' && call.path === '/v3/payments' && call.applied,
  )
  assert.equal(created.length, 1, 'the payment was created once at the provider')
  const letters: Json[] = await json(await fetch(`${service().url}/sandbox/mail/messages`))
  const copies = [...Map.groupBy(letters, (letter) => letter.messageId).values()]
  assert.equal(copies.length, 4, 'four letters')
  for (const same of copies) {
    if (same.length === 1) continue
    // Only a letter whose attempt was cut off between DATA and settlement may have gone twice, under its one Message-ID.
    const { body: effect } = await service().get(`/api/v1/effects/${same[0].messageId.slice(1, 37)}`)
    const cutOff = effect.history.some((entry: Json) => entry.code === 'lease-expired')
    assert.ok(cutOff && same.length === 2, `a letter went ${same.length} times: ${JSON.stringify(effect.history)}`)
  }
  const events = (await service().get('/api/v1/events?limit=500')).body.items as Json[]
  const types = events
    .map((event) => event.type)
    .filter((type) => type !== 'PaymentNoticeReceived' && type !== 'CardViewed')
  assert.deepEqual(types.toSorted(), [
    'PartnerApplied',
    'PartnerVerified',
    'PaymentLinkReady',
    'PaymentRequested',
    'PaymentSucceeded',
    'SubscriptionActivated',
    'SubscriptionOpened',
  ])
  const verified = (await service().post('/api/v1/projections/verify', {})).body.models as Json[]
  assert.ok(
    verified.every((model) => model.differences === 0),
    JSON.stringify(verified),
  )
}

describe('a service that is killed at any place of the road', () => {
  it(`ends in the same state after a restart: ${kills} kills, seed ${seed} (R1 to R6)`, async () => {
    const random = randomOf(seed)
    const plans = Array.from(
      { length: kills },
      (_, index): Plan => ({
        boundary: boundaries[index % boundaries.length] ?? 'append:after-commit',
        passage: 1 + Math.floor(random() * passagesOf(boundaries[index % boundaries.length] ?? '')),
      }),
    )
    const histogram = new Map<string, number>()
    const waiting = [...plans]
    const failures: string[] = []
    const worker = async (): Promise<void> => {
      for (let plan = waiting.shift(); plan; plan = waiting.shift()) {
        const { boundary, passage } = plan
        const { killed } = await play(plan).catch((error: unknown) => {
          failures.push(`${boundary}:${passage}: ${error instanceof Error ? error.message : String(error)}`)
          return { killed: true }
        })
        if (killed) histogram.set(boundary, (histogram.get(boundary) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    const total = [...histogram.values()].reduce((sum, count) => sum + count, 0)
    process.stdout.write(
      `${boundaries.map((boundary) => `${boundary.padEnd(24)} ${'#'.repeat(histogram.get(boundary) ?? 0)} ${histogram.get(boundary) ?? 0}`).join('\n')}\n${total} kills\n`,
    )
    assert.deepEqual(failures, [])
    assert.ok(total >= kills * 0.9, `${total} of ${kills} planned kills happened`)
  })
})
