import { createHash } from 'node:crypto'
import { v7 as uuidV7 } from 'uuid'
import { migrate } from '../../src/db/migrate.ts'
import { instant } from '../../src/kernel/time.ts'
import type { Lane } from '../../src/log/append.ts'
import type { AppendRequest } from '../../src/log/appendRequest.ts'
import type { Context } from '../context.ts'
import type { Measured } from '../figure.ts'
import { emptyLog, eventData, oneEvent, openBenchLane, openPool, versionedWriters } from '../hub.ts'
import { interleave, perSecond } from '../interleave.ts'
import { openPlain, plainInserts } from '../peers/plain.ts'

const writers = 64

/** The append of a webhook: its bytes, its dedupe key, a claim and an event in one, beside the append of the event alone and the limit. */
export const inbox = async (context: Context): Promise<Measured> => {
  const { windowMs, warmUpMs, rounds } = context.options
  const url = await context.createDatabase('inbox')
  await migrate(url)
  const admin = openPool(url, 1)
  const lane = openBenchLane(url)
  const plain = openPlain(url, 1)
  const before = (): Promise<void> => emptyLog(admin)
  let streams = 0
  try {
    const figures = await interleave(
      [
        {
          name: 'inbox.hub64',
          title: `hub append with inbox row and claim, ${writers} writers`,
          unit: 'events/s',
          note: 'each with a body of about 600 bytes, its dedupe key, one claim and one event on a new stream',
          before,
          run: (window) => perSecond({ writers, windowMs: window }, deliveries(lane)),
        },
        {
          name: 'inbox.event64',
          title: `hub append of the event alone, ${writers} writers`,
          unit: 'events/s',
          note: 'one event a call',
          before,
          run: (window) => perSecond({ writers, windowMs: window }, versionedWriters(lane, `i${++streams}`)),
        },
        {
          name: 'inbox.limit',
          title: 'plain INSERT of events in batches of 64 (the limit)',
          unit: 'events/s',
          note: '64 rows a statement through postgres.js, one connection, no checks, no lock',
          before,
          run: (window) => {
            const insert = plainInserts(plain)
            return perSecond({ writers: 1, windowMs: window }, (writer) => insert(writer, 64))
          },
        },
      ],
      { rounds, windowMs, warmUpMs },
    )
    return {
      figures,
      comparisons: [
        { figure: 'inbox.hub64', to: 'inbox.limit', atLeast: 0.4 },
        { figure: 'inbox.hub64', to: 'inbox.event64' },
      ],
    }
  } finally {
    await lane.close()
    await Promise.all([plain.end(), admin.end()])
  }
}

const deliveries =
  (lane: Lane) =>
  async (writer: number): Promise<number> => {
    const result = await lane.append(delivery(uuidV7(), writer))
    if (result.tag !== 'appended') throw new Error(`Cannot bench: an append was answered ${result.tag}`)
    return 1
  }

const sha256 = (value: string | Uint8Array): string => createHash('sha256').update(value).digest('hex')

const delivery = (id: string, writer: number): AppendRequest => {
  const body = Buffer.from(new URLSearchParams({ ...formOf(writer), tranid: id }).toString())
  return {
    ...oneEvent(`lead-${id}`, writer, 0),
    claims: { take: [`claim:${id}`], release: [] },
    inbox: {
      webhookId: uuidV7(),
      source: 'tilda',
      route: 'tilda',
      dedupeKey: `tilda:${id}`,
      keyHash: sha256(`tilda:${id}`),
      contentHash: sha256(body),
      verdict: 'accepted',
      reason: null,
      receivedAt: instant(Date.now()),
      peer: '127.0.0.1',
      secretName: 'TILDA_WEBHOOK_KEY',
      method: 'POST',
      path: '/webhooks/tilda',
      query: '',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': 'bench' },
      body,
      sha256: sha256(body),
      subject: null,
      repeatOf: null,
    },
  }
}

const formOf = (writer: number): Record<string, string> => ({
  Name: 'Иванова Мария',
  Phone: '+7 912 345-67-89',
  Email: `visitor${writer}@example.ru`,
  Comment: String(eventData(writer).comment),
  formid: 'form1',
})
