import { randomBytes, randomUUID } from 'node:crypto'
import { readModels } from '../../projections/index.ts'
import { type Core, openCore } from '../../src/compose/core.ts'
import { makeLogger } from '../../src/compose/log.ts'
import { partnerId, partnerStream, paymentId, subscriptionIdOf, subscriptionStream } from '../../src/domain/ids.ts'
import type { Application } from '../../src/domain/partner.ts'
import type { Handled } from '../../src/engine/handle.ts'
import { makeProjector } from '../../src/engine/project.ts'
import { type Instant, plusMs } from '../../src/kernel/time.ts'
import { createDatabase } from './database.ts'

/** A log, its keys and its command handler over a fresh database; nothing runs by itself. */
export const testCore = async () => {
  const database = await createDatabase()
  const core = await openCore({
    databaseUrl: database.url,
    listenUrl: null,
    masterKeys: [randomBytes(32).toString('base64')],
    worker: `test-${randomUUID()}`,
    newId: randomUUID,
    realNowMs: () => Date.now(),
    log: makeLogger(
      'error',
      (line) => process.stderr.write(line),
      () => new Date().toISOString(),
    ),
    boundary: () => {},
  })
  const projector = makeProjector({ sql: core.sql, models: readModels, codec: core.codec })
  return {
    core,
    database,
    /** Brings every read model up to the head. */
    project: async (): Promise<void> => {
      while (await projector.step());
    },
    close: async (): Promise<void> => {
      await core.close()
      await database.drop()
    },
  }
}

/** An invented application. */
export const application = (change: Partial<Application> = {}): Application => ({
  contactName: 'Иванова Мария',
  phone: '+79123456789',
  email: 'maria@example.ru',
  inn: '7700000009',
  companyName: 'ООО «Пример Дом»',
  city: 'Ярославль',
  services: ['Ипотека', 'Оценка'],
  areas: [],
  plan: null,
  comment: null,
  personalData: true,
  marketing: false,
  policyText: 'Согласие, редакция 1',
  utm: { source: 'vk' },
  formId: 'form1',
  ...change,
})

/** Plays a partner's life up to an active subscription, as the engine would: each command on its stream. */
export const playPartner = async (
  core: Core,
  at: Instant,
  options: {
    readonly inn: string
    readonly upTo: 'applied' | 'verified' | 'requested' | 'paid'
    readonly id?: string
    readonly payment?: string
  },
) => {
  const id = partnerId(options.id ?? randomUUID())
  const subscriptionId = subscriptionIdOf(id)
  const payment = paymentId(options.payment ?? randomUUID())
  const cause = { kind: 'operator', id: 'test' } as const
  const say = async (stream: string, type: string, data: Record<string, unknown>): Promise<void> => {
    const handled: Handled = await core.handler.handle({ stream, command: { type, data: { at, ...data } }, cause })
    if (handled.tag !== 'accepted') throw new Error(`${type}: ${handled.tag}`)
  }
  await say(partnerStream(id), 'ApplyAsPartner', { partnerId: id, application: application({ inn: options.inn }) })
  if (options.upTo === 'applied') return { id, subscriptionId, payment }
  const company = {
    kind: 'company',
    inn: options.inn,
    kpp: '770001001',
    ogrn: '1227700123452',
    legalName: 'ООО "ПРИМЕР ДОМ"',
    region: '77',
    rawStatus: 'Действующее',
    source: 'api-fns',
  }
  await say(partnerStream(id), 'RecordVerdict', {
    checkedAt: at,
    verdict: 'verified',
    reason: 'active',
    detail: '',
    company,
    slug: `primer-dom-${id.slice(-6)}`,
  })
  await say(subscriptionStream(subscriptionId), 'OpenSubscription', {
    subscriptionId,
    partnerId: id,
    plan: 'PARTNER-1M',
    title: '1 месяц',
    priceKopecks: 250_000,
    months: 1,
  })
  if (options.upTo === 'verified') return { id, subscriptionId, payment }
  await say(subscriptionStream(subscriptionId), 'RequestPayment', {
    paymentId: payment,
    provider: 'yookassa',
    autopay: false,
  })
  if (options.upTo === 'requested') return { id, subscriptionId, payment }
  await say(subscriptionStream(subscriptionId), 'RecordProviderPayment', {
    payment: providerPayment({ paymentId: payment, subscriptionId, paidAt: plusMs(at, 60_000) }),
    expected: { accountId: null, test: null },
  })
  return { id, subscriptionId, payment }
}

/** A provider's answer about a payment that succeeded. */
export const providerPayment = (change: Record<string, unknown>) => ({
  provider: 'yookassa',
  providerPaymentId: '2e5f1a7c-000f-5000-9000-1b2c3d4e5f60',
  status: 'succeeded',
  amountKopecks: 250_000,
  refundedKopecks: 0,
  currency: 'RUB',
  accountId: '100001',
  test: true,
  declineReason: null,
  savedMethod: null,
  ...change,
})
