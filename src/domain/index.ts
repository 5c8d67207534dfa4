import type { Decider } from '../kernel/decision.ts'
import { type CabinetCommand, type CabinetEvent, cabinet } from './cabinet.ts'
import { type ClaimedOrderCommand, type ClaimedOrderEvent, claimedOrder, claimedOrderPersonal } from './claimedOrder.ts'
import { type ConflictCommand, type ConflictEvent, conflict } from './conflict.ts'
import { type DialogCommand, type DialogEvent, dialog, dialogClaims, dialogPersonal } from './dialog.ts'
import { type LeadCommand, type LeadEvent, lead, leadClaims, leadPersonal, leadSubject } from './lead.ts'
import { type NoticeCommand, type NoticeEvent, notice } from './notice.ts'
import { type OperatorCommand, type OperatorEvent, operatorLog } from './operatorLog.ts'
import { type PartnerCommand, type PartnerEvent, partner, partnerClaims, partnerPersonal } from './partner.ts'
import { type PollCommand, type PollEvent, poll } from './poll.ts'
import { type ProofCommand, type ProofEvent, proof, proofPersonal } from './proof.ts'
import { reconciliation, reconciliationSubject } from './reconciliation.ts'
import type { ReconciliationCommand, ReconciliationEvent } from './reconciliationMessages.ts'
import { subscription, subscriptionPersonal } from './subscription.ts'
import type { SubscriptionCommand, SubscriptionEvent } from './subscriptionMessages.ts'
import { type TemplateCommand, type TemplateEvent, template } from './template.ts'

/** Every fact of the business. */
export type DomainEvent =
  | PartnerEvent
  | SubscriptionEvent
  | NoticeEvent
  | OperatorEvent
  | TemplateEvent
  | LeadEvent
  | DialogEvent
  | ProofEvent
  | PollEvent
  | ConflictEvent
  | ClaimedOrderEvent
  | ReconciliationEvent
  | CabinetEvent
/** Every wish of the business. */
export type DomainCommand =
  | PartnerCommand
  | SubscriptionCommand
  | NoticeCommand
  | OperatorCommand
  | TemplateCommand
  | LeadCommand
  | DialogCommand
  | ProofCommand
  | PollCommand
  | ConflictCommand
  | ClaimedOrderCommand
  | ReconciliationCommand
  | CabinetCommand

type Message = { readonly type: string; readonly data: Readonly<Record<string, unknown>> }
type Claims = { readonly take: readonly string[]; readonly release: readonly string[] }

/** A decider with what the log must know about its events. */
type Kind<State, Command extends Message, Event extends Message> = {
  readonly decider: Decider<State, Command, Event>
  readonly personal: Readonly<Record<string, readonly string[]>>
  readonly subjectOf: (stream: string, state: State, event: Event) => string
  readonly claimsOf: (state: State, event: Event) => Claims
}

const noClaims: Claims = { take: [], release: [] }
const idOf = (stream: string): string => stream.slice(stream.indexOf('-') + 1)

/**
 * Forgets the types of one kind of stream for the engine. This is the one place where recorded JSON becomes typed again: what a
 * stream holds was written by its own decider.
 */
const erased = <State, Command extends Message, Event extends Message>(kind: Kind<State, Command, Event>) => ({
  initial: kind.decider.initial as unknown,
  evolve: (state: unknown, event: Message): unknown => kind.decider.evolve(state as State, event as Event),
  decide: (state: unknown, command: Message) => kind.decider.decide(state as State, command as Command),
  personal: kind.personal,
  subjectOf: (stream: string, state: unknown, event: Message): string =>
    kind.subjectOf(stream, state as State, event as Event),
  claimsOf: (state: unknown, event: Message): Claims => kind.claimsOf(state as State, event as Event),
})

/** Every kind of stream by its category. */
export const models = {
  partner: erased({
    decider: partner,
    personal: partnerPersonal,
    subjectOf: (stream) => idOf(stream),
    claimsOf: partnerClaims,
  }),
  subscription: erased({
    decider: subscription,
    personal: subscriptionPersonal,
    subjectOf: (_stream, _state, event) => event.data.partnerId,
    claimsOf: () => noClaims,
  }),
  operator: erased({
    decider: operatorLog,
    personal: {},
    subjectOf: (stream) => idOf(stream),
    claimsOf: () => noClaims,
  }),
  template: erased({ decider: template, personal: {}, subjectOf: (stream) => idOf(stream), claimsOf: () => noClaims }),
  lead: erased({
    decider: lead,
    personal: leadPersonal,
    subjectOf: (stream, _state, event) => leadSubject(idOf(stream), event),
    claimsOf: leadClaims,
  }),
  dialog: erased({
    decider: dialog,
    personal: dialogPersonal,
    subjectOf: (stream) => idOf(stream),
    claimsOf: dialogClaims,
  }),
  proof: erased({
    decider: proof,
    personal: proofPersonal,
    subjectOf: (_stream, _state, event) => event.data.partnerId,
    claimsOf: () => noClaims,
  }),
  order: erased({
    decider: claimedOrder,
    personal: claimedOrderPersonal,
    subjectOf: (stream) => idOf(stream),
    claimsOf: () => noClaims,
  }),
  cabinet: erased({
    decider: cabinet,
    personal: {},
    subjectOf: (stream, _state, event) => event.data.partnerId ?? idOf(stream),
    claimsOf: () => noClaims,
  }),
  conflict: erased({ decider: conflict, personal: {}, subjectOf: (stream) => idOf(stream), claimsOf: () => noClaims }),
  reconciliation: erased({
    decider: reconciliation,
    personal: {},
    subjectOf: (stream, _state, event) => reconciliationSubject(idOf(stream), event),
    claimsOf: () => noClaims,
  }),
  poll: erased({ decider: poll, personal: {}, subjectOf: (stream) => idOf(stream), claimsOf: () => noClaims }),
  notice: erased({ decider: notice, personal: {}, subjectOf: (stream) => idOf(stream), claimsOf: () => noClaims }),
}
