import { html } from '../connectors/html.ts'
import { traceOf } from '../http/why.ts'
import { chainList } from './chain.ts'
import { actionForm } from './forms.ts'
import { badge, codeText, facts, type Look, lengthOf, link, moment, type Page, table, text } from './frame.ts'
import { isUuid, read } from './reads.ts'

type Attempt = {
  readonly attempt?: number
  readonly at?: string
  readonly endedAt?: string
  readonly outcome?: string
  readonly code?: string | null
  readonly detail?: string
  readonly by?: string
  readonly reason?: string
}

type Effect = {
  readonly effectId: string
  readonly destination: string
  readonly kind: string
  readonly reactor: string
  readonly eventId: string
  readonly eventPosition: number
  readonly subject: string
  readonly payload: unknown
  readonly status: string
  readonly dueAt: string
  readonly attempt: number
  readonly lastError: string | null
  readonly history: readonly Attempt[]
  readonly createdAt: string
  readonly settledAt: string | null
}

const retryable = ['waiting', 'refused', 'unknown', 'dead', 'cancelled']
const closable = ['waiting', 'unknown', 'dead', 'refused']

/** One outgoing operation: every attempt with its outcome, what asked for it, and what an operator may do. */
export const effectPage = async (look: Look, id: string): Promise<Page | null> => {
  const { ports, say } = look
  const [row] = isUuid(id) ? await read<Effect>(ports, 'effect', [id]) : []
  if (!row) return null
  const trace = await traceOf(ports, { id, actor: look.actor })
  const body = html`!${about(look, row)}
<h2>${say('attempts')}</h2>
!${attempts(look, row.history)}
<h2>${say('payload')}</h2>
<pre>${JSON.stringify(row.payload, null, 2)}</pre>
!${actions(look, row)}
<h2>${say('chain')}</h2>
!${chainList(look, trace.chain)}`
  return { title: `${say('effect')} ${row.kind}`, section: 'effects', body }
}

const about = (look: Look, row: Effect): string => {
  const { say } = look
  return facts([
    [say('status'), badge(row.status, look)],
    [say('destination'), text(row.destination)],
    [
      say('about'),
      row.subject.startsWith('par_') ? link(`/console/partners/${row.subject}`, row.subject) : text(row.subject),
    ],
    [say('rule'), html`<code>${row.reactor}</code>`],
    [say('causedBy'), link(`/console/trace/${row.eventId}`, `№${row.eventPosition}`)],
    [say('providerKey'), html`<code>${row.effectId}</code>`],
    [say('createdAt'), text(moment(row.createdAt))],
    [say('nextAttempt'), text(row.status === 'waiting' ? moment(row.dueAt) : '—')],
    [say('settledAt'), text(moment(row.settledAt))],
    [say('lastError'), row.lastError === null ? '—' : codeText(row.lastError, look)],
  ])
}

const attempts = (look: Look, history: readonly Attempt[]): string => {
  const { say } = look
  return table(
    ['№', say('at'), say('took'), say('outcome'), say('detail')],
    history.map((entry) => [
      text(entry.attempt ?? ''),
      text(moment(entry.at)),
      text(entry.at && entry.endedAt ? lengthOf((Date.parse(entry.endedAt) - Date.parse(entry.at)) / 1000, say) : ''),
      `${badge(entry.outcome, look)} ${entry.code ? codeText(entry.code, look) : ''}`,
      html`${entry.detail ?? ''}!${entry.by === undefined ? '' : html`${entry.by} «${entry.reason ?? ''}»`}`,
    ]),
    say('noAttempts'),
  )
}

const actions = (look: Look, row: Effect): string => {
  const { say } = look
  const path = `effects/${row.effectId}`
  const forms = [
    ...(retryable.includes(row.status) ? [actionForm(look, { command: `${path}/retry`, label: say('retry') })] : []),
    ...(closable.includes(row.status)
      ? [
          actionForm(look, {
            command: `${path}/resolve`,
            label: say('resolveDone'),
            fields: { outcome: 'done' },
          }),
          actionForm(look, {
            command: `${path}/resolve`,
            label: say('resolveRefused'),
            fields: { outcome: 'refused' },
            danger: true,
          }),
          actionForm(look, { command: `${path}/discard`, label: say('discard'), danger: true }),
        ]
      : []),
  ]
  return forms.length === 0 ? '' : html`<h2>${say('actions')}</h2>!${forms}`
}
