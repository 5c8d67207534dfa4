import assert from 'node:assert/strict'
import { type CloudPaymentsTwinState, createCloudPaymentsTwin } from '../../src/connectors/cloudpayments/twin.ts'
import type { Twin } from '../../src/connectors/twin.ts'
import { createYooKassaTwin, type YooKassaTwinState } from '../../src/connectors/yookassa/twin.ts'
import { instant, moscowDate } from '../../src/kernel/time.ts'
import { type Json, type RunningService, until } from './service.ts'
import { type Served, serveTwin, type TestClock, testClock, testTwinContext } from './twinServer.ts'

/** A payment provider that lives on while the service is stopped. */
export type StandingProvider = {
  readonly provider: 'yookassa' | 'cloudpayments'
  readonly url: string
  /** What the service must be told to use it. */
  readonly env: Readonly<Record<string, string>>
  readonly act: (wish: unknown) => Promise<Json>
  readonly stop: () => Promise<void>
}

type Standing = { readonly twin: Twin; readonly close: () => void }

/** Nobody listens there. */
const hubUrl = (): string => 'http://127.0.0.1:9'

const shop = (clock: TestClock): Standing => {
  const context = testTwinContext<YooKassaTwinState>({ clock, hubUrl })
  const twin = createYooKassaTwin(context, { shopId: '100001', secretKeys: ['test_key'] })
  return { twin, close: context.close }
}

const terminal = (clock: TestClock): Standing => {
  const context = testTwinContext<CloudPaymentsTwinState>({ clock, hubUrl })
  const twin = createCloudPaymentsTwin(context, { publicId: 'test_api_1', apiSecrets: ['secret'] })
  return { twin, close: context.close }
}

/** Starts a provider's twin beside the service; its notifications are dropped. */
export const standingProvider = async (provider: StandingProvider['provider']): Promise<StandingProvider> => {
  const clock = testClock(new Date().toISOString())
  const twin = provider === 'yookassa' ? shop(clock) : terminal(clock)
  const served: Served = await serveTwin(twin.twin)
  const act = async (path: string, wish: unknown): Promise<Json> => {
    const response = await fetch(`${served.url}${path}`, { method: 'POST', body: JSON.stringify(wish) })
    assert.equal(response.status, 200)
    return response.json()
  }
  await act('/hooks', { suppress: true })
  // A cabinet may have this question switched off; a service that is stopped could not answer it.
  if (provider === 'cloudpayments') await act('/act', { check: false })
  return {
    provider,
    url: served.url,
    env:
      provider === 'yookassa'
        ? { YUKASSA_SHOP_ID: '100001', YUKASSA_SECRET_KEY: 'test_key', YUKASSA_BASE_URL: `${served.url}/v3` }
        : {
            PAYMENT_PROVIDER: provider,
            CLOUDPAYMENTS_PUBLIC_ID: 'test_api_1',
            CLOUDPAYMENTS_API_SECRET: 'secret',
            CLOUDPAYMENTS_BASE_URL: served.url,
          },
    act: (wish) => act('/act', wish),
    stop: async () => {
      twin.close()
      await served.stop()
    },
  }
}

/** Today in Moscow. */
export const today = (): string => moscowDate(instant(Date.now()))
/** From now on a provider of the sandbox sends no notification. */
export const silence = async (service: RunningService, provider: string): Promise<void> => {
  const response = await fetch(`${service.url}/sandbox/${provider}/hooks`, {
    method: 'POST',
    body: JSON.stringify({ suppress: true }),
  })
  assert.equal(response.status, 200)
}

/** Runs a comparison and answers it as soon as it has ended. */
export const reconciled = async (
  service: RunningService,
  provider: string,
  asked: Readonly<Record<string, unknown>> = {},
): Promise<Json> => {
  const answer = await service.post(`/api/v1/reconciliation/${provider}/run`, {
    reason: 'Проверка',
    day: today(),
    ...asked,
  })
  assert.equal(answer.status, 202, JSON.stringify(answer.body))
  assert.ok(Number(answer.headers.get('x-position')) > 0)
  let run: Json
  await until(async () => {
    run = (await service.get(`/api/v1/reconciliation?runId=${answer.body.runId}`)).body.items[0]
    return run !== undefined && run.status !== 'running'
  }, `the comparison with ${provider} to end`)
  return run
}

/** Events of a type. */
export const eventsOf = async (service: RunningService, type: string): Promise<readonly Json[]> =>
  (await service.get(`/api/v1/events?type=${type}&limit=500`)).body.items

/** Waits until nothing that is due is left to be done, at providers and in the service. */
export const idle = async (service: RunningService): Promise<void> => {
  let before = ''
  await until(async () => {
    const { items } = (await service.get('/api/v1/projections')).body
    const { items: running } = (await service.get('/api/v1/effects?status=running&limit=500')).body
    const { items: waiting } = (await service.get('/api/v1/effects?status=waiting&limit=500')).body
    const now = Date.now() + 60_000
    const due = waiting.filter((effect: Json) => Date.parse(effect.nextAttemptAt) < now)
    const state = JSON.stringify(items.map((item: Json) => item.position))
    const quiet = state === before && running.length === 0 && due.length === 0
    before = state
    return quiet && items.every((item: Json) => item.lag === 0)
  }, 'the service to be idle')
}
