import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readInn, readKpp, readOgrn } from '../../../src/connectors/fns/identifiers.ts'
import {
  decide,
  decideIdentifier,
  readDadata,
  readEgr,
  readNegative,
  statusClassOf,
} from '../../../src/connectors/fns/wire.ts'
import type { Instant } from '../../../src/kernel/time.ts'

const at = '2026-11-24T09:00:00.000Z' as Instant
const company = (change: Readonly<Record<string, unknown>> = {}) => ({
  ЮЛ: {
    ИНН: '7700000009',
    КПП: '770001001',
    ОГРН: '1227700123452',
    НаимСокрЮЛ: 'ООО "ПРИМЕР ДОМ"',
    Статус: 'Действующее',
    ДатаРег: '2022-03-14',
    Контакты: [],
    ...change,
  },
})
const answered = (items: readonly unknown[]) =>
  readEgr('7700000009', { status: 200, text: JSON.stringify({ items }), at })
const decided = (answer: ReturnType<typeof answered>, change: Partial<Parameters<typeof decide>[0]> = {}) => {
  assert.notEqual(answer.tag, 'unavailable')
  if (answer.tag === 'unavailable') throw new Error('unreachable')
  return decide({
    inn: '7700000009',
    applicantKind: null,
    claimedName: null,
    answer,
    negative: [],
    secondLook: false,
    confirmedAbsent: false,
    ...change,
  })
}

describe('identifiers', () => {
  it('pass with right check digits, also with a remainder of ten and a leading zero', () => {
    for (const inn of [
      '7707083893',
      '7736207543',
      '7736050003',
      '7708503727',
      '7740000076',
      '7707329152',
      '7000000050',
      '0105000008',
      '5000000000',
      '6600001230',
      '500100732259',
      '123456789047',
      '770000000082',
      '010500000083',
      '660000123409',
      '770000000300',
      '770000000220',
    ]) {
      assert.equal(readInn(inn), inn)
    }
    for (const ogrn of [
      '1027700132195',
      '1027700229193',
      '1027700070518',
      '1227700123452',
      '1027700000020',
      '304500116000157',
      '322774600123452',
      '304500116000050',
      '304500116000061',
      '304500116000072',
    ])
      assert.equal(readOgrn(ogrn), ogrn)
    for (const kpp of ['773601001', '7736AZ001']) assert.equal(readKpp(kpp), kpp)
    assert.equal(readInn(' \u00a07707083893 '), '7707083893')
  })

  it('fail with a wrong digit, a wrong length, region 00 or foreign digits', () => {
    for (const inn of [
      '7707083894',
      '7707083890',
      '7736207544',
      '7736050004',
      '7707803893',
      '7736207534',
      '1234567890',
      '0000000000',
      '770708389',
      '77070838933',
      '7707О83893',
      '٧٧٠٧٠٨٣٨٩٣',
      '500100732258',
      '500100732269',
      '123456789012',
      '000000000000',
      '77 07083893',
      '',
    ]) {
      assert.equal(readInn(inn), null, inn)
    }
    for (const ogrn of ['1027700132196', '304500116000158', '2027700132195']) assert.equal(readOgrn(ogrn), null, ogrn)
    for (const kpp of ['77360100', '7736az001']) assert.equal(readKpp(kpp), null, kpp)
  })

  it('are read in linear time whatever comes (S13)', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        readInn(text)
      }),
      { seed: 7, numRuns: 500 },
    )
  })
})

describe('the status of a company', () => {
  it('is active only when the registry says exactly that; a closing date closes whatever the words say', () => {
    assert.equal(statusClassOf('Действующее', null), 'active')
    assert.equal(statusClassOf(' действующее ', null), 'active')
    assert.equal(statusClassOf('Действующее', '2023-05-05'), 'closed')
    assert.equal(
      statusClassOf('Принято решение о предстоящем исключении недействующего юридического лица из ЕГРЮЛ', null),
      'exclusion',
    )
    assert.equal(
      statusClassOf('В отношении юридического лица в деле о несостоятельности (банкротстве) введено наблюдение', null),
      'bankruptcy',
    )
    assert.equal(statusClassOf('Введено внешнее управление', null), 'bankruptcy')
    assert.equal(statusClassOf('Находится в стадии ликвидации', null), 'liquidating')
    assert.equal(statusClassOf('Прекратило деятельность (реорганизовано в форме присоединения)', null), 'closed')
    assert.equal(statusClassOf('', null), 'unknown')
    assert.equal(statusClassOf(null, null), 'unknown')
  })
})

describe('an answer of the registry', () => {
  it('is judged by its body first: plain text, text with 200, a JSON string and an address that is not allowed', () => {
    const kindOf = (status: number, text: string) => {
      const answer = readEgr('7700000009', { status, text, at })
      return answer.tag === 'unavailable' ? answer.kind : answer.tag
    }
    assert.equal(kindOf(403, 'Ошибка: Неверный ключ (1)'), 'config')
    assert.equal(kindOf(200, 'Ошибка: Исчерпано количество запросов'), 'quota')
    assert.equal(kindOf(200, '"Ошибка: Исчерпано количество запросов"'), 'quota')
    assert.equal(kindOf(403, 'Ошибка: запросы с ip-адреса запрещены (203.0.113.7)'), 'config')
    assert.equal(kindOf(429, ''), 'rate')
    for (const text of ['', '<html>', '{"items":', '[]']) assert.equal(kindOf(200, text), 'transient', text)
    assert.equal(kindOf(503, '{}'), 'transient')
    assert.equal(kindOf(200, '{"items":[]}'), 'not-found')
  })

  it('never takes a card of another INN for the company that was asked about', () => {
    assert.equal(answered([company({ ИНН: '7707083893' })]).tag, 'not-found')
  })

  it('prefers the active one of several cards of one person, and reads either spelling of the identifiers', () => {
    const trader = (change: Readonly<Record<string, unknown>>) => ({
      ИП: { ФИОПолн: 'Примеров Пример', ИННФЛ: '770000000082', ОГРНИП: '322774600123452', ...change },
    })
    const answer = readEgr('770000000082', {
      status: 200,
      text: JSON.stringify({
        items: [
          trader({ Статус: 'Прекратило деятельность', ДатаПрекр: '2020-01-01' }),
          trader({ Статус: 'Действующее' }),
        ],
      }),
      at,
    })
    assert.equal(decided(answer).verdict, 'verified')
  })

  it('names the marks of the company that was asked about, and says when it could not be asked', () => {
    const marks = (text: string, status = 200) => readNegative('7700000009', { status, text })
    const item = (inn: string, negative: unknown) =>
      JSON.stringify({ items: [{ ЮЛ: { ИНН: inn, Негатив: negative } }] })
    assert.deepEqual(marks(item('7700000009', { МассАдрес: 'Да', БлокСчета: 'Нет', Банкрот: '', Текст: 'x' })), [
      'МассАдрес',
    ])
    assert.deepEqual(marks(item('7700000009', [])), [], 'the registry writes an empty object as a list')
    assert.deepEqual(marks(item('7707083893', { Банкрот: 'Да' })), [], 'marks of another company')
    for (const text of ['', 'Ошибка: Неверный ключ (1)', '"Ошибка: Исчерпано"', '[]'])
      assert.equal(marks(text), null, text)
    assert.equal(marks(item('7700000009', {}), 503), null)
  })

  it('keeps no director, founder or citizenship', () => {
    const answer = answered([company({ Руководитель: { ФИОПолн: 'Тайный Человек', ИННФЛ: '770000000082' } })])
    assert.equal(JSON.stringify(answer).includes('Тайный'), false)
  })
})

describe('the decision', () => {
  const verdictOf = (change: Readonly<Record<string, unknown>>, input: Partial<Parameters<typeof decide>[0]> = {}) =>
    decided(answered([company(change)]), input).verdict

  it('costs no request for an INN that cannot exist, or that does not fit the applicant', () => {
    assert.equal(decideIdentifier('7707083894', null)?.reason, 'invalid-identifier')
    assert.equal(decideIdentifier('7707083893', 'sole_trader')?.verdict, 'rejected')
    assert.equal(decideIdentifier('7707083893', 'company'), null)
  })

  it('follows the table: active, closed, doubtful, flagged and another name', () => {
    assert.equal(verdictOf({}), 'verified')
    assert.equal(verdictOf({ ДатаПрекр: '2024-01-01' }), 'rejected')
    assert.equal(verdictOf({ Статус: 'Находится в стадии ликвидации' }), 'needs_review')
    assert.equal(verdictOf({ Статус: 'Что-то новое' }), 'needs_review')
    assert.equal(verdictOf({}, { negative: ['НедостоверАдрес'] }), 'needs_review')
    assert.equal(verdictOf({}, { negative: ['МассАдрес', 'ДисквРукДрБезИНН'] }), 'verified')
    assert.equal(verdictOf({}, { claimedName: 'ооо «Пример дом»' }), 'verified')
    assert.equal(verdictOf({}, { claimedName: 'ООО «Совсем другое»' }), 'needs_review')
  })

  it('rejects what is not found only on a second look, or when a second source says the same', () => {
    const nothing = answered([])
    assert.equal(decided(nothing).verdict, 'not_found_yet')
    assert.equal(decided(nothing, { secondLook: true }).verdict, 'rejected')
    assert.equal(decided(nothing, { confirmedAbsent: true }).verdict, 'rejected')
  })

  it('takes no date that cannot be, and lets a person look at data that the second source calls unreliable', () => {
    const read = (data: Readonly<Record<string, unknown>>) =>
      readDadata('7700000009', {
        status: 200,
        text: JSON.stringify({ suggestions: [{ data: { inn: '7700000009', ...data } }] }),
        at,
      })
    const dated = read({ state: { status: 'ACTIVE', registration_date: 1e300 } })
    assert.equal(dated.tag === 'found' ? dated.companies[0]?.registeredOn : dated.tag, null)
    assert.equal(decided(dated).verdict, 'verified')
    assert.equal(decided(read({ state: { status: 'ACTIVE' }, invalid: true })).verdict, 'needs_review')
    for (const status of ['constructor', 'SLEEPING', ''])
      assert.equal(decided(read({ state: { status } })).reason, 'status-unknown', status)
  })

  it('understands the second source', () => {
    const text = JSON.stringify({
      suggestions: [
        {
          value: 'ООО "ПРИМЕР"',
          data: {
            inn: '7700000009',
            type: 'LEGAL',
            name: { short_with_opf: 'ООО "ПРИМЕР"' },
            state: { status: 'LIQUIDATED', liquidation_date: 1_700_000_000_000 },
          },
        },
      ],
    })
    assert.equal(decided(readDadata('7700000009', { status: 200, text, at })).verdict, 'rejected')
    assert.equal(readDadata('7700000009', { status: 403, text: '', at }).tag, 'unavailable')
  })
})
