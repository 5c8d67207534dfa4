import { leadId, leadStream, partnerId, partnerStream, readPartnerId } from '../../domain/ids.ts'
import { type Application, contactClaims, innClaim, suppressionClaims } from '../../domain/partner.ts'
import type { IntakeContext, IntakeTarget } from '../connector.ts'
import type { TildaFormFacts } from './wire.ts'

/** The application that a form makes. `suppressed`: advertising may not reach its contact, so its consent does not count. */
export const applicationOf = (facts: TildaFormFacts, suppressed: boolean): Application => ({
  contactName: facts.name,
  phone: facts.phone,
  email: facts.email,
  inn: facts.inn,
  companyName: facts.companyName,
  city: facts.city,
  services: facts.services,
  areas: facts.areas,
  plan: facts.plan,
  comment: facts.comment,
  personalData: facts.consent.personalData,
  marketing: facts.consent.marketing && !suppressed,
  policyText: facts.consent.policyText,
  utm: facts.utm,
  formId: facts.formId,
  ...(suppressed ? { suppressed } : {}),
})

/** The claims by which a form finds its partner: the INN first, then the contact of an application that waits for details. */
const ownClaims = (facts: TildaFormFacts): readonly string[] => [
  ...(facts.inn ? [innClaim(facts.inn)] : []),
  ...contactClaims(facts),
]

/** What a form has to know: who holds its claims, and whether its contact is suppressed. */
export const formClaims = (facts: TildaFormFacts): readonly string[] =>
  facts.kind === 'partner_registration' || facts.kind === 'partner_profile'
    ? [...ownClaims(facts), ...suppressionClaims(facts)]
    : []

const holderOf = (facts: TildaFormFacts, context: IntakeContext): string | null => {
  const claim = ownClaims(facts).find((candidate) => context.holders.has(candidate))
  return claim === undefined ? null : (context.holders.get(claim) ?? null)
}

/** Turns a form of the partners' site into a command: one INN is one partner, however often and through whichever form it comes. */
export const formTarget = (facts: TildaFormFacts, context: IntakeContext): IntakeTarget => {
  const suppressed = suppressionClaims(facts).some((claim) => context.holders.has(claim))
  const application = applicationOf(facts, suppressed)
  switch (facts.kind) {
    case 'partner_registration': {
      const holder = holderOf(facts, context)
      const id = holder ? readPartnerId(holder.slice('partner-'.length)) : null
      if (holder && id)
        return {
          tag: 'command',
          stream: holder,
          command: { type: 'ApplyAsPartner', data: { partnerId: id, at: context.at, application } },
          isNew: false,
        }
      const fresh = partnerId(context.newId())
      return {
        tag: 'command',
        stream: partnerStream(fresh),
        command: { type: 'ApplyAsPartner', data: { partnerId: fresh, at: context.at, application } },
        isNew: true,
      }
    }
    case 'partner_profile': {
      const holder = holderOf(facts, context)
      if (!holder) return { tag: 'poor', reason: 'partner-not-found' }
      return {
        tag: 'command',
        stream: holder,
        command: { type: 'ChangeProfile', data: { at: context.at, application } },
        isNew: false,
      }
    }
    case 'order':
      // What a form says about a payment is a claim of the browser's; the order is kept for the operator and grants nothing.
      return { tag: 'ignored', reason: 'order-is-only-claimed' }
    case 'cancel_subscription':
      return { tag: 'poor', reason: 'cancellation-needs-proof' }
    case 'lead':
      return leadTarget(facts, context)
  }
}

/** A form that asks for a partner instead of being one; each form is a lead of its own. */
const leadTarget = (facts: TildaFormFacts, context: IntakeContext): IntakeTarget => {
  const id = leadId(context.newId())
  const details = {
    name: facts.name,
    phone: facts.phone,
    email: facts.email,
    city: facts.city,
    service: facts.services[0] ?? null,
    wish: facts.comment,
    pageUrl: null,
    utm: facts.utm,
  }
  const data = { leadId: id, at: context.at, source: 'tilda', externalId: null, via: 'hook', dialogId: null, details }
  return { tag: 'command', stream: leadStream(id), command: { type: 'ReceiveLead', data }, isNew: true }
}
