import type { DomainEvent } from '../domain/index.ts'
import type { Partner } from '../domain/partner.ts'
import type { Subscription } from '../domain/subscriptionState.ts'
import { differenceAlert, runFailedAlert } from './differenceAlert.ts'
import { companyOf, dayText, emailOf, greeting, letter, price, toOperator } from './letterParts.ts'
import { type Asked, planOf, type ReactorSettings } from './settings.ts'

type States = { readonly partner: Partner | null; readonly subscription: Subscription | null }

/** Tells the partner, and sometimes the operator, what happened. Letters carry only our own pay link. */
export const sendLetters = (
  settings: ReactorSettings,
  event: DomainEvent,
  { partner, subscription }: States,
): readonly Asked[] => {
  switch (event.type) {
    case 'PartnerApplied':
    case 'PartnerDetailsProvided': {
      const vars = { name: event.data.contactName ?? 'партнёр', companyName: event.data.companyName ?? 'ваша компания' }
      if (event.data.missing.length === 0) return letter(event.data.email, 'application-received', vars)
      return letter(event.data.email, 'details-missing', {
        ...vars,
        missing: event.data.missing,
        formUrl: settings.formUrl,
      })
    }
    case 'SubscriptionOpened': {
      // A trial has a letter of its own.
      if (subscription?.status === 'trialing') return []
      const { title, priceKopecks, subscriptionId } = event.data
      return letter(emailOf(partner), 'verified-pay-link', {
        name: greeting(partner),
        companyName: companyOf(partner),
        planTitle: title,
        price: price(priceKopecks),
        payUrl: settings.payUrl(subscriptionId),
      })
    }
    case 'PartnerRejected':
      return letter(emailOf(partner), 'rejected', {
        name: greeting(partner),
        companyName: companyOf(partner),
        reason: event.data.detail,
      })
    case 'PartnerReviewRequested':
      return toOperator(settings, 'needs-review', {
        partnerId: partner && 'partnerId' in partner ? partner.partnerId : '',
        reason: event.data.detail,
        consoleUrl: consoleUrl(settings, partner),
      })
    case 'SubscriptionActivated':
      return activated(settings, event.data, { partner, subscription })
    case 'PaymentDeclined':
      if (isCharge(subscription, event.data.paymentId)) return []
      return letter(emailOf(partner), 'payment-declined', {
        name: greeting(partner),
        price: price(event.data.amountKopecks),
        reason: event.data.reason,
        payUrl: settings.payUrl(event.data.subscriptionId),
      })
    case 'PaymentMismatched':
      return toOperator(settings, 'operator-alert', {
        title: 'Платёж не сходится с заказом',
        text: `Ответ провайдера отличается от заказа: ${event.data.field}. Ничего не активировано.`,
        consoleUrl: `${settings.publicUrl}/console/partners/${event.data.partnerId}`,
      })
    case 'PaymentUnmatched':
      return toOperator(settings, 'operator-alert', {
        title: 'Платёж без заказа',
        text: `Провайдер ${event.data.provider} знает платёж ${event.data.providerPaymentId}, которого нет у нас: ${event.data.reason}.`,
        consoleUrl: `${settings.publicUrl}/console`,
      })
    case 'ContentConflicted':
      return toOperator(settings, 'operator-alert', {
        title: 'Разное содержимое под одним номером',
        text: `Источник ${event.data.source} прислал другое содержимое под уже известным номером. Действует первое; посмотрите оба сообщения.`,
        consoleUrl: `${settings.publicUrl}/console/webhooks/${event.data.webhookId}`,
      })
    case 'OrderClaimed':
      return toOperator(settings, 'operator-alert', {
        title: 'Заказ с сайта Tilda',
        text: `Заказ ${event.data.orderId ?? 'без номера'} на ${event.data.amount ?? '—'} ₽. Форма говорит об оплате, но ничего не доказывает: проверьте её у платёжной системы.`,
        consoleUrl: `${settings.publicUrl}/console`,
      })
    case 'DifferenceFound':
      return event.data.alert ? toOperator(settings, 'operator-alert', differenceAlert(settings, event.data)) : []
    case 'ReconciliationFailed': {
      const failure = runFailedAlert(settings, event.data)
      return event.data.trigger === 'schedule' ? toOperator(settings, 'operator-alert', failure) : []
    }
    default:
      return []
  }
}

/** A declined charge of the saved method is told by the rule that reminds: what follows depends on its code. */
const isCharge = (subscription: Subscription | null, paymentId: string): boolean =>
  subscription !== null &&
  subscription.status !== 'absent' &&
  (subscription.payments[paymentId]?.renewal ?? null) !== null

const activated = (
  settings: ReactorSettings,
  data: Extract<DomainEvent, { type: 'SubscriptionActivated' }>['data'],
  { partner, subscription }: States,
): readonly Asked[] => {
  const plan = subscription && subscription.status !== 'absent' ? subscription : planOf(settings, null)
  const to = emailOf(partner)
  const vars = { name: greeting(partner), companyName: companyOf(partner) }
  const received = letter(to, 'payment-received', {
    ...vars,
    planTitle: plan.title,
    price: price(plan.priceKopecks),
    paidThrough: dayText(data.paidThrough),
  })
  const slug = partner?.status === 'verified' ? partner.slug : null
  if (!data.first || slug === null) return received
  return [
    ...received,
    ...letter(to, 'welcome', {
      ...vars,
      pageUrl: `${settings.pagesUrl}/partners/${slug}`,
      paidThrough: dayText(data.paidThrough),
    }),
  ]
}

const consoleUrl = (settings: ReactorSettings, partner: Partner | null): string =>
  partner && 'partnerId' in partner
    ? `${settings.publicUrl}/console/partners/${partner.partnerId}`
    : `${settings.publicUrl}/console`
