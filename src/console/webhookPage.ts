import { html } from '../connectors/html.ts'
import { traceOf } from '../http/why.ts'
import type { RecordedEvent } from '../log/log.ts'
import { bodyViews, curlOf } from './bodyViews.ts'
import { chainList } from './chain.ts'
import { eventLines } from './eventLines.ts'
import { actionForm } from './forms.ts'
import { badge, codeText, facts, type Look, link, moment, type Page, table, text } from './frame.ts'
import { isUuid, read } from './reads.ts'

/** A delivery with its bytes. */
export type Webhook = {
  readonly webhookId: string
  readonly source: string
  readonly route: string
  readonly dedupeKey: string
  readonly verdict: string
  readonly reason: string | null
  readonly receivedAt: string
  readonly peer: string
  readonly secretName: string
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | null
  readonly sha256: string
  readonly subject: string | null
  readonly firstPosition: number | null
  readonly eventCount: number
  readonly repeatOf: string | null
  readonly repeats: number
  readonly firstAt: string | null
  readonly lastAt: string | null
}

/** One delivery: what came, who sent it, what it became, and what can be done about it. */
export const webhookPage = async (look: Look, id: string): Promise<Page | null> => {
  const { ports, say } = look
  const [row] = isUuid(id) ? await read<Webhook>(ports, 'webhook', [id]) : []
  if (!row) return null
  const first = row.firstPosition ?? 0
  const [events, same, trace] = await Promise.all([
    row.eventCount === 0
      ? Promise.resolve([])
      : read<RecordedEvent>(ports, 'events_between', [first, first + row.eventCount]),
    read<{ webhookId: string; verdict: string; reason: string | null; receivedAt: string }>(ports, 'same_key', [
      row.dedupeKey,
      id,
    ]),
    traceOf(ports, { id, actor: look.actor }),
  ])
  const body = html`!${about(look, row)}
<h2>${say('became')}</h2>
!${events.length === 0 ? html`<p class="soft">${say('becameNothing')}</p>` : await eventLines(look, events)}
!${repeats(look, row, same)}
<h2>${say('bytes')}</h2>
!${row.body === null ? html`<p class="soft">${say('bytesGone')}</p>` : bodyViews(look, row)}
<details><summary>${say('headers')}</summary>!${facts(Object.entries(row.headers).map(([name, value]) => [name, html`<code>${value}</code>`]))}</details>
!${row.body === null ? '' : html`<details><summary>${say('asCurl')}</summary><pre id="curl">${curlOf(row, ports.settings.publicUrl)}</pre><button type="button" data-copy="curl">${say('copy')}</button></details>`}
<h2>${say('actions')}</h2>
<p class="soft">${say('replayHint')}</p>
!${row.verdict === 'quarantined' ? actionForm(look, { command: `quarantine/${id}/release`, label: say('release') }) : ''}
!${actionForm(look, { command: `webhooks/${id}/replay`, label: say('replay') })}
<h2>${say('chain')}</h2>
!${chainList(look, trace.chain)}`
  return { title: `${say('webhook')} ${row.route}`, section: 'webhooks', body }
}

const about = (look: Look, row: Webhook): string => {
  const { say } = look
  return facts([
    [say('verdict'), `${badge(row.verdict, look)} ${row.reason === null ? '' : codeText(row.reason, look)}`],
    [say('receivedAt'), text(moment(row.receivedAt))],
    [say('source'), text(`${row.source}, ${row.method} ${row.path}${row.query === '' ? '' : `?${row.query}`}`)],
    [say('dedupeKey'), html`<code>${row.dedupeKey}</code>`],
    ['SHA-256', html`<code>${row.sha256}</code>`],
    [say('peer'), text(row.peer)],
    [say('secretMatched'), html`<code>${row.secretName}</code>`],
    [
      say('about'),
      row.subject === null
        ? '—'
        : row.subject.startsWith('par_')
          ? link(`/console/partners/${row.subject}`, row.subject)
          : text(row.subject),
    ],
  ])
}

const repeats = (
  look: Look,
  row: Webhook,
  same: readonly { webhookId: string; verdict: string; reason: string | null; receivedAt: string }[],
): string => {
  const { say } = look
  if (row.repeats === 0 && same.length === 0) return ''
  const counted =
    row.repeats === 0
      ? ''
      : html`<p>${row.repeats} ${say('repeatsEqual')}: ${say('firstRepeat')} ${moment(row.firstAt)}, ${say('lastRepeat')} ${moment(row.lastAt)}</p>`
  const others =
    same.length === 0
      ? ''
      : table(
          [say('sameKey'), say('verdict'), say('reason')],
          same.map((other) => [
            link(`/console/webhooks/${other.webhookId}`, moment(other.receivedAt)),
            badge(other.verdict, look),
            other.reason === null ? '' : codeText(other.reason, look),
          ]),
          '',
        )
  return html`<h2>${say('repeats')}</h2>!${counted}!${others}`
}
