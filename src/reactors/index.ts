import type { Dialog } from '../domain/dialog.ts'
import { dialogStream, leadStream, partnerStream, readPartnerId, subscriptionStream } from '../domain/ids.ts'
import type { DomainEvent } from '../domain/index.ts'
import type { Lead } from '../domain/lead.ts'
import type { Partner } from '../domain/partner.ts'
import type { Subscription } from '../domain/subscriptionState.ts'
import type { Instant } from '../kernel/time.ts'
import { offerLeads } from './offerLeads.ts'
import { openCabinets } from './openCabinets.ts'
import { proveContacts } from './proveContacts.ts'
import { reconcile, reconcileTypes } from './reconcile.ts'
import { nameStatuses, pullLeads, relayDialogs, takeLeads } from './relayDialogs.ts'
import { remindPartners } from './remindPartners.ts'
import { renewSubscriptions } from './renewSubscriptions.ts'
import { sendLetters } from './sendLetters.ts'
import type { Asked, ReactorSettings } from './settings.ts'
import { takePayments } from './takePayments.ts'
import { verifyTaxpayer } from './verifyTaxpayer.ts'

type Recorded = {
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
  readonly stream: string
  readonly subject: string
  readonly recordedAt: Instant
}

/** A rule as the engine takes it. */
type Rule = {
  readonly name: string
  readonly types: readonly string[]
  readonly needs: (event: Recorded) => readonly string[]
  readonly react: (event: Recorded, states: ReadonlyMap<string, unknown>) => readonly Asked[]
}

type States = { readonly partner: Partner | null; readonly subscription: Subscription | null }

const needsOf = (event: Recorded): string[] => {
  const partner = readPartnerId(event.subject)
  const subscription = typeof event.data.subscriptionId === 'string' ? event.data.subscriptionId : null
  return [...(partner ? [partnerStream(partner)] : []), ...(subscription ? [subscriptionStream(subscription)] : [])]
}

/** The log holds only what our deciders wrote, and the states are folds of our deciders: here both get their types back. */
const rule = (
  name: string,
  types: readonly DomainEvent['type'][],
  react: (event: DomainEvent, states: States) => readonly Asked[],
): Rule => ({
  name,
  types,
  needs: needsOf,
  react: (event, states) => {
    const [partner, subscription] = [...states.entries()].reduce<[Partner | null, Subscription | null]>(
      (found, [stream, state]) =>
        stream.startsWith('partner-') ? [state as Partner, found[1]] : [found[0], state as Subscription],
      [null, null],
    )
    return react({ type: event.type, data: event.data } as DomainEvent, { partner, subscription })
  },
})

/** A rule about a dialog, with the dialog as it is now. */
const dialogRule = (
  name: string,
  types: readonly DomainEvent['type'][],
  react: (event: DomainEvent, dialog: Dialog | null, now: Instant) => readonly Asked[],
): Rule => ({
  name,
  types,
  needs: ({ data }) => (typeof data.dialogId === 'string' ? [dialogStream(data.dialogId)] : []),
  react: (event, states) => {
    const [dialog] = states.values()
    return react(
      { type: event.type, data: event.data } as DomainEvent,
      (dialog as Dialog | undefined) ?? null,
      event.recordedAt,
    )
  },
})

/** The rule about offers, with the lead and the partner as they are now. */
const offerRule = (settings: ReactorSettings): Rule => ({
  name: 'offerLeads',
  types: ['LeadReceived', 'LeadDetailsAdded', 'LeadOffered', 'OfferDeclined', 'OfferExpired'],
  needs: ({ type, data }) => [
    ...(typeof data.leadId === 'string' ? [leadStream(data.leadId)] : []),
    ...(type === 'LeadOffered' && typeof data.partnerId === 'string' ? [partnerStream(data.partnerId)] : []),
  ],
  react: (event, states) => {
    const found = (category: string): unknown =>
      [...states].find(([stream]) => stream.startsWith(category))?.[1] ?? null
    return offerLeads(settings, { type: event.type, data: event.data } as DomainEvent, {
      lead: found('lead-') as Lead | null,
      partner: found('partner-') as Partner | null,
    })
  },
})

/** Every rule that turns events into effects; one line each. */
export const reactors = (settings: ReactorSettings): readonly Rule[] => [
  rule(
    'verifyTaxpayer',
    ['PartnerApplied', 'PartnerDetailsProvided', 'PartnerVerificationPostponed'],
    (event, { partner }) => {
      if (!partner || partner.status === 'absent' || partner.status === 'erased') return []
      if (
        event.type !== 'PartnerApplied' &&
        event.type !== 'PartnerDetailsProvided' &&
        event.type !== 'PartnerVerificationPostponed'
      )
        return []
      return verifyTaxpayer(event, {
        id: partner.partnerId,
        inn: partner.inn,
        companyName: partner.application.companyName,
      })
    },
  ),
  rule(
    'takePayments',
    ['PartnerVerified', 'PaymentRequested', 'PaymentLinkReady', 'PaymentNoticeReceived', 'RefundRequested'],
    (event, states) => takePayments(settings, event, states),
  ),
  rule(
    'renewSubscriptions',
    [
      'TrialStarted',
      'SubscriptionActivated',
      'SubscriptionExtended',
      'RenewalScheduled',
      'PaymentRequested',
      'PaymentAccepted',
      'PartnerDelisted',
      'PersonErased',
    ],
    (event, states) => renewSubscriptions(settings, event, states),
  ),
  rule(
    'remindPartners',
    [
      'TrialStarted',
      'RenewalAnnounced',
      'RenewalScheduled',
      'RenewalStopped',
      'SubscriptionPastDue',
      'PaymentReminded',
      'SubscriptionSuspended',
      'SubscriptionCancelled',
      'SubscriptionExpired',
      'PaymentSucceeded',
    ],
    (event, states) => remindPartners(settings, event, states),
  ),
  rule('reconcile', reconcileTypes, (event, states) => reconcile(settings, event, states)),
  rule('forgetPerson', ['PersonErased'], (_event, { partner }) =>
    partner?.status === 'erased'
      ? [{ destination: 'hub', kind: 'hub.forget', payload: { partnerId: partner.partnerId } }]
      : [],
  ),
  rule('openCabinets', ['CabinetLinkAsked'], (event, states) => openCabinets(settings, event, states)),
  rule('exportTemplate', ['TemplatePublished'], (event) =>
    event.type !== 'TemplatePublished' ||
    (settings.templatePageId !== null && settings.templatePageId !== event.data.pageId)
      ? []
      : [
          {
            destination: 'tilda',
            kind: 'tilda.exportTemplate',
            payload: { pageId: event.data.pageId },
            dueAt: event.data.exportAt,
          },
        ],
  ),
  dialogRule('relayDialogs', ['MessageReceived', 'AnswerPrepared', 'MessageNoted'], (event, dialog, now) =>
    relayDialogs(settings, { event, now }, dialog),
  ),
  dialogRule('takeLeads', ['DialogOpened', 'VisitorIntroduced', 'MessageReceived'], takeLeads),
  rule('nameStatuses', ['DialogStatusNoted'], nameStatuses),
  offerRule(settings),
  rule('pullLeads', ['LeadReceived', 'PullHinted'], pullLeads),
  rule('proveContacts', ['ProofAsked', 'CancellationAsked'], proveContacts),
  rule(
    'sendLetters',
    [
      'PartnerApplied',
      'PartnerDetailsProvided',
      'SubscriptionOpened',
      'PartnerRejected',
      'PartnerReviewRequested',
      'SubscriptionActivated',
      'PaymentDeclined',
      'PaymentMismatched',
      'PaymentUnmatched',
      'ContentConflicted',
      'OrderClaimed',
      'DifferenceFound',
      'ReconciliationFailed',
    ],
    (event, states) => sendLetters(settings, event, states),
  ),
]
