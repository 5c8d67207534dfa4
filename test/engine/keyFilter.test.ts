import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { makeKeyFilter } from '../../src/engine/keyFilter.ts'

describe('a key filter', () => {
  it('has no key before one is added', () => {
    const filter = makeKeyFilter()
    for (const key of ['', 'par_1', 'любой']) assert.equal(filter.mayHave(key), false)
  })

  it('has every key that was added, and few others', () => {
    const filter = makeKeyFilter()
    const added = Array.from({ length: 50_000 }, () => `pay_${randomUUID()}`)
    for (const key of added) filter.add(key)
    assert.equal(
      added.every((key) => filter.mayHave(key)),
      true,
    )
    const others = Array.from({ length: 50_000 }, () => `pay_${randomUUID()}`)
    assert.ok(others.filter((key) => filter.mayHave(key)).length < 50)
  })
})
