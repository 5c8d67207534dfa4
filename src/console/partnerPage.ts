import { html } from '../connectors/html.ts'
import { readCard } from '../http/cards.ts'
import { valueAt } from '../http/present.ts'
import { resources } from '../http/resources.ts'
import { explainField, settersOf } from '../http/why.ts'
import { type RecordedEvent, readSubject } from '../log/log.ts'
import { chainList } from './chain.ts'
import { eventLines } from './eventLines.ts'
import { eventWord } from './eventWords.ts'
import { actionForm } from './forms.ts'
import { badge, codeText, facts, type Look, link, moment, type Page, rubles, table, text, valueText } from './frame.ts'
import { read } from './reads.ts'

/** Fields of the card, with their names for people; the rest of the row is shown by other parts of the page. */
const cardFields: readonly (readonly [field: string, ru: string, en: string])[] = [
  ['status', 'Статус', 'Status'],
  ['legalName', 'Название', 'Legal name'],
  ['kind', 'Форма', 'Kind'],
  ['inn', 'ИНН', 'INN'],
  ['kpp', 'КПП', 'KPP'],
  ['ogrn', 'ОГРН', 'OGRN'],
  ['contactName', 'Контактное лицо', 'Contact person'],
  ['phone', 'Телефон', 'Phone'],
  ['email', 'Почта', 'Email'],
  ['city', 'Город', 'City'],
  ['services', 'Услуги', 'Services'],
  ['areas', 'Районы', 'Areas'],
  ['verification.status', 'Проверка', 'Verification'],
  ['verification.reason', 'Почему не проверен', 'Why it is not verified'],
  ['verification.checkedAt', 'Когда проверяли', 'Checked at'],
  ['consent.personalData', 'Согласие на обработку данных', 'Consent to processing'],
  ['consent.marketing', 'Согласие на рекламу', 'Consent to advertising'],
  ['subscription.status', 'Подписка', 'Subscription'],
  ['subscription.paidThrough', 'Оплачено по', 'Paid through'],
  ['listed', 'Показан посетителям', 'Listed'],
  ['page.status', 'Страница', 'Page'],
  ['registeredAt', 'Заявка пришла', 'Registered at'],
]

const reviewable = ['needs_review', 'applied', 'rejected']
const openSubscription = ['pending_payment', 'trialing', 'active', 'past_due', 'suspended']

/** The card of a partner; looking at it is a fact. */
export const partnerPage = async (look: Look, id: string): Promise<Page> => {
  const { ports, say } = look
  const resource = resources.find((candidate) => candidate.name === 'partners')
  if (!resource) throw new Error('The list of partners is missing')
  const asOf = look.url.searchParams.get('asOf')
  const params = new URLSearchParams(asOf === null ? {} : { asOf })
  const { item } = await readCard(ports, resource, { id, actor: look.actor, params })
  const [{ setters }, events, subscriptions, payments, effects] = await Promise.all([
    settersOf(ports, { partnerId: id, fields: cardFields.map(([field]) => field), actor: look.actor }),
    readSubject(ports.sql, id, Number.MAX_SAFE_INTEGER),
    read<Subscription>(ports, 'subscription_of', [id]),
    read<Payment>(ports, 'payments_of', [id]),
    read<Effect>(ports, 'effects_of', [id]),
  ])
  const looks = events.filter((event) => event.type === 'CardViewed')
  const body = html`!${asOf === null ? review(look, id, item) : html`<p class="calm">${say('asOf')}${asOf} — !${link(look.url.pathname, say('asNow'))}</p>`}
<h2>${say('fields')}</h2>
!${fieldTable(look, { id, item, setters: asOf === null ? setters : new Map() })}
!${asOf === null && valueAt(item, 'consent.marketing') === true ? actionForm(look, { command: `partners/${id}/unsubscribe`, label: say('unsubscribe') }) : ''}
<h2>${say('subscription')}</h2>
!${subscriptions.length === 0 ? html`<p class="soft">${say('noSubscription')}</p>` : subscriptions.map((row) => subscriptionPart(look, row))}
<h2>${say('payments')}</h2>
!${paymentTable(look, payments)}
<h2>${say('timeline')}</h2>
!${await eventLines(
    look,
    events.filter((event) => event.type !== 'CardViewed'),
    look.url.pathname,
  )}
<details><summary>${say('views')}: ${looks.length}</summary><ul>!${looks
    .slice(-50)
    .map((event) => html`<li>${moment(event.recordedAt)} ${event.meta.actor ?? ''}</li>`)}</ul></details>
<h2>${say('effects')}</h2>
!${effectTable(look, effects)}`
  return { title: nameOf(item, id), section: 'partners', body }
}

/** What set one field of a partner, back to the first cause. */
export const whyPage = async (look: Look, at: { readonly id: string; readonly field: string }): Promise<Page> => {
  const { value, chain } = await explainField(look.ports, { partnerId: at.id, field: at.field, actor: look.actor })
  const body = html`!${facts([
    [look.say('partner'), link(`/console/partners/${at.id}`, at.id)],
    [look.say('field'), text(labelOf(look, at.field))],
    [look.say('value'), fieldValue(look, at.field, value)],
  ])}
<h2>${look.say('chain')}</h2>
!${chainList(look, chain)}`
  return { title: `${look.say('whyTitle')}: ${labelOf(look, at.field)}`, section: 'partners', body }
}

const labelOf = (look: Look, field: string): string => {
  const found = cardFields.find(([name]) => name === field)
  return found?.[look.language === 'ru' ? 1 : 2] ?? field
}

const nameOf = (item: Readonly<Record<string, unknown>>, id: string): string =>
  String(item.legalName ?? item.contactName ?? id)

const fieldTable = (
  look: Look,
  at: {
    readonly id: string
    readonly item: Readonly<Record<string, unknown>>
    readonly setters: ReadonlyMap<string, RecordedEvent>
  },
): string =>
  table(
    [look.say('field'), look.say('value'), look.say('setBy')],
    cardFields.map(([field]) => {
      const setter = at.setters.get(field)
      const value = valueAt(at.item, field)
      return [
        text(labelOf(look, field)),
        fieldValue(look, field, value),
        setter === undefined || value === null || value === undefined
          ? ''
          : html`<span class="soft">${eventWord(setter.type, look.language)}, ${moment(setter.recordedAt)}</span> <a href="/console/partners/${at.id}/why/${field}">${look.say('why')}</a>`,
      ]
    }),
    '',
  )

/** Fields whose values are words of ours, not of a person. */
const codedFields = ['status', 'kind', 'verification.status', 'subscription.status', 'page.status']

const fieldValue = (look: Look, field: string, value: unknown): string => {
  if (field === 'verification.reason') return codeText(value, look)
  return codedFields.includes(field) ? badge(value, look) : text(valueText(value, look))
}

const review = (look: Look, id: string, item: Readonly<Record<string, unknown>>): string => {
  if (!reviewable.includes(String(item.status))) return ''
  const command = `partners/${id}/review`
  const reject =
    item.status === 'rejected'
      ? ''
      : actionForm(look, { command, label: look.say('reject'), fields: { verdict: 'rejected' }, danger: true })
  return html`<section class="decide"><h2>${look.say('decide')}</h2>
!${actionForm(look, { command, label: look.say('approve'), fields: { verdict: 'verified' } })}
!${reject}</section>`
}

type Subscription = {
  readonly subscriptionId: string
  readonly plan: string
  readonly status: string
  readonly priceKopecks: number
  readonly paidThrough: string | null
  readonly nextChargeAt: string | null
  readonly savedMethod: boolean
  readonly failedAttempts: number
  readonly cancelAtPeriodEnd: boolean
}

const subscriptionPart = (look: Look, row: Subscription): string => {
  const { say } = look
  const shown = facts([
    [say('status'), badge(row.status, look)],
    ['№', html`<code>${row.subscriptionId}</code>`],
    [say('plan'), text(row.plan)],
    [say('price'), text(rubles(row.priceKopecks))],
    [say('period'), text(moment(row.paidThrough))],
    [say('autopay'), text(say(row.savedMethod ? 'yes' : 'no'))],
    [say('nextCharge'), text(moment(row.nextChargeAt))],
    [say('failedAttempts'), text(row.failedAttempts)],
    [say('endsWithPeriod'), text(say(row.cancelAtPeriodEnd ? 'yes' : 'no'))],
  ])
  const path = `subscriptions/${row.subscriptionId}`
  const kopecks = html`<input type="number" name="amountKopecks" min="1" required aria-label="${say('refund')}" placeholder="${say('refund')}">`
  const refund = actionForm(look, {
    command: `${path}/refund`,
    label: say('refundButton'),
    inputs: kopecks,
    danger: true,
  })
  if (!openSubscription.includes(row.status))
    return html`!${shown}<details><summary>${say('actions')}</summary>
!${refund}</details>`
  const plan = html`<input name="plan" required maxlength="64" aria-label="${say('plan')}" placeholder="PARTNER-12M">`
  const changePlan = (at: 'now' | 'period_end', label: string) =>
    actionForm(look, { command: `${path}/change-plan`, label, fields: { at }, inputs: plan })
  const days = html`<input type="number" name="days" min="1" max="3660" required aria-label="${say('extend')}" placeholder="${say('extend')}">`
  return html`!${shown}<details><summary>${say('actions')}</summary>
!${actionForm(look, { command: `${path}/extend`, label: say('extendButton'), inputs: days })}
!${changePlan('period_end', say('changePlanAtEnd'))}
!${changePlan('now', say('changePlanNow'))}
!${refund}
!${row.savedMethod ? actionForm(look, { command: `${path}/stop-autopay`, label: say('stopAutopay'), danger: true }) : ''}
!${row.cancelAtPeriodEnd ? actionForm(look, { command: `${path}/resume`, label: say('resumeRenewal') }) : ''}
!${actionForm(look, { command: `${path}/cancel`, label: say('cancelAtEnd'), fields: { at: 'period_end' }, danger: true })}
!${actionForm(look, { command: `${path}/cancel`, label: say('cancelNow'), fields: { at: 'now' }, danger: true })}</details>`
}

type Payment = {
  readonly paymentId: string
  readonly provider: string
  readonly providerPaymentId: string | null
  readonly amountKopecks: number
  readonly refundedKopecks: number
  readonly status: string
  readonly declineReason: string | null
  readonly createdAt: string
  readonly paidAt: string | null
}

const paymentTable = (look: Look, rows: readonly Payment[]): string => {
  const { say } = look
  return table(
    [say('createdAt'), say('amount'), say('status'), say('paidAt'), say('refunded'), say('provider'), '№'],
    rows.map((row) => [
      text(moment(row.createdAt)),
      text(rubles(row.amountKopecks)),
      `${badge(row.status, look)} ${row.declineReason === null ? '' : html`<code>${row.declineReason}</code>`}`,
      text(moment(row.paidAt)),
      row.refundedKopecks === 0 ? '' : text(rubles(row.refundedKopecks)),
      text(row.provider),
      html`<code>${row.paymentId}</code><br><code>${row.providerPaymentId ?? ''}</code>`,
    ]),
    say('noPayments'),
  )
}

type Effect = {
  readonly effectId: string
  readonly destination: string
  readonly kind: string
  readonly status: string
  readonly attempt: number
  readonly lastError: string | null
  readonly createdAt: string
}

const effectTable = (look: Look, rows: readonly Effect[]): string => {
  const { say } = look
  return table(
    [say('createdAt'), say('kind'), say('status'), say('attempts'), say('lastError')],
    rows.map((row) => [
      link(`/console/effects/${row.effectId}`, moment(row.createdAt)),
      text(row.kind),
      badge(row.status, look),
      text(row.attempt),
      row.lastError === null ? '' : codeText(row.lastError, look),
    ]),
    say('nothingFound'),
  )
}
