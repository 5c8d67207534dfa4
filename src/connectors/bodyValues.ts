/** A value of a parsed body. A number that would not be written back as it was sent stays text. */
export type BodyValue = string | number | boolean | null | readonly BodyValue[] | BodyFields

/** Fields of a body; such objects have no prototype, so a stranger's key touches nothing. */
export type BodyFields = { readonly [name: string]: BodyValue }

/** Why a body was not taken. */
export type BodyFault =
  | 'empty-body'
  | 'no-fields'
  | 'not-json'
  | 'not-an-object'
  | 'broken-name'
  | 'name-too-long'
  | 'value-too-long'
  | 'too-many-fields'
  | 'list-too-long'
  | 'too-deep'

/**
 * What a body says. `flags` tell what was mended on the way, as `code:field`: `broken-value`, `repeated`, `conflicting`,
 * `forbidden`.
 */
export type ParsedBody =
  | { readonly tag: 'fields'; readonly fields: BodyFields; readonly flags: readonly string[] }
  | { readonly tag: 'unreadable'; readonly code: BodyFault }

/** How much of a body is believed. */
export type BodyLimits = {
  readonly fieldsMax: number
  readonly nameLengthMax: number
  readonly valueBytesMax: number
  readonly depthMax: number
  readonly listItemsMax: number
}

/** A form of a person fits many times over; a flood of keys or nested brackets does not. */
export const bodyLimits: BodyLimits = {
  fieldsMax: 200,
  nameLengthMax: 200,
  valueBytesMax: 16_384,
  depthMax: 5,
  listItemsMax: 100,
}

/** Names that reach a prototype in careless code; they are never assigned. */
export const isForbiddenName = (name: string): boolean =>
  name === '__proto__' || name === 'constructor' || name === 'prototype'

/** A text that PostgreSQL stores: no NUL, no half of a surrogate pair. */
export const storable = (text: string): string =>
  (text.includes('\u0000') ? text.replaceAll('\u0000', '') : text).toWellFormed()

/** The value at a path of names, or undefined when a step is missing. */
export const bodyValueAt = (value: BodyValue | undefined, ...path: readonly string[]): BodyValue | undefined =>
  path.reduce<BodyValue | undefined>((at, name) => (isBodyFields(at) ? at[name] : undefined), value)

/** The text at a path of names; numbers are written out, since ids come as either. Null when there is neither. */
export const bodyTextAt = (value: BodyValue | undefined, ...path: readonly string[]): string | null => {
  const found = bodyValueAt(value, ...path)
  return typeof found === 'string' ? found : typeof found === 'number' ? String(found) : null
}

/** The list at a path of names; a single value is a list of one, and nothing is an empty one. */
export const bodyListAt = (value: BodyValue | undefined, ...path: readonly string[]): readonly BodyValue[] => {
  const found = bodyValueAt(value, ...path)
  if (found === undefined || found === null) return []
  return isBodyList(found) ? found : [found]
}

/** Whether a value is a list. */
export const isBodyList = (value: BodyValue | undefined): value is readonly BodyValue[] => Array.isArray(value)

/** Whether a value is an object of fields. */
export const isBodyFields = (value: BodyValue | undefined): value is BodyFields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Writes a value so that equal content gives equal text: names sorted, no blanks. */
export const canonicalBody = (value: BodyValue): string => {
  if (isBodyList(value)) return `[${value.map(canonicalBody).join(',')}]`
  if (!isBodyFields(value)) return JSON.stringify(value)
  let text = ''
  for (const name of Object.keys(value).sort()) {
    if (text !== '') text += ','
    text += `${JSON.stringify(name)}:${canonicalBody(value[name] ?? null)}`
  }
  return `{${text}}`
}

/** Makes fields without a prototype; forbidden names are left out. */
export const bodyFields = (entries: Iterable<readonly [string, BodyValue]>): BodyFields => {
  const fields: Record<string, BodyValue> = Object.create(null)
  for (const [name, value] of entries) if (!isForbiddenName(name)) fields[name] = value
  return fields
}
