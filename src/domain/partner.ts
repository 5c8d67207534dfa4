import { unreachable } from '../kernel/brand.ts'
import { accepted, type Decider, type Decision, refused } from '../kernel/decision.ts'
import type { Instant } from '../kernel/time.ts'
import type { PartnerId } from './ids.ts'

/** What an applicant told us. Personal fields are null when absent, and after an erasure. */
export type Application = {
  readonly contactName: string | null
  readonly phone: string | null
  readonly email: string | null
  readonly inn: string | null
  readonly companyName: string | null
  readonly city: string | null
  readonly services: readonly string[]
  readonly areas: readonly string[]
  readonly plan: string | null
  readonly comment: string | null
  readonly personalData: boolean
  readonly marketing: boolean
  readonly policyText: string | null
  readonly utm: Readonly<Record<string, string>>
  readonly formId: string | null
  /** The contact belongs to somebody who was erased: advertising does not reach it, whatever box was ticked. */
  readonly suppressed?: boolean
  /** Advertising was refused, and not agreed to again since. */
  readonly unsubscribed?: boolean
}

/** What an application must have before the registry is asked. */
export type Missing = 'inn' | 'consent'

/** What the registry knows of a company and we keep. */
export type Registered = {
  readonly kind: 'company' | 'sole_trader'
  readonly inn: string | null
  readonly kpp: string | null
  readonly ogrn: string | null
  readonly legalName: string | null
  readonly region: string | null
  readonly rawStatus: string | null
  readonly source: string
}

/** Facts about a partner. */
export type PartnerEvent =
  | {
      readonly type: 'PartnerApplied'
      readonly data: Application & {
        readonly partnerId: PartnerId
        readonly at: Instant
        readonly missing: readonly Missing[]
      }
    }
  | {
      readonly type: 'PartnerDetailsProvided'
      readonly data: Application & { readonly at: Instant; readonly missing: readonly Missing[] }
    }
  | { readonly type: 'PartnerApplicationRepeated'; readonly data: Application & { readonly at: Instant } }
  | { readonly type: 'PartnerProfileChanged'; readonly data: Partial<Application> & { readonly at: Instant } }
  | { readonly type: 'PartnerVerificationPostponed'; readonly data: { readonly at: Instant; readonly reason: string } }
  | {
      readonly type: 'PartnerVerified'
      readonly data: Registered & {
        readonly at: Instant
        readonly checkedAt: Instant
        readonly slug: string | null
        readonly by: 'registry' | 'operator'
      }
    }
  | { readonly type: 'PartnerRejected'; readonly data: Judgement }
  | { readonly type: 'PartnerReviewRequested'; readonly data: Judgement & { readonly company: Registered | null } }
  | { readonly type: 'PartnerDelisted'; readonly data: Judgement }
  | { readonly type: 'CardViewed'; readonly data: { readonly at: Instant; readonly by: string } }
  | { readonly type: 'MarketingUnsubscribed'; readonly data: { readonly at: Instant } }
  | { readonly type: 'PersonErased'; readonly data: { readonly at: Instant; readonly basis: ErasureBasis } }

/** Why a person is erased. */
export type ErasureBasis = 'request' | 'withdrawal' | 'unlawful' | 'purpose_reached'

type Judgement = {
  readonly at: Instant
  readonly checkedAt: Instant
  readonly reason: string
  readonly detail: string
  readonly by: 'registry' | 'operator' | 'timer'
}

/** Wishes about a partner. */
export type PartnerCommand =
  | {
      readonly type: 'ApplyAsPartner'
      readonly data: { readonly partnerId: PartnerId; readonly at: Instant; readonly application: Application }
    }
  | { readonly type: 'ChangeProfile'; readonly data: { readonly at: Instant; readonly application: Application } }
  | { readonly type: 'RecordVerdict'; readonly data: Verdict }
  | { readonly type: 'EscalateVerification'; readonly data: { readonly at: Instant } }
  | {
      readonly type: 'ReviewPartner'
      readonly data: {
        readonly at: Instant
        readonly verdict: 'verified' | 'rejected'
        readonly slug: string | null
        readonly detail: string
      }
    }
  | { readonly type: 'ViewCard'; readonly data: { readonly at: Instant; readonly by: string } }
  | { readonly type: 'Unsubscribe'; readonly data: { readonly at: Instant } }
  | { readonly type: 'ErasePerson'; readonly data: { readonly at: Instant; readonly basis: ErasureBasis } }

/** What the registry check came to. */
export type Verdict = {
  readonly at: Instant
  readonly checkedAt: Instant
  readonly verdict: 'verified' | 'rejected' | 'needs_review' | 'not_found_yet'
  readonly reason: string
  readonly detail: string
  readonly company: Registered | null
  /** The public name of the page, made of the legal name. */
  readonly slug: string | null
}

/** A partner as the decider sees it. */
export type Partner =
  | { readonly status: 'absent' }
  | (Known & { readonly status: 'awaiting_details'; readonly missing: readonly Missing[] })
  | (Known & { readonly status: 'applied' })
  | (Known & { readonly status: 'needs_review'; readonly reason: string; readonly company: Registered | null })
  | (Known & { readonly status: 'verified'; readonly company: Registered; readonly slug: string | null })
  | (Known & { readonly status: 'rejected'; readonly reason: string })
  | (Known & { readonly status: 'delisted'; readonly reason: string })
  | { readonly status: 'erased'; readonly partnerId: PartnerId }

type Known = { readonly partnerId: PartnerId; readonly application: Application; readonly inn: string | null }

/** The reason of a review that only says that nobody could be asked; an answer that comes later ends it. */
export const registryUnavailable = 'registry-unavailable'

const missingOf = (application: Application): Missing[] => [
  ...(application.inn === null ? (['inn'] as const) : []),
  ...(application.personalData ? [] : (['consent'] as const)),
]

const applicationOf = (data: Application): Application => ({
  contactName: data.contactName,
  phone: data.phone,
  email: data.email,
  inn: data.inn,
  companyName: data.companyName,
  city: data.city,
  services: data.services,
  areas: data.areas,
  plan: data.plan,
  comment: data.comment,
  personalData: data.personalData,
  marketing: data.marketing,
  policyText: data.policyText,
  utm: data.utm,
  formId: data.formId,
  ...(data.suppressed ? { suppressed: true } : {}),
})

/** Whether two applications come from one person, as far as a contact can tell. */
const sameContact = (one: Application, other: Application): boolean =>
  (one.email !== null && one.email === other.email) || (one.phone !== null && one.phone === other.phone)

/** Later answers complete earlier ones. Contacts on file stay; what is absent now stays as it was. */
const merged = (before: Application, now: Application): Application => ({
  ...(now.suppressed || before.suppressed ? { suppressed: true } : {}),
  contactName: before.contactName ?? now.contactName,
  phone: before.phone ?? now.phone,
  email: before.email ?? now.email,
  inn: now.inn ?? before.inn,
  companyName: now.companyName ?? before.companyName,
  city: now.city ?? before.city,
  services: now.services.length > 0 ? now.services : before.services,
  areas: now.areas.length > 0 ? now.areas : before.areas,
  plan: now.plan ?? before.plan,
  comment: now.comment ?? before.comment,
  personalData: now.personalData || before.personalData,
  marketing: (now.marketing || before.marketing) && !now.suppressed && !before.suppressed,
  policyText: now.policyText ?? before.policyText,
  utm: { ...now.utm, ...before.utm },
  formId: now.formId ?? before.formId,
})

const evolve = (state: Partner, event: PartnerEvent): Partner => {
  if (event.type === 'PartnerApplied') {
    const known = { partnerId: event.data.partnerId, application: applicationOf(event.data), inn: event.data.inn }
    return event.data.missing.length > 0
      ? { ...known, status: 'awaiting_details', missing: event.data.missing }
      : { ...known, status: 'applied' }
  }
  if (state.status === 'absent' || state.status === 'erased') return state
  const known = { partnerId: state.partnerId, application: state.application, inn: state.inn }
  switch (event.type) {
    case 'PartnerDetailsProvided': {
      const completed = { ...known, application: applicationOf(event.data), inn: event.data.inn }
      return event.data.missing.length > 0
        ? { ...completed, status: 'awaiting_details', missing: event.data.missing }
        : { ...completed, status: 'applied' }
    }
    case 'PartnerProfileChanged':
      return { ...state, application: { ...state.application, ...event.data } }
    case 'PartnerVerified':
      return {
        ...known,
        inn: event.data.inn ?? known.inn,
        status: 'verified',
        company: event.data,
        slug: event.data.slug,
      }
    case 'PartnerRejected':
      return { ...known, status: 'rejected', reason: event.data.reason }
    case 'PartnerReviewRequested':
      return { ...known, status: 'needs_review', reason: event.data.reason, company: event.data.company }
    case 'PartnerDelisted':
      return { ...known, status: 'delisted', reason: event.data.reason }
    case 'MarketingUnsubscribed':
      return { ...state, application: { ...state.application, marketing: false, unsubscribed: true } }
    case 'PersonErased':
      return { status: 'erased', partnerId: state.partnerId }
    case 'PartnerApplicationRepeated':
    case 'PartnerVerificationPostponed':
    case 'CardViewed':
      return state
    default:
      return unreachable(event)
  }
}

const decide = (state: Partner, command: PartnerCommand): Decision<PartnerEvent> => {
  switch (command.type) {
    case 'ApplyAsPartner':
      return apply(state, command.data)
    case 'ChangeProfile':
      return changeProfile(state, command.data)
    case 'RecordVerdict':
      return recordVerdict(state, command.data)
    case 'EscalateVerification':
      if (state.status !== 'applied') return accepted()
      return accepted({
        type: 'PartnerReviewRequested',
        data: {
          at: command.data.at,
          checkedAt: command.data.at,
          reason: registryUnavailable,
          detail: 'Реестр не ответил за сутки',
          by: 'timer',
          company: null,
        },
      })
    case 'ReviewPartner':
      return review(state, command.data)
    case 'ViewCard':
      if (state.status === 'absent') return refused('partner-unknown', 'Cannot view the card: there is no such partner')
      return accepted({ type: 'CardViewed', data: command.data })
    case 'Unsubscribe':
      return unsubscribe(state, command.data)
    case 'ErasePerson':
      if (state.status === 'absent')
        return refused('partner-unknown', 'Cannot erase the partner: there is no such partner')
      return state.status === 'erased' ? accepted() : accepted({ type: 'PersonErased', data: command.data })
    default:
      return unreachable(command)
  }
}

const apply = (
  state: Partner,
  { partnerId, at, application }: { partnerId: PartnerId; at: Instant; application: Application },
): Decision<PartnerEvent> => {
  switch (state.status) {
    case 'absent':
      return accepted({
        type: 'PartnerApplied',
        data: { ...application, partnerId, at, missing: missingOf(application) },
      })
    case 'awaiting_details': {
      // Somebody else with the same INN: recorded for the operator, the first one's contacts stay.
      if (!sameContact(state.application, application))
        return accepted({ type: 'PartnerApplicationRepeated', data: { ...application, at } })
      const completed = merged(state.application, application)
      return accepted({ type: 'PartnerDetailsProvided', data: { ...completed, at, missing: missingOf(completed) } })
    }
    case 'erased':
      return refused('partner-erased', 'Cannot apply again: the partner was erased')
    default:
      return accepted({ type: 'PartnerApplicationRepeated', data: { ...application, at } })
  }
}

const changeProfile = (
  state: Partner,
  { at, application }: { at: Instant; application: Application },
): Decision<PartnerEvent> => {
  if (state.status === 'absent' || state.status === 'erased')
    return refused('partner-unknown', 'Cannot change the profile: there is no such partner')
  // Who changes a profile through a form is not proven, so contacts and the INN stay as they are on file.
  return accepted({
    type: 'PartnerProfileChanged',
    data: {
      at,
      city: application.city ?? state.application.city,
      services: application.services.length > 0 ? application.services : state.application.services,
      areas: application.areas.length > 0 ? application.areas : state.application.areas,
    },
  })
}

/** A refusal of advertising counts at once and is a fact once, also of somebody who never agreed: it is the proof that he asked. */
const unsubscribe = (state: Partner, data: { readonly at: Instant }): Decision<PartnerEvent> => {
  if (state.status === 'absent') return refused('partner-unknown', 'Cannot unsubscribe: there is no such partner')
  if (state.status === 'erased') return accepted()
  const { marketing, unsubscribed } = state.application
  return unsubscribed && !marketing ? accepted() : accepted({ type: 'MarketingUnsubscribed', data })
}

const awaitsVerdict = (state: Partner): state is Extract<Partner, { status: 'applied' | 'needs_review' }> =>
  state.status === 'applied' || (state.status === 'needs_review' && state.reason === registryUnavailable)

const recordVerdict = (state: Partner, data: Verdict): Decision<PartnerEvent> => {
  const { at, checkedAt, reason, detail, company } = data
  if (state.status === 'verified' && data.verdict === 'rejected') {
    return accepted({ type: 'PartnerDelisted', data: { at, checkedAt, reason, detail, by: 'registry' } })
  }
  if (!awaitsVerdict(state)) return accepted()
  switch (data.verdict) {
    case 'verified':
      if (!company) return refused('company-missing', 'Cannot verify the partner: the registry named no company')
      return accepted({ type: 'PartnerVerified', data: { ...company, at, checkedAt, slug: data.slug, by: 'registry' } })
    case 'rejected':
      return accepted({ type: 'PartnerRejected', data: { at, checkedAt, reason, detail, by: 'registry' } })
    case 'needs_review':
      return accepted({
        type: 'PartnerReviewRequested',
        data: { at, checkedAt, reason, detail, by: 'registry', company },
      })
    case 'not_found_yet':
      return accepted({ type: 'PartnerVerificationPostponed', data: { at, reason } })
    default:
      return unreachable(data.verdict)
  }
}

const review = (
  state: Partner,
  { at, verdict, slug, detail }: { at: Instant; verdict: 'verified' | 'rejected'; slug: string | null; detail: string },
): Decision<PartnerEvent> => {
  if (state.status !== 'needs_review' && state.status !== 'applied' && state.status !== 'rejected') {
    return refused(
      'partner-not-reviewable',
      `Cannot review the partner: its status is ${state.status}, it should be needs_review, applied or rejected`,
    )
  }
  if (state.status === verdict)
    return refused('partner-already-decided', `Cannot review the partner: it is ${verdict} already`)
  if (verdict === 'rejected')
    return accepted({
      type: 'PartnerRejected',
      data: { at, checkedAt: at, reason: 'operator', detail, by: 'operator' },
    })
  const company = (state.status === 'needs_review' ? state.company : null) ?? unchecked(state)
  return accepted({ type: 'PartnerVerified', data: { ...company, at, checkedAt: at, slug, by: 'operator' } })
}

const unchecked = (state: Known): Registered => ({
  kind: state.inn?.length === 12 ? 'sole_trader' : 'company',
  inn: state.inn,
  kpp: null,
  ogrn: null,
  legalName: state.application.companyName ?? state.application.contactName,
  region: null,
  rawStatus: null,
  source: 'operator',
})

/** The decider of a partner: application, verification, review, erasure. */
export const partner: Decider<Partner, PartnerCommand, PartnerEvent> = { initial: { status: 'absent' }, evolve, decide }

const applicationPersonal = ['contactName', 'phone', 'email', 'inn', 'companyName', 'comment'] as const

/** The fields of each event that are about a person, and therefore sealed in the log. */
export const partnerPersonal: Readonly<Record<string, readonly string[]>> = {
  PartnerApplied: applicationPersonal,
  PartnerDetailsProvided: applicationPersonal,
  PartnerApplicationRepeated: applicationPersonal,
  PartnerProfileChanged: applicationPersonal,
  PartnerVerified: ['inn', 'ogrn', 'legalName', 'slug'],
  PartnerReviewRequested: ['company'],
}

/** The claim on an INN: one INN is one partner. */
export const innClaim = (inn: string): string => `inn:${inn}`
/** The claims by which a later form finds the partner that waits for details. */
export const contactClaims = (application: Pick<Application, 'email' | 'phone'>): string[] => [
  ...(application.email ? [`awaiting:email:${application.email}`] : []),
  ...(application.phone ? [`awaiting:phone:${application.phone}`] : []),
]

/** The words under which a contact that advertising must not reach is known; only their digests are kept. */
export const suppressionClaims = (contact: Pick<Application, 'email' | 'phone'>): string[] => [
  ...(contact.email ? [`suppressed:email:${contact.email}`] : []),
  ...(contact.phone ? [`suppressed:phone:${contact.phone}`] : []),
]

/** What an event takes for its partner, or gives back. */
export const partnerClaims = (
  state: Partner,
  event: PartnerEvent,
): { take: readonly string[]; release: readonly string[] } => {
  switch (event.type) {
    case 'PartnerApplied':
    case 'PartnerDetailsProvided': {
      const inn = event.data.inn ? [innClaim(event.data.inn)] : []
      const contacts = contactClaims(event.data)
      const before =
        state.status === 'awaiting_details'
          ? [...contactClaims(state.application), ...(state.inn ? [innClaim(state.inn)] : [])]
          : []
      return event.data.missing.length > 0
        ? { take: [...inn, ...contacts], release: before }
        : { take: inn, release: [...before, ...contacts] }
    }
    case 'PartnerVerified':
      return { take: event.data.inn ? [innClaim(event.data.inn)] : [], release: [] }
    case 'PartnerRejected':
    case 'PersonErased':
      if (state.status === 'absent' || state.status === 'erased') return { take: [], release: [] }
      return { take: [], release: [...(state.inn ? [innClaim(state.inn)] : []), ...contactClaims(state.application)] }
    default:
      return { take: [], release: [] }
  }
}
