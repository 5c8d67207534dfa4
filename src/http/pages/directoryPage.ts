import { html } from '../../connectors/html.ts'
import { layout } from './layout.ts'

/** A partner as the directory and the feeds show it. */
export type Listed = {
  readonly slug: string
  readonly name: string
  readonly city: string | null
  readonly services: readonly string[]
}

/** All listed partners, or those of one city. */
export const directoryPage = (partners: readonly Listed[], city: string | null): string =>
  layout({
    title: 'Партнёры',
    body: html`<h1>Партнёры${city === null ? '' : `: ${city}`}</h1>
!${partners.length === 0 ? html`<p>Пока никого нет.</p>` : ''}
<ul class="partners">!${partners.map((one) => html`<li><a href="/partners/${one.slug}">${one.name}</a><br><span>${[one.city, one.services.join(', ')].filter((part) => part).join(' · ')}</span></li>`)}</ul>`,
  })
