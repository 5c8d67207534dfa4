import { readFileSync } from 'node:fs'
import { stringify } from 'csv-stringify/sync'
import type { PageTemplate } from '../connectors/tilda/page.ts'
import { renderPage } from '../connectors/tilda/page.ts'
import type { Sql } from '../db/connect.ts'
import { planToPay } from '../domain/subscriptionState.ts'
import { defused } from './exports.ts'
import { databaseAway } from './ingest.ts'
import { directoryPage, type Listed } from './pages/directoryPage.ts'
import { pageResponse } from './pages/layout.ts'
import { messagePage, payDonePage, payPage } from './pages/payPages.ts'
import { askToPay, type PayDeps, payableOf, payState } from './pay.ts'
import { toResponse } from './webhooks.ts'

/** What the public doors need. */
export type PublicDeps = PayDeps & {
  readonly publicUrl: string
  readonly pagesUrl: string
  readonly template: () => Promise<PageTemplate>
  readonly asset: (path: string) => Promise<{ readonly contentType: string; readonly bytes: Uint8Array } | null>
  readonly isAway: (error: unknown) => boolean
  readonly sql: Sql
}

const siteCss = readFileSync(new URL('pages/site.css', import.meta.url))
const notFound = (): Response =>
  pageResponse(messagePage('Страница не найдена', 'Возможно, она снята или адрес набран с ошибкой.'), 404)
const notAllowed = (allow: string): Response => new Response(null, { status: 405, headers: { Allow: allow } })

/** A database that is away is said so; the page works again by itself. */
const guarded =
  (deps: PublicDeps, work: (request: Request) => Promise<Response>) =>
  async (request: Request): Promise<Response> => {
    try {
      return await work(request)
    } catch (error) {
      if (deps.isAway(error)) return toResponse(databaseAway)
      throw error
    }
  }

const refusals: Readonly<Record<string, string>> = {
  'subscription-ended': 'Подписка закончена. Напишите нам, чтобы открыть её снова.',
  'charge-under-way': 'Мы как раз списываем оплату сохранённым способом. Подождите несколько минут.',
  'payment-declined': 'Платёжный сервис отклонил запрос. Попробуйте ещё раз позже.',
}

/** `GET|POST /pay/:token` and `GET /pay/:token/done`. */
export const payDoor = (deps: PublicDeps) =>
  guarded(deps, async (request) => {
    const { pathname } = new URL(request.url)
    const [, token = '', tail] = /^\/pay\/([^/]+)(\/done)?$/.exec(pathname) ?? []
    const payable = token === '' ? null : await payableOf(deps, token)
    if (!payable) return notFound()
    const action = `/pay/${token}`
    if (tail)
      return request.method === 'GET' ? pageResponse(payDonePage(payState(payable.state), action)) : notAllowed('GET')
    const { title, priceKopecks, months } = planToPay(payable.state)
    const show = (error: string | null, status = 200): Response =>
      pageResponse(payPage({ title, priceKopecks, months, error, action }), status)
    if (request.method === 'GET' || request.method === 'HEAD') return show(null)
    if (request.method !== 'POST') return notAllowed('GET, POST')
    const form = new URLSearchParams(await request.text())
    const autopay = ['1', 'on', 'true', 'yes'].includes(form.get('autopay') ?? '')
    const asked = await askToPay(deps, payable, autopay)
    if (asked.tag === 'refused' && asked.code !== 'subscription-paid')
      return show(refusals[asked.code] ?? 'Оплата сейчас невозможна.', 409)
    const location = asked.tag === 'redirect' ? asked.url : `${action}/done`
    return new Response(null, { status: 303, headers: { Location: location, 'Cache-Control': 'no-store' } })
  })

type ListedRow = {
  readonly slug: string
  readonly legalName: string | null
  readonly contactName: string | null
  readonly city: string | null
  readonly services: readonly string[]
  readonly phone: string | null
}

const liveTable = async (sql: Sql): Promise<string> => {
  const [row] = await sql<
    { version: number }[]
  >`select version from hub.read_models where name = 'partners' and role = 'live'`
  return `hub_read.partners_${row?.version ?? 1}`
}

const listed = async (sql: Sql, where: { readonly slug?: string; readonly city?: string }): Promise<ListedRow[]> => {
  const table = await liveTable(sql)
  const rows = await sql.unsafe<ListedRow[]>(
    `select slug, legal_name, contact_name, city, services, phone from ${table}
      where listed and ($1::text is null or slug = $1) and ($2::text is null or lower(city) = lower($2)) order by lower(city), slug limit 5000`,
    [where.slug ?? null, where.city ?? null],
    { prepare: true },
  )
  return [...rows]
}

const nameOf = (row: ListedRow): string => row.legalName ?? row.contactName ?? 'Партнёр'
const shown = (row: ListedRow): Listed => ({
  slug: row.slug,
  name: nameOf(row),
  city: row.city,
  services: row.services,
})

/** `GET /partners` and `GET /partners/:slug`. */
export const partnersDoor = (deps: PublicDeps) =>
  guarded(deps, async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return notAllowed('GET, HEAD')
    const { pathname, searchParams } = new URL(request.url)
    const slug = /^\/partners\/([a-z0-9-]{1,100})\/?$/.exec(pathname)?.[1]
    if (pathname === '/partners' || pathname === '/partners/') {
      const city = searchParams.get('city')?.trim() || null
      const rows = await listed(deps.sql, city === null ? {} : { city })
      return pageResponse(directoryPage(rows.map(shown), city))
    }
    const [row] = slug === undefined ? [] : await listed(deps.sql, { slug })
    if (!row) return notFound()
    const template = await deps.template()
    const page = renderPage(template, { name: nameOf(row), city: row.city, services: row.services, phone: row.phone })
    // A designer's page brings styles and scripts of its own, all of them copied to us.
    const policy =
      template.origin === 'built-in'
        ? {}
        : {
            'Content-Security-Policy':
              "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
          }
    return pageResponse(page, 200, policy)
  })

/** `GET /feeds/partners.csv` and `.yml`: the listed partners for an import into a Tilda catalogue. */
export const feedsDoor = (deps: PublicDeps) =>
  guarded(deps, async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return notAllowed('GET, HEAD')
    const { pathname } = new URL(request.url)
    if (pathname !== '/feeds/partners.csv' && pathname !== '/feeds/partners.yml') return notFound()
    const rows = await listed(deps.sql, {})
    const headers = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' }
    if (pathname.endsWith('.csv')) {
      const records = rows.map((row) => [
        row.slug,
        defused(nameOf(row)),
        defused(row.services.join(', ')),
        defused(row.city ?? ''),
        `${deps.pagesUrl}/partners/${row.slug}`,
        row.slug,
      ])
      const csv = stringify([['SKU', 'Title', 'Description', 'Category', 'Url', 'External ID'], ...records], {
        delimiter: ';',
      })
      return new Response(csv, { headers: { ...headers, 'Content-Type': 'text/csv; charset=utf-8' } })
    }
    return new Response(yml(rows, deps.pagesUrl), {
      headers: { ...headers, 'Content-Type': 'application/xml; charset=utf-8' },
    })
  })

const xml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`).replace(/[^\P{Cc}\n]/gu, '')

const yml = (rows: readonly ListedRow[], pagesUrl: string): string => `<?xml version="1.0" encoding="UTF-8"?>
<yml_catalog><shop><name>Дома и цены: партнёры</name><url>${xml(pagesUrl)}</url><currencies><currency id="RUB" rate="1"/></currencies>
<categories><category id="1">Партнёры</category></categories>
<offers>
${rows.map((row) => `<offer id="${xml(row.slug)}"><name>${xml(nameOf(row))}</name><url>${xml(`${pagesUrl}/partners/${row.slug}`)}</url><categoryId>1</categoryId><description>${xml([row.city, row.services.join(', ')].filter((part) => part).join('. '))}</description></offer>`).join('\n')}
</offers></shop></yml_catalog>
`

/** `GET /assets/site.css` and the copied files of the template. */
export const assetsDoor = (deps: PublicDeps) =>
  guarded(deps, async (request) => {
    const { pathname } = new URL(request.url)
    const headers = { 'Cache-Control': 'public, max-age=300', 'X-Content-Type-Options': 'nosniff' }
    if (pathname === '/assets/site.css')
      return new Response(siteCss, { headers: { ...headers, 'Content-Type': 'text/css; charset=utf-8' } })
    const name = /^\/assets\/tilda\/([\w.@-]{1,150})$/.exec(pathname)?.[1]
    const asset = name === undefined ? null : await deps.asset(name)
    if (!asset) return notFound()
    return new Response(new Uint8Array(asset.bytes), { headers: { ...headers, 'Content-Type': asset.contentType } })
  })
