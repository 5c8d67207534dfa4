import { instant, msOf, parseInstant } from '../kernel/time.ts'
import type { Json } from './api.ts'

/** A column of a table: its heading, and what it shows of an item. */
export type Column = readonly [heading: string, show: (item: Json) => unknown]

const columnCharsMax = 60
const moscowOffsetMs = 3 * 3_600_000

/** Text of any value for people: nothing is a dash, instants are Moscow time, lists are joined. */
export const shown = (value: unknown): string => {
  if (value === null || value === undefined || value === '') return '-'
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(shown).join(', ')
  if (typeof value === 'object') return clean(JSON.stringify(value))
  const text = clean(String(value))
  return /^\d{4}-\d\d-\d\dT/.test(text) ? moscowTime(text) : text
}

/** Control characters of data must not reach a terminal, where they are commands. */
const clean = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')

/**
 * An instant as operators in Moscow read it; other texts stay as they are.
 * @example moscowTime('2026-03-01T09:00:00.000Z') // '2026-03-01 12:00:00 MSK'
 */
export const moscowTime = (text: string): string => {
  const at = parseInstant(text)
  if (at === null) return text
  return `${instant(msOf(at) + moscowOffsetMs)
    .slice(0, 19)
    .replace('T', ' ')} MSK`
}

/** A table for people; long cells are cut, and an empty one says so. */
export const table = (items: readonly Json[], columns: readonly Column[]): string => {
  if (items.length === 0) return 'Nothing found.\n'
  const cells = [
    columns.map(([heading]) => heading),
    ...items.map((item) => columns.map(([, show]) => cut(shown(show(item))))),
  ]
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => [...(row[index] ?? '')].length)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) => cell + ' '.repeat(Math.max(0, (widths[index] ?? 0) - [...cell].length)))
      .join('  ')
      .trimEnd()
  return `${cells.map(line).join('\n')}\n`
}

const cut = (text: string): string =>
  [...text].length > columnCharsMax ? `${[...text].slice(0, columnCharsMax - 1).join('')}…` : text

/** The fields of one item, one a line; objects are indented below their name. */
export const card = (item: Json, indent = ''): string =>
  Object.entries(item)
    .map(([name, value]) => {
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        const inner = card(value as Json, `${indent}  `)
        return `${indent}${name}:\n${inner}`
      }
      if (Array.isArray(value) && value.some((entry) => typeof entry === 'object' && entry !== null)) {
        const entries = value.map((entry) => `${indent}  - ${shown(entry)}\n`).join('')
        return `${indent}${name}:\n${entries}`
      }
      return `${indent}${name}: ${shown(value)}\n`
    })
    .join('')

/**
 * A length of time for people.
 * @example lengthText(125) // '2 min 5 s'
 */
export const lengthText = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
