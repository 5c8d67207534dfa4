import { html } from '../html.ts'
import type { TwinFault } from '../twin.ts'
import type { TwinDesk, TwinState } from '../twinDesk.ts'
import { errorShapes, type RegistryData, type TwinCompany } from './twinCompanies.ts'

const statuses: readonly string[] = [
  'Действующее',
  'Находится в стадии ликвидации',
  'Ликвидировано',
  'Прекратило деятельность',
  'В отношении юридического лица в деле о несостоятельности (банкротстве) введено наблюдение',
  'Принято решение о предстоящем исключении недействующего юридического лица из ЕГРЮЛ',
  'Юридическое лицо находится в процессе реорганизации в форме присоединения',
  'Статус уточняется',
]

/** Faults that a person may set from the page, by what they look like. */
const pageFaults: Readonly<Partial<Record<TwinFault['kind'], string>>> = {
  '500': 'Не работает (500)',
  '401': 'Ключ не принят',
  '429': 'Слишком часто (429)',
  slow: 'Отвечает через 5 секунд',
  garbage: 'Обрывки вместо ответа',
  html: 'Страница вместо ответа',
  empty: 'Пустой ответ',
  'apply-then-reset': 'Связь обрывается',
}
const pageFaultTimesMax = 1000

/** What a form of the page asks for: a fault, a way of wording errors, a quota, or a company. */
export const actOn = async (desk: TwinDesk<RegistryData>, form: URLSearchParams): Promise<void> => {
  const kind = faultKinds.find((candidate) => candidate === form.get('fault'))
  if (kind !== undefined) {
    const asked = Number(form.get('times') ?? '1')
    const times = Number.isSafeInteger(asked) ? Math.min(Math.max(asked, 1), pageFaultTimesMax) : 1
    await desk.adjust((state) => ({ ...state, faults: [...state.faults, { kind, path: '/api/', times }] }))
    return
  }
  if (form.has('clearFaults')) return desk.adjust((state) => ({ ...state, faults: [] }))
  const errorShape = errorShapes.find((shape) => shape === form.get('errorShape'))
  if (errorShape !== undefined) return desk.change((data) => ({ data: { ...data, errorShape }, result: undefined }))
  const status = statuses.find((candidate) => candidate === form.get('status')) ?? null
  const inn = form.get('inn')?.trim() ?? ''
  const name = form.get('name')?.trim() ?? ''
  const quota = quotaOf(form.get('quota'))
  await desk.change((data) => ({ data: changed(data, { inn, name, status, quota }), result: null }))
}

const faultKinds = Object.keys(pageFaults) as readonly TwinFault['kind'][]

/** An empty quota is none; undefined when the form is not about it. */
const quotaOf = (text: string | null): number | null | undefined => {
  if (text === null) return undefined
  return /^\d{1,6}$/.test(text.trim()) ? Number(text) : null
}

/** The page: every company, and forms for what a person may do. Trusted HTML. */
export const registryPage = ({ data, faults }: TwinState<RegistryData>, base: string): string => {
  const options = statuses.map((status) => html`<option>${status}</option>`)
  const rows = data.companies.map(
    ({ inn, name, status, note }) => html`<tr><td>${inn}</td><td>${name}</td><td>${status}</td><td>${note}</td>
<td><form method="post" action="${base}/"><input type="hidden" name="inn" value="${inn}"><select name="status" aria-label="Новый статус">!${options}</select> <button>Сменить</button></form></td></tr>`,
  )
  const shapes = errorShapes.map((shape) =>
    shape === (data.errorShape ?? 'text-403')
      ? html`<option selected>${shape}</option>`
      : html`<option>${shape}</option>`,
  )
  const kinds = Object.entries(pageFaults).map(([kind, words]) => html`<option value="${kind}">${words}</option>`)
  const waiting = faults.map(({ kind, times }) => html`<li>${pageFaults[kind] ?? kind}: ещё ${times}</li>`)
  return html`<p>Реестр, который видит сервис. Ключ: <code>sandbox</code>. Запросов: ${data.requests} из ${data.quota ?? 'любого числа'}.</p>
<table><tr><th>ИНН</th><th>Название</th><th>Статус</th><th>Что это</th><th></th></tr>!${rows}</table>
<h2>Добавить компанию</h2>
<form method="post" action="${base}/"><input name="inn" placeholder="ИНН" aria-label="ИНН" required> <input name="name" placeholder="Название" aria-label="Название" required> <select name="status" aria-label="Статус">!${options}</select> <button>Добавить</button></form>
<h2>Сбои</h2>
<ul>!${waiting}</ul>
<form method="post" action="${base}/"><select name="fault" aria-label="Сбой">!${kinds}</select> <input name="times" type="number" min="1" max="${pageFaultTimesMax}" value="1" aria-label="Сколько раз"> <button>Устроить</button></form>
<form method="post" action="${base}/"><button name="clearFaults" value="1">Убрать сбои</button></form>
<h2>Квота и вид ошибок</h2>
<form method="post" action="${base}/"><input name="quota" type="number" min="0" placeholder="Без предела" aria-label="Сколько запросов разрешено"> <button>Назначить квоту</button></form>
<form method="post" action="${base}/"><select name="errorShape" aria-label="Вид ошибок">!${shapes}</select> <button>Выбрать</button></form>`
}

const changed = (
  data: RegistryData,
  { inn, name, status, quota }: { inn: string; name: string; status: string | null; quota: number | null | undefined },
): RegistryData => {
  if (quota !== undefined) return { ...data, quota }
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
