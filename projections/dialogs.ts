import type { DomainEvent } from '../src/domain/index.ts'
import type { Instant } from '../src/kernel/time.ts'
import { type FoldEvent, readModel } from './projection.ts'

/** A dialog as lists and cards show it. */
export type DialogRow = {
  readonly dialogId: string
  readonly channel: string | null
  readonly externalId: string
  readonly name: string | null
  readonly phone: string | null
  readonly status: string
  readonly leadId: string | null
  readonly openedAt: Instant
  readonly lastMessageAt: Instant | null
  readonly position: number
}

const later = (before: Instant | null, now: Instant): Instant => (before !== null && before > now ? before : now)

/** What one event changes in a row; null when it changes nothing. */
const change = (row: DialogRow, event: DomainEvent): Partial<DialogRow> | null => {
  switch (event.type) {
    case 'VisitorIntroduced':
      return { name: event.data.name, phone: event.data.phone }
    case 'MessageReceived':
    case 'MessageSent':
    case 'MessageNoted':
      return { lastMessageAt: later(row.lastMessageAt, event.data.at) }
    case 'DialogReopened':
      return { status: 'open' }
    case 'DialogHandedOver':
      return { status: 'handed_over' }
    case 'DialogClosed':
      return { status: 'closed' }
    case 'LeadReceived':
      return { leadId: event.data.leadId }
    default:
      return null
  }
}

const fold = (row: DialogRow | null, recorded: FoldEvent): DialogRow | null => {
  const event = { type: recorded.type, data: recorded.data } as DomainEvent
  if (event.type === 'DialogOpened') {
    const { dialogId, channel, externalId, name, phone, at } = event.data
    return {
      dialogId,
      channel,
      externalId,
      name,
      phone,
      status: 'open',
      leadId: null,
      openedAt: at,
      lastMessageAt: null,
      position: recorded.position,
    }
  }
  if (!row) return row
  const changes = change(row, event)
  return changes ? { ...row, ...changes, position: recorded.position } : row
}

/** Dialogs by their id; a lead that came out of one names it. */
export const dialogs = readModel<DialogRow>({
  name: 'dialogs',
  types: [
    'DialogOpened',
    'DialogReopened',
    'VisitorIntroduced',
    'MessageReceived',
    'MessageSent',
    'MessageNoted',
    'DialogHandedOver',
    'DialogClosed',
    'LeadReceived',
  ],
  personal: true,
  key: 'dialogId',
  columns: {
    dialogId: 'text',
    channel: 'text',
    externalId: 'text',
    name: 'text',
    phone: 'text',
    status: 'text',
    leadId: 'text',
    openedAt: 'timestamptz',
    lastMessageAt: 'timestamptz',
    position: 'bigint',
  },
  keyOf: (event) => (typeof event.data.dialogId === 'string' ? event.data.dialogId : null),
  fold,
})
