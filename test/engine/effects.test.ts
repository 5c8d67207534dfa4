import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { readModels } from '../../projections/index.ts'
import { models } from '../../src/domain/index.ts'
import { startDelivering } from '../../src/engine/deliver.ts'
import type { DeliverDeps, Destination, Perform } from '../../src/engine/destination.ts'
import { effectIdOf, makeReacting, type PlannedEffect, type Reactor } from '../../src/engine/react.ts'
import { addCandidate, makeRebuilder } from '../../src/engine/rebuild.ts'
import type { DestinationPolicy } from '../../src/engine/settlement.ts'
import type { Outcome } from '../../src/kernel/decision.ts'
import { type Instant, parseInstant } from '../../src/kernel/time.ts'
import { playPartner, testCore } from '../support/core.ts'
import { loseLeases, putEffect, putWaiting } from '../support/effects.ts'

const at = parseInstant('2026-11-24T09:00:00Z')
assert.ok(at)

type Rig = Awaited<ReturnType<typeof testCore>>

const policy: DestinationPolicy = {
  concurrencyMax: 8,
  perSecondMax: 10_000,
  deadlineMs: 5000,
  attemptsMax: 3,
  afterUnknown: 'repeat',
}
const done: Outcome = { tag: 'done', result: null }

/** Plans effects of one kind straight from events. */
const reacting = (rig: Rig, effects: readonly PlannedEffect[], reactors: readonly Reactor[] = []) =>
  makeReacting({
    sql: rig.core.sql,
    codec: rig.core.codec,
    keys: rig.core.keys,
    handler: rig.core.handler,
    onPlanned: () => {},
    onParked: () => {},
    boundary: () => {},
    reactors: [{ name: 'testRule', types: ['PartnerApplied'], react: () => effects }, ...reactors],
  })

const delivering = (rig: Rig, destinations: readonly Destination[], more: Partial<DeliverDeps> = {}) =>
  startDelivering({
    sql: rig.core.sql,
    keys: rig.core.keys,
    handler: rig.core.handler,
    models,
    destinations,
    commandOf: () => null,
    worker: `worker-${randomUUID()}`,
    now: rig.core.clock.now,
    random: () => 0,
    onError: () => {},
    boundary: () => {},
    ...more,
  })

const destination = (name: string, perform: Perform, change: Partial<DestinationPolicy> = {}): Destination => ({
  name,
  policy: { ...policy, ...change },
  performers: { 'test.do': perform },
})

/** Waits until a question about the database is answered with yes; fails after a bounded time. */
const until = async (question: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + 40_000
  while (!(await question())) {
    assert.ok(performance.now() < deadline, 'it should have come true by now')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const count = async (rig: Rig, status: string): Promise<number> => {
  const [row] = await rig.core.sql<
    { count: number }[]
  >`select count(*)::int as count from hub.effects where status = ${status}`
  return row?.count ?? 0
}

const behaves = (title: string, work: (rig: Rig) => Promise<void>): void => {
  it(title, async () => {
    const rig = await testCore()
    try {
      await work(rig)
    } finally {
      await rig.close()
    }
  })
}

describe('a reactor', () => {
  behaves(
    'that fails at an event is asked again about that one, while all other rules and events go on (W8)',
    async (rig) => {
      const poisoned = await playPartner(rig.core, at, { inn: '7700000009', upTo: 'applied' })
      await playPartner(rig.core, at, { inn: '7700000016', upTo: 'applied' })
      let cured = false
      const rule: Reactor = {
        name: 'poisonedRule',
        types: ['PartnerApplied'],
        react: (event) => {
          if (!cured && event.subject === poisoned.id) throw new TypeError('There is no such field')
          return [{ destination: 'fns', kind: 'test.cured', payload: {} }]
        },
      }
      const react = reacting(rig, [{ destination: 'fns', kind: 'test.do', payload: {} }], [rule])
      await react.step()
      const kinds = async (): Promise<Record<string, number>> => {
        const rows = await rig.core.sql<{ kind: string; count: number }[]>`
        select kind, count(*)::int as count from hub.effects group by kind`
        return Object.fromEntries(rows.map(({ kind, count }) => [kind, count]))
      }
      assert.deepEqual(await kinds(), { 'test.do': 2, 'test.cured': 1, 'rules.react': 1 })
      const [parked] = await rig.core.sql<
        { payload: Record<string, unknown> }[]
      >`select payload from hub.effects where kind = 'rules.react'`
      assert.deepEqual(parked?.payload, { reactor: 'poisonedRule', position: 1 })
      const again = (number: number) => react.reactAgain(parked?.payload ?? {}, { number })
      assert.deepEqual(await again(1), { tag: 'later', code: 'reaction-failed', detail: 'There is no such field' })
      assert.equal((await again(5)).tag, 'refused')
      cured = true
      for (let time = 0; time < 2; time += 1) assert.equal((await again(6)).tag, 'done')
      assert.deepEqual(await kinds(), { 'test.do': 2, 'test.cured': 2, 'rules.react': 1 })
      const unknown = await react.reactAgain({ reactor: 'noRule', position: 1 }, { number: 1 })
      assert.equal(unknown.tag === 'refused' && unknown.code, 'reaction-unknown')
    },
  )

  behaves('plans each effect once under a key that its event fixed, however often the event is read', async (rig) => {
    await playPartner(rig.core, at, { inn: '7700000009', upTo: 'applied' })
    const [event] = await rig.core.sql<{ eventId: string }[]>`select event_id from hub.events`
    const react = reacting(rig, [
      { destination: 'fns', kind: 'test.do', payload: { inn: '7700000009' }, personal: ['inn'] },
    ])
    await react.step()
    await rig.core.sql`update hub.followers set position = 0 where name = 'reactors'`
    await react.step()
    const rows = await rig.core.sql<
      { effectId: string; payload: Record<string, unknown> }[]
    >`select effect_id, payload from hub.effects`
    assert.equal(rows.length, 1)
    assert.equal(rows[0]?.effectId, effectIdOf('testRule', event?.eventId ?? '', 0))
    assert.equal(JSON.stringify(rows[0]?.payload).includes('7700000009'), false)
  })
})

describe('delivery', () => {
  behaves(
    'tells a performer and a timer no moment before the one they were due at, though our clock lags (R21)',
    async (rig) => {
      const past = parseInstant('2020-01-01T00:00:00Z')
      assert.ok(past)
      await putWaiting(rig.core.sql, 1, 'fns')
      const moments: Instant[] = []
      const perform: Perform = async (_payload, attempt) => {
        moments.push(attempt.now)
        return done
      }
      const worker = delivering(rig, [destination('fns', perform)], {
        now: () => past,
        commandOf: (_effect, _outcome, now) => {
          moments.push(now)
          return null
        },
      })
      await until(async () => (await count(rig, 'done')) === 1)
      await worker.stop(1000)
      const [row] = await rig.core.sql<{ dueAt: Instant }[]>`select due_at from hub.effects`
      assert.equal(moments.length, 2)
      for (const moment of moments) assert.ok(row && moment >= row.dueAt, `${moment} is before ${row?.dueAt}`)
    },
  )

  behaves('performs 10 000 effects once each with two workers at one outbox (P16)', async (rig) => {
    await putWaiting(rig.core.sql, 10_000, 'fns')
    const keys: string[] = []
    const perform: Perform = async (_payload, attempt) => {
      keys.push(attempt.key)
      return done
    }
    const workers = [delivering(rig, [destination('fns', perform)]), delivering(rig, [destination('fns', perform)])]
    await until(async () => (await count(rig, 'done')) === 10_000)
    await Promise.all(workers.map((worker) => worker.stop(1000)))
    assert.deepEqual([keys.length, new Set(keys).size], [10_000, 10_000])
  })

  behaves(
    'opens a sealed payload, hands over the key, and settles with the events of the outcome in one append',
    async (rig) => {
      const { id } = await playPartner(rig.core, at, { inn: '7700000009', upTo: 'applied' })
      await reacting(rig, [
        { destination: 'fns', kind: 'test.do', payload: { inn: '7700000009', open: 1 }, personal: ['inn'] },
      ]).step()
      const payloads: unknown[] = []
      const worker = delivering(
        rig,
        [
          destination('fns', async (payload) => {
            payloads.push(payload)
            return done
          }),
        ],
        {
          commandOf: (effect, _outcome, now: Instant) => ({
            stream: `partner-${effect.subject}`,
            command: {
              type: 'RecordVerdict',
              data: {
                at: now,
                checkedAt: now,
                verdict: 'rejected',
                reason: 'closed',
                detail: 'Закрыта',
                company: null,
                slug: null,
              },
            },
          }),
        },
      )
      await until(async () => (await count(rig, 'done')) === 1)
      await worker.stop(1000)
      assert.deepEqual(payloads, [{ inn: '7700000009', open: 1 }])
      const state = (await rig.core.handler.load(`partner-${id}`)).state as { status: string }
      assert.equal(state.status, 'rejected')
    },
  )

  behaves('refuses the settlement of a worker that was frozen past its lease (R9)', async (rig) => {
    await putWaiting(rig.core.sql, 1, 'fns')
    let release = (): void => {}
    const frozen = new Promise<void>((resolve) => {
      release = resolve
    })
    let calls = 0
    const worker = delivering(rig, [
      destination('fns', async () => {
        calls += 1
        if (calls === 1) await frozen
        return calls === 1 ? { tag: 'refused', code: 'zombie', detail: 'Too late' } : done
      }),
    ])
    await until(async () => calls === 1)
    await loseLeases(rig.core.sql)
    await until(async () => (await count(rig, 'done')) === 1)
    release()
    await worker.stop(1000)
    const [row] = await rig.core.sql<
      { status: string; attempt: number; lastError: string | null }[]
    >`select status, attempt, last_error from hub.effects`
    assert.deepEqual([row?.status, row?.attempt, row?.lastError], ['done', 2, null])
  })

  behaves('leaves an expired attempt unknown where the destination must not be asked twice', async (rig) => {
    await putEffect(rig.core.sql, { status: 'running', destination: 'protalk' })
    await loseLeases(rig.core.sql)
    const worker = delivering(rig, [destination('protalk', async () => done, { afterUnknown: 'ask' })])
    await until(async () => (await count(rig, 'unknown')) === 1)
    await worker.stop(1000)
  })

  behaves('tries again later, and gives up as dead after the last attempt', async (rig) => {
    await putWaiting(rig.core.sql, 1, 'fns')
    const worker = delivering(rig, [
      destination('fns', async () => ({ tag: 'later', code: 'busy', detail: 'Busy' }), { backoffMaxMs: 20 }),
    ])
    await until(async () => (await count(rig, 'dead')) === 1)
    await worker.stop(1000)
    const [row] = await rig.core.sql<
      { attempt: number; history: unknown[] }[]
    >`select attempt, history from hub.effects`
    assert.deepEqual([row?.attempt, row?.history.length], [3, 3])
  })

  behaves('pauses the whole destination when its answer asks for patience, and no other (P4)', async (rig) => {
    await putWaiting(rig.core.sql, 5, 'fns')
    await putWaiting(rig.core.sql, 5, 'tilda')
    let calls = 0
    const worker = delivering(rig, [
      destination(
        'fns',
        async () => {
          calls += 1
          return { tag: 'later', code: 'too-many-requests', detail: 'Slow down', pauseDestination: 'until-resumed' }
        },
        { concurrencyMax: 1, perSecondMax: 1000 },
      ),
      destination('tilda', async () => done),
    ])
    const reason = async (): Promise<string | null> => {
      const [row] = await rig.core.sql<
        { reason: string }[]
      >`select reason from hub.destinations where name = 'fns' and paused_until > hub.now()`
      return row?.reason ?? null
    }
    await until(async () => (await count(rig, 'done')) === 5 && (await reason()) !== null)
    await until(async () => (await count(rig, 'running')) === 0)
    await worker.stop(1000)
    assert.equal(await reason(), 'too-many-requests')
    assert.ok(calls <= 5)
    assert.equal(await count(rig, 'waiting'), 5)
  })

  behaves('does not let a destination that hangs hold up the others (P19)', async (rig) => {
    await putWaiting(rig.core.sql, 20, 'fns')
    await putWaiting(rig.core.sql, 300, 'tilda')
    let release = (): void => {}
    const hang = new Promise<void>((resolve) => {
      release = resolve
    })
    const worker = delivering(rig, [
      destination('fns', () => hang.then(() => done)),
      destination('tilda', async () => done),
    ])
    await until(async () => (await count(rig, 'done')) === 300)
    release()
    await until(async () => (await count(rig, 'done')) === 320)
    await worker.stop(1000)
  })

  behaves('does not wait for a performer that ignores its deadline: the attempt is unknown', async (rig) => {
    await putWaiting(rig.core.sql, 1, 'protalk')
    const worker = delivering(rig, [
      destination('protalk', () => new Promise<Outcome>(() => {}), { deadlineMs: 50, afterUnknown: 'ask' }),
    ])
    await until(async () => (await count(rig, 'unknown')) === 1)
    await worker.stop(100)
    const [row] = await rig.core.sql<{ lastError: string }[]>`select last_error from hub.effects`
    assert.equal(row?.lastError, 'deadline-passed')
  })

  behaves('is not touched by a rebuild while 100 effects wait (I6)', async (rig) => {
    await playPartner(rig.core, at, { inn: '7700000009', upTo: 'paid' })
    await rig.project()
    await putWaiting(rig.core.sql, 100, 'fns')
    await addCandidate(rig.core.bulk, readModels[0] ?? assert.fail('there are read models'))
    const rebuilder = makeRebuilder({
      sql: rig.core.bulk,
      models: readModels,
      codec: rig.core.codec,
      onReady: () => {},
      onError: (_name, error) => assert.fail(String(error)),
    })
    while (await rebuilder.step());
    const [row] = await rig.core.sql<
      { count: number; attempts: number }[]
    >`select count(*)::int as count, sum(attempt)::int as attempts from hub.effects`
    assert.deepEqual([row?.count, row?.attempts], [100, 0])
  })

  behaves(
    'tells an outcome no earlier than the database gave it out, however far behind the process is (R21)',
    async (rig) => {
      const told: Instant[] = []
      const behind = parseInstant('2020-01-01T00:00:00Z')
      assert.ok(behind)
      const [before] = await rig.core.sql<{ now: Instant }[]>`select hub.now() as now`
      await putWaiting(rig.core.sql, 1, 'skewed')
      const worker = delivering(rig, [destination('skewed', async () => done)], {
        now: () => behind,
        commandOf: (_effect, _outcome, now) => {
          told.push(now)
          return null
        },
      })
      await until(async () => (await count(rig, 'done')) === 1)
      await worker.stop(1000)
      assert.ok(before && told.length === 1 && (told[0] ?? '') >= before.now)
    },
  )
})
