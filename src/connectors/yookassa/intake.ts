import { noticeStream } from '../../domain/ids.ts'
import type { Notice } from '../../domain/notice.ts'
import type { Instant } from '../../kernel/time.ts'
import type { YooKassaNotice } from './wire.ts'

/** Turns a notification into a noted hint; the effect that follows reads the payment at the provider. */
export const noticeTarget = (facts: YooKassaNotice, at: Instant) => {
  const notice: Notice = {
    at,
    provider: 'yookassa',
    kind: facts.event,
    providerPaymentId: facts.paymentId,
    claimedStatus: facts.status,
  }
  return {
    tag: 'command' as const,
    stream: noticeStream('yookassa', facts.paymentId),
    command: { type: 'RecordNotice', data: notice },
    // Most notices are the first of their payment; a wrong guess costs one more read.
    isNew: true,
  }
}
