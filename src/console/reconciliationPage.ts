import { html } from '../connectors/html.ts'
import { reconciledProviders } from '../domain/reconciliationMessages.ts'
import { actionForm } from './forms.ts'
import { badge, codeText, type Look, link, moment, type Page, rubles, table, text } from './frame.ts'
import { read } from './reads.ts'
import { differenceWord } from './words.ts'

type RunRow = {
  readonly runId: string
  readonly provider: string
  readonly firstDay: string
  readonly day: string
  readonly trigger: string
  readonly dryRun: boolean
  readonly status: string
  readonly code: string | null
  readonly theirs: number
  readonly behind: number
  readonly different: number
  readonly startedAt: string
}

type DifferenceRow = {
  readonly differenceId: string
  readonly provider: string
  readonly kind: string
  readonly status: string
  readonly externalId: string
  readonly partnerId: string | null
  readonly field: string | null
  readonly expected: string | null
  readonly actual: string | null
  readonly amountKopecks: number | null
  readonly remedy: string | null
  readonly refusalCode: string | null
  readonly foundAt: string
}

/** What a comparison with the providers' books found, what can be done about it, and when each was compared last. */
export const reconciliationPage = async (look: Look): Promise<Page> => {
  const { ports, say } = look
  const [differences, runs] = await Promise.all([
    read<DifferenceRow>(ports, 'differences'),
    read<RunRow>(ports, 'reconciliations'),
  ])
  const body = html`<p>${say('reconciliationHint')}</p>
!${reconciledProviders.map((provider) => startForm(look, provider))}
<h2>${say('differences')}</h2>
!${differenceTable(look, differences)}
<h2>${say('runs')}</h2>
!${runTable(look, runs)}`
  return { title: say('reconciliation'), section: 'reconciliation', body }
}

const startForm = (look: Look, provider: string): string =>
  actionForm(look, {
    command: `reconciliation/${provider}/run`,
    label: `${look.say('compareWith')} ${provider}`,
    inputs: html`<input type="date" name="day" aria-label="${look.say('day')}">`,
    more: html`<button name="dryRun" value="true">${look.say('onlyLook')}</button>`,
  })

const differenceTable = (look: Look, rows: readonly DifferenceRow[]): string => {
  const { say, language } = look
  return table(
    [say('at'), say('provider'), say('kind'), say('status'), say('amount'), say('detail'), say('actions')],
    rows.map((row) => [
      moment(row.foundAt),
      text(row.provider),
      html`${differenceWord(row.kind, language)}<br><code>${row.externalId}</code>!${row.partnerId === null ? '' : html`<br>!${link(`/console/partners/${row.partnerId}`, row.partnerId)}`}`,
      badge(row.status, look),
      rubles(row.amountKopecks),
      detail(look, row),
      row.status === 'open' && row.remedy === 'refund'
        ? actionForm(look, {
            command: `differences/${encodeURIComponent(row.differenceId)}/correct`,
            label: say('refundButton'),
            danger: true,
          })
        : '',
    ]),
    say('nothingFound'),
  )
}

const detail = (look: Look, { field, expected, actual, refusalCode }: DifferenceRow): string =>
  html`!${field === null ? '' : html`${field}: ${expected ?? '—'} ≠ ${actual ?? '—'}`}!${refusalCode === null ? '' : html`<br>!${codeText(refusalCode, look)}`}`

const runTable = (look: Look, rows: readonly RunRow[]): string => {
  const { say } = look
  return table(
    [say('at'), say('provider'), say('day'), say('status'), say('theirBooks'), say('behindUs'), say('forPeople')],
    rows.map((row) => [
      moment(row.startedAt),
      text(row.provider),
      text(row.firstDay === row.day ? row.day : `${row.firstDay} – ${row.day}`),
      html`!${badge(row.status, look)}!${row.dryRun ? html` ${say('onlyLooked')}` : ''}!${row.code === null ? '' : html`<br>!${codeText(row.code, look)}`}`,
      text(row.theirs),
      text(row.behind),
      text(row.different),
    ]),
    say('nothingFound'),
  )
}
