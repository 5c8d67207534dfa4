import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  address,
  chargesAt,
  daysAfter,
  moveTo,
  nowOf,
  pageStatus,
  paidPartner,
  subscriptionWhen,
  testProviders,
} from '../support/billing.ts'
import { letterTo } from '../support/road.ts'
import { type Json, type RunningService, until, withService } from '../support/service.ts'

const [yookassa] = testProviders
assert.ok(yookassa)

const ask = (service: RunningService, email: string): Promise<Response> =>
  fetch(`${service.url}/me`, { method: 'POST', body: new URLSearchParams({ email }) })

const linkIn = (letter: Json): string => {
  const link = /https?:\S+\/me\/[\w-]+/.exec(letter.text)?.[0]
  assert.ok(link, 'the letter holds a link to the cabinet')
  return link
}

/** Asks for a link and takes it out of the letter. */
const cabinetOf = async (service: RunningService): Promise<string> => {
  assert.equal((await ask(service, address)).status, 200)
  return linkIn(await letterTo(service, address, /Вход в кабинет/))
}

const act = (link: string, action: string, fields: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(`${link}/${action}`, { method: 'POST', redirect: 'manual', body: new URLSearchParams(fields) })

describe('asking for the cabinet', () => {
  it('answers the same for an address that a partner has and one that nobody has, as a form and as JSON', () =>
    withService({}, async (service) => {
      await paidPartner(service, yookassa, { autopay: false })
      const form = await fetch(`${service.url}/me`)
      assert.equal(form.status, 200)
      assert.match(await form.text(), /<form method="post" action="\/me">/)
      const answers = []
      for (const email of [address, 'nobody@example.ru']) {
        const response = await ask(service, email)
        const { date: _date, ...headers } = Object.fromEntries(response.headers)
        answers.push({ status: response.status, body: await response.text(), headers })
      }
      assert.equal(answers[0]?.status, 200)
      assert.deepEqual(answers[0], answers[1])
      // Both leave the same kind of fact behind, and only one of them a letter.
      await letterTo(service, address, /Вход в кабинет/)
      const facts = (await service.get('/api/v1/events?type=CabinetLinkAsked')).body.items as Json[]
      assert.deepEqual(facts.map((fact) => fact.data.partnerId === null).sort(), [false, true])
      assert.ok(!JSON.stringify(facts).includes('@'), 'no address is kept')
      const letters: Json[] = await (await fetch(`${service.url}/sandbox/mail/messages`)).json()
      assert.equal(letters.filter((letter) => letter.to === 'nobody@example.ru').length, 0)
      const asJson = (body: unknown) =>
        fetch(`${service.url}/me`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      assert.deepEqual(
        [(await asJson({ email: 'no address' })).status, (await ask(service, 'no address')).status],
        [422, 422],
      )
      const again = await asJson({ email: 'Another@Example.ru' })
      assert.deepEqual([again.status, (await again.json()).ok], [200, true])
      assert.equal((await fetch(`${service.url}/me`, { method: 'POST', body: 'email' })).status, 415)
      assert.equal((await fetch(`${service.url}/me`, { method: 'PUT', body: '' })).status, 405)
    }))

  it('is refused to a source that asks all the time, and sends one letter a minute to an address', () =>
    withService({}, async (service) => {
      await paidPartner(service, yookassa, { autopay: false })
      const statuses = []
      for (let times = 0; times < 12; times += 1) statuses.push(ask(service, address))
      const answered = (await Promise.all(statuses)).map(({ status }) => status)
      assert.ok(answered.includes(429) && answered.includes(200), answered.join())
      await letterTo(service, address, /Вход в кабинет/)
      assert.equal((await service.get('/api/v1/events?type=CabinetLinkAsked')).body.items.length, 1)
    }))
})

describe('the cabinet', () => {
  it('shows status, period, payments and what can be done, without a script, and to nobody without the link', () =>
    withService({}, async (service) => {
      const partner = await paidPartner(service, yookassa, { autopay: true })
      const link = await cabinetOf(service)
      const response = await fetch(link)
      const page = await response.text()
      assert.equal(response.status, 200)
      for (const part of ['действует', 'оплачен', '2\u00a0500\u00a0₽', 'Bank card *1111', `/partners/${partner.slug}`])
        assert.ok(page.includes(part), part)
      // Paid for a month ahead: there is nothing to pay yet.
      assert.ok(!page.includes('/pay/'))
      assert.equal(response.headers.get('cache-control'), 'no-store')
      assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/)
      assert.doesNotMatch(response.headers.get('content-security-policy') ?? '', /unsafe/)
      assert.equal(response.headers.get('referrer-policy'), 'no-referrer')
      assert.doesNotMatch(page, /<script|style="|onclick/)
      for (const wrong of [`${link}x`, link.slice(0, -1), `${service.url}/me/${partner.payLink.split('/').at(-1)}`])
        assert.equal((await fetch(wrong)).status, 404)
      assert.equal((await fetch(`${service.url}/pay/${link.split('/').at(-1)}`)).status, 404)
      assert.equal((await fetch(`${link}/cancel`)).status, 405)
      assert.equal((await fetch(`${link}/no-such-thing`, { method: 'POST', body: '' })).status, 404)
      assert.equal((await act(link, 'cancel', { at: 'yesterday' })).status, 400)
      await moveTo(service, daysAfter(await nowOf(service), 1 / 23))
      const late = await fetch(link)
      assert.equal(late.status, 404)
      assert.match(await late.text(), /Ссылка не действует/)
    }))

  it('cancels at the end, takes that back, and switches automatic charges off', () =>
    withService({}, async (service) => {
      const partner = await paidPartner(service, yookassa, { autopay: true })
      const link = await cabinetOf(service)
      const cancelled = await act(link, 'cancel', { at: 'period_end' })
      assert.equal(cancelled.status, 303)
      const shown = await (await fetch(new URL(cancelled.headers.get('location') ?? '', link))).text()
      assert.ok(shown.includes('Подписка отменена') && shown.includes('действует до конца срока'))
      await subscriptionWhen(service, partner.subscriptionId, (row) => row.cancelAtPeriodEnd, 'cancelled at its end')
      assert.equal((await act(link, 'resume')).status, 303)
      await subscriptionWhen(service, partner.subscriptionId, (row) => row.nextChargeAt !== null, 'going on')
      assert.equal((await act(link, 'stop-autopay')).status, 303)
      const row = await subscriptionWhen(service, partner.subscriptionId, (now) => !now.savedMethod, 'not charged')
      assert.match(await (await fetch(link)).text(), /не включено/)
      await moveTo(service, daysAfter(row.paidThrough, -1))
      assert.equal((await chargesAt(service, yookassa)).length, 0)
      const again = linkIn(await askAnew(service))
      assert.ok((await (await fetch(again)).text()).includes('/pay/'), 'near its end the period can be paid')
      assert.equal((await act(again, 'cancel', { at: 'now' })).status, 303)
      await until(async () => (await pageStatus(service, partner)) === 404, 'the page to be withdrawn')
      assert.equal((await act(again, 'cancel', { at: 'now' })).status, 409)
    }))

  it('changes what is on the page, and nothing about who the partner is', () =>
    withService({}, async (service) => {
      const partner = await paidPartner(service, yookassa, { autopay: false })
      const link = await cabinetOf(service)
      assert.match(await (await fetch(`${link}/profile`)).text(), /value="Ипотека, Оценка"/)
      const saved = await act(link, 'profile', {
        city: 'Казань',
        services: 'Оценка, "Съёмка" <b>',
        areas: '',
        email: 'thief@example.ru',
      })
      assert.equal(saved.status, 303)
      await until(
        async () => (await service.get(`/api/v1/partners/${partner.partnerId}`)).body.city === 'Казань',
        'the profile to be changed',
      )
      const card = (await service.get(`/api/v1/partners/${partner.partnerId}`)).body
      assert.deepEqual([card.services, card.email], [['Оценка', '"Съёмка" <b>'], address])
      assert.ok(!(await (await fetch(`${link}/profile`)).text()).includes('<b>'))
    }))

  it('closes for good with the erasure of the partner', () =>
    withService({}, async (service) => {
      const partner = await paidPartner(service, yookassa, { autopay: false })
      const link = await cabinetOf(service)
      await service.post(`/api/v1/partners/${partner.partnerId}/erase`, { reason: 'Просьба', basis: 'request' })
      await until(async () => (await fetch(link)).status === 404, 'the cabinet to be closed')
    }))
})

const askAnew = async (service: RunningService): Promise<Json> => {
  const before = ((await (await fetch(`${service.url}/sandbox/mail/messages`)).json()) as Json[]).length
  assert.equal((await ask(service, address)).status, 200)
  let letter: Json
  await until(async () => {
    const letters: Json[] = await (await fetch(`${service.url}/sandbox/mail/messages`)).json()
    letter = letters.slice(before).find((candidate) => /Вход в кабинет/.test(candidate.subject))
    return letter !== undefined
  }, 'another link to the cabinet')
  return letter
}
