/** The name of a form pair, decoded as far as it can be. */
const nameOf = (pair: string): string => {
  const name = pair.split('=', 1)[0]?.replaceAll('+', ' ') ?? ''
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

const withoutJsonFields = (text: string, fields: readonly string[]): string | null => {
  try {
    const value: unknown = JSON.parse(text)
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return null
    return JSON.stringify(Object.fromEntries(Object.entries(value).filter(([name]) => !fields.includes(name))))
  } catch {
    return null
  }
}

/** The bytes of a delivery as they are kept: as they came, without the fields that carry a key. */
export const keptBody = (body: Uint8Array, fields: readonly string[]): Uint8Array => {
  if (fields.length === 0 || body.byteLength === 0) return body
  // latin1 keeps every byte, whatever the encoding.
  const text = Buffer.from(body).toString('latin1')
  if (!fields.some((field) => text.includes(field) || text.includes('%'))) return body
  if (text.trimStart().startsWith('{')) {
    const cleaned = withoutJsonFields(Buffer.from(body).toString('utf8'), fields)
    // Unreadable JSON that holds the name of the key is not kept at all: nobody could say where the key is in it.
    return cleaned === null ? new Uint8Array() : Buffer.from(cleaned)
  }
  const pairs = text.split('&').filter((pair) => !fields.includes(nameOf(pair)))
  return Buffer.from(pairs.join('&'), 'latin1')
}
