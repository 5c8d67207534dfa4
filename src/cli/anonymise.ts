import { createHash } from 'node:crypto'
import { models } from '../domain/index.ts'
import { rewriteJson } from './jsonText.ts'
import { eventKind, isMachineWord, ruleOf } from './personalFields.ts'
import { mask, type StandIns, standIns } from './standIns.ts'

/** A delivery as the service keeps it. */
export type KeptDelivery = {
  readonly source: string
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly verdict: string
  readonly reason: string | null
  readonly dedupeKey: string
}

/** An event as a fixture has it. */
export type RecordedEvent = {
  readonly stream: string
  readonly type: string
  readonly version: number
  readonly data: unknown
}

/** One delivery that a test can replay: bytes in, what came out, and nobody in it. */
export type Fixture = Omit<KeptDelivery, 'body'> &
  ({ readonly body: string } | { readonly bodyBase64: string }) & {
    readonly fixture: 1
    readonly events: readonly RecordedEvent[]
  }

/** Headers that say how the bytes are to be read; a length would be wrong, and all others are nobody's business. */
const headersKept = ['content-type', 'content-encoding', 'user-agent']

/** Routes whose address ends in a secret, which is not kept. */
const secretPaths = ['/webhooks/umnico', '/webhooks/flexbe', '/webhooks/tilda/page']

type Walk = { readonly source: string; readonly people: StandIns }

/**
 * Makes a fixture of a delivery and its events. Every personal value has one stand-in of its shape in all of it; ids, amounts, kinds and
 * structure stay. Personal is what the domain calls so in events, and in bodies what names and patterns of fields say.
 */
export const anonymised = (kept: KeptDelivery, events: readonly RecordedEvent[]): Fixture => {
  const text = utf8(kept.body)
  const people = standIns(`${clear(text ?? '')}\n${clear(kept.query)}\n${JSON.stringify(events)}`)
  const walk: Walk = { source: kept.source, people }
  const isForm = /urlencoded/i.test(kept.headers['content-type'] ?? '')
  // The first round only meets everybody, so that the second one knows who is named where.
  const round = () => ({
    body: text === null ? blindBytes(kept.body) : bodyText(walk, text, isForm),
    query: form(walk, kept.query),
    events: events.map((event) => ({ ...event, stream: named(people, event.stream), data: eventData(walk, event) })),
  })
  round()
  const { body, query, events: others } = round()
  const { source, method, verdict, reason } = kept
  return {
    fixture: 1,
    source,
    method,
    path: secretPaths.includes(kept.path) ? `${kept.path}/:secret` : kept.path,
    query,
    headers: Object.fromEntries(Object.entries(kept.headers).filter(([name]) => headersKept.includes(name))),
    ...(typeof body === 'string' ? { body } : { bodyBase64: Buffer.from(body).toString('base64') }),
    verdict,
    reason: reason === null ? null : people.kept(reason),
    dedupeKey: dedupeKey(people, kept, { body, query }),
    events: others,
  }
}

const utf8 = (bytes: Uint8Array): string | null => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

/** A text with its percent signs resolved as far as they can be, to look for values in. */
const clear = (text: string): string =>
  `${text}\n${text
    .split(/[&=]/)
    .map((part) => decoded(part) ?? part)
    .join('\n')}`

const decoded = (part: string): string | null => {
  try {
    return decodeURIComponent(part.replaceAll('+', ' '))
  } catch {
    return null
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isNest = (value: unknown): value is object => typeof value === 'object' && value !== null

const bodyText = (walk: Walk, text: string, isForm: boolean): string => {
  if (!isForm && isNest(parsed(text))) return rewritten(walk, [], text)
  if (isForm || /^[^\s{}<>"]*=[^{}<>"]*$/.test(text)) return form(walk, text)
  // Unreadable: nobody can say what is where in it, so nothing but its shape is kept.
  return mask(text)
}

/** Letters beyond ASCII in an unknown encoding become one of its letters. */
const blindByte = 0xe0

/** Bytes that are no UTF-8: names of a form and signs stay, the rest keeps its shape only. */
const blindBytes = (bytes: Uint8Array): Uint8Array =>
  Buffer.from(
    Buffer.from(bytes)
      .toString('latin1')
      .replace(/(^|&)([^&=]*=)?([^&]*)/g, (_pair, sign: string, name: string | undefined, value: string) =>
        [sign, name ?? '', blind(value)].join(''),
      ),
    'latin1',
  )

const blind = (latin1: string): string =>
  latin1
    .replace(/[\u0080-\u00ff]/g, String.fromCharCode(blindByte))
    .replace(/%[89a-f][\da-f]|\d|[a-z]/gi, (sign) => (sign.startsWith('%') ? '%E0' : /\d/.test(sign) ? '0' : 'x'))

/** Pairs of a form, in their order and with their names as they came; an unchanged value keeps its bytes. */
const form = (walk: Walk, text: string): string =>
  text
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=')
      if (at === -1) return pair
      const name = pair.slice(0, at)
      const raw = pair.slice(at + 1)
      const value = decoded(raw)
      if (value === null) return `${name}=${blind(raw)}`
      const path = (decoded(name) ?? name).split(/[[\]]+/).filter((step) => step !== '')
      const other = leaf(walk, path, value)
      return other === value ? pair : `${name}=${encoded(other, raw)}`
    })
    .join('&')

/** Blanks are written as the sender wrote them. */
const encoded = (value: string, like: string): string => {
  const text = encodeURIComponent(value)
  return like.includes('%20') ? text : text.replaceAll('%20', '+')
}

/** A JSON text with stand-ins in the places of what is personal; everything else in it stays as the sender wrote it. */
const rewritten = (walk: Walk, at: readonly string[], json: string): string =>
  rewriteJson(json, {
    text: (path, value) => leaf(walk, [...at, ...path], value),
    number: (path, digits) => number(walk, [...at, ...path], digits),
  })

const leaf = (walk: Walk, path: readonly string[], value: string): string => {
  if (/^\s*[[{]/.test(value) && isNest(parsed(value))) return rewritten(walk, path, value)
  const rule = ruleOf(walk.source, path)
  switch (rule) {
    case 'kept':
      return walk.people.kept(value)
    case 'secret':
      return value === '' ? value : `:${path.at(-1)}`
    case 'cookies':
      return cookies(walk, value)
    case 'unknown':
      if (/^https?:\/\//.test(value)) return walk.people.of('url', value)
      return isMachineWord(value) ? walk.people.kept(value) : walk.people.of('text', value)
    case 'text':
      // The number of an answer, or a yes, says nothing about anybody.
      return /^\d{0,4}$|^(yes|no|да|нет)$/i.test(value) ? value : walk.people.of('text', value)
    default:
      return walk.people.of(rule, value)
  }
}

/** Digits stay digits, also where a stand-in has none or begins with a zero. */
const number = (walk: Walk, path: readonly string[], digits: string): string => {
  const rule = ruleOf(walk.source, path)
  const isShaped = rule === 'phone' || rule === 'inn' || rule === 'id' || rule === 'mask'
  const other = isShaped ? walk.people.of(rule, digits) : walk.people.kept(digits)
  if (other === digits || /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(other)) return other
  return Number.isFinite(Number(other)) ? String(Number(other)) : '0'
}

/** Marks of the visit stay; counters that follow a person keep their shape. */
const cookies = (walk: Walk, value: string): string =>
  value
    .split(';')
    .map((pair) => {
      const at = pair.indexOf('=') + 1
      return /^\s*TILDAUTM=/.test(pair) ? walk.people.kept(pair) : `${pair.slice(0, at)}${mask(pair.slice(at))}`
    })
    .join(';')

const personalOf = ({ stream, type }: RecordedEvent): readonly string[] =>
  Object.entries(models).find(([category]) => stream.startsWith(`${category}-`))?.[1].personal[type] ?? []

const eventData = (walk: Walk, event: RecordedEvent): unknown => {
  const personal = personalOf(event)
  if (!isNest(event.data)) return event.data
  return Object.fromEntries(
    Object.entries(event.data).map(([field, value]: [string, unknown]) => [
      field,
      personal.includes(field) ? personalValue(walk, field, value) : openValue(walk, value),
    ]),
  )
}

const personalValue = (walk: Walk, field: string, value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((item: unknown) => personalValue(walk, field, item))
  if (isNest(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, own]: [string, unknown]) => [
        name,
        typeof own === 'string' && !isKindWord(name) ? personalLeaf(walk, [field, name], own) : own,
      ]),
    )
  if (typeof value !== 'string') return value
  const kind = eventKind(field)
  return kind === 'text' ? walk.people.composed(value) : walk.people.of(kind, value)
}

const isKindWord = (name: string): boolean => name === 'type' || name === 'kind' || name === 'source'

const personalLeaf = (walk: Walk, path: readonly string[], value: string): string => {
  const kind = eventKind(path.at(-1) ?? '')
  if (path.at(-1) === 'url') return walk.people.of('url', value)
  return walk.people.of(kind, value)
}

const openValue = (walk: Walk, value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((item: unknown) => openValue(walk, item))
  if (isNest(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, own]: [string, unknown]) => [name, openValue(walk, own)]),
    )
  return typeof value === 'string' ? (walk.people.idOf(value) ?? walk.people.kept(value)) : value
}

/** A name made of parts, such as a stream or a key, with stand-ins for the parts that are known. */
const named = (people: StandIns, name: string): string =>
  name
    .split(':')
    .map((part) => people.idOf(part) ?? people.kept(part))
    .join(':')

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex')

/** The key with stand-ins for what it names; where it holds a digest of the bytes, it is that of the bytes as they are now. */
const dedupeKey = (
  people: StandIns,
  kept: KeptDelivery,
  now: { readonly body: string | Uint8Array; readonly query: string },
): string => {
  const unread = (query: string, body: string | Uint8Array): string =>
    sha256(Buffer.concat([Buffer.from(`${query}\n`), Buffer.from(body as Uint8Array)]))
  const digests = new Map([
    [sha256(kept.body), sha256(now.body)],
    [unread(kept.query, kept.body), unread(now.query, now.body)],
  ])
  return kept.dedupeKey
    .split(':')
    .map((part) => (/^[\da-f]{64}$/.test(part) ? (digests.get(part) ?? '0'.repeat(64)) : named(people, part)))
    .join(':')
}
