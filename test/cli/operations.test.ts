import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { listed, problem } from '../support/fakeApi.ts'
import { against } from './against.ts'

const effectId = '0a5d61c0-0000-5000-8000-000000000001'
const otherId = '0a5d61c0-0000-5000-8000-000000000002'

describe('hub effects', () => {
  const counted = (count: number) => ({
    json: { count, samples: [{ effectId, kind: 'email.send', status: 'dead', lastError: 'relay-refused' }] },
  })

  it('redrive --dry-run counts and samples, and changes nothing (S25)', async () => {
    const run = await against({ 'POST /api/v1/effects/redrive': counted(3) }, [
      'effects',
      'redrive',
      '--destination',
      'email',
      '--dry-run',
    ])
    assert.equal(run.code, 0)
    assert.match(run.stdout, /3 effects would be set free/)
    assert.deepEqual(
      run.seen.map(({ body }) => (body as { dryRun: boolean; destination: string }).dryRun),
      [true],
    )
  })

  it('redrive looks first and then sets free (S25)', async () => {
    const run = await against({ 'POST /api/v1/effects/redrive': counted(3) }, [
      'effects',
      'redrive',
      '--status',
      'dead',
    ])
    assert.equal(run.code, 0)
    assert.deepEqual(
      run.seen.map(({ body }) => ({ ...(body as object), reason: null })),
      [
        { status: 'dead', dryRun: true, reason: null },
        { status: 'dead', dryRun: false, reason: null },
      ],
    )
  })

  it('redrive of more than 100 is not done without a typed confirmation or --yes (S25)', async () => {
    const routes = { 'POST /api/v1/effects/redrive': counted(101) }
    const unconfirmed = await against(routes, ['effects', 'redrive'])
    assert.equal(unconfirmed.code, 2)
    assert.equal(unconfirmed.seen.length, 1)
    const confirmed = await against(routes, ['effects', 'redrive', '--yes'])
    assert.equal(confirmed.code, 0)
    assert.equal(confirmed.seen.length, 2)
    assert.match(confirmed.stderr, /Confirmed by --yes: redrive 101 effects/)
  })

  it('resolve says what became of an effect', async () => {
    const run = await against(
      { [`POST /api/v1/effects/${effectId}/resolve`]: { json: { effectId, status: 'done' } } },
      ['effects', 'resolve', effectId, '--outcome', 'done', '--reason', 'Seen in the cabinet', '--json'],
    )
    assert.equal(run.code, 0)
    assert.deepEqual(run.seen[0]?.body, { outcome: 'done', reason: 'Seen in the cabinet' })
    assert.deepEqual(run.json(), { id: effectId, effectId, status: 'done' })
  })

  it('retry of several goes on after a refusal and ends with 1', async () => {
    const run = await against(
      {
        [`POST /api/v1/effects/${effectId}/retry`]: problem(409, 'effect-not-changeable', 'It is done'),
        [`POST /api/v1/effects/${otherId}/retry`]: { json: { effectId: otherId, status: 'waiting' } },
      },
      ['effects', 'retry', effectId, otherId, '--json'],
    )
    assert.equal(run.code, 1)
    assert.deepEqual(run.json(), {
      count: 1,
      items: [
        { id: effectId, error: { code: 'effect-not-changeable', detail: 'It is done' } },
        { id: otherId, effectId: otherId, status: 'waiting' },
      ],
    })
  })
})

describe('hub quarantine release', () => {
  it('--all --dry-run names what the filters choose, and releases nothing (S25)', async () => {
    const run = await against({ 'GET /api/v1/webhooks': listed([{ webhookId: effectId }, { webhookId: otherId }]) }, [
      'quarantine',
      'release',
      '--all',
      '--source',
      'tilda',
      '--reason-code',
      'no-contact',
      '--dry-run',
      '--json',
    ])
    assert.equal(run.code, 0)
    assert.deepEqual(run.json(), { dryRun: true, count: 2, ids: [effectId, otherId] })
    const query = Object.fromEntries(run.seen[0]?.query ?? [])
    assert.deepEqual(
      { verdict: query.verdict, source: query.source, reason: query.reason },
      { verdict: 'quarantined', source: 'tilda', reason: 'no-contact' },
    )
    assert.equal(run.seen.length, 1)
  })

  it('says that a delivery stays held, and ends with 1', async () => {
    const run = await against(
      { [`POST /api/v1/quarantine/${effectId}/release`]: problem(409, 'still-quarantined', 'It is still of no use') },
      ['quarantine', 'release', effectId],
    )
    assert.equal(run.code, 1)
    assert.match(run.stderr, /still of no use/)
  })
})

describe('hub partner', () => {
  const card = { partnerId: 'par_00000000000000000000000000000001', contactName: 'Примерова Мария', phone: null }

  it('erase needs a typed confirmation or --yes, and gives the basis', async () => {
    const routes = { [`POST /api/v1/partners/${card.partnerId}/erase`]: { json: { events: ['PersonErased'] } } }
    const unconfirmed = await against(routes, ['partner', 'erase', card.partnerId])
    assert.equal(unconfirmed.code, 2)
    assert.equal(unconfirmed.seen.length, 0)
    const done = await against(routes, [
      'partner',
      'erase',
      card.partnerId,
      '--yes',
      '--basis',
      'withdrawal',
      '--reason',
      'A letter',
    ])
    assert.equal(done.code, 0)
    assert.deepEqual(done.seen[0]?.body, { basis: 'withdrawal', reason: 'A letter' })
  })

  it('show finds a partner by its INN, and refuses a search that means several', async () => {
    const one = await against(
      { 'GET /api/v1/partners': listed([card]), [`GET /api/v1/partners/${card.partnerId}`]: { json: card } },
      ['partner', 'show', '7700000009', '--json'],
    )
    assert.equal(one.code, 0)
    assert.deepEqual(one.json(), card)
    assert.equal(one.seen[0]?.query.get('q'), '7700000009')
    const several = await against({ 'GET /api/v1/partners': listed([card, { partnerId: 'par_2' }]) }, [
      'partner',
      'show',
      'Дом',
    ])
    assert.equal(several.code, 1)
    assert.match(several.stderr, /par_2/)
  })
})

describe('hub clock advance', () => {
  it('moves the clock of the sandbox with the operator token', async () => {
    const run = await against({ 'POST /sandbox/clock': { json: { now: '2026-04-01T09:00:00.000Z' } } }, [
      'clock',
      'advance',
      '31d',
    ])
    assert.equal(run.code, 0)
    assert.equal(run.stdout, 'The clock shows 2026-04-01 12:00:00 MSK.\n')
    assert.deepEqual(run.seen[0]?.body, { advance: '31d' })
    assert.equal(run.seen[0]?.authorization, 'Bearer op_token')
  })
})

describe('hub sandbox', () => {
  it('scripts a fault of a twin', async () => {
    const run = await against({ 'POST /sandbox/yookassa/faults': { status: 201, json: { kind: 'slow' } } }, [
      'sandbox',
      'faults',
      'yookassa',
      '--add',
      'slow',
      '--path',
      '/payments',
      '--times',
      '2',
      '--seconds',
      '7',
    ])
    assert.equal(run.code, 0)
    assert.deepEqual(run.seen[0]?.body, { kind: 'slow', path: '/payments', times: 2, seconds: 7 })
  })

  it('shows the newest letter to an address', async () => {
    const letters = [
      { id: '1', to: 'a@example.ru', subject: 'Первое', text: 'Раз' },
      { id: '2', to: 'a@example.ru', subject: 'Второе', text: 'Два' },
      { id: '3', to: 'b@example.ru', subject: 'Чужое', text: 'Три' },
    ]
    const run = await against({ 'GET /sandbox/mail/messages': { json: letters } }, [
      'sandbox',
      'mail',
      '--to',
      'A@example.ru',
      '--show',
      'last',
    ])
    assert.equal(run.code, 0)
    assert.match(run.stdout, /Второе[\s\S]*Два/)
  })
})
