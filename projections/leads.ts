import type { DomainEvent } from '../src/domain/index.ts'
import type { LeadDetails } from '../src/domain/lead.ts'
import type { Instant } from '../src/kernel/time.ts'
import { type FoldEvent, readModel } from './projection.ts'

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
  readonly offers: readonly Readonly<Record<string, unknown>>[]
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
  if (!row || event.type !== 'LeadDetailsAdded') return row
  return { ...row, ...details(event.data), position: recorded.position }
}

/** Leads by their id. */
export const leads = readModel<LeadRow>({
  name: 'leads',
  types: ['LeadReceived', 'LeadDetailsAdded'],
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
