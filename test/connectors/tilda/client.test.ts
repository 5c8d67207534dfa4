import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Exchange, ProviderRequest } from '../../../src/connectors/exchange.ts'
import { createTildaCourier, type TemplateAsset } from '../../../src/connectors/tilda/client.ts'
import type { PageTemplate } from '../../../src/connectors/tilda/page.ts'
import type { TildaSettings } from '../../../src/connectors/tilda/wire.ts'
import type { Outcome } from '../../../src/kernel/decision.ts'
import { type Instant, plusMs } from '../../../src/kernel/time.ts'
import { attemptAt } from '../deliveries.ts'

const now = '2026-03-02T09:00:00.000Z' as Instant
const settings: TildaSettings = {
  publicKey: 'public-1',
  secretKey: 'secret-1',
  webhookKeys: ['k'],
  webhookKeyPlace: { in: 'header', name: 'X-Api-Key' },
  pathSecrets: ['k'],
  projectId: null,
  templatePageId: '60112233',
  forms: {},
  baseUrl: 'https://api.tildacdn.info/v1',
}

const page = {
  id: '60112233',
  html: '<link rel="stylesheet" href="css/page.css"><h1>%%partner.name%%</h1><img src="images/house.png">',
  images: [{ from: 'https://static.tildacdn.com/t/house.png', to: 'house.png' }],
  css: [{ from: 'https://ws.tildacdn.com/page.css', to: 'page.css' }],
  js: [],
}
const found = (result: unknown): Exchange => answered(JSON.stringify({ status: 'FOUND', result }))
const answered = (text: string, status = 200): Exchange => ({
  tag: 'response',
  status,
  headers: new Headers(),
  text,
})
const errorOf = (message: string, status = 200): Exchange =>
  answered(JSON.stringify({ status: 'ERROR', message, errorside: 'client' }), status)

type Saved = {
  readonly template: PageTemplate & { readonly pageId: string }
  readonly assets: readonly TemplateAsset[]
}

const file = (text: string) => ({ contentType: 'text/html', bytes: new TextEncoder().encode(text) })

/** A courier whose provider answers as told; `saved` holds what came into force. */
const world = (answer: () => Exchange, files: Readonly<Record<string, string>> = {}) => {
  const saved: Saved[] = []
  const requests: ProviderRequest[] = []
  const downloads: string[] = []
  const courier = createTildaCourier(settings, {
    call: async (request) => {
      requests.push(request)
      return answer()
    },
    download: async (url) => {
      downloads.push(url)
      const text = files[url]
      return text === undefined ? null : file(text)
    },
    save: async (template, assets) => {
      saved.push({ template, assets })
    },
    formAction: 'https://hub.example/leads',
    assetPrefix: '/assets/tilda/',
  })
  const perform = async (at: Instant = now, payload: unknown = { pageId: '60112233' }): Promise<Outcome> => {
    const outcome = await courier.performers['tilda.exportTemplate']?.(payload, attemptAt(at))
    if (outcome === undefined) throw new Error('No performer "tilda.exportTemplate"')
    return outcome
  }
  return { perform, saved, requests, downloads }
}

const whole = {
  'https://static.tildacdn.com/t/house.png': 'PNG',
  'https://ws.tildacdn.com/page.css': 'body{background:url(../images/house.png)}',
}
const codeOf = (outcome: Outcome): string => (outcome.tag === 'done' ? 'done' : `${outcome.tag} ${outcome.code}`)

describe('tilda.exportTemplate', () => {
  it('takes a page with its files, which then name one another by our own addresses', async () => {
    const { perform, saved, requests } = world(() => found(page), whole)
    const outcome = await perform()
    assert.ok(outcome.tag === 'done', codeOf(outcome))
    const [kept] = saved
    assert.equal(kept?.template.pageId, '60112233')
    assert.ok(kept?.template.html.includes('href="/assets/tilda/page.css"'))
    assert.ok(kept?.template.html.includes('src="/assets/tilda/house.png"'))
    const text = (path: string) =>
      new TextDecoder().decode(kept?.assets.find((asset) => asset.path === path)?.bytes ?? new Uint8Array())
    assert.equal(text('page.css'), 'body{background:url(/assets/tilda/house.png)}')
    assert.deepEqual(
      kept?.assets.map(({ path, contentType }) => [path, contentType]),
      [
        ['house.png', 'image/png'],
        ['page.css', 'text/css; charset=utf-8'],
      ],
      'a foreign server does not say what our files are',
    )
    assert.deepEqual(
      requests.map(({ method, url }) => [method, url]),
      [
        [
          'GET',
          'https://api.tildacdn.info/v1/getpagefullexport/?publickey=public-1&secretkey=secret-1&pageid=60112233',
        ],
      ],
    )
  })

  it('never takes an ERROR with HTTP 200, or an answer without content, for an empty page (R22)', async () => {
    const answers: readonly (readonly [Exchange, string])[] = [
      [errorOf('Wrong public key'), 'refused tilda-error'],
      [errorOf('Page not found', 404), 'refused tilda-error'],
      [found({ ...page, html: '' }), 'refused template-empty'],
      [found({ ...page, html: '<h1>без имени</h1>' }), 'refused template-token-missing'],
      [found(null), 'later tilda-unreadable'],
      [answered('<html>Bad gateway</html>', 502), 'later tilda-down'],
      [errorOf('Server error', 500), 'later tilda-down'],
      [answered('{"status":"FOU'), 'later tilda-unreadable'],
      [{ tag: 'maybe-sent', code: 'deadline' }, 'later deadline'],
      [{ tag: 'not-sent', code: 'connection-failed' }, 'later connection-failed'],
    ]
    for (const [answer, expected] of answers) {
      const { perform, saved, downloads } = world(() => answer, whole)
      assert.equal(codeOf(await perform()), expected)
      assert.deepEqual([saved.length, downloads.length], [0, 0], 'the last good template stays')
    }
  })

  it('refuses unsafe names and foreign hosts before anything is downloaded (R21)', async () => {
    const entries: readonly (readonly [unknown, string])[] = [
      [{ from: 'https://static.tildacdn.com/x', to: '../../x' }, 'refused asset-path-unsafe'],
      [{ from: 'https://evil.example/x.png', to: 'x.png' }, 'refused asset-host-foreign'],
      [{ from: 'https://169.254.169.254/x.png', to: 'x.png' }, 'refused asset-host-foreign'],
      ['x.png', 'refused asset-unreadable'],
    ]
    for (const [entry, expected] of entries) {
      const { perform, saved, downloads } = world(() => found({ ...page, images: [entry] }), whole)
      assert.equal(codeOf(await perform()), expected)
      assert.deepEqual([saved.length, downloads.length], [0, 0])
    }
  })

  it('keeps nothing of a page whose files could not all be had', async () => {
    const { perform, saved } = world(() => found(page), { 'https://ws.tildacdn.com/page.css': '' })
    assert.equal(codeOf(await perform()), 'later asset-not-had')
    assert.equal(saved.length, 0)
  })

  it('refuses a page with more files, or larger ones, than a page has', async () => {
    const many = Array.from({ length: 151 }, (_, index) => ({
      from: `https://static.tildacdn.com/${index}.png`,
      to: `${index}.png`,
    }))
    assert.equal(codeOf(await world(() => found({ ...page, images: many })).perform()), 'refused template-too-large')
    const heavy = many.slice(0, 6)
    const megabytes5 = 'a'.repeat(5 * 1024 * 1024)
    const files = Object.fromEntries(heavy.map(({ from }) => [from, megabytes5]))
    const { perform, saved } = world(() => found({ ...page, images: heavy, css: [] }), files)
    assert.equal(codeOf(await perform()), 'refused template-too-large')
    assert.equal(saved.length, 0)
  })

  it('stays below the vendor’s limit by itself, and pauses for an hour when the vendor speaks of it', async () => {
    const { perform, requests } = world(() => found(page), whole)
    for (let index = 0; index < 120; index++) assert.equal(codeOf(await perform(plusMs(now, index * 1000))), 'done')
    const at = plusMs(now, 130_000)
    const held = await perform(at)
    assert.equal(requests.length, 120)
    assert.ok(held.tag === 'later' && held.code === 'tilda-limit' && held.pauseDestination === 'until-not-before')
    assert.equal(held.tag === 'later' ? held.notBefore : null, plusMs(now, 3_600_000))
    assert.equal(codeOf(await perform(plusMs(now, 3_600_000))), 'done')
    for (const answer of [errorOf('Requests limit exceeded'), answered('', 429)]) {
      const paused = await world(() => answer).perform()
      assert.equal(paused.tag === 'later' ? paused.notBefore : null, plusMs(now, 3_600_000))
    }
  })

  it('asks nothing for a page that cannot be, and never speaks of a key', async () => {
    for (const pageId of ['0', '../1', '', 1]) {
      const { perform, requests } = world(() => found(page))
      assert.equal(codeOf(await perform(now, { pageId })), 'refused payload-not-valid')
      assert.equal(requests.length, 0)
    }
    const texts = JSON.stringify(await world(() => errorOf('Wrong secret-1')).perform())
    assert.equal(texts.includes('secret-1'), false)
  })
})
