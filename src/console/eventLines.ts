import { html } from '../connectors/html.ts'
import { unreachable } from '../kernel/brand.ts'
import type { RecordedEvent } from '../log/log.ts'
import { eventWord } from './eventWords.ts'
import { codeText, type Look, link, moment, rubles, valueText } from './frame.ts'
import { differenceWord } from './words.ts'

/**
 * Events as a list in plain words, each with its cause and its data; personal fields are opened for the operator. `card` is the
 * page of a card that can be seen as it was at each of them.
 */
export const eventLines = async (
  look: Look,
  events: readonly RecordedEvent[],
  card: string | null = null,
): Promise<string> => {
  await look.ports.codec.prefetch(events)
  return html`<ol class="timeline">!${events.map((event) => eventLine(look, event, card))}</ol>`
}

const eventLine = (look: Look, event: RecordedEvent, card: string | null): string => {
  const data = look.ports.codec.open(event)
  const rows = Object.entries(data).filter(([name, value]) => name !== 'sealed' && value !== null && value !== '')
  return html`<li><time>${moment(event.recordedAt)}</time>
<details><summary><b>${eventWord(event.type, look.language)}</b>!${remark(look, event.type, data)} <span class="soft">!${causeText(look, event)}</span></summary>
<dl><dt>№</dt><dd>${event.position} <code>${event.type}</code> <code>${event.stream}</code></dd><dt></dt><dd>!${link(`/console/trace/${event.eventId}`, look.say('chain'))} !${card === null ? '' : link(`${card}?asOf=${event.position}`, look.say('asThen'))}</dd>!${rows.map(
    ([name, value]) => html`<dt>${name}</dt><dd>${valueText(value, look)}</dd>`,
  )}</dl></details></li>`
}

/** What the operator wants to know of an event without opening it. */
const remark = (look: Look, type: string, data: Readonly<Record<string, unknown>>): string => {
  const known = (name: string): string => (data[name] === null || data[name] === undefined ? '' : String(data[name]))
  switch (type) {
    case 'PartnerApplied':
    case 'PartnerDetailsProvided': {
      const missing = Array.isArray(data.missing) ? data.missing.join(', ') : ''
      const name = known('companyName') || known('contactName')
      return html`!${name === '' ? '' : html`: ${name}`}!${missing === '' ? '' : html` <span class="badge wait">${missing}</span>`}!${data.suppressed === true ? html` <span class="badge bad">${look.say('suppressed')}</span>` : ''}`
    }
    case 'PartnerVerified':
      return html`: ${known('legalName')}`
    case 'PartnerRejected':
    case 'PartnerReviewRequested':
    case 'PartnerDelisted':
    case 'PartnerVerificationPostponed':
    case 'PaymentDeclined':
      return html`: !${codeText(known('reason'), look)}!${known('detail') === '' ? '' : html` ${known('detail')}`}`
    case 'PaymentRequested':
    case 'PaymentSucceeded':
    case 'RefundRequested':
      return html`: ${rubles(data.amountKopecks)}`
    case 'PaymentRefunded':
      return html`: ${rubles(data.refundedKopecks)}`
    case 'AutopayStopped':
    case 'RenewalStopped':
      return html`: !${codeText(known('reason'), look)}`
    case 'RenewalScheduled':
      return html` ${moment(data.chargeAt)}!${known('declineReason') === '' ? '' : html`: !${codeText(known('declineReason'), look)}`}`
    case 'RenewalAnnounced':
      return html`: ${rubles(data.amountKopecks)} ${moment(data.chargeAt)}`
    case 'RefundRefused':
      return html`: !${codeText(known('code'), look)}`
    case 'PlanChangeScheduled':
    case 'PlanChanged':
      return html`: ${known('title')}`
    case 'PaymentMismatched':
      return html`: ${known('field')}: ${known('expected')} ≠ ${known('actual')}`
    case 'TrialStarted':
    case 'SubscriptionActivated':
    case 'SubscriptionExtended':
      return html` ${look.say('until')} ${moment(data.paidThrough)}`
    case 'DifferenceFound':
      return html`: ${differenceWord(known('kind'), look.language)} ${rubles(data.amountKopecks)}`
    case 'OperatorActed':
      return html`: ${known('action')} ${known('target')}`
    default:
      return ''
  }
}

/** Who or what made it happen, as a link where there is a page of it. */
const causeText = (look: Look, { meta }: RecordedEvent): string => {
  const { say } = look
  const reason = meta.reason === undefined ? '' : html` «${meta.reason}»`
  switch (meta.cause.kind) {
    case 'webhook':
      return link(`/console/webhooks/${meta.cause.id}`, say('fromWebhook'))
    case 'effect':
      return link(`/console/effects/${meta.cause.id}`, say('fromEffect'))
    case 'operator':
      return html`${say('operator')} ${meta.actor ?? ''}!${reason}`
    case 'visitor':
      return say('visitor')
    case 'import':
      return say('imported')
    default:
      return unreachable(meta.cause)
  }
}
