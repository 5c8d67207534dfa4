import { html } from '../../connectors/html.ts'
import type { Instant } from '../../kernel/time.ts'
import { dayForPeople, layout, rublesForPeople } from './layout.ts'

/** A payment as the partner sees it. */
export type CabinetPayment = {
  readonly at: Instant
  readonly amountKopecks: number
  readonly refundedKopecks: number
  readonly status: 'pending' | 'succeeded' | 'declined' | 'canceled' | 'refunded' | 'partially_refunded' | 'unknown'
}

/** A lead offered to the partner; contacts only after the partner took it. */
export type CabinetLead = {
  readonly at: Instant
  readonly name: string | null
  readonly phone: string | null
  readonly city: string | null
  readonly wish: string | null
  readonly status: 'offered' | 'accepted' | 'declined' | 'expired'
}

/** The subscription as the partner sees it. */
export type CabinetSubscription = {
  readonly status: 'pending_payment' | 'trialing' | 'active' | 'past_due' | 'suspended' | 'cancelled' | 'expired'
  readonly planTitle: string
  readonly priceKopecks: number
  readonly paidThrough: Instant | null
  /** The day of the automatic charge; null without one. */
  readonly nextChargeAt: Instant | null
  /** What is charged by itself, such as `Bank card *4477`; null without a consent. */
  readonly savedMethod: string | null
  readonly cancelAtPeriodEnd: boolean
}

/** What the partner's cabinet shows; a link or an action that is null is not offered. */
export type CabinetView = {
  readonly partnerName: string
  readonly status: 'awaiting_details' | 'applied' | 'verified' | 'rejected' | 'needs_review' | 'delisted'
  readonly subscription: CabinetSubscription | null
  readonly payments: readonly CabinetPayment[]
  readonly leads: readonly CabinetLead[]
  readonly pageUrl: string | null
  readonly payUrl: string | null
  readonly profileUrl: string | null
  /** Takes a POST with `at` = `period_end` or `now`. */
  readonly cancelAction: string | null
  /** Takes a POST that takes a cancellation at the period's end back. */
  readonly resumeAction: string | null
  /** Takes a POST that switches automatic charges off. */
  readonly stopAutopayAction: string | null
  /** One sentence about what was just done. */
  readonly notice: string | null
}

const partnerWords: Readonly<Record<CabinetView['status'], string>> = {
  awaiting_details: 'заявка ждёт данных',
  applied: 'проверяем по реестру',
  verified: 'компания проверена',
  rejected: 'заявка отклонена',
  needs_review: 'заявку смотрит оператор',
  delisted: 'компания снята с размещения',
}

const subscriptionWords: Readonly<Record<CabinetSubscription['status'], string>> = {
  pending_payment: 'ждёт оплаты',
  trialing: 'пробный срок',
  active: 'действует',
  past_due: 'платёж не прошёл, страница пока открыта',
  suspended: 'приостановлена: страница снята до оплаты',
  cancelled: 'отменена',
  expired: 'закончилась',
}

const paymentWords: Readonly<Record<CabinetPayment['status'], string>> = {
  pending: 'ждёт оплаты',
  succeeded: 'оплачен',
  declined: 'не прошёл',
  canceled: 'отменён',
  refunded: 'возвращён',
  partially_refunded: 'возвращён частично',
  unknown: 'уточняем у платёжного сервиса',
}

const leadWords: Readonly<Record<CabinetLead['status'], string>> = {
  offered: 'ждёт ответа',
  accepted: 'взята',
  declined: 'вы отказались',
  expired: 'время вышло',
}

/** The partner's cabinet: status, period, payments, leads, and what can be done. */
export const mePage = (view: CabinetView): string => {
  const { partnerName, status, subscription, pageUrl, payUrl, profileUrl, notice } = view
  const links = [
    payUrl === null ? '' : html`<a class="button" href="${payUrl}">Оплатить размещение</a>`,
    pageUrl === null ? '' : html`<a class="button second" href="${pageUrl}">Моя страница</a>`,
    profileUrl === null ? '' : html`<a class="button second" href="${profileUrl}">Изменить данные</a>`,
  ]
  return layout({
    title: 'Кабинет партнёра',
    body: html`<h1>${partnerName}</h1>
!${notice === null ? '' : html`<p class="notice" role="status">${notice}</p>`}
<p><span class="badge">${partnerWords[status]}</span></p>
!${subscription === null ? html`<p>Подписка откроется, когда закончится проверка.</p>` : subscriptionPart(subscription)}
<p class="actions">!${links}</p>
<h2>Платежи</h2>
!${paymentsPart(view.payments)}
<h2>Заявки</h2>
!${leadsPart(view.leads)}
!${view.resumeAction === null ? '' : buttonPart(view.resumeAction, 'Продолжить подписку')}
!${view.stopAutopayAction === null ? '' : buttonPart(view.stopAutopayAction, 'Выключить автопродление')}
!${view.cancelAction === null ? '' : cancelPart(view.cancelAction)}`,
  })
}

const subscriptionPart = (subscription: CabinetSubscription): string => {
  const { status, planTitle, priceKopecks, paidThrough, cancelAtPeriodEnd } = subscription
  const charge = chargeText(subscription)
  return html`<dl><dt>Подписка</dt><dd>${subscriptionWords[status]}!${cancelAtPeriodEnd ? html`<br><span class="small">отменена, действует до конца срока</span>` : ''}</dd>
<dt>Тариф</dt><dd>${planTitle}, ${rublesForPeople(priceKopecks)}</dd>
<dt>Оплачено до</dt><dd>${paidThrough === null ? 'ещё не оплачено' : dayForPeople(paidThrough)}</dd>
<dt>Автопродление</dt><dd>${charge}</dd></dl>`
}

const chargeText = ({ savedMethod, nextChargeAt, priceKopecks }: CabinetSubscription): string => {
  if (savedMethod === null) return 'не включено'
  if (nextChargeAt === null) return `включено (${savedMethod}), списаний не назначено`
  return `${dayForPeople(nextChargeAt)} спишем ${rublesForPeople(priceKopecks)} сохранённым способом (${savedMethod})`
}

const paymentsPart = (payments: readonly CabinetPayment[]): string =>
  payments.length === 0
    ? html`<p>Платежей пока нет.</p>`
    : html`<div class="scroll"><table><tr><th scope="col">Когда</th><th scope="col">Сумма</th><th scope="col">Состояние</th></tr>
!${payments.map((one) => html`<tr><td>${dayForPeople(one.at)}</td><td>${rublesForPeople(one.amountKopecks)}</td><td>${paymentText(one)}</td></tr>`)}</table></div>`

const paymentText = ({ status, refundedKopecks }: CabinetPayment): string =>
  status === 'partially_refunded' ? `возвращено ${rublesForPeople(refundedKopecks)}` : paymentWords[status]

const leadsPart = (leads: readonly CabinetLead[]): string =>
  leads.length === 0
    ? html`<p>Заявок пока нет.</p>`
    : html`<ul class="leads">!${leads.map((lead) => html`<li><span class="badge">${leadWords[lead.status]}</span> ${dayForPeople(lead.at)}!${leadContact(lead)}<br><span>${[lead.city, lead.wish].filter((part) => part).join(' · ')}</span></li>`)}</ul>`

const leadContact = ({ name, phone }: CabinetLead): string => {
  const call =
    phone !== null && /^\+?\d{5,15}$/.test(phone) ? html`<a href="tel:${phone}">${phone}</a>` : html`${phone ?? ''}`
  return name === null && phone === null ? '' : html`<br><strong>${name ?? 'Без имени'}</strong> !${call}`
}

const buttonPart = (action: string, label: string): string =>
  html`<form method="post" action="${action}"><p><button class="second">${label}</button></p></form>`

const cancelPart = (action: string): string => html`<details><summary>Отменить подписку</summary>
<form method="post" action="${action}">
<fieldset><legend>Когда отменить</legend>
<p class="choice"><input type="radio" id="at-end" name="at" value="period_end" checked> <label for="at-end">В конце оплаченного срока: страница останется открытой, списаний больше не будет</label></p>
<p class="choice"><input type="radio" id="at-once" name="at" value="now"> <label for="at-once">Сейчас: страница закроется сразу</label></p>
</fieldset>
<p><button class="danger">Отменить подписку</button></p>
</form></details>`

/** Asks for the address to which the link to the cabinet goes. */
export const meRequestPage = ({ action, error }: { readonly action: string; readonly error: string | null }): string =>
  layout({
    title: 'Вход в кабинет',
    body: html`<h1>Вход в кабинет партнёра</h1>
<p>Пароля нет: мы пришлём ссылку на почту, которую вы указали в заявке.</p>
!${error === null ? '' : html`<p class="error" role="alert">${error}</p>`}
<form method="post" action="${action}">
<p><label for="email">Почта</label><br><input id="email" name="email" type="email" autocomplete="email" required maxlength="254"></p>
<p><button>Прислать ссылку</button></p>
</form>`,
  })

/** The answer to every request for a link: it never tells whether the address is known. */
export const meSentPage = (): string =>
  layout({
    title: 'Проверьте почту',
    body: html`<h1>Проверьте почту</h1><p role="status">Если этот адрес указан в заявке партнёра, на него придёт письмо со ссылкой. Обычно оно приходит за минуту; загляните и в папку «Спам».</p>`,
  })

/** A link to the cabinet that is too old or not ours. */
export const meExpiredPage = ({ requestUrl }: { readonly requestUrl: string }): string =>
  layout({
    title: 'Ссылка не действует',
    body: html`<h1>Ссылка не действует</h1><p>Ссылка в кабинет живёт недолго. Запросите новую.</p><p><a class="button" href="${requestUrl}">Прислать новую ссылку</a></p>`,
  })
