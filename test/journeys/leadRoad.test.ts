import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { act, hook, listWhen, tool, vectorEnv } from '../support/chats.ts'
import { askToPay, form, goodCard, letterTo, partnerWhen, payAtYooKassa, payLink, submitForm } from '../support/road.ts'
import { type Json, type RunningService, until, withService } from '../support/service.ts'

const v9 =
  'event=lead&data%5Bid%5D=8123456&data%5Bnum%5D=412&data%5Btime%5D=1763900200&data%5Bstatus%5D%5Bcode%5D=0&data%5Bclient%5D%5Bname%5D=%D0%9E%D0%BB%D0%B5%D0%B3&data%5Bclient%5D%5Bphone%5D=8+%28909%29+075-15-80&data%5Bclient%5D%5Bemail%5D=&data%5Bform_name%5D=%D0%A3%D0%B7%D0%BD%D0%B0%D1%82%D1%8C+%D1%86%D0%B5%D0%BD%D1%83+%D0%B4%D0%BE%D0%BC%D0%B0&data%5Bpage%5D%5Burl%5D=https%3A%2F%2F%D0%B4%D0%BE%D0%BC%D0%B0-%D1%86%D0%B5%D0%BD%D1%8B.%D1%80%D1%84%2Fdom-120%2F&data%5Butm%5D%5Butm_source%5D=yandex&data%5Butm%5D%5Butm_term%5D=%D1%86%D0%B5%D0%BD%D0%B0+%D0%B4%D0%BE%D0%BC%D0%B0+120+%D0%BC%C2%B2'

const pulls = async (service: RunningService): Promise<number> =>
  (await service.get('/api/v1/effects?kind=flexbe.pullLeads&limit=500')).body.items.length

describe('the road of a lead', () => {
  it('keeps a lead of a Flexbe hook once, answers in its words and pulls soon after (V9, R17)', async () => {
    await withService(vectorEnv, async (service) => {
      assert.equal((await hook(service, 'flexbe/wrong', v9)).status, 404)
      const before = await pulls(service)
      for (let time = 0; time < 2; time += 1) {
        const answer = await hook(service, 'flexbe/s3cr3t', v9)
        assert.deepEqual([answer.status, answer.body], [200, { status: 1 }])
      }
      const [lead, ...more] = await listWhen(service, 'leads', (items) => items.length > 0)
      assert.equal(more.length, 0)
      assert.match(lead.leadId, /^lead_[0-9a-f]{32}$/)
      assert.deepEqual(
        [lead.source, lead.externalId, lead.name, lead.phone, lead.email, lead.status, lead.offers],
        ['flexbe', '8123456', 'Олег', '+79090751580', null, 'new', []],
      )
      assert.deepEqual(lead.utm, { source: 'yandex', term: 'цена дома 120 м²' })
      assert.equal(lead.pageUrl, 'https://xn----7sblg6ajc1e4b.xn--p1ai/dom-120/')
      const [delivery] = (await service.get('/api/v1/webhooks?source=flexbe')).body.items
      assert.deepEqual([delivery.dedupeKey, delivery.verdict, delivery.repeats], ['flexbe:lead:8123456', 'accepted', 1])
      await until(async () => (await pulls(service)) > before, 'a pull after the hook')

      assert.equal((await service.post('/sandbox/clock', { advance: '1m' })).status, 200)
      const unknown = await hook(service, 'flexbe/s3cr3t', 'something=else')
      assert.equal(unknown.status, 200)
      const [held] = (await service.get('/api/v1/webhooks?source=flexbe&verdict=quarantined')).body.items
      assert.equal(held.reason, 'no-lead-id')
      const hints = await listWhen(service, 'events?type=PullHinted', (items) => items.length === 2)
      const byHint = (items: readonly Json[]) => items.some((effect) => effect.causedBy === hints[1].eventId)
      await listWhen(service, 'effects?kind=flexbe.pullLeads&limit=500', byHint)
      const analyst = await fetch(`${service.url}/api/v1/leads`, {
        headers: { authorization: `Bearer ${service.analyst}` },
      })
      const [masked] = (await analyst.json()).items
      assert.deepEqual([masked.name, masked.phone], ['О***', '+7***80'])
    })
  })

  it('meets a lead by hook and by pull and keeps one; a lead without a hook comes within 5 minutes (road D, V9)', async () => {
    await withService({}, async (service) => {
      await act(service, 'flexbe', { lead: { name: 'Олег', phone: '8 (909) 075-15-80', city: 'Ярославль' } })
      await listWhen(service, 'leads', (items) => items.length === 1)
      await act(service, 'flexbe', { lead: { name: 'Анна', phone: '89100000001', hooked: false } })
      assert.equal((await service.post('/sandbox/clock', { advance: '5m' })).status, 200)
      const leads = await listWhen(service, 'leads?sort=createdAt', (items) => items.length === 2)
      assert.deepEqual(leads.map((lead) => lead.city).toSorted(), [null, 'Ярославль'])
      assert.deepEqual(leads.map((lead) => lead.phone).toSorted(), ['+79090751580', '+79100000001'])
    })
  })

  it('goes on pulling after refusals, again within 10 minutes (road D)', async () => {
    await withService({}, async (service) => {
      const pulled = (status: string) => `effects?kind=flexbe.pullLeads&status=${status}`
      await listWhen(service, pulled('done'), (items) => items.length > 0)
      const faults = `${service.url}/sandbox/flexbe/faults`
      const fault = JSON.stringify({ kind: '401', path: '/mod/api/', times: 2 })
      assert.equal((await fetch(faults, { method: 'POST', body: fault })).status, 201)
      await act(service, 'flexbe', { lead: { name: 'Анна', phone: '89100000001', hooked: false } })
      assert.equal((await service.post('/sandbox/clock', { advance: '5m' })).status, 200)
      await until(async () => {
        const left: Json[] = await (await fetch(faults)).json()
        return left.length === 0 || (left[0].times ?? 0) < 2
      }, 'a pull that was refused')
      assert.equal((await service.post('/sandbox/clock', { advance: '10m' })).status, 200)
      await listWhen(service, 'leads', (items) => items.length === 1)
    })
  })

  it('makes leads of requests through the bot and of forms, with consent and a contact only', async () => {
    await withService({ ...vectorEnv, TILDA_PUBLIC_KEY: '', TILDA_SECRET_KEY: '' }, async (service) => {
      const request = { tool: 'leave_request', name: 'Анна', phone: '8 910 000-00-01', city: 'Рыбинск', chat_id: 'c1' }
      const refused = await tool(service, 'client', request)
      assert.deepEqual([refused.status, refused.body.ok], [200, false])
      assert.match(refused.body.text, /согласие/)
      for (let time = 0; time < 2; time += 1) {
        const taken = await tool(service, 'client', { ...request, consent: true })
        assert.deepEqual([taken.status, taken.body.ok], [200, true])
      }
      const poor = await tool(service, 'client', { tool: 'leave_request', name: 'Анна', consent: 'да', chat_id: 'c2' })
      assert.deepEqual([poor.status, poor.body.ok], [200, false])
      await submitForm(service, { hub_form: 'lead', Имя: 'Пётр', Телефон: '+79100000002', Город: 'Кострома' })
      const leads = await listWhen(service, 'leads', (items) => items.length === 2)
      assert.deepEqual(leads.map((lead) => `${lead.source} ${lead.city}`).toSorted(), [
        'protalk Рыбинск',
        'tilda Кострома',
      ])
    })
  })

  it('offers a lead to listed partners of the city, one after another, until somebody takes it (road D)', async () => {
    await withService({}, async (service) => {
      const emails = ['maria@example.ru', 'boris@example.ru'] as const
      await listed(service, form())
      await listed(
        service,
        form({ ИНН: '7604002028', Почта: emails[1], Телефон: '+79120000003', Компания: 'ООО «Волжский берег»' }),
      )
      await act(service, 'flexbe', {
        lead: { name: 'Олег', phone: '8 (909) 075-15-80', city: 'ярославль', service: 'Ипотека' },
      })
      const [offered] = await listWhen(service, 'leads', ([lead]) => lead?.status === 'offered')
      const first = await emailOf(service, offered.offers[0].partnerId)
      const letter = await letterTo(service, first, /Новая заявка от клиента/)
      assert.doesNotMatch(letter.text, /075-15-80|79090751580|Олег/, 'who asks is told to the partner who takes it')
      const links = [...letter.text.matchAll(/https?:\S+\/offers\/\S+/g)].map(([link]) => link)
      assert.equal(links.length, 2)
      for (const link of links) {
        const page = await fetch(link)
        assert.equal(page.status, 200)
        assert.doesNotMatch(await page.text(), /79090751580/)
      }
      assert.equal((await service.get('/api/v1/leads')).body.items[0].status, 'offered', 'looking answers nothing')
      const reply = (link: string, answer: string) =>
        fetch(link.split('?')[0] ?? '', { method: 'POST', body: new URLSearchParams({ answer }) })
      assert.equal((await reply(links[0] ?? '', 'decline')).status, 200)
      const [again] = await listWhen(service, 'leads', ([lead]) => lead?.offers.length === 2)
      assert.deepEqual([again.status, again.offers[0].status], ['offered', 'declined'])
      const second = await emailOf(service, again.offers[1].partnerId)
      assert.notEqual(second, first)
      const [link = ''] =
        /https?:\S+\/offers\/\S+/.exec((await letterTo(service, second, /Новая заявка от клиента/)).text) ?? []
      const taken = await reply(link, 'accept')
      assert.match(await taken.text(), /79090751580/)
      const [accepted] = await listWhen(service, 'leads', ([lead]) => lead?.status === 'accepted')
      const rows = await listWhen(service, 'offers?sort=offeredAt', (items) => items.length === 2)
      assert.deepEqual(
        rows.map((row) => [row.leadId, row.status]),
        [
          [accepted.leadId, 'declined'],
          [accepted.leadId, 'accepted'],
        ],
      )
    })
  })

  it('lets an offer run out after a day, and tells so (road D)', async () => {
    await withService({}, async (service) => {
      await listed(service, form())
      await act(service, 'flexbe', { lead: { name: 'Олег', phone: '+79090751580', city: 'Ярославль' } })
      await listWhen(service, 'leads', ([lead]) => lead?.status === 'offered')
      assert.equal((await service.post('/sandbox/clock', { advance: '24h' })).status, 200)
      const [lead] = await listWhen(service, 'leads', ([row]) => row?.status === 'expired')
      assert.deepEqual(
        lead.offers.map((offer: Json) => offer.status),
        ['expired'],
      )
    })
  })
})

/** A partner who is paid and listed. */
const listed = async (service: RunningService, fields: Readonly<Record<string, string>>): Promise<void> => {
  await submitForm(service, fields)
  const link = payLink(await letterTo(service, fields.Почта ?? '', /осталась оплата/))
  await payAtYooKassa(service, await askToPay(link), goodCard)
  await partnerWhen(service, fields.ИНН ?? '', (row) => row.listed, 'listed')
}

const emailOf = async (service: RunningService, partnerId: string): Promise<string> =>
  (await service.get(`/api/v1/partners/${partnerId}`)).body.email
