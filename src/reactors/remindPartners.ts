import type { DomainEvent } from '../domain/index.ts'
import type { Partner } from '../domain/partner.ts'
import { graceEnd } from '../domain/subscriptionRenewal.ts'
import { type Open, openCharge, planToPay, type Subscription } from '../domain/subscriptionState.ts'
import { companyOf, dayText, emailOf, greeting, letter, price, toOperator } from './letterParts.ts'
import type { Asked, ReactorSettings } from './settings.ts'

/** Tells the partner what happens to the subscription as time passes: the next charge, a declined one, the end. */
export const remindPartners = (
  settings: ReactorSettings,
  event: DomainEvent,
  { partner, subscription }: { readonly partner: Partner | null; readonly subscription: Subscription | null },
): readonly Asked[] => {
  if (!subscription || subscription.status === 'absent') return []
  const parts = partsOf(settings, partner, subscription)
  const write = (name: string, vars: Readonly<Record<string, unknown>>): readonly Asked[] =>
    letter(emailOf(partner), name, vars)
  switch (event.type) {
    case 'TrialStarted': {
      const slug = partner?.status === 'verified' ? partner.slug : null
      if (slug === null) return []
      const pageUrl = `${settings.pagesUrl}/partners/${slug}`
      return write('trial-started', { ...parts, pageUrl, paidThrough: dayText(event.data.paidThrough) })
    }
    case 'RenewalAnnounced': {
      const { title, amountKopecks, chargeAt } = event.data
      const paidThrough = dayText(event.data.paidThrough)
      const vars = { ...parts, planTitle: title, price: price(amountKopecks), paidThrough }
      if (subscription.status === 'trialing') return write('trial-ending', vars)
      const { cabinetUrl } = settings
      return write('renewal-soon', { ...vars, cabinetUrl, chargeOn: chargeAt === null ? null : dayText(chargeAt) })
    }
    case 'RenewalScheduled': {
      const { declineReason: reason, chargeAt } = event.data
      if (reason === null) return []
      return write('charge-failed', { ...parts, reason, retryOn: dayText(chargeAt), cabinetUrl: settings.cabinetUrl })
    }
    case 'RenewalStopped': {
      const { reason, until } = event.data
      return write('charge-stopped', { ...parts, reason, until: dayText(until) })
    }
    case 'SubscriptionPastDue':
      return subscription.status === 'past_due' && !isCharged(subscription) ? overdue(write, parts, subscription) : []
    case 'PaymentReminded':
      return overdue(write, parts, subscription)
    case 'SubscriptionSuspended':
      return write('page-suspended', parts)
    case 'SubscriptionCancelled':
    case 'SubscriptionExpired':
      return write('subscription-ended', { name: parts.name, companyName: parts.companyName })
    case 'PaymentSucceeded':
      return cameTooLate(subscription) ? refundAlert(settings, event.data) : []
    default:
      return []
  }
}

type Write = (name: string, vars: Readonly<Record<string, unknown>>) => readonly Asked[]

const partsOf = (settings: ReactorSettings, partner: Partner | null, subscription: Open) => {
  const { title, priceKopecks } = planToPay(subscription)
  return {
    name: greeting(partner),
    companyName: companyOf(partner),
    planTitle: title,
    price: price(priceKopecks),
    payUrl: settings.payUrl(subscription.subscriptionId),
  }
}

const isCharged = (subscription: Open): boolean => subscription.charge !== null || openCharge(subscription) !== null

const overdue = (write: Write, parts: ReturnType<typeof partsOf>, { paidThrough }: Open): readonly Asked[] =>
  paidThrough === null
    ? []
    : write('payment-overdue', {
        ...parts,
        paidThrough: dayText(paidThrough),
        until: dayText(graceEnd(paidThrough)),
      })

/** The money of a period that nobody wants any more is given back by a person. */
const cameTooLate = ({ status }: Open): boolean => status === 'cancelled' || status === 'expired'

const refundAlert = (
  settings: ReactorSettings,
  { partnerId, amountKopecks }: Extract<DomainEvent, { type: 'PaymentSucceeded' }>['data'],
): readonly Asked[] =>
  toOperator(settings, 'operator-alert', {
    title: 'Оплата после отмены',
    text: `Подписка закончена, а деньги пришли: ${price(amountKopecks)} ₽. Их нужно вернуть.`,
    consoleUrl: `${settings.publicUrl}/console/partners/${partnerId}`,
  })
