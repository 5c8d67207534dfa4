import { html } from '../connectors/html.ts'
import { actionForm, choice, filterForm, pager } from './forms.ts'
import { badge, codeText, type Look, link, moment, type Page, table, text } from './frame.ts'
import { listPage, listParams } from './partnersPage.ts'

type Shown = {
  readonly effectId: string
  readonly destination: string
  readonly kind: string
  readonly status: string
  readonly attempts: number
  readonly nextAttemptAt: string | null
  readonly lastError: string | null
  readonly createdAt: string
}

const statuses = ['waiting', 'running', 'done', 'refused', 'unknown', 'dead', 'cancelled']

/** Outgoing operations, the newest first, and the way to set broken ones free again. */
export const effectsPage = async (look: Look): Promise<Page> => {
  const { ports, say } = look
  const [page, destinations] = await Promise.all([
    listPage(look, 'effects', listParams(look, ['status', 'destination', 'kind'])),
    ports.operations.destinations(),
  ])
  // Items have the fields of the list's own table.
  const items = page.items as unknown as readonly Shown[]
  const names = destinations.map((item) => item.name)
  const chosen = look.url.searchParams.get('destination') ?? ''
  const body = html`!${filterForm(
    look,
    [
      choice(look, { name: 'destination', label: say('destination'), values: names }),
      choice(look, { name: 'status', label: say('status'), values: statuses }),
    ],
    say('searchEffects'),
  )}
!${table(
    [
      say('createdAt'),
      say('kind'),
      say('destination'),
      say('status'),
      say('attempts'),
      say('nextAttempt'),
      say('lastError'),
    ],
    items.map((item) => [
      link(`/console/effects/${item.effectId}`, moment(item.createdAt)),
      text(item.kind),
      text(item.destination),
      badge(item.status, look),
      text(item.attempts),
      text(moment(item.nextAttemptAt)),
      item.lastError === null ? '' : codeText(item.lastError, look),
    ]),
    say('nothingFound'),
  )}
!${pager(look, page.nextCursor)}
<details><summary>${say('redrive')}</summary><p class="soft">${say('redriveHint')}</p>
!${actionForm(look, {
    command: 'effects/redrive',
    label: say('redrive'),
    danger: true,
    more: html`<button class="quiet" name="dryRun" value="true">${say('count')}</button>`,
    inputs: html`<select name="destination" aria-label="${say('destination')}"><option value="">${say('any')}</option>!${names.map(
      (name) => html`<option value="${name}" !${name === chosen ? 'selected' : ''}>${name}</option>`,
    )}</select>`,
  })}</details>`
  return { title: say('effects'), section: 'effects', body }
}
