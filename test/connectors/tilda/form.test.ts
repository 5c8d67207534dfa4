import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { BodyFields, BodyValue } from '../../../src/connectors/bodyValues.ts'
import { meaningOf } from '../../../src/connectors/tilda/aliases.ts'
import { formFacts } from '../../../src/connectors/tilda/form.ts'
import { readCookies } from '../../../src/connectors/tilda/utm.ts'
import { type TildaSettings, tildaForm, tildaPage } from '../../../src/connectors/tilda/wire.ts'
import { delivery } from '../deliveries.ts'

const settings: TildaSettings = {
  publicKey: 'PUBKEYEXAMPLE0000000',
  secretKey: 'secret',
  webhookKeys: ['k-test-1'],
  webhookKeyPlace: { in: 'header', name: 'X-Api-Key' },
  pathSecrets: ['s3cr3t'],
  projectId: '7654321',
  templatePageId: null,
  forms: { form222: 'cancel_subscription' },
  baseUrl: 'https://api.example/v1',
}
const inField: TildaSettings = { ...settings, webhookKeyPlace: { in: 'field', name: 'api_key' } }
const facts = (fields: BodyFields) => formFacts(fields, settings.forms)
const sent = (body: string, contentType = 'application/x-www-form-urlencoded') =>
  delivery({ body, headers: { 'content-type': contentType } })
const canonicalOf = (body: string, contentType?: string): string => {
  const reading = tildaForm.read(sent(body, contentType), settings)
  return 'canonical' in reading ? reading.canonical : `no content: ${reading.tag}`
}

describe('the names of fields', () => {
  it('mean the same in either language, with stars, blanks, ё, brackets and a number', () => {
    const names: readonly (readonly [string, string | null])[] = [
      ['Телефон*', 'phone'],
      ['Ваш телефон:', 'phone'],
      ['E-mail', 'email'],
      ['e_mail_2', 'email'],
      ['Районы[]', 'areas'],
      ['Населённый_пункт', 'city'],
      ['ИНН_организации', 'inn'],
      ['Любимый_цвет', null],
      ['constructor', null],
    ]
    for (const [name, meaning] of names) assert.equal(meaningOf(name), meaning, name)
  })

  it('may be whole sentences of agreement; a consent to letters is no other consent', () => {
    assert.equal(meaningOf('Я_согласен_на_обработку_персональных_данных'), 'personalData')
    assert.equal(meaningOf('Согласен с политикой конфиденциальности'), 'personalData')
    assert.equal(meaningOf('Согласие на обработку персональных данных для рекламной рассылки'), 'marketing')
    assert.equal(meaningOf('Соглашение о цене'), null)
  })

  it('of two fields of one name the first counts, wherever the second stands', () => {
    assert.equal(facts({ Name_2: 'Второй', Name: 'Первый' }).name, 'Первый')
  })
})

describe('a consent', () => {
  it('is a whole word of agreement', () => {
    for (const yes of ['yes', 'Да', 'да, согласен', 'on', 'TRUE', '1', 'Я согласна с условиями'])
      assert.equal(facts({ Согласие: yes }).consent.personalData, true, yes)
    for (const no of ['no', 'нет', '0', 'off', 'false', '', 'данные не давать', 'onward', '10', 'не согласен'])
      assert.equal(facts({ Согласие: no }).consent.personalData, false, no)
    assert.equal(facts({ Согласие: true }).consent.personalData, true, 'a boolean of JSON')
  })

  it('is taken from a nameless box only when no field is the consent, and never from a second one', () => {
    assert.equal(facts({ Checkbox: 'yes' }).consent.personalData, true)
    assert.equal(facts({ Checkbox_2: 'yes' }).consent.personalData, false)
    assert.equal(facts({ Checkbox: 'yes', policy: 'no' }).consent.personalData, false)
    assert.equal(facts({ Checkbox: 'yes' }).consent.marketing, false)
  })
})

describe('a multiple choice', () => {
  it('is split at its separator, and an option keeps its own comma', () => {
    assert.deepEqual(facts({ Услуги: 'Дом, участок; Оценка' }).services, ['Дом, участок', 'Оценка'])
    assert.deepEqual(facts({ Услуги: 'Ипотека,Оценка, Ипотека' }).services, ['Ипотека', 'Оценка'])
    assert.deepEqual(facts({ Услуги: 'Участки до 1,5 км, Оценка' }).services, ['Участки до 1,5 км', 'Оценка'])
    assert.deepEqual(facts({ Услуги: ['Дом, участок', 'Оценка'] }).services, ['Дом, участок', 'Оценка'])
  })
})

describe('the other fields of a form', () => {
  it('keep what was typed when it is no phone, and an INN without its word and blanks', () => {
    const { phone, phoneRaw, inn, kind } = facts({ Phone: '12-34', ИНН: 'ИНН: 77 0000 0009' })
    assert.deepEqual([phone, phoneRaw, inn, kind], [null, '12-34', '7700000009', 'partner_registration'])
    assert.equal(facts({ ИНН: '7'.repeat(500) }).inn?.length, 40)
  })

  it('notes uploads under any name, and unknown fields as they came', () => {
    const url = `https://tupwidget.com/${'0'.repeat(32)}/plan_tilda1.pdf`
    const { files, extra } = facts({ Лицензия: url, Цвет: 'зелёный', tildaspec_x: '1', formname: 'Заявка' })
    assert.deepEqual(files, [{ url, name: 'plan_tilda1.pdf', fetched: false }])
    assert.deepEqual(extra, { Цвет: 'зелёный' })
  })

  it('name the kind: a hidden field first, then the form, then what is in it', () => {
    assert.equal(facts({ hub_form: ' partner_profile ', formid: 'form222', ИНН: '1' }).kind, 'partner_profile')
    assert.equal(facts({ formid: 'form222', ИНН: '1' }).kind, 'cancel_subscription')
    assert.equal(facts({ hub_form: 'nonsense', Phone: '1' }).kind, 'lead')
    for (const formid of ['constructor', '__proto__', 'toString']) assert.equal(facts({ formid }).kind, 'lead', formid)
  })

  it('take a transaction number of at most 64 characters', () => {
    assert.equal(facts({ tranid: ` ${'1'.repeat(64)} ` }).tranid, '1'.repeat(64))
    assert.equal(facts({ tranid: '1'.repeat(65) }).tranid, null)
  })

  it('are read whatever comes, without a change of any prototype', () => {
    const anything = fc.dictionary(
      fc.oneof(fc.constantFrom('Name', 'Phone_2', 'payment', 'COOKIES', 'Услуги', 'Files', 'formid'), fc.string()),
      fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.string()), fc.boolean(), fc.double()),
    )
    fc.assert(
      fc.property(anything, (fields) => {
        formFacts(fields as Readonly<Record<string, BodyValue>>, settings.forms)
        assert.equal(Object.keys(Object.prototype).length, 0)
      }),
      { seed: 11, numRuns: 300 },
    )
  })
})

describe('the order of a form', () => {
  const order = (payment: BodyValue) => facts({ payment }).order

  it('keeps the digits of sums and forgives a comma; what is no sum is none', () => {
    assert.equal(order('{"amount":4900.10}')?.amount, '4900.10')
    assert.equal(order('{"amount":"90071992547.93"}')?.amount, '90071992547.93')
    assert.equal(order({ amount: '1 990,5' })?.amount, '1990.50')
    for (const amount of ['-1', '1e3', '4900.001', 'даром']) assert.equal(order({ amount })?.amount, null, amount)
  })

  it('reads lines that came as text, and goods with variants', () => {
    assert.deepEqual(order({ products: ['Размещение (PARTNER-1M) - 2x2500 = 5000'] })?.items, [
      { name: 'Размещение', sku: 'PARTNER-1M', qty: 2, price: '2500.00', amount: '5000.00' },
    ])
    const varied = '{"products":[{"name":"Размещение","options":[{"option":"Срок","variant":"год"}]}]}'
    assert.equal(order(varied)?.items[0]?.name, 'Размещение')
  })

  it('is none when the field is no order', () => {
    for (const payment of ['cash', '[]', '{', '']) assert.equal(order(payment), null, payment)
  })
})

describe('the marks of a visit', () => {
  it('are decoded twice and no more, whatever separates them', () => {
    const { utm } = readCookies(
      'TILDAUTM=utm_source%3Dvk%7C%7Cutm_term%3D100%252541%7C%7C%7Camp%3Butm_campaign%3D50%25',
    )
    assert.deepEqual(utm, { source: 'vk', term: '100%41', campaign: '50%' })
  })
})

describe('the canonical text of a form', () => {
  it('does not depend on order, encoding or other cookies, but on every field and mark', () => {
    const base = 'Phone=9123456789&N=5&COOKIES=_ga%3DGA1%3B+sid%3D1&tranid=1%3A2'
    const same = [
      'N=5&tranid=1%3A2&COOKIES=_ga%3DGA1%3B+sid%3D2&Phone=9123456789',
      '%50hone=9123456789&N=5&COOKIES=_ga%3DGA1&tranid=1:2',
    ]
    for (const body of same) assert.equal(canonicalOf(body), canonicalOf(base), body)
    const json = '{"Phone":9123456789,"N":5,"COOKIES":"_ga=GA1","tranid":"1:2"}'
    assert.equal(canonicalOf(json, 'application/json'), canonicalOf(base))
    for (const body of [base.replace('N=5', 'N=6'), base.replace('GA1', 'GA2'), `${base}&M=`])
      assert.notEqual(canonicalOf(body), canonicalOf(base), body)
  })
})

describe('a key in a field', () => {
  const verified = (body: string, contentType?: string) => tildaForm.verify(sent(body, contentType), inField).tag

  it('may accompany a ping, which then keeps nothing (V1)', () => {
    assert.equal(verified('test=test&api_key=k-test-1'), 'authentic')
    assert.equal(tildaForm.read(sent('test=test&api_key=k-test-1'), inField).tag, 'ping')
    assert.equal(verified('test=test&api_key=wrong'), 'refused')
    assert.notEqual(tildaForm.read(sent('test=test&api_key=k-test-1&Name=A'), inField).tag, 'ping')
  })

  it('is refused when it comes twice in JSON, where only the last one is seen (R3)', () => {
    assert.equal(verified('{"Phone":"1","api_key":"k-test-1"}', 'application/json'), 'authentic')
    assert.equal(verified('{"api_key":"wrong","Phone":"1","api_key":"k-test-1"}', 'application/json'), 'refused')
  })

  it('is refused when the body cannot be read', () => {
    assert.equal(verified('{"api_key":"k-test-1"', 'application/json'), 'refused')
    assert.equal(verified(`${'a=1&'.repeat(200)}api_key=k-test-1`), 'refused')
  })
})

describe('the moment of a publication', () => {
  it('is none when it is no date, and nothing throws', () => {
    for (const published of ['', '0', '-1', '1e9', '99999999999999999', 'NaN', '%00']) {
      const query = `pageid=1&projectid=7654321&publickey=PUBKEYEXAMPLE0000000&published=${published}`
      const reading = tildaPage.read(delivery({ method: 'GET', query }), settings)
      assert.equal(reading.tag === 'facts' ? reading.facts.published : 'unread', null, published)
    }
  })
})
