import type { Row } from '../../projections/projection.ts'
import type { Actor, HttpPorts } from './ports.ts'
import type { Resource, SmallResource } from './resources.ts'

const camel = (column: string): string => column.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase())

/** Puts a value at a dotted name. */
const put = (target: Record<string, unknown>, name: string, value: unknown): void => {
  const dot = name.indexOf('.')
  if (dot < 0) {
    target[name] = value
    return
  }
  const head = name.slice(0, dot)
  const inner = (target[head] as Record<string, unknown> | undefined) ?? {}
  target[head] = inner
  put(inner, name.slice(dot + 1), value)
}

/** An item as the API shows it, from a row whose columns came in camelCase. */
export const presentRow = (resource: Resource, row: Row, pagesUrl: string): Record<string, unknown> => {
  const item: Record<string, unknown> = {}
  for (const field of resource.fields) put(item, field.name, row[camel(field.column)] ?? null)
  if (resource.name !== 'partners') return item
  const page = item.page as { url: string | null; status: string }
  const subscription = item.subscription as { subscriptionId: string | null }
  return {
    ...item,
    page: { ...page, url: page.url === null ? null : `${pagesUrl}${page.url}` },
    subscription: subscription.subscriptionId === null ? null : subscription,
  }
}

/** A value at a dotted name, for orders and filters of lists in memory. */
export const valueAt = (item: Readonly<Record<string, unknown>>, name: string): unknown =>
  name
    .split('.')
    .reduce<unknown>(
      (value, key) =>
        value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[key] : undefined,
      item,
    )

const maskPhone = (text: string): string => (text.length < 7 ? '***' : `${text.slice(0, 2)}***${text.slice(-2)}`)
const maskEmail = (text: string): string => `${text.slice(0, 1)}***@${text.slice(text.lastIndexOf('@') + 1)}`
const maskName = (text: string): string => `${[...text][0] ?? ''}***`
const maskInn = (text: string): string => (text.length === 10 ? text : `${text.slice(0, 4)}******${text.slice(-2)}`)

/** A folded row of a partner with the same masks as the view for analysts. */
export const maskPartner = (row: Row): Row => {
  const masked = (field: string, mask: (text: string) => string): unknown =>
    typeof row[field] === 'string' ? mask(row[field]) : (row[field] ?? null)
  const company = row.kind === 'company'
  return {
    ...row,
    contactName: masked('contactName', maskName),
    phone: masked('phone', maskPhone),
    email: masked('email', maskEmail),
    inn: masked('inn', maskInn),
    // The page's address says a sole trader's name, so it is shown only while everybody can read it there.
    slug: company || row.listed === true ? (row.slug ?? null) : null,
    legalName: company ? (row.legalName ?? null) : masked('legalName', maskName),
    ogrn: company ? (row.ogrn ?? null) : null,
  }
}

/** What an operator wrote is free text and may name a person. */
const byOperator = (data: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
  if (data.by !== 'operator') return data
  const { detail: _detail, ...rest } = data
  return rest
}

/** An event as a role may see it: personal fields in clear for operators, absent for analysts. */
export const presentEvents = async (ports: HttpPorts, rows: readonly Row[], actor: Actor): Promise<Row[]> => {
  const sealed = rows.map((row) => ({
    eventId: String(row.eventId),
    stream: String(row.stream),
    subject: String(row.subject),
    type: String(row.type),
    data: row.data as Readonly<Record<string, unknown>>,
  }))
  if (actor.role === 'operator') await ports.codec.prefetch(sealed)
  return rows.map((row, index) => {
    const event = sealed[index]
    if (!event) return row
    if (actor.role === 'operator') return { ...row, data: ports.codec.open(event) }
    const { sealed: _sealed, ...open } = byOperator(event.data)
    // A reason is free text of an operator, who may have named a person.
    const { reason: _reason, ...meta } = row.meta as Readonly<Record<string, unknown>>
    return { ...row, data: open, meta }
  })
}

/** The names of a list's fields, as columns of an export. */
export const exportColumns = (resource: Resource | SmallResource): readonly string[] =>
  resource.fields.map((field) => field.name)
