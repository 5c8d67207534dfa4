import { html } from '../connectors/html.ts'
import type { DestinationItem } from '../http/ports.ts'
import { actionForm } from './forms.ts'
import { badge, codeText, type Look, link, moment, type Page, table, text } from './frame.ts'

/** Who is called, what waits for them, and whether they are called at all. */
export const destinationsPage = async (look: Look): Promise<Page> => {
  const { say } = look
  const items = await look.ports.operations.destinations()
  const counted = (item: DestinationItem, status: 'waiting' | 'running' | 'unknown' | 'dead'): string =>
    item[status] === 0 ? '0' : link(`/console/effects?destination=${item.name}&status=${status}`, String(item[status]))
  const body = table(
    [say('destination'), say('status'), say('waiting'), say('running'), say('unknown'), say('dead'), say('actions')],
    items.map((item) => [
      text(item.name),
      html`!${badge(item.status === 'running' ? 'live' : item.status, look)}!${item.pausedUntil === null ? '' : html` ${say('until')} ${moment(item.pausedUntil)}`}!${item.reason === null ? '' : html`<br><span class="soft">!${codeText(item.reason, look)}</span>`}`,
      counted(item, 'waiting'),
      counted(item, 'running'),
      counted(item, 'unknown'),
      counted(item, 'dead'),
      action(look, item),
    ]),
    say('nothingFound'),
  )
  return { title: say('destinations'), section: 'destinations', body }
}

const action = (look: Look, item: DestinationItem): string => {
  if (item.status === 'off') return ''
  return item.status === 'paused'
    ? actionForm(look, { command: `destinations/${item.name}/resume`, label: look.say('resume') })
    : actionForm(look, { command: `destinations/${item.name}/pause`, label: look.say('pause'), danger: true })
}
