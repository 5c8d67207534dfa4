import { html } from '../connectors/html.ts'
import { csrfField, type Look, link } from './frame.ts'
import { statusWord } from './words.ts'

/** A form of an operator command: always with a reason, and back to the page it was on. */
export const actionForm = (
  look: Look,
  at: {
    readonly command: string
    readonly label: string
    readonly fields?: Readonly<Record<string, string>>
    /** Trusted HTML of further inputs. */
    readonly inputs?: string
    readonly danger?: boolean
    /** Trusted HTML of a second button. */
    readonly more?: string
  },
): string => html`<form class="action" method="post" action="/console/do/${at.command}">
!${csrfField(look.session)}<input type="hidden" name="back" value="${look.url.pathname}">
!${Object.entries(at.fields ?? {}).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
!${at.inputs ?? ''}<input name="reason" required maxlength="500" placeholder="${look.say('reasonHint')}" aria-label="${look.say('reason')}">
<button class="${at.danger ? 'danger' : ''}">${at.label}</button>!${at.more ?? ''}</form>`

/** A choice of a filter. */
export const choice = (
  look: Look,
  at: { readonly name: string; readonly label: string; readonly values: readonly string[] },
): string => {
  const chosen = look.url.searchParams.get(at.name) ?? ''
  return html`<label>${at.label}<select name="${at.name}"><option value="">${look.say('any')}</option>!${at.values.map(
    (value) =>
      html`<option value="${value}" !${value === chosen ? 'selected' : ''}>${statusWord(value, look.language)}</option>`,
  )}</select></label>`
}

/** The search field with its filters; filters are trusted HTML. */
export const filterForm = (look: Look, filters: readonly string[], hint: string): string =>
  html`<form class="filters" method="get">!${filters}<label class="grow">${look.say('search')}<input type="search" name="q" value="${look.url.searchParams.get('q') ?? ''}" maxlength="200" placeholder="${hint}"></label><button>${look.say('find')}</button></form>`

/** Links to the next page and back to the first one. */
export const pager = (look: Look, nextCursor: string | null): string => {
  const to = (cursor: string | null): string => {
    const url = new URL(look.url)
    for (const name of ['lang', 'said', 'cursor']) url.searchParams.delete(name)
    if (cursor !== null) url.searchParams.set('cursor', cursor)
    return `${url.pathname}${url.search}`
  }
  const start = look.url.searchParams.has('cursor') ? link(to(null), look.say('toStart')) : ''
  const next = nextCursor === null ? '' : link(to(nextCursor), `${look.say('next')} →`)
  return html`<p class="pager">!${start}!${next}</p>`
}
