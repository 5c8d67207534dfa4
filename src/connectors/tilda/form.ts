import { domainToASCII } from 'node:url'
import type { OrderFacts } from '../../kernel/order.ts'
import { type BodyFields, type BodyValue, bodyTextAt, isBodyList } from '../bodyValues.ts'
import { cleanText, emailFrom, phoneFrom } from '../contact.ts'
import { type FieldMeaning, readFieldName } from './aliases.ts'
import { readOrder } from './order.ts'
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

/**
 * The options of one multiple choice. Of two separators the semicolon is Tilda's own, so a comma beside it, or in a value that
 * already came alone in a list, belongs to the option; so does a comma between digits.
 */
const choicesOf = (value: BodyValue, own: readonly string[]): string[] => {
  if (isBodyList(value) && value.length > 1) return [...own]
  return own.flatMap((text) => text.split(/[;\n]/.test(text) ? /[;\n]/ : /(?<!\d),|,(?!\d)/))
}

const texts = (value: BodyValue | undefined): string[] => {
  if (typeof value === 'string') return [value]
  if (typeof value === 'number' || typeof value === 'boolean') return [String(value)]
  return Array.isArray(value) ? value.flatMap(texts) : []
}

/** A domain that is its own A-label: letters, digits and dots, and no label of an encoding. */
const plainDomain = /^[a-z0-9.]{1,63}$/

/** An address whose domain is in Cyrillic is kept by its A-label, so that two spellings are one recipient. */
const address = (text: string): string | null => {
  const email = emailFrom(text)
  if (email === null) return null
  const at = email.lastIndexOf('@')
  const written = email.slice(at + 1)
  const domain = plainDomain.test(written) ? written : domainToASCII(written)
  return domain === '' ? null : `${email.slice(0, at)}@${domain}`
}

/** A whole word of agreement at the beginning; "данные" does not begin with "да". */
const agreed = (values: readonly string[]): boolean =>
  values.some((value) =>
    /^(yes|да|on|true|1|\+|checked|agree|(я )?(согласен|согласна|даю согласие|принимаю))(?![\p{L}\p{N}])/iu.test(
      value.trim(),
    ),
  )

/** Longer ones are none of Tilda's. */
const tranidCharsMax = 64
/** Any INN fits, and what is longer is none. */
const innCharsMax = 40

/** The number of a submission; retries carry the same. */
const tranidOf = (fields: BodyFields): string | null => {
  const tranid = bodyTextAt(fields, 'tranid')?.trim() ?? ''
  return tranid === '' || tranid.length > tranidCharsMax ? null : tranid
}

const innOf = (text: string | undefined): string | null =>
  (text ?? '')
    .replace(/^инн\P{L}*?(?=\d)/iu, '')
    .replace(/[\s\u00a0]/g, '')
    .slice(0, innCharsMax) || null

const utmPattern = /^utm_/i
const uploadPattern = /^https:\/\/tupwidget\.com\//

type Sorted = {
  readonly first: (meaning: FieldMeaning) => string | null
  readonly all: (meaning: FieldMeaning) => readonly string[]
  readonly choices: (meaning: 'services' | 'areas') => readonly string[]
  readonly extra: Readonly<Record<string, string>>
}

/** Sorts the fields by what they mean; of two of one meaning the one without a number comes first, wherever it stood. */
const sorted = (fields: BodyFields): Sorted => {
  const found = new Map<FieldMeaning, string[]>()
  const options = new Map<FieldMeaning, string[]>()
  const extra: [string, string][] = []
  const take = (kept: Map<FieldMeaning, string[]>, meaning: FieldMeaning, more: readonly string[]): void => {
    const before = kept.get(meaning)
    kept.set(meaning, before ? [...before, ...more] : [...more])
  }
  const entries = Object.entries(fields)
    .filter(([name]) => !technical.has(name) && !name.startsWith('tildaspec') && !utmPattern.test(name))
    .map(([name, value]) => ({ name, value, ...readFieldName(name) }))
    .sort((one, other) => Number(one.isNumbered) - Number(other.isNumbered))
  for (const { name, value, meaning: named } of entries) {
    const own = texts(value)
      .map(cleanText)
      .filter((text) => text !== '')
    const meaning = named ?? (own.some((text) => uploadPattern.test(text)) ? 'files' : null)
    if (meaning) {
      take(found, meaning, own)
      if (meaning === 'services' || meaning === 'areas') take(options, meaning, choicesOf(value, own))
    } else if (extra.length < extraFieldsMax && own.length > 0) {
      extra.push([name, own.join('; ').slice(0, extraCharsMax).toWellFormed()])
    }
  }
  const choices = (meaning: 'services' | 'areas'): string[] => {
    const trimmed = (options.get(meaning) ?? []).map((choice) => choice.trim().slice(0, choiceCharsMax).toWellFormed())
    return [...new Set(trimmed.filter((choice) => choice !== ''))].slice(0, choicesMax)
  }
  const all = (meaning: FieldMeaning): readonly string[] => found.get(meaning) ?? []
  return { first: (meaning) => all(meaning)[0] ?? null, all, choices, extra: Object.fromEntries(extra) }
}

/** Reads the fields of a form: whatever the page's author called them, in either order shape, with the marks of the visit. */
export const formFacts = (fields: BodyFields, forms: Readonly<Record<string, FormKind>>): FormFacts => {
  const { first, all, choices, extra } = sorted(fields)
  const phone =
    all('phone')
      .map(phoneFrom)
      .find((candidate) => candidate !== null) ?? null
  const cookies = readCookies(texts(fields.COOKIES)[0] ?? '')
  const hidden = utmOf(
    Object.entries(fields).flatMap(([name, value]) =>
      utmPattern.test(name) ? texts(value).map((text) => [name, text] as const) : [],
    ),
  )
  const order = readOrder(fields.payment, bodyTextAt(fields, 'paymentsystem'))
  const inn = innOf(all('inn')[0])
  const formId = bodyTextAt(fields, 'formid')
  // A box that says what it is about outranks one without a name.
  const agreement = all('personalData').length > 0 ? all('personalData') : all('box')
  return {
    kind: kindOf(fields, { forms, formId, inn, order }),
    tranid: tranidOf(fields),
    formId,
    name: first('name'),
    phone,
    phoneRaw: phone === null ? first('phone') : null,
    email:
      all('email')
        .map(address)
        .find((candidate) => candidate !== null) ?? null,
    inn,
    companyName: first('companyName'),
    city: first('city'),
    services: choices('services'),
    areas: choices('areas'),
    plan: first('plan'),
    comment: first('comment'),
    consent: {
      personalData: agreed(agreement),
      marketing: agreed(all('marketing')),
      policyText: agreement[0] ?? null,
    },
    utm: { ...cookies.utm, ...hidden },
    ymUid: cookies.ymUid,
    ga: cookies.ga,
    files: bodyFiles(all('files')),
    order,
    extra,
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
  const said = bodyTextAt(fields, 'hub_form')?.trim()
  const formId = at.formId?.trim() ?? ''
  // Own entries only: a form called "constructor" is none of ours.
  const named = kinds.find((kind) => kind === said) ?? (Object.hasOwn(at.forms, formId) ? at.forms[formId] : undefined)
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
