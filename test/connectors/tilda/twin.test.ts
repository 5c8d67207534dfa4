import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Delivery } from '../../../src/connectors/connector.ts'
import { makeDownload, makeProviderCall } from '../../../src/connectors/fetcher.ts'
import { createTildaCourier, type TemplateAsset } from '../../../src/connectors/tilda/client.ts'
import { type PageTemplate, renderPage } from '../../../src/connectors/tilda/page.ts'
import { createTildaTwin, type TildaTwinSettings, type TildaTwinState } from '../../../src/connectors/tilda/twin.ts'
import { type TildaSettings, tildaForm, tildaPage } from '../../../src/connectors/tilda/wire.ts'
import type { Outcome } from '../../../src/kernel/decision.ts'
import { serveHandler, serveTwin, type TestClock, testClock, testTwinContext, until } from '../../support/twinServer.ts'
import { attemptAt, delivery } from '../deliveries.ts'

const place = { in: 'header', name: 'X-Api-Key' } as const
const site: TildaTwinSettings = {
  publicKey: 'public-1',
  secretKey: 'secret-1',
  webhookKey: 'k-test-1',
  webhookKeyPlace: place,
  pathSecret: 's3cr3t',
  projectId: '7654321',
  pageId: '60112233',
}

type House = {
  readonly url: string
  readonly clock: TestClock
  /** What reached the service, in order. */
  readonly hooks: readonly Delivery[]
  readonly settings: TildaSettings
  readonly export: () => Promise<Outcome>
  readonly saved: readonly { readonly template: PageTemplate; readonly assets: readonly TemplateAsset[] }[]
  readonly submit: (fields: Readonly<Record<string, string>>, query?: string) => Promise<Submitted>
  readonly api: (method: string, query?: Readonly<Record<string, string>>) => Promise<Response>
}

type Submitted = { readonly tranid: string; readonly answer: { readonly status: number; readonly body: string } | null }

type Options = { readonly keyPlace?: TildaTwinSettings['webhookKeyPlace']; readonly answers?: readonly number[] }

/** The twin, a service that takes its hooks, and our courier, all over real sockets. */
const inHouse = async ({ keyPlace = place, answers = [] }: Options, work: (house: House) => Promise<void>) => {
  const clock = testClock('2026-03-02T09:00:00.000Z')
  const hooks: Delivery[] = []
  const saved: { template: PageTemplate; assets: readonly TemplateAsset[] }[] = []
  const service = await serveHandler(async (request) => {
    const { pathname, search } = new URL(request.url)
    const status = answers[hooks.length] ?? 200
    hooks.push(
      delivery({
        method: request.method,
        path: pathname,
        query: search.slice(1),
        headers: Object.fromEntries(request.headers),
        params: { secret: pathname.split('/').at(-1) ?? '' },
        body: new Uint8Array(await request.arrayBuffer()),
      }),
    )
    return new Response(status === 200 ? 'ok' : 'no', { status })
  })
  const context = testTwinContext<TildaTwinState>({ clock, hubUrl: () => service.url })
  const twin = await serveTwin(createTildaTwin(context, { ...site, webhookKeyPlace: keyPlace }))
  const settings: TildaSettings = {
    publicKey: site.publicKey,
    secretKey: site.secretKey,
    webhookKeys: [site.webhookKey],
    webhookKeyPlace: keyPlace,
    pathSecrets: [site.pathSecret],
    projectId: site.projectId,
    templatePageId: site.pageId,
    forms: {},
    baseUrl: `${twin.url}/v1`,
  }
  const courier = createTildaCourier(settings, {
    call: makeProviderCall(fetch),
    download: makeDownload(fetch),
    save: async (template, assets) => {
      saved.push({ template, assets })
    },
    formAction: 'https://hub.example/leads',
    assetPrefix: '/assets/tilda/',
  })
  const submit = async (fields: Readonly<Record<string, string>>, query = ''): Promise<Submitted> => {
    const body = new URLSearchParams(fields)
    const response = await fetch(`${twin.url}/form${query}`, {
      method: 'POST',
      headers: { accept: 'application/json' },
      body,
    })
    return response.json()
  }
  const api = (method: string, query: Readonly<Record<string, string>> = {}) =>
    fetch(`${twin.url}/v1/${method}?${new URLSearchParams({ publickey: 'public-1', secretkey: 'secret-1', ...query })}`)
  const exported = async (): Promise<Outcome> => {
    const payload = { pageId: site.pageId }
    const outcome = await courier.performers['tilda.exportTemplate']?.(payload, attemptAt(clock.now()))
    if (outcome === undefined) throw new Error('No performer "tilda.exportTemplate"')
    return outcome
  }
  try {
    await work({ url: twin.url, clock, hooks, settings, export: exported, saved, submit, api })
  } finally {
    context.close()
    await twin.stop()
    await service.stop()
  }
}

const fields = { ИНН: '7700000009', Имя: 'Примерова Мария', Телефон: '+7 (912) 345-67-89', Согласие: 'yes' }
const codeOf = (outcome: Outcome): string => (outcome.tag === 'done' ? 'done' : outcome.code)
const publish = async (url: string, markup = ''): Promise<void> => {
  const body = new URLSearchParams({ html: markup })
  const response = await fetch(`${url}/publish`, { method: 'POST', body })
  await response.text()
}

describe('a form of the twin', () => {
  const places: readonly TildaTwinSettings['webhookKeyPlace'][] = [
    place,
    { in: 'field', name: 'api_key' },
    { in: 'cookie', name: 'hub' },
  ]
  for (const keyPlace of places)
    it(`is authentic and read by us, with its key in a ${keyPlace.in}`, () =>
      inHouse({ keyPlace }, async ({ submit, hooks, settings }) => {
        const { tranid, answer } = await submit(
          fields,
          '?utm_source=vk&utm_campaign=%D0%BE%D1%81%D0%B5%D0%BD%D1%8C&x=1',
        )
        assert.deepEqual(answer, { status: 200, body: 'ok' })
        const [hook] = hooks
        assert.ok(hook)
        assert.equal(tildaForm.verify(hook, settings).tag, 'authentic')
        const reading = tildaForm.read(hook, settings)
        assert.ok(reading.tag === 'facts')
        assert.equal(reading.dedupeKey, `tilda:${tranid}`)
        const { kind, inn, phone, utm, extra } = reading.facts
        assert.deepEqual(
          [kind, inn, phone, utm, extra],
          ['partner_registration', '7700000009', '+79123456789', { source: 'vk', campaign: 'осень' }, {}],
        )
      }))

  it('is sent three times in all, a minute apart, with one tranid', () =>
    inHouse({ answers: [500, 503, 500, 200] }, async ({ submit, hooks, clock, url }) => {
      const waiting = async () => (await (await fetch(`${url}/hooks`)).json()).waiting
      const { answer } = await submit(fields)
      assert.equal(answer?.status, 500)
      assert.deepEqual([hooks.length, (await waiting()).length], [1, 1], 'the second waits for its minute')
      clock.advance(59_000)
      assert.equal((await waiting())[0]?.dueAt, '2026-03-02T09:01:00.000Z')
      clock.advance(1_000)
      await until(async () => (await waiting())[0]?.attempts === 2, 'the second try was made')
      assert.equal(hooks.length, 2)
      clock.advance(60_000)
      await until(() => hooks.length === 3, 'the third try came')
      await until(async () => (await waiting()).length === 0, 'no try is left')
      const bodies = new Set(hooks.map(({ body }) => Buffer.from(body).toString()))
      assert.equal(bodies.size, 1)
    }))

  it('obeys a test that wants copies, silence or delay', () =>
    inHouse({}, async ({ submit, hooks, url, clock }) => {
      const wish = (policy: unknown) => fetch(`${url}/hooks`, { method: 'POST', body: JSON.stringify(policy) })
      await wish({ times: 3 })
      await submit(fields)
      assert.equal(hooks.length, 3)
      await wish({ suppress: true })
      assert.equal((await submit(fields)).answer, null)
      assert.equal(hooks.length, 3)
      await wish({ delayMs: 5000 })
      assert.equal((await submit(fields)).answer, null)
      clock.advance(5000)
      await until(() => hooks.length === 4, 'the delayed one came')
    }))

  it('is a page in Russian that keeps the marks of the visit', () =>
    inHouse({}, async ({ url }) => {
      const text = await (await fetch(`${url}/?utm_source=vk"><script>`)).text()
      assert.ok(text.includes('Согласие на обработку персональных данных'))
      const action = /action="([^"]*)"/.exec(text)?.[1]?.replaceAll('&#61;', '=') ?? ''
      assert.match(action, /\/form\?utm_source=vk/)
      assert.equal(text.includes('<script>'), false)
    }))
})

describe('the API of the twin', () => {
  it('answers each method with and without a slash, in texts, and ERROR to another key', () =>
    inHouse({}, async ({ api, url }) => {
      await publish(url)
      const known = [
        'getprojectslist',
        'getprojectinfo',
        'getproject',
        'getprojectexport',
        'getpageslist',
        'getpage',
        'getpagefull',
        'getpageexport',
        'getpagefullexport',
      ]
      for (const method of known.flatMap((name) => [name, `${name}/`])) {
        const { status, result } = await (await api(method, { pageid: site.pageId, projectid: site.projectId })).json()
        assert.equal(status, 'FOUND', method)
        const [card] = [result].flat()
        for (const [name, value] of Object.entries(card))
          assert.ok(value === null || typeof value === 'string' || Array.isArray(value), `${method} ${name}`)
      }
      const wrong = await api('getpage', { publickey: 'other' })
      assert.deepEqual([wrong.status, (await wrong.json()).status], [404, 'ERROR'])
      assert.equal((await (await api('getpage', { pageid: '1' })).json()).status, 'ERROR')
    }))

  it('answers 150 requests an hour', () =>
    inHouse({}, async ({ api, clock, export: exported }) => {
      const statusOf = async (): Promise<string> => (await (await api('getpageslist')).json()).status
      for (let index = 0; index < 150; index++) assert.equal(await statusOf(), 'FOUND')
      assert.equal(await statusOf(), 'ERROR')
      const held = await exported()
      assert.ok(held.tag === 'later' && held.code === 'tilda-limit')
      clock.advance(3_600_000)
      assert.equal(await statusOf(), 'FOUND')
    }))
})

describe('a publication at the twin', () => {
  it('is a hint that we understand (V6), after which our courier brings the page with its files', () =>
    inHouse({}, async ({ url, hooks, settings, export: exported, saved }) => {
      assert.equal(codeOf(await exported()), 'template-empty', 'nothing is published yet')
      await publish(url)
      const [hook] = hooks
      assert.ok(hook)
      assert.deepEqual([hook.method, tildaPage.verify(hook, settings).tag], ['GET', 'authentic'])
      const reading = tildaPage.read(hook, settings)
      assert.ok(reading.tag === 'facts')
      assert.deepEqual(reading.facts, {
        pageId: site.pageId,
        projectId: site.projectId,
        published: '2026-03-02T09:00:00.000Z',
      })
      assert.equal(codeOf(await exported()), 'done')
      const [kept] = saved
      assert.ok(kept)
      assert.deepEqual(
        kept.assets.map(({ path, contentType }) => [path, contentType]),
        [
          ['house.svg', 'image/svg+xml'],
          ['partner.css', 'text/css; charset=utf-8'],
        ],
      )
      const shown = renderPage(kept.template, {
        name: 'ООО «Дом»',
        city: 'Ярославль',
        services: ['Оценка'],
        phone: null,
      })
      assert.ok(shown.includes('<h1>ООО «Дом»</h1>') && shown.includes('/assets/tilda/house.svg'))
      assert.equal(/tildaapi|placeholder\.invalid|%%/.test(shown), false)
    }))

  it('of a page without its token changes nothing', () =>
    inHouse({}, async ({ url, export: exported, saved }) => {
      await publish(url, '<h1>Без метки</h1>')
      assert.equal(codeOf(await exported()), 'template-token-missing')
      assert.equal(saved.length, 0)
    }))

  it('is brought after every fault of the API that passes', () =>
    inHouse({}, async ({ url, export: exported, saved }) => {
      await publish(url)
      const passing = ['500', '429', 'garbage', 'html', 'empty', 'redirect', 'apply-then-reset', 'apply-then-500']
      for (const kind of passing) {
        await fetch(`${url}/faults`, { method: 'POST', body: JSON.stringify({ kind, path: '/v1/', times: 1 }) })
        assert.equal((await exported()).tag, 'later', kind)
      }
      await fetch(`${url}/faults`, { method: 'POST', body: JSON.stringify({ kind: '401', path: '/v1/', times: 1 }) })
      assert.equal(codeOf(await exported()), 'tilda-error')
      assert.equal(saved.length, 0)
      assert.equal(codeOf(await exported()), 'done')
    }))
})
