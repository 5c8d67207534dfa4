import { phoneFrom } from '../connectors/contact.ts'
import { html } from '../connectors/html.ts'
import { problem } from '../http/problem.ts'
import { parseInstant } from '../kernel/time.ts'
import { choice, filterForm, pager } from './forms.ts'
import { badge, codeText, type Look, link, moment, type Page, table, text } from './frame.ts'
import { isUuid, read } from './reads.ts'

/** A delivery as a list shows it. */
export type WebhookRow = {
  readonly webhookId: string
  readonly source: string
  readonly route: string
  readonly dedupeKey: string
  readonly verdict: string
  readonly reason: string | null
  readonly receivedAt: string
  readonly eventCount: number
  readonly repeats: number
}

const pageRows = 50
/** Keys of deliveries and subjects of notices begin with one of these. */
const sourceNames = ['tilda', 'yookassa', 'cloudpayments', 'umnico', 'protalk', 'flexbe']
const verdicts = ['accepted', 'ignored', 'duplicate', 'quarantined', 'conflict']

/** Deliveries, the newest first, with filters and a search that also finds by person. */
export const webhooksPage = async (look: Look): Promise<Page> => {
  const { ports, say, url } = look
  const given = (name: string): string | null => url.searchParams.get(name)?.trim() || null
  const q = given('q')?.replaceAll('\0', '').slice(0, 200) ?? null
  const [at, id] = cursorOf(given('cursor'))
  const filters = [given('source'), given('verdict'), at, id]
  const [rows, sources] = await Promise.all([
    q === null ? read<WebhookRow>(ports, 'webhooks', filters) : found(look, filters, q),
    read<{ source: string }>(ports, 'sources'),
  ])
  const page = rows.slice(0, pageRows)
  const last = page.at(-1)
  const next = rows.length > pageRows && last ? `${last.receivedAt}~${last.webhookId}` : null
  const body = html`!${filterForm(
    look,
    [
      choice(look, { name: 'source', label: say('source'), values: sources.map((row) => row.source) }),
      choice(look, { name: 'verdict', label: say('verdict'), values: verdicts }),
    ],
    say('searchWebhooks'),
  )}
!${table(
    [say('receivedAt'), say('route'), say('verdict'), say('reason'), say('dedupeKey'), say('repeats')],
    page.map((row) => [
      link(`/console/webhooks/${row.webhookId}`, moment(row.receivedAt)),
      text(row.route),
      badge(row.verdict, look),
      row.reason === null ? '' : codeText(row.reason, look),
      html`<code>${row.dedupeKey}</code>`,
      row.repeats === 0 ? '' : text(row.repeats),
    ]),
    say('nothingFound'),
  )}
!${pager(look, next)}`
  return { title: say('webhooks'), section: 'webhooks', body }
}

const cursorOf = (text: string | null): readonly [string | null, string | null] => {
  if (text === null) return [null, null]
  const [at = '', id = ''] = text.split('~')
  const moment = parseInstant(at)
  if (moment === null || !isUuid(id)) throw problem(400, 'cursor-unreadable', 'The cursor is not one of ours')
  return [moment, id]
}

const found = async (look: Look, filters: readonly (string | null)[], q: string): Promise<readonly WebhookRow[]> => {
  // A form sends its letters encoded.
  const encoded = new URLSearchParams({ q }).toString().slice(2)
  const keys = [q, ...sourceNames.map((source) => `${source}:${q}`)]
  const ids = isUuid(q.toLowerCase()) ? [q.toLowerCase()] : []
  return read<WebhookRow>(look.ports, 'find_webhooks', [...filters, q, encoded, await subjectsOf(look, q), keys, ids])
}

/** Who a search means: a partner by number, INN, email, phone or order, or a payment of a provider. */
const subjectsOf = async (look: Look, q: string): Promise<readonly string[]> => {
  const phone = /^[\d\s()+.-]+$/.test(q) ? phoneFrom(q) : null
  const persons = await read<{ partnerId: string }>(look.ports, 'subjects_found', [q, phone])
  return [...persons.map((row) => row.partnerId), ...sourceNames.map((source) => `${source}:${q}`)]
}
