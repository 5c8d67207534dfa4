import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import postgres from 'postgres'
import { type LinkPurpose, linkToken } from '../../src/privacy/links.ts'
import { masterKeys } from '../../src/privacy/seal.ts'
import { listWhen } from '../support/chats.ts'
import { askToPay, form, goodCard, letterTo, partnerWhen, payAtYooKassa, payLink, submitForm } from '../support/road.ts'
import { type Json, type RunningService, until, withService } from '../support/service.ts'

const inn = '7700000009'
const reason = 'Просьба партнёра'
const master = randomBytes(32).toString('base64')
const env = { HUB_MASTER_KEY: master }
const keys = masterKeys([Buffer.from(master, 'base64')])

const linkOf = (service: RunningService, partnerId: string, purpose: LinkPurpose = 'unsubscribe'): string =>
  `${service.url}/unsubscribe/${linkToken(keys, purpose, partnerId)}`

/** A partner who ticked the box of advertising and was verified. */
const consenting = async (service: RunningService): Promise<Json> => {
  await submitForm(service, form({ Рассылка: 'yes' }))
  const partner = await partnerWhen(service, inn, ({ status }) => status === 'verified', 'verified')
  assert.equal(partner.consent.marketing, true)
  return partner
}

const refusals = async (service: RunningService): Promise<readonly Json[]> =>
  (await service.get('/api/v1/events?type=MarketingUnsubscribed')).body.items

/** The mailbox provider's click, and what other programs make of it. */
const bodies: readonly (readonly [type: string | null, body: string | null])[] = [
  ['application/x-www-form-urlencoded', 'List-Unsubscribe=One-Click'],
  [
    'multipart/form-data; boundary=x',
    '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--',
  ],
  ['application/json', '{broken'],
  ['text/plain', 'List-Unsubscribe=One-Click'],
  [null, null],
]

describe('unsubscribing by the link of a letter', () => {
  it('asks on GET, ends the consent on POST whatever its body, and says the same every time', async () => {
    await withService(env, async (service) => {
      const partner = await consenting(service)
      const link = linkOf(service, partner.partnerId)
      for (const method of ['GET', 'HEAD', 'GET']) {
        const page = await fetch(link, { method })
        assert.equal(page.status, 200)
        assert.match(page.headers.get('content-security-policy') ?? '', /default-src/)
        assert.doesNotMatch(page.headers.get('content-security-policy') ?? '', /unsafe/)
        assert.equal(page.headers.get('x-content-type-options'), 'nosniff')
        const text = await page.text()
        if (method === 'GET') assert.ok(text.includes(`<form method="post" action="${new URL(link).pathname}">`))
        assert.doesNotMatch(text, /maria@|Примерова/)
      }
      assert.deepEqual(await refusals(service), [], 'scanners follow links')

      for (const [type, body] of bodies) {
        const answer = await fetch(link, {
          method: 'POST',
          redirect: 'manual',
          ...(body === null ? {} : { body }),
          headers: type === null ? {} : { 'content-type': type },
        })
        assert.equal(answer.status, 200, String(type))
        assert.match(await answer.text(), /Вы отписаны/)
      }
      const [refusal, ...others] = await refusals(service)
      assert.deepEqual([refusal.subject, refusal.meta.cause.kind, others.length], [partner.partnerId, 'visitor', 0])
      await partnerWhen(service, inn, ({ consent }) => consent.marketing === false, 'unsubscribed')
      const why = (await service.get(`/api/v1/partners/${partner.partnerId}/why?field=consent.marketing`)).body
      assert.deepEqual([why.value, why.chain.at(-1).type], [false, 'MarketingUnsubscribed'])

      const pay = payLink(await letterTo(service, 'maria@example.ru', /осталась оплата/))
      assert.equal((await payAtYooKassa(service, await askToPay(pay), goodCard)).status, 200)
      await letterTo(service, 'maria@example.ru', /^Оплата получена$/)
    })
  })

  it('opens by its own token only, and shows a page for any other', async () => {
    await withService(env, async (service) => {
      const partner = await consenting(service)
      const link = linkOf(service, partner.partnerId)
      const token = link.split('/').at(-1) ?? ''
      const swapped = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
      const wrong = [
        linkOf(service, partner.partnerId, 'pay'),
        linkOf(service, `par_${'0'.repeat(32)}`),
        ...['', '/', swapped, token.slice(1), `${token}A`, '%00', `${token}/more`].map(
          (text) => `${service.url}/unsubscribe/${text}`,
        ),
      ]
      for (const address of wrong)
        for (const method of ['GET', 'POST']) {
          const answer = await fetch(address, { method })
          assert.equal(answer.status, 404, `${method} ${address}`)
          assert.match(await answer.text(), /Ссылка не подходит|not-found/, address)
        }
      const put = await fetch(link, { method: 'PUT' })
      assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, HEAD, POST'])
      assert.deepEqual(await refusals(service), [])
    })
  })

  it('is done by an operator for who asks by phone, with a reason on record', async () => {
    await withService(env, async (service) => {
      const { partnerId } = await consenting(service)
      const path = `/api/v1/partners/${partnerId}/unsubscribe`
      assert.equal((await service.post(path, {})).status, 422)
      assert.equal((await service.post(`/api/v1/partners/par_${'0'.repeat(32)}/unsubscribe`, { reason })).status, 404)
      for (let time = 0; time < 2; time += 1) assert.equal((await service.post(path, { reason })).status, 200)
      const [refusal, ...others] = await refusals(service)
      assert.deepEqual([refusal.meta.actor, refusal.meta.reason, others.length], ['operator', reason, 0])
    })
  })
})

describe('the contact of an erased person', () => {
  it('is suppressed for advertising by its digest, in every later application', async () => {
    await withService(env, async (service, database) => {
      const { partnerId } = await consenting(service)
      const erased = await service.post(`/api/v1/partners/${partnerId}/erase`, { reason, basis: 'withdrawal' })
      assert.equal(erased.status, 202)
      const sql = postgres(database.url, { max: 1, onnotice: () => {} })
      try {
        const rows = () => sql<{ key: string; reason: string }[]>`select key, reason from hub.suppressions`
        await until(async () => (await rows()).length === 2, 'the digests of address and phone')
        for (const { key, reason: why } of await rows()) {
          assert.match(key, /^[\w-]{43}$/)
          assert.equal(why, 'erasure')
        }
      } finally {
        await sql.end()
      }
      assert.equal((await fetch(linkOf(service, partnerId), { method: 'POST' })).status, 200)
      assert.deepEqual(await refusals(service), [])

      const again = [
        [{ Телефон: '+79120000001' }, '7604001017', true],
        [{ Почта: 'other@example.ru' }, '7604002028', true],
        [{ Почта: 'new@example.ru', Телефон: '+79120000002' }, '7604003039', false],
      ] as const
      for (const [change, ownInn, suppressed] of again) {
        await submitForm(service, form({ ...change, ИНН: ownInn, Рассылка: 'yes' }))
        const partner = await partnerWhen(service, ownInn, () => true, 'there')
        const [applied] = await listWhen(
          service,
          `events?type=PartnerApplied&subject=${partner.partnerId}`,
          (items) => items.length === 1,
        )
        assert.deepEqual([partner.consent.marketing, applied.data.suppressed ?? false], [!suppressed, suppressed])
        assert.equal(partner.consent.personalData, true)
      }
    })
  })
})
