import { leadStream } from '../domain/ids.ts'
import type { DomainEvent } from '../domain/index.ts'
import { isFree, type Lead } from '../domain/lead.ts'
import type { Partner } from '../domain/partner.ts'
import { type Instant, instant, moscowDate, msOf } from '../kernel/time.ts'
import type { Asked, ReactorSettings } from './settings.ts'

type States = { readonly lead: Lead | null; readonly partner: Partner | null }

/** Offers a lead to one partner after another until somebody takes it. */
export const offerLeads = (
  settings: Pick<ReactorSettings, 'offerUrl'>,
  event: DomainEvent,
  { lead, partner }: States,
): readonly Asked[] => {
  switch (event.type) {
    case 'LeadReceived':
    case 'LeadDetailsAdded':
    case 'OfferDeclined':
    case 'OfferExpired':
      return lead && isFree(lead) ? choose(lead) : []
    case 'LeadOffered': {
      const { offerId, leadId, expiresAt } = event.data
      const expiry: Asked = {
        destination: 'hub',
        kind: 'hub.command',
        payload: { stream: leadStream(leadId), command: { type: 'ExpireOffer', data: { offerId } } },
        dueAt: expiresAt,
      }
      return [...letter(settings, event.data, { lead, partner }), expiry]
    }
    default:
      return []
  }
}

/** Without a city nobody is near, without a contact nobody can be called: such a lead waits for a person, or for more details. */
const choose = (lead: Lead): readonly Asked[] => {
  if (lead.status === 'absent') return []
  const { city, service, phone, email } = lead.details
  if (!city || (!phone && !email)) return []
  const payload = { leadId: lead.leadId, city, service, without: lead.offers.map(({ partnerId }) => partnerId) }
  return [{ destination: 'hub', kind: 'hub.choosePartner', payload }]
}

/** Moscow's clock is three hours ahead of UTC, the year round. */
const moscowOffsetMs = 3 * 3_600_000

const dateTime = (at: Instant): string => {
  const time = instant(msOf(at) + moscowOffsetMs).slice(11, 16)
  return `${moscowDate(at).split('-').reverse().join('.')} ${time} (Москва)`
}

/** The letter tells what is looked for; who looks for it is told to the partner who takes it. */
const letter = (
  settings: Pick<ReactorSettings, 'offerUrl'>,
  { offerId, expiresAt }: { readonly offerId: string; readonly expiresAt: Instant },
  { lead, partner }: States,
): readonly Asked[] => {
  if (!lead || lead.status === 'absent' || !partner || !('application' in partner)) return []
  const { email, contactName } = partner.application
  if (email === null) return []
  const { city, service } = lead.details
  const vars = {
    name: contactName ?? 'партнёр',
    city,
    service,
    wish: null,
    answerBy: dateTime(expiresAt),
    acceptUrl: `${settings.offerUrl(offerId)}?answer=accept`,
    declineUrl: `${settings.offerUrl(offerId)}?answer=decline`,
  }
  const payload = { letter: 'lead-offer', to: email, vars, kind: 'transactional' }
  return [{ destination: 'email', kind: 'email.send', payload, personal: ['to', 'vars'] }]
}
