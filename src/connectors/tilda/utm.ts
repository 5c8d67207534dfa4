const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What is kept of the visitor's cookies: where he came from, and two counters' ids. */
export type KeptCookies = {
  readonly utm: Readonly<Record<string, string>>
  readonly ymUid: string | null
  readonly ga: string | null
}

const utmNames = new Set(['source', 'medium', 'campaign', 'term', 'content'])
const utmValueCharsMax = 300
const counterCharsMax = 100

/** One pair of marks; other marks than the usual five are not kept. */
const markOf = (name: string, value: string): readonly [string, string] | null => {
  const mark = name.replace(/^utm_/, '')
  return name.startsWith('utm_') && utmNames.has(mark) && value !== '' ? [mark, value.slice(0, utmValueCharsMax)] : null
}

/**
 * Reads the `COOKIES` field. Tilda's script stores the raw pieces of the query in `TILDAUTM`, so their values are encoded twice inside
 * the cookie: once with the whole of it, once each. `||`, `|||` and `|||amp;` separate them.
 */
export const readCookies = (text: string): KeptCookies => {
  if (text === '') return { utm: {}, ymUid: null, ga: null }
  const cookies = new Map(
    text.split(';').map((pair) => {
      const at = pair.indexOf('=')
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
    }),
  )
  const marks = decoded(cookies.get('TILDAUTM') ?? '')
    .split(/\|\|\|?(?:amp;)?/)
    .flatMap((piece) => {
      const at = piece.indexOf('=')
      const mark = at < 0 ? null : markOf(piece.slice(0, at), decoded(piece.slice(at + 1)))
      return mark ? [mark] : []
    })
  const counter = (name: string): string | null => cookies.get(name)?.slice(0, counterCharsMax) || null
  return { utm: Object.fromEntries(marks), ymUid: counter('_ym_uid'), ga: counter('_ga') }
}

/** Marks that a form carries as hidden fields of its own. */
export const utmOf = (fields: readonly (readonly [string, string])[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    fields.flatMap(([name, value]) => {
      const mark = markOf(name.toLowerCase(), value)
      return mark ? [mark] : []
    }),
  )
