import { randomBytes, randomUUID } from 'node:crypto'
import { v7 as uuidV7 } from 'uuid'
import { type Core, openCore } from '../src/compose/core.ts'
import { makeLogger } from '../src/compose/log.ts'
import { connect, type Sql } from '../src/db/connect.ts'
import { migrate } from '../src/db/migrate.ts'
import { type Lane, openLane } from '../src/log/append.ts'
import type { AppendRequest } from '../src/log/appendRequest.ts'

/** A key that wraps the keys of persons, as `HUB_MASTER_KEY` is written. */
export const newMasterKey = (): string => randomBytes(32).toString('base64')

/** Opens a migrated database as the service does; nothing runs by itself. */
export const openHub = async (databaseUrl: string, masterKey: string = newMasterKey()): Promise<Core> => {
  await migrate(databaseUrl)
  return await openCore({
    databaseUrl,
    listenUrl: null,
    masterKeys: [masterKey],
    worker: `bench-${randomUUID()}`,
    newId: uuidV7,
    realNowMs: Date.now,
    log: makeLogger(
      'error',
      (line) => process.stderr.write(line),
      () => new Date().toISOString(),
    ),
    boundary: () => {},
  })
}

/** A pool like the service's own. */
export const openPool = (url: string, connectionsMax: number): Sql =>
  connect(url, { connectionsMax, applicationName: 'bench', prepare: true, statementTimeoutMs: 0 })

/** A lane like the service's own. */
export const openBenchLane = (url: string): Lane =>
  openLane({ open: () => openPool(url, 1), nowMs: () => performance.now() })

/** The data of every event that is appended or inserted: about 300 bytes of JSON, so that a row with its ids has about 500. */
export const eventData = (writer: number): Readonly<Record<string, unknown>> => ({
  at: '2026-11-24T09:00:00.000Z',
  partnerId: `par_${String(writer).padStart(32, '0')}`,
  city: 'Ярославль',
  services: ['Ипотека', 'Оценка', 'Сопровождение сделки'],
  comment:
    'A visitor asked about a flat of two rooms near the river, with a view, and would like to be called after six.',
  utm: { source: 'search', campaign: 'autumn' },
})

const meta = { command: 'RecordVisit', cause: { kind: 'import', id: 'bench' } } as const

/** What the hub and its peers write: one event on a stream of the writer's own. */
export const oneEvent = (stream: string, writer: number, version: number | null): AppendRequest => ({
  stream,
  expectedVersion: version,
  events: [{ eventId: uuidV7(), subject: `par_${writer}`, type: 'VisitRecorded', data: eventData(writer), meta }],
})

/** A row of hub.events as a plain INSERT writes it. */
export const plainRow = (position: number, writer: number) => ({
  position,
  event_id: uuidV7(),
  stream: `plain-${position}`,
  version: 1,
  subject: `par_${writer}`,
  type: 'VisitRecorded',
  data: eventData(writer),
  meta,
  recorded_at: new Date(),
})

/** Empties the log and starts a new checkpoint, so that everybody writes into the same table in the same state. */
export const emptyLog = async (admin: Sql): Promise<void> => {
  await admin`truncate hub.events, hub.inbox, hub.inbox_keys, hub.claims`
  await admin`update hub.head set position = 0`
  await admin`checkpoint`
}

/** Writers that append one event after the other, each to its own stream with the version that it knows. */
export const versionedWriters = (lane: Lane, label: string) => {
  const versions: number[] = []
  return async (writer: number): Promise<number> => {
    const version = versions[writer] ?? 0
    const result = await lane.append(oneEvent(`${label}-${writer}`, writer, version))
    if (result.tag !== 'appended') throw new Error(`Cannot bench: an append was answered ${result.tag}`)
    versions[writer] = result.version
    return 1
  }
}
