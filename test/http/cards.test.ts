import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { playTracedPartner, testApi } from '../support/api.ts'
import type { Json } from '../support/service.ts'

describe('cards, why and trace of the API', () => {
  let api: Awaited<ReturnType<typeof testApi>>
  let played: Awaited<ReturnType<typeof playTracedPartner>>

  before(async () => {
    api = await testApi()
    played = await playTracedPartner(api.core)
    await api.project()
  })
  after(() => api.close())

  const kinds = (chain: Json[]): string[] => chain.map((link) => link.kind)

  it('show a partner as he is', async () => {
    const { status, body } = await api.get(`partners/${played.id}`)
    assert.equal(status, 200)
    assert.equal(body.partnerId, played.id)
    assert.equal(body.status, 'verified')
    assert.equal(body.inn, '7700000009')
    assert.deepEqual(body.services, ['Ипотека', 'Оценка'])
    assert.deepEqual(body.page, { url: null, status: 'none' })
    assert.equal(body.position, played.verified)
  })

  it('record an operator’s look at a partner in the log, and no look of an analyst', async () => {
    const looks = async (): Promise<Json[]> =>
      (await api.get(`events?type=CardViewed&stream=partner-${played.id}&limit=500`)).body.items
    const earlier = (await looks()).length
    const { headers } = await api.get(`partners/${played.id}`)
    await api.get(`partners/${played.id}`, 'analyst')
    const now = await looks()
    assert.equal(now.length, earlier + 1)
    assert.equal(String(now.at(-1).position), headers.get('x-position'))
    assert.equal(now.at(-1).data.by, 'operator')
    assert.equal(now.at(-1).meta.cause.kind, 'operator')
  })

  it('show a partner as he was at a position and at a moment, folded by the same read model', async () => {
    const then = await api.get(`partners/${played.id}?asOf=${played.applied}`)
    assert.equal(then.status, 200)
    assert.equal(then.body.status, 'applied')
    assert.equal(then.body.verification.status, 'pending')
    const now = await api.get(`partners/${played.id}?asOf=${played.verified}`)
    assert.equal(now.body.status, 'verified')
    const byTime = await api.get(`partners/${played.id}?asOf=${encodeURIComponent('2099-01-01T00:00:00+03:00')}`)
    assert.equal(byTime.body.status, 'verified')
    const masked = await api.get(`partners/${played.id}?asOf=${played.applied}`, 'analyst')
    assert.equal(masked.body.phone, '+7***89')
  })

  it('answer 404 before a card’s birth and 400 to an asOf that is none', async () => {
    assert.equal((await api.get(`partners/${played.id}?asOf=${played.applied - 1}`)).status, 404)
    assert.equal((await api.get(`partners/${played.id}?asOf=2001-01-01T00:00:00Z`)).status, 404)
    for (const asOf of ['yesterday', '-1', '2026-11-24', '2026-11-24T09:00:00', '1e3', ''])
      assert.equal((await api.get(`partners/${played.id}?asOf=${asOf}`)).status, 400, asOf)
    assert.equal((await api.get(`partners/${played.id}?minPosition=x`)).status, 400)
    assert.equal((await api.get(`partners/${played.id}?colour=red`)).status, 400)
  })

  it('answer 404 to ids and lists that are not there, never 500', async () => {
    for (const path of [
      'partners/par_none',
      'partners/%00',
      'partners/%ff',
      'webhooks/none',
      `webhooks/${randomUUID()}`,
      `effects/${randomUUID()}`,
      'effects/none',
      `events/${randomUUID()}`,
      'pigeons',
      'pigeons/1',
      'partners/par_none/why?field=status',
      'partners/%00/why?field=status',
      `partners/${played.id}/why?field=colour`,
      `partners/${played.id}/colour`,
      `trace/${randomUUID()}`,
      'trace/none',
      'trace/%00',
      'projections/pigeons/diff',
      '',
    ]) {
      const { status, headers } = await api.get(path)
      assert.equal(status, 404, path)
      assert.equal(headers.get('content-type'), 'application/problem+json', path)
    }
    assert.deepEqual(api.faults, [])
  })

  it('show a webhook with its bytes to operators, and without them to analysts', async () => {
    const { body } = await api.get(`webhooks/${played.webhookId}`)
    assert.equal(body.verdict, 'accepted')
    assert.equal(body.repeats, 0)
    assert.equal(body.repeatOf, null)
    assert.deepEqual(body.eventPositions, [played.applied])
    assert.equal(Buffer.from(body.bodyBase64, 'base64').toString(), played.body)
    assert.equal(body.bodyText, played.body)
    assert.equal(body.sha256, createHash('sha256').update(played.body).digest('hex'))
    assert.equal(body.headers['content-type'], 'application/x-www-form-urlencoded')
    const masked = await api.get(`webhooks/${played.webhookId}`, 'analyst')
    assert.equal(masked.status, 200)
    assert.doesNotMatch(masked.text, /INN=|bodyText|bodyBase64|192\.0\.2\.7/)
  })

  it('show an effect with the history of its attempts and without its payload', async () => {
    const { body, text } = await api.get(`effects/${played.effectId}`)
    assert.equal(body.status, 'done')
    assert.equal(body.attempts, 2)
    assert.deepEqual(
      body.history.map((entry: Json) => entry.outcome),
      ['later', 'done'],
    )
    assert.doesNotMatch(text, /payload|7700000009/)
  })

  it('explain a field from the bytes of the delivery to the outcome that set it', async () => {
    const { status, body } = await api.get(`partners/${played.id}/why?field=status`)
    assert.equal(status, 200)
    assert.equal(body.field, 'status')
    assert.equal(body.value, 'verified')
    assert.deepEqual(kinds(body.chain), [
      'webhook',
      'command',
      'event',
      'effect',
      'attempt',
      'outcome',
      'attempt',
      'outcome',
      'command',
      'event',
    ])
    const [first] = body.chain
    assert.equal(first.id, played.webhookId)
    assert.equal(first.sha256, createHash('sha256').update(played.body).digest('hex'))
    assert.equal(first.at, '2026-11-24T08:59:00.000Z')
    assert.equal(body.chain.at(-1).position, played.verified)
    for (const link of body.chain) assert.ok('id' in link && 'position' in link && 'at' in link && link.summary)
  })

  it('explain a field that the first event set by that event, also nested ones', async () => {
    for (const field of ['phone', 'city', 'registeredAt', 'consent.personalData', 'services', 'consent']) {
      const { body } = await api.get(`partners/${played.id}/why?field=${field}`)
      assert.deepEqual(kinds(body.chain), ['webhook', 'command', 'event'], field)
      assert.equal(body.chain.at(-1).position, played.applied, field)
    }
    const masked = await api.get(`partners/${played.id}/why?field=phone`, 'analyst')
    assert.equal(masked.body.value, '+7***89')
    assert.doesNotMatch(masked.text, /9123456789/)
  })

  it('trace the same chain from a webhook, an event and an effect, forwards as well', async () => {
    const whole = [
      'webhook',
      'command',
      'event',
      'effect',
      'attempt',
      'outcome',
      'attempt',
      'outcome',
      'command',
      'event',
    ]
    const { body: event } = await api.get(`events?position=${played.applied}`)
    for (const id of [played.webhookId, played.effectId, event.items[0].eventId]) {
      const { status, body } = await api.get(`trace/${id}`)
      assert.equal(status, 200)
      assert.deepEqual(kinds(body.chain), whole)
      assert.equal(body.chain[0].id, played.webhookId)
      assert.equal(body.chain.at(-1).position, played.verified)
    }
  })
})
