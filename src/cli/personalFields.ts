import { meaningOf } from '../connectors/tilda/aliases.ts'
import type { PersonalKind } from './standIns.ts'

/** What becomes of a field: a stand-in of a kind, the value itself without what looks personal, or the placeholder of a secret. */
export type FieldRule = PersonalKind | 'kept' | 'secret' | 'cookies' | 'unknown'

/** Names without case and punctuation, and what they hold; the first that fits decides. */
const rules: readonly (readonly [RegExp, FieldRule])[] = [
  [/^(cookies?)$/, 'cookies'],
  [/secret|password|signature|hmac|apikey|publickey/, 'secret'],
  [
    /^(utm\w*|formname|formid|tranid|hubform|currency|status|type|event|tool|plan|pageid|projectid|published|tildaspec\w*)$/,
    'kept',
  ],
  [/card|^token$|issuer|first6|last4|expiry|^rrn$|authcode|^ip/, 'mask'],
  [/birth|рожден|passport|паспорт|snils|снилс|^latitude$|^longitude$|^account$|accountnumber|iban/, 'mask'],
  [/phone|телефон|^tel$|^msisdn$/, 'phone'],
  [/mail|почт/, 'email'],
  [/^(inn|инн)/, 'inn'],
  [/^(company\w*|legalname|organi[sz]ation)$/, 'company'],
  [/^(chatid|socialid|login|identifier|customerid|username|nickname|userlogin)$/, 'id'],
  [/^(form|status|file|page|site|channel|host|event|tariff)name$/, 'kept'],
  [/name$|fio$|patronymic|имя|фамилия|отчество|фио/, 'name'],
  [/^(text|message|wish|notes?|details|description|comments?|question|answer|address|адрес\w*)$/, 'text'],
]

/** Below these are names and addresses of things, not of people. */
const things = ['products', 'items', 'source', 'page', 'utm']
const files = ['attachments', 'files', 'file']
/** Fields of a payment method that are no personal data. */
const methodKept = ['id', 'type', 'saved', 'status']

const spelled = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '')

/**
 * What a field of a body is, by the names on the way to it and by who sent it. `unknown` may be anything that a page's author asked.
 * @example ruleOf('umnico', ['message', 'sender', 'login']) // 'id'
 */
export const ruleOf = (source: string, path: readonly string[]): FieldRule => {
  const steps = path.map(spelled).filter((step) => !/^\d*$/.test(step))
  const last = steps.at(-1) ?? ''
  const parent = steps.at(-2) ?? ''
  if (steps.some((step) => step === 'paymentmethod' || step === 'authorizationdetails'))
    return methodKept.includes(last) ? 'kept' : 'mask'
  if (steps.some((step) => files.includes(step)) && /^(url|link|src|name|files?)$/.test(last)) return 'url'
  if (/^(name|url)$/.test(last) && steps.some((step) => things.includes(step))) return 'kept'
  // What a form asks, its author wrote; what was answered, a person did.
  if (/^(name|label|title)$/.test(last) && steps.includes('formdata')) return 'kept'
  if (source === 'protalk' && last === 'code') return 'mask'
  // A dialog of the chat provider is a person's, and so is its number.
  if (source === 'umnico' && (last === 'leadid' || (last === 'id' && /^(lead|sender|customer)$/.test(parent))))
    return 'id'
  return rules.find(([names]) => names.test(last))?.[1] ?? meantBy(source, path)
}

const meantBy = (source: string, path: readonly string[]): FieldRule => {
  switch (meaningOf(path.at(-1) ?? '')) {
    case 'name':
      return 'name'
    case 'phone':
      return 'phone'
    case 'email':
      return 'email'
    case 'inn':
      return 'inn'
    case 'companyName':
      return 'company'
    case 'comment':
      return 'text'
    case 'files':
      return 'url'
    case null: {
      const isAsked = path.some((step) => spelled(step) === 'formdata') || (source === 'tilda' && path.length === 1)
      return isAsked && path.at(-1) !== 'paymentsystem' && path.at(-1) !== 'payment' ? 'text' : 'unknown'
    }
    default:
      return 'kept'
  }
}

/** Whether a text under an unknown name is a word of machines: an id, a number, a moment, an address. */
export const isMachineWord = (text: string): boolean => /^[\x21-\x7e]{0,200}$|^[\d\s.,:%+TZ-]{0,40}$/.test(text)

const eventKinds: Readonly<Record<string, PersonalKind>> = {
  contactName: 'name',
  name: 'name',
  phone: 'phone',
  email: 'email',
  inn: 'inn',
  ogrn: 'mask',
  companyName: 'company',
  legalName: 'company',
  code: 'mask',
  savedMethod: 'mask',
  slug: 'mask',
}

/** The kind of a field of an event that the domain calls personal. */
export const eventKind = (field: string): PersonalKind => eventKinds[field] ?? 'text'
