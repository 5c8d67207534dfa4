import type { DomainEvent } from '../src/domain/index.ts'
import type { LeadDetails, OfferMoment } from '../src/domain/lead.ts'
import type { Instant } from '../src/kernel/time.ts'
import { type FoldEvent, readModel } from './projection.ts'

/** An offer as it is shown with its lead. */
export type OfferItem = {
  readonly offerId: string
  readonly partnerId: string
  readonly status: string
  readonly offeredAt: Instant
  readonly expiresAt: Instant
  readonly answeredAt: Instant | null
}

/** A lead as lists and cards show it. */
export type LeadRow = {
  readonly leadId: string
  readonly source: string
  readonly externalId: string | null
  readonly dialogId: string | null
  readonly name: string | null
  readonly phone: string | null
  readonly email: string | null
  readonly city: string | null
  readonly service: string | null
  readonly wish: string | null
  readonly pageUrl: string | null
  readonly utm: Readonly<Record<string, string>>
  readonly status: string
  readonly offers: readonly OfferItem[]
  readonly createdAt: Instant
  readonly position: number
}

const details = (data: LeadDetails) => ({
  name: data.name,
  phone: data.phone,
  email: data.email,
  city: data.city,
  service: data.service,
  wish: data.wish,
  pageUrl: data.pageUrl,
  utm: data.utm,
})

const answered = (row: LeadRow, { offerId, at }: OfferMoment, status: string): Partial<LeadRow> => ({
  status,
  offers: row.offers.map((offer) => (offer.offerId === offerId ? { ...offer, status, answeredAt: at } : offer)),
})

/** What one event changes in a row; null when it changes nothing. */
const change = (row: LeadRow, event: DomainEvent): Partial<LeadRow> | null => {
  switch (event.type) {
    case 'LeadDetailsAdded':
      return details(event.data)
    case 'LeadOffered': {
      const { offerId, partnerId, at, expiresAt } = event.data
      const offer = { offerId, partnerId, status: 'offered', offeredAt: at, expiresAt, answeredAt: null }
      return { status: 'offered', offers: [...row.offers, offer] }
    }
    case 'OfferAccepted':
      return answered(row, event.data, 'accepted')
    case 'OfferDeclined':
      return answered(row, event.data, 'declined')
    case 'OfferExpired':
      return answered(row, event.data, 'expired')
    default:
      return null
  }
}

const fold = (row: LeadRow | null, recorded: FoldEvent): LeadRow | null => {
  const event = { type: recorded.type, data: recorded.data } as DomainEvent
  if (event.type === 'LeadReceived') {
    const { leadId, source, externalId, dialogId, at } = event.data
    return {
      leadId,
      source,
      externalId,
      dialogId,
      ...details(event.data),
      status: 'new',
      offers: [],
      createdAt: at,
      position: recorded.position,
    }
  }
  if (!row) return row
  const changes = change(row, event)
  return changes ? { ...row, ...changes, position: recorded.position } : row
}

/** Leads by their id. */
export const leads = readModel<LeadRow>({
  name: 'leads',
  types: ['LeadReceived', 'LeadDetailsAdded', 'LeadOffered', 'OfferAccepted', 'OfferDeclined', 'OfferExpired'],
  personal: true,
  key: 'leadId',
  columns: {
    leadId: 'text',
    source: 'text',
    externalId: 'text',
    dialogId: 'text',
    name: 'text',
    phone: 'text',
    email: 'text',
    city: 'text',
    service: 'text',
    wish: 'text',
    pageUrl: 'text',
    utm: 'jsonb',
    status: 'text',
    offers: 'jsonb',
    createdAt: 'timestamptz',
    position: 'bigint',
  },
  keyOf: (event) => (typeof event.data.leadId === 'string' ? event.data.leadId : null),
  fold,
})
