import { unreachable } from '../../kernel/brand.ts'
import { explain } from '../../kernel/explanations.ts'

type ToPartner = { readonly name: string; readonly companyName: string }

/** The next period, and where it is paid for. */
type OfPeriod = ToPartner & { readonly planTitle: string; readonly price: string; readonly payUrl: string }

/** What each letter needs to know. Dates are texts for people, sums are rubles without their sign; what ends in `Url` becomes a link. */
export type LetterVars = {
  readonly 'application-received': ToPartner
  readonly 'details-missing': ToPartner & { readonly missing: readonly ('inn' | 'consent')[]; readonly formUrl: string }
  readonly 'verified-pay-link': ToPartner & {
    readonly planTitle: string
    readonly price: string
    readonly payUrl: string
  }
  readonly rejected: ToPartner & { readonly reason: string }
  /** To the operator. */
  readonly 'needs-review': { readonly partnerId: string; readonly reason: string; readonly consoleUrl: string }
  readonly 'payment-received': ToPartner & {
    readonly planTitle: string
    readonly price: string
    readonly paidThrough: string
  }
  readonly welcome: ToPartner & { readonly pageUrl: string; readonly paidThrough: string }
  /** `reason` may be a provider's code; the letter puts it into words. */
  readonly 'payment-declined': {
    readonly name: string
    readonly price: string
    readonly reason: string
    readonly payUrl: string
  }
  /** `chargeOn` is the day of the automatic charge; null when the partner has to pay. */
  readonly 'renewal-soon': OfPeriod & {
    readonly paidThrough: string
    readonly chargeOn: string | null
    readonly cabinetUrl: string
  }
  readonly 'trial-started': OfPeriod & { readonly pageUrl: string; readonly paidThrough: string }
  readonly 'trial-ending': OfPeriod & { readonly paidThrough: string }
  /** A saved method was declined and is charged again on a day; `reason` may be a provider's code. */
  readonly 'charge-failed': OfPeriod & {
    readonly reason: string
    readonly retryOn: string
    readonly cabinetUrl: string
  }
  /** A saved method is not charged again for this period; the page stays open until a day. */
  readonly 'charge-stopped': OfPeriod & { readonly reason: string; readonly until: string }
  readonly 'payment-overdue': OfPeriod & { readonly paidThrough: string; readonly until: string }
  readonly 'page-suspended': OfPeriod
  readonly 'subscription-ended': ToPartner
  readonly 'cabinet-link': { readonly name: string; readonly cabinetUrl: string; readonly validMinutes: number }
  /** 4 to 8 digits, for the bot. */
  readonly 'proof-code': { readonly code: string; readonly validMinutes: number }
  readonly 'lead-offer': {
    readonly name: string
    readonly city: string | null
    readonly service: string | null
    readonly wish: string | null
    readonly answerBy: string
    readonly acceptUrl: string
    readonly declineUrl: string
  }
  /** To the operator. */
  readonly 'operator-alert': { readonly title: string; readonly text: string; readonly consoleUrl: string }
}

/** A kind of letter. */
export type LetterName = keyof LetterVars

const names: Readonly<Record<LetterName, true>> = {
  'application-received': true,
  'details-missing': true,
  'verified-pay-link': true,
  rejected: true,
  'needs-review': true,
  'payment-received': true,
  welcome: true,
  'payment-declined': true,
  'renewal-soon': true,
  'trial-started': true,
  'trial-ending': true,
  'charge-failed': true,
  'charge-stopped': true,
  'payment-overdue': true,
  'page-suspended': true,
  'subscription-ended': true,
  'cabinet-link': true,
  'proof-code': true,
  'lead-offer': true,
  'operator-alert': true,
}

/** Every kind of letter. */
export const letterNames = Object.keys(names) as readonly LetterName[]

/** A letter of some kind together with its values. */
export type AnyLetter = {
  readonly [Name in LetterName]: { readonly name: Name; readonly vars: LetterVars[Name] }
}[LetterName]

/** The texts that a template shows, by the name of the place. */
export type LetterTexts = Readonly<Record<string, string | number | null | undefined>>

const missingWords = { inn: '«ИНН»', consent: '«согласие» на обработку персональных данных' } as const

/** Puts values into the words of a letter: lists become sentences, codes become reasons, absent wishes are left out. */
export const textsOf = (letter: AnyLetter): LetterTexts => {
  switch (letter.name) {
    case 'details-missing': {
      const { missing, ...texts } = letter.vars
      return { ...texts, missingText: missing.map((item) => missingWords[item] ?? '').join(' и ') }
    }
    case 'payment-declined':
    case 'charge-failed':
    case 'charge-stopped':
      return { ...letter.vars, reason: withoutStop(reasonInWords(letter.vars.reason)) }
    case 'rejected':
    case 'needs-review':
      return { ...letter.vars, reason: withoutStop(letter.vars.reason) }
    case 'renewal-soon':
      return renewal(letter.vars)
    case 'proof-code':
      if (!/^\d{4,8}$/.test(letter.vars.code))
        throw new Error('Cannot render letter "proof-code": a code has 4 to 8 digits')
      return letter.vars
    case 'lead-offer': {
      const { city, service, wish, ...texts } = letter.vars
      const lines = [city && `Город: ${city}`, service && `Услуга: ${service}`, wish && `Запрос: ${wish}`]
      return { ...texts, wishLines: lines.filter((line) => line).join('\n') || 'Подробности клиент расскажет сам.' }
    }
    case 'application-received':
    case 'verified-pay-link':
    case 'payment-received':
    case 'welcome':
    case 'trial-started':
    case 'trial-ending':
    case 'payment-overdue':
    case 'page-suspended':
    case 'subscription-ended':
    case 'cabinet-link':
    case 'operator-alert':
      return letter.vars
    default:
      return unreachable(letter)
  }
}

/** A code of a bank means nothing to a payer; what is no code is already a sentence. */
const reasonInWords = (reason: string): string => {
  if (!reason) return reason
  const sentence = explain(reason)?.sentence
  if (sentence !== undefined) return sentence
  return /[а-яё]/i.test(reason) ? reason : 'Банк не провёл платёж'
}

/** The template ends the sentence itself; a value that is missing is told by whoever fills the places in. */
const withoutStop = (sentence: string): string => sentence?.replace(/\.+$/, '')

const renewal = ({ chargeOn, ...texts }: LetterVars['renewal-soon']): LetterTexts =>
  chargeOn === null
    ? {
        ...texts,
        howText: 'Автоматическое продление не включено. Чтобы страница осталась открытой, оплатите следующий срок.',
        actionText: 'Перейти к оплате',
        actionUrl: texts.payUrl,
      }
    : {
        ...texts,
        howText: `Продление включено: ${chargeOn} мы спишем ${texts.price} ₽ сохранённым способом оплаты. Ничего делать не нужно; отказаться можно в кабинете.`,
        actionText: 'Открыть кабинет',
        actionUrl: texts.cabinetUrl,
      }
