import { LRUCache } from 'lru-cache'
import type { Answer, Delivery, IntakeContext, IntakeTarget } from '../connectors/connector.ts'
import type { Sql } from '../db/connect.ts'
import { conflictAlertMs } from '../domain/conflict.ts'
import { conflictStream } from '../domain/ids.ts'
import type { CommandHandler, Handled } from '../engine/handle.ts'
import { type Instant, plusMs } from '../kernel/time.ts'
import { isLogAway, type Lane } from '../log/append.ts'
import type { AppendResult, InboxRow } from '../log/appendRequest.ts'
import { gathering } from '../log/gather.ts'
import { claimHolders } from '../log/log.ts'
import type { AnyWebhookRoute } from './intake.ts'
import { type AuthenticDelivery, inboxRow, type Kept, keptOf, sha256 } from './keptRow.ts'
import { repeatCounter } from './repeatCounter.ts'

/** Deliveries remembered as seen, so that a storm of repeats costs no decision and one counter. */
const seenMax = 50_000
/** How often a delivery looks again for its stream after somebody else took a claim that it wanted. */
const routingsMax = 10
/** Tilda gives up after 5 s, so does an append. */
const appendWithinMs = 4000
/** After the append's own deadline, which says more, and before Tilda's patience ends. */
const answerWithinMs = 4500

/** What taking deliveries in needs. */
export type IngestDeps = {
  readonly sql: Sql
  /** Connections for urgent routes alone. */
  readonly reserved: Sql
  readonly lane: Lane
  readonly handler: CommandHandler
  readonly pepper: (claim: string) => string
  readonly newId: () => string
  readonly now: () => Instant
  readonly onError: (error: unknown, webhookId: string) => void
  readonly onCounted: (source: string, verdict: string) => void
  readonly boundary: (name: string) => void
  /** Calls back after some milliseconds unless what it answers is called first. */
  readonly afterMs: (ms: number, passed: () => void) => () => void
}

type Seen = { readonly webhookId: string; readonly content: string }
/** The answer when the database is away: the sender comes again, and nothing was acknowledged. */
export const databaseAway: Answer = {
  status: 503,
  contentType: 'text/plain; charset=utf-8',
  body: 'try again',
  headers: { 'Retry-After': '5' },
}

const noHolders: ReadonlyMap<string, string> = new Map()

/** Takes authentic deliveries in: each once, with its verdict, and everything that follows in the same commit. */
export const makeIngest = (deps: IngestDeps) => {
  const seen = new LRUCache<string, Seen>({ max: seenMax })
  const underway = new Map<string, Promise<unknown>>()
  const alerted = new Map<string, Instant>()
  const counters = {
    usual: repeatCounter({ sql: deps.sql, now: deps.now }),
    urgent: repeatCounter({ sql: deps.reserved, now: deps.now }),
  }
  const countRepeat = (route: AnyWebhookRoute, webhookId: string): Promise<void> =>
    (route.urgent ? counters.urgent : counters.usual)(webhookId)
  const holdersOf = gathering((keys) => claimHolders(deps.sql, keys))

  /** Keeps one authentic delivery and answers in the sender's words. */
  const ingest = async (route: AnyWebhookRoute, delivery: AuthenticDelivery): Promise<Answer> => {
    const reading = route.read(delivery)
    if (reading.tag === 'ping') return reading.answer
    const { inquire, decideAtOnce } = route
    if (inquire && (reading.tag === 'query' || reading.tag === 'facts')) {
      const { facts } = reading
      const known = await inquired(route, async () => inquire(facts, delivery))
      if (known) return known
    }
    if (reading.tag === 'query') return databaseAway
    const kept = keptOf(route, delivery, reading)
    const key = kept.dedupeKey
    if (decideAtOnce && kept.verdict === 'accepted') {
      const atOnce = await decideAtOnce(kept.facts, delivery)
      if (atOnce) {
        // The answer grants nothing, so it does not wait for the row; what the row says of it is for people.
        keep(route, delivery, kept).catch((error: unknown) => deps.onError(error, key))
        return atOnce
      }
    }
    const away = route.answersWithinMs === null ? databaseAway : kept.answer
    const work = take(route, delivery, kept)
    const answer = await inTime(deps, work, route.answersWithinMs ?? answerWithinMs)
    // What comes of it later is found by the sender's next try; only a fault is news.
    if (answer === 'late') work.catch((error: unknown) => deps.onError(error, key))
    return answer === 'late' || answer === 'away' ? away : answer
  }

  const take = async (route: AnyWebhookRoute, delivery: AuthenticDelivery, kept: Kept): Promise<Answer | 'away'> => {
    const key = kept.dedupeKey
    try {
      // The same key at the same moment: the second one waits for the first, and is a repeat of it. Repeats of a kept one wait for nobody.
      for (let before = underway.get(key); before && !seen.has(key); before = underway.get(key))
        await before.catch(() => {})
      const work = keep(route, delivery, kept)
      if (!seen.has(key)) underway.set(key, work)
      try {
        await work
      } finally {
        if (underway.get(key) === work) underway.delete(key)
      }
      return route.answerAfter && kept.verdict === 'accepted'
        ? await route.answerAfter(kept.facts, delivery)
        : kept.answer
    } catch (error) {
      if (isLogAway(error)) return 'away'
      throw error
    }
  }

  const inquired = async (route: AnyWebhookRoute, ask: () => Promise<Answer | null>): Promise<Answer | null> => {
    try {
      const answer = await inTime(deps, ask(), answerWithinMs)
      return answer === 'late' ? databaseAway : answer
    } catch (error) {
      deps.onError(error, route.route)
      return databaseAway
    }
  }

  const keep = async (route: AnyWebhookRoute, delivery: AuthenticDelivery, kept: Kept): Promise<void> => {
    const content = sha256(kept.canonical)
    const known = seen.get(kept.dedupeKey)
    if (known) return repeat(route, delivery, { kept, content, first: known })
    const row = inboxRow(route, delivery, { kept, content, webhookId: deps.newId() })
    const result = await append(route, kept, row)
    if (result.tag !== 'duplicate') {
      seen.set(kept.dedupeKey, { webhookId: row.webhookId, content })
      deps.onCounted(route.source, row.verdict)
      return
    }
    const first = { webhookId: result.webhookId, content: result.same ? content : '' }
    if (result.same) seen.set(kept.dedupeKey, first)
    await repeat(route, delivery, { kept, content, first })
  }

  /** Something under this key was kept before: equal content is counted, different content is an item of its own. */
  const repeat = async (
    route: AnyWebhookRoute,
    delivery: AuthenticDelivery,
    at: { kept: Kept; content: string; first: Seen },
  ): Promise<void> => {
    if (at.first.content === at.content) {
      deps.onCounted(route.source, 'duplicate')
      await countRepeat(route, at.first.webhookId)
      return
    }
    const ownKey = `${at.kept.dedupeKey}\n${at.content}`
    const reread = route.whenContentDiffers === 'reread' && at.kept.verdict === 'accepted'
    const kept: Kept = {
      ...at.kept,
      verdict: reread ? 'duplicate' : 'conflict',
      reason: reread ? 'content-differs' : 'content-conflicts',
    }
    const row = {
      ...inboxRow(route, delivery, { kept, content: at.content, webhookId: deps.newId() }),
      keyHash: sha256(ownKey),
      repeatOf: at.first.webhookId,
    }
    const result = reread ? await append(route, kept, row) : await appendConflict(route, row, at.first.webhookId)
    if (result.tag === 'duplicate') await countRepeat(route, result.webhookId)
    deps.onCounted(route.source, kept.verdict)
  }

  /** A conflict is kept, and the operator hears of it; the stream is asked only when its answer may be new. */
  const appendConflict = (
    route: AnyWebhookRoute,
    row: InboxRow,
    firstWebhookId: string,
  ): Promise<Handled | AppendResult> => {
    const { source, urgent } = route
    const at = deps.now()
    const alertedAt = alerted.get(source)
    if (alertedAt !== undefined && plusMs(alertedAt, conflictAlertMs) > at) return appendRow(route, row)
    alerted.set(source, at)
    return deps.handler.handle({
      stream: conflictStream(source),
      command: { type: 'ReportConflict', data: { at, source, webhookId: row.webhookId, firstWebhookId } },
      cause: { kind: 'webhook', id: row.webhookId },
      inbox: row,
      withinMs: appendWithinMs,
      urgent,
    })
  }

  /** Appends the row with whatever its meaning becomes; a decision that throws keeps the row alone, in quarantine. */
  const append = async (route: AnyWebhookRoute, kept: Kept, row: InboxRow): Promise<Handled | AppendResult> => {
    const poor = kept.verdict === 'quarantined' && kept.facts !== null
    if (kept.verdict !== 'accepted' && kept.verdict !== 'duplicate' && !poor) return appendRow(route, row)
    try {
      return await decide(route, kept, row)
    } catch (error) {
      if (isLogAway(error)) throw error
      deps.onError(error, row.webhookId)
      return appendRow(route, { ...row, verdict: 'quarantined', reason: 'decision-failed' })
    }
  }

  const decide = async (route: AnyWebhookRoute, kept: Kept, row: InboxRow): Promise<Handled | AppendResult> => {
    for (let routing = 0; routing < routingsMax; routing++) {
      const claims = route.claims(kept.facts)
      const target = route.intake(kept.facts, claims.length === 0 ? contextOf(noHolders) : await context(claims))
      if (target.tag !== 'command')
        return appendRow(route, {
          ...row,
          verdict: target.tag === 'poor' ? 'quarantined' : 'ignored',
          reason: target.reason,
        })
      deps.boundary('ingest:before-append')
      const result = await deps.handler.handle({
        ...target,
        cause: { kind: 'webhook', id: row.webhookId },
        inbox: row,
        withinMs: appendWithinMs,
        urgent: route.urgent,
      })
      deps.boundary('ingest:after-append')
      if (result.tag !== 'claimed') return result
    }
    throw new Error(`Cannot place the delivery: its claims changed hands ${routingsMax} times`)
  }

  const contextOf = (holders: ReadonlyMap<string, string>): IntakeContext => ({
    at: deps.now(),
    newId: deps.newId,
    holders,
  })

  const context = async (claims: readonly string[]): Promise<IntakeContext> => {
    const keys = claims.map(deps.pepper)
    const found = await holdersOf(keys)
    const holders = new Map<string, string>()
    claims.forEach((claim, index) => {
      const holder = found.get(keys[index] ?? '')
      if (holder !== undefined) holders.set(claim, holder)
    })
    return contextOf(holders)
  }

  const appendRow = ({ urgent }: AnyWebhookRoute, row: InboxRow): Promise<AppendResult> =>
    deps.lane.append({ stream: 'inbox', expectedVersion: null, events: [], inbox: row, urgent }, appendWithinMs)

  /** Runs a kept delivery through the present code again; the events name it as their cause. */
  const replay = async (
    route: AnyWebhookRoute,
    delivery: Delivery,
    webhookId: string,
  ): Promise<{ verdict: InboxRow['verdict']; reason: string | null; position: number | null }> => {
    const reading = route.read(delivery)
    if (reading.tag !== 'facts')
      return {
        verdict: reading.tag === 'ignored' ? 'ignored' : 'quarantined',
        reason: 'reason' in reading ? reading.reason : reading.tag,
        position: null,
      }
    for (let routing = 0; routing < routingsMax; routing++) {
      const target: IntakeTarget = route.intake(reading.facts, await context(route.claims(reading.facts)))
      if (target.tag !== 'command')
        return { verdict: target.tag === 'poor' ? 'quarantined' : 'ignored', reason: target.reason, position: null }
      const result = await deps.handler.handle({ ...target, cause: { kind: 'webhook', id: webhookId } })
      if (result.tag === 'accepted') return { verdict: 'accepted', reason: null, position: result.position }
      if (result.tag === 'refused') return { verdict: 'accepted', reason: result.code, position: null }
    }
    return { verdict: 'quarantined', reason: 'claims-unsettled', position: null }
  }

  return { ingest, replay }
}

/** Waits no longer than a sender does: a database that is frozen neither answers nor fails. */
const inTime = <Value>(
  { afterMs }: Pick<IngestDeps, 'afterMs'>,
  work: Promise<Value>,
  withinMs: number,
): Promise<Value | 'late'> =>
  new Promise((resolve, reject) => {
    const cancel = afterMs(withinMs, () => resolve('late'))
    work.then(
      (value) => {
        cancel()
        resolve(value)
      },
      (error: unknown) => {
        cancel()
        reject(error)
      },
    )
  })
