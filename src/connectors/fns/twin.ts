import { unreachable } from '../../kernel/brand.ts'
import type { Twin, TwinContext } from '../twin.ts'
import { callAtDesk, openDesk, type TwinAnswer, type TwinDesk, type TwinState } from '../twinDesk.ts'
import { deskRoute, jsonResponse, page } from '../twinRoutes.ts'
import { type ErrorShape, type RegistryData, registryCompanies, type TwinCompany } from './twinCompanies.ts'
import { actOn, registryPage } from './twinPage.ts'

/** What the registry's twin keeps between two starts. */
export type FnsTwinState = TwinState<RegistryData>

/** The key that the twin knows. */
export type FnsTwinSettings = { readonly apiKey: string; readonly dadataApiKey: string }

const text = (words: string, status = 200): Response =>
  new Response(words, { status, headers: { 'content-type': 'text/plain; charset=utf-8' } })

const wrongKey = 'Ошибка: Неверный ключ (1)'
const quotaSpent = 'Ошибка: Исчерпано количество запросов'

const error = (words: string, shape: ErrorShape = 'text-403'): Response => {
  switch (shape) {
    case 'text-403':
      return text(words, 403)
    case 'text-200':
      return text(words)
    case 'string-200':
      return jsonResponse(words)
    case 'json-text-200':
      return new Response(words, { headers: { 'content-type': 'application/json' } })
    default:
      return unreachable(shape)
  }
}

/** A stand-in for api-fns.ru and for DaData's party look-up, over one registry of invented companies. */
export const createFnsTwin = (context: TwinContext<FnsTwinState>, settings: FnsTwinSettings): Twin => {
  const desk = openDesk<RegistryData>(context, {
    empty: { companies: registryCompanies, requests: 0, quota: null },
    retryGapsMs: [],
    attemptsMax: 1,
    isAccepted: () => true,
    sweep: () => null,
    hasTimers: () => false,
  })
  const failure = (status: 401 | 429 | 500): Response =>
    status === 401 ? error(wrongKey) : text('Ошибка: сервис временно недоступен', status)
  return {
    provider: 'fns',
    handle: async (request, { path, base }) => {
      const method = /^\/api\/(egr|search|check|multinfo|stat)\/?$/.exec(path)?.[1]
      const perform = async (): Promise<TwinAnswer> =>
        method
          ? answerApi(desk, request, { method, settings, wait: context.wait })
          : answerDadata(desk, request, settings)
      if (method || path === '/dadata/findById/party')
        return callAtDesk(context, desk, { method: request.method, path, key: null, failure, perform })
      return (await deskRoute(desk, request, path)) ?? pageRoute(desk, request, { path, base })
    },
  }
}

type Api = {
  readonly method: string
  readonly settings: FnsTwinSettings
  readonly wait: (ms: number) => Promise<void>
}

const answerApi = async (
  desk: TwinDesk<RegistryData>,
  request: Request,
  { method, settings, wait }: Api,
): Promise<TwinAnswer> => {
  const query = new URL(request.url).searchParams
  const plain = (response: Response, summary: string): TwinAnswer => ({ response, applied: false, summary })
  const { data } = await desk.state()
  if (request.method !== 'GET') return plain(text('Метод не поддерживается', 405), 'not a GET')
  if (query.get('key') !== settings.apiKey) return plain(error(wrongKey, data.errorShape), 'wrong key')
  if (method === 'stat') return plain(jsonResponse(statOf(data)), 'stat')
  if (data.quota !== null && data.requests >= data.quota)
    return plain(error(quotaSpent, data.errorShape), 'quota spent')
  const found = foundBy(data.companies, method, query.get(method === 'search' ? 'q' : 'req') ?? '')
  await desk.change((registry) => ({ data: { ...registry, requests: registry.requests + 1 }, result: null }))
  await wait(Math.max(0, ...found.map(({ slowSeconds = 0 }) => slowSeconds)) * 1000)
  return {
    response: jsonResponse({ items: found.map(items[method] ?? egrItem), ...countOf(method, found) }),
    applied: true,
    summary: `${method}: ${found.length} cards`,
  }
}

const statOf = ({ quota, requests }: RegistryData) => ({
  Статус: 'Активен',
  ДатаНач: '2026-01-01',
  ДатаОконч: '2026-12-31',
  Методы: { egr: { Лимит: String(quota ?? 100_000), Истрачено: String(requests) } },
})

const countOf = (method: string, found: readonly TwinCompany[]) => (method === 'search' ? { Count: found.length } : {})

/** Also by its people: whoever takes the first card for the company that was asked about is wrong. */
const foundBy = (companies: readonly TwinCompany[], method: string, question: string): readonly TwinCompany[] => {
  const asked = question.split(',').map((part) => part.trim())
  const words = question.trim().toLowerCase()
  const isByPeople = method === 'search' || method === 'egr'
  return companies.filter(
    ({ inn, ogrn, people, name }) =>
      asked.includes(inn) ||
      asked.includes(ogrn) ||
      (isByPeople && people.some((person) => asked.includes(person))) ||
      (method === 'search' && words.length > 2 && name.toLowerCase().includes(words)),
  )
}

const egrItem = (company: TwinCompany): Record<string, unknown> => {
  const common = {
    ДатаОГРН: company.registeredOn,
    ДатаРег: company.registeredOn,
    Статус: company.status,
    ...(company.closedOn === null ? {} : { ДатаПрекр: company.closedOn }),
    Адрес: {
      КодРегион: company.inn.slice(0, 2),
      АдресПолн: 'г. Пример, ул. Примерная, д. 1',
      Дата: company.registeredOn,
    },
    Контакты: [],
    История: [],
  }
  if (company.kind === 'sole_trader')
    return {
      ИП: {
        ФИОПолн: company.name,
        ИННФЛ: company.inn,
        ОГРНИП: company.ogrn,
        ВидИП: 'Индивидуальный предприниматель',
        ...common,
      },
    }
  return {
    ЮЛ: {
      ИНН: company.inn,
      КПП: company.kpp,
      ОГРН: company.ogrn,
      НаимСокрЮЛ: company.name,
      НаимПолнЮЛ: company.name.replace(/^ООО/, 'ОБЩЕСТВО С ОГРАНИЧЕННОЙ ОТВЕТСТВЕННОСТЬЮ'),
      Капитал: { СумКап: '10000' },
      ...common,
    },
  }
}

const checkItem = (company: TwinCompany): Record<string, unknown> => ({
  [company.kind === 'company' ? 'ЮЛ' : 'ИП']: {
    ОГРН: company.ogrn,
    ИНН: company.inn,
    Позитив: { Текст: '' },
    Негатив: Object.fromEntries(company.flags.map((flag) => [flag, 'Да'])),
  },
})

/** In a search the card is flat, and a sole trader's identifiers are called as a company's. */
const searchItem = (company: TwinCompany): Record<string, unknown> => ({
  [company.kind === 'company' ? 'ЮЛ' : 'ИП']: {
    ИНН: company.inn,
    ОГРН: company.ogrn,
    [company.kind === 'company' ? 'НаимСокрЮЛ' : 'ФИОПолн']: company.name,
    ДатаРег: company.registeredOn,
    Статус: company.status,
    АдресПолн: 'г. Пример, ул. Примерная, д. 1',
    ...(company.closedOn === null ? {} : { ДатаПрекр: company.closedOn }),
  },
})

const items: Readonly<Record<string, (company: TwinCompany) => Record<string, unknown>>> = {
  egr: egrItem,
  check: checkItem,
  search: searchItem,
  multinfo: searchItem,
}

const dadataStatus = (company: TwinCompany): string => {
  if (company.closedOn !== null || /^(Ликвидировано|Прекратило)/.test(company.status)) return 'LIQUIDATED'
  if (/банкрот/i.test(company.status)) return 'BANKRUPT'
  return /ликвидации/.test(company.status) ? 'LIQUIDATING' : 'ACTIVE'
}

const answerDadata = async (
  desk: TwinDesk<RegistryData>,
  request: Request,
  settings: FnsTwinSettings,
): Promise<TwinAnswer> => {
  if (request.headers.get('authorization') !== `Token ${settings.dadataApiKey}`)
    return { response: jsonResponse({ message: 'Forbidden' }, 403), applied: false, summary: 'wrong token' }
  const body: unknown = await request.json().catch(() => null)
  const query = body !== null && typeof body === 'object' && 'query' in body ? String(body.query) : ''
  const { data } = await desk.state()
  const suggestions = data.companies
    .filter((company) => company.inn === query || company.ogrn === query)
    .map((company) => ({
      value: company.name,
      data: {
        inn: company.inn,
        kpp: company.kpp,
        ogrn: company.ogrn,
        type: company.kind === 'company' ? 'LEGAL' : 'INDIVIDUAL',
        name: { short_with_opf: company.name, full_with_opf: company.name },
        state: {
          status: dadataStatus(company),
          registration_date: Date.parse(company.registeredOn),
          liquidation_date: company.closedOn === null ? null : Date.parse(company.closedOn),
        },
      },
    }))
  return { response: jsonResponse({ suggestions }), applied: true, summary: `party: ${suggestions.length}` }
}

const pageRoute = async (
  desk: TwinDesk<RegistryData>,
  request: Request,
  { path, base }: { path: string; base: string },
): Promise<Response> => {
  if (path !== '/') return page({ title: 'Страница не найдена', body: '', root: base, status: 404 })
  if (request.method === 'POST') {
    await actOn(desk, new URLSearchParams(await request.text()))
    return new Response(null, { status: 303, headers: { location: `${base}/` } })
  }
  return page({ title: 'Реестр налоговой службы', body: registryPage(await desk.state(), base), root: base })
}
