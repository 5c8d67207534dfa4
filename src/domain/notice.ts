import { unreachable } from '../kernel/brand.ts'
import { accepted, type Decider } from '../kernel/decision.ts'
import type { Instant } from '../kernel/time.ts'
import type { Provider } from './subscriptionMessages.ts'

/** A provider said that something happened to a payment. It is a hint: only the provider's answer to our question counts. */
export type Notice = {
  readonly at: Instant
  readonly provider: Provider
  /** What the provider calls the moment: `payment.succeeded`, `pay`, … */
  readonly kind: string
  /** The id by which the payment is read again. */
  readonly providerPaymentId: string
  readonly claimedStatus: string | null
  /** The earliest moment of another try, where a notice of a refusal names one. */
  readonly retryAfter?: Instant
}

/** Facts about what a provider said. */
export type NoticeEvent =
  | { readonly type: 'PaymentNoticeReceived'; readonly data: Notice }
  | {
      readonly type: 'PaymentUnmatched'
      readonly data: {
        readonly at: Instant
        readonly provider: Provider
        readonly providerPaymentId: string
        readonly reason: string
      }
    }

/** Wishes about what a provider said. */
export type NoticeCommand =
  | { readonly type: 'RecordNotice'; readonly data: Notice }
  | {
      readonly type: 'ReportUnmatched'
      readonly data: {
        readonly at: Instant
        readonly provider: Provider
        readonly providerPaymentId: string
        readonly reason: string
      }
    }

/** Which findings were reported already. */
export type NoticeState = { readonly reported: readonly string[] }

/** The decider of notices about one payment of a provider: every notice is kept, every finding is reported once. */
export const notice: Decider<NoticeState, NoticeCommand, NoticeEvent> = {
  initial: { reported: [] },
  evolve: (state, event) =>
    event.type === 'PaymentUnmatched' ? { reported: [...state.reported, event.data.reason] } : state,
  decide: (state, command) => {
    switch (command.type) {
      case 'RecordNotice':
        return accepted({ type: 'PaymentNoticeReceived', data: command.data })
      case 'ReportUnmatched':
        return state.reported.includes(command.data.reason)
          ? accepted()
          : accepted({ type: 'PaymentUnmatched', data: command.data })
      default:
        return unreachable(command)
    }
  },
}
