import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { connect, type Sql } from '../../src/db/connect.ts'
import { statement, statements } from '../../src/db/query.ts'
import { sqlText } from '../../src/db/sqlText.ts'
import { instant } from '../../src/kernel/time.ts'
import { type Lane, openLane } from '../../src/log/append.ts'
import type { AppendRequest, AppendResult } from '../../src/log/appendRequest.ts'
import { readAfter } from '../../src/log/log.ts'
import { event, inbox, request } from '../support/appends.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { putEffect } from '../support/effects.ts'
import { openLine } from '../support/line.ts'
import { until } from '../support/service.ts'

let database: TestDatabase
let sql: Sql
const lanes: Lane[] = []

const open = (connectionsMax: number): Sql =>
  connect(database.url, { connectionsMax, applicationName: 'test', prepare: true, statementTimeoutMs: 0 })
const newLane = (applicationName = 'lane'): Lane => {
  const lane = openLane({
    open: () => connect(database.url, { connectionsMax: 1, applicationName, prepare: true, statementTimeoutMs: 0 }),
    nowMs: () => performance.now(),
  })
  lanes.push(lane)
  return lane
}

/** Backends of that name that wait for a lock. */
const waitingFor = async (name: string): Promise<number> => {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from pg_stat_activity
     where datname = current_database() and application_name = ${name} and wait_event_type = 'Lock'`
  return row?.count ?? 0
}

/** Backends of the lane that still hold work of a connection which its client gave up. */
const lostBackends = async (): Promise<number> => {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from pg_stat_activity
     where datname = current_database() and application_name = 'doubt' and state <> 'idle'`
  return row?.count ?? 0
}

describe('the log', () => {
  before(async () => {
    database = await createDatabase()
    sql = open(4)
  })
  after(async () => {
    await Promise.all(lanes.map((lane) => lane.close()))
    await sql.end()
    await database.drop()
  })

  describe('append()', () => {
    it('gives an event the next position and version', async () => {
      const lane = newLane()
      const stream = `s-${randomUUID()}`
      const first = await lane.append(request(stream, 0))
      const second = await lane.append(request(stream, 1))
      assert.equal(first.tag, 'appended')
      assert.equal(second.tag, 'appended')
      if (first.tag !== 'appended' || second.tag !== 'appended') return
      assert.equal(second.position, first.position + 1)
      assert.deepEqual([first.version, second.version], [1, 2])
    })

    it('answers conflict with the actual version when the version is taken, and does not fail its neighbours', async () => {
      const lane = newLane()
      const stream = `s-${randomUUID()}`
      await lane.append(request(stream, 0))
      const results = await Promise.all([
        lane.append(request(`n-${randomUUID()}`, 0)),
        lane.append(request(stream, 0)),
        lane.append(request(`n-${randomUUID()}`, 0)),
      ])
      assert.deepEqual(
        results.map((result) => result.tag),
        ['appended', 'conflict', 'appended'],
      )
      assert.deepEqual(results[1], { tag: 'conflict', version: 1 })
    })

    it('answers duplicate with the first result, also inside one batch, and tells equal content from different', async () => {
      const lane = newLane()
      const key = randomUUID()
      const results = await Promise.all(
        [0, 1, 2].map((n) =>
          lane.append(request(`d-${randomUUID()}`, 0, { inbox: inbox(key, n === 2 ? 'other' : 'same') })),
        ),
      )
      assert.deepEqual(
        results.map((result) => result.tag),
        ['appended', 'duplicate', 'duplicate'],
      )
      const [first, equal, different] = results
      assert.ok(first?.tag === 'appended' && equal?.tag === 'duplicate' && different?.tag === 'duplicate')
      assert.deepEqual([equal.same, different.same], [true, false])
      assert.equal(equal.firstPosition, first.firstPosition)
    })

    it('answers claimed with the holder, and gives the claim on when it is released', async () => {
      const lane = newLane()
      const claim = randomUUID()
      const holder = `c-${randomUUID()}`
      await lane.append(request(holder, 0, { claims: { take: [claim], release: [] } }))
      const taken = await lane.append(request(`c-${randomUUID()}`, 0, { claims: { take: [claim], release: [] } }))
      assert.deepEqual(taken, { tag: 'claimed', key: claim, stream: holder })
      await lane.append(request(holder, 1, { claims: { take: [], release: [claim] } }))
      const later = await lane.append(request(`c-${randomUUID()}`, 0, { claims: { take: [claim], release: [] } }))
      assert.equal(later.tag, 'appended')
    })

    it('refuses a settlement whose attempt has moved on, with everything that came with it', async () => {
      const lane = newLane()
      const effectId = await putEffect(sql, { status: 'running', attempt: 2 })
      const settle = {
        effectId,
        attempt: 1,
        status: 'done',
        outcome: null,
        error: null,
        dueAt: null,
        history: { attempt: 1 },
        firstAttemptAt: instant(0),
      } as const
      const stream = `z-${randomUUID()}`
      assert.deepEqual(await lane.append(request(stream, 0, { settle })), { tag: 'fenced' })
      assert.equal((await lane.append(request(stream, 0, { settle: { ...settle, attempt: 2 } }))).tag, 'appended')
      const [row] = await sql<{ status: string }[]>`select status from hub.effects where effect_id = ${effectId}`
      assert.equal(row?.status, 'done')
    })

    it('fails only the member that PostgreSQL refuses', async () => {
      const lane = newLane()
      const good = Array.from({ length: 8 }, () => lane.append(request(`g-${randomUUID()}`, 0)))
      const bad = lane.append(request(`g-${randomUUID()}`, 0, { events: [event({ text: 'a\u0000b' })] }))
      const more = Array.from({ length: 8 }, () => lane.append(request(`g-${randomUUID()}`, 0)))
      await assert.rejects(bad)
      for (const result of await Promise.all([...good, ...more])) assert.equal(result.tag, 'appended')
    })

    it('takes the urgent before whatever waits, and has room for it when the queue is full (W12)', async () => {
      const lane = newLane()
      const first = lane.append(request(`u-${randomUUID()}`, 0))
      let done = 0
      const usual = Array.from({ length: 600 }, () =>
        lane.append(request(`u-${randomUUID()}`, 0)).then(() => {
          done += 1
        }),
      )
      const urgent = lane.append(request(`u-${randomUUID()}`, 0, { urgent: true })).then(() => done)
      assert.ok((await urgent) < 600, 'more than a batch waited before it')
      await Promise.all([first, ...usual])

      const away = openLane({
        open: () =>
          connect('postgres://127.0.0.1:9/none', {
            connectionsMax: 1,
            applicationName: 'test',
            prepare: true,
            statementTimeoutMs: 0,
          }),
        nowMs: () => performance.now(),
      })
      const reason = (more: Partial<AppendRequest>): Promise<string> =>
        away.append({ ...request('u-1', null, more), events: [] }, 1).then(
          () => 'appended',
          (error: Error) => error.message,
        )
      const full = Array.from({ length: 20_000 }, () => reason({}))
      assert.match(await reason({}), /20000 appends wait already/)
      assert.doesNotMatch(await reason({ urgent: true }), /wait already/)
      assert.ok(!(await Promise.all(full)).includes('appended'))
      await away.close()
    })

    it('looks up what was committed when the connection is lost, and never doubles it (R12)', async () => {
      const lane = newLane('lost')
      const stream = `l-${randomUUID()}`
      await lane.append(request(stream, 0))
      const killer = open(1)
      const pending = Array.from({ length: 50 }, () =>
        lane.append(request(`l-${randomUUID()}`, 0)).then(
          (result) => result.tag,
          () => 'away',
        ),
      )
      await killer`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'lost'`
      await killer.end()
      const tags = await Promise.all(pending)
      const appended = tags.filter((tag) => tag === 'appended').length
      const [row] = await sql<
        { count: number }[]
      >`select count(*)::int as count from hub.events where stream like 'l-%' and stream <> ${stream}`
      assert.equal(row?.count, appended)
      assert.equal((await lane.append(request(stream, 1))).tag, 'appended')
    })

    it('never appends behind the back of a client that lost its connection: what still lies in the socket is refused (R12)', async () => {
      const line = await openLine(database.url)
      const lane = openLane({
        open: () =>
          connect(line.url, { connectionsMax: 1, applicationName: 'doubt', prepare: true, statementTimeoutMs: 0 }),
        nowMs: () => performance.now(),
      })
      const run = randomUUID()
      try {
        // Twice, so that the statement is known and both batches below leave at once.
        for (const n of [1, 2]) await lane.append(request(`first-${run}-${n}`, 0))
        const blocker = open(1)
        const { pending } = await blocker.begin(async (holding) => {
          await holding`select position from hub.head for update`
          // Few and small, so that the second batch leaves while the first one waits.
          const results = Array.from({ length: 8 }, (_, n) =>
            lane.append({
              ...request(`d-${run}-${n}`, 0, { inbox: inbox(`d-${run.slice(0, 20)}-${n}`) }),
              events: [event({ run })],
            }),
          )
          await until(async () => (await waitingFor('doubt')) === 1, 'the first batch to wait for the head')
          line.sever()
          await until(async () => (await waitingFor('doubt')) === 2, 'the batches to be looked up behind it')
          // In an object, because the transaction would wait for promises in a list.
          return { pending: Promise.all(results) }
        })
        await blocker.end()
        const tags = (await pending).map((result) => result.tag)
        assert.deepEqual(new Set(tags), new Set(['appended']))
        // The lost backend ends when it has nothing left to read; until then its second batch may still be on its way.
        await until(async () => (await lostBackends()) === 0, 'the lost backend to end')
        const [row] = await sql<{ events: number; rows: number }[]>`
          select (select count(*)::int from hub.events where data->>'run' = ${run}) as events,
                 (select count(*)::int from hub.inbox where dedupe_key like ${`d-${run.slice(0, 20)}-%`}) as rows`
        assert.deepEqual(row, { events: 8, rows: 8 })
      } finally {
        await lane.close()
        await line.close()
      }
    })

    it('answers conflict to a lone append that waited while its version was taken', async () => {
      const lane = newLane('waiting')
      const stream = `w-${randomUUID()}`
      const other = open(1)
      const { pending } = await other.begin(async (holding) => {
        await holding.unsafe(
          `select * from hub.append($1, array[$2], '{0}', '{0}', '{1}', array[$3::uuid], '{someone}', '{Tested}', '{"{}"}', '{"{}"}')`,
          [randomUUID(), stream, randomUUID()],
        )
        const result = lane.append(request(stream, 0))
        await until(async () => (await waitingFor('waiting')) === 1, 'the lone append to wait')
        return { pending: [result] }
      })
      await other.end()
      assert.deepEqual(await pending[0], { tag: 'conflict', version: 1 })
      const [row] = await sql<{ count: number; gaps: number }[]>`
        select count(*) filter (where stream = ${stream})::int as count, (max(position) - count(*))::int as gaps from hub.events`
      assert.deepEqual(row, { count: 1, gaps: 0 })
      assert.equal((await lane.append(request(stream, 1))).tag, 'appended')
    })

    it('appends nothing alone for a connection that was given up while it waited', async () => {
      const connection = randomUUID()
      const stream = `g-${randomUUID()}`
      const late = connect(database.url, {
        connectionsMax: 1,
        applicationName: 'given-up',
        prepare: true,
        statementTimeoutMs: 0,
      })
      const other = open(1)
      const { pending } = await other.begin(async (holding) => {
        await holding`select * from hub.find_appended(${connection}, '{}', '{}')`
        const text = statement(statements(sqlText('log.sql')), 'append_one')
        const rows = late
          .unsafe(text, [connection, stream, 0, randomUUID(), 'someone', 'Tested', '{}', '{}'])
          .then((found) => found.length)
        await until(async () => (await waitingFor('given-up')) === 1, 'the lone append to wait')
        return { pending: [rows] }
      })
      await Promise.all([other.end(), pending[0]?.then(() => late.end())])
      assert.equal(await pending[0], 0)
      const [row] = await sql<{ count: number; gaps: number }[]>`
        select count(*) filter (where stream = ${stream})::int as count, (max(position) - count(*))::int as gaps from hub.events`
      assert.deepEqual(row, { count: 0, gaps: 0 })
    })

    it('refuses every batch of a connection that was given up', async () => {
      const connection = randomUUID()
      const stream = `r-${randomUUID()}`
      await sql`select * from hub.find_appended(${connection}, '{}', '{}')`
      const late = sql`
        select * from hub.append(${connection}, array[${stream}::text], '{0}', '{0}', '{1}', array[${randomUUID()}::uuid], '{someone}', '{Tested}',
          array['{}'::jsonb], array['{}'::jsonb])`
      await assert.rejects(late, { code: '57P05' })
      const [row] = await sql<{ count: number }[]>`
        select count(*)::int as count from hub.events where stream = ${stream}`
      assert.equal(row?.count, 0)
    })

    it('keeps every text and byte as it is, whatever stands in it', async () => {
      const lane = newLane()
      const odd = [
        ...[
          '',
          'NULL',
          'null',
          ',',
          '{}',
          '{a,b}',
          '"',
          '\\',
          '\\"',
          "'",
          ' padded ',
          'two\nlines',
          '\u001f',
          'a\u001fb',
        ],
        ...['ё', '🏠', '\u007f', '$1', '\\x00', '%s'],
      ]
      const requests = odd.map((text, index) => ({
        ...request(`odd-${randomUUID()}-${text}`, 0, {
          events: [
            { ...event({ text, [`${text}.`]: [text, null] }), subject: `${text}.` },
            { ...event({ index }), type: `T${text}` },
          ],
        }),
        inbox: {
          ...inbox(`odd-${randomUUID()}`),
          ...{ dedupeKey: text, reason: text, peer: text, path: text, query: text, headers: { [`h${text}`]: text } },
          ...{ body: Buffer.from(text), subject: index % 2 === 0 ? text : null },
        },
        claims: { take: [`claim ${text} ${index}`], release: [] },
      }))
      const results = await Promise.all(requests.map((asked) => lane.append(asked)))
      assert.deepEqual(
        results.map((result) => result.tag),
        requests.map(() => 'appended'),
      )
      for (const asked of requests) {
        const events = await sql<{ subject: string; type: string; data: unknown }[]>`
          select subject, type, data from hub.events where stream = ${asked.stream} order by version`
        assert.deepEqual(
          [...events],
          asked.events.map(({ subject, type, data }) => ({ subject, type, data })),
        )
        const { webhookId, dedupeKey, reason, peer, path, query, headers, body, subject } = asked.inbox
        const [kept] = await sql`
          select dedupe_key, reason, peer, path, query, headers, body, subject, event_count from hub.inbox where webhook_id = ${webhookId}`
        assert.deepEqual({ ...kept }, { dedupeKey, reason, peer, path, query, headers, body, subject, eventCount: 2 })
        const [claim] = await sql`select stream from hub.claims where key = ${asked.claims.take[0] ?? ''}`
        assert.equal(claim?.stream, asked.stream)
      }
    })

    it('gives each member its verdict in one batch, and its positions to those that are appended', async () => {
      const lane = newLane()
      const run = randomUUID()
      await lane.append({ ...request(`v-${run}-taken`, 0), claims: { take: [`v-${run}`], release: [] } })
      await lane.append({ ...request(`v-${run}-known`, 0), inbox: inbox(run, 'first') })
      const members: AppendRequest[] = [
        request(`v-${run}-1`, 0, { events: [event(), event()] }),
        request(`v-${run}-2`, 3),
        { ...request(`v-${run}-3`, 0), inbox: inbox(run, 'other') },
        { ...request(`v-${run}-4`, 0), claims: { take: [`v-${run}`], release: [] } },
        request(`v-${run}-5`, 0, { events: [], inbox: inbox(`5 ${run}`) }),
        request(`v-${run}-6`, null, { events: [event(), event(), event()], inbox: inbox(`6 ${run}`) }),
      ]
      const results = await Promise.all(members.map((member) => lane.append(member)))
      assert.deepEqual(
        results.map((result) => result.tag),
        ['appended', 'conflict', 'duplicate', 'claimed', 'appended', 'appended'],
      )
      const [first, , duplicate, claimed, empty, last] = results
      assert.ok(first?.tag === 'appended' && empty?.tag === 'appended' && last?.tag === 'appended')
      assert.deepEqual(
        [first.position - first.firstPosition, empty.position, last.firstPosition, last.position, last.version],
        [1, first.position, first.position + 1, first.position + 3, 3],
      )
      assert.ok(duplicate?.tag === 'duplicate' && !duplicate.same && duplicate.eventCount === 1)
      assert.ok(claimed?.tag === 'claimed' && claimed.stream === `v-${run}-taken`)
      const rows = await sql<{ stream: string; position: number }[]>`
        select stream, position from hub.events where stream like ${`v-${run}-%`} and position >= ${first.firstPosition} order by position`
      assert.deepEqual(
        rows.map(({ stream, position }) => [stream.slice(-1), position - first.firstPosition]),
        [
          ['1', 0],
          ['1', 1],
          ['6', 2],
          ['6', 3],
          ['6', 4],
        ],
      )
    })

    it('keeps positions gapless, versions without holes and every event once under any interleaving of several lanes', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.record({
              lane: fc.integer({ min: 0, max: 3 }),
              stream: fc.integer({ min: 0, max: 5 }),
              events: fc.integer({ min: 0, max: 3 }),
              version: fc.integer({ min: 0, max: 4 }),
              key: fc.option(fc.integer({ min: 0, max: 6 })),
            }),
            { minLength: 10, maxLength: 120 },
          ),
          async (plan) => {
            const run = randomUUID()
            const own = [newLane(), newLane(), newLane(), newLane()]
            const [start] = await sql<{ position: number }[]>`select position from hub.head`
            const results = await Promise.all(
              plan.map(async (step): Promise<{ result: AppendResult; count: number }> => {
                const events = Array.from({ length: step.events }, () => event({ run }))
                const more = step.key === null ? {} : { inbox: inbox(`${run.slice(0, 20)}-${step.key}`) }
                const lane = own[step.lane]
                assert.ok(lane)
                return {
                  result: await lane.append({
                    stream: `p-${run}-${step.stream}`,
                    expectedVersion: step.version,
                    events,
                    ...more,
                  }),
                  count: step.events,
                }
              }),
            )
            const appended = results
              .filter(({ result }) => result.tag === 'appended')
              .reduce((sum, { count }) => sum + count, 0)
            const read = await readAfter(sql, { position: start?.position ?? 0, limit: 100_000, types: ['Tested'] })
            assert.equal(read.length, appended)
            assert.equal(new Set(read.map((row) => row.eventId)).size, appended)
            for (const [, rows] of Map.groupBy(read, (row) => row.stream))
              assert.deepEqual(
                rows.map((row) => row.version),
                rows.map((_, index) => index + 1),
              )
            const [head] = await sql<{ position: number }[]>`select position from hub.head`
            assert.equal(head?.position, (start?.position ?? 0) + appended)
          },
        ),
        { numRuns: 15, seed: 20261124 },
      )
    })
  })

  describe('a reader of the log', () => {
    for (const writers of [4, 16, 64]) {
      it(`misses no event beside ${writers} writers (R18)`, async () => {
        const [start] = await sql<{ position: number }[]>`select position from hub.head`
        const own = [newLane(), newLane()]
        let writing = true
        const written: string[] = []
        const write = async (index: number) => {
          for (let n = 0; n < 40; n++) {
            const one = event()
            const result = await own[index % 2]?.append({
              stream: `w-${randomUUID()}`,
              expectedVersion: 0,
              events: [one],
            })
            if (result?.tag === 'appended') written.push(one.eventId)
          }
        }
        const seen: string[] = []
        let position = start?.position ?? 0
        const consume = async () => {
          for (;;) {
            const last = !writing
            const events = await readAfter(sql, { position, limit: 100, types: [] })
            seen.push(...events.map((row) => row.eventId))
            position = events.at(-1)?.position ?? position
            if (last && events.length === 0) return
          }
        }
        const reading = consume()
        await Promise.all(Array.from({ length: writers }, (_, index) => write(index)))
        writing = false
        await reading
        assert.equal(written.length, writers * 40)
        assert.deepEqual(seen.toSorted(), written.toSorted())
      })
    }
  })
})
