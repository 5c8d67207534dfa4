import type { DomainEvent } from '../src/domain/index.ts'
import type { Instant } from '../src/kernel/time.ts'
import { isUnfinished } from './payments.ts'
import { type FoldEvent, readModel } from './projection.ts'

/** A subscription as lists and cards show it. */
export type SubscriptionRow = {
  readonly subscriptionId: string
  readonly partnerId: string
  readonly plan: string
  readonly status: string
  readonly priceKopecks: number
  readonly periodStart: Instant | null
  readonly paidThrough: Instant | null
  readonly nextChargeAt: Instant | null
  readonly provider: string | null
  readonly savedMethod: boolean
  readonly failedAttempts: number
  readonly cancelAtPeriodEnd: boolean
  readonly openedAt: Instant
  readonly position: number
}

const change = (row: SubscriptionRow, event: DomainEvent): Partial<SubscriptionRow> | null => {
  switch (event.type) {
    case 'PaymentRequested':
      return { provider: event.data.provider }
    case 'PaymentSucceeded':
      return { provider: event.data.provider, failedAttempts: 0 }
    case 'PaymentDeclined':
      return isUnfinished(event.data.reason) ? null : { failedAttempts: row.failedAttempts + 1 }
    case 'TrialStarted':
      return { status: 'trialing', periodStart: event.data.at, paidThrough: event.data.paidThrough }
    case 'SubscriptionActivated':
      return { status: 'active', periodStart: event.data.periodStart, paidThrough: event.data.paidThrough }
    case 'SubscriptionExtended':
      return { status: 'active', paidThrough: event.data.paidThrough }
    case 'SubscriptionPastDue':
      return { status: 'past_due' }
    case 'SubscriptionSuspended':
      return { status: 'suspended', nextChargeAt: null }
    case 'AutopayStarted':
      return { savedMethod: true }
    case 'AutopayStopped':
      return { savedMethod: false, nextChargeAt: null }
    case 'RenewalScheduled':
      return { nextChargeAt: event.data.chargeAt }
    case 'RenewalStopped':
      return { nextChargeAt: null }
    case 'PlanChanged':
      return { plan: event.data.plan, priceKopecks: event.data.priceKopecks }
    case 'SubscriptionCancelScheduled':
      return { cancelAtPeriodEnd: true, nextChargeAt: null }
    case 'SubscriptionResumed':
      return { cancelAtPeriodEnd: false }
    case 'SubscriptionCancelled':
      return { status: 'cancelled', nextChargeAt: null }
    case 'SubscriptionExpired':
      return { status: 'expired', nextChargeAt: null }
    default:
      return null
  }
}

const fold = (row: SubscriptionRow | null, recorded: FoldEvent): SubscriptionRow | null => {
  const event = { type: recorded.type, data: recorded.data } as DomainEvent
  if (event.type === 'SubscriptionOpened') {
    const { subscriptionId, partnerId, plan, priceKopecks, at } = event.data
    return {
      subscriptionId,
      partnerId,
      plan,
      status: 'pending_payment',
      priceKopecks,
      periodStart: null,
      paidThrough: null,
      nextChargeAt: null,
      provider: null,
      savedMethod: false,
      failedAttempts: 0,
      cancelAtPeriodEnd: false,
      openedAt: at,
      position: recorded.position,
    }
  }
  if (!row) return row
  const changes = change(row, event)
  return changes ? { ...row, ...changes, position: recorded.position } : row
}

/** Subscriptions by their id. */
export const subscriptions = readModel<SubscriptionRow>({
  name: 'subscriptions',
  types: [
    'SubscriptionOpened',
    'PaymentRequested',
    'PaymentSucceeded',
    'PaymentDeclined',
    'SubscriptionActivated',
    'SubscriptionExtended',
    'SubscriptionPastDue',
    'SubscriptionSuspended',
    'PlanChanged',
    'SubscriptionCancelScheduled',
    'SubscriptionResumed',
    'SubscriptionCancelled',
    'SubscriptionExpired',
    'TrialStarted',
    'AutopayStarted',
    'AutopayStopped',
    'RenewalScheduled',
    'RenewalStopped',
  ],
  personal: false,
  key: 'subscriptionId',
  columns: {
    subscriptionId: 'text',
    partnerId: 'text',
    plan: 'text',
    status: 'text',
    priceKopecks: 'bigint',
    periodStart: 'timestamptz',
    paidThrough: 'timestamptz',
    nextChargeAt: 'timestamptz',
    provider: 'text',
    savedMethod: 'boolean',
    failedAttempts: 'integer',
    cancelAtPeriodEnd: 'boolean',
    openedAt: 'timestamptz',
    position: 'bigint',
  },
  keyOf: (event) => (typeof event.data.subscriptionId === 'string' ? event.data.subscriptionId : null),
  fold,
})
