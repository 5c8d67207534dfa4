import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeProviderCall } from '../../../src/connectors/fetcher.ts'
import { createFnsCourier, type LookedUp } from '../../../src/connectors/fns/client.ts'
import { readInn, readOgrn } from '../../../src/connectors/fns/identifiers.ts'
import { createFnsTwin, type FnsTwinState } from '../../../src/connectors/fns/twin.ts'
import { registryCompanies } from '../../../src/connectors/fns/twinCompanies.ts'
import type { Outcome } from '../../../src/kernel/decision.ts'
import { memoryStore, serveTwin, testClock, testTwinContext } from '../../support/twinServer.ts'
import { attemptAt } from '../deliveries.ts'

type House = {
  readonly url: string
  readonly lookUp: (inn: string) => Promise<Outcome>
  readonly act: (fields: Readonly<Record<string, string>>) => Promise<Response>
  readonly api: (method: string, query: Readonly<Record<string, string>>) => Promise<Response>
}

type Options = {
  readonly apiKey?: string
  readonly secondSource?: boolean
  readonly store?: ReturnType<typeof memoryStore<FnsTwinState>>
}

/** The twin and our courier over real sockets; every look-up is asked anew. */
const inHouse = async (options: Options, work: (house: House) => Promise<void>) => {
  const clock = testClock('2026-11-24T09:00:00.000Z')
  const context = testTwinContext<FnsTwinState>({
    clock,
    hubUrl: () => 'http://127.0.0.1:9',
    ...(options.store ? { store: options.store } : {}),
  })
  const twin = await serveTwin(createFnsTwin(context, { apiKey: 'key-1', dadataApiKey: 'key-2' }))
  const settings = {
    apiKey: options.apiKey ?? 'key-1',
    baseUrl: `${twin.url}/api`,
    dadataApiKey: options.secondSource ? 'key-2' : null,
    dadataBaseUrl: `${twin.url}/dadata`,
  }
  const lookUp = async (inn: string): Promise<Outcome> => {
    const courier = createFnsCourier(settings, { call: makeProviderCall(fetch) })
    const payload = { inn, claimedName: null, applicantKind: null, secondLook: false }
    const outcome = await courier.performers['fns.lookUp']?.(payload, attemptAt(clock.now()))
    if (outcome === undefined) throw new Error('No performer "fns.lookUp"')
    return outcome
  }
  const act = (fields: Readonly<Record<string, string>>) =>
    fetch(`${twin.url}/`, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })
  const api = (method: string, query: Readonly<Record<string, string>>) =>
    fetch(`${twin.url}/api/${method}?${new URLSearchParams({ key: 'key-1', ...query })}`)
  try {
    await work({ url: twin.url, lookUp, act, api })
  } finally {
    context.close()
    await twin.stop()
  }
}

const codeOf = (outcome: Outcome): string =>
  outcome.tag === 'done' ? (outcome.result as LookedUp).reason : outcome.code

describe('the registry of the twin', () => {
  it('has companies whose numbers could be real ones', () => {
    for (const { inn, ogrn, name } of registryCompanies)
      assert.deepEqual([readInn(inn), readOgrn(ogrn)], [inn, ogrn], name)
    assert.ok(registryCompanies.length >= 12)
  })

  it('leads our courier to every verdict', () =>
    inHouse({}, async ({ lookUp }) => {
      const verdicts: readonly (readonly [string, string])[] = [
        ['7700000009', 'active'],
        ['7604001017', 'active'],
        ['7604009104', 'active'],
        ['7604003039', 'closed'],
        ['7604004040', 'bankruptcy'],
        ['7604005050', 'exclusion-pending'],
        ['7604006061', 'liquidating'],
        ['7604007072', 'status-unknown'],
        ['7604008083', 'negative-flag'],
        ['7604010117', 'reorganizing'],
        ['760400123438', 'active'],
        ['760400567810', 'active'],
        ['7707083893', 'not-found-yet'],
        ['760400200160', 'not-found-yet'],
      ]
      for (const [inn, reason] of verdicts) assert.equal(codeOf(await lookUp(inn)), reason, inn)
    }))

  it('finds a company by its founder too, which is no answer about the founder', () =>
    inHouse({}, async ({ api }) => {
      for (const [method, parameter] of [
        ['egr', 'req'],
        ['search', 'q'],
      ] as const) {
        const { items } = await (await api(method, { [parameter]: '760400200160' })).json()
        assert.deepEqual([items.length, items[0].ЮЛ.ИНН], [1, '7604001017'], method)
      }
    }))

  it('answers as the provider does: flat cards in a search, empty lists for objects, marks, several at once', () =>
    inHouse({}, async ({ api }) => {
      const egr = await (await api('egr', { req: '7700000009' })).json()
      assert.deepEqual([egr.items[0].ЮЛ.Контакты, typeof egr.items[0].ЮЛ.Адрес], [[], 'object'])
      const search = await (await api('search', { q: 'пример дом' })).json()
      assert.deepEqual([search.Count, typeof search.items[0].ЮЛ.АдресПолн], [1, 'string'])
      const check = await (await api('check', { req: '7604008083' })).json()
      assert.deepEqual(check.items[0].ЮЛ.Негатив, { НедостоверАдрес: 'Да' })
      const many = await (await api('multinfo', { req: '7700000009,7604001017' })).json()
      assert.equal(many.items.length, 2)
      const twice = await (await api('egr', { req: '760400567810' })).json()
      assert.equal(twice.items.length, 2)
      assert.deepEqual((await (await api('egr', { req: '7707083893' })).json()).items, [])
    }))

  it('refuses another key in each of its ways, and none of them is a verdict', () =>
    inHouse({ apiKey: 'other' }, async ({ lookUp, act }) => {
      for (const errorShape of ['text-403', 'text-200', 'string-200', 'json-text-200']) {
        await act({ errorShape })
        const outcome = await lookUp('7700000009')
        assert.ok(outcome.tag === 'later' && outcome.pauseDestination === 'until-resumed', errorShape)
        assert.equal(outcome.code, 'registry-key-refused')
      }
    }))

  it('counts a quota and says in "stat" what is left', () =>
    inHouse({}, async ({ lookUp, act, api }) => {
      await act({ quota: '2' })
      assert.equal(codeOf(await lookUp('7700000009')), 'active')
      assert.equal(codeOf(await lookUp('7700000009')), 'registry-quota-spent')
      assert.deepEqual((await (await api('stat', {})).json()).Методы.egr, { Лимит: '2', Истрачено: '2' })
      await act({ quota: '' })
      assert.equal(codeOf(await lookUp('7700000009')), 'active')
    }))

  it('lets a person add a company, change its status and set faults on a page that escapes', () =>
    inHouse({}, async ({ url, lookUp, act }) => {
      const added = { inn: '7600000012', name: 'ООО «<b>Новая</b>»', status: 'Действующее' }
      assert.equal((await act(added)).status, 303)
      assert.equal(codeOf(await lookUp('7600000012')), 'active')
      await act({ inn: '7700000009', status: 'Ликвидировано' })
      assert.equal(codeOf(await lookUp('7700000009')), 'closed')
      await act({ fault: '500', times: '2' })
      const text = await (await fetch(`${url}/`)).text()
      assert.ok(text.includes('Реестр налоговой службы') && text.includes('Не работает (500): ещё 2'))
      assert.equal(text.includes('<b>'), false)
      assert.deepEqual(
        [codeOf(await lookUp('7604001017')), codeOf(await lookUp('7604001017'))],
        ['registry-down', 'registry-down'],
      )
      assert.equal(codeOf(await lookUp('7604001017')), 'active')
      await act({ fault: '500', times: '9' })
      await act({ clearFaults: '1' })
      assert.equal(codeOf(await lookUp('7604001017')), 'active')
    }))

  it('makes every scripted fault a reason to ask again', () =>
    inHouse({}, async ({ url, lookUp }) => {
      const kinds = [
        '500',
        '429',
        '429-retry-after',
        '401',
        'garbage',
        'html',
        'empty',
        'redirect',
        'apply-then-reset',
        'apply-then-500',
      ]
      for (const kind of kinds) {
        await fetch(`${url}/faults`, { method: 'POST', body: JSON.stringify({ kind, path: '/api/egr', times: 1 }) })
        assert.equal((await lookUp('7700000009')).tag, 'later', kind)
        assert.equal((await lookUp('7700000009')).tag, 'done', `after ${kind}`)
      }
    }))

  it('keeps its books over a restart, without keys in them', async () => {
    const store = memoryStore<FnsTwinState>()
    await inHouse({ store }, async ({ act, lookUp }) => {
      await act({ inn: '7700000009', status: 'Ликвидировано' })
      await lookUp('7700000009')
    })
    await inHouse({ store }, async ({ lookUp, url }) => {
      assert.equal(codeOf(await lookUp('7700000009')), 'closed')
      const ledger = await (await fetch(`${url}/ledger`)).text()
      assert.ok(ledger.includes('/api/egr'))
      assert.equal(ledger.includes('key-1'), false)
    })
  })
})

describe('the second source of the twin', () => {
  it('answers while the registry does not, with its own token', () =>
    inHouse({ secondSource: true }, async ({ url, lookUp }) => {
      const down = { kind: '500', path: '/api/', times: 3 }
      await fetch(`${url}/faults`, { method: 'POST', body: JSON.stringify(down) })
      const looked = await lookUp('7700000009')
      assert.equal(looked.tag === 'done' ? (looked.result as LookedUp).company?.source : looked.code, 'dadata')
      assert.equal(codeOf(await lookUp('7604003039')), 'closed')
      assert.equal(codeOf(await lookUp('7707083893')), 'registry-down')
      assert.equal(codeOf(await lookUp('7707083893')), 'not-found', 'both say that there is none')
      const stranger = await fetch(`${url}/dadata/findById/party`, { method: 'POST', body: '{"query":"7700000009"}' })
      assert.equal(stranger.status, 403)
    }))
})
