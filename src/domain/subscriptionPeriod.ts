import { accepted, type Decision, refused } from '../kernel/decision.ts'
import { type Instant, plusDays } from '../kernel/time.ts'
import type { Plan, SubscriptionEvent } from './subscriptionMessages.ts'
import {
  announce,
  endAutopay,
  firstCharge,
  graceDays,
  graceEnd,
  isAnnounced,
  noticeDays,
} from './subscriptionRenewal.ts'
import { hasEnded, moment, type Open, openCharge, planOf } from './subscriptionState.ts'

/** Days after the end of the period on which an unpaid partner is reminded once more. */
export const reminderDays = 4
/** How long a withdrawn page can be opened again by a payment; after that the subscription is over. */
export const suspendedDays = 90

/** Days after the end of a period on which something may be due. */
export const periodDays: readonly number[] = [-noticeDays, 0, reminderDays, graceDays, graceDays + suspendedDays]

/** A scheduled change of plan, when its time has come. */
export const dueChange = (state: Open, at: Instant): SubscriptionEvent[] =>
  state.nextPlan === null ? [] : [{ type: 'PlanChanged', data: { ...moment(state, at), ...state.nextPlan } }]

/** What the passing of time makes of a subscription; timers that come too early, late or twice change nothing of it. */
export const checkPeriod = (state: Open, at: Instant): Decision<SubscriptionEvent> => {
  const { paidThrough } = state
  if (paidThrough === null) return accepted()
  switch (state.status) {
    case 'trialing':
    case 'active':
      if (paidThrough > at) return accepted(...soonOver(state, at, paidThrough))
      return accepted(...overFrom(state, at, paidThrough))
    case 'past_due':
      return accepted(...unpaid(state, at, paidThrough))
    case 'suspended':
      if (plusDays(paidThrough, graceDays + suspendedDays) > at) return accepted()
      return accepted(...endAutopay(state, at, 'expired'), { type: 'SubscriptionExpired', data: moment(state, at) })
    default:
      return accepted()
  }
}

const soonOver = (state: Open, at: Instant, paidThrough: Instant): readonly SubscriptionEvent[] => {
  const isNear = plusDays(paidThrough, -noticeDays) <= at
  return isNear && !state.cancelAtPeriodEnd && !isAnnounced(state) ? [announce(state, at, paidThrough)] : []
}

/** A trial has no grace: nothing was paid yet. */
const overFrom = (state: Open, at: Instant, paidThrough: Instant): readonly SubscriptionEvent[] => {
  if (state.cancelAtPeriodEnd) return cancelled(state, at)
  const isOverdue = state.status === 'trialing' || graceEnd(paidThrough) <= at
  const type = isOverdue ? 'SubscriptionSuspended' : 'SubscriptionPastDue'
  return [...dueChange(state, at), { type, data: moment(state, at) }]
}

/** Whoever is charged by itself hears of each try; whoever is not is reminded once in the days of grace. */
const unpaid = (state: Open, at: Instant, paidThrough: Instant): readonly SubscriptionEvent[] => {
  const until = graceEnd(paidThrough)
  if (until <= at) return [{ type: 'SubscriptionSuspended', data: moment(state, at) }]
  const isDue = plusDays(paidThrough, reminderDays) <= at && state.remindedOf !== paidThrough
  const isCharged = state.charge !== null || openCharge(state) !== null
  return isDue && !isCharged ? [{ type: 'PaymentReminded', data: { ...moment(state, at), until } }] : []
}

const cancelled = (state: Open, at: Instant): readonly SubscriptionEvent[] => [
  ...endAutopay(state, at, 'cancelled'),
  { type: 'SubscriptionCancelled', data: moment(state, at) },
]

/** The end of a subscription, at once or with the period that runs. */
export const cancel = (
  state: Open,
  { at, when }: { at: Instant; when: 'now' | 'period_end' },
): Decision<SubscriptionEvent> => {
  if (hasEnded(state))
    return refused('subscription-ended', `Cannot cancel the subscription: it is ${state.status} already`)
  const runs = state.status === 'active' || state.status === 'trialing'
  if (when === 'now' || !runs) return accepted(...cancelled(state, at))
  return state.cancelAtPeriodEnd
    ? accepted()
    : accepted({ type: 'SubscriptionCancelScheduled', data: moment(state, at) })
}

/** Days as a present, added to what is left. */
export const extend = (state: Open, { at, days }: { at: Instant; days: number }): Decision<SubscriptionEvent> => {
  if (hasEnded(state)) return refused('subscription-ended', `Cannot extend the subscription: it is ${state.status}`)
  const from = state.paidThrough !== null && state.paidThrough > at ? state.paidThrough : at
  const paidThrough = plusDays(from, days)
  return accepted(
    { type: 'SubscriptionExtended', data: { ...moment(state, at), days, paidThrough } },
    ...firstCharge(state, at, paidThrough),
  )
}

/** Another plan: at once where no paid period runs, otherwise as asked; what was paid for stays paid for. */
export const changePlan = (
  state: Open,
  { at, when, plan }: { at: Instant; when: 'now' | 'period_end'; plan: Plan },
): Decision<SubscriptionEvent> => {
  if (hasEnded(state))
    return refused('subscription-ended', `Cannot change the plan: the subscription is ${state.status}`)
  const data = { ...moment(state, at), ...planOf(plan) }
  if (when === 'period_end' && state.status === 'active') {
    if (plan.plan === (state.nextPlan ?? state).plan) return accepted()
    return accepted({ type: 'PlanChangeScheduled', data }, ...anotherNotice({ ...state, nextPlan: data }, at))
  }
  if (plan.plan === state.plan && state.nextPlan === null) return accepted()
  return accepted({ type: 'PlanChanged', data }, ...anotherNotice({ ...state, ...data, nextPlan: null }, at))
}

/** A price that was told and has changed since is told again before it is charged. */
const anotherNotice = (state: Open, at: Instant): readonly SubscriptionEvent[] => {
  const { paidThrough, announced } = state
  if (paidThrough === null || announced?.paidThrough !== paidThrough || isAnnounced(state)) return []
  return state.charge === null ? [] : [announce(state, at, paidThrough)]
}
