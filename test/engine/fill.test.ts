import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readModels } from '../../projections/index.ts'
import { diffCandidate } from '../../src/engine/compare.ts'
import { type FillOptions, fill } from '../../src/engine/fill.ts'
import { tableOf } from '../../src/engine/readModelTable.ts'
import { addCandidate } from '../../src/engine/rebuild.ts'
import { parseInstant } from '../../src/kernel/time.ts'
import { headPosition } from '../../src/log/log.ts'
import { playPartner, testCore } from '../support/core.ts'

const at = parseInstant('2026-11-24T09:00:00Z')
assert.ok(at)

/** So small that rows are written, forgotten and come back all the time. */
const tight = { pagePositions: 3, changedCellsMax: 60 }

type Rig = Awaited<ReturnType<typeof testCore>>

/** A log of several lives side by side, its live rows, and an empty candidate of every read model. */
const withHistory = async (work: (rig: Rig, options: FillOptions) => Promise<void>): Promise<void> => {
  const rig = await testCore()
  try {
    const upTo = ['paid', 'applied', 'requested', 'verified'] as const
    await Promise.all(
      Array.from({ length: 24 }, (_, n) =>
        playPartner(rig.core, at, { inn: String(7_700_000_100 + n), upTo: upTo[n % 4] ?? 'paid' }),
      ),
    )
    await rig.project()
    for (const model of readModels) await addCandidate(rig.core.bulk, model)
    await work(rig, {
      sql: rig.core.bulk,
      codec: rig.core.codec,
      parts: readModels.map((model) => ({
        model,
        table: tableOf(model.name, 2),
        checkpoint: async (transaction, { from, to }) => {
          const moved = await transaction`
            update hub.read_models set position = ${to} where name = ${model.name} and version = 2 and position = ${from} returning 1`
          return moved.length === 1
        },
      })),
      from: 0,
      target: await headPosition(rig.core.sql),
      stopped: () => false,
      limits: tight,
    })
  } finally {
    await rig.close()
  }
}

const assertFilled = async ({ core }: Rig): Promise<void> => {
  for (const model of readModels) {
    const difference = await diffCandidate(core.bulk, model)
    assert.deepEqual(difference, { added: 0, removed: 0, changed: 0, samples: [] }, model.name)
  }
}

const storedPosition = async ({ core }: Rig): Promise<number> => {
  const rows = await core.sql<{ position: number }[]>`select distinct position from hub.read_models where version = 2`
  assert.equal(rows.length, 1, 'all checkpoints moved together')
  return rows[0]?.position ?? 0
}

describe('fill()', () => {
  it('makes the live rows also when rows are forgotten and come back', () =>
    withHistory(async (rig, options) => {
      const told: number[] = []
      const reached = await fill({ ...options, onProgress: ({ position }) => told.push(position) })
      assert.equal(reached, options.target)
      assert.deepEqual(
        told,
        told.toSorted((a, b) => a - b),
      )
      assert.equal(told.at(-1), options.target)
      await assertFilled(rig)
    }))

  it('goes on where it was stopped, wherever that was', () =>
    withHistory(async (rig, options) => {
      let from = 0
      while (from < options.target) {
        let pages = 0
        const reached = await fill({ ...options, from, stopped: () => pages++ >= 2 })
        assert.ok(reached > from)
        assert.equal(await storedPosition(rig), reached)
        from = reached
      }
      await assertFilled(rig)
    }))

  it('keeps rows and checkpoints of the last whole write when one fails, and goes on from there', () =>
    withHistory(async (rig, options) => {
      let from = 0
      for (let writesLeft = 0; from < options.target; writesLeft = (writesLeft + 1) % 4) {
        let left = writesLeft
        const failing = options.parts.map((part, index) => ({
          ...part,
          checkpoint: async (...move: Parameters<typeof part.checkpoint>) => {
            if (index === options.parts.length - 1 && left-- === 0) throw new Error('The connection was lost')
            return part.checkpoint(...move)
          },
        }))
        await fill({ ...options, parts: failing, from }).catch((error: unknown) =>
          assert.match(String(error), /connection was lost/),
        )
        from = await storedPosition(rig)
      }
      await assertFilled(rig)
    }))

  it('refuses a log in which a position is missing', () =>
    withHistory(async (rig, options) => {
      await rig.core.sql`delete from hub.events where position = 5`
      await assert.rejects(fill(options), /The log is corrupt: positions 4 to 6 hold 2 events/)
    }))
})
