import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { connect } from '../../src/db/connect.ts'
import { makeAccess } from '../../src/http/access.ts'
import { apiDoor } from '../../src/http/api.ts'
import { testApi } from '../support/api.ts'

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

describe('the door of the API', () => {
  it('answers 401 with a challenge without a token or with a wrong one, also where there is nothing', async () => {
    const api = await testApi()
    try {
      for (const path of ['partners', 'pigeons', 'partners/x', 'doctor', '']) {
        for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
          const response = await api.send(path, { headers }, 'nobody')
          assert.equal(response.status, 401, path)
          assert.equal(response.headers.get('www-authenticate'), 'Bearer')
          assert.equal(response.headers.get('content-type'), 'application/problem+json')
          assert.equal(response.headers.get('cache-control'), 'no-store')
        }
      }
    } finally {
      await api.close()
    }
  })

  it('answers 429 with Retry-After to an address that guesses', async () => {
    const api = await testApi()
    try {
      const guess = () => api.send('partners', { headers: { authorization: 'Bearer wrong' } }, 'nobody')
      for (let tries = 0; tries < 20; tries++) await guess()
      const response = await guess()
      assert.equal(response.status, 429)
      assert.equal(response.headers.get('retry-after'), '60')
      assert.equal((await api.get('plans')).status, 200)
    } finally {
      await api.close()
    }
  })

  it('answers 503 with Retry-After while the database is away, in every format', async () => {
    const api = await testApi()
    const away = connect('postgres://nobody@127.0.0.1:1/none', {
      connectionsMax: 1,
      applicationName: 'test',
      prepare: true,
      statementTimeoutMs: 1000,
    })
    try {
      const door = apiDoor({
        ports: { ...api.ports, sql: away },
        doctor: async () => ({}),
        onError: (error) => {
          throw error
        },
      })
      for (const accept of ['application/json', 'text/csv', 'application/vnd.apache.parquet']) {
        const headers = { accept, authorization: `Bearer ${api.tokens.operator}` }
        const response = await door(new Request('http://127.0.0.1/api/v1/webhooks', { headers }), 'peer')
        assert.equal(response.status, 503, accept)
        assert.equal(response.headers.get('retry-after'), '5')
        assert.doesNotMatch(await response.text(), /127\.0\.0\.1|ECONN|nobody/)
      }
    } finally {
      await away.end()
      await api.close()
    }
  })
})
