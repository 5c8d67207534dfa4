import { domainToASCII } from 'node:url'
import { type BodyFields, type BodyValue, bodyTextAt } from '../bodyValues.ts'
import { cleanText, emailFrom, phoneFrom } from '../contact.ts'
import { type FieldMeaning, meaningOf } from './aliases.ts'
import { type OrderFacts, readOrder } from './order.ts'
import { readCookies, utmOf } from './utm.ts'

/** What a form is for. */
export type FormKind = 'partner_registration' | 'partner_profile' | 'order' | 'cancel_subscription' | 'lead'

/** What a form says, in our words. */
export type FormFacts = {
  readonly kind: FormKind
  readonly tranid: string | null
  readonly formId: string | null
  readonly name: string | null
  readonly phone: string | null
  /** What was typed when it is no phone number. */
  readonly phoneRaw: string | null
  readonly email: string | null
  readonly inn: string | null
  readonly companyName: string | null
  readonly city: string | null
  readonly services: readonly string[]
  readonly areas: readonly string[]
  readonly plan: string | null
  readonly comment: string | null
  readonly consent: { readonly personalData: boolean; readonly marketing: boolean; readonly policyText: string | null }
  readonly utm: Readonly<Record<string, string>>
  readonly ymUid: string | null
  readonly ga: string | null
  readonly files: readonly { readonly url: string; readonly name: string; readonly fetched: false }[]
  readonly order: OrderFacts | null
  /** Fields that we have no word for, as they came, cut. */
  readonly extra: Readonly<Record<string, string>>
}

const kinds: readonly FormKind[] = ['partner_registration', 'partner_profile', 'order', 'cancel_subscription', 'lead']
/** Fields of Tilda's own, which are no answers of a person. */
const technical = new Set(['tranid', 'formid', 'formname', 'COOKIES', 'paymentsystem', 'payment', 'hub_form'])
const extraFieldsMax = 40
const extraCharsMax = 500
const choicesMax = 50
const choiceCharsMax = 200

/** Options that contain the separator themselves are kept whole. */
const splitChoices = (text: string): string[] =>
  text.split(/;\s*|\n/).flatMap((part) => (part.includes(', ') && !/\d,\s*\d/.test(part) ? part.split(/,\s+/) : [part]))

const texts = (value: BodyValue | undefined): string[] => {
  if (typeof value === 'string') return [value]
  if (typeof value === 'number' || typeof value === 'boolean') return [String(value)]
  return Array.isArray(value) ? value.flatMap(texts) : []
}

/** An address whose domain is in Cyrillic is kept by its A-label, so that two spellings are one recipient. */
const address = (text: string): string | null => {
  const email = emailFrom(text)
  if (email === null) return null
  const at = email.lastIndexOf('@')
  const domain = domainToASCII(email.slice(at + 1))
  return domain === '' ? null : `${email.slice(0, at)}@${domain}`
}

const agreed = (values: readonly string[]): boolean =>
  values.some((value) => /^(yes|да|on|true|1|согласен|согласна|checked)/i.test(value.trim()))

/** Reads the fields of a form: whatever the page's author called them, in either order shape, with the marks of the visit. */
export const formFacts = (fields: BodyFields, forms: Readonly<Record<string, FormKind>>): FormFacts => {
  const found = new Map<FieldMeaning, string[]>()
  const extra: [string, string][] = []
  for (const [name, value] of Object.entries(fields)) {
    if (technical.has(name) || name.startsWith('tildaspec') || /^utm_/i.test(name)) continue
    const meaning = meaningOf(name)
    const own = texts(value)
      .map(cleanText)
      .filter((text) => text !== '')
    if (meaning) found.set(meaning, [...(found.get(meaning) ?? []), ...own])
    else if (extra.length < extraFieldsMax && own.length > 0) extra.push([name, own.join('; ').slice(0, extraCharsMax)])
  }
  const first = (meaning: FieldMeaning): string | null => found.get(meaning)?.[0] ?? null
  const choices = (meaning: FieldMeaning): string[] =>
    [
      ...new Set(
        (found.get(meaning) ?? [])
          .flatMap(splitChoices)
          .map((choice) => choice.trim().slice(0, choiceCharsMax))
          .filter((choice) => choice !== ''),
      ),
    ].slice(0, choicesMax)
  const phones = found.get('phone') ?? []
  const phone = phones.map(phoneFrom).find((candidate) => candidate !== null) ?? null
  const cookies = readCookies(texts(fields.COOKIES)[0] ?? '')
  const hidden = utmOf(
    Object.entries(fields).flatMap(([name, value]) => texts(value).map((text) => [name, text] as const)),
  )
  const order = readOrder(fields.payment, bodyTextAt(fields, 'paymentsystem'))
  const inn = first('inn')?.replace(/[\s\u00a0]/g, '') || null
  const formId = bodyTextAt(fields, 'formid')
  return {
    kind: kindOf(fields, { forms, formId, inn, order }),
    tranid: bodyTextAt(fields, 'tranid'),
    formId,
    name: first('name'),
    phone,
    phoneRaw: phone === null ? (phones[0] ?? null) : null,
    email: (found.get('email') ?? []).map(address).find((candidate) => candidate !== null) ?? null,
    inn,
    companyName: first('companyName'),
    city: first('city'),
    services: choices('services'),
    areas: choices('areas'),
    plan: first('plan'),
    comment: first('comment'),
    consent: {
      personalData: agreed(found.get('personalData') ?? []),
      marketing: agreed(found.get('marketing') ?? []),
      policyText: first('personalData'),
    },
    utm: { ...cookies.utm, ...hidden },
    ymUid: cookies.ymUid,
    ga: cookies.ga,
    files: bodyFiles(found.get('files') ?? []),
    order,
    extra: Object.fromEntries(extra),
  }
}

/** By the hidden field, else by the form's id, else by what is in it. */
const kindOf = (
  fields: BodyFields,
  at: {
    forms: Readonly<Record<string, FormKind>>
    formId: string | null
    inn: string | null
    order: OrderFacts | null
  },
): FormKind => {
  const said = bodyTextAt(fields, 'hub_form')
  const named = kinds.find((kind) => kind === said) ?? at.forms[at.formId ?? '']
  if (named) return named
  if (at.inn !== null) return 'partner_registration'
  return at.order ? 'order' : 'lead'
}

/** Uploads come as addresses; they are noted and never fetched while a sender waits. */
const bodyFiles = (values: readonly string[]): FormFacts['files'] =>
  values
    .flatMap((value) => value.split(/[\s,;]+/))
    .filter((url) => /^https:\/\//.test(url) && URL.canParse(url))
    .slice(0, 20)
    .map((url) => ({ url, name: fileName(url), fetched: false }))

const fileName = (url: string): string => {
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}
