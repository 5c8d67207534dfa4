import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { parquetReadObjects } from 'hyparquet'
import { instant } from '../../src/kernel/time.ts'
import { serve } from '../../src/runtime.ts'
import { testApi } from '../support/api.ts'
import { application, playPartner } from '../support/core.ts'
import { until } from '../support/service.ts'
import { serveHandler } from '../support/twinServer.ts'

const at = instant(new Date('2026-11-24T09:00:00Z'))
const csv = { accept: 'text/csv' }
const ndjson = { accept: 'application/x-ndjson' }
const parquet = { accept: 'application/vnd.apache.parquet' }
const formula = '=HYPERLINK("http://example.ru")'

describe('exports of the API', () => {
  let api: Awaited<ReturnType<typeof testApi>>

  before(async () => {
    api = await testApi()
    await playPartner(api.core, at, { inn: '7700000009', upTo: 'paid' })
    await api.core.handler.handle({
      stream: 'partner-par_00000000-0000-7000-8000-000000000001',
      command: {
        type: 'ApplyAsPartner',
        data: {
          at,
          partnerId: 'par_00000000-0000-7000-8000-000000000001',
          application: application({ inn: '7700000016', city: formula, contactName: 'Ёлкина, "Мария"\nвторая строка' }),
        },
      },
      cause: { kind: 'import', id: 'test' },
    })
    // A list longer than one step of the cursor and than one row group.
    await api.core
      .sql`insert into hub.inbox (webhook_id, source, route, dedupe_key, verdict, received_at, peer, secret_name, method, path, query, headers, sha256)
      select gen_random_uuid(), 'tilda', 'tilda/form', 'tilda:' || n, 'ignored', ${at}::timestamptz + n * interval '1 second', '192.0.2.1', 'current', 'POST', '/', '', '{}', decode('00', 'hex')
        from generate_series(1, 12345) n`
    await api.project()
  })
  after(() => api.close())

  it('hold every field of the list as a column of CSV, in UTF-8', async () => {
    const { status, text, headers } = await api.get('partners?sort=inn', 'operator', csv)
    assert.equal(status, 200)
    assert.equal(headers.get('content-type'), 'text/csv; charset=utf-8')
    assert.equal(headers.get('cache-control'), 'no-store')
    const [heading = ''] = text.split('\n')
    for (const name of [
      'partnerId',
      'inn',
      'verification.status',
      'consent.marketing',
      'subscription.paidThrough',
      'page.url',
    ])
      assert.ok(heading.split(',').includes(name), name)
    assert.match(text, /Ярославль/)
    assert.match(text, /"Ёлкина, ""Мария""\nвторая строка"/)
  })

  it('defuse formulas in cells of CSV and leave numbers as digits', async () => {
    const { text } = await api.get('partners', 'operator', csv)
    assert.ok(text.includes(`"'=HYPERLINK(""http://example.ru"")"`))
    assert.doesNotMatch(text, /(^|,)"?=/m)
    // A phone is a number to a spreadsheet, not a formula.
    assert.match(text, /,\+79123456789,/)
    const payments = await api.get('payments', 'operator', csv)
    assert.match(payments.text, /,250000,0,succeeded,/)
    assert.match(payments.text, /,2026-11-24T09:00:00\.000Z,/)
  })

  it('write one item of the list a line in NDJSON', async () => {
    const { text, headers } = await api.get('partners?sort=inn', 'operator', ndjson)
    assert.equal(headers.get('content-type'), 'application/x-ndjson; charset=utf-8')
    const items = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(items, (await api.get('partners?sort=inn')).body.items)
    assert.equal(items[1].city, formula)
  })

  it('stream the whole selection, not a page of it, filters included', async () => {
    const lines = async (path: string): Promise<number> =>
      (await api.get(path, 'operator', ndjson)).text.trimEnd().split('\n').length
    assert.equal(await lines('webhooks?limit=10'), 12_345)
    assert.equal(await lines('webhooks?dedupeKey=tilda:77'), 1)
    assert.equal((await api.get('webhooks?dedupeKey=none', 'operator', ndjson)).text, '')
  })

  it('write Parquet that readers open: whole numbers, booleans, every row once', async () => {
    const read = async (path: string): Promise<Record<string, unknown>[]> => {
      const response = await api.send(path, { headers: parquet }, 'operator')
      assert.equal(response.headers.get('content-type'), 'application/vnd.apache.parquet')
      return parquetReadObjects({ file: await response.arrayBuffer() })
    }
    const webhooks = await read('webhooks?sort=receivedAt')
    assert.equal(webhooks.length, 12_345)
    assert.equal(webhooks[0]?.dedupeKey, 'tilda:1')
    assert.equal(webhooks.at(-1)?.dedupeKey, 'tilda:12345')
    const [paid] = await read('partners?listed=true')
    assert.equal(paid?.inn, '7700000009')
    assert.equal(paid?.listed, true)
    assert.equal(paid?.subscription_status, 'active')
    const [payment] = await read('payments')
    assert.equal(payment?.amountKopecks, 250_000n)
    assert.deepEqual(await read('partners?status=erased'), [])
  })

  it('are masked for analysts in every format', async () => {
    for (const headers of [csv, ndjson]) {
      const { text } = await api.get('partners', 'analyst', headers)
      assert.match(text, /\+7\*\*\*89/)
      assert.doesNotMatch(text, /9123456789|maria@|Ёлкина|Иванова/)
      assert.doesNotMatch((await api.get('events', 'analyst', headers)).text, /9123456789|maria@|Иванова/)
    }
  })

  it('answer a problem before the first byte when the question is wrong', async () => {
    for (const query of ['colour=red', 'sort=colour', 'cursor=x', 'phone=1'])
      assert.equal((await api.get(`partners?${query}`, 'analyst', csv)).status, 400, query)
    assert.equal((await api.get('partners', 'nobody', csv)).status, 401)
    assert.equal((await api.get('partners/colour', 'operator', csv)).status, 404)
  })

  it('export short lists, too', async () => {
    const { text } = await api.get('plans', 'operator', csv)
    assert.equal(text, 'plan,title,priceKopecks,months\nPARTNER-1M,1 месяц,250000,1\n')
  })

  it('give their connection back when the reader leaves, and keep room for pages meanwhile', async () => {
    for (let round = 0; round < 6; round++) {
      const held = await Promise.all([1, 2, 3, 4].map(() => api.send('webhooks', { headers: ndjson }, 'operator')))
      assert.deepEqual(
        held.map((response) => response.status),
        [200, 200, 200, 200],
      )
      const fifth = await api.send('webhooks', { headers: ndjson }, 'operator')
      assert.equal(fifth.status, 503)
      assert.equal(fifth.headers.get('retry-after'), '5')
      assert.equal((await api.get('webhooks?limit=1')).status, 200)
      for (const response of held) await response.body?.cancel()
    }
    const parquets = await Promise.all([1, 2, 3, 4].map(() => api.send('webhooks', { headers: parquet }, 'operator')))
    for (const response of parquets) await response.body?.cancel()
    // A file notices at its next rows that nobody reads it any more.
    await until(
      async () => (await api.get('webhooks?dedupeKey=tilda:5', 'operator', ndjson)).status === 200,
      'an export to find room',
    )
  })

  it('stop when the client hangs up', async () => {
    const server = await serve((request, { peer }) => api.door(request, peer), {
      port: 0,
      hostname: '127.0.0.1',
      bodyBytesMax: 1000,
    })
    const url = `http://127.0.0.1:${server.port}/api/v1/events`
    const authorization = `Bearer ${api.tokens.operator}`
    try {
      // Far more than the buffers of a socket hold, so that the server really waits for its reader.
      await api.core
        .sql`insert into hub.events (position, event_id, stream, version, subject, type, data, meta, recorded_at)
        select 1000000 + n, gen_random_uuid(), 'filler-' || n, 1, 'filler', 'Filler', jsonb_build_object('text', repeat('x', 2000)),
               '{"command":"Fill","cause":{"kind":"import","id":"test"}}', ${at} from generate_series(1, 20000) n`
      for (let client = 0; client < 4; client++) {
        const line = new AbortController()
        const response = await fetch(url, { headers: { ...ndjson, authorization }, signal: line.signal })
        assert.equal(response.status, 200)
        await response.body?.getReader().read()
        line.abort()
      }
      await until(async () => {
        const response = await fetch(`${url}?type=None`, { headers: { ...ndjson, authorization } })
        await response.text()
        return response.status === 200
      }, 'the places of those who hung up')
    } finally {
      await server.stop(true)
    }
  })

  it('reach a client over a socket as they are made', async () => {
    const served = await serveHandler((request) => api.door(request, '192.0.2.1'))
    try {
      const response = await fetch(`${served.url}/api/v1/webhooks`, {
        headers: { ...csv, authorization: `Bearer ${api.tokens.operator}` },
      })
      assert.equal(response.status, 200)
      assert.equal((await response.text()).trimEnd().split('\n').length, 12_346)
      const head = await fetch(`${served.url}/api/v1/webhooks`, {
        method: 'HEAD',
        headers: { ...csv, authorization: `Bearer ${api.tokens.operator}` },
      })
      assert.equal(head.headers.get('content-type'), 'text/csv; charset=utf-8')
    } finally {
      await served.stop()
    }
  })
})
