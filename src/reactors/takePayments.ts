import { subscriptionIdOf, subscriptionStream } from '../domain/ids.ts'
import type { DomainEvent } from '../domain/index.ts'
import type { Partner } from '../domain/partner.ts'
import { planToPay, type Subscription } from '../domain/subscriptionState.ts'
import { plusMs } from '../kernel/time.ts'
import { type Asked, planOf, type ReactorSettings, receiptOf } from './settings.ts'

/** Minutes after which a payment is read again although no notification came: soon, later, and when its link has run out. */
const rereadAfterMinutes = [3, 20, 65]

/** Opens the subscription of a verified partner, makes payments at the provider, and reads them again whenever something is said about them. */
export const takePayments = (
  settings: ReactorSettings,
  event: DomainEvent,
  states: { readonly partner: Partner | null; readonly subscription: Subscription | null },
): readonly Asked[] => {
  switch (event.type) {
    case 'PartnerVerified': {
      const { partner } = states
      if (!partner || partner.status === 'absent' || partner.status === 'erased') return []
      const id = subscriptionIdOf(partner.partnerId)
      const plan = planOf(settings, partner.application.plan)
      const command = { type: 'OpenSubscription', data: { ...plan, subscriptionId: id, partnerId: partner.partnerId } }
      return [{ destination: 'hub', kind: 'hub.command', payload: { stream: subscriptionStream(id), command } }]
    }
    case 'PaymentRequested':
      // A charge of the saved method is asked for by the rule about renewals.
      if (event.data.renewal) return []
      return [createPayment(settings, event.data, states)]
    case 'PaymentLinkReady': {
      const { providerPaymentId, paymentId } = event.data
      const reads = (minutes: number): Asked =>
        providerPaymentId === null
          ? {
              destination: 'cloudpayments',
              kind: 'cloudpayments.findPayment',
              payload: { paymentId },
              dueAt: plusMs(event.data.at, minutes * 60_000),
            }
          : {
              destination: 'yookassa',
              kind: 'yookassa.readPayment',
              payload: { providerPaymentId },
              dueAt: plusMs(event.data.at, minutes * 60_000),
            }
      return rereadAfterMinutes.map(reads)
    }
    case 'RefundRequested':
      return [refund(settings, event.data, states)]
    case 'PaymentNoticeReceived': {
      const { provider, providerPaymentId, kind, retryAfter } = event.data
      if (provider === 'yookassa')
        return [{ destination: 'yookassa', kind: 'yookassa.readPayment', payload: { providerPaymentId } }]
      // The provider tells the sum of refunds only in its list.
      const asked = { transactionId: providerPaymentId, withRefunds: kind === 'refund' }
      const payload = retryAfter === undefined ? asked : { ...asked, retryAfter }
      return [{ destination: 'cloudpayments', kind: 'cloudpayments.readPayment', payload }]
    }
    default:
      return []
  }
}

/** Both providers cut a description here. */
const descriptionMax = 128

/** What every order of a subscription tells the provider: for whom, for what, and the receipt when receipts are on. */
export const orderParts = (
  settings: ReactorSettings,
  { partner, subscription }: { readonly partner: Partner | null; readonly subscription: Subscription | null },
) => {
  const email = partner && 'application' in partner ? partner.application.email : null
  const plan = subscription && subscription.status !== 'absent' ? planToPay(subscription) : null
  const description = (plan?.title ?? 'Размещение партнёра').slice(0, descriptionMax)
  const receipt = receiptOf(settings, { partner, subscription })
  return { email, description, receipt: receipt && { ...receipt, description } }
}

const createPayment = (
  settings: ReactorSettings,
  data: Extract<DomainEvent, { type: 'PaymentRequested' }>['data'],
  { partner, subscription }: { readonly partner: Partner | null; readonly subscription: Subscription | null },
): Asked => {
  const { email, description, receipt } = orderParts(settings, { partner, subscription })
  const done = `${settings.payUrl(data.subscriptionId)}/done`
  const common = {
    paymentId: data.paymentId,
    subscriptionId: data.subscriptionId,
    amountKopecks: data.amountKopecks,
    description,
    saveMethod: data.autopay,
  }
  const personal = ['email', 'receipt']
  return data.provider === 'yookassa'
    ? {
        destination: 'yookassa',
        kind: 'yookassa.createPayment',
        payload: { ...common, returnUrl: done, receipt },
        personal,
      }
    : {
        destination: 'cloudpayments',
        kind: 'cloudpayments.createOrder',
        payload: { ...common, successUrl: done, failUrl: done, receipt, email },
        personal,
      }
}

/** The receipt of a refund goes to the address that the one of the payment went to (54-FZ). */
const refund = (
  settings: ReactorSettings,
  data: Extract<DomainEvent, { type: 'RefundRequested' }>['data'],
  states: { readonly partner: Partner | null; readonly subscription: Subscription | null },
): Asked => {
  const { provider, refundId, paymentId, subscriptionId, providerPaymentId, amountKopecks } = data
  const receipt = receiptOf(settings, states)
  const description = 'Возврат по решению оператора'
  return {
    destination: provider,
    kind: `${provider}.refund`,
    payload: { refundId, paymentId, subscriptionId, providerPaymentId, amountKopecks, description, receipt },
    personal: ['receipt'],
  }
}
