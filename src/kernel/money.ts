import type { Brand } from './brand.ts'

/** A whole number of kopecks; every sum inside the service has this unit. */
export type Kopecks = Brand<number, 'Kopecks'>

/** The largest sum we accept: 1 000 000 000 rubles, far below 2^53 kopecks. */
const kopecksMax = 100_000_000_000

/** Makes kopecks of a whole number; throws on fractions and on sums out of range. */
export const kopecks = (value: number): Kopecks => {
  if (!Number.isSafeInteger(value) || Math.abs(value) > kopecksMax) {
    throw new RangeError(`Cannot make kopecks of "${value}": it should be a whole number up to ${kopecksMax}`)
  }
  return value as Kopecks
}

/**
 * Reads a decimal text of rubles, with at most two fractional digits and no sign, as kopecks; null when it is no such text.
 * @example kopecksFromRubles('1990.5') // 199050
 */
export const kopecksFromRubles = (text: string): Kopecks | null => {
  const match = /^(\d{1,10})(?:\.(\d{1,2}))?$/.exec(text)
  if (!match) return null
  const value = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'))
  return value <= kopecksMax ? (value as Kopecks) : null
}

/**
 * Writes kopecks as rubles with exactly two fractional digits.
 * @example rublesText(kopecks(199050)) // '1990.50'
 */
export const rublesText = (amount: Kopecks): string => {
  const sign = amount < 0 ? '-' : ''
  const value = Math.abs(amount)
  return `${sign}${Math.trunc(value / 100)}.${String(value % 100).padStart(2, '0')}`
}
