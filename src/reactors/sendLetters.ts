import type { DomainEvent } from '../domain/index.ts'
import type { Partner } from '../domain/partner.ts'
import type { Subscription } from '../domain/subscription.ts'
import { kopecks, rublesText } from '../kernel/money.ts'
import { type Instant, moscowDate } from '../kernel/time.ts'
import { differenceAlert, runFailedAlert } from './differenceAlert.ts'
import { type Asked, planOf, type ReactorSettings } from './settings.ts'

type States = { readonly partner: Partner | null; readonly subscription: Subscription | null }

/** Rubles for people: a space before the sign, kopecks only when there are any. */
const price = (amount: number): string =>
  rublesText(kopecks(amount))
    .replace(/\.00$/, '')
    .replace('.', ',')
    .replace(/\B(?=(\d{3})+(?!\d))/g, ' ')

const dayText = (at: Instant): string => moscowDate(at).split('-').reverse().join('.')

const letter = (to: string | null, name: string, vars: Readonly<Record<string, unknown>>): readonly Asked[] =>
  to === null
    ? []
    : [
        {
          destination: 'email',
          kind: 'email.send',
          payload: { letter: name, to, vars, kind: 'transactional' },
          personal: ['to', 'vars'],
        },
      ]

const toOperator = (
  settings: ReactorSettings,
  name: string,
  vars: Readonly<Record<string, unknown>>,
): readonly Asked[] =>
  settings.operatorEmail === null
    ? []
    : [
        {
          destination: 'email',
          kind: 'email.send',
          payload: { letter: name, to: settings.operatorEmail, vars, kind: 'transactional' },
        },
      ]

const greeting = (partner: Partner | null): string =>
  partner && 'application' in partner ? (partner.application.contactName ?? 'партнёр') : 'партнёр'
const emailOf = (partner: Partner | null): string | null =>
  partner && 'application' in partner ? partner.application.email : null
const companyOf = (partner: Partner | null): string => {
  if (!partner || !('application' in partner)) return 'ваша компания'
  const registered = partner.status === 'verified' ? partner.company.legalName : null
  return registered ?? partner.application.companyName ?? partner.application.contactName ?? 'ваша компания'
}

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
