import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import {
  type CabinetView,
  meExpiredPage,
  mePage,
  meRequestPage,
  meSentPage,
} from '../../../src/http/pages/cabinetPages.ts'
import { directoryPage } from '../../../src/http/pages/directoryPage.ts'
import { dayForPeople, monthsForPeople, pageResponse, rublesForPeople } from '../../../src/http/pages/layout.ts'
import { notFoundPage, problemPage, unsubscribedPage, unsubscribePage } from '../../../src/http/pages/messagePages.ts'
import { autopayConsent, messagePage, payClosedPage, payDonePage, payPage } from '../../../src/http/pages/payPages.ts'
import type { Instant } from '../../../src/kernel/time.ts'

const at = '2026-12-23T22:00:00.000Z' as Instant
const pay = { title: '1 месяц', priceKopecks: 250_000, months: 1, error: null, action: '/pay/token' }
const cabinet = (word: string): CabinetView => ({
  partnerName: word,
  status: 'verified',
  subscription: {
    status: 'active',
    planTitle: word,
    priceKopecks: 250_000,
    paidThrough: at,
    nextChargeAt: at,
    savedMethod: 'Bank card *4477',
    cancelAtPeriodEnd: false,
  },
  payments: [
    { at, amountKopecks: 250_000, refundedKopecks: 0, status: 'succeeded' },
    { at, amountKopecks: 250_000, refundedKopecks: 100_050, status: 'partially_refunded' },
  ],
  leads: [
    { at, name: word, phone: word, city: word, wish: word, status: 'accepted' },
    { at, name: 'Пётр', phone: '+79120000000', city: null, wish: null, status: 'accepted' },
  ],
  pageUrl: '/partners/dom',
  payUrl: '/pay/token',
  profileUrl: 'https://form.example/',
  cancelAction: '/me/token/cancel',
  resumeAction: '/me/token/resume',
  stopAutopayAction: '/me/token/stop-autopay',
  notice: word,
})

/** Every page of ours, with the same text in every place that somebody else may fill. */
const pagesWith = (word: string): Readonly<Record<string, string>> => ({
  pay: payPage({ ...pay, title: word, error: word, partnerName: word, offerUrl: 'https://offer.example/' }),
  paid: payDonePage('paid', '/pay/token', { pageUrl: '/partners/dom' }),
  waiting: payDonePage('waiting', '/pay/token'),
  declined: payDonePage('declined', '/pay/token', { reason: word }),
  canceled: payDonePage('canceled', '/pay/token'),
  nothing: payDonePage('nothing', '/pay/token'),
  closed: payClosedPage('ended'),
  me: mePage(cabinet(word)),
  meRequest: meRequestPage({ action: '/me', error: word }),
  meSent: meSentPage(),
  meExpired: meExpiredPage({ requestUrl: '/me' }),
  directory: directoryPage([{ slug: 'dom', name: word, city: word, services: [word] }], word, [word]),
  notFound: notFoundPage(),
  problem: problemPage({ title: word, detail: word }),
  unsubscribe: unsubscribePage({ action: '/unsubscribe/token', what: word }),
  unsubscribed: unsubscribedPage(),
  message: messagePage(word, word),
})

/** Opening and closing tags in pairs, void elements aside. */
const unbalanced = (page: string): string[] => {
  const open: string[] = []
  for (const [, slash, name = ''] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
    if (/^(?:meta|link|input|br)$/.test(name)) continue
    if (slash !== '/') open.push(name)
    else if (open.at(-1) === name) open.pop()
    else return [...open, `</${name}>`]
  }
  return open
}

describe('every page', () => {
  it('is a whole Russian document whose tags are balanced and whose form fields have labels', () => {
    for (const [name, page] of Object.entries(pagesWith('Дом «Уют»'))) {
      assert.match(page, /^<!doctype html>\n<html lang="ru">/, name)
      assert.deepEqual(unbalanced(page), [], name)
      assert.equal(page.match(/<h1>/g)?.length, 1, name)
      assert.doesNotMatch(page, /undefined|null|\[object|NaN/, name)
      for (const [field] of page.matchAll(/<input [^>]*>/g)) {
        const id = / id="([\w-]+)"/.exec(field)?.[1]
        assert.ok(field.includes('type="hidden"') || (id && page.includes(`for="${id}"`)), `${name}: ${field}`)
      }
    }
  })

  it('keeps to a policy without inline scripts and styles and without foreign hosts (S7)', () => {
    for (const [name, page] of Object.entries(pagesWith('Дом'))) {
      assert.doesNotMatch(page, /<script|<style|\sstyle=|\son\w+=|javascript:|<base|<iframe|<img/i, name)
      const loaded = [...page.matchAll(/<(?:link|img|script)[^>]*(?:href|src)="([^"]*)"/g)].map(
        ([, address]) => address,
      )
      assert.deepEqual(loaded, ['/assets/site.css'], name)
    }
    const headers = pageResponse('x').headers
    assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe|form-action|\*/)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.doesNotMatch(
      readFileSync(new URL('../../../src/http/pages/site.css', import.meta.url), 'utf8'),
      /@import|url\(/,
    )
  })

  it('escapes what people typed and evaluates none of it (S7, S8)', () => {
    for (const [name, page] of Object.entries(pagesWith(`"><script>alert(1)</script>' onload=x {{7*7}} \${7*7}`))) {
      assert.doesNotMatch(page, /<script|" onload|'\s*onload/, name)
      assert.deepEqual(unbalanced(page), [], name)
      assert.doesNotMatch(page, /\b49\b/, name)
    }
  })
})

describe('payPage()', () => {
  it('is a plain form to its own address with an unticked consent of its own', () => {
    const page = payPage({ ...pay, partnerName: 'ООО «Дом»', offerUrl: 'https://offer.example/' })
    assert.ok(page.includes('<form method="post" action="/pay/token">'))
    const [box = ''] = /<input type="checkbox"[^>]*>/.exec(page) ?? []
    assert.ok(box.includes('name="autopay"') && !box.includes('checked') && !box.includes('required'))
    assert.ok(page.includes(autopayConsent(pay)) && page.includes('списывать 2\u00a0500\u00a0₽'))
    assert.ok(page.includes('href="https://offer.example/"') && page.includes('ООО «Дом»'))
  })

  it('asks for no consent where no card can be saved', () => {
    const page = payPage({ ...pay, autopayAllowed: false })
    assert.doesNotMatch(page, /autopay|checkbox|Галочка/)
  })
})

describe('payDonePage()', () => {
  it('asks again by itself only while the bank has not answered', () => {
    const refreshing = Object.entries(pagesWith('x')).filter(([, page]) => page.includes('http-equiv="refresh"'))
    assert.deepEqual(
      refreshing.map(([name]) => name),
      ['waiting'],
    )
  })

  it('leads back to the payment when there is none, and to the page once it is open', () => {
    for (const state of ['declined', 'canceled', 'nothing'] as const)
      assert.ok(payDonePage(state, '/pay/token').includes('href="/pay/token"'), state)
    for (const state of ['paid', 'waiting'] as const)
      assert.ok(!payDonePage(state, '/pay/token').includes('href="/pay/token"'), state)
    assert.ok(payDonePage('paid', '/pay/token', { pageUrl: '/partners/dom' }).includes('href="/partners/dom"'))
  })
})

describe('mePage()', () => {
  it('shows status, period, payments and leads, and only the doors that are open', () => {
    const page = mePage(cabinet('ООО «Дом»'))
    for (const part of [
      'действует',
      '24\u00a0декабря\u00a02026',
      '2\u00a0500\u00a0₽',
      'возвращено 1\u00a0000,50\u00a0₽',
      'tel:+79120000000',
    ])
      assert.ok(page.includes(part), part)
    assert.ok(!page.includes('href="tel:ООО'))
    const closed = mePage({
      ...cabinet('ООО «Дом»'),
      subscription: null,
      payments: [],
      leads: [],
      pageUrl: null,
      payUrl: null,
      profileUrl: null,
      cancelAction: null,
      resumeAction: null,
      stopAutopayAction: null,
      notice: null,
    })
    assert.doesNotMatch(closed, /<form|class="button|class="notice"/)
    assert.ok(closed.includes('Платежей пока нет') && closed.includes('Заявок пока нет'))
  })

  it('cancels at the end of the period unless the partner chooses otherwise', () => {
    const page = mePage(cabinet('ООО «Дом»'))
    assert.match(page, /<form method="post" action="\/me\/token\/cancel">/)
    assert.match(page, /value="period_end" checked/)
    assert.doesNotMatch(page, /value="now" checked/)
  })
})

describe('directoryPage()', () => {
  it('lists partners with their slugs and offers the cities', () => {
    const page = directoryPage([{ slug: 'dom', name: 'Дом', city: 'Казань', services: ['Оценка', 'Ипотека'] }], null, [
      'Казань',
    ])
    assert.ok(page.includes('href="/partners/dom"') && page.includes('Казань · Оценка, Ипотека'))
    assert.ok(page.includes('<option value="Казань">'))
    assert.ok(directoryPage([], 'Тула').includes('В этом городе пока никого нет'))
  })
})

describe('unsubscribePage()', () => {
  it('changes nothing before its button is pressed', () => {
    const page = unsubscribePage({ action: '/unsubscribe/token', what: null })
    assert.match(page, /<form method="post" action="\/unsubscribe\/token">/)
    assert.doesNotMatch(page, /http-equiv="refresh"/)
  })
})

describe('words for people', () => {
  it('write sums, days of Moscow and numbers of months', () => {
    assert.equal(rublesForPeople(123_456_700), '1\u00a0234\u00a0567\u00a0₽')
    assert.equal(rublesForPeople(250_050), '2\u00a0500,50\u00a0₽')
    assert.equal(dayForPeople(at), '24\u00a0декабря\u00a02026')
    assert.deepEqual([1, 2, 5, 11, 12, 21, 24].map(monthsForPeople), [
      '1\u00a0месяц',
      '2\u00a0месяца',
      '5\u00a0месяцев',
      '11\u00a0месяцев',
      '12\u00a0месяцев',
      '21\u00a0месяц',
      '24\u00a0месяца',
    ])
  })
})
