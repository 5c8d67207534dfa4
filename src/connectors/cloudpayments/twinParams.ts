import { type Kopecks, kopecks } from '../../kernel/money.ts'
import { type Instant, parseInstant } from '../../kernel/time.ts'
import { isRecord } from '../twinRoutes.ts'
import { utcInstant } from './fields.ts'

/** The parameters of a call, by lower-case name: the API does not look at the case. */
export type Params = ReadonlyMap<string, unknown>

/** Reads a JSON or a form body; null when it is neither. */
export const paramsOf = (text: string, contentType: string): Params | null => {
  if (/^application\/x-www-form-urlencoded/i.test(contentType)) return lowered([...new URLSearchParams(text)])
  if (text === '') return new Map()
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? lowered(Object.entries(value)) : null
  } catch {
    return null
  }
}

const lowered = (entries: readonly (readonly [string, unknown])[]): Params =>
  new Map(entries.map(([name, value]) => [name.toLowerCase(), value]))

/** The parameter as text; absent and null are the empty text. */
export const textParam = (params: Params, name: string): string => {
  const value = params.get(name.toLowerCase())
  if (typeof value === 'number') return String(value)
  if (isRecord(value)) return JSON.stringify(value)
  return typeof value === 'string' ? value : ''
}

/** The parameter as a yes or a no. */
export const flagParam = (params: Params, name: string): boolean =>
  /^(true|1)$/i.test(String(params.get(name.toLowerCase())))

/** The parameter as an integer; null when it is none, also for a fraction. */
export const integerParam = (params: Params, name: string): number | null => {
  const text = textParam(params, name)
  return /^\d{1,16}$/.test(text) ? Number(text) : null
}

/** The amount in kopecks, or why there is none. */
export const amountParam = (params: Params, name = 'Amount'): Kopecks | string => {
  const text = textParam(params, name)
  if (text === '') return 'Amount is required'
  const value = /^\d{1,9}(\.\d{1,2})?$/.test(text) ? Math.round(Number(text) * 100) : 0
  return value >= 1 ? kopecks(value) : 'Amount is not valid'
}

/** A moment with or without a zone, which then is UTC; null when it is none. */
export const momentParam = (params: Params, name: string): Instant | null => {
  const text = textParam(params, name)
  return (
    parseInstant(text) ??
    utcInstant(text) ??
    (/^\d{4}-\d{2}-\d{2}$/.test(text) ? parseInstant(`${text}T00:00:00Z`) : null)
  )
}
