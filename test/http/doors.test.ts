import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withService } from '../support/service.ts'

describe('the doors of a running service', () => {
  it('count wrong tokens by the address behind a proxy of ours, and believe nobody else about it', () =>
    withService({ TRUSTED_PROXIES: '127.0.0.1/32' }, async (service) => {
      const guess = async (forwarded: string): Promise<number> => {
        const headers = { authorization: 'Bearer wrong', 'x-forwarded-for': forwarded }
        const response = await fetch(`${service.url}/api/v1/partners`, { headers })
        await response.body?.cancel()
        return response.status
      }
      for (let tries = 0; tries < 20; tries++) assert.equal(await guess('203.0.113.1'), 401)
      assert.equal(await guess('203.0.113.1'), 429)
      assert.equal(await guess('198.51.100.9, 203.0.113.1'), 429)
      assert.equal(await guess('203.0.113.2'), 401)
    }))

  it('answer lists, cards and problems over a socket, each with the headers of the API', () =>
    withService({}, async (service) => {
      const list = await service.get('/api/v1/partners?limit=1')
      assert.equal(list.status, 200)
      assert.deepEqual(list.body, { items: [], nextCursor: null, position: list.body.position })
      const lists = await Promise.all(
        ['subscriptions', 'payments', 'plans', 'webhooks', 'effects', 'events', 'projections', 'destinations'].map(
          (name) => service.get(`/api/v1/${name}`),
        ),
      )
      for (const { status, body, headers } of lists) {
        assert.equal(status, 200)
        assert.ok(Array.isArray(body.items))
        assert.equal(headers.get('cache-control'), 'no-store')
        assert.equal(headers.get('x-content-type-options'), 'nosniff')
      }
      const broken = await fetch(`${service.url}/api/v1/destinations/fns/pause`, {
        method: 'POST',
        headers: { authorization: `Bearer ${service.operator}`, 'content-type': 'application/json' },
        body: '{',
      })
      assert.equal(broken.status, 400)
      assert.equal((await broken.json()).code, 'body-unreadable')
      assert.equal((await service.get('/api/v1/pigeons')).status, 404)
      const document = await fetch(`${service.url}/openapi/json`)
      assert.equal(document.status, 200)
      assert.match((await document.json()).openapi, /^3\.1/)
      assert.equal((await fetch(`${service.url}/openapi`)).status, 200)
      assert.equal((await fetch(`${service.url}/api/v1/partners?access_token=${service.operator}`)).status, 401)
    }))
})
