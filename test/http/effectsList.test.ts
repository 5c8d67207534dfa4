import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { testApi } from '../support/api.ts'
import { putEffect } from '../support/effects.ts'
import type { Json } from '../support/service.ts'

const statuses = ['waiting', 'running', 'done', 'refused', 'unknown', 'dead', 'cancelled']

describe('the list of effects', () => {
  let api: Awaited<ReturnType<typeof testApi>>
  const ids = new Map<string, string>()

  before(async () => {
    api = await testApi()
    for (const status of statuses) ids.set(status, await putEffect(api.core.sql, { status }))
  })
  after(() => api.close())

  const found = async (query: string): Promise<string[]> => {
    const { status, body } = await api.get(`effects?${query}`)
    assert.equal(status, 200)
    return body.items.map((item: Json) => `${item.status} ${item.effectId}`).toSorted()
  }
  const wanted = (...chosen: readonly string[]): string[] =>
    chosen.map((status) => `${status} ${ids.get(status)}`).toSorted()

  it('tells the status of each, wherever it is known', async () => {
    assert.deepEqual(await found(''), wanted(...statuses))
  })

  it('is filtered by one status or several', async () => {
    for (const status of statuses) assert.deepEqual(await found(`status=${status}`), wanted(status))
    assert.deepEqual(await found('status=dead&status=waiting&status=running'), wanted('dead', 'waiting', 'running'))
    assert.deepEqual(await found('status=dead&status=done'), wanted('dead', 'done'))
    assert.deepEqual(await found('status=nothing'), [])
    assert.deepEqual(await found('status=dead&destination=email'), [])
  })

  it('is counted by destination and status', async () => {
    const { body } = await api.get('destinations/fns')
    assert.deepEqual([body.waiting, body.running, body.unknown, body.dead], [1, 1, 1, 1])
  })

  it('names a moment only for what waits, and the attempt that runs', async () => {
    const { body } = await api.get('effects')
    for (const item of body.items as Json[]) {
      assert.equal(item.nextAttemptAt !== null, item.status === 'waiting')
      assert.equal(item.attempts, item.status === 'running' ? 1 : 0)
    }
  })
})
