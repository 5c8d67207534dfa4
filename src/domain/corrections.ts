import { accepted, type Decision, refused } from '../kernel/decision.ts'
import type { Finding, ReconciliationCommand, ReconciliationEvent } from './reconciliationMessages.ts'
import type { Reconciliation } from './reconciliationState.ts'

/** A payment of ours that they do not know is told once. */
export const recordAbsence = (
  state: Reconciliation,
  { recheck, ...moment }: Extract<ReconciliationCommand, { type: 'RecordAbsence' }>['data'],
): Decision<ReconciliationEvent> => {
  const differenceId = `${moment.provider}:${recheck.externalId}:absent-there`
  if (differenceId in state.known) return accepted()
  const finding: Finding = {
    ...{ ...recheck, differenceId, kind: 'absent-there', remedy: null },
    ...{ field: null, expected: null, actual: null },
  }
  return accepted({ type: 'DifferenceFound', data: { ...moment, ...finding, alert: true } })
}

/** What was suggested about a difference is done, one refund at a time. */
export const correct = (
  state: Reconciliation,
  { at, differenceId, refundId }: Extract<ReconciliationCommand, { type: 'CorrectDifference' }>['data'],
): Decision<ReconciliationEvent> => {
  const known = state.known[differenceId]
  if (!known || state.provider === null)
    return refused('difference-unknown', 'Cannot correct the difference: none of this id is open')
  if (known.status === 'correcting')
    return refused('correction-under-way', 'Cannot correct the difference: its correction is under way already')
  const { externalId, paymentId, subscriptionId, partnerId, amountKopecks, remedy } = known.finding
  if (remedy !== 'refund' || amountKopecks === null)
    return refused('no-correction', `Cannot correct a difference of the kind ${known.finding.kind} by a command`)
  const order = { externalId, paymentId, subscriptionId, partnerId, amountKopecks }
  return accepted({
    type: 'CorrectionAsked',
    data: { at, provider: state.provider, differenceId, refundId, ...order },
  })
}

/** What became of the refund; a late word about an earlier one changes nothing. */
export const corrected = (
  state: Reconciliation,
  command: Extract<ReconciliationCommand, { type: 'RecordCorrection' | 'RecordCorrectionRefusal' }>,
): Decision<ReconciliationEvent> => {
  const known = state.known[command.data.differenceId]
  if (!known || state.provider === null || known.refundId !== command.data.refundId) return accepted()
  const about = { provider: state.provider, partnerId: known.finding.partnerId }
  return command.type === 'RecordCorrection'
    ? accepted({ type: 'CorrectionMade', data: { ...command.data, ...about } })
    : accepted({ type: 'CorrectionRefused', data: { ...command.data, ...about } })
}
