import { type Instant, parseInstant } from '../../kernel/time.ts'
import { isJsonMap, isJsonNumber, type JsonNode, parseStrictJson, stableJson } from '../strictJson.ts'

/** The fields of a notification as text, by lower-case name: the provider does not keep the case of names. */
export type Fields = ReadonlyMap<string, string>

/** Pay has some fifty fields; several hundred are an attack. */
const fieldsMax = 300

/** Printable ASCII without the blank: a well-formed urlencoded form has nothing else. */
const formPattern = /^[\x21-\x7e]*$/

/**
 * Reads an urlencoded form strictly: a raw blank, a byte outside ASCII, a bad escape, text that is not UTF-8 and a repeated name
 * are refused, because a signature over decoded text fits other bytes too.
 * @example formFields('Amount=1.00&Name=a%2Bb+c') // Map { 'amount' => '1.00', 'name' => 'a+b c' }
 */
export const formFields = (text: string): Fields | null => {
  if (!formPattern.test(text)) return null
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  const lower = spaced.toLowerCase()
  const fields = new Map<string, string>()
  let named = 0
  let pairs = 0
  for (let start = 0, end = 0; end < spaced.length; start = end + 1) {
    end = spaced.indexOf('&', start)
    if (end === -1) end = spaced.length
    pairs += 1
    if (pairs > fieldsMax) return null
    if (end === start) continue
    const equals = spaced.indexOf('=', start)
    const middle = equals === -1 || equals > end ? end : equals
    const name = decoded(lower.slice(start, middle))
    const value = decoded(spaced.slice(middle + 1, end))
    if (name === null || value === null) return null
    // An escape may have been a capital letter; it made the name shorter.
    fields.set(name.length < middle - start ? name.toLowerCase() : name, value)
    named += 1
  }
  return fields.size === named ? fields : null
}

/** Reads a JSON object as fields, names compared without case as in a form; nested values become their stable text, and null and an absent field are one. */
export const jsonFields = (text: string): Fields | null => {
  const parsed = parseStrictJson(text)
  if (parsed === null || !isJsonMap(parsed[0]) || parsed[0].size > fieldsMax) return null
  const fields = new Map([...parsed[0]].map(([name, node]) => [name.toLowerCase(), nodeText(node)]))
  return fields.size === parsed[0].size ? fields : null
}

/** A text that is equal for equal content, however it was encoded; empty fields count as absent. */
export const canonicalFields = (fields: Fields): string => {
  const names = [...fields.keys()].sort()
  return JSON.stringify(names.flatMap((name) => (fields.get(name) ? [[name, fields.get(name)]] : [])))
}

/** The field of a lower-case name, or null when it is absent or empty. */
export const fieldOf = (fields: Fields, name: Lowercase<string>): string | null => fields.get(name) || null

/** The field as a short text without control characters or broken Unicode, else null: nothing else can be an id or a code of ours. */
export const shortField = (fields: Fields, name: Lowercase<string>): string | null => {
  const value = fieldOf(fields, name)
  return value !== null && value.length <= 255 && value.isWellFormed() && !/[\u0000-\u001f\u007f]/.test(value)
    ? value
    : null
}

const int64Max = '9223372036854775807'

/** The field as a positive 64-bit number in text, without leading zeros, else null. */
export const int64Field = (fields: Fields, name: Lowercase<string>): string | null => {
  const value = fieldOf(fields, name)
  if (value === null || !/^[1-9]\d{0,18}$/.test(value)) return null
  // Texts of equal length sort as their numbers.
  return value.length < int64Max.length || value <= int64Max ? value : null
}

/** The field as a yes or a no in any of the spellings seen, else null. */
export const booleanField = (fields: Fields, name: Lowercase<string>): boolean | null => {
  const value = fieldOf(fields, name)?.toLowerCase()
  if (value === '1' || value === 'true') return true
  return value === '0' || value === 'false' ? false : null
}

/**
 * Reads a time without zone, which the provider means as UTC.
 * @example utcInstant('2026-11-24 09:14:02') // '2026-11-24T09:14:02.000Z'
 */
export const utcInstant = (text: string | null): Instant | null => {
  const match = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)$/.exec(text ?? '')
  return match ? parseInstant(`${match[1]}T${match[2]}Z`) : null
}

const decoded = (text: string): string | null => {
  // Most names and values are plain.
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

const nodeText = (node: JsonNode): string => {
  if (node === null) return ''
  if (typeof node === 'string') return node
  return isJsonNumber(node) ? node.digits : stableJson(node)
}
