import { html } from '../connectors/html.ts'
import type { Link } from '../http/why.ts'
import { commandWord, eventWord } from './eventWords.ts'
import { badge, codeText, type Look, link, moment } from './frame.ts'

const kindWords: Readonly<Record<Link['kind'], readonly [ru: string, en: string]>> = {
  webhook: ['вебхук', 'webhook'],
  command: ['команда', 'command'],
  event: ['событие', 'event'],
  effect: ['эффект', 'effect'],
  attempt: ['попытка', 'attempt'],
  outcome: ['исход', 'outcome'],
}

/** A chain of causes, the oldest first. */
export const chainList = (look: Look, chain: readonly Link[]): string =>
  html`<ol class="chain">!${chain.map(
    (item) =>
      html`<li class="${item.kind}"><span class="kind">${kindWords[item.kind][look.language === 'ru' ? 0 : 1]}</span> <span>!${said(look, item)}</span> <time>${moment(item.at)}</time></li>`,
  )}</ol>`

const said = (look: Look, item: Link): string => {
  switch (item.kind) {
    case 'webhook':
      return `${link(`/console/webhooks/${item.id}`, String(item.dedupeKey))} ${badge(item.verdict, look)}`
    case 'event':
      return html`${eventWord(String(item.type), look.language)} <code>${item.type}</code> №${item.position}`
    case 'command':
      return html`${commandWord(String(item.command), look.language)} <code>${item.command}</code>!${typeof item.reason === 'string' ? html` «${item.reason}»` : ''}`
    case 'effect':
      return html`!${link(`/console/effects/${item.id}`, String(item.operation))} !${badge(item.status, look)} <code>${item.reactor}</code>`
    case 'attempt':
      return html`№${item.attempt ?? ''}`
    case 'outcome':
      return `${badge(item.outcome, look)} ${typeof item.code === 'string' ? codeText(item.code, look) : ''}`
    default:
      return html`${item.summary}`
  }
}
