import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeApi, listed, type SeenRequest } from '../support/fakeApi.ts'
import { runHub, startHub } from '../support/runHub.ts'
import { until } from '../support/twinServer.ts'
import { against } from './against.ts'

const event = (position: number) => ({
  position,
  eventId: `01934f7e-0000-7000-8000-${String(position).padStart(12, '0')}`,
  stream: 'partner-par_1',
  version: position,
  type: 'PartnerApplied',
  recordedAt: '2026-03-01T09:00:00.000Z',
})

/** A log that grows while it is watched; newest first, in pages. */
const logOf = (head: () => number) => (request: SeenRequest) => {
  const limit = Number(request.query.get('limit') ?? 50)
  const from = Number(request.query.get('cursor') ?? head())
  const positions = Array.from({ length: Math.min(limit, from) }, (_, index) => from - index)
  const last = positions.at(-1) ?? 1
  return { json: { items: positions.map(event), nextCursor: last > 1 ? String(last - 1) : null, position: head() } }
}

const positionsOf = (stdout: string): number[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { position: number }).position)

describe('hub events', () => {
  it('tail prints the last events, oldest first, one JSON document a line', async () => {
    const run = await against({ 'GET /api/v1/events': logOf(() => 40) }, ['events', 'tail', '--limit', '3', '--json'])
    assert.equal(run.code, 0)
    assert.deepEqual(positionsOf(run.stdout), [38, 39, 40])
  })

  it('tail --follow loses and repeats nothing of a burst, and ends at Ctrl-C with 130', async () => {
    let head = 5
    const api = await fakeApi({ 'GET /api/v1/events': logOf(() => head) })
    try {
      const child = startHub(['events', 'tail', '--limit', '2', '--follow', '--json'], { HUB_URL: api.url })
      await until(() => child.said().includes('"position":5'), 'the first events')
      head = 1205
      await until(() => child.said().includes('"position":1205'), 'the burst')
      child.signal('SIGINT')
      const run = await child.done
      assert.equal(run.code, 130)
      assert.deepEqual(
        positionsOf(run.stdout),
        Array.from({ length: 1202 }, (_, index) => index + 4),
      )
    } finally {
      await api.stop()
    }
  })

  it('show finds an event by its position, and ends with 1 when there is none', async () => {
    const found = await against({ 'GET /api/v1/events': listed([event(7)]) }, ['events', 'show', '7', '--json'])
    assert.deepEqual(found.json(), event(7))
    assert.equal(found.seen[0]?.query.get('position'), '7')
    const missing = await against({ 'GET /api/v1/events': listed([]) }, ['events', 'show', '8'])
    assert.equal(missing.code, 1)
  })

  it('stream walks every page of a stream, oldest first', async () => {
    const run = await against(
      {
        'GET /api/v1/events': ({ query }) =>
          query.get('cursor') === null
            ? { json: { items: [event(1)], nextCursor: 'more', position: 2 } }
            : { json: { items: [event(2)], nextCursor: null, position: 2 } },
      },
      ['events', 'stream', 'partner-par_1', '--json'],
    )
    assert.deepEqual(positionsOf(run.stdout), [1, 2])
    assert.equal(run.seen[0]?.query.get('stream'), 'partner-par_1')
    assert.equal(run.seen[0]?.query.get('sort'), 'position')
  })
})

describe('hub why', () => {
  const chain = [
    { kind: 'webhook', id: 'w', position: null, at: '2026-03-01T09:00:00.000Z', summary: 'tilda/form, accepted' },
    { kind: 'command', id: null, position: null, at: '2026-03-01T09:00:00.100Z', summary: 'ApplyAsPartner' },
    { kind: 'event', id: 'e', position: 3, at: '2026-03-01T09:00:00.100Z', summary: 'PartnerApplied' },
    { kind: 'effect', id: 'f', position: 3, at: '2026-03-01T09:00:01.000Z', summary: 'fns.lookUp' },
    { kind: 'attempt', id: 'f', position: null, at: '2026-03-01T09:00:01.000Z', summary: 'attempt 1' },
    { kind: 'outcome', id: 'f', position: null, at: '2026-03-01T09:00:02.000Z', summary: 'done' },
  ]
  const partnerId = 'par_00000000000000000000000000000001'

  it('tells webhook, command, event, effect, attempt and outcome as an indented story with times', async () => {
    const run = await against(
      { [`GET /api/v1/partners/${partnerId}/why`]: { json: { field: 'status', value: 'verified', chain } } },
      ['why', partnerId],
    )
    assert.equal(run.code, 0)
    assert.equal(run.seen[0]?.query.get('field'), 'status')
    const lines = run.stdout.trim().split('\n')
    assert.equal(lines[0], 'status is verified')
    const depths = lines.slice(2).map((line) => line.search(/webhook|command|event|effect|attempt|outcome/))
    assert.deepEqual(
      depths,
      [...depths].sort((a, b) => a - b),
    )
    assert.equal(new Set(depths).size, 6)
    for (const line of lines.slice(2)) assert.match(line, /^2026-03-01 12:00:0\d MSK/)
  })

  it('traces a webhook, an event or an effect by its id', async () => {
    const id = '01934f7e-0000-7000-8000-000000000001'
    const run = await against({ [`GET /api/v1/trace/${id}`]: { json: { id, chain } } }, ['why', id, '--json'])
    assert.deepEqual(run.json(), { id, chain })
  })
})

describe('hub export', () => {
  it('writes what the service sends to standard output, in the form that was asked for', async () => {
    const csv = 'partnerId,city\r\npar_1,"Тверь"\r\n'
    const run = await against({ 'GET /api/v1/partners': { text: csv, contentType: 'text/csv' } }, [
      'export',
      'partners',
      '--filter',
      'city=Тверь',
      'listed=true',
    ])
    assert.equal(run.code, 0)
    assert.equal(run.stdout, csv)
    assert.equal(run.seen[0]?.accept, 'text/csv')
    assert.deepEqual(Object.fromEntries(run.seen[0]?.query ?? []), { city: 'Тверь', listed: 'true' })
  })

  it('asks for NDJSON and Parquet by their types', async () => {
    for (const [format, type] of [
      ['ndjson', 'application/x-ndjson'],
      ['parquet', 'application/vnd.apache.parquet'],
    ] as const) {
      const run = await against({ 'GET /api/v1/payments': { text: '{}\n', contentType: type } }, [
        'export',
        'payments',
        '--format',
        format,
      ])
      assert.equal(run.seen[0]?.accept, type)
      assert.equal(run.code, 0)
    }
  })

  it('ends with 3 when the export breaks off: half a file is never a success (R7)', async () => {
    const run = await against(
      { 'GET /api/v1/partners': { text: 'partnerId\r\npar_1\r\n', contentType: 'text/csv', cut: true } },
      ['export', 'partners'],
    )
    assert.equal(run.code, 3)
    assert.match(run.stderr, /broke off/)
  })
})

describe('hub explain', () => {
  it('explains a code in Russian, and in English with --lang en', async () => {
    const env = { HUB_URL: 'http://127.0.0.1:1' }
    const russian = await runHub(['explain', 'clock-fixed'], env)
    assert.equal(russian.code, 0)
    assert.match(russian.stdout, /Часы этого сервиса нельзя двигать/)
    const english = await runHub(['explain', 'clock-fixed', '--lang', 'en', '--json'], env)
    assert.equal((english.json() as { sentence: string }).sentence, 'The clock of this service cannot be moved')
  })

  it('names codes near to a mistyped one and ends with 1', async () => {
    const run = await runHub(['explain', 'candidate-not-redy'])
    assert.equal(run.code, 1)
    assert.match(run.stderr, /candidate-not-ready/)
  })
})

describe('hub doctor', () => {
  const found = {
    providers: [{ name: 'yookassa', status: 'on', hooks: ['https://hub.example.ru/webhooks/yookassa'] }],
    warnings: [],
    checks: [{ name: 'database', ok: true, detail: 'PostgreSQL 18' }],
  }

  it('prints the absolute hook addresses that a running service tells', async () => {
    const run = await against({ 'GET /api/v1/doctor': { json: found } }, ['doctor'])
    assert.equal(run.code, 0)
    assert.match(run.stdout, /https:\/\/hub\.example\.ru\/webhooks\/yookassa/)
  })

  it('ends with 1 when a check fails', async () => {
    const ill = { ...found, checks: [{ name: 'database', ok: false, detail: 'away' }] }
    const run = await against({ 'GET /api/v1/doctor': { json: ill } }, ['doctor', '--json'])
    assert.equal(run.code, 1)
    assert.deepEqual(run.json(), { ...ill, running: true })
  })

  it('reads the configuration when no service runs', async () => {
    const run = await runHub(['doctor', '--json'], {
      HUB_URL: 'http://127.0.0.1:1',
      PUBLIC_URL: 'http://hub.test',
      UMNICO_API_KEY: 'key',
      UMNICO_WIDGET_TOKEN: 'token',
      UMNICO_WEBHOOK_SECRET: 'chosen',
    })
    assert.equal(run.code, 0)
    const { providers } = run.json() as { providers: { name: string; status: string; hooks: string[] }[] }
    assert.deepEqual(
      providers.find(({ name }) => name === 'umnico'),
      { name: 'umnico', status: 'on', hooks: ['http://hub.test/webhooks/umnico/chosen'] },
    )
    assert.equal(providers.find(({ name }) => name === 'fns')?.status, 'twin')
    assert.equal(providers.length, 8)
  })

  it('names every fault of a configuration at once, never a value, and ends with 1', async () => {
    const run = await runHub(['doctor', '--json'], {
      HUB_URL: 'http://127.0.0.1:1',
      PORT: 'secret-port',
      YUKASSA_SHOP_ID: '12345',
    })
    assert.equal(run.code, 1)
    assert.match(run.stdout, /PORT/)
    assert.match(run.stdout, /YUKASSA_SECRET_KEY/)
    assert.ok(!run.stdout.includes('secret-port'))
  })
})
