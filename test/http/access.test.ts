import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeAccess } from '../../src/http/access.ts'

const request = (authorization?: string, query = ''): Request =>
  new Request(
    `http://127.0.0.1/api/v1/partners${query}`,
    authorization === undefined ? {} : { headers: { authorization } },
  )

const tokens = { operator: ['op-one', 'op-two'], analyst: ['an-one'] }

describe('makeAccess()', () => {
  it('gives the role of a bearer token; two tokens of a role are valid at once', () => {
    const access = makeAccess(tokens, () => 0)
    for (const token of tokens.operator) {
      const found = access(request(`Bearer ${token}`), 'peer')
      assert.equal(found.tag === 'actor' && found.actor.role, 'operator')
    }
    const analyst = access(request('bearer an-one'), 'peer')
    assert.equal(analyst.tag === 'actor' && analyst.actor.role, 'analyst')
  })

  it('takes no token from the query, from another scheme, or nothing at all', () => {
    const access = makeAccess(tokens, () => 0)
    assert.equal(access(request(undefined, '?access_token=op-one&token=op-one'), 'peer').tag, 'missing')
    assert.equal(access(request('Basic op-one'), 'peer').tag, 'missing')
    assert.equal(access(request('Bearer '), 'peer').tag, 'missing')
    assert.equal(access(request('Bearer op-one extra'), 'peer').tag, 'missing')
    assert.equal(access(request('Bearer op-on'), 'peer').tag, 'wrong')
  })

  it('throttles wrong tokens of one address for a minute, and never the right one', () => {
    let now = 0
    const access = makeAccess(tokens, () => now)
    for (let tries = 0; tries < 20; tries++) assert.equal(access(request('Bearer no'), 'one').tag, 'wrong')
    assert.equal(access(request('Bearer no'), 'one').tag, 'throttled')
    assert.equal(access(request('Bearer no'), 'other').tag, 'wrong')
    assert.equal(access(request('Bearer op-one'), 'one').tag, 'actor')
    now = 60_000
    assert.equal(access(request('Bearer no'), 'one').tag, 'wrong')
  })
})
