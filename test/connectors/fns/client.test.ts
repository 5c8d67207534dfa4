import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attempt } from '../../../src/connectors/connector.ts'
import type { Exchange, ProviderRequest } from '../../../src/connectors/exchange.ts'
import { createFnsCourier, type LookedUp } from '../../../src/connectors/fns/client.ts'
import type { Outcome } from '../../../src/kernel/decision.ts'
import { type Instant, plusMs } from '../../../src/kernel/time.ts'
import { attemptAt } from '../deliveries.ts'

const now = '2026-11-24T09:00:00.000Z' as Instant
const hour = 3_600_000
const key = 'a-key-of-forty-hex-characters'
const inn = '7700000009'

const answered = (text: string, status = 200): Exchange => ({ tag: 'response', status, headers: new Headers(), text })
const json = (value: unknown): Exchange => answered(JSON.stringify(value))
const card = (change: Readonly<Record<string, unknown>> = {}): Exchange =>
  json({
    items: [
      { ЮЛ: { ИНН: inn, ОГРН: '1227700123452', НаимСокрЮЛ: 'ООО "ПРИМЕР ДОМ"', Статус: 'Действующее', ...change } },
    ],
  })
const marked = (negative: unknown): Exchange => json({ items: [{ ЮЛ: { ИНН: inn, Негатив: negative } }] })
const nothing = json({ items: [] })
const party = (status: string): Exchange => json({ suggestions: [{ data: { inn, type: 'LEGAL', state: { status } } }] })
const noParty = json({ suggestions: [] })

type Answers = { readonly egr?: Exchange; readonly check?: Exchange; readonly dadata?: Exchange }

/** The courier, its provider answering as told; `asked` names the methods in order. */
const world = (given: Answers, secondSource = false) => {
  const requests: ProviderRequest[] = []
  const asked: string[] = []
  let answers = given
  const courier = createFnsCourier(
    {
      apiKey: key,
      baseUrl: 'https://fns.example/api',
      dadataApiKey: secondSource ? 'd-key' : null,
      dadataBaseUrl: 'https://dadata.example/rs',
    },
    {
      call: async (request) => {
        requests.push(request)
        const method = /egr|check|party/.exec(new URL(request.url).pathname)?.[0] ?? ''
        asked.push(method)
        if (method === 'egr') return answers.egr ?? card()
        return method === 'check' ? (answers.check ?? marked([])) : (answers.dadata ?? noParty)
      },
    },
  )
  const lookUp = async (
    change: Readonly<Record<string, unknown>> = {},
    parts: Partial<Attempt> = {},
  ): Promise<Outcome> => {
    const payload = { inn, claimedName: null, applicantKind: null, secondLook: false, ...change }
    const outcome = await courier.performers['fns.lookUp']?.(payload, attemptAt(parts.now ?? now, parts))
    if (outcome === undefined) throw new Error('No performer "fns.lookUp"')
    return outcome
  }
  return {
    courier,
    requests,
    asked,
    lookUp,
    answer: (next: Answers) => {
      answers = next
    },
  }
}

const resultOf = (outcome: Outcome): LookedUp => {
  assert.ok(outcome.tag === 'done', outcome.tag === 'done' ? '' : outcome.code)
  return outcome.result as LookedUp
}
const verdictOf = (outcome: Outcome): string => `${resultOf(outcome).verdict} ${resultOf(outcome).reason}`

describe('fns.lookUp', () => {
  it('verifies an active company and says when it was asked', async () => {
    const { lookUp, requests, asked } = world({})
    const looked = resultOf(await lookUp({ inn: ` ${inn}\u00a0`, claimedName: 'Пример Дом' }))
    assert.deepEqual(
      [looked.verdict, looked.company?.shortName, looked.company?.source, looked.checkedAt],
      ['verified', 'ООО "ПРИМЕР ДОМ"', 'api-fns', now],
    )
    assert.deepEqual(asked, ['egr', 'check'])
    assert.equal(requests[0]?.url, `https://fns.example/api/egr?req=${inn}&key=${key}`)
  })

  it('asks nobody about an INN that cannot be, or that is not of the applicant’s kind', async () => {
    const { lookUp, asked } = world({})
    assert.equal(verdictOf(await lookUp({ inn: '7700000008' })), 'rejected invalid-identifier')
    assert.equal(verdictOf(await lookUp({ inn, applicantKind: 'sole_trader' })), 'rejected invalid-identifier')
    assert.equal((await lookUp({ inn: '' })).tag, 'refused')
    assert.deepEqual(asked, [])
  })

  it('never makes a verdict of an outage, a key, a quota or too much haste', async () => {
    const failures: readonly (readonly [Exchange, string, string | undefined])[] = [
      [answered('Ошибка: Неверный ключ (1)', 403), 'registry-key-refused', 'until-resumed'],
      [
        answered('Ошибка: запросы с ip-адреса не разрешены (203.0.113.7)', 403),
        'registry-address-refused',
        'until-resumed',
      ],
      [answered('"Ошибка: Исчерпано количество запросов"'), 'registry-quota-spent', 'until-not-before'],
      [answered('', 429), 'registry-busy', 'until-not-before'],
      [answered('', 402), 'registry-busy', 'until-not-before'],
      [answered('{"items":[]}', 500), 'registry-down', undefined],
      [answered('Ошибка: сервис недоступен'), 'registry-error', undefined],
      [answered('<html>'), 'registry-unreadable', undefined],
      [answered(''), 'registry-unreadable', undefined],
      [{ tag: 'maybe-sent', code: 'deadline' }, 'deadline', undefined],
      [{ tag: 'not-sent', code: 'connection-failed' }, 'connection-failed', undefined],
    ]
    for (const [egr, code, pause] of failures) {
      for (const secondLook of [false, true]) {
        const outcome = await world({ egr }).lookUp({ secondLook })
        assert.ok(outcome.tag === 'later', code)
        assert.deepEqual([outcome.code, outcome.pauseDestination], [code, pause])
        assert.equal(outcome.notBefore !== undefined, pause === 'until-not-before', code)
        assert.equal(JSON.stringify(outcome).includes(key), false)
      }
    }
  })

  it('waits as long as it is asked to, a minute when nobody says, and an hour for a quota', async () => {
    const busy: Exchange = { tag: 'response', status: 429, headers: new Headers({ 'retry-after': '90' }), text: '' }
    const pauses: readonly (readonly [Exchange, number])[] = [
      [busy, 90_000],
      [answered('Ошибка: слишком часто', 429), 60_000],
      [answered('Ошибка: Исчерпано количество запросов', 403), hour],
    ]
    for (const [egr, ms] of pauses) {
      const outcome = await world({ egr }).lookUp()
      assert.equal(outcome.tag === 'later' ? outcome.notBefore : outcome.tag, plusMs(now, ms))
    }
  })

  it('tells the operator which address the registry does not serve', async () => {
    const outcome = await world({ egr: answered('Ошибка: IP не разрешён (203.0.113.7)', 403) }).lookUp()
    assert.match(outcome.tag === 'later' ? outcome.detail : '', /203\.0\.113\.7/)
  })

  it('rejects what is not found on the second look only', async () => {
    const { lookUp } = world({ egr: nothing })
    assert.equal(verdictOf(await lookUp()), 'not_found_yet not-found-yet')
    assert.equal(verdictOf(await lookUp({ secondLook: true })), 'rejected not-found')
  })

  it('asks the second source when the first one is away or finds nothing', async () => {
    const away = answered('', 503)
    const table: readonly (readonly [Answers, string])[] = [
      [{ egr: away, dadata: party('ACTIVE') }, 'verified active'],
      [{ egr: away, dadata: party('LIQUIDATED') }, 'rejected closed'],
      [{ egr: nothing, dadata: party('ACTIVE') }, 'verified active'],
      [{ egr: nothing, dadata: noParty }, 'rejected not-found'],
      [{ egr: nothing, dadata: answered('', 403) }, 'not_found_yet not-found-yet'],
    ]
    for (const [answers, expected] of table) {
      const { lookUp, asked } = world(answers, true)
      assert.equal(verdictOf(await lookUp()), expected)
      assert.deepEqual(asked, ['egr', 'party'])
    }
    for (const dadata of [noParty, answered('', 429)]) {
      const outcome = await world({ egr: away, dadata }, true).lookUp({ secondLook: true })
      assert.equal(outcome.tag === 'later' ? outcome.code : outcome.tag, 'registry-down', 'a mirror may lack a company')
    }
    const { lookUp, asked } = world({}, true)
    await lookUp()
    assert.deepEqual(asked, ['egr', 'check'], 'what the first one finds is enough')
  })

  it('looks at the marks of a company that it would take, and takes it with a note when it cannot', async () => {
    const of = async (check: Exchange) => resultOf(await world({ check }).lookUp())
    assert.equal((await of(marked({ НедостоверАдрес: 'Да' }))).reason, 'negative-flag')
    assert.equal(
      (await of(marked({ НедостоверАдрес: 'Нет', МассАдрес: 'Да (16 юрлиц)', Текст: 'x' }))).verdict,
      'verified',
    )
    assert.match((await of(marked({ МассАдрес: 'Да' }))).detail, /МассАдрес/)
    assert.equal((await of(marked({ ДисквРукДрБезИНН: 'Да' }))).verdict, 'verified', 'a match by name alone')
    for (const check of [answered('', 503), answered('Ошибка: Исчерпано количество запросов', 403), answered('[]')]) {
      const looked = await of(check)
      assert.deepEqual(
        [looked.verdict, looked.detail],
        ['verified', 'Компания действует; отметки реестра не проверены'],
      )
    }
    const { lookUp, asked } = world({ egr: card({ Статус: 'Ликвидировано' }) })
    await lookUp()
    assert.deepEqual(asked, ['egr'], 'a company that is refused anyway costs no second request')
  })

  it('asks once about one INN at one moment', async () => {
    const { lookUp, asked } = world({})
    const looked = await Promise.all([lookUp(), lookUp(), lookUp()])
    assert.deepEqual(asked, ['egr', 'check'])
    assert.deepEqual(looked.map(verdictOf), ['verified active', 'verified active', 'verified active'])
  })

  it('uses what was found for a day and "not found" for an hour; a failure is never kept', async () => {
    const { lookUp, asked, answer } = world({})
    await lookUp()
    answer({ egr: card({ Статус: 'Ликвидировано' }) })
    assert.equal(verdictOf(await lookUp({}, { now: plusMs(now, 24 * hour - 1) })), 'verified active')
    assert.equal(verdictOf(await lookUp({}, { now: plusMs(now, 24 * hour) })), 'rejected closed')
    assert.deepEqual(asked, ['egr', 'check', 'egr'])

    const absent = world({ egr: nothing })
    await absent.lookUp()
    absent.answer({})
    assert.equal(verdictOf(await absent.lookUp({}, { now: plusMs(now, hour - 1) })), 'not_found_yet not-found-yet')
    assert.equal(verdictOf(await absent.lookUp({}, { now: plusMs(now, hour) })), 'verified active')

    const away = world({ egr: answered('', 503) })
    assert.equal((await away.lookUp()).tag, 'later')
    away.answer({})
    assert.equal(verdictOf(await away.lookUp()), 'verified active')
  })

  it('keeps nobody’s person in what it answers', async () => {
    const egr = card({
      Руководитель: { ФИОПолн: 'Тайный Человек', ИННФЛ: '770000000082' },
      Учредители: [{ УчрФЛ: { ФИОПолн: 'Тайный Человек' } }],
      Контакты: { 'e-mail': ['secret@example.ru'] },
    })
    const text = JSON.stringify(await world({ egr }).lookUp())
    for (const secret of ['Тайный', '770000000082', 'secret@example.ru', key])
      assert.equal(text.includes(secret), false)
  })

  it('is patient: two at a time, 45 seconds each, and repeated as often as an outage lasts', () => {
    const { policy } = world({}).courier
    assert.deepEqual(
      [policy.concurrencyMax, policy.perSecondMax, policy.deadlineMs, policy.afterUnknown],
      [2, 2, 45_000, 'repeat'],
    )
    assert.ok(policy.attemptsMax >= 1000)
  })
})
