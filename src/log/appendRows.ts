import type { AppendRequest, InboxRow } from './appendRequest.ts'

/** An append whose JSON was written before it is its turn; only the index inside the batch is still missing. */
export type PreparedAppend = {
  readonly append: string
  readonly events: readonly string[]
  readonly inbox: string | null
  readonly claims: readonly string[]
  readonly keys: readonly string[]
  readonly settle: string | null
  readonly eventCount: number
  readonly firstEventId: string | null
  readonly webhookId: string | null
  readonly settles: boolean
  readonly bytes: number
  /** What two members of one batch may not share. */
  readonly touches: readonly string[]
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

/** The rest of a JSON object after its first member, which `renderBatch` writes. */
const tail = (value: Readonly<Record<string, unknown>>): string => JSON.stringify(value).slice(1)

/** Writes the rows of an append as JSON, outside the lock. */
export const prepareAppend = (request: AppendRequest): PreparedAppend => {
  const { stream, inbox, settle } = request
  const key = inbox?.keyHash ? base64(inbox.keyHash) : null
  const append = tail({
    s: stream,
    v: request.expectedVersion,
    n: request.events.length,
    w: inbox?.webhookId ?? null,
    k: key,
    c: inbox ? base64(inbox.contentHash) : null,
  })
  const events = request.events.map((event, index) =>
    tail({ n: index + 1, id: event.eventId, s: stream, b: event.subject, t: event.type, d: event.data, m: event.meta }),
  )
  const claims = [
    ...(request.claims?.take ?? []).map((claim) => tail({ k: claim, s: stream, take: true })),
    ...(request.claims?.release ?? []).map((claim) => tail({ k: claim, s: stream, take: false })),
  ]
  const prepared = {
    append,
    events,
    inbox: inbox ? inboxTail(inbox, request.events.length) : null,
    claims,
    keys: (request.keys ?? []).map((fresh) => tail({ b: fresh.subject, w: base64(fresh.wrapped) })),
    settle: settle
      ? tail({
          e: settle.effectId,
          a: settle.attempt,
          st: settle.status,
          o: settle.outcome ?? null,
          er: settle.error,
          du: settle.dueAt,
          h: [settle.history],
          n: request.events.length,
          f: settle.firstAttemptAt,
        })
      : null,
  }
  return {
    ...prepared,
    eventCount: events.length,
    firstEventId: request.events[0]?.eventId ?? null,
    webhookId: inbox?.webhookId ?? null,
    settles: settle !== undefined,
    bytes: events.reduce((sum, text) => sum + text.length, append.length + (prepared.inbox?.length ?? 0)),
    touches: touchesOf(request, key),
  }
}

const touchesOf = (request: AppendRequest, key: string | null): string[] => {
  const touches = request.events.length > 0 || request.expectedVersion !== null ? [`s:${request.stream}`] : []
  if (key) touches.push(`k:${key}`)
  if (request.settle) touches.push(`e:${request.settle.effectId}`)
  for (const claim of request.claims?.take ?? []) touches.push(`c:${claim}`)
  for (const claim of request.claims?.release ?? []) touches.push(`c:${claim}`)
  for (const fresh of request.keys ?? []) touches.push(`p:${fresh.subject}`)
  return touches
}

const inboxTail = (row: InboxRow, eventCount: number): string =>
  tail({
    w: row.webhookId,
    src: row.source,
    route: row.route,
    key: row.dedupeKey,
    verdict: row.verdict,
    reason: row.reason,
    at: row.receivedAt,
    peer: row.peer,
    secret: row.secretName,
    method: row.method,
    path: row.path,
    query: row.query,
    headers: row.headers,
    body: base64(row.body),
    sha: base64(row.sha256),
    subject: row.subject,
    n: eventCount,
    rep: row.repeatOf,
  })

/** The six parameters of hub.append for one batch; an empty text where no member has such rows. */
export const renderBatch = (batch: readonly PreparedAppend[]): readonly string[] => {
  const rows = {
    appends: [] as string[],
    events: [] as string[],
    inbox: [] as string[],
    claims: [] as string[],
    keys: [] as string[],
    settle: [] as string[],
  }
  batch.forEach((member, index) => {
    const start = `{"i":${index + 1},`
    rows.appends.push(start + member.append)
    for (const text of member.events) rows.events.push(start + text)
    if (member.inbox) rows.inbox.push(start + member.inbox)
    for (const text of member.claims) rows.claims.push(start + text)
    for (const text of member.keys) rows.keys.push(start + text)
    if (member.settle) rows.settle.push(start + member.settle)
  })
  const list = (texts: readonly string[]): string => (texts.length === 0 ? '' : `[${texts.join(',')}]`)
  return [
    list(rows.appends),
    list(rows.events),
    list(rows.inbox),
    list(rows.claims),
    list(rows.keys),
    list(rows.settle),
  ]
}
