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
const verdicts = ['accepted', 'ignored', 'duplicate', 'quarantined', 'conflict']

/** Deliveries, the newest first, with filters and a search that also finds by person. */
export const webhooksPage = async (look: Look): Promise<Page> => {
  const { ports, say, url } = look
  const given = (name: string): string | null => url.searchParams.get(name)?.trim() || null
  const q = given('q')?.replaceAll('\0', '').slice(0, 200) ?? null
  const [at, id] = cursorOf(given('cursor'))
  const [rows, sources] = await Promise.all([
    read<WebhookRow>(ports, 'webhooks', [
      given('source'),
      given('verdict'),
      at,
      id,
      q,
      q === null ? null : escapeLike(q),
      q === null ? [] : await subjectsOf(look, q),
    ]),
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

const escapeLike = (q: string): string => q.replace(/[\\%_]/g, '\\$&')

/** Who a search means: a partner by phone, email, INN, number or order, or a payment of a provider. */
const subjectsOf = async (look: Look, q: string): Promise<readonly string[]> => {
  const digits = /^[\d\s()+.-]+$/.test(q) ? q.replace(/\D/g, '') : ''
  const found = await read<{ partnerId: string }>(look.ports, 'subjects_found', [q, digits])
  return [...found.map((row) => row.partnerId), `yookassa:${q}`, `cloudpayments:${q}`]
}
