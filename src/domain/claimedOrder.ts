import { accepted, type Decider } from '../kernel/decision.ts'
import type { OrderFacts } from '../kernel/order.ts'
import type { Instant } from '../kernel/time.ts'

/** An order that was made in a form of the site, by somebody whom it names. */
export type ClaimedOrder = OrderFacts & {
  readonly at: Instant
  readonly name: string | null
  readonly phone: string | null
  readonly email: string | null
  readonly formId: string | null
}

/** Facts about an order that a form claims. */
export type ClaimedOrderEvent = { readonly type: 'OrderClaimed'; readonly data: ClaimedOrder }
/** Wishes about an order that a form claims. */
export type ClaimedOrderCommand = { readonly type: 'RecordClaimedOrder'; readonly data: ClaimedOrder }

/** What of an order is about a person. */
export const claimedOrderPersonal = { OrderClaimed: ['name', 'phone', 'email'] } as const

/** The decider of claimed orders: each is kept once and told to the operator, and grants nothing. */
export const claimedOrder: Decider<{ readonly known: boolean }, ClaimedOrderCommand, ClaimedOrderEvent> = {
  initial: { known: false },
  evolve: () => ({ known: true }),
  decide: ({ known }, { data }) => (known ? accepted() : accepted({ type: 'OrderClaimed', data })),
}
