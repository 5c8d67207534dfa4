import { html } from '../html.ts'
import type { Twin, TwinContext } from '../twin.ts'
import { callAtDesk, openDesk, type TwinAnswer, type TwinDesk, type TwinState } from '../twinDesk.ts'
import { deskRoute, jsonResponse, page } from '../twinRoutes.ts'
import { registryCompanies, type TwinCompany } from './twinCompanies.ts'

/** What the registry's twin keeps between two starts. */
export type FnsTwinState = TwinState<RegistryData>

/** The registry, and how many requests a key has left; null: as many as it likes. */
type RegistryData = {
  readonly companies: readonly TwinCompany[]
  readonly requests: number
  readonly quota: number | null
}

/** The key that the twin knows. */
export type FnsTwinSettings = { readonly apiKey: string; readonly dadataApiKey: string }

const text = (words: string, status = 200): Response =>
  new Response(words, { status, headers: { 'content-type': 'text/plain; charset=utf-8' } })

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
    status === 401 ? text('Ошибка: Неверный ключ (1)', 403) : text('Ошибка: сервис временно недоступен', status)
  return {
    provider: 'fns',
    handle: async (request, { path, base }) => {
      const method = /^\/api\/(egr|search|check|multinfo|stat)\/?$/.exec(path)?.[1]
      const perform = async (): Promise<TwinAnswer> =>
        method ? answerApi(desk, request, { method, settings }) : answerDadata(desk, request, settings)
      if (method || path === '/dadata/findById/party')
        return callAtDesk(context, desk, { method: request.method, path, key: null, failure, perform })
      return (await deskRoute(desk, request, path)) ?? pageRoute(desk, request, { path, base })
    },
  }
}

type Api = { readonly method: string; readonly settings: FnsTwinSettings }

const answerApi = async (
  desk: TwinDesk<RegistryData>,
  request: Request,
  { method, settings }: Api,
): Promise<TwinAnswer> => {
  const query = new URL(request.url).searchParams
  const plain = (response: Response, summary: string): TwinAnswer => ({ response, applied: false, summary })
  if (query.get('key') !== settings.apiKey) return plain(text('Ошибка: Неверный ключ (1)', 403), 'wrong key')
  const { data } = await desk.state()
  if (method === 'stat')
    return plain(
      jsonResponse({
        Статус: 'Активен',
        Методы: { egr: { Лимит: String(data.quota ?? 100_000), Истрачено: String(data.requests) } },
      }),
      'stat',
    )
  if (data.quota !== null && data.requests >= data.quota)
    return plain(text('Ошибка: Исчерпано количество запросов', 403), 'quota spent')
  const asked = (query.get('req') ?? query.get('q') ?? '').split(',').map((part) => part.trim())
  const found = data.companies.filter(
    (company) =>
      asked.includes(company.inn) ||
      asked.includes(company.ogrn) ||
      (method === 'search' && company.people.some((person) => asked.includes(person))),
  )
  await desk.change((registry) => ({ data: { ...registry, requests: registry.requests + 1 }, result: null }))
  const items = method === 'check' ? found.map(checkItem) : found.map(egrItem)
  return {
    response: jsonResponse({ items, ...(method === 'search' ? { Count: items.length } : {}) }),
    applied: true,
    summary: `${method}: ${items.length} cards`,
  }
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

const statuses = [
  'Действующее',
  'Находится в стадии ликвидации',
  'Ликвидировано',
  'Прекратило деятельность',
  'В отношении юридического лица в деле о несостоятельности (банкротстве) введено наблюдение',
  'Принято решение о предстоящем исключении недействующего юридического лица из ЕГРЮЛ',
]

const pageRoute = async (
  desk: TwinDesk<RegistryData>,
  request: Request,
  { path, base }: { path: string; base: string },
): Promise<Response> => {
  if (path !== '/') return page({ title: 'Страница не найдена', body: '', root: base, status: 404 })
  if (request.method === 'POST') {
    const form = new URLSearchParams(await request.text())
    const status = statuses.find((candidate) => candidate === form.get('status'))
    const inn = form.get('inn')?.trim() ?? ''
    const name = form.get('name')?.trim() ?? ''
    const quota = /^\d{1,6}$/.test(form.get('quota') ?? '') ? Number(form.get('quota')) : null
    await desk.change((data) => ({ data: changed(data, { inn, name, status: status ?? null, quota }), result: null }))
    return new Response(null, { status: 303, headers: { location: `${base}/` } })
  }
  const { data } = await desk.state()
  const options = statuses.map((status) => html`<option>${status}</option>`)
  const rows = data.companies.map(
    (
      company,
    ) => html`<tr><td>${company.inn}</td><td>${company.name}</td><td>${company.status}</td><td>${company.note}</td>
<td><form method="post" action="${base}/"><input type="hidden" name="inn" value="${company.inn}"><select name="status">!${options}</select> <button>Сменить</button></form></td></tr>`,
  )
  const body = html`<p>Реестр, который видит сервис. Ключ: <code>sandbox</code>. Запросов: ${data.requests}.</p>
<table><tr><th>ИНН</th><th>Название</th><th>Статус</th><th>Что это</th><th></th></tr>!${rows}</table>
<h2>Добавить компанию</h2>
<form method="post" action="${base}/"><input name="inn" placeholder="ИНН" required> <input name="name" placeholder="Название" required> <select name="status">!${options}</select> <button>Добавить</button></form>`
  return page({ title: 'Реестр налоговой службы', body, root: base })
}

const changed = (
  data: RegistryData,
  { inn, name, status, quota }: { inn: string; name: string; status: string | null; quota: number | null },
): RegistryData => {
  if (quota !== null) return { ...data, quota }
  if (status === null || !/^\d{10}(\d{2})?$/.test(inn)) return data
  if (data.companies.some((company) => company.inn === inn)) {
    return {
      ...data,
      companies: data.companies.map((company) =>
        company.inn === inn ? { ...company, status, closedOn: null } : company,
      ),
    }
  }
  const kind = inn.length === 10 ? 'company' : 'sole_trader'
  const added: TwinCompany = {
    kind,
    inn,
    kpp: kind === 'company' ? `${inn.slice(0, 4)}01001` : null,
    ogrn: kind === 'company' ? '1227700123452' : '322774600123452',
    name: name || 'ООО «Новая»',
    status,
    registeredOn: '2024-02-01',
    closedOn: null,
    people: [],
    flags: [],
    note: 'добавлена здесь',
  }
  return { ...data, companies: [...data.companies, added] }
}
