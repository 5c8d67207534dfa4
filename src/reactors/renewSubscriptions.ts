import { type PaymentId, type SubscriptionId, subscriptionIdOf, subscriptionStream } from '../domain/ids.ts'
import type { DomainCommand, DomainEvent } from '../domain/index.ts'
import type { Partner } from '../domain/partner.ts'
import { periodDays } from '../domain/subscriptionPeriod.ts'
import { chargeWithdrawn } from '../domain/subscriptionRenewal.ts'
import type { Subscription } from '../domain/subscriptionState.ts'
import { type Instant, plusDays, plusMs } from '../kernel/time.ts'
import type { Asked, ReactorSettings } from './settings.ts'
import { orderParts } from './takePayments.ts'

type States = { readonly partner: Partner | null; readonly subscription: Subscription | null }

/** Minutes after which a charge that the provider only took in is read again: soon, later, and on the next day. */
const rereadAfterMinutes = [3, 20, 65, 1500]

/** A command that waits for its moment; its decider ignores it when it is stale by then. */
const timer = (
  id: SubscriptionId,
  command: { readonly type: DomainCommand['type']; readonly data: object },
  dueAt?: Instant,
): Asked => ({
  destination: 'hub',
  kind: 'hub.command',
  payload: { stream: subscriptionStream(id), command },
  ...(dueAt === undefined ? {} : { dueAt }),
})

/** Sets the timers of a period, charges the saved method when one of them says so, and stops where there is nobody to charge. */
export const renewSubscriptions = (settings: ReactorSettings, event: DomainEvent, states: States): readonly Asked[] => {
  switch (event.type) {
    case 'TrialStarted':
    case 'SubscriptionActivated':
    case 'SubscriptionExtended': {
      const { subscriptionId, paidThrough } = event.data
      return periodDays.map((days) =>
        timer(subscriptionId, { type: 'CheckPeriod', data: {} }, plusDays(paidThrough, days)),
      )
    }
    case 'RenewalScheduled':
      return [timer(event.data.subscriptionId, { type: 'RenewSubscription', data: {} }, event.data.chargeAt)]
    case 'PaymentRequested':
      return event.data.renewal ? [charge(settings, event.data, states)] : []
    case 'PaymentAccepted':
      return rereadAfterMinutes.map((minutes) => reread(event.data, plusMs(event.data.at, minutes * 60_000)))
    case 'PartnerDelisted':
      return ofPartner(states, (id) => timer(id, { type: 'StopAutopay', data: { reason: 'delisted' } }))
    case 'PersonErased':
      return ofPartner(states, (id) => timer(id, { type: 'CancelSubscription', data: { when: 'now' } }))
    default:
      return []
  }
}

const ofPartner = ({ partner }: States, asked: (id: SubscriptionId) => Asked): readonly Asked[] =>
  partner && partner.status !== 'absent' ? [asked(subscriptionIdOf(partner.partnerId))] : []

const reread = (
  { provider, providerPaymentId }: Extract<DomainEvent, { type: 'PaymentAccepted' }>['data'],
  dueAt: Instant,
): Asked => ({
  destination: provider,
  kind: `${provider}.readPayment`,
  payload: provider === 'yookassa' ? { providerPaymentId } : { transactionId: providerPaymentId },
  dueAt,
})

const charge = (
  settings: ReactorSettings,
  data: Extract<DomainEvent, { type: 'PaymentRequested' }>['data'],
  states: States,
): Asked => {
  const { paymentId, subscriptionId, amountKopecks } = data
  const autopay = states.subscription && states.subscription.status !== 'absent' ? states.subscription.autopay : null
  // The consent, or the person, went away since the charge was decided.
  if (autopay === null) return withdrawn(subscriptionId, paymentId)
  const { email, description, receipt } = orderParts(settings, states)
  const order = { paymentId, subscriptionId, amountKopecks, description, receipt }
  return data.provider === 'yookassa'
    ? {
        destination: 'yookassa',
        kind: 'yookassa.chargeSaved',
        payload: { ...order, methodId: autopay.method.id },
        personal: ['methodId', 'receipt'],
      }
    : {
        destination: 'cloudpayments',
        kind: 'cloudpayments.chargeToken',
        payload: { ...order, token: autopay.method.id, email },
        personal: ['token', 'email', 'receipt'],
      }
}

const withdrawn = (subscriptionId: SubscriptionId, paymentId: PaymentId): Asked =>
  timer(subscriptionId, { type: 'RecordPaymentRefusal', data: { paymentId, code: chargeWithdrawn } })
