import type { Partner } from '../domain/partner.ts'
import { kopecks, rublesText } from '../kernel/money.ts'
import { type Instant, moscowDate } from '../kernel/time.ts'
import type { Asked, ReactorSettings } from './settings.ts'

/** Rubles for people: a space between thousands, kopecks only when there are any. */
export const price = (amount: number): string =>
  rublesText(kopecks(amount))
    .replace(/\.00$/, '')
    .replace('.', ',')
    .replace(/\B(?=(\d{3})+(?!\d))/g, ' ')

/** The day of a moment in Moscow, as letters write it. */
export const dayText = (at: Instant): string => moscowDate(at).split('-').reverse().join('.')

/** A letter to a person; none when there is no address. */
export const letter = (to: string | null, name: string, vars: Readonly<Record<string, unknown>>): readonly Asked[] =>
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

/** A letter to the operator; none when he left no address. */
export const toOperator = (
  settings: Pick<ReactorSettings, 'operatorEmail'>,
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

/** How a partner is addressed. */
export const greeting = (partner: Partner | null): string =>
  partner && 'application' in partner ? (partner.application.contactName ?? 'партнёр') : 'партнёр'

/** Where a partner is written to. */
export const emailOf = (partner: Partner | null): string | null =>
  partner && 'application' in partner ? partner.application.email : null

/** The company by the registry's name, or as the applicant wrote it. */
export const companyOf = (partner: Partner | null): string => {
  if (!partner || !('application' in partner)) return 'ваша компания'
  const registered = partner.status === 'verified' ? partner.company.legalName : null
  return registered ?? partner.application.companyName ?? partner.application.contactName ?? 'ваша компания'
}
