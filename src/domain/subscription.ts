import { unreachable } from '../kernel/brand.ts'
import { accepted, type Decider, type Decision, refused } from '../kernel/decision.ts'
import { plusDays } from '../kernel/time.ts'
import type { SubscriptionCommand, SubscriptionEvent } from './subscriptionMessages.ts'
import { recordLink, recordPayment, recordRefusal, requestPayment } from './subscriptionPayments.ts'
import { cancel, changePlan, checkPeriod, extend } from './subscriptionPeriod.ts'
import { recordRefundRefusal, requestRefund } from './subscriptionRefunds.ts'
import { endAutopay, graceEnd, renew, resume } from './subscriptionRenewal.ts'
import { evolve, hasEnded, type Subscription } from './subscriptionState.ts'

const decide = (state: Subscription, command: SubscriptionCommand): Decision<SubscriptionEvent> => {
  if (command.type === 'OpenSubscription') return state.status === 'absent' ? open(command.data) : accepted()
  if (state.status === 'absent')
    return refused('subscription-unknown', `Cannot ${command.type}: there is no such subscription`)
  switch (command.type) {
    case 'RequestPayment':
      return requestPayment(state, command.data)
    case 'RecordPaymentLink':
      return recordLink(state, command.data)
    case 'RecordPaymentRefusal':
      return recordRefusal(state, command.data)
    case 'RecordProviderPayment':
      return recordPayment(state, command.data)
    case 'CheckPeriod':
      return checkPeriod(state, command.data.at)
    case 'RenewSubscription': {
      const isOverdue = state.paidThrough !== null && graceEnd(state.paidThrough) <= command.data.at
      return isOverdue ? checkPeriod(state, command.data.at) : renew(state, command.data)
    }
    case 'StopAutopay':
      return accepted(...endAutopay(state, command.data.at, command.data.reason))
    case 'ResumeSubscription':
      return hasEnded(state)
        ? refused('subscription-ended', `Cannot resume the subscription: it is ${state.status}`)
        : accepted(...resume(state, command.data.at))
    case 'CancelSubscription':
      return cancel(state, command.data)
    case 'ExtendSubscription':
      return extend(state, command.data)
    case 'ChangePlan':
      return changePlan(state, command.data)
    case 'RequestRefund':
      return requestRefund(state, command.data)
    case 'RecordRefundRefusal':
      return recordRefundRefusal(state, command.data)
    default:
      return unreachable(command)
  }
}

const open = ({
  trialDays = 0,
  ...data
}: Extract<SubscriptionCommand, { type: 'OpenSubscription' }>['data']): Decision<SubscriptionEvent> => {
  const { subscriptionId, partnerId, at } = data
  const opened: SubscriptionEvent = { type: 'SubscriptionOpened', data }
  if (trialDays <= 0) return accepted(opened)
  const paidThrough = plusDays(at, trialDays)
  return accepted<SubscriptionEvent>(opened, {
    type: 'TrialStarted',
    data: { subscriptionId, partnerId, at, days: trialDays, paidThrough },
  })
}

/** The decider of a subscription and its payments. */
export const subscription: Decider<Subscription, SubscriptionCommand, SubscriptionEvent> = {
  initial: { status: 'absent' },
  evolve,
  decide,
}

/** The fields of each event that are about a person: a saved method names the payer's card. */
export const subscriptionPersonal: Readonly<Record<string, readonly string[]>> = { PaymentSucceeded: ['savedMethod'] }
