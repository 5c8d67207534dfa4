import {
  type BodyFault,
  type BodyLimits,
  type BodyValue,
  bodyFields,
  isBodyFields,
  isForbiddenName,
  type ParsedBody,
  storable,
} from './bodyValues.ts'

/**
 * Reads JSON within limits that hold while it is read, so that a hostile text costs no more than an honest one. `damaged` says
 * that the bytes were no valid UTF-8: then U+FFFD in a name is a fault, and in a value a flag.
 */
export const parseBoundedJson = (text: string, limits: BodyLimits, damaged = false): ParsedBody => {
  const reader: Reader = { text, at: 0, limits, damaged, flags: new Set(), fieldsCount: 0 }
  const root = readWhole(reader)
  if ('fault' in root) return { tag: 'unreadable', code: root.fault }
  if (!isBodyFields(root.value)) return { tag: 'unreadable', code: 'not-an-object' }
  if (Object.keys(root.value).length === 0) return { tag: 'unreadable', code: 'no-fields' }
  return { tag: 'fields', fields: root.value, flags: [...reader.flags] }
}

/** An answer of a provider is larger than a webhook, and still no reason to exhaust the memory. */
const answerLimits: BodyLimits = {
  fieldsMax: 100_000,
  nameLengthMax: 1000,
  valueBytesMax: 1_048_576,
  depthMax: 32,
  listItemsMax: 10_000,
}

/** Reads the JSON of a provider's answer, whatever stands at its top; undefined when it is none. */
export const parseAnswerJson = (text: string): BodyValue | undefined => {
  const read = readWhole({ text, at: 0, limits: answerLimits, damaged: false, flags: new Set(), fieldsCount: 0 })
  return 'fault' in read ? undefined : read.value
}

const readWhole = (reader: Reader): Read<BodyValue> => {
  const root = readValue(reader, { depth: 1, name: '' })
  skipBlank(reader)
  return 'value' in root && reader.at !== reader.text.length ? notJson : root
}

type Reader = {
  readonly text: string
  at: number
  readonly limits: BodyLimits
  readonly damaged: boolean
  readonly flags: Set<string>
  fieldsCount: number
}

type Read<Value> = { readonly value: Value } | { readonly fault: BodyFault }

type Place = { readonly depth: number; readonly name: string }

const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const stringPattern = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y
const blankPattern = /[ \t\n\r]*/y
const wordPattern = /true|false|null/y
const words: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null }
const notJson = { fault: 'not-json' } as const

const match = (reader: Reader, pattern: RegExp): string | null => {
  pattern.lastIndex = reader.at
  const found = pattern.exec(reader.text)?.[0] ?? null
  reader.at += found?.length ?? 0
  return found
}

const skipBlank = (reader: Reader): void => {
  match(reader, blankPattern)
}

const take = (reader: Reader, sign: string): boolean => {
  skipBlank(reader)
  if (reader.text[reader.at] !== sign) return false
  reader.at += 1
  return true
}

const readValue = (reader: Reader, place: Place): Read<BodyValue> => {
  skipBlank(reader)
  const sign = reader.text[reader.at]
  if (sign === '{' || sign === '[') {
    if (place.depth > reader.limits.depthMax) return { fault: 'too-deep' }
    return sign === '{' ? readFields(reader, place) : readList(reader, place)
  }
  if (sign === '"') return readText(reader, place)
  const word = match(reader, wordPattern)
  if (word !== null) return { value: words[word] ?? null }
  const digits = match(reader, numberPattern)
  return digits === null ? notJson : { value: numberOf(digits) }
}

/** A number that a double would change (a 64-bit id, `4900.00`) stays as it was written. */
const numberOf = (digits: string): string | number => (String(Number(digits)) === digits ? Number(digits) : digits)

const readText = (reader: Reader, { name }: Place): Read<string> => {
  const source = match(reader, stringPattern)
  if (source === null) return notJson
  const value = storable(String(JSON.parse(source)))
  if (Buffer.byteLength(value) > reader.limits.valueBytesMax) return { fault: 'value-too-long' }
  if (reader.damaged && value.includes('\ufffd')) reader.flags.add(`broken-value:${name}`)
  return { value }
}

const readName = (reader: Reader): Read<string> => {
  skipBlank(reader)
  const source = match(reader, stringPattern)
  if (source === null) return notJson
  const value = storable(String(JSON.parse(source)))
  if (value.length > reader.limits.nameLengthMax) return { fault: 'name-too-long' }
  return reader.damaged && value.includes('\ufffd') ? { fault: 'broken-name' } : { value }
}

const readFields = (reader: Reader, { depth }: Place): Read<BodyValue> => {
  take(reader, '{')
  const entries = new Map<string, BodyValue>()
  if (take(reader, '}')) return { value: bodyFields(entries) }
  do {
    reader.fieldsCount += 1
    if (reader.fieldsCount > reader.limits.fieldsMax) return { fault: 'too-many-fields' }
    const name = readName(reader)
    if ('fault' in name) return name
    if (!take(reader, ':')) return notJson
    const value = readValue(reader, { depth: depth + 1, name: name.value })
    if ('fault' in value) return value
    if (isForbiddenName(name.value)) reader.flags.add('forbidden')
    if (entries.has(name.value)) reader.flags.add(`repeated:${name.value}`)
    entries.set(name.value, value.value)
  } while (take(reader, ','))
  return take(reader, '}') ? { value: bodyFields(entries) } : notJson
}

const readList = (reader: Reader, { depth, name }: Place): Read<BodyValue> => {
  take(reader, '[')
  const items: BodyValue[] = []
  if (take(reader, ']')) return { value: items }
  do {
    if (items.length === reader.limits.listItemsMax) return { fault: 'list-too-long' }
    const item = readValue(reader, { depth: depth + 1, name })
    if ('fault' in item) return item
    items.push(item.value)
  } while (take(reader, ','))
  return take(reader, ']') ? { value: items } : notJson
}
