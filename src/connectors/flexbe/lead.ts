import { type Instant, instant, parseInstant } from '../../kernel/time.ts'
import { type BodyValue, bodyListAt, bodyTextAt, bodyValueAt, isBodyFields } from '../bodyValues.ts'
import { cleanText, emailFrom, phoneFrom } from '../contact.ts'
import { cutText } from '../plainText.ts'

/** One answer of a form. */
export type FlexbeAnswer = { readonly name: string; readonly value: string }

/** A payment as the site's form claims it; it grants nothing. */
export type FlexbePayClaim = {
  readonly payId: string | null
  readonly status: 'waiting' | 'in_process' | 'paid' | 'failed' | null
}

/** A lead of the site, from a hook or from either API. */
export type FlexbeLead = {
  readonly leadId: string
  readonly number: string | null
  readonly status: 'new' | 'in_progress' | 'completed' | 'canceled' | 'deleted' | null
  readonly name: string | null
  readonly phone: string | null
  /** What was written where the phone belongs, when it is none. */
  readonly phoneRaw: string | null
  readonly email: string | null
  readonly formName: string | null
  /** The host in punycode. */
  readonly pageUrl: string | null
  /** Keys lack `utm_`. */
  readonly utm: Readonly<Record<string, string>>
  readonly note: string | null
  readonly answers: readonly FlexbeAnswer[]
  readonly pay: FlexbePayClaim | null
  readonly at: Instant | null
}

/** Reads a lead of the older API and of the hook, which are shaped alike; null without an id. */
export const legacyLeadOf = (value: BodyValue | undefined): FlexbeLead | null => {
  const leadId = idAt(value, 'id')
  if (leadId === null) return null
  return {
    leadId,
    number: idAt(value, 'num'),
    status: legacyStatuses[bodyTextAt(value, 'status', 'code') ?? bodyTextAt(value, 'status') ?? ''] ?? null,
    ...contactOf(bodyValueAt(value, 'client')),
    formName: lineAt(value, 'form_name'),
    pageUrl: pageUrlOf(bodyTextAt(value, 'page', 'url') ?? bodyTextAt(value, 'utm', 'url')),
    utm: utmOf(bodyValueAt(value, 'utm')),
    note: lineAt(value, 'note'),
    answers: answersOf(value, 'form_data'),
    pay: legacyPayOf(bodyValueAt(value, 'pay')),
    at: secondsAt(value, 'time'),
  }
}

/** Reads a lead of the newer API; null without an id. */
export const restLeadOf = (value: BodyValue | undefined): FlexbeLead | null => {
  const leadId = idAt(value, 'id')
  if (leadId === null) return null
  const status = bodyTextAt(value, 'status')
  const extra = bodyValueAt(value, 'trackingExtra')
  return {
    leadId,
    number: idAt(value, 'sequence'),
    status: restStatuses.find((name) => name === status) ?? null,
    ...contactOf(bodyValueAt(value, 'customer')),
    formName: lineAt(value, 'formName'),
    pageUrl: pageUrlOf(bodyTextAt(extra, 'url') ?? bodyTextAt(value, 'tracking', 'url')),
    utm: { ...utmOf(bodyValueAt(extra, 'utm')), ...utmOf(extra) },
    note: lineAt(value, 'notes'),
    answers: answersOf(value, 'formFields'),
    pay: null,
    at: parseInstant(bodyTextAt(value, 'createdAt') ?? ''),
  }
}

const restStatuses = ['new', 'in_progress', 'completed', 'canceled', 'deleted'] as const
const legacyStatuses: Readonly<Record<string, FlexbeLead['status']>> = {
  '0': 'new',
  '1': 'in_progress',
  '2': 'completed',
  '10': 'canceled',
  '11': 'deleted',
}
const payStatuses: Readonly<Record<string, FlexbePayClaim['status']>> = {
  '0': 'waiting',
  '1': 'in_process',
  '2': 'paid',
  '3': 'failed',
}

const lineLengthMax = 2000
const answersMax = 50
const answerLengthMax = 1000

const idAt = (value: BodyValue | undefined, ...path: readonly string[]): string | null => {
  const id = bodyTextAt(value, ...path)?.trim() ?? ''
  return /^[\w-]{1,64}$/.test(id) ? id : null
}

const lineAt = (value: BodyValue | undefined, ...path: readonly string[]): string | null => {
  const text = cutText(cleanText(bodyTextAt(value, ...path) ?? ''), lineLengthMax)
  return text === '' ? null : text
}

const contactOf = (value: BodyValue | undefined): Pick<FlexbeLead, 'name' | 'phone' | 'phoneRaw' | 'email'> => {
  const written = lineAt(value, 'phone')
  const phone = phoneFrom(written ?? '')
  return {
    name: lineAt(value, 'name'),
    phone,
    phoneRaw: phone === null ? written : null,
    email: emailFrom(bodyTextAt(value, 'email') ?? ''),
  }
}

/** An address with its host as it goes over the wire; null when it is no web address. */
const pageUrlOf = (text: string | null): string | null => {
  const raw = text?.trim() ?? ''
  if (!/^https?:\/\//i.test(raw) || raw.length > lineLengthMax || !URL.canParse(raw)) return null
  return new URL(raw).href
}

const utmOf = (value: BodyValue | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries(
    ['source', 'medium', 'campaign', 'term', 'content'].flatMap((key) => {
      const text = lineAt(value, `utm_${key}`)
      return text === null ? [] : [[key, text] as const]
    }),
  )

/** Answers are a list of named values, or fields by name. */
const answersOf = (value: BodyValue | undefined, field: string): readonly FlexbeAnswer[] => {
  const data = bodyValueAt(value, field)
  const items: readonly (readonly [string | null, BodyValue | undefined])[] = isBodyFields(data)
    ? Object.entries(data)
    : bodyListAt(data).map((item) => [null, item] as const)
  return items.slice(0, answersMax).flatMap(([key, item]) => {
    const name = cleanText(bodyTextAt(item, 'name') ?? bodyTextAt(item, 'title') ?? key ?? '')
    const text = bodyTextAt(item, 'value') ?? bodyTextAt(item)
    const answer = cutText(cleanText(text ?? ''), answerLengthMax)
    return name === '' || answer === '' ? [] : [{ name: cutText(name, 200), value: answer }]
  })
}

const legacyPayOf = (value: BodyValue | undefined): FlexbePayClaim | null => {
  if (!isBodyFields(value)) return null
  const code = bodyTextAt(value, 'status', 'code') ?? bodyTextAt(value, 'status') ?? ''
  return { payId: idAt(value, 'id'), status: payStatuses[code] ?? null }
}

/** Between 2001 and 2100, in seconds. */
const secondsAt = (value: BodyValue | undefined, ...path: readonly string[]): Instant | null => {
  const seconds = Number(bodyTextAt(value, ...path) ?? Number.NaN)
  return seconds >= 978_307_200 && seconds < 4_102_444_800 ? instant(Math.trunc(seconds * 1000)) : null
}
