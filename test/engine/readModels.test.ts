import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { readModels } from '../../projections/index.ts'
import { partnerStream } from '../../src/domain/ids.ts'
import { diffCandidate, verifyModel } from '../../src/engine/compare.ts'
import { fill } from '../../src/engine/fill.ts'
import { columnOf, tableOf, versionsOf } from '../../src/engine/readModelTable.ts'
import { addCandidate, changeLive, makeRebuilder, tidyReadModel } from '../../src/engine/rebuild.ts'
import { parseInstant } from '../../src/kernel/time.ts'
import { headPosition } from '../../src/log/log.ts'
import { playPartner, testCore } from '../support/core.ts'

const at = parseInstant('2026-11-24T09:00:00Z')
assert.ok(at)
const inn = (n: number): string => String(7_700_000_000 + n)
const modelNamed = (name: string) => {
  const model = readModels.find((candidate) => candidate.name === name)
  assert.ok(model)
  return model
}

describe('read models', () => {
  let test: Awaited<ReturnType<typeof testCore>>
  /** Each behaviour has a log of its own, because tests run in random order. */
  const behaves = (title: string, work: () => Promise<void>): void => {
    it(title, async () => {
      test = await testCore()
      try {
        await work()
      } finally {
        await test.close()
      }
    })
  }

  const rowsOf = async (name: string): Promise<Record<string, unknown>[]> => {
    const live = (await versionsOf(test.core.sql)).find((version) => version.name === name && version.role === 'live')
    assert.ok(live)
    const columns = Object.keys(modelNamed(name).columns).map(columnOf).join(', ')
    return [
      ...(await test.core.sql.unsafe<Record<string, unknown>[]>(
        `select ${columns} from ${tableOf(name, live.version)} order by 1`,
      )),
    ]
  }
  const rebuild = async (name: string): Promise<void> => {
    await addCandidate(test.core.bulk, modelNamed(name))
    const rebuilder = makeRebuilder({
      sql: test.core.bulk,
      models: readModels,
      codec: test.core.codec,
      onReady: () => {},
      onError: (_name, error) => {
        throw error
      },
    })
    while (await rebuilder.step());
    await test.project()
  }

  behaves(
    'show a fixed history as the committed rows, also after playing it twice through a rebuild (I4)',
    async () => {
      const fixed = (digit: string) => digit.repeat(32)
      await playPartner(test.core, at, { inn: inn(1), upTo: 'paid', id: fixed('1'), payment: fixed('a') })
      await playPartner(test.core, at, { inn: inn(2), upTo: 'requested', id: fixed('2'), payment: fixed('b') })
      await playPartner(test.core, at, { inn: inn(3), upTo: 'applied', id: fixed('3') })
      await test.project()
      const expected = JSON.parse(readFileSync(new URL('../fixtures/fixedHistory.json', import.meta.url), 'utf8'))
      for (const name of ['partners', 'subscriptions', 'payments']) {
        assert.deepEqual(JSON.parse(JSON.stringify(await rowsOf(name))), expected[name], name)
        const before = await rowsOf(name)
        await rebuild(name)
        assert.deepEqual(await diffCandidate(test.core.bulk, modelNamed(name)), {
          added: 0,
          removed: 0,
          changed: 0,
          samples: [],
        })
        assert.equal((await changeLive(test.core.bulk, modelNamed(name), 'candidate')).tag, 'switched')
        assert.deepEqual(await rowsOf(name), before)
      }
    },
  )

  behaves('are rebuilt several in one pass of the log, each equal to its live rows', async () => {
    for (let n = 0; n < 20; n++) await playPartner(test.core, at, { inn: inn(2000 + n), upTo: 'paid' })
    await test.project()
    for (const { name } of readModels) await addCandidate(test.core.bulk, modelNamed(name))
    const rebuilder = makeRebuilder({
      sql: test.core.bulk,
      models: readModels,
      codec: test.core.codec,
      onReady: () => {},
      onError: (_name, error) => assert.fail(String(error)),
    })
    assert.equal(await rebuilder.step(), true)
    assert.equal(await rebuilder.step(), false, 'one step has built all of them')
    for (const { name } of readModels)
      assert.deepEqual(
        await diffCandidate(test.core.bulk, modelNamed(name)),
        { added: 0, removed: 0, changed: 0, samples: [] },
        name,
      )
  })

  behaves('are rebuilt without the one whose fold throws, which is marked as failed', async () => {
    await playPartner(test.core, at, { inn: inn(5), upTo: 'paid' })
    await test.project()
    for (const { name } of readModels) await addCandidate(test.core.bulk, modelNamed(name))
    const faults: string[] = []
    const throwing = () => {
      throw new Error('The fold is wrong')
    }
    const rebuilder = makeRebuilder({
      sql: test.core.bulk,
      models: readModels.map((model) => (model.name === 'subscriptions' ? { ...model, fold: throwing } : model)),
      codec: test.core.codec,
      onReady: () => {},
      onError: (name) => faults.push(name),
    })
    while (await rebuilder.step());
    assert.deepEqual(faults, ['subscriptions'])
    const built = (await versionsOf(test.core.sql)).filter((version) => version.version === 2)
    for (const { name, role, ready } of built)
      assert.deepEqual([role, ready], name === 'subscriptions' ? ['failed', false] : ['candidate', true], name)
    assert.equal(built.length, readModels.length)
  })

  behaves('move no checkpoint of a pass when somebody else has moved one of them', async () => {
    await playPartner(test.core, at, { inn: inn(6), upTo: 'paid' })
    const names = ['partners', 'payments']
    for (const name of names) await addCandidate(test.core.bulk, modelNamed(name))
    const reached = await fill({
      sql: test.core.bulk,
      codec: test.core.codec,
      parts: names.map((name) => ({
        model: modelNamed(name),
        table: tableOf(name, 2),
        checkpoint: async (transaction) => {
          if (name === 'payments') return false
          await transaction`update hub.read_models set position = 1 where name = ${name} and version = 2`
          return true
        },
      })),
      from: 0,
      target: await headPosition(test.core.sql),
      stopped: () => false,
    })
    assert.equal(reached, 0)
    const candidates = (await versionsOf(test.core.sql)).filter((version) => version.version === 2)
    assert.deepEqual(
      candidates.map((candidate) => candidate.position),
      [0, 0],
    )
    const [row] = await test.core.sql.unsafe(`select count(*)::int as count from ${tableOf('partners', 2)}`)
    assert.equal(row?.count, 0)
  })

  behaves('are verified against a fresh fold, and a row that was changed by hand is found', async () => {
    const model = modelNamed('partners')
    await playPartner(test.core, at, { inn: inn(3), upTo: 'applied', id: '3'.repeat(32) })
    await test.project()
    assert.equal((await verifyModel({ sql: test.core.bulk, codec: test.core.codec }, model)).differences, 0)
    const live = (await versionsOf(test.core.sql)).find(
      (version) => version.name === 'partners' && version.role === 'live',
    )
    await test.core.sql.unsafe(
      `update ${tableOf('partners', live?.version ?? 0)} set city = 'Не тот' where partner_id like '%3333'`,
    )
    const verified = await verifyModel({ sql: test.core.bulk, codec: test.core.codec }, model)
    assert.equal(verified.differences, 1)
    await test.core.sql.unsafe(
      `update ${tableOf('partners', live?.version ?? 0)} set city = 'Ярославль' where partner_id like '%3333'`,
    )
  })

  behaves('roll back to a version that was fed all the while: after 1 000 events it equals a fresh fold', async () => {
    await playPartner(test.core, at, { inn: inn(1), upTo: 'paid' })
    await test.project()
    await rebuild('partners')
    assert.equal((await changeLive(test.core.bulk, modelNamed('partners'), 'candidate')).tag, 'switched')
    for (let n = 0; n < 250; n++) await playPartner(test.core, at, { inn: inn(1000 + n), upTo: 'requested' })
    await test.project()
    assert.equal((await changeLive(test.core.bulk, modelNamed('partners'), 'previous')).tag, 'switched')
    const verified = await verifyModel({ sql: test.core.bulk, codec: test.core.codec }, modelNamed('partners'))
    assert.deepEqual([verified.differences, verified.rows], [0, 251])
  })

  behaves('refuse a switch while the candidate is being built, and a rollback without a previous version', async () => {
    await playPartner(test.core, at, { inn: inn(1), upTo: 'paid' })
    await test.project()
    await addCandidate(test.core.bulk, modelNamed('payments'))
    const refused = await changeLive(test.core.bulk, modelNamed('payments'), 'candidate')
    assert.deepEqual([refused.tag, 'code' in refused ? refused.code : ''], ['refused', 'candidate-not-ready'])
    await rebuild('payments')
    const none = await changeLive(test.core.bulk, modelNamed('payments'), 'previous')
    assert.deepEqual('code' in none ? none.code : '', 'no-previous-version')
  })

  behaves('switch while an analyst holds a long query, whose view follows when it ends', async () => {
    await playPartner(test.core, at, { inn: inn(1), upTo: 'paid' })
    await test.project()
    await rebuild('partners')
    const analyst = await test.core.bulk.reserve()
    await analyst.unsafe('begin')
    await analyst.unsafe('select count(*) from read.partners')
    assert.equal((await changeLive(test.core.bulk, modelNamed('partners'), 'candidate')).tag, 'switched')
    assert.equal(await tidyReadModel(test.core.bulk, modelNamed('partners')), false, 'the view is still held')
    assert.equal((await analyst.unsafe('select count(*)::int as count from read.partners'))[0]?.count, 1)
    await analyst.unsafe('commit')
    analyst.release()
    assert.equal(await tidyReadModel(test.core.bulk, modelNamed('partners')), true)
    const [view] = await test.core.sql<{ text: string }[]>`select pg_get_viewdef('read.partners'::regclass) as text`
    assert.match(view?.text ?? '', /partners_2/)
  })

  behaves('park an event whose fold throws with its key, and go on with all others (W8)', async () => {
    const poisoned = readModels.map((model) =>
      model.name === 'partners'
        ? {
            ...model,
            fold: (row: Parameters<typeof model.fold>[0], event: Parameters<typeof model.fold>[1]) => {
              if (event.subject.endsWith('7777')) throw new Error('poison')
              return model.fold(row, event)
            },
          }
        : model,
    )
    const { makeProjector } = await import('../../src/engine/project.ts')
    const projector = makeProjector({ sql: test.core.sql, models: poisoned, codec: test.core.codec })
    const poison = await playPartner(test.core, at, { inn: inn(7), upTo: 'verified', id: `${'0'.repeat(28)}7777` })
    const healthy = await playPartner(test.core, at, { inn: inn(8), upTo: 'verified' })
    while (await projector.step());
    const rows = await rowsOf('partners')
    assert.equal(
      rows.some((row) => row.partnerId === poison.id),
      false,
    )
    assert.equal(rows.find((row) => row.partnerId === healthy.id)?.status, 'verified')
    const live = (await versionsOf(test.core.sql)).find(
      (version) => version.name === 'partners' && version.role === 'live',
    )
    assert.ok((live?.parked ?? 0) >= 2)
  })

  behaves('keep personal fields sealed in the log and open in the rows', async () => {
    const { id } = await playPartner(test.core, at, { inn: inn(9), upTo: 'applied' })
    const [event] = await test.core.sql<
      { data: unknown }[]
    >`select data::text from hub.events where stream = ${partnerStream(id)}`
    const text = JSON.stringify(event)
    for (const secret of ['Иванова', '+79123456789', 'maria@example.ru', inn(9)])
      assert.equal(text.includes(secret), false, secret)
    await test.project()
    assert.equal((await rowsOf('partners')).find((row) => row.partnerId === id)?.email, 'maria@example.ru')
  })
})
