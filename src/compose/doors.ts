import type { Config } from '../config.ts'
import { makeConsole } from '../console/console.ts'
import { isDatabaseAway } from '../db/connect.ts'
import { apiDoor, openApiDoor } from '../http/api.ts'
import type { Door } from '../http/app.ts'
import { cabinetDoor } from '../http/cabinet.ts'
import type { makeIngest } from '../http/ingest.ts'
import { leadDoor } from '../http/leadDoor.ts'
import type { Metrics } from '../http/metrics.ts'
import { offersDoor } from '../http/offers.ts'
import { sourceAddress, sourceLimit } from '../http/peer.ts'
import type { HttpPorts } from '../http/ports.ts'
import { assetsDoor, feedsDoor, type PublicDeps, partnersDoor, payDoor } from '../http/publicDoors.ts'
import { unsubscribeDoor } from '../http/unsubscribe.ts'
import { type WebhookDoorDeps, webhookDoor } from '../http/webhooks.ts'
import { isLogAway } from '../log/append.ts'
import { headPosition } from '../log/log.ts'
import { readExpiringToken, readLinkToken } from '../privacy/links.ts'
import { clock, sandboxDoor } from '../sandbox/sandbox.ts'
import type { Core } from './core.ts'
import { diagnose } from './doctor.ts'
import { errorFields, type Logger } from './log.ts'
import type { Providers } from './providers.ts'

/** What the doors of the service are made of. */
export type DoorsDeps = {
  readonly config: Config
  readonly core: Core
  readonly ports: HttpPorts
  readonly metrics: Metrics
  readonly providers: Providers
  readonly ingest: ReturnType<typeof makeIngest>['ingest']
  readonly readBody: WebhookDoorDeps['readBody']
  readonly log: Logger
  readonly isOperator: (request: Request) => boolean
  readonly isReader: (request: Request) => boolean
  readonly payUrl: (subscriptionId: string) => string
  readonly readPayToken: (token: string) => string | null
  readonly pagesUrl: string
  readonly publicUrl: string
  readonly wait: (ms: number) => Promise<void>
}

/** Links to cabinets that one source may ask for in a second; an office shares an address, a program does not stop at that. */
const cabinetAsksMax = 5

/** Every door of the service. Each checks for itself who comes in: a sender by signature, a person by token, or it is public. */
export const makeDoors = (
  deps: DoorsDeps,
): { readonly list: readonly Door[]; readonly withoutHttp: readonly Door[]; readonly closeStreams: () => void } => {
  const { config, core, ports, metrics, providers, log } = deps
  const webhooks = webhookDoor({
    places: providers.list.flatMap((provider) => provider.places),
    ingest: deps.ingest,
    trustedProxies: config.service.trustedProxies,
    withinRate: sourceLimit(config.service.sourceRateMax, () => performance.now()),
    readBody: deps.readBody,
    now: core.clock.now,
    onRefused: (source, code) => {
      metrics.refused(source, code)
      log.debug('A delivery was refused', { source, code })
    },
    onError: (error) => log.error('A delivery could not be kept', errorFields(error)),
  })
  const publicDeps: PublicDeps = {
    sql: core.sql,
    handler: core.handler,
    newId: ports.newId,
    now: ports.now,
    provider: config.billing.provider,
    readToken: deps.readPayToken,
    wait: deps.wait,
    publicUrl: deps.publicUrl,
    pagesUrl: deps.pagesUrl,
    template: providers.templates.current,
    asset: providers.templates.asset,
    isAway: (error) => isDatabaseAway(error) || isLogAway(error),
  }
  const metricsDoor: Door = {
    prefix: '/metrics',
    policy: 'role',
    open: async (request) =>
      deps.isReader(request)
        ? metricsText(deps)
        : new Response(null, { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } }),
  }
  // Behind a proxy of ours guesses are counted by who made them, or one stranger would lock everybody out.
  const bySource =
    (open: Door['open']): Door['open'] =>
    (request, peer, url) =>
      open(request, sourceAddress(peer, request.headers.get('x-forwarded-for'), config.service.trustedProxies), url)
  const openApi = openApiDoor(ports)
  const console = makeConsole(ports)
  const assets = assetsDoor(publicDeps)
  const list: Door[] = [
    { prefix: '/webhooks', policy: 'sender', open: webhooks },
    {
      prefix: '/api/v1',
      policy: 'role',
      open: bySource(
        apiDoor({
          ports,
          doctor: () => diagnose(deps),
          onError: (error) => log.error('A question could not be answered', errorFields(error)),
        }),
      ),
    },
    { prefix: '/openapi', policy: 'public', open: openApi },
    { prefix: '/console', policy: 'role', open: bySource(console.open) },
    metricsDoor,
    { prefix: '/pay', policy: 'link', open: payDoor(publicDeps) },
    {
      prefix: '/me',
      policy: 'link',
      open: bySource(
        cabinetDoor({
          sql: core.sql,
          handler: core.handler,
          now: ports.now,
          pagesUrl: deps.pagesUrl,
          payUrl: deps.payUrl,
          readToken: (token) => readExpiringToken(core.master, 'cabinet', token),
          digestOf: (email) => core.pepper(`cabinet:${email}`),
          withinRate: sourceLimit(cabinetAsksMax, () => performance.now()),
          wait: deps.wait,
          isAway: (error) => isDatabaseAway(error) || isLogAway(error),
        }),
      ),
    },
    { prefix: '/partners', policy: 'public', open: partnersDoor(publicDeps) },
    {
      prefix: '/leads',
      policy: 'public',
      open: bySource(
        leadDoor({
          handler: core.handler,
          newId: ports.newId,
          now: ports.now,
          isAway: (error) => isDatabaseAway(error) || isLogAway(error),
          withinRate: sourceLimit(2, () => performance.now()),
        }),
      ),
    },
    {
      prefix: '/unsubscribe',
      policy: 'link',
      open: unsubscribeDoor({
        handler: core.handler,
        now: ports.now,
        readToken: (token) => readLinkToken(core.master, 'unsubscribe', token),
        isAway: (error) => isDatabaseAway(error) || isLogAway(error),
      }),
    },
    {
      prefix: '/offers',
      policy: 'link',
      open: offersDoor({
        sql: core.sql,
        handler: core.handler,
        now: ports.now,
        pepper: core.pepper,
        readToken: (token) => readLinkToken(core.master, 'offer', token),
        isAway: (error) => isDatabaseAway(error) || isLogAway(error),
      }),
    },
    { prefix: '/feeds', policy: 'public', open: feedsDoor(publicDeps) },
    {
      prefix: '/assets',
      policy: 'public',
      open: async (request) => console.asset(new URL(request.url).pathname) ?? assets(request),
    },
    ...sandboxDoors(deps),
  ]
  // A process that only delivers has twins all the same: its couriers talk to them.
  return { list, withoutHttp: [metricsDoor, ...sandboxDoors(deps)], closeStreams: console.closeStreams }
}

/** The twins in the sandbox; the clock wherever it may be moved, also when every provider is replaced by a stand-in. */
const sandboxDoors = ({ config, ports, providers, publicUrl, isOperator }: DoorsDeps): Door[] => {
  const advance = async (ms: number): Promise<Response> => {
    const result = await ports.operations.advanceClock(ms)
    if (result.tag !== 'ok')
      return Response.json({ code: result.tag === 'refused' ? result.code : 'unknown' }, { status: 409 })
    return Response.json(result.body, {
      headers: { 'X-Position': String(result.position), 'Cache-Control': 'no-store' },
    })
  }
  const deps = { publicUrl, isOperator, advance, twins: providers.list.flatMap((provider) => provider.twin ?? []) }
  if (config.service.mode === 'sandbox') return [{ prefix: '/sandbox', policy: 'public', open: sandboxDoor(deps) }]
  return config.service.testClock
    ? [{ prefix: '/sandbox/clock', policy: 'role', open: (request) => clock(deps, request) }]
    : []
}

const metricsText = async ({ core, ports, metrics }: DoorsDeps): Promise<Response> => {
  const [head, projections, destinations] = await Promise.all([
    headPosition(core.sql),
    ports.operations.projections(),
    ports.operations.destinations(),
  ])
  const text = await metrics.text({ head, appendsWaiting: core.lane.stats().waiting, lags: projections, destinations })
  return new Response(text, {
    headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', 'Cache-Control': 'no-store' },
  })
}
