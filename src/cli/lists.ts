import type { Query } from './api.ts'
import { argument, type Call, type CommandSpec, option, usage, wholeNumber } from './command.ts'
import { type Column, table } from './output.ts'

/** What a list shows for people, and which of its filters have an option of their own. */
export type ListShape = {
  readonly name: string
  readonly columns: readonly Column[]
  readonly filters: Readonly<Record<string, string>>
  /** What holds for every item that is listed. */
  readonly fixed?: Query
  readonly sort?: string
}

const itemsUsual = 50
const itemsMax = 1_000_000

/** The options that every list takes. */
export const listOptions: readonly (readonly [string, string])[] = [
  ['--filter <field=value...>', 'only items whose field has this value; any field of the list'],
  ['--q <text>', 'search: a phone however it is typed, an email, an INN, a name, an id'],
  ['--sort <field>', 'ascending by a field; -field descends'],
  ['--limit <number>', `at most so many (${itemsUsual})`],
]

/** A command that shows a list. */
export const listCommand = (
  shape: ListShape,
  words: { readonly usage?: string; readonly summary: string; readonly examples: readonly string[] },
): CommandSpec => ({
  usage: words.usage ?? 'list',
  summary: words.summary,
  options: [...filterOptions(shape), ...listOptions],
  examples: words.examples,
  run: async (call) => {
    const limit = wholeNumber(call, 'limit', { min: 1, max: itemsMax, usual: itemsUsual })
    const listed = await call.api().list(shape.name, listQuery(call, shape), limit)
    await call.print(listed, () =>
      listed.nextCursor === null
        ? table(listed.items, shape.columns)
        : `${table(listed.items, shape.columns)}… and more; --limit shows them\n`,
    )
    return undefined
  },
})

/** The options of a list's own filters. */
export const filterOptions = (shape: Pick<ListShape, 'filters'>): readonly (readonly [string, string])[] =>
  Object.entries(shape.filters).map(([field, meaning]) => [`--${field} <value>`, meaning])

/** The query that the options of a list ask for. */
export const listQuery = (call: Call, shape: Pick<ListShape, 'filters' | 'fixed' | 'sort'>): Query => ({
  ...Object.fromEntries(Object.keys(shape.filters).map((field) => [field, option(call, field)])),
  ...pairs(call.options.filter),
  q: option(call, 'q'),
  sort: option(call, 'sort') ?? shape.sort,
  ...shape.fixed,
})

const pairs = (given: unknown): Query => {
  if (!Array.isArray(given)) return {}
  return Object.fromEntries(
    given.map((text: unknown) => {
      const match = /^([A-Za-z][A-Za-z0-9.]{0,60})=(.*)$/s.exec(String(text))
      if (match === null) throw usage('--filter should be field=value, such as --filter city=Казань')
      return [match[1], match[2]]
    }),
  )
}

/** A command that shows one item by its id. */
export const showCommand = (
  name: string,
  words: {
    readonly summary: string
    readonly examples: readonly string[]
    readonly text: (item: Readonly<Record<string, unknown>>) => string
  },
): CommandSpec => ({
  usage: 'show <id>',
  summary: words.summary,
  examples: words.examples,
  run: async (call) => {
    const item = await call.api().get(`/api/v1/${name}/${encodeURIComponent(argument(call, 0))}`)
    await call.print(item, () => words.text(item))
    return undefined
  },
})
