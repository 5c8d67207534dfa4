import type { LetterName, LetterVars } from '../../../src/connectors/email/letters.ts'
import { type Letter, renderLetter } from '../../../src/connectors/email/render.ts'

const ofPeriod = {
  name: 'Мария',
  companyName: 'ООО «Дом»',
  planTitle: '1 месяц',
  price: '2 500',
  payUrl: 'https://hub.example/pay/x',
}
const cabinetUrl = 'https://hub.example/me/x'

/** Values of every kind of letter, about invented people. */
export const letterSamples: LetterVars = {
  'application-received': { name: 'Мария', companyName: 'ООО «Дом»' },
  'details-missing': {
    name: 'Мария',
    companyName: 'ООО «Дом»',
    missing: ['inn', 'consent'],
    formUrl: 'https://form.example/',
  },
  'verified-pay-link': {
    name: 'Мария',
    companyName: 'ООО «Дом»',
    planTitle: '1 месяц',
    price: '2 500',
    payUrl: 'https://hub.example/pay/x',
  },
  rejected: { name: 'Мария', companyName: 'ООО «Дом»', reason: 'Компания прекратила деятельность' },
  'needs-review': { partnerId: 'par_1', reason: 'Банкротство', consoleUrl: 'https://hub.example/console' },
  'payment-received': {
    name: 'Мария',
    companyName: 'ООО «Дом»',
    planTitle: '1 месяц',
    price: '2 500',
    paidThrough: '24.12.2026',
  },
  welcome: {
    name: 'Мария',
    companyName: 'ООО «Дом»',
    pageUrl: 'https://pages.example/partners/dom',
    paidThrough: '24.12.2026',
  },
  'payment-declined': {
    name: 'Мария',
    price: '2 500',
    reason: 'insufficient_funds',
    payUrl: 'https://hub.example/pay/x',
  },
  'renewal-soon': { ...ofPeriod, paidThrough: '24.12.2026', chargeOn: '23.12.2026', cabinetUrl },
  'trial-started': { ...ofPeriod, pageUrl: 'https://pages.example/partners/dom', paidThrough: '08.12.2026' },
  'trial-ending': { ...ofPeriod, paidThrough: '08.12.2026' },
  'charge-failed': { ...ofPeriod, reason: 'insufficient_funds', retryOn: '24.12.2026', cabinetUrl },
  'charge-stopped': { ...ofPeriod, reason: 'card_expired', until: '31.12.2026' },
  'payment-overdue': { ...ofPeriod, paidThrough: '24.12.2026', until: '31.12.2026' },
  'page-suspended': ofPeriod,
  'subscription-ended': { name: 'Мария', companyName: 'ООО «Дом»' },
  'cabinet-link': { name: 'Мария', cabinetUrl: 'https://hub.example/me/x', validMinutes: 30 },
  'proof-code': { code: '904215', validMinutes: 10 },
  'lead-offer': {
    name: 'Мария',
    city: 'Казань',
    service: 'Оценка',
    wish: 'Двухкомнатная квартира\nу парка',
    answerBy: '24.11.2026 18:00',
    acceptUrl: 'https://hub.example/offers/x/accept',
    declineUrl: 'https://hub.example/offers/x/decline',
  },
  'operator-alert': { title: 'Платёж', text: 'Не сходится', consoleUrl: 'https://hub.example/console' },
}

/** Renders a sample with some of its values replaced, also by wrong ones. */
export const renderSample = (name: LetterName, change: Readonly<Record<string, unknown>> = {}): Promise<Letter> =>
  renderLetter(name, { ...letterSamples[name], ...change } as never)
