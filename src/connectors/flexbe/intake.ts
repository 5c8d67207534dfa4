import { leadId, leadStream, readLeadId } from '../../domain/ids.ts'
import { type LeadDetails, leadClaim } from '../../domain/lead.ts'
import type { IntakeContext, IntakeTarget } from '../connector.ts'
import { matchingKey } from '../matching.ts'
import { cutText } from '../plainText.ts'
import type { FlexbeLead } from './lead.ts'
import type { FlexbeFacts } from './wire.ts'

/** The claim of a lead of the site, whichever way it comes. */
export const siteClaims = (facts: FlexbeFacts): readonly string[] =>
  facts.kind === 'lead' ? [leadClaim('flexbe', facts.lead.leadId)] : []

const wishLengthMax = 2000

/** The answer to a question whose name begins so. */
const answerTo = (lead: FlexbeLead, ...beginnings: readonly string[]): string | null =>
  lead.answers.find(({ name }) => beginnings.some((beginning) => matchingKey(name).startsWith(beginning)))?.value ??
  null

const detailsOf = (lead: FlexbeLead): LeadDetails => {
  const words = [
    lead.formName,
    ...lead.answers.map(({ name, value }) => `${name}: ${value}`),
    lead.note,
    lead.phoneRaw === null ? null : `Телефон как написан: ${lead.phoneRaw}`,
  ].filter((text) => text !== null)
  return {
    name: lead.name,
    phone: lead.phone,
    email: lead.email,
    city: answerTo(lead, 'город', 'city', 'населенныйпункт'),
    service: answerTo(lead, 'услуг', 'service'),
    wish: words.length === 0 ? null : cutText(words.join('\n'), wishLengthMax),
    pageUrl: lead.pageUrl,
    utm: lead.utm,
  }
}

/** Turns a lead into a command for its stream: the same lead by hook and by pull is one lead. */
export const siteLeadTarget = (lead: FlexbeLead, context: IntakeContext, via: 'hook' | 'pull'): IntakeTarget => {
  if (lead.status === 'deleted') return { tag: 'ignored', reason: 'lead-deleted' }
  if (lead.phone === null && lead.phoneRaw === null && lead.email === null) return { tag: 'poor', reason: 'no-contact' }
  const holder = context.holders.get(leadClaim('flexbe', lead.leadId))
  const known = holder === undefined ? null : readLeadId(holder.slice('lead-'.length))
  const id = known ?? leadId(context.newId())
  const data = {
    leadId: id,
    at: context.at,
    source: 'flexbe',
    externalId: lead.leadId,
    via,
    dialogId: null,
    details: detailsOf(lead),
  }
  return { tag: 'command', stream: leadStream(id), command: { type: 'ReceiveLead', data }, isNew: known === null }
}

/** Turns a hook into a command; one that is not understood still asks for a pull. */
export const siteTarget = (facts: FlexbeFacts, context: IntakeContext): IntakeTarget =>
  facts.kind === 'lead'
    ? siteLeadTarget(facts.lead, context, 'hook')
    : {
        tag: 'command',
        stream: 'poll-flexbe',
        command: { type: 'NoteHint', data: { at: context.at, provider: 'flexbe' } },
        isNew: false,
      }
