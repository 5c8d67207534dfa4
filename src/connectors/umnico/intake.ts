import { customerClaim, type DialogIdentity, dialogClaim, type Visitor } from '../../domain/dialog.ts'
import { dialogId, dialogStream, readDialogId } from '../../domain/ids.ts'
import type { IntakeContext, IntakeTarget } from '../connector.ts'
import { phoneFrom } from '../contact.ts'
import type { UmnicoCustomer, UmnicoFacts, UmnicoMessage } from './wire.ts'

/** What the service knows of the states of deals; null for one that it has not read yet. */
export type StatusOf = (statusId: string) => { readonly name: string; readonly ends: boolean } | null

/** Types of states in which a deal is over, however they are written. */
const endTypes = /^(?:completed?|closed?|done|success(?:ful)?|won|lost|failed?|cancell?ed|rejected)$/i

/** Whether a deal is over in a state of this type: then the dialog is closed. */
export const endsDeal = (type: string): boolean => endTypes.test(type)

const customerIdOf = (facts: UmnicoFacts): string | null => {
  if (facts.kind === 'message') return facts.direction === 'incoming' ? facts.customerId : null
  if (facts.kind === 'lead') return facts.customer?.customerId ?? null
  return facts.kind === 'customer' ? facts.customerId : null
}

/** The claims that tell which stream a dialog of Umnico is, and whose. */
export const chatClaims = (facts: UmnicoFacts): readonly string[] => {
  const customerId = customerIdOf(facts)
  return [
    ...(facts.kind === 'message' || facts.kind === 'lead' ? [dialogClaim(facts.accountId, facts.leadId)] : []),
    ...(customerId === null ? [] : [customerClaim(facts.accountId, customerId)]),
  ]
}

type Place = { readonly stream: string; readonly dialog: DialogIdentity; readonly isNew: boolean }

const placeOf = (facts: UmnicoMessage | LeadFacts, context: IntakeContext): Place => {
  const { accountId, leadId: externalId, channel } = facts
  const holder = context.holders.get(dialogClaim(accountId, externalId))
  const known = holder === undefined ? null : readDialogId(holder.slice('dialog-'.length))
  const id = known ?? dialogId(context.newId())
  const customerId = customerIdOf(facts)
  const isFirst = customerId !== null && !context.holders.has(customerClaim(accountId, customerId))
  return {
    stream: dialogStream(id),
    dialog: { dialogId: id, accountId, externalId, channel, customerId: isFirst ? customerId : null },
    isNew: known === null,
  }
}

/** Turns a notification into a command. What people write is data: nothing in it chooses a command. */
export const chatTarget = (facts: UmnicoFacts, context: IntakeContext, statusOf: StatusOf): IntakeTarget => {
  switch (facts.kind) {
    case 'message': {
      const { stream, dialog, isNew } = placeOf(facts, context)
      const data = { at: context.at, dialog, visitor: visitorOf(facts), said: saidOf(facts) }
      return { tag: 'command', stream, command: { type: 'NoteMessage', data }, isNew }
    }
    case 'lead':
      return leadTarget(facts, context, statusOf)
    case 'customer':
      return customerTarget(facts, context)
    case 'integration':
      return { tag: 'ignored', reason: 'channel-noted' }
  }
}

type LeadFacts = Extract<UmnicoFacts, { kind: 'lead' }>

const leadTarget = (facts: LeadFacts, context: IntakeContext, statusOf: StatusOf): IntakeTarget => {
  const { stream, dialog, isNew } = placeOf(facts, context)
  if (facts.change === 'status') {
    if (isNew) return { tag: 'ignored', reason: 'dialog-unknown' }
    if (facts.statusId === null) return { tag: 'poor', reason: 'no-status' }
    const status = statusOf(facts.statusId)
    const data = {
      at: context.at,
      statusId: facts.statusId,
      statusName: status?.name ?? null,
      ends: status?.ends ?? false,
    }
    return { tag: 'command', stream, command: { type: 'NoteStatus', data }, isNew }
  }
  const data = { at: context.at, dialog, visitor: customerOf(facts.customer) }
  return { tag: 'command', stream, command: { type: 'NoteVisitor', data }, isNew }
}

/** Messengers tell a phone in news of the person, after the dialog began. */
const customerTarget = (facts: Extract<UmnicoFacts, { kind: 'customer' }>, context: IntakeContext): IntakeTarget => {
  const holder = context.holders.get(customerClaim(facts.accountId, facts.customerId ?? ''))
  if (holder === undefined) return { tag: 'ignored', reason: 'customer-without-dialog' }
  const data = { at: context.at, visitor: customerOf(facts) }
  return { tag: 'command', stream: holder, command: { type: 'IntroduceVisitor', data }, isNew: false }
}

/** A number in a sentence, as people write it. */
const phonePattern = /(?:\+|\b)\d[\d\s()-]{8,18}\d/

const visitorOf = (facts: UmnicoMessage): Visitor => {
  if (facts.direction === 'outgoing') return { name: null, phone: null, email: null }
  const written = phoneFrom(phonePattern.exec(facts.text)?.[0] ?? '')
  return { name: facts.sender.name, phone: facts.phone ?? written, email: null }
}

const customerOf = (customer: UmnicoCustomer | null): Visitor => ({
  name: customer?.name ?? null,
  phone: customer?.phone ?? null,
  email: customer?.email ?? null,
})

const saidOf = (facts: UmnicoMessage) => ({
  messageId: `umnico:${facts.accountId}:${facts.messageId ?? `${facts.leadId}:${facts.at}`}`,
  direction: facts.direction,
  customId: facts.customId,
  text: facts.text,
  attachments: facts.attachments.map(({ type, url }) => ({ type, url })),
  source: facts.source,
  saidAt: facts.at,
})
