import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { readModels } from '../../projections/index.ts'
import type { Config } from '../config.ts'
import { makeProviderCall } from '../connectors/fetcher.ts'
import { subscriptionStream } from '../domain/ids.ts'
import { reconciledProviders } from '../domain/reconciliationMessages.ts'
import { chargeStands } from '../domain/subscriptionRenewal.ts'
import type { Subscription } from '../domain/subscriptionState.ts'
import { makeApp } from '../http/app.ts'
import { makeIngest } from '../http/ingest.ts'
import { makeMetrics } from '../http/metrics.ts'
import type { HttpPorts } from '../http/ports.ts'
import { kopecks } from '../kernel/money.ts'
import { headPosition } from '../log/log.ts'
import { expiringToken, linkToken, readLinkToken } from '../privacy/links.ts'
import type { PlanOffer, ReactorSettings } from '../reactors/settings.ts'
import type { Handler } from '../runtime.ts'
import { afterMs, readBody } from '../runtimeBody.ts'
import { openCore, startProjections } from './core.ts'
import { makeDoors } from './doors.ts'
import { startEffects } from './effects.ts'
import { makeForget } from './erasure.ts'
import { errorFields, type Logger } from './log.ts'
import { makeOperations } from './operations.ts'
import { startPeriodic } from './periodic.ts'
import type { Composing } from './provider.ts'
import { composeProviders } from './providers.ts'
import { startReconciling } from './reconciliationTimer.ts'
import { replayer } from './replay.ts'
import { startRetention } from './retention.ts'
import { twinContexts } from './twins.ts'

/** What a running service is made of. */
export type ServiceOptions = {
  readonly config: Config
  readonly databaseUrl: string
  readonly port: number
  readonly version: string
  readonly runtime: string
  readonly worker: string
  readonly newId: () => string
  readonly log: Logger
  readonly boundary: (name: string) => void
}

/** A running service. */
export type Service = {
  readonly publicUrl: string
  readonly handle: Handler
  readonly closeStreams: () => void
  readonly stop: () => Promise<void>
}

/** Puts the parts together and starts what the roles of the process say. */
export const openService = async (options: ServiceOptions): Promise<Service> => {
  const { config, log, newId, boundary } = options
  const core = await openCore({
    databaseUrl: options.databaseUrl,
    listenUrl: config.service.databaseListenUrl,
    masterKeys: config.access.masterKeys,
    worker: options.worker,
    newId,
    realNowMs: Date.now,
    log,
    boundary,
  })
  const { now } = core.clock
  const host = config.service.host === '0.0.0.0' || config.service.host === '::' ? '127.0.0.1' : config.service.host
  const ownUrl = `http://${host.includes(':') ? `[${host}]` : host}:${options.port}`
  const publicUrl = config.service.publicUrl ?? ownUrl
  const pagesUrl = config.service.pagesUrl ?? publicUrl
  const metrics = makeMetrics()
  const plans = readPlans(config.billing.plansFile)
  const composing: Composing = {
    config,
    core,
    log,
    call: makeProviderCall(fetch),
    stands: async ({ subscriptionId, paymentId }) => {
      const { state } = await core.handler.load(subscriptionStream(subscriptionId))
      return chargeStands(state as Subscription, paymentId)
    },
    fetch,
    now,
    newId,
    ownUrl,
    publicUrl,
    derivedSecret: (name) => createHmac('sha256', core.master.webhooks).update(name).digest('base64url').slice(0, 32),
    twinContext: twinContexts(core, { now, newId, ownUrl, fetch }),
  }
  const providers = await composeProviders(composing)
  const ingest = makeIngest({
    sql: core.sql,
    reserved: core.reserved,
    lane: core.lane,
    handler: core.handler,
    pepper: core.pepper,
    newId,
    now,
    boundary,
    afterMs,
    onCounted: metrics.counted,
    onError: (error, webhookId) =>
      log.error('A delivery could not be decided', { deliveryId: webhookId, ...errorFields(error) }),
  })
  const settings: ReactorSettings = {
    plans,
    provider: config.billing.provider,
    operatorEmail: config.access.operatorEmail,
    publicUrl,
    formUrl: providers.formUrl,
    templatePageId: config.tilda?.templatePageId ?? null,
    pagesUrl,
    payUrl: (subscriptionId) => `${publicUrl}/pay/${linkToken(core.master, 'pay', subscriptionId)}`,
    cabinetLink: (partnerId, expiresAt) =>
      `${publicUrl}/me/${expiringToken(core.master, 'cabinet', { id: partnerId, expiresAt })}`,
    cabinetUrl: `${publicUrl}/me`,
    offerUrl: (offerId) => `${publicUrl}/offers/${linkToken(core.master, 'offer', offerId)}`,
    receipts:
      config.billing.receipts && config.billing.receiptVat !== null
        ? { vatCode: config.billing.receiptVat, taxSystemCode: config.billing.receiptTaxSystem }
        : null,
    dialogMode: providers.canRelay ? config.dialogMode : 'native',
    expected: providers.expected,
  }
  const has = (role: Config['service']['roles'][number]): boolean => config.service.roles.includes(role)
  const projections = has('projections') ? startProjections(core, options) : null
  const effects = startEffects(core, {
    worker: options.worker,
    log,
    boundary,
    settings,
    providers: providers.list,
    emailLimits: providers.emailLimits,
    reacting: has('reactors'),
    timers: has('timers'),
    forget: makeForget(core, config.service.dataDir),
    onSettled: metrics.settled,
  })
  const periodic = has('timers') ? startPeriodic(core, { ...options, providers: providers.list }) : null
  const reconciling = has('timers')
    ? startReconciling(core, {
        providers: reconciledProviders.filter((name) =>
          providers.list.some((provider) => provider.name === name && provider.courier !== null),
        ),
        log,
      })
    : null
  const retention = has('timers') ? startRetention(core, log) : null
  const replay = replayer(core, { providers: providers.list, ingest })
  const operations = makeOperations({
    core,
    destinations: providers.list.map((provider) => ({ name: provider.name, off: provider.courier === null })),
    newId,
    testClock: config.service.testClock,
    wakeBuilding: () => projections?.wakeBuilding(),
    wakeEffects: effects.wake,
    replay,
  })
  const ports: HttpPorts = {
    sql: core.sql,
    handler: core.handler,
    codec: core.codec,
    readModels,
    now,
    newId,
    version: options.version,
    runtime: options.runtime,
    settings: {
      publicUrl,
      pagesUrl,
      operatorTokens: config.access.operatorTokens,
      analystTokens: config.access.analystTokens,
      sandbox: config.service.mode === 'sandbox',
      plans,
    },
    operations,
  }
  const doors = makeDoors({
    config,
    core,
    ports,
    metrics,
    providers,
    ingest: ingest.ingest,
    readBody,
    log,
    isOperator: (request) => isToken(request, config.access.operatorTokens),
    isReader: (request) => isToken(request, [...config.access.operatorTokens, ...config.access.analystTokens]),
    payUrl: settings.payUrl,
    readPayToken: (token) => readLinkToken(core.master, 'pay', token),
    pagesUrl,
    publicUrl,
    wait: async (ms) => void (await wait(ms)),
  })
  const handle = makeApp({
    doors: has('http') ? doors.list : doors.withoutHttp,
    runtime: options.runtime,
    version: options.version,
    isReady: () =>
      headPosition(core.sql).then(
        () => true,
        () => false,
      ),
    pagesHost: config.service.pagesUrl === null ? null : new URL(config.service.pagesUrl).host,
    publicHost: new URL(publicUrl).host,
    onError: (error) => log.error('A request failed', errorFields(error)),
  })
  return {
    publicUrl,
    handle,
    closeStreams: doors.closeStreams,
    stop: async () => {
      await Promise.all([periodic?.stop(), reconciling?.stop()])
      await Promise.all([retention?.stop(), effects.stop(), projections?.stop()])
      for (const provider of providers.list) await provider.close?.()
      await core.close()
    },
  }
}

const isToken = (request: Request, tokens: readonly string[]): boolean => {
  const given = /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return tokens.map((token) => timingSafeEqual(digest(token), digest(given))).includes(true)
}

/** The tariffs; a file of the owner's, or the one that ships. */
const readPlans = (file: string): PlanOffer[] => {
  const path = file === 'plans.json' ? new URL('../../plans.json', import.meta.url) : file
  const plans: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (!Array.isArray(plans) || plans.length === 0) throw new Error('PLANS_FILE should hold a list of plans')
  return plans.map((plan: Record<string, unknown>) => {
    const { plan: code, title, priceKopecks, months, trialDays = 0 } = plan
    if (
      typeof code !== 'string' ||
      typeof title !== 'string' ||
      !Number.isInteger(priceKopecks) ||
      !Number.isInteger(months) ||
      Number(months) < 1 ||
      !Number.isInteger(trialDays) ||
      Number(trialDays) < 0
    ) {
      throw new Error(
        'PLANS_FILE should give each plan a plan, title, priceKopecks and months, and trialDays as a whole number if it has any',
      )
    }
    const offer = { plan: code, title, priceKopecks: kopecks(Number(priceKopecks)), months: Number(months) }
    return trialDays === 0 ? offer : { ...offer, trialDays: Number(trialDays) }
  })
}
