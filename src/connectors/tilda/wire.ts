import { createHash } from 'node:crypto'
import { mediaType, parseFormBody, parseJsonBody } from '../bodies.ts'
import {
  type BodyFields,
  type BodyValue,
  bodyListAt,
  bodyTextAt,
  canonicalBody,
  isBodyFields,
  isBodyList,
  type ParsedBody,
} from '../bodyValues.ts'
import type { Answer, Authenticity, Delivery, Reading, WebhookWire } from '../connector.ts'
import { secretName, secretPlace } from '../secrets.ts'
import { type FormFacts, type FormKind, formFacts } from './form.ts'
import { readCookies } from './utm.ts'

export type { FormKind } from './form.ts'

/** The configuration of Tilda. */
export type TildaSettings = {
  readonly publicKey: string
  readonly secretKey: string
  /** One, or two during a change; the newer first. */
  readonly webhookKeys: readonly string[]
  readonly webhookKeyPlace: { readonly in: 'header' | 'field' | 'cookie'; readonly name: string }
  /** Secrets in the path of the page hook. */
  readonly pathSecrets: readonly string[]
  readonly projectId: string | null
  readonly templatePageId: string | null
  readonly forms: Readonly<Record<string, FormKind>>
  /** Such as `https://api.tildacdn.info/v1`. */
  readonly baseUrl: string
}

/** What a form of the partners' site says. */
export type TildaFormFacts = FormFacts

/** A page was published: a hint to export it again. */
export type TildaPageFacts = { readonly pageId: string; readonly projectId: string; readonly published: string | null }

const answer = (status: number, body: string): Answer => ({ status, contentType: 'text/plain; charset=utf-8', body })
const ok = answer(200, 'ok')

/** The form hook: forms and, for private integrations, JSON; a static key in the configured place. */
export const tildaForm: WebhookWire<TildaSettings, TildaFormFacts> = {
  secretFields: ({ webhookKeyPlace: { in: place, name } }) => (place === 'field' ? [name] : []),
  verify: (delivery, settings) => verifyForm(delivery, settings),
  read: (delivery, settings) => readForm(delivery, settings),
  accepted: () => ok,
}

const refused = (status: number, code: string): Authenticity => ({ tag: 'refused', status, code })

const contentKind = (delivery: Delivery): 'form' | 'json' | null => {
  const types = delivery.headers.get('content-type') ?? []
  const type = mediaType(types[0])
  if (types.length !== 1) return null
  return type === 'application/x-www-form-urlencoded' ? 'form' : type === 'application/json' ? 'json' : null
}

const parse = (delivery: Delivery): ParsedBody =>
  contentKind(delivery) === 'json' ? parseJsonBody(delivery.body) : parseFormBody(delivery.body)

/** Exactly `test=test`: Tilda asks whether the address answers when the hook is saved. */
const isPing = ({ body }: Delivery): boolean => ping.length === body.length && ping.equals(body)
const ping = Buffer.from('test=test')

const verifyForm = (delivery: Delivery, settings: TildaSettings): Authenticity => {
  const given = givenKeys(delivery, settings)
  if (given === 'unreadable') return refused(401, 'key-missing')
  const distinct = [...new Set(given)]
  // The owner may save the hook before its key; a ping keeps nothing, so nothing is at risk.
  if (distinct.length === 0)
    return isPing(delivery) ? { tag: 'authentic', secretName: 'ping' } : refused(401, 'key-missing')
  const [key = ''] = distinct
  const place = distinct.length === 1 ? secretPlace(key, settings.webhookKeys) : null
  if (place === null) return refused(401, 'key-wrong')
  return contentKind(delivery) === null
    ? refused(415, 'content-type')
    : { tag: 'authentic', secretName: secretName(place) }
}

/** Every key in the configured place, and in no other; a body that must be read first and cannot be is a missing key. */
const givenKeys = (
  delivery: Delivery,
  { webhookKeyPlace: { in: place, name } }: TildaSettings,
): readonly string[] | 'unreadable' => {
  if (place === 'header') {
    // Two lines of one header reach us joined by a comma; a key holds none.
    return (delivery.headers.get(name.toLowerCase()) ?? [])
      .flatMap((value) => value.split(','))
      .map((value) => value.trim())
      .filter((value) => value !== '')
  }
  if (place === 'cookie') {
    const cookies = (delivery.headers.get('cookie') ?? []).flatMap((value) => value.split(';'))
    return cookies.flatMap((pair) =>
      pair.slice(0, pair.indexOf('=')).trim() === name ? [pair.slice(pair.indexOf('=') + 1).trim()] : [],
    )
  }
  if (isPing(delivery)) return []
  const parsed = parse(delivery)
  if (parsed.tag === 'unreadable') return 'unreadable'
  const given = bodyListAt(parsed.fields, name).flatMap((value) =>
    (typeof value === 'string' && value !== '') || typeof value === 'number' ? [String(value)] : [],
  )
  // JSON keeps the last of two values of one name, so what the first one was is not known: two keys are no key.
  const doubled = contentKind(delivery) === 'json' && parsed.flags.includes(`repeated:${name}`)
  return doubled ? [...given, ''] : given
}

const readForm = (delivery: Delivery, settings: TildaSettings): Reading<TildaFormFacts> => {
  if (isPing(delivery)) return { tag: 'ping', answer: ok }
  const parsed = parse(delivery)
  if (parsed.tag === 'unreadable') return { tag: 'malformed', reason: parsed.code, answer: answer(400, parsed.code) }
  const fields = withoutKey(parsed.fields, settings)
  const names = Object.keys(fields)
  if (names.length === 0) return { tag: 'malformed', reason: 'no-fields', answer: answer(400, 'no-fields') }
  // A ping whose key rides in a field: without the key it is the same ping.
  if (settings.webhookKeyPlace.in === 'field' && names.length === 1 && fields.test === 'test')
    return { tag: 'ping', answer: ok }
  const facts = formFacts(fields, settings.forms)
  const dedupeKey = `tilda:${facts.tranid ?? `sha256:${createHash('sha256').update(delivery.body).digest('hex')}`}`
  const canonical = canonicalForm(fields, facts)
  if (facts.phone === null && facts.email === null)
    return { tag: 'poor', dedupeKey, canonical, reason: 'no-contact', facts }
  const flags = parsed.flags.length > 0 ? { flags: parsed.flags } : {}
  return { tag: 'facts', dedupeKey, canonical, facts, ...flags }
}

/**
 * The content of a form as one text, whatever its encoding, the order of its fields and the shape of its order. Of the cookies
 * only what is kept counts, because the others change by themselves.
 */
const canonicalForm = (fields: BodyFields, { order }: TildaFormFacts): string => {
  const { COOKIES, payment, ...own } = fields
  const { utm, ymUid, ga } = readCookies(bodyTextAt(fields, 'COOKIES') ?? '')
  return canonicalBody({
    fields: written(own),
    cookies: { utm, ymUid, ga },
    payment: order ? JSON.stringify(order) : written(payment ?? null),
  })
}

/** JSON may write as a number what a form writes as text. */
const written = (value: BodyValue): BodyValue => {
  if (isBodyList(value)) return value.map(written)
  if (isBodyFields(value)) return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, written(own)]))
  return value === null ? null : String(value)
}

/** The key of the hook is no content: it is neither kept nor compared. */
const withoutKey = (fields: BodyFields, { webhookKeyPlace: { in: place, name } }: TildaSettings): BodyFields =>
  place === 'field' ? Object.fromEntries(Object.entries(fields).filter(([field]) => field !== name)) : fields

/** The page hook: a hint by GET, one call a page; the page itself is read again by the API. */
export const tildaPage: WebhookWire<TildaSettings, TildaPageFacts> = {
  verify: ({ params, query }, settings) => {
    const place = secretPlace(params.secret ?? '', settings.pathSecrets)
    if (place === null) return refused(404, 'path-secret-wrong')
    const asked = new URLSearchParams(query)
    if (asked.get('publickey') !== settings.publicKey) return refused(403, 'public-key-foreign')
    if (settings.projectId !== null && asked.get('projectid') !== settings.projectId)
      return refused(403, 'project-foreign')
    return { tag: 'authentic', secretName: secretName(place) }
  },
  read: ({ query }) => {
    const asked = new URLSearchParams(query)
    const pageId = asked.get('pageid') ?? ''
    const projectId = asked.get('projectid') ?? ''
    if (!/^[1-9]\d{0,15}$/.test(pageId))
      return { tag: 'malformed', reason: 'page-id-unreadable', answer: answer(400, 'page-id-unreadable') }
    // Eleven digits of seconds reach beyond the year 5000; more would be no date.
    const seconds = /^[1-9]\d{0,10}$/.exec(asked.get('published') ?? '')?.[0] ?? ''
    const published = seconds === '' ? null : new Date(Number(seconds) * 1000).toISOString()
    const facts = { pageId, projectId, published }
    return {
      tag: 'facts',
      dedupeKey: `tilda:page:${pageId}:${seconds}`,
      canonical: JSON.stringify(facts),
      facts,
    }
  },
  accepted: () => ok,
}
