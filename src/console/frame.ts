import { html } from '../connectors/html.ts'
import { rublesForPeople } from '../http/pages/layout.ts'
import type { Actor, HttpPorts } from '../http/ports.ts'
import { explain, type Language } from '../kernel/explanations.ts'
import { instant } from '../kernel/time.ts'
import type { Session } from './session.ts'
import { type Say, statusWord } from './words.ts'

/** What a page is made from. */
export type Look = {
  readonly ports: HttpPorts
  readonly say: Say
  readonly language: Language
  readonly session: Session
  readonly actor: Actor
  readonly url: URL
}

/** The sections of the menu. */
export type Section =
  | 'overview'
  | 'webhooks'
  | 'partners'
  | 'effects'
  | 'readModels'
  | 'destinations'
  | 'reconciliation'

/** A page before its frame; `body` is trusted HTML whose parts were escaped. */
export type Page = { readonly title: string; readonly section: Section | null; readonly body: string }

const sections: readonly (readonly [Section, string])[] = [
  ['overview', '/console'],
  ['webhooks', '/console/webhooks'],
  ['partners', '/console/partners'],
  ['effects', '/console/effects'],
  ['readModels', '/console/read-models'],
  ['destinations', '/console/destinations'],
  ['reconciliation', '/console/reconciliation'],
]

/** The whole document of a page; without a session only the frame around the sign-in form. */
export const framed = (
  page: Page,
  at: { readonly say: Say; readonly language: Language; readonly url: URL; readonly session: Session | null },
): string => {
  const { say, language } = at
  const other = new URL(at.url)
  other.searchParams.set('lang', language === 'ru' ? 'en' : 'ru')
  const menu =
    at.session === null
      ? ''
      : html`<nav>!${sections.map(
          ([section, href]) =>
            html`<a href="${href}" !${section === page.section ? 'aria-current="page"' : ''}>${say(section)}</a>`,
        )}</nav>
<form method="post" action="/console/sign-out">!${csrfField(at.session)}<button class="quiet">${say('signOut')}</button></form>`
  return html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${page.title} — ${say('console')}</title>
<link rel="stylesheet" href="/assets/console.css">
<script src="/assets/console.js" defer></script>
</head>
<body !${at.session === null ? '' : 'data-live="/console/live"'} data-copied="${say('copied')}">
<header><a class="brand" href="/console">partner-hub</a>!${menu}<a class="lang" href="${other.pathname}${other.search}">${say('otherLanguage')}</a></header>
<main>
<h1>${page.title}</h1>
!${page.body}
</main>
</body>
</html>
`
}

/** Headers of every answer of the console. */
export const consoleHeaders = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'same-origin',
} as const

/** Headers of an answer; one name may come several times. */
export type MoreHeaders = readonly (readonly [name: string, value: string])[]

const answerWith = (body: string | null, status: number, more: MoreHeaders): Response => {
  const headers = new Headers(consoleHeaders)
  for (const [name, value] of more) headers.append(name, value)
  return new Response(body, { status, headers })
}

/** The answer that carries a document. */
export const documentAnswer = (text: string, status = 200, more: MoreHeaders = []): Response =>
  answerWith(text, status, [['Content-Type', 'text/html; charset=utf-8'], ...more])

/** Sends the browser on. */
export const redirect = (location: string, more: MoreHeaders = []): Response =>
  answerWith(null, 303, [['Location', location], ...more])

/** The hidden field that proves that a form is ours. */
export const csrfField = (session: Session): string => html`<input type="hidden" name="csrf" value="${session.csrf}">`

/** A moment, in Moscow time. */
export const moment = (at: unknown): string => {
  if (typeof at !== 'string' || at === '') return '—'
  const local = instant(Date.parse(at) + 3 * 3_600_000)
  return `${local.slice(8, 10)}.${local.slice(5, 7)}.${local.slice(0, 4)} ${local.slice(11, 19)}`
}

/** A sum of kopecks as rubles. */
export const rubles = (value: unknown): string => (typeof value === 'number' ? rublesForPeople(value) : '—')

/** Any value of a field, as text. */
export const valueText = (value: unknown, { say }: Pick<Look, 'say'>): string => {
  if (value === null || value === undefined || value === '') return '—'
  if (typeof value === 'boolean') return say(value ? 'yes' : 'no')
  if (Array.isArray(value)) return value.length === 0 ? '—' : value.join(', ')
  if (typeof value === 'object') return JSON.stringify(value)
  const text = String(value)
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) ? moment(text) : text
}

/** A length of time, roughly. */
export const lengthOf = (seconds: number, say: Say): string => {
  if (seconds < 90) return `${Math.round(seconds)} ${say('seconds')}`
  if (seconds < 5400) return `${Math.round(seconds / 60)} ${say('minutes')}`
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} ${say('hours')}`
  return `${Math.round(seconds / 86_400)} ${say('days')}`
}

const tones: ReadonlyMap<string, string> = new Map(
  Object.entries({
    good: 'accepted done verified active succeeded live ready running published finished corrected settled',
    wait: 'waiting applied pending pending_payment awaiting_details trialing past_due building later correcting',
    bad: 'dead unknown refused quarantined conflict rejected needs_review broken paused failed declined suspended open',
  }).flatMap(([tone, statuses]) => statuses.split(' ').map((status): [string, string] => [status, tone])),
)

/** A status as a badge, coloured by what it asks for. */
export const badge = (status: unknown, { language }: Pick<Look, 'language'>): string =>
  typeof status === 'string'
    ? html`<span class="badge ${tones.get(status) ?? ''}" title="${status}">${statusWord(status, language)}</span>`
    : '—'

/** A code with its sentence, when it is known. */
export const codeText = (code: unknown, { language }: Pick<Look, 'language'>): string => {
  if (typeof code !== 'string' || code === '') return '—'
  const known = explain(code, language)
  return known === null
    ? html`<code>${code}</code>`
    : html`<span title="${known.meaning} ${known.action}">${known.sentence}</span> <code>${code}</code>`
}

/** A table; heads are texts, cells are trusted HTML. */
export const table = (heads: readonly string[], rows: readonly (readonly string[])[], empty: string): string =>
  rows.length === 0
    ? html`<p class="soft">${empty}</p>`
    : html`<div class="scroll"><table><thead><tr>!${heads.map((head) => html`<th>${head}</th>`)}</tr></thead>
<tbody>!${rows.map((row) => html`<tr>!${row.map((cell, index) => html`<td data-head="${heads[index] ?? ''}"><div>!${cell}</div></td>`)}</tr>`)}</tbody></table></div>`

/** A list of names and values; values are trusted HTML. */
export const facts = (pairs: readonly (readonly [string, string])[]): string =>
  html`<dl>!${pairs.map(([name, value]) => html`<dt>${name}</dt><dd>!${value}</dd>`)}</dl>`

/** Text as a cell. */
export const text = (value: unknown): string => html`${value === null || value === undefined ? '—' : String(value)}`

/** A link as a cell. */
export const link = (href: string, label: string): string => html`<a href="${href}">${label}</a>`
