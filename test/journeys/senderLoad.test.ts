import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { connect } from '../../src/db/connect.ts'
import { openLane } from '../../src/log/append.ts'
import { listWhen } from '../support/chats.ts'
import { createDatabase } from '../support/database.ts'
import { form, partnerWhen, submitForm } from '../support/road.ts'
import { send, senders, sendersEnv, tildaWire, umnicoWire, type Wire } from '../support/senders.ts'
import { type Json, type RunningService, startService, until, withService } from '../support/service.ts'
import { chatMessage } from '../support/umnicoBodies.ts'

/** Every delivery that is kept, by its source and digest. */
const keptOf = async (service: RunningService): Promise<ReadonlySet<string>> => {
  const kept = new Set<string>()
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body }: Json = await service.get(`/api/v1/webhooks?limit=500${cursor && `&cursor=${cursor}`}`)
    for (const item of body.items) kept.add(`${item.source} ${item.sha256}`)
    cursor = body.nextCursor
  }
  return kept
}

const digestOf = ({ path, body }: Wire): string =>
  `${path.split('/')[0]} ${createHash('sha256').update(body).digest('hex')}`

/** Sends from several hands at once; each takes the next as soon as it is answered. */
const fromHands = async (count: number, hands: number, deliver: (number: number) => Promise<void>): Promise<void> => {
  let next = 0
  await Promise.all(
    Array.from({ length: hands }, async () => {
      while (next < count) {
        next += 1
        await deliver(next)
      }
    }),
  )
}

describe('a burst', () => {
  it('of every sender beyond the rate is taken or told to come again, and what was acknowledged is in the inbox (W12)', async () => {
    await withService({ ...sendersEnv, HUB_SOURCE_RATE_MAX: '100' }, async (service) => {
      const acknowledged = new Set<string>()
      const refused: Wire[] = []
      await fromHands(3000, 64, async (number) => {
        const wire = senders[number % senders.length]?.valid(number)
        if (!wire) return
        const { status, headers } = await send(service, wire)
        if (status === 200) acknowledged.add(digestOf(wire))
        else {
          assert.ok(status === 429 || status === 503, `${status} is the answer to ${wire.path}`)
          assert.ok(Number(headers.get('retry-after')) > 0, 'with a time to come again')
          refused.push(wire)
        }
      })
      assert.ok(refused.length > 0, 'the burst was beyond the rate')
      assert.ok(acknowledged.size > 200, `${acknowledged.size} were taken`)
      const kept = await keptOf(service)
      for (const digest of acknowledged) assert.ok(kept.has(digest), `${digest} was acknowledged and is not kept`)
      assert.equal(kept.size, acknowledged.size, 'what was refused is not kept')
      const [again] = refused
      assert.ok(again)
      await until(async () => (await send(service, again)).status === 200, 'the refused one to be taken later')
    })
  })

  it('of thousands at once loses nothing that was acknowledged (W12)', async () => {
    await withService({ ...sendersEnv, HUB_ROLES: 'http,projections' }, async (service) => {
      const acknowledged = new Set<string>()
      await fromHands(4000, 128, async (number) => {
        const wire =
          number % 5 === 0 ? senders[number % senders.length]?.valid(number) : umnicoWire(chatMessage(number))
        if (!wire) return
        const { status, headers } = await send(service, wire)
        if (status === 200) acknowledged.add(digestOf(wire))
        else assert.ok(status === 503 && headers.has('retry-after'), `${status} is the answer to ${wire.path}`)
      })
      const kept = await keptOf(service)
      for (const digest of acknowledged) assert.ok(kept.has(digest), `${digest} was acknowledged and is not kept`)
      assert.ok(acknowledged.size > 2000)
    })
  })
})

describe('a backlog', () => {
  it('that piled up while nothing worked at it drains, and new deliveries are taken and shown meanwhile (W13)', async () => {
    const database = await createDatabase({ migrated: false })
    const door = await startService({ databaseUrl: database.url, env: { ...sendersEnv, HUB_ROLES: 'http' } })
    try {
      const backlog = 2500
      await fromHands(backlog, 64, async (number) => {
        assert.equal((await send(door, umnicoWire(chatMessage(number, { dialogs: 300 })))).status, 200)
      })
      assert.deepEqual((await door.get('/api/v1/messages?limit=1')).body.items, [], 'nothing works at it yet')
      const worker = await startService({
        databaseUrl: database.url,
        env: { ...sendersEnv, HUB_ROLES: 'projections,reactors,timers' },
      }).catch((error: unknown) => error as Error)
      assert.ok(!(worker instanceof Error), String(worker))
      try {
        let live = 0
        const isDrained = async (): Promise<boolean> => {
          live += 1
          const wire = tildaWire(`Name=x&Phone=%2B7912${String(live).padStart(7, '0')}&tranid=5:${live}`)
          assert.equal((await send(door, wire)).status, 200, 'a new delivery is taken while the backlog drains')
          const leads = await door.get('/api/v1/leads?source=umnico&limit=500')
          return leads.body.items.length === 300
        }
        await until(isDrained, 'every dialog of the backlog to have its lead', 50_000)
        const last = await door.get(`/api/v1/messages?messageId=umnico:147517:storm-${backlog}`)
        assert.equal(last.body.items.length, 1)
        await listWhen(door, `leads?source=tilda&limit=500`, (items) => items.length === live)
      } finally {
        await worker.stop()
      }
    } finally {
      await door.stop()
      await database.drop()
    }
  })
})

describe('a poisonous event', () => {
  it('is set aside by read models and rules with its error, and every other partner goes on (W8)', async () => {
    await withService({}, async (service, database) => {
      const options = { connectionsMax: 1, applicationName: 'test', prepare: true, statementTimeoutMs: 0 }
      const lane = openLane({ open: () => connect(database.url, options), nowMs: () => performance.now() })
      const poisoned = `par_${'0'.repeat(28)}7777`
      const appended = await lane.append({
        stream: `partner-${poisoned}`,
        expectedVersion: 0,
        events: [
          {
            eventId: randomUUID(),
            subject: poisoned,
            type: 'PartnerApplied',
            // A future version's event, without the fields that this one knows.
            data: { partnerId: poisoned, at: '2026-11-24T09:00:00.000Z', application: { version: 9 } },
            meta: { command: 'ApplyAsPartner', cause: { kind: 'webhook', id: randomUUID() } },
          },
        ],
      })
      await lane.close()
      assert.equal(appended.tag, 'appended')
      await submitForm(service, form())
      await partnerWhen(service, '7700000009', (row) => row.status === 'verified', 'verified')
      const { items: models } = (await service.get('/api/v1/projections')).body
      const partners = models.find((model: Json) => model.name === 'partners')
      assert.deepEqual([partners.status, partners.parked], ['broken', 1])
      const failed = await listWhen(service, 'effects?kind=rules.react', (items) => items.length > 0)
      assert.ok(failed.every((effect) => effect.destination === 'rules'))
      await until(
        async () =>
          (await service.get('/api/v1/effects?kind=rules.react')).body.items.some((effect: Json) =>
            JSON.stringify(effect).includes('reaction-failed'),
          ),
        'the failure to be told',
      )
      assert.equal((await service.get(`/api/v1/partners/${poisoned}`)).status, 404)
    })
  })
})
