import type { Sql } from '../src/db/connect.ts'

/** What is worth telling of a plan. */
export type Plan = {
  /** The nodes that read or order rows, outermost first. */
  readonly summary: string
  /** Whether a table was read from its beginning to its end. */
  readonly sequential: boolean
  /** Rows of the table that were looked at, whether or not they were wanted. */
  readonly visited: number
}

type Node = {
  readonly 'Node Type': string
  readonly 'Index Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly Plans?: readonly Node[]
}

/** Runs a statement and tells how PostgreSQL did it. */
export const planOf = async (
  sql: Sql,
  text: string,
  parameters: readonly (string | number | boolean | null | readonly string[])[],
): Promise<Plan> => {
  const [row] = await sql.unsafe<Readonly<Record<string, readonly { readonly Plan: Node }[]>>[]>(
    `explain (analyze, format json) ${text}`,
    [...parameters] as never[],
  )
  const root = Object.values(row ?? {})[0]?.[0]?.Plan
  if (!root) throw new Error('Cannot read a plan: PostgreSQL gave none')
  const nodes = flat(root)
  return {
    summary: nodes.filter(isTold).map(toldOf).join(' ← '),
    sequential: nodes.some((node) => node['Node Type'] === 'Seq Scan'),
    visited: Math.round(nodes.reduce((sum, node) => sum + visitedBy(node), 0)),
  }
}

const flat = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(flat)]

const isTold = (node: Node): boolean => /Scan|Sort/.test(node['Node Type'])

const toldOf = (node: Node): string =>
  node['Index Name'] === undefined ? node['Node Type'] : `${node['Node Type']} ${node['Index Name']}`

/** A bitmap of an index is only a list of places: the heap scan above it looks at the rows. */
const visitedBy = (node: Node): number => {
  if (!node['Node Type'].endsWith('Scan') || node['Node Type'] === 'Bitmap Index Scan') return 0
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  return (node['Actual Rows'] + removed) * node['Actual Loops']
}
