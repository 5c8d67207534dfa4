import {
  type BodyFault,
  type BodyLimits,
  type BodyValue,
  bodyFields,
  bodyLimits,
  isBodyFields,
  isBodyList,
  isForbiddenName,
  type ParsedBody,
  storable,
} from './bodyValues.ts'
import { parseBoundedJson } from './boundedJson.ts'

/** Reads a body of JSON, which has to be an object. Of a key that occurs twice the last value stands, and a flag tells. */
export const parseJsonBody = (bytes: Uint8Array, limits: BodyLimits = bodyLimits): ParsedBody => {
  const text = new TextDecoder('utf-8').decode(bytes)
  if (text.trim() === '') return { tag: 'unreadable', code: 'empty-body' }
  // Without this comparison an honest U+FFFD would be taken for damage.
  const damaged = text.includes('\ufffd') && !isUtf8(bytes)
  return parseBoundedJson(text, limits, damaged)
}

/** Reads an urlencoded body with bracket keys (`a[b][]=1`). A plain key that occurs twice becomes a list, and a flag tells. */
export const parseFormBody = (bytes: Uint8Array, limits: BodyLimits = bodyLimits): ParsedBody => {
  const pairs = pairsOf(bytes)
  if (pairs.length === 0) return { tag: 'unreadable', code: 'empty-body' }
  if (pairs.length > limits.fieldsMax) return { tag: 'unreadable', code: 'too-many-fields' }
  const flags: string[] = []
  const root: Branch = new Map()
  for (const pair of pairs) {
    const fault = takePair(pair, { root, flags, limits })
    if (fault !== null) return { tag: 'unreadable', code: fault }
  }
  if (root.size === 0) return { tag: 'unreadable', code: 'no-fields' }
  const grown = grow(root, limits)
  return isBodyFields(grown)
    ? { tag: 'fields', fields: grown, flags: flags.length === 0 ? flags : [...new Set(flags)] }
    : { tag: 'unreadable', code: 'list-too-long' }
}

/** Reads the query of an address as a form. */
export const parseQuery = (query: string, limits: BodyLimits = bodyLimits): ParsedBody =>
  parseFormBody(new TextEncoder().encode(query), limits)

/** The media type of a `content-type` header, in lower case and without parameters; empty when there is none. */
export const mediaType = (header: string | undefined): string =>
  (header ?? '').split(';', 1).join('').trim().toLowerCase()

/** A nest of keys while the body is read; `order` of insertion is kept by the map. */
type Branch = Map<string, Branch | string | readonly string[]>

type Taking = { readonly root: Branch; readonly flags: string[]; readonly limits: BodyLimits }

const takePair = (pair: Pair, { root, flags, limits }: Taking): BodyFault | null => {
  const name = decode(pair.name)
  const value = decode(pair.value)
  if (name.broken) return 'broken-name'
  if (name.text.length > limits.nameLengthMax) return 'name-too-long'
  if (isLonger(value.text, limits.valueBytesMax)) return 'value-too-long'
  if (name.text === '') return null
  const path = pathOf(name.text)
  if (path.length > limits.depthMax) return 'too-deep'
  if (path.some(isForbiddenName)) flags.push('forbidden')
  else {
    if (value.broken) flags.push(`broken-value:${name.text}`)
    plant(root, path, { value: value.text, flag: (code) => flags.push(`${code}:${name.text}`) })
  }
  return null
}

/** Whether a text has more bytes as UTF-8; a character of a JavaScript string has at most three. */
const isLonger = (text: string, bytesMax: number): boolean =>
  text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax

/** The steps of a bracket key; a key whose brackets do not match is one plain step. */
const pathOf = (name: string): readonly string[] => {
  if (!name.includes('[')) return [name]
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name)
  if (!match) return [name]
  const steps = [...(match[2] ?? '').matchAll(/\[([^\]]*)\]/g)].map((step) => step[1] ?? '')
  return [match[1] ?? name, ...steps]
}

const plant = (
  root: Branch,
  path: readonly string[],
  { value, flag }: { readonly value: string; readonly flag: (code: string) => void },
): void => {
  let branch = root
  for (const [depth, step] of path.entries()) {
    const name = step === '' && depth > 0 ? String(branch.size) : step
    const held = branch.get(name)
    if (depth === path.length - 1) {
      if (held !== undefined) flag(held instanceof Map ? 'conflicting' : 'repeated')
      if (!(held instanceof Map)) branch.set(name, held === undefined ? value : [held, value].flat())
      return
    }
    if (held !== undefined && !(held instanceof Map)) {
      flag('conflicting')
      return
    }
    const next: Branch = held ?? new Map()
    branch.set(name, next)
    branch = next
  }
}

const indexPattern = /^(?:0|[1-9]\d{0,2})$/

/** A branch whose keys are all small numbers is a list; null when a list is too long. */
const grow = (branch: Branch, limits: BodyLimits, inner = false): BodyValue => {
  const entries: [string, BodyValue][] = []
  for (const [name, held] of branch) {
    const value = held instanceof Map ? grow(held, limits, true) : held
    if (value === null || (isBodyList(value) && value.length > limits.listItemsMax)) return null
    entries.push([name, value])
  }
  const isList = inner && entries.every(([name]) => indexPattern.test(name))
  if (!isList) return bodyFields(entries)
  return entries.sort(([left], [right]) => Number(left) - Number(right)).map(([, value]) => value)
}

/** A part of a form as sent; one character for each byte. */
type Encoded = string
type Pair = { readonly name: Encoded; readonly value: Encoded }

const pairsOf = (bytes: Uint8Array): readonly Pair[] => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  return text.split('&').flatMap((pair) => {
    if (pair === '') return []
    const at = pair.indexOf('=')
    return at === -1 ? [{ name: pair, value: '' }] : [{ name: pair.slice(0, at), value: pair.slice(at + 1) }]
  })
}

type Decoded = { readonly text: string; readonly broken: boolean }

/** Undoes urlencoding; what is broken becomes U+FFFD. */
const decode = (encoded: Encoded): Decoded => {
  const spaced = encoded.includes('+') ? encoded.replaceAll('+', ' ') : encoded
  if (/[^\u0001-\u007f]/.test(spaced)) return decodeBytes(spaced)
  if (!spaced.includes('%')) return { text: spaced, broken: false }
  try {
    return { text: storable(decodeURIComponent(spaced)), broken: false }
  } catch {
    return decodeBytes(spaced)
  }
}

/** Undoes escapes byte by byte: the rest of a broken value stays readable. */
const decodeBytes = (spaced: Encoded): Decoded => {
  let broken = false
  const unescaped = spaced.replace(/%([0-9a-fA-F]{2})?/g, (_, code?: string) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16))
    broken = true
    // The three bytes of U+FFFD.
    return '\u00ef\u00bf\u00bd'
  })
  const bytes = Buffer.from(unescaped, 'latin1')
  const text = storable(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
  return { text, broken: broken || (text.includes('\ufffd') && !isUtf8(bytes)) }
}

const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}
