import { createYooKassaCourier } from '../connectors/yookassa/client.ts'
import { noticeTarget } from '../connectors/yookassa/intake.ts'
import { createYooKassaTwin } from '../connectors/yookassa/twin.ts'
import { type YooKassaSettings, yookassaHook, yookassaRanges } from '../connectors/yookassa/wire.ts'
import type { Expected } from '../domain/subscriptionMessages.ts'
import { webhookRoute } from '../http/intake.ts'
import { type Composing, off, type Provider, statusOf } from './provider.ts'
import { reconcilePayments } from './reconciliation.ts'

/** The shop of the twin; its key says that it is a test shop's. */
const twinShop = { shopId: '100001', secretKeys: ['test_sandbox-shop-key'] }

/** What the service knows of its shop. */
export const yookassaSettings = ({ config, ownUrl }: Pick<Composing, 'config' | 'ownUrl'>): YooKassaSettings => {
  const given = config.yookassa
  if (!given)
    return {
      ...twinShop,
      baseUrl: `${ownUrl}/sandbox/yookassa/v3`,
      allowedIps: config.service.mode === 'sandbox' ? [] : yookassaRanges,
      acceptLoopback: true,
      live: false,
    }
  return {
    shopId: given.shopId,
    secretKeys: given.secretKeys,
    baseUrl: given.baseUrl,
    allowedIps: given.allowedIps ?? yookassaRanges,
    acceptLoopback: false,
    live: !given.secretKeys.some((key) => key.startsWith('test_')),
  }
}

/** What its answers about our payments must say. */
export const yookassaExpected = ({ shopId, live }: YooKassaSettings): Expected => ({ accountId: shopId, test: !live })

/** Composes YooKassa: the notification door, the courier, and in the sandbox the shop itself. */
export const composeYooKassa = (composing: Composing): Provider => {
  const status = statusOf(composing.config, composing.config.yookassa)
  if (status === 'off') return off('yookassa')
  const settings = yookassaSettings(composing)
  const route = webhookRoute({
    source: 'yookassa',
    route: 'yookassa',
    methods: ['POST'],
    settings: () => settings,
    wire: yookassaHook,
    intake: (facts, { at }) => noticeTarget(facts, at),
    whenContentDiffers: 'reread',
    urgent: true,
  })
  const courier = createYooKassaCourier(settings, { call: composing.call, stands: composing.stands })
  return {
    name: 'yookassa',
    status,
    hooks: [`${composing.publicUrl}/webhooks/yookassa`],
    courier: {
      ...courier,
      performers: {
        ...courier.performers,
        'yookassa.reconcile': reconcilePayments(composing.core, {
          provider: 'yookassa',
          courier,
          expected: yookassaExpected(settings),
        }),
      },
    },
    places: [{ pattern: 'yookassa', route: () => route }],
    twin: status === 'twin' ? createYooKassaTwin(composing.twinContext('yookassa'), twinShop) : null,
  }
}
