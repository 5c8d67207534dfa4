import type { ListQuery } from './listQuery.ts'
import type { Field, FieldType, Resource } from './resources.ts'

/** A statement with its parameters. */
export type Prepared = {
  readonly text: string
  readonly parameters: readonly (string | number | boolean | null | readonly string[])[]
}

const sqlTypes: Readonly<Record<FieldType, string>> = {
  text: 'text',
  number: 'bigint',
  boolean: 'boolean',
  time: 'timestamptz',
  texts: 'text[]',
  numbers: 'bigint[]',
  uuid: 'uuid',
  json: 'jsonb',
}

/** The column that has a list of texts in lower case. */
export const loweredColumn = ({ column }: Field): string => `${column}_lowered`

/** Digits of a phone that tell people apart, whatever the prefix. */
const phoneDigits = 10

/** How a list is read. */
export type Reading = {
  readonly source: string
  readonly analyst: boolean
  /** The whole selection instead of a page. */
  readonly whole: boolean
  /** Rows are found by the values of their lists before anything else is asked of them; for values that few rows have. */
  readonly byLists?: boolean
}

/** Writes the statement of one page, or of the whole selection without a limit. Columns come from the table of fields only. */
export const listStatement = (resource: Resource, query: ListQuery, at: Reading): Prepared => {
  const parameters: (string | number | boolean | null | readonly string[])[] = []
  const bind = (value: string | number | boolean | null | readonly string[]): string => `$${parameters.push(value)}`
  const id = resource.fields.find((field) => field.name === resource.id)
  if (!id) throw new Error(`The list ${resource.name} has no field ${resource.id}`)
  const isFirst = ({ field }: Filter): boolean => at.byLists === true && field.type === 'texts'
  const first = query.filters.filter(isFirst).map(({ field, values }) => filterCondition(field, values, bind))
  // With an offset the inner selection stays as it is: the planner does not walk through an order in the hope of meeting its rows.
  const source =
    first.length === 0 ? at.source : `(select s.* from ${at.source} where ${first.join(' and ')} offset 0) s`
  const conditions = query.filters
    .filter((filter) => !isFirst(filter))
    .flatMap(({ field, values }) => [filterCondition(field, values, bind), ...amongCondition(id, field, values)])
  if (query.q !== null)
    conditions.push(
      searchCondition(
        resource.fields.filter((field) => !(at.analyst && field.personal)),
        query.q,
        bind,
      ),
    )
  if (query.after) conditions.push(cursorCondition({ sort: query.sort, id }, query.after, bind))
  const where = conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`
  const direction = query.sort.descending ? 'desc' : 'asc'
  const nulls = query.sort.field.always ? '' : ' nulls last'
  const order = `s.${query.sort.field.column} ${direction}${nulls}, s.${id.column} asc`
  const columns = [...new Set(resource.fields.map((field) => `s.${field.column}`))].join(', ')
  const limit = at.whole ? '' : ` limit ${bind(query.limit + 1)}::int`
  return {
    text: `select ${columns}, s.${query.sort.field.column}::text as sort_value from ${source}${where} order by ${order}${limit}`,
    parameters,
  }
}

type Filter = ListQuery['filters'][number]

/** A value as it is compared where the case does not matter. */
export const lowered = (value: string): string => value.trim().toLowerCase()

type Bind = (value: string | number | boolean | null | readonly string[]) => string

const filterCondition = (field: Field, given: readonly string[], bind: Bind): string => {
  const column = `s.${field.column}`
  const values = field.caseless || field.type === 'texts' ? given.map(lowered) : given
  // One value is compared plainly: then an index gives the rows in the order of the list, and a partial index is found.
  const isOneOf = (expression: string, type: string): string => {
    const [only, ...others] = values
    return only !== undefined && others.length === 0
      ? `${expression} = ${bind(only)}::text::${type}`
      : `${expression} = any (${bind(values)}::text[]::${type}[])`
  }
  switch (field.type) {
    case 'texts':
      // Beside such a column there is one in lower case, `loweredColumn`: asking a function for each row would take longer than reading them.
      return `s.${loweredColumn(field)} && ${bind(values)}::text[]`
    case 'numbers':
      return `${column} && ${bind(values)}::text[]::bigint[]`
    case 'time':
      return isOneOf(`date_trunc('milliseconds', ${column})`, 'timestamptz')
    case 'uuid':
      // What is no uuid finds nothing, and is no fault.
      return isOneOf(`${column}::text`, 'text')
    case 'text':
      return isOneOf(field.caseless ? `lower(${column})` : column, 'text')
    default:
      return isOneOf(column, sqlTypes[field.type])
  }
}

/** Names the few items that a filter can mean, where they are known apart from the list. */
const amongCondition = (id: Field, { among = {} }: Field, values: readonly string[]): string[] => {
  const queries = values.map((value) => among[value])
  return queries.includes(undefined) ? [] : [`s.${id.column} in (${queries.join(' union all ')})`]
}

/** `q` finds a phone however it is typed, whole ids and numbers, and parts of texts. */
const searchCondition = (fields: readonly Field[], q: string, bind: Bind): string => {
  const digits = q.replace(/\D/g, '')
  const whole = bind(q.trim())
  const part = bind(`%${q.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`)
  const conditions = fields.flatMap((field) => {
    const column = `s.${field.column}`
    if (field.searched === 'whole') return [`${column}::text = ${whole}::text`]
    if (field.searched === 'part') return [`lower(${column}) like ${part}::text`]
    if (field.searched === 'phone' && digits.length >= 6 && /^[\d\s()+.-]+$/.test(q))
      return [`${column} like ${bind(`%${digits.slice(-phoneDigits)}`)}::text`]
    return []
  })
  return `(${conditions.join(' or ') || 'false'})`
}

/** What comes after the last row of a page: rows without a value come last in either direction. */
const cursorCondition = (
  { sort, id }: { sort: ListQuery['sort']; id: Field },
  after: { value: string | null; id: string },
  bind: Bind,
): string => {
  const column = `s.${sort.field.column}`
  const beyond = `s.${id.column} > ${bind(after.id)}::text::${sqlTypes[id.type]}`
  if (after.value === null) return `(${column} is null and ${beyond})`
  // As text first: the driver writes values of other types in its own way.
  const value = `${bind(after.value)}::text::${sqlTypes[sort.field.type]}`
  const further = `${column} ${sort.descending ? '<' : '>'} ${value}`
  // The plain bound in front lets an index begin where the last page ended.
  if (sort.field.always) return `(${column} ${sort.descending ? '<=' : '>='} ${value} and (${further} or ${beyond}))`
  return `(${further} or (${column} = ${value} and ${beyond}) or ${column} is null)`
}
