import type { DomainEvent } from '../src/domain/index.ts'
import type { Instant } from '../src/kernel/time.ts'
import { type FoldEvent, readModel } from './projection.ts'

/** A partner with its verification, its subscription and its page, as lists and cards show it. */
export type PartnerRow = {
  readonly partnerId: string
  readonly slug: string | null
  readonly status: string
  readonly inn: string | null
  readonly kpp: string | null
  readonly ogrn: string | null
  readonly legalName: string | null
  readonly kind: string | null
  readonly contactName: string | null
  readonly phone: string | null
  readonly email: string | null
  readonly city: string | null
  readonly services: readonly string[]
  readonly areas: readonly string[]
  readonly verificationStatus: string
  readonly verificationReason: string | null
  readonly verificationCheckedAt: Instant | null
  readonly consentPersonalData: boolean
  readonly consentMarketing: boolean
  readonly subscriptionId: string | null
  readonly subscriptionStatus: string | null
  readonly subscriptionPlan: string | null
  readonly subscriptionPaidThrough: Instant | null
  readonly listed: boolean
  readonly pageStatus: string
  readonly repeatedApplications: number
  readonly registeredAt: Instant
  readonly position: number
}

const listedSubscription = new Set(['trialing', 'active', 'past_due'])

/** Works out what follows from the other fields: whether the partner is listed, and its page. */
const settled = (row: PartnerRow): PartnerRow => {
  // A fold after the erasure cannot know the slug of before, so nothing that hung on it may stay.
  if (row.status === 'erased') return { ...row, listed: false, pageStatus: 'none' }
  const listed = row.status === 'verified' && row.slug !== null && listedSubscription.has(row.subscriptionStatus ?? '')
  const pageStatus = listed ? 'published' : row.pageStatus === 'none' ? 'none' : 'withdrawn'
  return { ...row, listed, pageStatus }
}

type Applied = Extract<DomainEvent, { type: 'PartnerApplied' | 'PartnerDetailsProvided' }>

const waitingReason = (missing: readonly string[]): string =>
  missing.length === 0 ? 'registry-asked' : `missing: ${missing.join(', ')}`

const applied = ({ data }: Applied) => ({
  status: data.missing.length > 0 ? 'awaiting_details' : 'applied',
  inn: data.inn,
  contactName: data.contactName,
  phone: data.phone,
  email: data.email,
  city: data.city,
  services: data.services,
  areas: data.areas,
  verificationStatus: 'pending',
  verificationReason: waitingReason(data.missing),
  consentPersonalData: data.personalData,
  consentMarketing: data.marketing,
})

const born = (event: Extract<DomainEvent, { type: 'PartnerApplied' }>, position: number): PartnerRow => ({
  partnerId: event.data.partnerId,
  slug: null,
  kpp: null,
  ogrn: null,
  legalName: event.data.companyName,
  kind: null,
  verificationCheckedAt: null,
  subscriptionId: null,
  subscriptionStatus: null,
  subscriptionPlan: null,
  subscriptionPaidThrough: null,
  listed: false,
  pageStatus: 'none',
  repeatedApplications: 0,
  registeredAt: event.data.at,
  position,
  ...applied(event),
})

const blank = {
  slug: null,
  inn: null,
  kpp: null,
  ogrn: null,
  legalName: null,
  contactName: null,
  phone: null,
  email: null,
  city: null,
  services: [],
  areas: [],
} as const

const judged = (status: string, data: { readonly reason: string; readonly checkedAt: Instant }) => ({
  status,
  verificationStatus: status === 'delisted' ? 'rejected' : status,
  verificationReason: data.reason,
  verificationCheckedAt: data.checkedAt,
})

/** What one event changes in a row; null when it changes nothing. */
const change = (row: PartnerRow, event: DomainEvent): Partial<PartnerRow> | null => {
  switch (event.type) {
    case 'PartnerDetailsProvided':
      return { ...applied(event), legalName: event.data.companyName }
    case 'PartnerApplicationRepeated':
      return { repeatedApplications: row.repeatedApplications + 1 }
    case 'PartnerProfileChanged':
      return {
        city: event.data.city ?? row.city,
        services: event.data.services ?? row.services,
        areas: event.data.areas ?? row.areas,
      }
    case 'PartnerVerified': {
      const { inn, kpp, ogrn, legalName, kind, slug, checkedAt } = event.data
      return {
        status: 'verified',
        inn: inn ?? row.inn,
        kpp,
        ogrn,
        legalName,
        kind,
        slug,
        verificationStatus: 'verified',
        verificationReason: null,
        verificationCheckedAt: checkedAt,
      }
    }
    case 'PartnerRejected':
      return judged('rejected', event.data)
    case 'PartnerReviewRequested':
      return judged('needs_review', event.data)
    case 'PartnerDelisted':
      return judged('delisted', event.data)
    case 'MarketingUnsubscribed':
      return { consentMarketing: false }
    case 'PersonErased':
      return { ...blank, status: 'erased', consentPersonalData: false, consentMarketing: false }
    case 'SubscriptionOpened':
      return {
        subscriptionId: event.data.subscriptionId,
        subscriptionStatus: 'pending_payment',
        subscriptionPlan: event.data.plan,
        subscriptionPaidThrough: null,
      }
    case 'TrialStarted':
      return { subscriptionStatus: 'trialing', subscriptionPaidThrough: event.data.paidThrough }
    case 'SubscriptionActivated':
    case 'SubscriptionExtended':
      return { subscriptionStatus: 'active', subscriptionPaidThrough: event.data.paidThrough }
    case 'PlanChanged':
      return { subscriptionPlan: event.data.plan }
    case 'SubscriptionPastDue':
      return { subscriptionStatus: 'past_due' }
    case 'SubscriptionSuspended':
      return { subscriptionStatus: 'suspended' }
    case 'SubscriptionCancelled':
      return { subscriptionStatus: 'cancelled' }
    case 'SubscriptionExpired':
      return { subscriptionStatus: 'expired' }
    default:
      return null
  }
}

const fold = (row: PartnerRow | null, recorded: FoldEvent): PartnerRow | null => {
  // The log holds only what our own deciders wrote.
  const event = { type: recorded.type, data: recorded.data } as DomainEvent
  if (event.type === 'PartnerApplied') return born(event, recorded.position)
  if (!row || row.status === 'erased') return row
  const changes = change(row, event)
  return changes ? settled({ ...row, ...changes, position: recorded.position }) : row
}

/** Partners by their id; the subject of every event about a partner is the partner. */
export const partners = readModel<PartnerRow>({
  name: 'partners',
  types: [
    'PartnerApplied',
    'PartnerDetailsProvided',
    'PartnerApplicationRepeated',
    'PartnerProfileChanged',
    'PartnerVerified',
    'PartnerRejected',
    'PartnerReviewRequested',
    'PartnerDelisted',
    'MarketingUnsubscribed',
    'PersonErased',
    'SubscriptionOpened',
    'SubscriptionActivated',
    'SubscriptionExtended',
    'PlanChanged',
    'SubscriptionPastDue',
    'SubscriptionSuspended',
    'SubscriptionCancelled',
    'SubscriptionExpired',
    'TrialStarted',
  ],
  personal: true,
  key: 'partnerId',
  columns: {
    partnerId: 'text',
    slug: 'text',
    status: 'text',
    inn: 'text',
    kpp: 'text',
    ogrn: 'text',
    legalName: 'text',
    kind: 'text',
    contactName: 'text',
    phone: 'text',
    email: 'text',
    city: 'text',
    services: 'text[]',
    areas: 'text[]',
    verificationStatus: 'text',
    verificationReason: 'text',
    verificationCheckedAt: 'timestamptz',
    consentPersonalData: 'boolean',
    consentMarketing: 'boolean',
    subscriptionId: 'text',
    subscriptionStatus: 'text',
    subscriptionPlan: 'text',
    subscriptionPaidThrough: 'timestamptz',
    listed: 'boolean',
    pageStatus: 'text',
    repeatedApplications: 'integer',
    registeredAt: 'timestamptz',
    position: 'bigint',
  },
  keyOf: (event) => event.subject,
  fold,
})
