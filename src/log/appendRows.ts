import type { AppendRequest, InboxRow, NewEvent, Settlement } from './appendRequest.ts'

/**
 * How a column of a batch travels. A list is an array literal of PostgreSQL; its elements are quoted where they may hold anything. A split
 * column is JSON or bytes as text, which never holds the separator, and is much cheaper to take apart.
 */
type Travels = 'list' | 'split'
const separator = '\u001f'

const eventColumns: readonly Travels[] = ['list', 'list', 'list', 'split', 'split']
const inboxColumns: readonly Travels[] = [
  ...['list', 'split', 'split', 'list', 'list', 'list', 'list', 'list', 'list', 'list', 'list'],
  ...['list', 'list', 'list', 'split', 'split', 'split', 'list', 'list', 'list'],
] as readonly Travels[]
const claimColumns: readonly Travels[] = ['list', 'list']
const keyColumns: readonly Travels[] = ['list', 'split']
const settleColumns: readonly Travels[] = ['list', 'list', 'list', 'split', 'list', 'list', 'split', 'list', 'list']

/** The elements of a row, each written as its column travels. */
type Row = readonly string[]

/** An append whose rows were written before it is its turn; only the index inside the batch is still missing. */
export type PreparedAppend = {
  readonly stream: string
  readonly expectedVersion: number | null
  readonly events: readonly Row[]
  readonly inbox: readonly Row[]
  readonly claims: readonly Row[]
  readonly keys: readonly Row[]
  readonly settle: readonly Row[]
  /** What the statement for one event alone needs after the connection; null for every other append. */
  readonly alone: readonly (string | number)[] | null
  readonly eventCount: number
  readonly firstEventId: string | null
  readonly webhookId: string | null
  readonly settles: boolean
  readonly bytes: number
  /** What two members of one batch may not share. */
  readonly touches: readonly string[]
}

/** An element of a list that may hold anything. */
const quoted = (text: string | null): string =>
  text === null ? 'NULL' : `"${/["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`

/** An element of a list that holds neither a comma nor a quote: a number, an identifier, a moment. */
const bare = (value: string | number | null): string => (value === null ? 'NULL' : String(value))

/** An element of a split column; nothing at all is null. */
const json = (value: unknown): string => (value === null || value === undefined ? '' : JSON.stringify(value))

/** A digest that is in hex already. */
const digest = (hex: string | null): string => (hex === null ? '' : `\\x${hex}`)

/** Text that PostgreSQL reads as the bytes of its characters, which is half as long as their hex: ASCII without the backslash. */
const plainText = /^[\x20-\x5b\x5d-\x7e]+$/

/** Bytes as PostgreSQL reads them: most bodies are urlencoded forms and go as they are, all others in hex. */
const bytes = (value: Uint8Array): string => {
  const buffer = Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  const text = buffer.toString('latin1')
  return plainText.test(text) ? text : `\\x${buffer.toString('hex')}`
}

/** Writes the rows of an append, outside the lock. */
export const prepareAppend = (request: AppendRequest): PreparedAppend => {
  const { stream, inbox, settle, events } = request
  const eventCount = events.length
  const prepared = {
    stream: quoted(stream),
    expectedVersion: request.expectedVersion,
    events: events.map(eventRow),
    inbox: inbox ? [inboxRow(inbox, eventCount)] : [],
    claims: [
      ...(request.claims?.take ?? []).map((key) => [quoted(key), 't']),
      ...(request.claims?.release ?? []).map((key) => [quoted(key), 'f']),
    ],
    keys: (request.keys ?? []).map((fresh) => [quoted(fresh.subject), bytes(fresh.wrapped)]),
    settle: settle ? [settleRow(settle, eventCount)] : [],
  }
  return {
    ...prepared,
    alone: hasMore(prepared) ? null : aloneOf(request, prepared.events),
    eventCount,
    firstEventId: events[0]?.eventId ?? null,
    webhookId: inbox?.webhookId ?? null,
    settles: settle !== undefined,
    bytes: bytesOf(prepared.events) + bytesOf(prepared.inbox) + stream.length,
    touches: touchesOf(request),
  }
}

const aloneOf = (
  { stream, expectedVersion, events }: AppendRequest,
  [row, second]: readonly Row[],
): PreparedAppend['alone'] => {
  const [event] = events
  if (!event || !row || second || expectedVersion === null) return null
  const [, , , data = '', meta = ''] = row
  return [stream, expectedVersion, event.eventId, event.subject, event.type, data, meta]
}

const bytesOf = (rows: readonly Row[]): number =>
  rows.reduce((sum, row) => row.reduce((more, element) => more + element.length, sum), 0)

const touchesOf = (request: AppendRequest): string[] => {
  const touches = request.events.length > 0 || request.expectedVersion !== null ? [`s:${request.stream}`] : []
  if (request.inbox?.keyHash) touches.push(`k:${request.inbox.keyHash}`)
  if (request.settle) touches.push(`e:${request.settle.effectId}`)
  for (const claim of request.claims?.take ?? []) touches.push(`c:${claim}`)
  for (const claim of request.claims?.release ?? []) touches.push(`c:${claim}`)
  for (const fresh of request.keys ?? []) touches.push(`p:${fresh.subject}`)
  return touches
}

const eventRow = (event: NewEvent): Row => [
  bare(event.eventId),
  quoted(event.subject),
  quoted(event.type),
  JSON.stringify(event.data),
  JSON.stringify(event.meta),
]

const inboxRow = (row: InboxRow, eventCount: number): Row => [
  bare(row.webhookId),
  digest(row.keyHash),
  digest(row.contentHash),
  quoted(row.source),
  quoted(row.route),
  quoted(row.dedupeKey),
  bare(row.verdict),
  quoted(row.reason),
  bare(row.receivedAt),
  quoted(row.peer),
  quoted(row.secretName),
  quoted(row.method),
  quoted(row.path),
  quoted(row.query),
  JSON.stringify(row.headers),
  bytes(row.body),
  digest(row.sha256),
  quoted(row.subject),
  bare(eventCount),
  bare(row.repeatOf),
]

const settleRow = (settle: Settlement, eventCount: number): Row => [
  bare(settle.effectId),
  bare(settle.attempt),
  bare(settle.status),
  json(settle.outcome),
  quoted(settle.error),
  bare(settle.dueAt),
  JSON.stringify(settle.history),
  bare(eventCount),
  bare(settle.firstAttemptAt),
]

/** A batch as its statement wants it. */
export type RenderedBatch = {
  /** Whether there is more than events: the other statement has all the columns. */
  readonly onlyEvents: boolean
  /** Of the statement, without the connection, which is the first. */
  readonly parameters: readonly (string | null)[]
  /** Events of the members before each. */
  readonly offsets: readonly number[]
}

/** Puts the rows of a batch together, an array a column; columns of which no member has a row are null. */
export const renderBatch = (batch: readonly PreparedAppend[]): RenderedBatch => {
  const offsets: number[] = []
  let before = 0
  for (const { eventCount } of batch) {
    offsets.push(before)
    before += eventCount
  }
  const parameters = [
    list(batch.map((member) => member.stream)),
    list(batch.map((member) => bare(member.expectedVersion))),
    list(offsets),
    ...columnsOf(batch, 'events', eventColumns),
  ]
  // Events are always there, if only as empty arrays.
  for (let index = 3; index < parameters.length; index++)
    parameters[index] ??= eventColumns[index - 4] === 'split' ? '' : '{}'
  const more = batch.some(hasMore)
  if (more)
    parameters.push(
      ...columnsOf(batch, 'inbox', inboxColumns),
      ...columnsOf(batch, 'claims', claimColumns),
      ...columnsOf(batch, 'keys', keyColumns),
      ...columnsOf(batch, 'settle', settleColumns),
    )
  return { onlyEvents: !more, parameters, offsets }
}

type More = Pick<PreparedAppend, 'inbox' | 'claims' | 'keys' | 'settle'>

const hasMore = ({ inbox, claims, keys, settle }: More): boolean =>
  inbox.length > 0 || claims.length > 0 || keys.length > 0 || settle.length > 0

/** An array literal of elements that need no quotes, or have them. */
export const list = (elements: readonly (string | number)[]): string => `{${elements.join(',')}}`

/** The rows of one kind by column, after the numbers of the members that they belong to. */
const columnsOf = (
  batch: readonly PreparedAppend[],
  kind: 'events' | 'inbox' | 'claims' | 'keys' | 'settle',
  columns: readonly Travels[],
): (string | null)[] => {
  const members: number[] = []
  const rows: Row[] = []
  batch.forEach((member, index) => {
    for (const row of member[kind]) {
      members.push(index + 1)
      rows.push(row)
    }
  })
  if (rows.length === 0) return [null, ...columns.map(() => null)]
  return [
    list(members),
    ...columns.map((travels, column) => {
      const elements = rows.map((row) => row[column] ?? '')
      return travels === 'list' ? list(elements) : elements.join(separator)
    }),
  ]
}
