import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { withService } from '../support/service.ts'

/** Every door that the composition opens, with the policy that it declares. */
const declared = [
  ...readFileSync(new URL('../../src/compose/doors.ts', import.meta.url), 'utf8').matchAll(
    /prefix: '([^']+)',\s*policy: '([a-z]+)'/g,
  ),
].map(([, prefix = '', policy = '']) => ({ prefix, policy }))

/** A request that a stranger makes at each door, and what a stranger is told. */
const strangers: Readonly<Record<string, readonly [method: string, path: string, statuses: readonly number[]]>> = {
  '/webhooks': ['POST', '/webhooks/tilda/form', [401]],
  '/api/v1': ['GET', '/api/v1/partners', [401]],
  '/openapi': ['GET', '/openapi', [200]],
  '/console': ['GET', '/console/partners', [303, 401]],
  '/metrics': ['GET', '/metrics', [401]],
  '/pay': ['GET', '/pay/guessed', [404]],
  '/me': ['GET', '/me/guessed', [404]],
  '/unsubscribe': ['GET', '/unsubscribe/guessed', [404]],
  '/offers': ['GET', '/offers/guessed', [404]],
  '/partners': ['GET', '/partners', [200]],
  '/leads': ['POST', '/leads', [422]],
  '/feeds': ['GET', '/feeds/partners.csv', [200]],
  '/assets': ['GET', '/assets/site.css', [200]],
  '/sandbox': ['GET', '/sandbox/', [200]],
  '/sandbox/clock': ['POST', '/sandbox/clock', [401]],
}

describe('the doors of a running service', () => {
  it('keep to the policy that each declares: no stranger comes in where a key is needed (S15)', () =>
    withService({}, async (service) => {
      assert.deepEqual(declared.map(({ prefix }) => prefix).sort(), Object.keys(strangers).sort())
      for (const { prefix, policy } of declared) {
        const [method = 'GET', path = '', statuses = []] = strangers[prefix] ?? []
        const body = method === 'POST' ? { body: new URLSearchParams({ note: 'x' }) } : {}
        const response = await fetch(`${service.url}${path}`, { method, redirect: 'manual', ...body })
        await response.body?.cancel()
        assert.ok(statuses.includes(response.status), `${method} ${path} (${policy}) answered ${response.status}`)
        assert.equal(
          policy === 'public',
          statuses.every((status) => status === 200 || status === 422),
          prefix,
        )
      }
    }))

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
