import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type Console, makeConsole } from '../../src/console/console.ts'
import { partnerId, partnerStream } from '../../src/domain/ids.ts'
import { instant } from '../../src/kernel/time.ts'
import { playTracedPartner, testApi } from '../support/api.ts'
import { browser } from '../support/browser.ts'
import { application, playPartner } from '../support/core.ts'
import { putEffect } from '../support/effects.ts'

type Api = Awaited<ReturnType<typeof testApi>>

const now = instant(new Date('2026-11-24T09:00:00Z'))
const hostile = '"><script src="//evil.example.ru/a.js"></script><img src=x onerror=alert(1)>'

describe('the operators’ console', () => {
  let api: Api
  let site: Console
  let traced: Awaited<ReturnType<typeof playTracedPartner>>
  let paid: Awaited<ReturnType<typeof playPartner>>

  before(async () => {
    api = await testApi()
    site = makeConsole(api.ports)
    traced = await playTracedPartner(api.core)
    paid = await playPartner(api.core, now, { inn: '5038101267', upTo: 'paid' })
    await api.project()
  })
  after(async () => {
    site.closeStreams()
    await api.close()
  })

  const signedIn = async () => {
    const own = browser(site)
    assert.equal((await own.signIn(api.tokens.operator)).status, 303)
    return own
  }

  /** A partner that waits for a decision. */
  const applied = async (inn: string, name = 'ООО «Новый Дом»') => {
    const id = partnerId(randomUUID())
    await api.core.handler.handle({
      stream: partnerStream(id),
      command: {
        type: 'ApplyAsPartner',
        data: { at: now, partnerId: id, application: application({ inn, companyName: name, contactName: name }) },
      },
      cause: { kind: 'import', id: 'test' },
    })
    await api.project()
    return id
  }

  const effect = (status: string): Promise<string> =>
    putEffect(api.core.sql, {
      status,
      reactor: 'verifyTaxpayer',
      subject: traced.id,
      payload: { inn: '7700000009' },
      attempt: 3,
      lastError: 'server-error',
      history: [
        {
          attempt: 3,
          at: '2026-11-24T09:00:01.000Z',
          endedAt: '2026-11-24T09:00:04.000Z',
          outcome: 'later',
          code: 'server-error',
        },
      ],
      at: now,
    })

  const statusOf = async (id: string): Promise<string | undefined> => {
    const [row] = await api.core.sql<{ status: string }[]>`select status from hub.effects where effect_id = ${id}`
    return row?.status
  }

  it('sends a stranger to the sign-in form and shows nothing else', async () => {
    const stranger = browser(site)
    for (const path of [
      '/console',
      '/console/partners',
      `/console/partners/${paid.id}`,
      `/console/webhooks/${traced.webhookId}`,
    ]) {
      const { status, headers, text } = await stranger.get(path)
      assert.equal(status, 303)
      assert.match(headers.get('location') ?? '', /^\/console\/sign-in\?next=/)
      assert.equal(text, '')
    }
    assert.equal((await stranger.get('/console/live')).status, 401)
  })

  it('lets an operator in by the token, to the page that was asked for, with a strict cookie', async () => {
    const own = browser(site)
    const entry = '/console/sign-in?next=%2Fconsole%2Fpartners'
    const answer = await own.fill(entry, '/console/sign-in', { token: api.tokens.operator })
    assert.equal(answer.status, 303)
    assert.equal(answer.headers.get('location'), '/console/partners')
    const cookie = answer.headers.getSetCookie().find((line) => line.startsWith('hub_console='))
    assert.match(cookie ?? '', /; Path=\/console; HttpOnly; SameSite=Strict; Max-Age=43200$/)
    assert.equal((await own.get('/console')).status, 200)
  })

  it('marks its cookies secure behind https', async () => {
    const { ports } = api
    const safe = makeConsole({ ...ports, settings: { ...ports.settings, publicUrl: 'https://hub.example.ru' } })
    const { headers } = await browser(safe).signIn(api.tokens.operator)
    assert.match(headers.getSetCookie().join('\n'), /hub_console=.*; Secure/)
  })

  it('leads to no other site after the sign-in', async () => {
    for (const next of [
      'https://evil.example.ru/',
      '//evil.example.ru',
      '/\\evil.example.ru',
      '/console/sign-out',
      'x',
    ]) {
      const own = browser(site)
      const answer = await own.fill('/console/sign-in', '/console/sign-in', { token: api.tokens.operator })
      assert.equal(answer.headers.get('location'), '/console')
      const entry = await browser(site).get(`/console/sign-in?next=${encodeURIComponent(next)}`)
      assert.match(entry.text, /name="next" value="\/console"/)
    }
  })

  it('refuses wrong tokens, the analyst’s too, and locks the address out after five', async () => {
    const guesser = browser(site, '192.0.2.200')
    for (const token of ['guess', api.tokens.analyst, 'guess', 'guess', 'guess']) {
      const { status, headers } = await guesser.signIn(token)
      assert.equal(status, 401)
      assert.ok(!headers.getSetCookie().some((line) => line.startsWith('hub_console=')))
    }
    const { status, headers } = await guesser.signIn(api.tokens.operator)
    assert.equal(status, 429)
    assert.equal(headers.get('retry-after'), '30')
    assert.equal((await browser(site, '192.0.2.201').signIn(api.tokens.operator)).status, 303)
  })

  it('refuses a sign-in form that this browser did not get', async () => {
    const own = browser(site)
    const entry = await own.get('/console/sign-in')
    const csrf = /name="csrf" value="([^"]+)"/.exec(entry.text)?.[1] ?? ''
    const another = browser(site)
    await another.get('/console/sign-in')
    assert.equal((await another.post('/console/sign-in', { csrf, token: api.tokens.operator })).status, 403)
    assert.equal((await own.post('/console/sign-in', { csrf: '', token: api.tokens.operator })).status, 403)
  })

  it('signs out for good: the old cookie opens nothing', async () => {
    const own = await signedIn()
    const cookie = own.jar.get('hub_console') ?? ''
    assert.equal((await own.fill('/console', '/console/sign-out', {})).status, 303)
    assert.equal(own.jar.has('hub_console'), false)
    own.jar.set('hub_console', cookie)
    assert.equal((await own.get('/console')).status, 303)
  })

  it('refuses a command without the session’s own key, or from another site, and does nothing', async () => {
    const own = await signedIn()
    const id = await effect('dead')
    const action = `/console/do/effects/${id}/retry`
    const foreign = /name="csrf" value="([^"]+)"/.exec((await (await signedIn()).get('/console')).text)?.[1] ?? ''
    const mine = /name="csrf" value="([^"]+)"/.exec((await own.get('/console')).text)?.[1] ?? ''
    assert.notEqual(foreign, mine)
    assert.equal((await own.post(action, { reason: 'because' })).status, 403)
    assert.equal((await own.post(action, { reason: 'because', csrf: foreign })).status, 403)
    const crossSite = await own.post(action, { reason: 'because', csrf: mine }, { 'sec-fetch-site': 'cross-site' })
    assert.equal(crossSite.status, 403)
    assert.equal(await statusOf(id), 'dead')
    assert.equal((await browser(site).post(action, { reason: 'because', csrf: mine })).status, 303)
    assert.equal(await statusOf(id), 'dead')
  })

  it('shows every page in both languages, uncached, unframed, without inline code (S7)', async () => {
    const own = await signedIn()
    const broken = await effect('unknown')
    const pages = [
      '/console',
      '/console/webhooks',
      '/console/webhooks?source=tilda&verdict=accepted&q=7700000009',
      `/console/webhooks/${traced.webhookId}`,
      '/console/partners',
      '/console/partners?status=verified&subscription.status=active&q=%D0%BF%D1%80%D0%B8%D0%BC%D0%B5%D1%80',
      `/console/partners/${paid.id}`,
      `/console/partners/${traced.id}/why/status`,
      `/console/partners/${traced.id}/why/verification.status`,
      '/console/effects',
      '/console/effects?status=unknown&destination=fns',
      `/console/effects/${traced.effectId}`,
      `/console/effects/${broken}`,
      `/console/trace/${traced.effectId}`,
      `/console/partners/${paid.id}?asOf=${traced.verified + 1}`,
      '/console/read-models',
      '/console/destinations',
    ]
    for (const path of pages) {
      for (const lang of ['ru', 'en']) {
        const { status, headers, text } = await own.get(`${path}${path.includes('?') ? '&' : '?'}lang=${lang}`)
        assert.equal(status, 200, path)
        assert.match(text, new RegExp(`<html lang="${lang}">`))
        assert.ok(
          !/\son\w+=|\sstyle=|<style|<script(?! src="\/assets\/console\.js" defer><\/script>)/i.test(text),
          path,
        )
        assert.ok(!text.includes('undefined') && !text.includes('[object'), path)
        assert.equal(headers.get('cache-control'), 'no-store')
        assert.equal(headers.get('x-content-type-options'), 'nosniff')
        const policy = headers.get('content-security-policy') ?? ''
        assert.match(policy, /default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'/)
      }
    }
  })

  it('remembers the language', async () => {
    const own = await signedIn()
    assert.match((await own.get('/console')).text, /Обзор/)
    await own.get('/console?lang=en')
    assert.match((await own.get('/console/partners')).text, /<h1>Partners<\/h1>/)
    await own.get('/console?lang=ru')
    assert.match((await own.get('/console/partners')).text, /<h1>Партнёры<\/h1>/)
  })

  it('answers 404 and 405 for what there is not', async () => {
    const own = await signedIn()
    for (const path of [
      '/console/nothing',
      '/console/webhooks/nothing',
      `/console/webhooks/${randomUUID()}`,
      `/console/effects/${randomUUID()}`,
      '/console/partners/par_nothing',
      `/console/partners/${paid.id}/why/nothing`,
      '/console/read-models/nothing/diff',
    ])
      assert.equal((await own.get(path)).status, 404, path)
    const put = new Request('http://127.0.0.1:3000/console', { method: 'PUT' })
    assert.equal((await site.open(put, '192.0.2.1')).status, 405)
  })

  it('escapes hostile names wherever they are shown (S7)', async () => {
    const own = await signedIn()
    const id = await applied('7700000016', hostile)
    for (const path of [`/console/partners/${id}`, '/console/partners', `/console/partners/${id}/why/legalName`]) {
      const { status, text } = await own.get(path)
      assert.equal(status, 200)
      assert.ok(text.includes('evil.example.ru'), path)
      assert.ok(!text.includes('<script src="//'), path)
      assert.ok(!text.includes('<img'), path)
    }
    const { text } = await own.get(`/console/webhooks?q=${encodeURIComponent(hostile)}`)
    assert.ok(text.includes('evil.example.ru') && !text.includes('<img'))
  })

  it('shows a delivery with its bytes, its secret, its events and the call that sends it again', async () => {
    const own = await signedIn()
    const { text } = await own.get(`/console/webhooks/${traced.webhookId}`)
    assert.match(text, /<dt>INN<\/dt><dd>7700000009<\/dd>/)
    assert.match(text, /<dt>Name<\/dt><dd>Мария<\/dd>/)
    assert.match(text, /00000000 {2}49 4e 4e 3d/)
    assert.match(text, /Пришла заявка/)
    assert.match(text, /<code>current<\/code>/)
    assert.ok(text.includes(Buffer.from(traced.body).toString('base64').replace(/=+$/, '')))
    assert.match(text, new RegExp(`/console/partners/${traced.id}`))
    assert.match(text, new RegExp(`/console/effects/${traced.effectId}`))
  })

  it('finds deliveries by the phone, email, INN and number of the partner, and by the text of the bytes', async () => {
    const own = await signedIn()
    const { text: dedupe } = await own.get(`/console/webhooks?q=tilda:${traced.webhookId}`)
    assert.ok(dedupe.includes(traced.webhookId))
    for (const q of [
      '+7 (912) 345-67-89',
      'MARIA@example.ru',
      '7700000009',
      traced.id,
      'INN=77000',
      traced.webhookId,
    ]) {
      const { text } = await own.get(`/console/webhooks?q=${encodeURIComponent(q)}`)
      assert.ok(text.includes(`/console/webhooks/${traced.webhookId}`), q)
    }
    for (const q of ['+7 999 000-00-00', 'nobody@example.ru', '_%_', 'accepted']) {
      const { text } = await own.get(`/console/webhooks?q=${encodeURIComponent(q)}`)
      assert.ok(!text.includes(`/console/webhooks/${traced.webhookId}`), q)
    }
    const { text } = await own.get('/console/webhooks?source=yookassa')
    assert.ok(!text.includes(traced.webhookId))
  })

  it('shows a partner with the sentence of each fact, the payments, and why each field is what it is', async () => {
    const own = await signedIn()
    const { text } = await own.get(`/console/partners/${paid.id}`)
    for (const expected of [
      'Партнёр проверен',
      'Оплата получена',
      'Подписка активна',
      '2\u00a0500\u00a0₽',
      'maria@example.ru',
    ])
      assert.ok(text.includes(expected), expected)
    const why = await own.get(`/console/partners/${traced.id}/why/verification.status`)
    assert.ok(why.text.includes(traced.webhookId))
    assert.ok(why.text.includes(traced.effectId))
    assert.match(why.text, /Партнёр проверен/)
  })

  it('records each look at a card as a fact', async () => {
    const own = await signedIn()
    const id = await applied('7700000023')
    const looks = async (): Promise<number> => {
      const [row] = await api.core.sql<
        { count: number }[]
      >`select count(*)::int as count from hub.events where subject = ${id} and type = 'CardViewed'`
      return row?.count ?? 0
    }
    assert.equal(await looks(), 0)
    await own.get(`/console/partners/${id}`)
    assert.equal(await looks(), 1)
    await own.get('/console/partners')
    assert.equal(await looks(), 1)
  })

  it('decides an application by its form, with the reason in the log', async () => {
    const own = await signedIn()
    const id = await applied('7700000030')
    const page = `/console/partners/${id}`
    const answer = await own.fill(page, `/console/do/partners/${id}/review`, {
      verdict: 'verified',
      reason: 'Позвонили, всё сходится',
    })
    assert.equal(answer.status, 303)
    assert.equal(answer.headers.get('location'), `${page}?said=done`)
    const [fact] = await api.core.sql<
      { type: string; meta: { reason?: string; actor?: string } }[]
    >`select type, meta from hub.events where subject = ${id} and type = 'PartnerVerified'`
    assert.equal(fact?.meta.reason, 'Позвонили, всё сходится')
    assert.equal(fact?.meta.actor, 'operator')
    await api.project()
    const { text } = await own.get(`${page}?said=done`)
    assert.match(text, /Сделано/)
    const [row] = await api.core.sql<{ slug: string }[]>`select slug from hub_read.partners_1 where partner_id = ${id}`
    assert.match(row?.slug ?? '', new RegExp(`dom-${id.slice(-6)}$`))
  })

  it('says in plain words why a command was refused, and asks for a reason', async () => {
    const own = await signedIn()
    const csrf = /name="csrf" value="([^"]+)"/.exec((await own.get('/console')).text)?.[1] ?? ''
    const refused = await own.post(`/console/do/partners/${paid.id}/review`, {
      csrf,
      verdict: 'rejected',
      reason: 'Зря',
    })
    assert.equal(refused.status, 409)
    assert.match(refused.text, /partner-not-reviewable/)
    const silent = await own.post(`/console/do/effects/${traced.effectId}/retry`, { csrf, reason: '  ' })
    assert.equal(silent.status, 422)
    assert.equal((await own.post('/console/do/nothing', { csrf, reason: 'Так' })).status, 404)
  })

  it('retries, resolves and discards effects by their forms', async () => {
    const own = await signedIn()
    for (const [command, fields, expected] of [
      ['retry', {}, 'waiting'],
      ['resolve', { outcome: 'refused' }, 'refused'],
      ['discard', {}, 'cancelled'],
    ] as const) {
      const id = await effect('dead')
      const page = `/console/effects/${id}`
      const answer = await own.fill(page, `/console/do/effects/${id}/${command}`, { ...fields, reason: 'Разобрались' })
      assert.equal(answer.headers.get('location'), `${page}?said=${expected}`)
      assert.equal(await statusOf(id), expected)
      assert.match((await own.get(page)).text, /Разобрались/)
    }
  })

  it('counts broken effects before it sets them free', async () => {
    const own = await signedIn()
    const id = await effect('dead')
    const [page, action] = ['/console/effects', '/console/do/effects/redrive']
    const counted = await own.fill(page, action, { destination: 'fns', reason: 'Сколько их', dryRun: 'true' })
    assert.match(counted.headers.get('location') ?? '', /^\/console\/effects\?said=counted&count=[1-9]\d*$/)
    assert.equal(await statusOf(id), 'dead')
    await own.fill(page, action, { destination: 'fns', reason: 'Реестр отвечает' })
    assert.equal(await statusOf(id), 'waiting')
  })

  it('shows a card as it was, without the button that decides today', async () => {
    const own = await signedIn()
    const now = await own.get(`/console/partners/${traced.id}`)
    assert.match(now.text, /КПП<\/div><\/td>\s*<td data-head="Значение"><div>770001001/)
    const then = await own.get(`/console/partners/${traced.id}?asOf=${traced.applied}`)
    assert.match(then.text, /КПП<\/div><\/td>\s*<td data-head="Значение"><div>—/)
    assert.ok(!then.text.includes('/review"'))
    assert.equal((await own.get(`/console/partners/${traced.id}?asOf=yesterday`)).status, 400)
  })

  it('pauses and resumes a destination', async () => {
    const own = await signedIn()
    const page = '/console/destinations'
    assert.equal(
      (await own.fill(page, '/console/do/destinations/fns/pause', { reason: 'Плановые работы' })).status,
      303,
    )
    assert.match((await own.get(page)).text, /Плановые работы/)
    assert.match((await own.get('/console')).text, /Приостановленные назначения/)
    assert.equal(
      (await own.fill(page, '/console/do/destinations/fns/resume', { reason: 'Работы кончились' })).status,
      303,
    )
    assert.ok(!(await own.get(page)).text.includes('Плановые работы'))
  })

  it('starts a rebuild and shows its candidate beside the live version', async () => {
    const own = await signedIn()
    const page = '/console/read-models'
    assert.equal((await own.fill(page, '/console/do/projections/payments/rebuild', { reason: 'Проверка' })).status, 303)
    assert.match((await own.get(page)).text, /<progress max="100"/)
  })

  it('streams the numbers and ends the streams when the service stops', async () => {
    const own = await signedIn()
    const cookie = `hub_console=${own.jar.get('hub_console')}`
    const response = await site.open(new Request('http://127.0.0.1:3000/console/live', { headers: { cookie } }), '')
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
    const reader = response.body?.getReader()
    assert.ok(reader)
    let seen = ''
    while (!seen.includes('"head":')) seen += new TextDecoder().decode((await reader.read()).value)
    assert.match(seen, /event: numbers\ndata: \{"head":\d+,/)
    site.closeStreams()
    while (!(await reader.read()).done);
  })

  it('serves its two files and no other', () => {
    assert.match(site.asset('/assets/console.css')?.headers.get('content-type') ?? '', /^text\/css/)
    assert.match(site.asset('/assets/console.js')?.headers.get('content-type') ?? '', /^text\/javascript/)
    assert.equal(site.asset('/assets/site.css'), null)
    assert.equal(site.asset('constructor'), null)
  })
})
