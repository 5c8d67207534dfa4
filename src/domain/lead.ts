import { unreachable } from '../kernel/brand.ts'
import { accepted, type Decider, type Decision, refused } from '../kernel/decision.ts'
import { type Instant, plusMs } from '../kernel/time.ts'
import type { LeadId, OfferId, PartnerId } from './ids.ts'

/** Where a lead was left. */
export type LeadSource = 'flexbe' | 'tilda' | 'umnico' | 'protalk'

/** What somebody who looks for a partner told us. Personal fields are null when absent, and after an erasure. */
export type LeadDetails = {
  readonly name: string | null
  readonly phone: string | null
  readonly email: string | null
  readonly city: string | null
  readonly service: string | null
  readonly wish: string | null
  readonly pageUrl: string | null
  /** Keys lack `utm_`. */
  readonly utm: Readonly<Record<string, string>>
}

/** A lead on its way in. */
export type LeadReceipt = {
  readonly leadId: LeadId
  readonly at: Instant
  readonly source: LeadSource
  /** The sender's own name of the lead; null when it has none. */
  readonly externalId: string | null
  /** A hook is a hint and asks for a pull; a pull asks for nothing. */
  readonly via: 'hook' | 'pull' | 'bot' | 'dialog'
  readonly dialogId: string | null
  readonly details: LeadDetails
}

/** One offer of a lead to one partner. */
export type OfferMoment = {
  readonly leadId: LeadId
  readonly at: Instant
  readonly offerId: OfferId
  readonly partnerId: PartnerId
}

/** Facts about a lead. */
export type LeadEvent =
  | { readonly type: 'LeadReceived'; readonly data: LeadDetails & Omit<LeadReceipt, 'details'> }
  | {
      readonly type: 'LeadDetailsAdded'
      readonly data: LeadDetails & { readonly leadId: LeadId; readonly at: Instant }
    }
  | { readonly type: 'LeadOffered'; readonly data: OfferMoment & { readonly expiresAt: Instant } }
  | { readonly type: 'OfferAccepted'; readonly data: OfferMoment }
  | { readonly type: 'OfferDeclined'; readonly data: OfferMoment }
  | { readonly type: 'OfferExpired'; readonly data: OfferMoment }

/** Wishes about a lead. */
export type LeadCommand =
  | { readonly type: 'ReceiveLead'; readonly data: LeadReceipt }
  | {
      readonly type: 'OfferLead'
      readonly data: { readonly at: Instant; readonly offerId: OfferId; readonly partnerId: PartnerId }
    }
  | {
      readonly type: 'AnswerOffer'
      readonly data: { readonly at: Instant; readonly offerId: OfferId; readonly answer: 'accept' | 'decline' }
    }
  | { readonly type: 'ExpireOffer'; readonly data: { readonly at: Instant; readonly offerId: OfferId } }

/** An offer and what became of it. */
export type Offer = {
  readonly offerId: OfferId
  readonly partnerId: PartnerId
  readonly status: 'offered' | 'accepted' | 'declined' | 'expired'
  readonly expiresAt: Instant
}

/** A lead as the decider sees it. */
export type Lead =
  | { readonly status: 'absent' }
  | {
      readonly status: 'received'
      readonly leadId: LeadId
      readonly source: LeadSource
      readonly details: LeadDetails
      readonly offers: readonly Offer[]
    }

/** Hours in which a partner answers; a person who looks for help does not wait longer. */
const offerHours = 24

const detailsOf = (data: LeadDetails): LeadDetails => ({
  name: data.name,
  phone: data.phone,
  email: data.email,
  city: data.city,
  service: data.service,
  wish: data.wish,
  pageUrl: data.pageUrl,
  utm: data.utm,
})

const settled = (state: Lead, offerId: OfferId, status: Offer['status']): Lead =>
  state.status === 'absent'
    ? state
    : { ...state, offers: state.offers.map((offer) => (offer.offerId === offerId ? { ...offer, status } : offer)) }

/** Whether a lead can be offered to one more partner: nobody has it, and nobody is thinking about it. */
export const isFree = (state: Lead): boolean =>
  state.status !== 'absent' && !state.offers.some(({ status }) => status === 'offered' || status === 'accepted')

const evolve = (state: Lead, event: LeadEvent): Lead => {
  switch (event.type) {
    case 'LeadReceived':
      return {
        status: 'received',
        leadId: event.data.leadId,
        source: event.data.source,
        details: detailsOf(event.data),
        offers: [],
      }
    case 'LeadDetailsAdded':
      return state.status === 'absent' ? state : { ...state, details: detailsOf(event.data) }
    case 'LeadOffered': {
      if (state.status === 'absent') return state
      const { offerId, partnerId, expiresAt } = event.data
      return { ...state, offers: [...state.offers, { offerId, partnerId, status: 'offered', expiresAt }] }
    }
    case 'OfferAccepted':
      return settled(state, event.data.offerId, 'accepted')
    case 'OfferDeclined':
      return settled(state, event.data.offerId, 'declined')
    case 'OfferExpired':
      return settled(state, event.data.offerId, 'expired')
    default:
      return unreachable(event)
  }
}

/** What is known stays; what was missing is filled in. A bot asks for the wish itself, so its words replace a first guess. */
const completed = (before: LeadDetails, now: LeadDetails, via: LeadReceipt['via']): LeadDetails => ({
  name: before.name ?? now.name,
  phone: before.phone ?? now.phone,
  email: before.email ?? now.email,
  city: before.city ?? now.city,
  service: before.service ?? now.service,
  wish: via === 'bot' ? (now.wish ?? before.wish) : (before.wish ?? now.wish),
  pageUrl: before.pageUrl ?? now.pageUrl,
  utm: Object.keys(before.utm).length > 0 || Object.keys(now.utm).length === 0 ? before.utm : now.utm,
})

const fieldNames = ['name', 'phone', 'email', 'city', 'service', 'wish', 'pageUrl', 'utm'] as const

const decide = (state: Lead, command: LeadCommand): Decision<LeadEvent> => {
  if (command.type === 'ReceiveLead') return receive(state, command.data)
  if (state.status === 'absent') return refused('lead-unknown', `Cannot ${command.type}: there is no such lead`)
  const { at, offerId } = command.data
  if (command.type === 'OfferLead') {
    const { partnerId } = command.data
    if (!isFree(state) || state.offers.some((offer) => offer.partnerId === partnerId)) return accepted()
    const expiresAt = plusMs(at, offerHours * 3_600_000)
    return accepted({ type: 'LeadOffered', data: { leadId: state.leadId, at, offerId, partnerId, expiresAt } })
  }
  const offer = state.offers.find((candidate) => candidate.offerId === offerId)
  if (!offer) return refused('offer-unknown', 'Cannot answer the offer: there is no such offer')
  const data = { leadId: state.leadId, at, offerId, partnerId: offer.partnerId }
  if (command.type === 'ExpireOffer')
    return offer.status === 'offered' && offer.expiresAt <= at ? accepted({ type: 'OfferExpired', data }) : accepted()
  const wanted = command.data.answer === 'accept' ? 'accepted' : 'declined'
  if (offer.status === wanted) return accepted()
  if (offer.status !== 'offered' || offer.expiresAt <= at)
    return refused(
      'offer-ended',
      `Cannot answer the offer: it is ${offer.status === 'offered' ? 'expired' : offer.status}`,
    )
  return accepted({ type: wanted === 'accepted' ? 'OfferAccepted' : 'OfferDeclined', data })
}

const receive = (state: Lead, data: LeadReceipt): Decision<LeadEvent> => {
  const { details, ...receipt } = data
  if (state.status === 'absent') return accepted({ type: 'LeadReceived', data: { ...receipt, ...detailsOf(details) } })
  const after = completed(state.details, details, data.via)
  return fieldNames.every((name) => after[name] === state.details[name])
    ? accepted()
    : accepted({ type: 'LeadDetailsAdded', data: { leadId: state.leadId, at: data.at, ...after } })
}

/** The decider of a lead: one lead, however often and by whichever way it comes. */
export const lead: Decider<Lead, LeadCommand, LeadEvent> = { initial: { status: 'absent' }, evolve, decide }

const personalFields = ['name', 'phone', 'email', 'wish'] as const

/** The fields of each event that are about a person. */
export const leadPersonal: Readonly<Record<string, readonly string[]>> = {
  LeadReceived: personalFields,
  LeadDetailsAdded: personalFields,
}

/** The claim by which a lead that comes again is found. */
export const leadClaim = (source: LeadSource, externalId: string): string => `lead:${source}:${externalId}`

/** The claim by which the answer to an offer finds the lead. */
export const offerClaim = (offerId: OfferId): string => `offer:${offerId}`

/** What an event takes for its lead. */
export const leadClaims = (_state: Lead, event: LeadEvent): { take: readonly string[]; release: readonly string[] } => {
  if (event.type === 'LeadOffered') return { take: [offerClaim(event.data.offerId)], release: [] }
  return {
    take:
      event.type === 'LeadReceived' && event.data.externalId !== null
        ? [leadClaim(event.data.source, event.data.externalId)]
        : [],
    release: [],
  }
}

/** Whom an event is about: an offer belongs to the history of the partner, and so do the letters that it asks for. */
export const leadSubject = (leadId: string, event: LeadEvent): string =>
  event.type === 'LeadReceived' || event.type === 'LeadDetailsAdded' ? leadId : event.data.partnerId
