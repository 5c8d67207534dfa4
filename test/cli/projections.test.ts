import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Canned, fakeApi, listed, problem } from '../support/fakeApi.ts'
import { startHub } from '../support/runHub.ts'
import { until } from '../support/twinServer.ts'
import { against } from './against.ts'

const live = { name: 'partners', version: 1, status: 'live', position: 90, lag: 10, parked: 0, previous: null }

const building = (share: number) => ({
  ...live,
  candidate: {
    version: 2,
    status: share < 1 ? 'building' : 'ready',
    position: Math.round(share * 100),
    progress: share,
    etaSeconds: share < 1 ? 3725 : 0,
    error: null,
  },
})

/** Answers one after the other; the last one stays. */
const inTurn = (...answers: readonly Canned[]): (() => Canned) => {
  let turn = 0
  return () => answers[Math.min(turn++, answers.length - 1)] ?? {}
}

const accepted = { status: 202, json: { name: 'partners', version: 2, joined: false } }

describe('hub projections rebuild', () => {
  it('returns when the candidate is ready, and shows progress with the ETA of the service on standard error', async () => {
    const run = await against(
      {
        'POST /api/v1/projections/partners/rebuild': accepted,
        'GET /api/v1/projections': inTurn(listed([building(0.25)]), listed([building(0.5)]), listed([building(1)])),
      },
      ['projections', 'rebuild', 'partners', '--json', '--reason', 'A new column'],
    )
    assert.equal(run.code, 0)
    assert.deepEqual(run.json(), building(1))
    assert.match(run.stderr, /Rebuilding partners: 25 %, position 25, ETA 1 h 2 min/)
    const [asked] = run.seen
    assert.deepEqual(asked?.body, { reason: 'A new column' })
    assert.equal(asked?.authorization, 'Bearer op_token')
  })

  it('gives a truthful reason when none is given (I10)', async () => {
    const run = await against({ 'POST /api/v1/projections/partners/rebuild': accepted }, [
      'projections',
      'rebuild',
      'partners',
      '--no-wait',
    ])
    assert.equal(run.code, 0)
    const body = run.seen[0]?.body as { reason: string }
    assert.match(body.reason, /^hub command line, by \S+/)
  })

  it('outlives a restart of the service (R7)', async () => {
    const run = await against(
      {
        'POST /api/v1/projections/partners/rebuild': accepted,
        'GET /api/v1/projections': inTurn(
          listed([building(0.25)]),
          problem(503, 'database-away', 'The database is away'),
          listed([building(1)]),
        ),
      },
      ['projections', 'rebuild', 'partners'],
    )
    assert.equal(run.code, 0)
    assert.match(run.stdout, /Version 2 of partners is ready/)
  })

  it('ends with 1 when the candidate could not be built', async () => {
    const failed = { ...live, candidate: { ...building(0.5).candidate, status: 'failed', error: 'A fold failed' } }
    const run = await against(
      { 'POST /api/v1/projections/partners/rebuild': accepted, 'GET /api/v1/projections': listed([failed]) },
      ['projections', 'rebuild', 'partners'],
    )
    assert.equal(run.code, 1)
    assert.match(run.stderr, /A fold failed/)
  })

  it('ends with 130 at Ctrl-C and says that the same command goes on watching (R7)', async () => {
    const api = await fakeApi({
      'POST /api/v1/projections/partners/rebuild': accepted,
      'GET /api/v1/projections': listed([building(0.25)]),
    })
    try {
      const child = startHub(['projections', 'rebuild', 'partners'], { HUB_URL: api.url })
      await until(() => child.said().includes('25 %'), 'progress to be shown')
      child.signal('SIGINT')
      const run = await child.done
      assert.equal(run.code, 130)
      assert.match(run.stderr, /"hub projections rebuild partners" goes on watching/)
    } finally {
      await api.stop()
    }
  })
})

describe('hub projections verify', () => {
  const models = (differences: number) => ({
    json: { models: [{ name: 'partners', rows: 5, differences, position: 28 }] },
  })

  it('names every read model and ends with 0 when all are equal (I4)', async () => {
    const run = await against({ 'POST /api/v1/projections/verify': models(0) }, ['projections', 'verify', '--json'])
    assert.equal(run.code, 0)
    assert.deepEqual(run.json(), models(0).json)
  })

  it('ends with 1 on a difference, with the same document (I4)', async () => {
    const run = await against({ 'POST /api/v1/projections/verify': models(2) }, ['projections', 'verify', '--json'])
    assert.equal(run.code, 1)
    assert.deepEqual(run.json(), models(2).json)
  })
})

describe('hub projections diff', () => {
  it('shows which fields change from what to what, and ends with 1', async () => {
    const found = {
      added: 0,
      removed: 0,
      changed: 1,
      samples: [
        { key: 'par_1', before: { city: 'Тверь', status: 'verified' }, after: { city: 'Казань', status: 'verified' } },
      ],
    }
    const run = await against({ 'GET /api/v1/projections/partners/diff': { json: found } }, [
      'projections',
      'diff',
      'partners',
    ])
    assert.equal(run.code, 1)
    assert.match(run.stdout, /changed 1/)
    assert.match(run.stdout, /city: Тверь -> Казань/)
    assert.doesNotMatch(run.stdout, /status:/)
  })

  it('ends with 0 when the candidate equals the live version', async () => {
    const run = await against(
      { 'GET /api/v1/projections/partners/diff': { json: { added: 0, removed: 0, changed: 0, samples: [] } } },
      ['projections', 'diff', 'partners'],
    )
    assert.equal(run.code, 0)
  })
})

describe('hub projections rollback', () => {
  it('ends with 1 when there is no previous version', async () => {
    const run = await against(
      {
        'POST /api/v1/projections/partners/rollback': problem(
          409,
          'no-previous-version',
          'There is no previous version',
        ),
      },
      ['projections', 'rollback', 'partners'],
    )
    assert.equal(run.code, 1)
    assert.match(run.stderr, /no previous version/)
  })
})
