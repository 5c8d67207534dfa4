import type { DomainEvent } from '../src/domain/index.ts'
import type { Instant } from '../src/kernel/time.ts'
import { type FoldEvent, readModel } from './projection.ts'

/** An offer of a lead to a partner, as lists and cards show it. */
export type OfferRow = {
  readonly offerId: string
  readonly leadId: string
  readonly partnerId: string
  readonly status: string
  readonly offeredAt: Instant
  readonly expiresAt: Instant
  readonly answeredAt: Instant | null
  readonly position: number
}

const answers = { OfferAccepted: 'accepted', OfferDeclined: 'declined', OfferExpired: 'expired' } as const

const fold = (row: OfferRow | null, recorded: FoldEvent): OfferRow | null => {
  const event = { type: recorded.type, data: recorded.data } as DomainEvent
  const { position } = recorded
  if (event.type === 'LeadOffered') {
    const { offerId, leadId, partnerId, at, expiresAt } = event.data
    return { offerId, leadId, partnerId, status: 'offered', offeredAt: at, expiresAt, answeredAt: null, position }
  }
  if (!row || (event.type !== 'OfferAccepted' && event.type !== 'OfferDeclined' && event.type !== 'OfferExpired'))
    return row
  return { ...row, status: answers[event.type], answeredAt: event.data.at, position }
}

/** Offers by their id. */
export const offers = readModel<OfferRow>({
  name: 'offers',
  types: ['LeadOffered', 'OfferAccepted', 'OfferDeclined', 'OfferExpired'],
  personal: false,
  key: 'offerId',
  columns: {
    offerId: 'text',
    leadId: 'text',
    partnerId: 'text',
    status: 'text',
    offeredAt: 'timestamptz',
    expiresAt: 'timestamptz',
    answeredAt: 'timestamptz',
    position: 'bigint',
  },
  keyOf: (event) => (typeof event.data.offerId === 'string' ? event.data.offerId : null),
  fold,
})
