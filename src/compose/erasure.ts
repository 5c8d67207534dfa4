import { createHmac } from 'node:crypto'
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import { type PartnerId, partnerStream, readPartnerId, subscriptionIdOf, subscriptionStream } from '../domain/ids.ts'
import { suppressionClaims } from '../domain/partner.ts'
import type { Perform } from '../engine/destination.ts'
import { done } from '../kernel/decision.ts'
import type { Instant } from '../kernel/time.ts'
import { readSubject } from '../log/log.ts'
import type { Core } from './core.ts'

const named = statements(sqlText('privacy.sql'))

/** The file of erasures: outside the database, so that a restored backup can be told whom to forget again. */
export const erasuresFile = (dataDir: string): string => join(dataDir, 'erasures.ndjson')

/** One line of the file: who, when, and a signature that only this service can make. */
export const erasureLine = (key: Buffer, subject: string, at: Instant): string => {
  const content = JSON.stringify({ subject, at })
  return `${JSON.stringify({ subject, at, signature: createHmac('sha256', key).update(`erasure:${content}`).digest('base64url') })}\n`
}

/**
 * Forgets a person whose erasure is a fact in the log: destroys the key that opens their sealed fields, and cleans what was kept in clear.
 * Every step may be repeated, so an interrupted one is simply done again.
 */
export const makeForget =
  (core: Core, dataDir: string): Perform =>
  async (payload, { now }) => {
    const partnerId = readPartnerId(String(payload.partnerId ?? ''))
    if (!partnerId) return { tag: 'refused', code: 'payload-not-valid', detail: 'There is no partner of this id' }
    mkdirSync(dataDir, { recursive: true })
    appendFileSync(erasuresFile(dataDir), erasureLine(core.master.links, partnerId, now), { mode: 0o600 })
    await suppress(core, partnerId)
    await core.keys.destroy(partnerId)
    await core.sql.unsafe(statement(named, 'forget_deliveries'), [partnerId])
    await core.sql.unsafe(statement(named, 'forget_effects'), [partnerId])
    for (const stream of [partnerStream(partnerId), subscriptionStream(subscriptionIdOf(partnerId))])
      core.handler.forget(stream)
    await core.sql`select pg_notify('hub_forgotten', ${partnerId})`
    return done(null)
  }

/** Digests of the addresses and phones that the person gave, while they can still be read: whoever was erased is not written to again. */
const suppress = async (core: Core, partnerId: PartnerId): Promise<void> => {
  const events = await readSubject(core.sql, partnerId, Number.MAX_SAFE_INTEGER)
  await core.codec.prefetch(events)
  const own = events.filter(({ type }) => contactEvents.includes(type)).map((event) => core.codec.open(event))
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
  const words = own.flatMap(({ email, phone }) => suppressionClaims({ email: text(email), phone: text(phone) }))
  const keys = [...new Set(words)].map(core.pepper)
  if (keys.length > 0) await core.sql.unsafe(statement(named, 'suppress'), [keys])
}

/** Events whose contacts are the partner's own; a repeated application may be somebody else's. */
const contactEvents: readonly string[] = ['PartnerApplied', 'PartnerDetailsProvided', 'PartnerProfileChanged']
