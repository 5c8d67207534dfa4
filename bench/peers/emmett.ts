import type { Event } from '@event-driven-io/emmett'
import {
  getPostgreSQLEventStore,
  pongoSingleStreamProjection,
  postgreSQLEventStoreConsumer,
} from '@event-driven-io/emmett-postgresql'
import { eventData } from '../hub.ts'

type Visit = Event<'VisitRecorded', Record<string, unknown>>
type Life = { readonly visits: number; readonly city: string }

/** Opens Emmett's event store with its default pool, its tables made. */
export const openEmmett = async (url: string) => {
  const store = getPostgreSQLEventStore(url)
  await store.schema.migrate()
  return store
}

/** The store that `openEmmett` opens. */
export type EmmettStore = Awaited<ReturnType<typeof openEmmett>>

/** Writers that append one event after the other, each to its own stream with the version that it knows. */
export const emmettWriters = (store: EmmettStore, label: string) => {
  const versions: bigint[] = []
  return async (writer: number): Promise<number> => {
    const expected = versions[writer]
    const result = await store.appendToStream<Visit>(
      `${label}-${writer}`,
      [{ type: 'VisitRecorded', data: { ...eventData(writer) } }],
      { expectedStreamVersion: expected ?? 'STREAM_DOES_NOT_EXIST' },
    )
    versions[writer] = result.nextExpectedStreamVersion
    return 1
  }
}

/** Appends a history of streams with 40 events each; all of them wait for a projector then. */
export const emmettHistory = async (store: EmmettStore, events: number): Promise<void> => {
  const streams = Math.ceil(events / 40)
  for (let start = 0; start < streams; start += 16) {
    const some = Array.from({ length: Math.min(16, streams - start) }, (_, index) => start + index)
    await Promise.all(
      some.map((stream) =>
        store.appendToStream<Visit>(
          `life-${stream}`,
          Array.from({ length: 40 }, () => ({ type: 'VisitRecorded' as const, data: { ...eventData(stream) } })),
        ),
      ),
    )
  }
}

/** Folds all that is in the store into documents, one a stream, by Emmett's own projector, and ends when nothing is left. */
export const emmettProject = async (url: string, name: string): Promise<void> => {
  const consumer = postgreSQLEventStoreConsumer<Visit>({
    connectionString: url,
    stopWhen: { noMessagesLeft: true },
    pulling: { batchSize: 1000 },
  })
  consumer.projector({
    processorId: name,
    projection: pongoSingleStreamProjection<Life, Visit>({
      collectionName: name,
      canHandle: ['VisitRecorded'],
      evolve: (document: Life | null, event: Visit) => ({
        visits: (document?.visits ?? 0) + 1,
        city: String(event.data.city),
      }),
    }),
  })
  try {
    await consumer.start()
  } finally {
    await consumer.close()
  }
}
