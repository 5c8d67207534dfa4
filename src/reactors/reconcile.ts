import type { DomainEvent } from '../domain/index.ts'
import type { Partner } from '../domain/partner.ts'
import { runPagesMax } from '../domain/reconciliation.ts'
import type { Days, NextPage, Recheck, RunMoment } from '../domain/reconciliationMessages.ts'
import type { Subscription } from '../domain/subscriptionState.ts'
import { type Asked, type ReactorSettings, receiptOf } from './settings.ts'

/** The events that lead to calls of a reconciliation. */
export const reconcileTypes = [
  'ReconciliationStarted',
  'ReconciliationPageRead',
  'ReconciliationFinished',
  'DifferenceFound',
  'CorrectionAsked',
] as const satisfies readonly DomainEvent['type'][]

/** Lists a provider's books page by page, reads again what differs, and gives back what an operator said should go back. */
export const reconcile = (
  settings: ReactorSettings,
  event: DomainEvent,
  states: { readonly partner: Partner | null; readonly subscription: Subscription | null },
): readonly Asked[] => {
  switch (event.type) {
    case 'ReconciliationStarted': {
      const part = event.data.provider === 'flexbe' ? 'leads' : 'payments'
      return [pageOf(event.data, 0, { part, cursor: null })]
    }
    case 'ReconciliationPageRead': {
      const { data } = event
      const next = data.next === null ? restOf(data) : pageOf(data, data.page + 1, data.next)
      // A list that never ends was given up by the decider.
      const goesOn = data.next === null || data.page + 1 < runPagesMax
      return [...data.rechecks.flatMap((recheck) => readAgain(data, recheck)), ...(goesOn ? [next] : [])]
    }
    case 'ReconciliationFinished':
      return event.data.rechecks.flatMap((recheck) => readAgain(event.data, recheck))
    case 'DifferenceFound':
      return event.data.remedy === 'reread' ? readAgain(event.data, event.data) : []
    case 'CorrectionAsked':
      return [giveBack(settings, event.data, states)]
    default:
      return []
  }
}

type Asking = RunMoment & Days

const pageOf = (run: Asking & { readonly dryRun: boolean }, page: number, next: NextPage): Asked => {
  const { provider, runId, firstDay, lastDay, dryRun } = run
  return {
    destination: provider,
    kind: `${provider}.reconcile`,
    payload: { runId, firstDay, lastDay, dryRun, page, ...next },
  }
}

const restOf = ({ provider, runId, firstDay, lastDay }: Asking): Asked => ({
  destination: 'hub',
  kind: 'hub.reconcileOurs',
  payload: { provider, runId, firstDay, lastDay },
})

/** Only the provider's own answer about one payment counts, so what its list says is asked for again, in the way of a notice. */
const readAgain = ({ provider, runId, firstDay, lastDay }: Asking, recheck: Recheck): readonly Asked[] => {
  const { externalId, paymentId, subscriptionId, partnerId, amountKopecks } = recheck
  const about = { externalId, paymentId, subscriptionId, partnerId, amountKopecks }
  const found = { origin: 'reconciliation', reconciled: { provider, runId, firstDay, lastDay, recheck: about } }
  switch (provider) {
    case 'yookassa':
      return [
        { destination: provider, kind: 'yookassa.readPayment', payload: { providerPaymentId: externalId, ...found } },
      ]
    case 'cloudpayments':
      return [
        {
          destination: provider,
          kind: 'cloudpayments.readPayment',
          payload: { transactionId: externalId, withRefunds: true, ...found },
        },
      ]
    default:
      return []
  }
}

const giveBack = (
  settings: ReactorSettings,
  data: Extract<DomainEvent, { type: 'CorrectionAsked' }>['data'],
  states: { readonly partner: Partner | null; readonly subscription: Subscription | null },
): Asked => {
  const { provider, externalId, refundId, amountKopecks, differenceId, paymentId, subscriptionId } = data
  return {
    destination: provider,
    kind: `${provider}.refund`,
    payload: {
      ...{ refundId, paymentId, subscriptionId, amountKopecks, differenceId, providerPaymentId: externalId },
      description: 'Возврат лишнего платежа',
      receipt: receiptOf(settings, states),
    },
    personal: ['receipt'],
  }
}
