/** A number as it was written: `1990.00` keeps its zeros and a 64-bit id its last digits, which a double would lose. */
export type JsonNumber = { readonly digits: string }

/** A parsed JSON value; objects are maps, so that no key of a stranger can touch a prototype. */
export type JsonNode = string | boolean | null | JsonNumber | readonly JsonNode[] | ReadonlyMap<string, JsonNode>

/** Deeper nesting has no use in a payment message and would only exhaust the stack. */
const depthMax = 32

const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const stringPattern = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y
const blankPattern = /[ \t\n\r]*/y
const wordPattern = /true|false|null/y

/**
 * Reads JSON more strictly than `JSON.parse`: a key that occurs twice in one object and nesting beyond 32 levels
 * are refused, and numbers keep their text. Null when the text is not such JSON; a JSON null is `[null]`'s item.
 * @example parseStrictJson('{"a":1.50}') // Map { 'a' => { digits: '1.50' } }
 */
export const parseStrictJson = (text: string): readonly [JsonNode] | null => {
  const cursor = { text, at: 0 }
  const node = readNode(cursor, 0)
  skipBlank(cursor)
  return node === null || cursor.at !== text.length ? null : node
}

/** Whether a node is a number. */
export const isJsonNumber = (node: JsonNode | undefined): node is JsonNumber =>
  typeof node === 'object' && node !== null && 'digits' in node

/** Whether a node is an object. */
export const isJsonMap = (node: JsonNode | undefined): node is ReadonlyMap<string, JsonNode> => node instanceof Map

/** Whether a node is an array. */
export const isJsonList = (node: JsonNode | undefined): node is readonly JsonNode[] => Array.isArray(node)

/**
 * Writes a node so that equal content gives equal text: keys sorted, no blanks.
 * @example stableJson(new Map([['b', true], ['a', null]])) // '{"a":null,"b":true}'
 */
export const stableJson = (node: JsonNode): string => {
  if (isJsonNumber(node)) return node.digits
  if (isJsonList(node)) return `[${node.map(stableJson).join(',')}]`
  if (isJsonMap(node)) {
    const entries = [...node].sort(([left], [right]) => (left < right ? -1 : 1))
    return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${stableJson(value)}`).join(',')}}`
  }
  return JSON.stringify(node)
}

/** The node at a path of keys, or undefined when a step is missing. */
export const nodeAt = (node: JsonNode | undefined, ...path: readonly string[]): JsonNode | undefined =>
  path.reduce<JsonNode | undefined>((value, key) => (isJsonMap(value) ? value.get(key) : undefined), node)

/** The text at a path of keys, or null when it is absent or no text. */
export const textAt = (node: JsonNode | undefined, ...path: readonly string[]): string | null => {
  const value = nodeAt(node, ...path)
  return typeof value === 'string' ? value : null
}

type Cursor = { readonly text: string; at: number }

const match = (cursor: Cursor, pattern: RegExp): string | null => {
  pattern.lastIndex = cursor.at
  const found = pattern.exec(cursor.text)
  if (!found) return null
  cursor.at += found[0].length
  return found[0]
}

const skipBlank = (cursor: Cursor): void => {
  match(cursor, blankPattern)
}

const take = (cursor: Cursor, sign: string): boolean => {
  skipBlank(cursor)
  if (cursor.text[cursor.at] !== sign) return false
  cursor.at += 1
  return true
}

const readText = (cursor: Cursor): string | null => {
  const source = match(cursor, stringPattern)
  return source === null ? null : String(JSON.parse(source))
}

const words: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null }

const readNode = (cursor: Cursor, depth: number): readonly [JsonNode] | null => {
  if (depth > depthMax) return null
  skipBlank(cursor)
  const sign = cursor.text[cursor.at]
  if (sign === '{') return readMap(cursor, depth)
  if (sign === '[') return readList(cursor, depth)
  if (sign === '"') {
    const text = readText(cursor)
    return text === null ? null : [text]
  }
  const word = match(cursor, wordPattern)
  if (word !== null) return [words[word] ?? null]
  const digits = match(cursor, numberPattern)
  return digits === null ? null : [{ digits }]
}

const readMap = (cursor: Cursor, depth: number): readonly [JsonNode] | null => {
  take(cursor, '{')
  const map = new Map<string, JsonNode>()
  if (take(cursor, '}')) return [map]
  do {
    skipBlank(cursor)
    const key = readText(cursor)
    if (key === null || map.has(key) || !take(cursor, ':')) return null
    const value = readNode(cursor, depth + 1)
    if (value === null) return null
    map.set(key, value[0])
  } while (take(cursor, ','))
  return take(cursor, '}') ? [map] : null
}

const readList = (cursor: Cursor, depth: number): readonly [JsonNode] | null => {
  take(cursor, '[')
  const list: JsonNode[] = []
  if (take(cursor, ']')) return [list]
  do {
    const value = readNode(cursor, depth + 1)
    if (value === null) return null
    list.push(value[0])
  } while (take(cursor, ','))
  return take(cursor, ']') ? [list] : null
}
