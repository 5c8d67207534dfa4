import { createHmac, timingSafeEqual } from 'node:crypto'
import { parseInstant } from '../kernel/time.ts'
import type { Actor } from './ports.ts'
import { problem } from './problem.ts'
import { type Field, isFilter, isScalar, type Resource, type SmallResource } from './resources.ts'

/** The largest page, and the usual one. */
const limitMax = 500
const limitUsual = 50
const queryCharsMax = 200

/** What a list was asked for, checked against its fields. */
export type ListQuery = {
  readonly filters: readonly { readonly field: Field; readonly values: readonly string[] }[]
  readonly q: string | null
  readonly sort: { readonly field: Field; readonly descending: boolean }
  readonly limit: number
  readonly after: Cursor | null
  readonly minPosition: number | null
}

/** Where a page ended. */
export type Cursor = { readonly sort: string; readonly value: string | null; readonly id: string }

/** Signs cursors, so that a changed one is told from ours. */
export const cursorCodec = (secret: string) => {
  const sign = (text: string): string =>
    createHmac('sha256', `cursor:${secret}`).update(text).digest().subarray(0, 12).toString('base64url')
  return {
    write: (cursor: Cursor): string => {
      const text = Buffer.from(JSON.stringify(cursor)).toString('base64url')
      return `${text}.${sign(text)}`
    },
    read: (token: string): Cursor | null => {
      const [text = '', signature = ''] = token.split('.')
      const ours = Buffer.from(sign(text))
      const theirs = Buffer.from(signature)
      if (ours.length !== theirs.length || !timingSafeEqual(ours, theirs)) return null
      return JSON.parse(Buffer.from(text, 'base64url').toString()) as Cursor
    },
  }
}

const wrong = (code: string, detail: string) => problem(400, code, detail)

const wholeNumber = (name: string, text: string, range: { readonly min: number; readonly max: number }): number => {
  if (/^\d{1,15}$/.test(text) && Number(text) >= range.min && Number(text) <= range.max) return Number(text)
  throw wrong(`${name}-unreadable`, `${name} should be a whole number from ${range.min} to ${range.max}`)
}

/** Reads the query of a list; anything that is not understood is said, never passed over. */
export const readListQuery = (
  resource: Resource | SmallResource,
  params: URLSearchParams,
  at: { readonly actor: Actor; readonly readCursor: (token: string) => Cursor | null },
): ListQuery => {
  const analyst = at.actor.role === 'analyst'
  const filters = new Map<string, { field: Field; values: string[] }>()
  let sortText = resource.defaultSort
  let limit = limitUsual
  let q: string | null = null
  let cursorText: string | null = null
  let minPosition: number | null = null
  for (const [name, value] of params) {
    if (name === 'limit') limit = wholeNumber('limit', value, { min: 1, max: limitMax })
    else if (name === 'sort') sortText = value
    else if (name === 'cursor') cursorText = value
    else if (name === 'minPosition')
      minPosition = wholeNumber('minPosition', value, { min: 0, max: Number.MAX_SAFE_INTEGER })
    else if (name === 'q') q = readSearch(value)
    else {
      const field = resource.fields.find((candidate) => candidate.name === name && isFilter(candidate))
      if (!field) throw wrong('filter-unknown', 'The list has no such filter; its filters are the names of its fields')
      if (analyst && field.personal)
        throw wrong('field-masked', 'This field is masked for analysts and cannot be a filter')
      checkValue(field, value)
      const known = filters.get(name) ?? { field, values: [] }
      filters.set(name, { field, values: [...known.values, value] })
    }
  }
  const sort = readSort(resource, sortText, analyst)
  const after = cursorText === null ? null : at.readCursor(cursorText)
  if (cursorText !== null && (after === null || after.sort !== sortText))
    throw wrong('cursor-unreadable', 'The cursor is not one of this list in this order')
  return { filters: [...filters.values()], q, sort, limit, after, minPosition }
}

const readSearch = (text: string): string | null => {
  if (text.includes('\0')) throw wrong('q-unreadable', 'q cannot hold a NUL')
  return text.trim().slice(0, queryCharsMax).toWellFormed() || null
}

const readSort = (resource: Resource | SmallResource, text: string, analyst: boolean): ListQuery['sort'] => {
  const descending = text.startsWith('-')
  const field = resource.fields.find(
    (candidate) => candidate.name === (descending ? text.slice(1) : text) && isScalar(candidate),
  )
  if (!field) throw wrong('sort-unknown', 'The list cannot be sorted by that; it can by every scalar field')
  if (analyst && field.personal) throw wrong('field-masked', 'This field is masked for analysts and cannot be an order')
  return { field, descending }
}

/** A value of the wrong shape is the caller's mistake, not an empty answer. */
const checkValue = (field: Field, value: string): void => {
  if (/\0/.test(value)) throw wrong('filter-unreadable', 'A filter cannot hold a NUL')
  const fits: Readonly<Record<Field['type'], boolean>> = {
    text: true,
    texts: true,
    json: false,
    number: /^-?\d{1,15}$/.test(value),
    numbers: /^-?\d{1,15}$/.test(value),
    boolean: value === 'true' || value === 'false',
    time: parseInstant(value) !== null,
    uuid: true,
  }
  if (!fits[field.type])
    throw wrong(
      'filter-unreadable',
      `The filter ${field.name} should be a ${field.type === 'time' ? 'moment in ISO 8601 with its zone' : field.type}`,
    )
}
