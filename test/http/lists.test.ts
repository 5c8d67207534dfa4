import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { seeksRare } from '../../src/http/commonValues.ts'
import { type ListQuery, readListQuery } from '../../src/http/listQuery.ts'
import { listStatement } from '../../src/http/listSql.ts'
import { resources } from '../../src/http/resources.ts'
import { instant } from '../../src/kernel/time.ts'
import { testApi } from '../support/api.ts'
import { playPartner } from '../support/core.ts'
import type { Json } from '../support/service.ts'

const inns = ['7700000009', '7700000016', '7700000023', '7700000030', '7700000047', '7700000054', '7700000061']

const soleTrader = {
  at: '2026-11-01T10:00:00.000Z',
  checkedAt: '2026-11-01T10:00:00.000Z',
  verdict: 'verified',
  reason: 'active',
  detail: '',
  slug: 'ivanova-mariya-a1b2c3',
  company: {
    kind: 'sole_trader',
    inn: '770000000099',
    kpp: null,
    ogrn: '322770000000001',
    legalName: 'ИВАНОВА МАРИЯ ПЕТРОВНА',
    region: '77',
    rawStatus: 'Действующее',
    source: 'api-fns',
  },
}

describe('lists of the API', () => {
  let api: Awaited<ReturnType<typeof testApi>>
  const ids: string[] = []

  before(async () => {
    api = await testApi()
    for (const [index, inn] of inns.entries()) {
      const upTo = index < 2 ? 'applied' : index < 4 ? 'verified' : 'paid'
      // Three of them at one moment, so that ties are broken too.
      const at = instant(Date.parse('2026-11-01T10:00:00Z') + Math.floor(index / 3) * 3_600_000)
      ids.push((await playPartner(api.core, at, { inn, upTo })).id)
    }
    await api.project()
  })
  after(() => api.close())

  const walk = async (path: string): Promise<Json[]> => {
    const items: Json[] = []
    let cursor: string | null = null
    do {
      const next: string = cursor === null ? path : `${path}&cursor=${encodeURIComponent(cursor)}`
      const { status, body } = await api.get(next)
      assert.equal(status, 200)
      items.push(...body.items)
      cursor = body.nextCursor
    } while (cursor !== null)
    return items
  }

  it('answer items, nextCursor and the position of the read model', async () => {
    const { status, body, headers } = await api.get('partners?limit=3')
    assert.equal(status, 200)
    assert.equal(body.items.length, 3)
    assert.equal(typeof body.nextCursor, 'string')
    assert.ok(body.position > 0)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('access-control-allow-origin'), null)
  })

  it('walk over every order without skipping or repeating a row, nulls and ties included', async () => {
    for (const sort of [
      'registeredAt',
      '-registeredAt',
      'subscription.paidThrough',
      '-subscription.paidThrough',
      'kpp',
    ]) {
      for (const limit of [1, 2, 3, 500]) {
        const items = await walk(`partners?sort=${sort}&limit=${limit}`)
        assert.deepEqual(items.map((item) => item.partnerId).toSorted(), ids.toSorted(), `${sort} by ${limit}`)
      }
    }
  })

  it('walk over the log in order of its positions', async () => {
    const items = await walk('events?limit=4')
    assert.deepEqual(
      items.map((item) => item.position),
      items.map((_item, index) => index + 1),
    )
    const backwards = await walk('events?sort=-position&limit=4')
    assert.deepEqual(
      backwards.map((item) => item.position).reverse(),
      items.map((item) => item.position),
    )
  })

  it('order ascending with a name and descending with a minus', async () => {
    const up = await api.get('partners?sort=inn')
    assert.deepEqual(
      up.body.items.map((item: Json) => item.inn),
      inns,
    )
    const down = await api.get('partners?sort=-inn')
    assert.deepEqual(
      down.body.items.map((item: Json) => item.inn),
      inns.toReversed(),
    )
  })

  it('filter by every kind of field, cities and services without case', async () => {
    const count = async (query: string): Promise<number> => (await api.get(`partners?${query}`)).body.items.length
    assert.equal(await count('status=verified'), 5)
    assert.equal(await count('status=verified&status=applied'), 7)
    assert.equal(await count(`city=${encodeURIComponent('яРОСЛАВЛЬ')}`), 7)
    assert.equal(await count(`services=${encodeURIComponent('ипотека')}`), 7)
    assert.equal(await count(`services=${encodeURIComponent('замки')}`), 0)
    assert.equal(await count('listed=true'), 3)
    assert.equal(await count('subscription.status=active'), 3)
    assert.equal(await count('subscription.status=pending_payment'), 2)
    assert.equal(await count('consent.personalData=true'), 7)
    assert.equal(await count('registeredAt=2026-11-01T10:00:00Z'), 3)
    assert.equal(await count(`registeredAt=${encodeURIComponent('2026-11-01T13:00:00+03:00')}`), 3)
  })

  it('find the same rows whether or not they begin with the values of lists, which they do for values that few have', async () => {
    // A pool of its own remembers nothing of statistics that were older.
    const { bulk: sql } = api.core
    const resource = resources.find(({ name }) => name === 'partners')
    const [live] = await sql<{ version: number }[]>`
      select version from hub.read_models where name = 'partners' and role = 'live'`
    assert.ok(resource && live)
    const table = `partners_${live.version}`
    await sql.unsafe(`analyze hub_read.${table}`)
    const queryOf = (text: string): ListQuery => {
      const actor = { role: 'operator', name: 'operator' } as const
      return readListQuery(resource, new URLSearchParams(text), { actor, readCursor: () => null })
    }
    assert.equal(await seeksRare(sql, queryOf('services=ИПОТЕКА '), table), false)
    assert.equal(await seeksRare(sql, queryOf('services=ИПОТЕКА&services=Замки'), table), false)
    assert.equal(await seeksRare(sql, queryOf('services=Замки'), table), true)
    assert.equal(await seeksRare(sql, queryOf('services=ИПОТЕКА&areas=Луна'), table), true)
    const found = async (text: string, byLists: boolean): Promise<unknown[]> => {
      const at = {
        source: resource.source.operator.replace('{table}', `hub_read.${table}`),
        analyst: false,
        whole: false,
      }
      const statement = listStatement(resource, queryOf(text), { ...at, byLists })
      return [...(await sql.unsafe(statement.text, [...statement.parameters]))]
    }
    for (const text of ['services=Ипотека', 'services=ипотека&status=verified&sort=inn&limit=3', 'services=Замки']) {
      const rows = await found(text, false)
      assert.equal(rows.length > 0, !text.includes('Замки'))
      assert.deepEqual(await found(text, true), rows)
    }
  })

  it('find by q a phone however it is typed, an email, an INN, a part of a name and an id', async () => {
    const found = async (q: string): Promise<number> =>
      (await api.get(`partners?q=${encodeURIComponent(q)}`)).body.items.length
    for (const q of ['8 (912) 345-67-89', '+79123456789', '9123456789', 'MARIA@example', 'иванова', 'Мария'])
      assert.equal(await found(q), 7, q)
    assert.equal(await found('7700000023'), 1)
    assert.equal(await found(ids[4] ?? ''), 1)
    assert.equal(await found('100%'), 0)
    assert.equal(await found('_'), 0)
  })

  it('show a page address on the pages host for listed partners only, and no subscription before verification', async () => {
    const { body } = await api.get('partners?sort=registeredAt&limit=500')
    for (const item of body.items) {
      if (item.listed) assert.equal(item.page.url, `https://pages.example.ru/partners/${item.slug}`)
      else assert.equal(item.page.url, null)
      assert.equal(item.subscription === null, item.status === 'applied')
    }
  })

  it('answer 400 to what they do not know: filters, sorts, cursors, limits, positions', async () => {
    const { nextCursor } = (await api.get('partners?limit=1')).body
    const changed = `${nextCursor.slice(0, 5)}${nextCursor[5] === 'A' ? 'B' : 'A'}${nextCursor.slice(6)}`
    const wrong = [
      'colour=red',
      'sort=colour',
      'sort=services',
      'cursor=abc',
      `cursor=${encodeURIComponent(changed)}`,
      `sort=inn&cursor=${encodeURIComponent(nextCursor)}`,
      'limit=0',
      'limit=501',
      'limit=ten',
      'limit=-1',
      'minPosition=soon',
      'minPosition=-1',
      'listed=perhaps',
      'registeredAt=yesterday',
      'position=many',
      'q=%00',
      'city=%00',
    ]
    for (const query of wrong) {
      const { status, body, headers } = await api.get(`partners?${query}`)
      assert.equal(status, 400, query)
      assert.equal(headers.get('content-type'), 'application/problem+json')
      assert.equal(body.status, 400)
      assert.ok(body.type && body.title && body.detail && body.code)
    }
    assert.deepEqual(api.faults, [])
  })

  it('take SQL in a filter, a search or a sort as text (S12)', async () => {
    const evil = encodeURIComponent("' or 1=1; drop table hub.events; --")
    assert.deepEqual((await api.get(`partners?city=${evil}`)).body.items, [])
    assert.deepEqual((await api.get(`partners?q=${evil}`)).body.items, [])
    assert.equal((await api.get(`partners?sort=${evil}`)).status, 400)
    assert.equal((await api.get(`partners?${evil}=1`)).status, 400)
    assert.equal((await api.get(`events?stream=${evil}`)).status, 200)
    assert.deepEqual(api.faults, [])
  })

  it('mask people for analysts, who cannot guess them by filters, sorts or search', async () => {
    const { body } = await api.get('partners?limit=500', 'analyst')
    assert.equal(body.items.length, 7)
    for (const item of body.items) {
      assert.equal(item.phone, '+7***89')
      assert.equal(item.email, 'm***@example.ru')
      assert.equal(item.contactName, 'И***')
      // Whether it is a company is known from the registry only.
      assert.equal(item.legalName, item.status === 'applied' ? 'О***' : 'ООО "ПРИМЕР ДОМ"')
    }
    for (const field of ['phone', 'email', 'contactName']) {
      assert.equal((await api.get(`partners?${field}=x`, 'analyst')).status, 400, field)
      assert.equal((await api.get(`partners?sort=${field}`, 'analyst')).status, 400, field)
    }
    for (const q of ['9123456789', 'maria', 'Иванова'])
      assert.deepEqual((await api.get(`partners?q=${encodeURIComponent(q)}`, 'analyst')).body.items, [], q)
    assert.equal((await api.get('partners?q=7700000023', 'analyst')).body.items.length, 1)
  })

  it('keep the page address of an unlisted sole trader from analysts, because it says the name', async () => {
    const own = await testApi()
    try {
      const { id } = await playPartner(own.core, instant(Date.parse('2026-11-01T10:00:00Z')), {
        inn: '770000000099',
        upTo: 'applied',
      })
      await own.core.handler.handle({
        stream: `partner-${id}`,
        command: { type: 'RecordVerdict', data: soleTrader },
        cause: { kind: 'import', id: 'test' },
      })
      await own.project()
      assert.equal((await own.get(`partners/${id}`)).body.slug, 'ivanova-mariya-a1b2c3')
      const { position } = (await own.get(`partners/${id}`)).body
      for (const path of [`partners/${id}`, `partners/${id}?asOf=${position}`]) {
        const { status, body, text } = await own.get(path, 'analyst')
        assert.deepEqual([status, body.slug, body.legalName], [200, null, 'И***'])
        assert.doesNotMatch(text, /ivanova|ИВАНОВА|770000000099/i)
      }
      assert.deepEqual((await own.get('partners?q=ivanova', 'analyst')).body.items, [])
      assert.doesNotMatch((await own.get('events?limit=500', 'analyst')).text, /ivanova|770000000099/i)
    } finally {
      await own.close()
    }
  })

  it('show personal fields of events in clear to operators only', async () => {
    const open = await api.get('events?type=PartnerApplied&limit=1')
    assert.equal(open.body.items[0].data.phone, '+79123456789')
    const closed = await api.get('events?type=PartnerApplied&limit=500', 'analyst')
    assert.equal(closed.body.items.length, 7)
    assert.doesNotMatch(closed.text, /9123456789|maria@|Иванова|sealed/)
  })

  it('read short lists with the same filters, sorts and cursors', async () => {
    const names = async (path: string): Promise<string[]> => (await walk(path)).map((item) => item.name)
    assert.deepEqual(await names('destinations?limit=3'), ['cloudpayments', 'email', 'fns', 'yookassa'])
    assert.deepEqual(await names('destinations?limit=3&sort=-name'), ['yookassa', 'fns', 'email', 'cloudpayments'])
    const models = await names('projections?limit=2')
    for (const name of ['partners', 'payments', 'subscriptions']) assert.ok(models.includes(name), name)
    assert.deepEqual(models, [...new Set(models)].toSorted())
    assert.equal((await api.get('plans')).body.items[0].plan, 'PARTNER-1M')
    assert.equal((await api.get('plans/PARTNER-1M')).body.priceKopecks, 250_000)
    assert.equal((await api.get('destinations?status=off')).body.items[1].name, 'email')
    assert.equal((await api.get('destinations/pigeon')).status, 404)
    assert.equal((await api.get('projections?colour=red')).status, 400)
  })
})

describe('a walk over a list that grows', () => {
  it('shows each row that was there when it began exactly once', async () => {
    const api = await testApi()
    try {
      const register = async (index: number): Promise<string> => {
        const at = instant(Date.parse('2026-11-01T10:00:00Z') + index * 1000)
        const { id } = await playPartner(api.core, at, {
          inn: `77000${String(index).padStart(5, '0')}`,
          upTo: 'applied',
        })
        await api.project()
        return id
      }
      const first: string[] = []
      for (let index = 500; index < 506; index++) first.push(await register(index))
      let serial = 1020
      for (const sort of ['registeredAt', '-registeredAt', 'status', 'kpp']) {
        const seen: string[] = []
        let cursor: string | null = null
        do {
          const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
          const { body } = await api.get(`partners?limit=2&sort=${sort}${query}`)
          seen.push(...body.items.map((item: Json) => item.partnerId))
          cursor = body.nextCursor
          // Somebody registers between two pages, now before and now after what was shown.
          serial += 1
          if (seen.length <= 6) await register(serial % 2 === 0 ? serial - 1000 : serial)
        } while (cursor !== null)
        assert.equal(new Set(seen).size, seen.length, sort)
        for (const id of first) assert.ok(seen.includes(id), sort)
      }
    } finally {
      await api.close()
    }
  })
})

describe('minPosition of the API', () => {
  let api: Awaited<ReturnType<typeof testApi>>

  before(async () => {
    api = await testApi()
  })
  after(() => api.close())

  it('wait for a position that is on its way, and answer 504 when it does not come', async () => {
    const { id } = await playPartner(api.core, instant(Date.parse('2026-11-02T10:00:00Z')), {
      inn: '7700000079',
      upTo: 'applied',
    })
    const head = (await api.get('events?sort=-position&limit=1')).body.items[0].position
    const asked = api.get(`partners?minPosition=${head}&partnerId=${id}`)
    await api.project()
    const { status, body } = await asked
    assert.equal(status, 200)
    assert.equal(body.items.length, 1)
    assert.ok(body.position >= head)
    const late = await api.get(`partners?minPosition=${head + 1000}`)
    assert.equal(late.status, 504)
  })
})
