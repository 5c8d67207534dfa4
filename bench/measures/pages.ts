import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sql } from '../../src/db/connect.ts'
import { seeksRare } from '../../src/http/commonValues.ts'
import { readListQuery } from '../../src/http/listQuery.ts'
import { listStatement } from '../../src/http/listSql.ts'
import { resources } from '../../src/http/resources.ts'
import { askApi, ended, startService } from '../children.ts'
import type { Context } from '../context.ts'
import { type Check, type Figure, type Measured, percentile } from '../figure.ts'
import { openHub } from '../hub.ts'
import { apiPages, type PageRead, sqlPages } from '../pageList.ts'
import { fillPartners, partnersTable } from '../partnerRows.ts'
import { type Plan, planOf } from '../plan.ts'

const readsOfPage = { usual: 30, smoke: 3 } as const
/** Of a table smaller than this the planner reads all, and is right. */
const checkedPartnersMin = 50_000
/** The part of all rows that a page may look at. */
const visitedShareMax = 0.05

/** Pages of partners by the usual filters, over HTTP and in SQL, and the plans that PostgreSQL makes for them. */
export const pages = async (context: Context): Promise<Measured> => {
  const { partners: count, smoke } = context.options
  const databaseUrl = await context.createDatabase('pages')
  const folder = mkdtempSync(join(tmpdir(), 'partner-hub-pages-'))
  const children: ChildProcess[] = []
  const core = await openHub(databaseUrl)
  const reads = smoke ? readsOfPage.smoke : readsOfPage.usual
  const seen: Seen[] = []
  try {
    await fillPartners(core.bulk, count)
    const { url } = await startService({ databaseUrl, folder, children, roles: 'http' })
    for (const page of apiPages) {
      const query = page.of(count >> 1)
      const times = await timesOf(reads, () => askApi(url, `partners?${query}`))
      const { text, parameters } = await statementOf(core.sql, query)
      seen.push({ page, where: 'API', times, plan: await planOf(core.bulk, text, parameters) })
    }
    for (const page of sqlPages) {
      const text = `select * from read.partners ${page.of(count >> 1)}`
      const times = await timesOf(reads, () => core.bulk.unsafe(text))
      seen.push({ page, where: 'SQL', times, plan: await planOf(core.bulk, text, []) })
    }
    context.say(tableOfPlans(seen, count))
    return {
      figures: seen.map((one) => figureOf(one, count)),
      comparisons: [],
      checks: count < checkedPartnersMin ? [] : seen.map((one) => checkOf(one, count)),
    }
  } finally {
    await Promise.all([core.close(), ...children.map(ended)])
    rmSync(folder, { recursive: true, force: true })
  }
}

type Seen = {
  readonly page: PageRead
  readonly where: 'API' | 'SQL'
  /** Milliseconds of each read. */
  readonly times: readonly number[]
  readonly plan: Plan
}

const timesOf = async (count: number, read: () => Promise<unknown>): Promise<number[]> => {
  const times: number[] = []
  await read()
  for (let index = 0; index < count; index++) {
    const started = performance.now()
    await read()
    times.push(performance.now() - started)
  }
  return times
}

/** The statement that the API sends for a query, as an operator asks it. */
const statementOf = async (sql: Sql, text: string): Promise<ReturnType<typeof listStatement>> => {
  const resource = resources.find((candidate) => candidate.name === 'partners')
  if (!resource) throw new Error('Cannot bench: there is no list of partners')
  const actor = { role: 'operator', name: 'operator' } as const
  const params = new URLSearchParams(text.replaceAll('+', '%2B'))
  const query = readListQuery(resource, params, { actor, readCursor: () => null })
  const source = resource.source.operator.replace('{table}', partnersTable)
  const byLists = await seeksRare(sql, query, partnersTable.replace('hub_read.', ''))
  return listStatement(resource, query, { source, analyst: false, whole: false, byLists })
}

const figureOf = ({ page, where, times, plan }: Seen, count: number): Figure => ({
  name: `pages.${page.name}`,
  title: `a page of partners, ${where}: ${page.title}`,
  unit: 'ms',
  rounds: times,
  note: `${count} partners, 50 rows; ${plan.summary}`,
})

const checkOf = ({ page, where, plan }: Seen, count: number): Check => ({
  title: `${where}, ${page.title}: an index finds the page`,
  passed: !plan.sequential && plan.visited <= count * visitedShareMax,
  detail: `${plan.summary}; ${plan.visited} of ${count} rows looked at`,
})

/** The plans as a table for the documentation. */
const tableOfPlans = (seen: readonly Seen[], count: number): string =>
  [
    `| page of ${count} partners | p50, ms | p99, ms | plan | rows looked at |`,
    '|---|---|---|---|---|',
    ...seen.map(({ page, where, times, plan }) => {
      const [p50, p99] = [0.5, 0.99].map((share) => percentile(times, share).toFixed(1))
      return `| ${where}: ${page.title} | ${p50} | ${p99} | ${plan.summary} | ${plan.visited} |`
    }),
  ].join('\n')
