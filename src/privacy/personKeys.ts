import { LRUCache } from 'lru-cache'
import type { Sql } from '../db/connect.ts'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import { type MasterKeys, newPersonKey, open, type PersonKey, seal, unwrapKey, wrapKey } from './seal.ts'

/** The unwrapped key of a person, or `'forgotten'` when it was destroyed. Absence is never cached: another process may make the key. */
type Held = PersonKey | 'forgotten'

/** Keys kept unwrapped in memory: 32 bytes each and a little more, so about 10 MB. */
const keysCachedMax = 50_000

const named = statements(sqlText('privacy.sql'))

/** The field of an event's data, or of an effect's payload, that holds the sealed personal part. */
export const sealedField = 'sealed'

/** A person's key that is not stored yet; the append that uses it stores it. */
export type FreshKey = { readonly subject: string; readonly wrapped: Buffer }

/** Seals and opens personal fields under the keys of persons. */
export type PersonKeys = ReturnType<typeof personKeys>

type Data = Readonly<Record<string, unknown>>

/** Opens the store of person keys over a pool. */
export const personKeys = (sql: Sql, master: MasterKeys) => {
  const cache = new LRUCache<string, Held>({ max: keysCachedMax })

  const remember = (subject: string, wrapped: Buffer | null): void => {
    cache.set(subject, wrapped ? unwrapKey(master, wrapped, subject) : 'forgotten')
  }

  /** Brings the keys of these persons into memory with one query; afterwards `openData` works without waiting. */
  const prefetch = async (subjects: Iterable<string>): Promise<void> => {
    const missing = [...new Set(subjects)].filter((subject) => !cache.has(subject))
    if (missing.length === 0) return
    const rows = await sql.unsafe<{ subject: string; wrapped: Buffer | null }[]>(
      statement(named, 'person_keys'),
      [missing],
      { prepare: true },
    )
    for (const row of rows) remember(row.subject, row.wrapped && Buffer.from(row.wrapped))
  }

  /** Splits personal fields off and seals them; makes a key for a person who has none. Keys must be prefetched. */
  const sealData = (
    data: Data,
    at: { subject: string; aad: string; personal: readonly string[] },
  ): { data: Data; fresh: FreshKey | null } => {
    const present = at.personal.filter((field) => data[field] !== undefined && data[field] !== null)
    if (present.length === 0) return { data, fresh: null }
    const held = cache.get(at.subject)
    // What is said about a forgotten person is not kept: there is no key that could ever open it.
    if (held === 'forgotten') return { data: without(data, present), fresh: null }
    const key = held ?? newPersonKey()
    const personal = Object.fromEntries(present.map((field) => [field, data[field]]))
    const sealed = { ...without(data, present), [sealedField]: seal(key, personal, at.aad) }
    if (key === held) return { data: sealed, fresh: null }
    cache.set(at.subject, key)
    return { data: sealed, fresh: { subject: at.subject, wrapped: wrapKey(master, key, at.subject) } }
  }

  /** Gives data back with its personal fields in clear; they are absent when the person was forgotten. Keys must be prefetched. */
  const openData = (data: Data, at: { subject: string; aad: string }): Data => {
    const sealed = data[sealedField]
    if (typeof sealed !== 'string') return data
    const rest = without(data, [sealedField])
    const held = cache.get(at.subject)
    if (held === undefined || held === 'forgotten') return rest
    return { ...rest, ...(open(held, sealed, at.aad) as Data) }
  }

  /** Forgets what is in memory about a person, because the stored key changed or was not stored after all. */
  const drop = (subject: string): void => {
    cache.delete(subject)
  }

  /** Destroys the key of a person: everything sealed under it is unreadable from now on. */
  const destroy = async (subject: string): Promise<void> => {
    await sql.unsafe(statement(named, 'destroy_person_key'), [subject])
    cache.set(subject, 'forgotten')
  }

  return { prefetch, sealData, openData, drop, destroy }
}

const without = (data: Data, fields: readonly string[]): Data =>
  Object.fromEntries(Object.entries(data).filter(([field]) => !fields.includes(field)))
