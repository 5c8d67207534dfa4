import type { Partner } from '../domain/partner.ts'
import type { Plan, Provider } from '../domain/subscriptionMessages.ts'
import type { Subscription } from '../domain/subscriptionState.ts'
import type { Instant } from '../kernel/time.ts'

/** A tariff as it is offered: with the days that are free before the first payment. */
export type PlanOffer = Plan & { readonly trialDays?: number }

/** What rules need to know of the configuration. */
export type ReactorSettings = {
  readonly plans: readonly PlanOffer[]
  readonly provider: Provider
  readonly operatorEmail: string | null
  readonly publicUrl: string
  /** Which page of Tilda is the template; null: whichever is published. */
  readonly templatePageId: string | null
  /** The registration form on the partners' site. */
  readonly formUrl: string
  readonly pagesUrl: string
  /** Our own pay page of a subscription. */
  readonly payUrl: (subscriptionId: string) => string
  /** The cabinet of a partner, open until a moment. */
  readonly cabinetLink: (partnerId: string, expiresAt: Instant) => string
  /** Where a partner asks for a link to the cabinet. */
  readonly cabinetUrl: string
  /** The page on which a partner answers an offer. */
  readonly offerUrl: (offerId: string) => string
  readonly receipts: { readonly vatCode: number; readonly taxSystemCode: number | null } | null
  /** Whether visitors' words are handed to the bot by us, or the bot sits on the chat itself and we only watch. */
  readonly dialogMode: 'relay' | 'native'
  /** The account that the provider's answers must name, and whether they must be test payments; null: it does not tell. */
  readonly expected: Readonly<Record<Provider, { readonly accountId: string | null; readonly test: boolean | null }>>
}

/** The plan by its code, or the default one. */
export const planOf = (settings: Pick<ReactorSettings, 'plans'>, code: string | null): PlanOffer => {
  const plan =
    settings.plans.find((candidate) => candidate.plan === code) ??
    settings.plans.find((candidate) => candidate.plan === 'PARTNER-1M') ??
    settings.plans[0]
  if (!plan) throw new Error('Cannot choose a plan: the plans file should have at least one')
  return plan
}

/** The receipt of an operation about a subscription (54-FZ), to the address that the partner has now; null without receipts. */
export const receiptOf = (
  settings: ReactorSettings,
  { partner, subscription }: { readonly partner: Partner | null; readonly subscription: Subscription | null },
): {
  readonly vatCode: number
  readonly taxSystemCode: number | null
  readonly email: string
  readonly description: string
} | null => {
  const email = partner && 'application' in partner ? partner.application.email : null
  const title = subscription && subscription.status !== 'absent' ? subscription.title : 'Размещение партнёра'
  return settings.receipts && email ? { ...settings.receipts, email, description: title.slice(0, 128) } : null
}

/** An operation asked for. */
export type Asked = {
  readonly destination: string
  readonly kind: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly personal?: readonly string[]
  readonly dueAt?: Instant
}
