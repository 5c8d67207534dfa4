import type { ProviderPayment as Answered } from '../connectors/payment.ts'
import { cutText } from '../connectors/plainText.ts'
import { slugOf } from '../connectors/slug.ts'
import type { UmnicoStatus } from '../connectors/umnico/client.ts'
import { endsDeal } from '../connectors/umnico/intake.ts'
import {
  dialogStream,
  leadStream,
  noticeStream,
  offerId,
  type PaymentId,
  partnerStream,
  paymentId,
  readDialogId,
  readPartnerId,
  readPaymentId,
  readRefundId,
  readSubscriptionId,
  subscriptionStream,
} from '../domain/ids.ts'
import type { DomainCommand } from '../domain/index.ts'
import type { Registered, Verdict } from '../domain/partner.ts'
import type { Provider } from '../domain/subscriptionMessages.ts'
import { paymentLinkMinutes } from '../domain/subscriptionPayments.ts'
import type { Outcome } from '../kernel/decision.ts'
import { type Instant, parseInstant, plusMs } from '../kernel/time.ts'
import { absentThere, correctionSettled, listRefused, oursCompared, pageCompared } from './reconciled.ts'
import type { ReactorSettings } from './settings.ts'

/** The part of an effect that its outcome is understood by. */
export type Settled = {
  readonly effectId: string
  readonly kind: string
  readonly subject: string
  readonly payload: Readonly<Record<string, unknown>>
}

/** A command on its way to a stream. */
export type Addressed = {
  readonly stream: string
  readonly command: DomainCommand
  readonly origin?: 'reconciliation'
  /** What is said instead when the stream refuses the command. */
  readonly otherwise?: { readonly stream: string; readonly command: DomainCommand }
}

type Looked = {
  readonly verdict: Verdict['verdict']
  readonly reason: string
  readonly detail: string
  readonly checkedAt: Instant
  readonly company: {
    readonly kind: 'company' | 'sole_trader'
    readonly inn: string
    readonly kpp: string | null
    readonly ogrn: string | null
    readonly shortName: string | null
    readonly fullName: string | null
    readonly region: string | null
    readonly rawStatus: string | null
    readonly source: string
  } | null
}

/** What an outcome becomes; null when nobody needs to know. Results are typed by the performer of the same kind. */
export const commandOf =
  (settings: ReactorSettings) =>
  (effect: Settled, outcome: Outcome, now: Instant): Addressed | null => {
    if (effect.kind === 'hub.command') return outcome.tag === 'done' ? scheduled(effect, now) : null
    if (outcome.tag === 'refused') return refusal(effect, outcome.code, now)
    // Whether the bot took the question nobody knows, so it is not asked twice: a person answers.
    if (outcome.tag === 'unknown') return effect.kind === 'protalk.ask' ? handedOver(effect, outcome.code, now) : null
    if (outcome.tag !== 'done') return null
    switch (effect.kind) {
      case 'fns.lookUp':
        return verdict(effect, outcome.result as Looked, now)
      case 'yookassa.createPayment':
        return linkReady(effect, { link: outcome.result as Answered, now })
      case 'cloudpayments.createOrder':
        return orderReady(settings, effect, { order: outcome.result as Ordered, now })
      case 'hub.choosePartner':
        return chosen(effect, outcome.result as { partnerId: string | null }, now)
      case 'protalk.ask':
        return answered(effect, String((outcome.result as { text?: unknown }).text ?? ''), now)
      case 'umnico.send':
        return wasSent(effect, now)
      case 'umnico.readStatuses':
        return named(effect, outcome.result as { statuses: readonly UmnicoStatus[] }, now)
      case 'yookassa.refund':
        return correctionSettled(effect, null, now) ?? refunded('yookassa', effect, now)
      case 'cloudpayments.refund':
        return correctionSettled(effect, null, now) ?? refunded('cloudpayments', effect, now)
      case 'yookassa.chargeSaved':
      case 'yookassa.readPayment':
      case 'cloudpayments.chargeToken':
      case 'cloudpayments.readPayment':
      case 'cloudpayments.findPayment':
        return outcome.result === null ? null : read(settings, effect, { answer: outcome.result as Answered, now })
      case 'yookassa.reconcile':
      case 'cloudpayments.reconcile':
      case 'flexbe.reconcile':
        return pageCompared(effect, outcome.result as Parameters<typeof pageCompared>[1], now)
      case 'hub.reconcileOurs':
        return oursCompared(effect, outcome.result as Parameters<typeof oursCompared>[1], now)
      default:
        return null
    }
  }

const scheduled = (effect: Settled, now: Instant): Addressed | null => {
  const { stream, command } = effect.payload as {
    stream: string
    command: { type: string; data: Readonly<Record<string, unknown>> } | undefined
  }
  // What the command said was about a person who was forgotten since.
  if (!command) return null
  // The payload was written by a rule of ours; the moment is that of its execution, and what it makes is named after the timer.
  const named = command.type === 'RenewSubscription' ? { paymentId: paymentId(effect.effectId) } : {}
  return { stream, command: { type: command.type, data: { ...command.data, ...named, at: now } } as DomainCommand }
}

const verdict = (effect: Settled, looked: Looked, now: Instant): Addressed => {
  const name = looked.company ? (looked.company.shortName ?? looked.company.fullName) : null
  const company: Registered | null = looked.company && {
    kind: looked.company.kind,
    inn: looked.company.inn,
    kpp: looked.company.kpp,
    ogrn: looked.company.ogrn,
    legalName: name,
    region: looked.company.region,
    rawStatus: looked.company.rawStatus,
    source: looked.company.source,
  }
  const data: Verdict = {
    at: now,
    checkedAt: looked.checkedAt,
    verdict: looked.verdict,
    reason: looked.reason,
    detail: looked.detail,
    company,
    slug: slugOf(name, effect.subject),
  }
  return { stream: partnerStream(effect.subject), command: { type: 'RecordVerdict', data } }
}

const target = (effect: Settled): { stream: string; paymentId: PaymentId } | null => {
  const payment = readPaymentId(String(effect.payload.paymentId ?? ''))
  const subscriptionId = readSubscriptionId(String(effect.payload.subscriptionId ?? ''))
  return payment && subscriptionId ? { stream: subscriptionStream(subscriptionId), paymentId: payment } : null
}

const linkReady = (effect: Settled, { link, now }: { link: Answered; now: Instant }): Addressed | null => {
  const to = target(effect)
  if (!to) return null
  const { providerPaymentId, confirmationUrl } = link
  if (confirmationUrl === null) return null
  return {
    stream: to.stream,
    command: {
      type: 'RecordPaymentLink',
      data: {
        at: now,
        paymentId: to.paymentId,
        providerPaymentId,
        confirmationUrl,
        expiresAt: plusMs(now, paymentLinkMinutes * 60_000),
      },
    },
  }
}

/** A link, or what a late look-up under our number found instead. */
type Ordered = { readonly confirmationUrl: string | null; readonly payment: Answered | null }

const orderReady = (
  settings: ReactorSettings,
  effect: Settled,
  { order, now }: { order: Ordered; now: Instant },
): Addressed | null => {
  const to = target(effect)
  if (order.payment) return recorded(settings, order.payment, now)
  const url = order.confirmationUrl
  if (!to || url === null) return null
  return {
    stream: to.stream,
    command: {
      type: 'RecordPaymentLink',
      data: {
        at: now,
        paymentId: to.paymentId,
        providerPaymentId: null,
        confirmationUrl: url,
        expiresAt: plusMs(now, paymentLinkMinutes * 60_000),
      },
    },
  }
}

/** An answer of the provider to a question of ours; one that a reconciliation asked says so. */
const read = (
  settings: ReactorSettings,
  effect: Settled,
  { answer, now }: { answer: Answered; now: Instant },
): Addressed => {
  const addressed = recorded(settings, answer, now, effect.payload.retryAfter)
  return effect.payload.origin === 'reconciliation' ? { ...addressed, origin: 'reconciliation' } : addressed
}

/** The provider's answer goes to the subscription that it names; one that names none of ours is reported. */
const recorded = (settings: ReactorSettings, answer: Answered, now: Instant, notBefore?: unknown): Addressed => {
  const subscriptionId = readSubscriptionId(answer.subscriptionId ?? '')
  if (subscriptionId && readPaymentId(answer.paymentId ?? '')) {
    return {
      stream: subscriptionStream(subscriptionId),
      command: {
        type: 'RecordProviderPayment',
        data: {
          at: now,
          payment: answer,
          expected: settings.expected[answer.provider],
          retryAfter: typeof notBefore === 'string' ? parseInstant(notBefore) : null,
        },
      },
      otherwise: unmatched(answer.provider, { id: answer.providerPaymentId, reason: 'payment-unknown', now }),
    }
  }
  return unmatched(answer.provider, { id: answer.providerPaymentId, reason: 'order-unknown', now })
}

/** A refund that was made is a reason to read the payment again: its own sum of refunds counts, whoever made them. */
const refunded = (provider: Provider, effect: Settled, now: Instant): Addressed => {
  const providerPaymentId = String(effect.payload.providerPaymentId)
  return {
    stream: noticeStream(provider, providerPaymentId),
    command: {
      type: 'RecordNotice',
      data: { at: now, provider, kind: 'refund', providerPaymentId, claimedStatus: null },
    },
  }
}

/** The chat takes this much of an answer. */
const answerLengthMax = 4000
/** The bot's own words for giving up; a visitor who makes it say them gets a person, and nothing else. */
const givesUp = /переда(?:ю|м|ём|ем)[^.!?\n]{0,60}(?:человек|оператор|менеджер|специалист|сотрудник)/iu

/** The operation that chose the partner names the offer. */
const chosen = (effect: Settled, result: { readonly partnerId: string | null }, now: Instant): Addressed | null => {
  const partnerId = readPartnerId(result.partnerId ?? '')
  if (!partnerId) return null
  return {
    stream: leadStream(String(effect.payload.leadId)),
    command: { type: 'OfferLead', data: { at: now, offerId: offerId(effect.effectId), partnerId } },
  }
}

const dialogOf = (effect: Settled): string | null => {
  const id = readDialogId(String(effect.payload.dialogId ?? ''))
  return id === null ? null : dialogStream(id)
}

/** What the bot said becomes an answer, whatever it says: it is text. The id of the question labels it in the chat. */
const answered = (effect: Settled, words: string, now: Instant): Addressed | null => {
  const stream = dialogOf(effect)
  const text = cutText(words, answerLengthMax)
  if (!stream || text === '') return stream ? handedOver(effect, 'answer-empty', now) : null
  return {
    stream,
    command: {
      type: 'PrepareAnswer',
      data: { at: now, answerId: effect.effectId, text, handsOver: givesUp.test(text) },
    },
  }
}

const handedOver = (effect: Settled, reason: string, now: Instant): Addressed | null => {
  const stream = dialogOf(effect)
  return stream === null ? null : { stream, command: { type: 'HandOver', data: { at: now, reason } } }
}

const wasSent = (effect: Settled, now: Instant): Addressed | null => {
  const stream = dialogOf(effect)
  const answerId = String(effect.payload.customId ?? '')
  return stream === null ? null : { stream, command: { type: 'NoteSent', data: { at: now, answerId } } }
}

/** The name of the state that a dialog asked about; one that the account does not have stays a number. */
const named = (
  effect: Settled,
  { statuses }: { readonly statuses: readonly UmnicoStatus[] },
  now: Instant,
): Addressed | null => {
  const stream = dialogOf(effect)
  const status = statuses.find(({ statusId }) => statusId === effect.payload.statusId)
  if (stream === null || !status) return null
  const { statusId, name, type } = status
  return {
    stream,
    command: { type: 'NoteStatus', data: { at: now, statusId, statusName: name, ends: endsDeal(type) } },
  }
}

const unmatched = (
  provider: Provider,
  { id, reason, now }: { id: string; reason: string; now: Instant },
): Addressed => ({
  stream: noticeStream(provider, id),
  command: { type: 'ReportUnmatched', data: { at: now, provider, providerPaymentId: id, reason } },
})

const refusal = (effect: Settled, code: string, now: Instant): Addressed | null => {
  switch (effect.kind) {
    case 'yookassa.createPayment':
    case 'yookassa.chargeSaved':
    case 'cloudpayments.createOrder':
    case 'cloudpayments.chargeToken': {
      const to = target(effect)
      return (
        to && {
          stream: to.stream,
          command: { type: 'RecordPaymentRefusal', data: { at: now, paymentId: to.paymentId, code } },
        }
      )
    }
    case 'yookassa.refund':
    case 'cloudpayments.refund': {
      const correction = correctionSettled(effect, code, now)
      if (correction) return correction
      const to = target(effect)
      const refundId = readRefundId(String(effect.payload.refundId ?? ''))
      return to && refundId
        ? { stream: to.stream, command: { type: 'RecordRefundRefusal', data: { at: now, refundId, code } } }
        : null
    }
    case 'protalk.ask':
      return handedOver(effect, code, now)
    case 'yookassa.reconcile':
    case 'cloudpayments.reconcile':
    case 'flexbe.reconcile':
      return listRefused(effect, code, now)
    case 'yookassa.readPayment': {
      const id = String(effect.payload.providerPaymentId ?? '')
      return absentThere(effect, code, now) ?? unmatched('yookassa', { id, reason: code, now })
    }
    case 'cloudpayments.readPayment': {
      const id = String(effect.payload.transactionId ?? '')
      return absentThere(effect, code, now) ?? unmatched('cloudpayments', { id, reason: code, now })
    }
    default:
      return null
  }
}
