import { readRefundId, reconciliationStream } from '../domain/ids.ts'
import type { DomainCommand } from '../domain/index.ts'
import {
  type ComparedPage,
  type Days,
  type Recheck,
  type ReconciledProvider,
  type RunMoment,
  reconciledProviders,
} from '../domain/reconciliationMessages.ts'
import type { Instant } from '../kernel/time.ts'

type Effect = {
  readonly kind: string
  readonly payload: Readonly<Record<string, unknown>>
}

type Addressed = { readonly stream: string; readonly command: DomainCommand }

const providerOf = (text: unknown): ReconciledProvider | null =>
  reconciledProviders.find((provider) => provider === text) ?? null

/** What comes of a compared page, typed by the performer of the same kind. */
export const pageCompared = (effect: Effect, page: Omit<ComparedPage, 'page'>, at: Instant): Addressed | null => {
  const provider = providerOf(effect.kind.split('.')[0])
  if (!provider) return null
  const run = { at, runId: String(effect.payload.runId), page: Number(effect.payload.page) }
  return {
    stream: reconciliationStream(provider),
    command: { type: 'RecordComparedPage', data: { ...page, ...run } },
  }
}

/** What our own books say after the last page. */
export const oursCompared = (
  effect: Effect,
  ours: { readonly ours: number; readonly rechecks: readonly Recheck[] },
  at: Instant,
): Addressed | null => {
  const provider = providerOf(effect.payload.provider)
  if (!provider) return null
  const data = { at, runId: String(effect.payload.runId), ours: ours.ours, rechecks: ours.rechecks }
  return { stream: reconciliationStream(provider), command: { type: 'CloseReconciliation', data } }
}

/** A list that the provider refuses ends the run. */
export const listRefused = (effect: Effect, code: string, at: Instant): Addressed | null => {
  const provider = providerOf(effect.kind.split('.')[0])
  if (!provider) return null
  const data = { at, runId: String(effect.payload.runId), code }
  return { stream: reconciliationStream(provider), command: { type: 'FailReconciliation', data } }
}

/** A payment of ours that the provider does not know, when a reconciliation asked; null when somebody else did. */
export const absentThere = (effect: Effect, code: string, at: Instant): Addressed | null => {
  if (code !== 'payment-not-found' || typeof effect.payload.reconciled !== 'object') return null
  // The payload was written by a rule of ours.
  const found = effect.payload.reconciled as Omit<RunMoment, 'at'> & Days & { readonly recheck: Recheck }
  return { stream: reconciliationStream(found.provider), command: { type: 'RecordAbsence', data: { at, ...found } } }
}

/** A refund that corrects a difference; null when it was asked for in another way. */
export const correctionSettled = (effect: Effect, code: string | null, at: Instant): Addressed | null => {
  const provider = providerOf(effect.kind.split('.')[0])
  const refundId = readRefundId(String(effect.payload.refundId ?? ''))
  const { differenceId } = effect.payload
  if (!provider || !refundId || typeof differenceId !== 'string') return null
  const data = { at, differenceId, refundId }
  return {
    stream: reconciliationStream(provider),
    command:
      code === null ? { type: 'RecordCorrection', data } : { type: 'RecordCorrectionRefusal', data: { ...data, code } },
  }
}
