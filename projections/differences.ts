import type { DomainEvent } from '../src/domain/index.ts'
import type { Instant } from '../src/kernel/time.ts'
import { type FoldEvent, readModel } from './projection.ts'

/** One difference between a provider's books and ours. */
export type DifferenceRow = {
  readonly differenceId: string
  readonly provider: string
  readonly kind: string
  /** `open`: a person decides. `correcting`: it is under way. `corrected`: it was done. `settled`: it is no longer there. */
  readonly status: 'open' | 'correcting' | 'corrected' | 'settled'
  readonly externalId: string
  readonly paymentId: string | null
  readonly subscriptionId: string | null
  readonly partnerId: string | null
  readonly field: string | null
  readonly expected: string | null
  readonly actual: string | null
  readonly amountKopecks: number | null
  /** What can be done about it: `reread` and `taken` happen by themselves, `refund` by one command. */
  readonly remedy: string | null
  readonly refusalCode: string | null
  readonly runId: string
  readonly day: string
  readonly foundAt: Instant
  readonly settledAt: Instant | null
  readonly position: number
}

const found = (event: Extract<DomainEvent, { type: 'DifferenceFound' }>, position: number): DifferenceRow => {
  const { at, firstDay: _firstDay, lastDay, alert: _alert, ...finding } = event.data
  const status = finding.remedy === 'reread' ? 'correcting' : finding.remedy === 'taken' ? 'corrected' : 'open'
  return {
    ...finding,
    ...{ status, refusalCode: null, day: lastDay, foundAt: at, position },
    settledAt: status === 'corrected' ? at : null,
  }
}

const fold = (row: DifferenceRow | null, recorded: FoldEvent): DifferenceRow | null => {
  const event = { type: recorded.type, data: recorded.data } as DomainEvent
  if (event.type === 'DifferenceFound') return found(event, recorded.position)
  const changes = row && change(row, event)
  return row && changes ? { ...row, ...changes, position: recorded.position } : row
}

const change = (row: DifferenceRow, event: DomainEvent): Partial<DifferenceRow> | null => {
  switch (event.type) {
    case 'PaymentSucceeded':
    case 'PaymentDeclined':
    case 'PaymentRefunded':
      return row.status === 'correcting' ? { status: 'corrected', settledAt: event.data.at } : null
    case 'CorrectionAsked':
      return { status: 'correcting', refusalCode: null }
    case 'CorrectionMade':
      return { status: 'corrected', settledAt: event.data.at }
    case 'CorrectionRefused':
      return { status: 'open', refusalCode: event.data.code }
    case 'DifferenceSettled':
      return { status: 'settled', settledAt: event.data.at }
    default:
      return null
  }
}

/** A payment that was read again changes the difference that it was behind by. */
const keyOf = ({ type, data }: FoldEvent): string | null => {
  if (typeof data.differenceId === 'string') return data.differenceId
  return type.startsWith('Payment') ? `${data.provider}:${data.providerPaymentId}:behind` : null
}

/** Differences by what differs, whichever run found them. */
export const differences = readModel<DifferenceRow>({
  name: 'differences',
  types: [
    'DifferenceFound',
    'DifferenceSettled',
    'CorrectionAsked',
    'CorrectionMade',
    'CorrectionRefused',
    'PaymentSucceeded',
    'PaymentDeclined',
    'PaymentRefunded',
  ],
  personal: false,
  key: 'differenceId',
  columns: {
    differenceId: 'text',
    provider: 'text',
    kind: 'text',
    status: 'text',
    externalId: 'text',
    paymentId: 'text',
    subscriptionId: 'text',
    partnerId: 'text',
    field: 'text',
    expected: 'text',
    actual: 'text',
    amountKopecks: 'bigint',
    remedy: 'text',
    refusalCode: 'text',
    runId: 'text',
    day: 'text',
    foundAt: 'timestamptz',
    settledAt: 'timestamptz',
    position: 'bigint',
  },
  keyOf,
  fold,
})
