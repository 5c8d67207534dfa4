import { html } from '../../connectors/html.ts'
import { layout } from './layout.ts'

/** A partner as the directory and the feeds show it. */
export type Listed = {
  readonly slug: string
  readonly name: string
  readonly city: string | null
  readonly services: readonly string[]
}

/** All listed partners, or those of one city; `cities` are offered while the visitor types. */
export const directoryPage = (
  partners: readonly Listed[],
  city: string | null,
  cities: readonly string[] = [],
): string =>
  layout({
    title: city === null ? 'Партнёры' : `Партнёры: ${city}`,
    body: html`<h1>Партнёры${city === null ? '' : `: ${city}`}</h1>
<form method="get" action="/partners" class="filter">
<label for="city">Город</label> <input id="city" name="city" value="${city ?? ''}" list="cities" autocomplete="address-level2" maxlength="100"> <button>Показать</button>!${city === null ? '' : html` <a href="/partners">Все города</a>`}
!${cities.length === 0 ? '' : html`<datalist id="cities">!${cities.map((name) => html`<option value="${name}"></option>`)}</datalist>`}
</form>
!${partners.length === 0 ? html`<p>${city === null ? 'Пока никого нет.' : 'В этом городе пока никого нет.'}</p>` : html`<ul class="partners">!${partners.map(partner)}</ul>`}`,
  })

const partner = ({ slug, name, city, services }: Listed): string =>
  html`<li><a href="/partners/${slug}">${name}</a><br><span>${[city, services.join(', ')].filter((part) => part).join(' · ')}</span></li>`
