import { unreachable } from '../kernel/brand.ts'
import { accepted, type Decider, type Decision } from '../kernel/decision.ts'
import type { Instant } from '../kernel/time.ts'
import type { LeadId } from './ids.ts'

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

/** Facts about a lead. */
export type LeadEvent =
  | { readonly type: 'LeadReceived'; readonly data: LeadDetails & Omit<LeadReceipt, 'details'> }
  | {
      readonly type: 'LeadDetailsAdded'
      readonly data: LeadDetails & { readonly leadId: LeadId; readonly at: Instant }
    }

/** Wishes about a lead. */
export type LeadCommand = { readonly type: 'ReceiveLead'; readonly data: LeadReceipt }

/** A lead as the decider sees it. */
export type Lead =
  | { readonly status: 'absent' }
  | {
      readonly status: 'received'
      readonly leadId: LeadId
      readonly source: LeadSource
      readonly details: LeadDetails
    }

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

const evolve = (state: Lead, event: LeadEvent): Lead => {
  switch (event.type) {
    case 'LeadReceived':
      return {
        status: 'received',
        leadId: event.data.leadId,
        source: event.data.source,
        details: detailsOf(event.data),
      }
    case 'LeadDetailsAdded':
      return state.status === 'absent' ? state : { ...state, details: detailsOf(event.data) }
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

const decide = (state: Lead, { data }: LeadCommand): Decision<LeadEvent> => {
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

/** What an event takes for its lead. */
export const leadClaims = (_state: Lead, event: LeadEvent) => ({
  take:
    event.type === 'LeadReceived' && event.data.externalId !== null
      ? [leadClaim(event.data.source, event.data.externalId)]
      : [],
  release: [],
})
