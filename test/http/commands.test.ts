import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { apiDoor } from '../../src/http/api.ts'
import { operatorRoutes } from '../../src/http/operationsRoutes.ts'
import { instant } from '../../src/kernel/time.ts'
import { playTracedPartner, testApi } from '../support/api.ts'
import { playPartner } from '../support/core.ts'
import { putEffect } from '../support/effects.ts'
import type { Json } from '../support/service.ts'

const at = instant(new Date('2026-11-24T09:00:00Z'))
const reason = 'An invented reason'

describe('operator commands of the API', () => {
  let api: Awaited<ReturnType<typeof testApi>>
  before(async () => {
    api = await testApi()
  })
  after(() => api.close())

  let serial = 0
  /** A new partner with an INN of his own; check digits do not matter to deciders. */
  const partner = (upTo: Parameters<typeof playPartner>[2]['upTo']) => {
    serial += 1
    return playPartner(api.core, at, { inn: `77000${String(serial).padStart(5, '0')}`, upTo })
  }

  const anEffect = (status: string): Promise<string> => putEffect(api.core.sql, { status })

  const lastEvent = async (stream: string): Promise<Json> =>
    (await api.get(`events?stream=${encodeURIComponent(stream)}&sort=-position&limit=1`)).body.items[0]

  it('answer with the position of the fact that they are, with who and why', async () => {
    const { status, headers, body } = await api.post('destinations/fns/pause', { reason })
    assert.equal(status, 200)
    assert.equal(headers.get('x-position'), String(body.position))
    const event = await lastEvent('operator-fns')
    assert.equal(event.position, body.position)
    assert.equal(event.meta.actor, 'operator')
    assert.equal(event.meta.reason, reason)
    const paused = (await api.get('destinations/fns')).body
    assert.deepEqual([paused.status, paused.reason], ['paused', reason])
    assert.equal((await api.post('destinations/fns/resume', { reason })).status, 200)
    assert.equal((await api.get('destinations/fns')).body.status, 'running')
  })

  it('keep reasons from analysts, who read the event without it', async () => {
    await api.post('destinations/fns/resume', { reason: 'Mr Invented asked' })
    const { text } = await api.get('events?type=OperatorActed&limit=500', 'analyst')
    assert.match(text, /OperatorActed/)
    assert.doesNotMatch(text, /Mr Invented/)
  })

  it('are for operators only, every one of them', async () => {
    for (const route of operatorRoutes) {
      const path = route.path.replace(/:\w+/g, 'x')
      assert.equal((await api.post(path, { reason }, 'analyst')).status, 403, path)
      assert.equal((await api.post(path, { reason }, 'nobody')).status, 401, path)
    }
    assert.equal((await api.post('projections/verify', {}, 'analyst')).status, 403)
    assert.equal((await api.get('doctor', 'analyst')).status, 403)
  })

  it('need a reason and a body that can be read', async () => {
    const bodies: unknown[] = [
      {},
      { reason: '' },
      { reason: '  ' },
      { reason: 7 },
      { reason: null },
      { reason: 'x'.repeat(501) },
    ]
    const odd = ['\u0000', '\ud800'].map((text) => ({ reason: text }))
    for (const body of [...bodies, ...odd])
      assert.equal((await api.post('destinations/fns/pause', body)).status, 422, JSON.stringify(body).slice(0, 40))
    for (const body of ['', 'reason', '[]', 'null', '"reason"', '{'])
      assert.equal((await api.post('destinations/fns/pause', body)).status, 400, body)
    assert.deepEqual(api.faults, [])
  })

  it('answer 404 to what is not there and 409 to what the state refuses', async () => {
    const unknown: readonly (readonly [string, Record<string, unknown>])[] = [
      ['effects/none/retry', {}],
      [`effects/${randomUUID()}/retry`, {}],
      ['destinations/pigeon/pause', {}],
      ['projections/pigeons/rebuild', {}],
      ['webhooks/none/replay', {}],
      [`quarantine/${randomUUID()}/release`, {}],
      ['partners/par_none/review', { verdict: 'verified' }],
      ['subscriptions/sub_none/cancel', { at: 'now' }],
      ['subscriptions/sub_none/extend', { days: 3 }],
      ['subscriptions/sub_none/refund', { amountKopecks: 100 }],
      ['subscriptions/sub_none/change-plan', { plan: 'PARTNER-1M', at: 'now' }],
      ['pigeons/1/feed', {}],
    ]
    for (const [path, more] of unknown) assert.equal((await api.post(path, { reason, ...more })).status, 404, path)
    assert.equal((await api.post('projections/partners/switch', { reason })).status, 409)
    assert.equal((await api.post('projections/partners/rollback', { reason })).status, 409)
    assert.equal((await api.get('projections/partners/diff')).status, 409)
    const done = await anEffect('done')
    const refusal = await api.post(`effects/${done}/retry`, { reason })
    assert.equal(refusal.status, 409)
    assert.equal(refusal.body.code, 'effect-not-changeable')
    assert.deepEqual(api.faults, [])
  })

  it('retry, resolve and discard effects', async () => {
    const [dead, unknown, other] = [await anEffect('dead'), await anEffect('unknown'), await anEffect('dead')]
    assert.equal((await api.post(`effects/${dead}/retry`, { reason })).status, 200)
    assert.equal((await api.get(`effects/${dead}`)).body.status, 'waiting')
    assert.equal((await api.post(`effects/${unknown}/resolve`, { reason, outcome: 'perhaps' })).status, 422)
    assert.equal((await api.post(`effects/${unknown}/resolve`, { reason, outcome: 'done' })).status, 200)
    const card = (await api.get(`effects/${unknown}`)).body
    assert.equal(card.status, 'done')
    assert.equal(card.history.at(-1).reason, reason)
    assert.equal((await api.post(`effects/${other}/discard`, { reason })).status, 200)
    assert.equal((await api.get(`effects/${other}`)).body.status, 'cancelled')
  })

  it('redrive effects by filter, and with dryRun only count them', async () => {
    const dead = await anEffect('dead')
    const dry = await api.post('effects/redrive', { reason, destination: 'fns', status: 'dead', dryRun: true })
    assert.equal(dry.status, 200)
    assert.ok(dry.body.count >= 1)
    assert.equal((await api.get(`effects/${dead}`)).body.status, 'dead')
    const real = await api.post('effects/redrive', { reason, destination: 'fns', status: 'dead' })
    assert.equal(real.body.count, dry.body.count)
    assert.equal((await api.get(`effects/${dead}`)).body.status, 'waiting')
    assert.equal((await api.post('effects/redrive', { reason, destination: 5 })).status, 422)
  })

  it('review a partner in doubt, cancel and extend a subscription', async () => {
    const { id, subscriptionId } = await partner('paid')
    const extended = await api.post(`subscriptions/${subscriptionId}/extend`, { reason, days: 5 })
    assert.equal(extended.status, 200)
    await api.project()
    const path = `subscriptions/${subscriptionId}?minPosition=${extended.headers.get('x-position')}`
    const { paidThrough } = (await api.get(path)).body
    const before = (await api.get(`subscriptions/${subscriptionId}?asOf=${extended.body.position - 1}`)).body
      .paidThrough
    assert.equal(Date.parse(paidThrough) - Date.parse(before), 5 * 86_400_000)
    for (const days of [0, -1, 1.5, '5', null, 100_000])
      assert.equal(
        (await api.post(`subscriptions/${subscriptionId}/extend`, { reason, days })).status,
        422,
        String(days),
      )
    assert.equal((await api.post(`subscriptions/${subscriptionId}/cancel`, { reason, at: 'soon' })).status, 422)
    assert.equal((await api.post(`subscriptions/${subscriptionId}/cancel`, { reason, at: 'period_end' })).status, 200)
    assert.equal((await api.post(`partners/${id}/review`, { reason, verdict: 'perhaps' })).status, 422)

    const doubtful = await partner('applied')
    await api.core.handler.handle({
      stream: `partner-${doubtful.id}`,
      command: {
        type: 'RecordVerdict',
        data: {
          at,
          checkedAt: at,
          verdict: 'needs_review',
          reason: 'unclear-status',
          detail: '',
          company: null,
          slug: null,
        },
      },
      cause: { kind: 'import', id: 'test' },
    })
    const reviewed = await api.post(`partners/${doubtful.id}/review`, { reason, verdict: 'verified' })
    assert.equal(reviewed.status, 200)
    await api.project()
    const card = (await api.get(`partners/${doubtful.id}`)).body
    assert.equal(card.status, 'verified')
    assert.match(card.slug, /^primer-dom-[0-9a-f]{6}$/)
  })

  it('hand out everything about a partner, and put that on record', async () => {
    const played = await playTracedPartner(api.core)
    await api.project()
    const { status, body, headers } = await api.post(`partners/${played.id}/export`, { reason })
    assert.equal(status, 200)
    assert.equal(body.partner.phone, '+79123456789')
    assert.deepEqual(
      body.events.map((event: Json) => event.type),
      ['PartnerApplied', 'PartnerVerified'],
    )
    assert.equal(body.events[0].data.email, 'maria@example.ru')
    assert.deepEqual(
      body.webhooks.map((webhook: Json) => webhook.bodyText),
      [played.body],
    )
    assert.deepEqual(
      body.effects.map((effect: Json) => effect.effectId),
      [played.effectId],
    )
    const event = await lastEvent(`operator-${played.id}`)
    assert.equal(String(event.position), headers.get('x-position'))
    assert.equal(event.data.action, 'partner-export')
    const other = await partner('paid')
    await api.project()
    const second = (await api.post(`partners/${other.id}/export`, { reason })).body
    assert.deepEqual([second.subscriptions.length, second.payments.length], [1, 1])
    assert.doesNotMatch(JSON.stringify(second), new RegExp(played.id))
    assert.equal((await api.post('partners/par_none/export', { reason })).status, 404)
  })

  it('erase a person for one of the reasons of the law, where the service can', async () => {
    const asked: unknown[] = []
    const erasing = apiDoor({
      ports: {
        ...api.ports,
        operations: {
          ...api.ports.operations,
          erasePartner: async (partnerId, basis, by) => {
            asked.push([partnerId, basis, by.reason])
            return { tag: 'ok', status: 202, position: 7, body: {} }
          },
        },
      },
      doctor: async () => ({}),
      onError: () => {},
    })
    const erase = (body: unknown): Promise<Response> =>
      erasing(
        new Request('http://127.0.0.1/api/v1/partners/par_1/erase', {
          method: 'POST',
          headers: { authorization: `Bearer ${api.tokens.operator}` },
          body: JSON.stringify(body),
        }),
        'peer',
      )
    assert.equal((await erase({ reason, basis: 'whim' })).status, 422)
    assert.equal((await erase({ reason })).status, 422)
    const done = await erase({ reason, basis: 'withdrawal' })
    assert.deepEqual([done.status, done.headers.get('x-position')], [202, '7'])
    assert.deepEqual(asked, [['par_1', 'withdrawal', reason]])
  })

  it('begin a rebuild with 202 and show the candidate', async () => {
    const { status, body } = await api.post('projections/payments/rebuild', { reason })
    assert.equal(status, 202)
    const item = (await api.get('projections/payments')).body
    assert.equal(item.candidate.version, body.version)
    assert.equal(item.candidate.status, 'building')
    assert.equal((await api.post('projections/payments/switch', { reason })).status, 409)
  })

  it('say what is allowed when the method is wrong', async () => {
    const allow = async (method: string, path: string): Promise<string | null> => {
      const response = await api.send(path, { method }, 'operator')
      assert.equal(response.status, 405, `${method} ${path}`)
      return response.headers.get('allow')
    }
    assert.equal(await allow('GET', 'effects/redrive'), 'POST')
    assert.equal(await allow('GET', 'partners/x/review'), 'POST')
    assert.equal(await allow('POST', 'partners'), 'GET, HEAD')
    assert.equal(await allow('PUT', 'partners'), 'GET, HEAD')
    assert.equal(await allow('DELETE', 'partners/x'), 'GET, HEAD')
  })
})
