import { html } from '../connectors/html.ts'
import { cursorCodec } from '../http/listQuery.ts'
import { readPage } from '../http/lists.ts'
import { resources } from '../http/resources.ts'
import { choice, filterForm, pager } from './forms.ts'
import { badge, type Look, link, moment, type Page, table, text } from './frame.ts'

/** The parameters of a list that a page passes on; empty ones are no filters. */
export const listParams = (look: Look, names: readonly string[]): URLSearchParams => {
  const params = new URLSearchParams()
  for (const name of [...names, 'q', 'cursor']) {
    const value = look.url.searchParams.get(name)?.replaceAll('\0', '').trim()
    if (value) params.set(name, value)
  }
  return params
}

/** One page of a list of the API, as an operator sees it. */
export const listPage = (look: Look, name: string, params: URLSearchParams) => {
  const resource = resources.find((candidate) => candidate.name === name)
  if (!resource) throw new Error(`There is no list ${name}`)
  const cursors = cursorCodec(look.ports.settings.operatorTokens[0] ?? '')
  // Pages give no exports, so they have no places for them.
  return readPage({ ports: look.ports, cursors, exportSlots: { take: () => null } }, resource, {
    params,
    actor: look.actor,
  })
}

type Shown = {
  readonly partnerId: string
  readonly status: string
  readonly legalName: string | null
  readonly contactName: string | null
  readonly inn: string | null
  readonly phone: string | null
  readonly email: string | null
  readonly city: string | null
  readonly registeredAt: string
  readonly subscription: { readonly status: string } | null
}

const statuses = ['awaiting_details', 'applied', 'needs_review', 'verified', 'rejected', 'delisted', 'erased']
const subscriptionStatuses = ['pending_payment', 'active', 'past_due', 'suspended', 'cancelled', 'expired']

/** Partners, the newest first, with filters and a search. */
export const partnersPage = async (look: Look): Promise<Page> => {
  const { say } = look
  const page = await listPage(look, 'partners', listParams(look, ['status', 'subscription.status']))
  // Items have the fields of the list's own table.
  const items = page.items as unknown as readonly Shown[]
  const body = html`!${filterForm(
    look,
    [
      choice(look, { name: 'status', label: say('status'), values: statuses }),
      choice(look, { name: 'subscription.status', label: say('subscription'), values: subscriptionStatuses }),
    ],
    say('searchPartners'),
  )}
!${table(
    [say('name'), say('status'), say('subscription'), 'ИНН', say('contact'), say('city'), say('registeredAt')],
    items.map((item) => [
      link(`/console/partners/${item.partnerId}`, item.legalName ?? item.contactName ?? item.partnerId),
      badge(item.status, look),
      item.subscription === null ? '—' : badge(item.subscription.status, look),
      text(item.inn),
      html`${item.contactName ?? ''}<br>${item.phone ?? ''}<br>${item.email ?? ''}`,
      text(item.city),
      text(moment(item.registeredAt)),
    ]),
    say('nothingFound'),
  )}
!${pager(look, page.nextCursor)}`
  return { title: say('partners'), section: 'partners', body }
}
