import { createCloudPaymentsCourier } from '../connectors/cloudpayments/client.ts'
import { noticeTarget } from '../connectors/cloudpayments/intake.ts'
import { createCloudPaymentsTwin } from '../connectors/cloudpayments/twin.ts'
import {
  type CheckedOrder,
  type CloudPaymentsNotice,
  type CloudPaymentsSettings,
  checkAnswer,
  cloudpaymentsHook,
  cloudpaymentsKinds,
  codeAnswer,
} from '../connectors/cloudpayments/wire.ts'
import { readPaymentId, readSubscriptionId, subscriptionStream } from '../domain/ids.ts'
import type { Expected } from '../domain/subscriptionMessages.ts'
import { prepayDays } from '../domain/subscriptionPayments.ts'
import { hasEnded, type Subscription } from '../domain/subscriptionState.ts'
import { webhookRoute } from '../http/intake.ts'
import { msOf, plusDays } from '../kernel/time.ts'
import type { Core } from './core.ts'
import { type Composing, off, type Provider, statusOf } from './provider.ts'
import { reconcilePayments } from './reconciliation.ts'

const twinTerminal = { publicId: 'test_api_sandbox', apiSecrets: ['sandbox-terminal-secret'] }
/** The provider waits 30 s, the payer does not: without a decision by then the charge is declined, which harms less than a doubt. */
const checkDecisionMs = 150
/** An order that nobody paid for this long is out of date; links live for about an hour, a payer may be slow. */
const orderLifetimeMs = 24 * 3_600_000

/** What the service knows of its terminal. */
export const cloudpaymentsSettings = ({
  config,
  ownUrl,
}: Pick<Composing, 'config' | 'ownUrl'>): CloudPaymentsSettings => {
  const given = config.cloudpayments
  if (!given) return { ...twinTerminal, baseUrl: `${ownUrl}/sandbox/cloudpayments`, live: false }
  const live = given.publicId.startsWith('test_api') ? false : config.service.mode === 'production' ? true : null
  return { publicId: given.publicId, apiSecrets: given.apiSecrets, baseUrl: given.baseUrl, live }
}

/** What `check` compares of a payment of ours. */
type OrderRow = {
  readonly subscriptionId: string
  readonly amountKopecks: number
  readonly currency: string
  readonly status: string
  readonly createdAt: string
}

/** The payment as the log has it: a charge of ours may be checked before the read model of payments has its row. */
const loggedOrder = async (core: Core, paymentId: string, accountId: string | null): Promise<OrderRow | null> => {
  const subscriptionId = readSubscriptionId(accountId ?? '')
  if (!subscriptionId) return null
  const subscription = (await core.handler.load(subscriptionStream(subscriptionId), { urgent: true }))
    .state as Subscription
  const payment = subscription.status === 'absent' ? undefined : subscription.payments[paymentId]
  return payment?.provider === 'cloudpayments' ? { ...payment, subscriptionId, createdAt: payment.requestedAt } : null
}

const listedOrder = async (core: Core, paymentId: string): Promise<OrderRow | null> => {
  const [live] = await core.reserved<
    { version: number }[]
  >`select version from hub.read_models where name = 'payments' and role = 'live'`
  const [row] = await core.reserved.unsafe<OrderRow[]>(
    `select subscription_id, amount_kopecks, currency, status, created_at from hub_read.payments_${live?.version ?? 1} where payment_id = $1 and provider = 'cloudpayments'`,
    [paymentId],
    { prepare: true },
  )
  return row ?? null
}

/** Whether the subscription takes no money for an order any more: it has ended, or its period was paid meanwhile by another one. */
const takesNoPayment = async (core: Core, subscriptionId: string): Promise<boolean> => {
  const subscription = (await core.handler.load(subscriptionStream(subscriptionId), { urgent: true }))
    .state as Subscription
  if (subscription.status === 'absent' || hasEnded(subscription)) return true
  if (subscription.status !== 'active' || subscription.paidThrough === null) return false
  return subscription.paidThrough > plusDays(core.clock.now(), prepayDays)
}

/** Our order of an invoice number, as `check` compares it. */
const orderOf = async (
  core: Core,
  { invoiceId, accountId }: Pick<CloudPaymentsNotice, 'invoiceId' | 'accountId'>,
  settings: CloudPaymentsSettings,
): Promise<CheckedOrder | null> => {
  const paymentId = readPaymentId(invoiceId ?? '')
  if (!paymentId) return null
  const row = (await listedOrder(core, paymentId)) ?? (await loggedOrder(core, paymentId, accountId))
  if (!row) return null
  const isOpen = row.status === 'pending' || row.status === 'declined'
  const isLate = Date.parse(row.createdAt) + orderLifetimeMs < msOf(core.clock.now())
  const isClosed = !isOpen || (await takesNoPayment(core, row.subscriptionId))
  return {
    invoiceId: paymentId,
    accountId: row.subscriptionId,
    amountKopecks: row.amountKopecks,
    currency: row.currency,
    state: isClosed ? 'cancelled' : isLate ? 'expired' : 'open',
    testMode: settings.live === null ? null : !settings.live,
  }
}

/** Decides a `check` from local state within its time; with the database frozen or away it says 13. */
const decideCheck = async (
  core: Core,
  notice: CloudPaymentsNotice,
  settings: CloudPaymentsSettings,
): Promise<CheckCodeAnswer> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), checkDecisionMs)
  })
  const asked = orderOf(core, notice, settings).catch(() => 'away' as const)
  const order = await Promise.race([asked, late])
  clearTimeout(timer)
  return codeAnswer(order === 'late' || order === 'away' ? 13 : checkAnswer(order, notice))
}
type CheckCodeAnswer = ReturnType<typeof codeAnswer>

/** What its answers about our payments must say; they do not always name the terminal. */
export const cloudpaymentsExpected = ({ live }: CloudPaymentsSettings): Expected => ({
  accountId: null,
  test: live === null ? null : !live,
})

/** Composes CloudPayments: seven notification doors, the courier, and in the sandbox the terminal itself. */
export const composeCloudPayments = (composing: Composing): Provider => {
  const status = statusOf(composing.config, composing.config.cloudpayments)
  if (status === 'off') return off('cloudpayments')
  const settings = cloudpaymentsSettings(composing)
  const routes = new Map(
    cloudpaymentsKinds.map((kind) => [
      kind as string,
      webhookRoute({
        source: 'cloudpayments',
        route: `cloudpayments/${kind}`,
        methods: ['POST'],
        settings: () => settings,
        wire: cloudpaymentsHook,
        intake: (facts, { at }) =>
          facts.kind === 'check' ? { tag: 'ignored', reason: 'check-grants-nothing' } : noticeTarget(facts, at),
        whenContentDiffers: 'conflict',
        urgent: true,
        ...(kind === 'check'
          ? {
              decideAtOnce: (facts: CloudPaymentsNotice) => decideCheck(composing.core, facts, settings),
              answersWithinMs: checkDecisionMs,
            }
          : {}),
      }),
    ]),
  )
  const courier = createCloudPaymentsCourier(settings, { call: composing.call, stands: composing.stands })
  return {
    name: 'cloudpayments',
    status,
    hooks: cloudpaymentsKinds.map((kind) => `${composing.publicUrl}/webhooks/cloudpayments/${kind}`),
    courier: {
      ...courier,
      performers: {
        ...courier.performers,
        'cloudpayments.reconcile': reconcilePayments(composing.core, {
          provider: 'cloudpayments',
          courier,
          expected: cloudpaymentsExpected(settings),
        }),
      },
    },
    places: [{ pattern: 'cloudpayments/:kind', route: ({ kind }) => routes.get(kind ?? '') ?? null }],
    twin: status === 'twin' ? createCloudPaymentsTwin(composing.twinContext('cloudpayments'), twinTerminal) : null,
  }
}
