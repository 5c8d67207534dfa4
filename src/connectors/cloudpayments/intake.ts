import { noticeStream } from '../../domain/ids.ts'
import type { Notice } from '../../domain/notice.ts'
import type { Instant } from '../../kernel/time.ts'
import type { CloudPaymentsNotice } from './wire.ts'

/** Turns a notification into a noted hint; the effect that follows reads the transaction at the provider. */
export const noticeTarget = (facts: CloudPaymentsNotice, at: Instant) => {
  const transaction =
    facts.kind === 'refund' ? (facts.paymentTransactionId ?? facts.transactionId) : facts.transactionId
  if (transaction === null) return { tag: 'ignored' as const, reason: `${facts.kind}-without-transaction` }
  const notice: Notice = {
    at,
    provider: 'cloudpayments',
    kind: facts.kind,
    providerPaymentId: transaction,
    claimedStatus: facts.status,
    // Of a notice that is only a hint, nothing but the number is used.
    ...(facts.retryAfter === null || facts.proof === 'hint' ? {} : { retryAfter: facts.retryAfter }),
  }
  return {
    tag: 'command' as const,
    stream: noticeStream('cloudpayments', transaction),
    command: { type: 'RecordNotice', data: notice },
    // Most notices are the first of their payment; a wrong guess costs one more read.
    isNew: true,
  }
}
