import type { Instant } from '../../kernel/time.ts'
import { isRecord } from '../twinRoutes.ts'
import { readInn, readKpp, readOgrn } from './identifiers.ts'

/** The configuration of the registry and of the second source. */
export type FnsSettings = {
  readonly apiKey: string
  /** Such as `https://api-fns.ru/api`. */
  readonly baseUrl: string
  readonly dadataApiKey: string | null
  readonly dadataBaseUrl: string
}

/** How a company stands, whatever words the registry used. */
export type StatusClass = 'active' | 'closed' | 'bankruptcy' | 'exclusion' | 'liquidating' | 'reorganizing' | 'unknown'

/** What we keep of a registry card; nobody's person but the sole trader's own name is in it. */
export type RegistryCompany = {
  readonly kind: 'company' | 'sole_trader'
  readonly inn: string
  readonly kpp: string | null
  readonly ogrn: string | null
  readonly shortName: string | null
  readonly fullName: string | null
  readonly statusClass: StatusClass
  readonly rawStatus: string | null
  readonly region: string | null
  readonly registeredOn: string | null
  readonly closedOn: string | null
  readonly source: 'api-fns' | 'dadata'
  readonly checkedAt: Instant
}

/** What a source said: cards, nothing, or why it could not be asked. */
export type RegistryAnswer =
  | { readonly tag: 'found'; readonly companies: readonly RegistryCompany[] }
  | { readonly tag: 'not-found' }
  | Unavailable

/**
 * Why a source could not be asked. `address` is ours, when the source says that it does not serve it; `retryAfterSeconds` is how long
 * it wants to be left alone.
 */
export type Unavailable = {
  readonly tag: 'unavailable'
  readonly kind: 'config' | 'quota' | 'transient' | 'rate'
  readonly code: string
  readonly address?: string
  readonly retryAfterSeconds?: number
}

/** The outcome of a check. `not_found_yet`: a fresh registration reaches the mirror with a lag, so it is looked up once more. */
export type Verdict = {
  readonly verdict: 'verified' | 'rejected' | 'needs_review' | 'not_found_yet'
  /** A kebab code. */
  readonly reason: string
  /** A Russian sentence for the applicant or the operator. */
  readonly detail: string
  readonly company: RegistryCompany | null
}

/** The class of a status text. The order matters: "исключении недействующего" contains "действ" and is no active company. */
export const statusClassOf = (raw: string | null, closedOn: string | null): StatusClass => {
  if (closedOn !== null) return 'closed'
  const status = (raw ?? '').normalize('NFC').trim().toLowerCase()
  if (/^(ликвидировано|прекратило деятельность)/.test(status)) return 'closed'
  if (/банкрот|несостоятельн|внешнее управление|финансовое оздоровление/.test(status)) return 'bankruptcy'
  if (/предстоящем исключении/.test(status)) return 'exclusion'
  if (/в стадии ликвидации/.test(status)) return 'liquidating'
  if (/реорганизац/.test(status)) return 'reorganizing'
  if (status === 'действующее') return 'active'
  return status === 'юридическим лицом принято решение об изменении места нахождения' ? 'active' : 'unknown'
}

/** An answer of the registry by its body first: errors are plain text, sometimes as a JSON string, with 200 as well as 403. */
export const readEgr = (
  inn: string,
  answer: { readonly status: number; readonly text: string; readonly at: Instant },
): RegistryAnswer => {
  const items = itemsOf(answer)
  if ('tag' in items) return items
  const companies = items.flatMap((item) => companyOf(item, answer.at)).filter((company) => company.inn === inn)
  // The registry also finds companies by their founders and directors; a card of another INN is no answer.
  return companies.length === 0 ? { tag: 'not-found' } : { tag: 'found', companies }
}

/**
 * The keys of `Негатив` of a company, such as `НедостоверАдрес`; null when the method could not be asked. What the registry denies in
 * words is no mark, and a company that it does not name has none.
 */
export const readNegative = (
  inn: string,
  answer: { readonly status: number; readonly text: string },
): readonly string[] | null => {
  const items = itemsOf(answer)
  if ('tag' in items) return null
  return items.flatMap((item) => {
    const card = objectAt(objectAt(item).ЮЛ ?? objectAt(item).ИП)
    if (textAt(card, 'ИНН', 'ИННФЛ') !== inn) return []
    return Object.entries(objectAt(card.Негатив)).flatMap(([key, value]) =>
      key === 'Текст' || isDenied(value) ? [] : [key],
    )
  })
}

const isDenied = (value: unknown): boolean =>
  value === null || value === false || (typeof value === 'string' && /^\s*(?:нет)?\s*$/i.test(value))

/** The cards of an answer. Errors are told by the body first, whatever the status says. */
const itemsOf = (answer: { readonly status: number; readonly text: string }): readonly unknown[] | Unavailable => {
  const text = answer.text.trim()
  const parsed = jsonOf(text)
  const words = typeof parsed === 'string' ? parsed.trim() : parsed === undefined ? text : ''
  const error = /^ошибка:/i.test(words) ? errorOf(words) : null
  if (error) return error
  if (answer.status === 402 || answer.status === 429) return { tag: 'unavailable', kind: 'rate', code: 'registry-busy' }
  if (answer.status === 200 && isRecord(parsed) && Array.isArray(parsed.items)) return parsed.items
  const code =
    answer.status >= 500 ? 'registry-down' : /^ошибка:/i.test(words) ? 'registry-error' : 'registry-unreadable'
  return { tag: 'unavailable', kind: 'transient', code }
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What the words of an error say; null when they say no more than the status does. */
const errorOf = (words: string): Unavailable | null => {
  if (/исчерпано/i.test(words)) return { tag: 'unavailable', kind: 'quota', code: 'registry-quota-spent' }
  if (/неверный ключ/i.test(words)) return { tag: 'unavailable', kind: 'config', code: 'registry-key-refused' }
  // The cabinet of the registry lists who may ask; the words name the address that was not on the list.
  const address = /\((\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:]{3,39})\)/i.exec(words)?.[1]
  if (address !== undefined || /(?<!\p{L})ip(?!\p{L})/iu.test(words))
    return { tag: 'unavailable', kind: 'config', code: 'registry-address-refused', ...(address ? { address } : {}) }
  return null
}

/** An object field; the registry writes an empty object as `[]`. */
const objectAt = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {})
const textAt = (record: Readonly<Record<string, unknown>>, ...keys: readonly string[]): string | null => {
  for (const key of keys) {
    const value = record[key]
    if (typeof value === 'string' && value.trim() !== '') return value.trim()
  }
  return null
}

const companyOf = (item: unknown, at: Instant): RegistryCompany[] => {
  const company = objectAt(objectAt(item).ЮЛ)
  const trader = objectAt(objectAt(item).ИП)
  const isCompany = Object.keys(company).length > 0
  const card = isCompany ? company : trader
  const inn = textAt(card, 'ИНН', 'ИННФЛ')
  if (inn === null) return []
  const rawStatus = textAt(card, 'Статус')
  const closedOn = textAt(card, 'ДатаПрекр')
  return [
    {
      kind: isCompany ? 'company' : 'sole_trader',
      inn,
      kpp: isCompany ? readKpp(textAt(card, 'КПП') ?? '') : null,
      ogrn: readOgrn(textAt(card, 'ОГРН', 'ОГРНИП') ?? ''),
      shortName: isCompany ? textAt(card, 'НаимСокрЮЛ', 'НаимПолнЮЛ') : textAt(card, 'ФИОПолн'),
      fullName: isCompany ? textAt(card, 'НаимПолнЮЛ') : textAt(card, 'ФИОПолн'),
      statusClass: statusClassOf(rawStatus, closedOn),
      rawStatus,
      region: textAt(objectAt(card.Адрес), 'КодРегион'),
      registeredOn: textAt(card, 'ДатаРег', 'ДатаОГРН'),
      closedOn,
      source: 'api-fns',
      checkedAt: at,
    },
  ]
}

const dadataClasses: ReadonlyMap<string, StatusClass> = new Map([
  ['ACTIVE', 'active'],
  ['LIQUIDATING', 'liquidating'],
  ['LIQUIDATED', 'closed'],
  ['BANKRUPT', 'bankruptcy'],
  ['REORGANIZING', 'reorganizing'],
])

/** No date of JavaScript lies further from 1970. */
const dateMsMax = 8_640_000_000_000_000

/** An answer of DaData's `findById/party`. */
export const readDadata = (
  inn: string,
  answer: { readonly status: number; readonly text: string; readonly at: Instant },
): RegistryAnswer => {
  if (answer.status === 401 || answer.status === 403)
    return { tag: 'unavailable', kind: 'config', code: 'dadata-key-refused' }
  if (answer.status === 429) return { tag: 'unavailable', kind: 'rate', code: 'dadata-busy' }
  const parsed = jsonOf(answer.text)
  if (answer.status !== 200 || !isRecord(parsed) || !Array.isArray(parsed.suggestions))
    return { tag: 'unavailable', kind: 'transient', code: 'dadata-unreadable' }
  const companies = parsed.suggestions
    .flatMap((suggestion) => suggested(suggestion, answer.at))
    .filter((company) => company.inn === inn)
  return companies.length === 0 ? { tag: 'not-found' } : { tag: 'found', companies }
}

const suggested = (suggestion: unknown, at: Instant): RegistryCompany[] => {
  const data = objectAt(objectAt(suggestion).data)
  const state = objectAt(data.state)
  const name = objectAt(data.name)
  const inn = textAt(data, 'inn')
  if (inn === null) return []
  const day = (value: unknown): string | null =>
    typeof value === 'number' && Math.abs(value) <= dateMsMax ? new Date(value).toISOString().slice(0, 10) : null
  const rawStatus = textAt(state, 'status')
  const isCompany = data.type !== 'INDIVIDUAL'
  return [
    {
      kind: isCompany ? 'company' : 'sole_trader',
      inn,
      kpp: readKpp(textAt(data, 'kpp') ?? ''),
      ogrn: readOgrn(textAt(data, 'ogrn') ?? ''),
      shortName: textAt(name, 'short_with_opf', 'full_with_opf') ?? textAt(objectAt(suggestion), 'value'),
      fullName: textAt(name, 'full_with_opf'),
      // Data that the registry calls unreliable is for a person to look at.
      statusClass: state.liquidation_date
        ? 'closed'
        : data.invalid
          ? 'unknown'
          : (dadataClasses.get(rawStatus ?? '') ?? 'unknown'),
      rawStatus,
      region: null,
      registeredOn: day(state.registration_date),
      closedOn: day(state.liquidation_date),
      source: 'dadata',
      checkedAt: at,
    },
  ]
}

const review: Readonly<Partial<Record<StatusClass, readonly [string, string]>>> = {
  liquidating: ['liquidating', 'Компания в стадии ликвидации'],
  bankruptcy: ['bankruptcy', 'В отношении компании идёт дело о банкротстве'],
  exclusion: ['exclusion-pending', 'Принято решение об исключении компании из реестра'],
  reorganizing: ['reorganizing', 'Компания в процессе реорганизации'],
  unknown: ['status-unknown', 'Статус компании в реестре не распознан'],
}

/** Flags of the `check` method that a person should look at; matches by name alone never count. */
const hardFlags: readonly string[] = ['НедостоверАдрес', 'НедостоверРук', 'ДисквРук', 'Банкрот', 'БлокСчета']

/** More marks than these say nothing new. */
const notesMax = 10

/** What a decision is made on. */
export type DecisionInput = {
  readonly inn: string
  readonly applicantKind: 'company' | 'sole_trader' | null
  readonly claimedName: string | null
  readonly answer: Exclude<RegistryAnswer, { tag: 'unavailable' }>
  /** Keys of `Негатив`; null when nobody could be asked for them. */
  readonly negative: readonly string[] | null
  readonly secondLook: boolean
  /** Whether a second source said "not found" too. */
  readonly confirmedAbsent: boolean
}

/** The identifier alone: an INN that cannot exist costs no request. */
export const decideIdentifier = (inn: string, kind: 'company' | 'sole_trader' | null): Verdict | null => {
  const read = readInn(inn)
  const fits = read !== null && (kind === null || (kind === 'company') === (read.length === 10))
  return fits
    ? null
    : {
        verdict: 'rejected',
        reason: 'invalid-identifier',
        detail: 'ИНН указан с ошибкой: контрольные цифры не сходятся',
        company: null,
      }
}

/** The decision table: pure, from what is known to a verdict with its reason. An outage never comes here. */
export const decide = (input: DecisionInput): Verdict => {
  if (input.answer.tag === 'not-found') {
    if (input.confirmedAbsent || input.secondLook)
      return { verdict: 'rejected', reason: 'not-found', detail: 'Компании с таким ИНН нет в реестре', company: null }
    return {
      verdict: 'not_found_yet',
      reason: 'not-found-yet',
      detail: 'Компании с таким ИНН пока нет в реестре; посмотрим ещё раз через сутки',
      company: null,
    }
  }
  const company = bestOf(input.answer.companies)
  if (!company)
    return { verdict: 'needs_review', reason: 'status-unknown', detail: 'Ответ реестра не распознан', company: null }
  if (company.statusClass === 'closed')
    return { verdict: 'rejected', reason: 'closed', detail: 'Компания прекратила деятельность', company }
  const doubt = review[company.statusClass]
  if (doubt) return { verdict: 'needs_review', reason: doubt[0], detail: doubt[1], company }
  const flag = input.negative?.find((key) => hardFlags.includes(key))
  if (flag !== undefined)
    return { verdict: 'needs_review', reason: 'negative-flag', detail: `Отметка реестра: ${flag}`, company }
  if (namesDiffer(input.claimedName, company))
    return {
      verdict: 'needs_review',
      reason: 'name-differs',
      detail: 'Название в заявке не похоже на название в реестре',
      company,
    }
  return { verdict: 'verified', reason: 'active', detail: `Компания действует${notesOf(input.negative)}`, company }
}

/** What an operator may want to know of a company that is taken nevertheless. */
const notesOf = (negative: readonly string[] | null): string => {
  if (negative === null) return '; отметки реестра не проверены'
  const notes = negative.slice(0, notesMax)
  return notes.length === 0 ? '' : `; отметки реестра: ${notes.join(', ')}`
}

/** One person may have several cards of a sole trader: an active one wins, else the newest. */
const bestOf = (companies: readonly RegistryCompany[]): RegistryCompany | null =>
  companies.find((company) => company.statusClass === 'active') ??
  companies.toSorted((one, other) => ((one.registeredOn ?? '') < (other.registeredOn ?? '') ? 1 : -1))[0] ??
  null

const legalForms =
  /общество с ограниченной ответственностью|публичное акционерное общество|непубличное акционерное общество|акционерное общество|индивидуальный предприниматель|(^|\s)(ооо|пао|нао|зао|оао|ао|ип)(?=\s|$)/g

const words = (name: string): Set<string> =>
  new Set(
    name
      .toLowerCase()
      .replace(/ё/g, 'е')
      .replace(/[«»"“”„']/g, ' ')
      .replace(legalForms, ' ')
      .split(/[^\p{L}\p{N}]+/u)
      .filter((word) => word !== ''),
  )

/** Names differ when they have no word in common; forms, quotes, case and ё do not count. */
const namesDiffer = (claimed: string | null, company: RegistryCompany): boolean => {
  const own = words(claimed ?? '')
  if (own.size === 0) return false
  const registered = words(`${company.shortName ?? ''} ${company.fullName ?? ''}`)
  return registered.size > 0 && ![...own].some((word) => registered.has(word))
}
