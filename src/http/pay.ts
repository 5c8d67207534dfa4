import type { Sql } from '../db/connect.ts'
import { paymentId, readSubscriptionId, subscriptionStream } from '../domain/ids.ts'
import type { Provider } from '../domain/subscriptionMessages.ts'
import { openPayment, type Subscription } from '../domain/subscriptionState.ts'
import type { CommandHandler } from '../engine/handle.ts'
import type { Instant } from '../kernel/time.ts'

/** How long the payer waits for the provider's link before we show a waiting page instead. */
const linkWithinMs = 12_000
const linkPollMs = 60

/** What paying needs. */
export type PayDeps = {
  readonly sql: Sql
  readonly handler: CommandHandler
  readonly newId: () => string
  readonly now: () => Instant
  readonly provider: Provider
  /** The 32 digits that a pay token names; null when it is not ours. */
  readonly readToken: (token: string) => string | null
  readonly wait: (ms: number) => Promise<void>
}

/** The subscription that a token opens. */
export type Payable = { readonly id: string; readonly state: Exclude<Subscription, { status: 'absent' }> }

/** Finds the subscription of a pay token; null for a token that is not ours. */
export const payableOf = async (deps: PayDeps, token: string): Promise<Payable | null> => {
  const id = readSubscriptionId(`sub_${deps.readToken(token) ?? ''}`)
  if (!id) return null
  const { state } = await deps.handler.load(subscriptionStream(id))
  const subscription = state as Subscription
  return subscription.status === 'absent' ? null : { id, state: subscription }
}

/** What asking for a payment came to. */
export type Asked =
  | { readonly tag: 'redirect'; readonly url: string }
  | { readonly tag: 'wait' }
  | { readonly tag: 'refused'; readonly code: string }

/**
 * Asks for a payment: the pending one while it can still be paid, a new one otherwise. The provider is called by an effect; this waits
 * until its link is a fact in the log.
 */
export const askToPay = async (deps: PayDeps, payable: Payable, autopay: boolean): Promise<Asked> => {
  const stream = subscriptionStream(payable.id)
  const handled = await deps.handler.handle({
    stream,
    command: {
      type: 'RequestPayment',
      data: { at: deps.now(), paymentId: paymentId(deps.newId()), provider: deps.provider, autopay },
    },
    cause: { kind: 'visitor', id: payable.id },
  })
  if (handled.tag === 'refused') return { tag: 'refused', code: handled.code }
  const attempts = Math.ceil(linkWithinMs / linkPollMs)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const payment = openPayment((await deps.handler.load(stream)).state as Subscription, deps.now())
    if (payment?.confirmationUrl) return { tag: 'redirect', url: payment.confirmationUrl }
    if (!payment) return { tag: 'refused', code: 'payment-declined' }
    await deps.wait(linkPollMs)
  }
  return { tag: 'wait' }
}

/** What a payer who came back should see. */
export const payState = (state: Payable['state']): 'paid' | 'waiting' | 'declined' | 'nothing' => {
  const last = Object.values(state.payments).at(-1)
  if (!last) return 'nothing'
  if (last.status === 'succeeded') return 'paid'
  return last.status === 'pending' ? 'waiting' : 'declined'
}
