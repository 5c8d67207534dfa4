import type { Sql } from '../db/connect.ts'
import { subscriptionIdOf, subscriptionStream } from '../domain/ids.ts'
import type { Partner } from '../domain/partner.ts'
import { prepayDays } from '../domain/subscriptionPayments.ts'
import { hasEnded, type Open, type Payment, planToPay, type Subscription } from '../domain/subscriptionState.ts'
import type { CommandHandler } from '../engine/handle.ts'
import { type Instant, plusDays } from '../kernel/time.ts'
import type { CabinetLead, CabinetPayment, CabinetSubscription, CabinetView } from './pages/cabinetPages.ts'

/** What showing a cabinet needs. */
export type CabinetViewDeps = {
  readonly sql: Sql
  readonly handler: CommandHandler
  readonly now: () => Instant
  readonly pagesUrl: string
  readonly payUrl: (subscriptionId: string) => string
}

/** A partner who can have a cabinet. */
export type Known = Exclude<Partner, { status: 'absent' | 'erased' }>

/** Payments and leads that a cabinet shows, the newest ones. */
const shownMax = 50

/** What the cabinet shows: from the streams themselves, so that what was just done is seen. */
export const cabinetView = async (
  deps: CabinetViewDeps,
  partner: Known,
  { path, notice }: { readonly path: string; readonly notice: string | null },
): Promise<CabinetView> => {
  const { partnerId, application } = partner
  const subscriptionId = subscriptionIdOf(partnerId)
  const state = (await deps.handler.load(subscriptionStream(subscriptionId))).state as Subscription
  const subscription = state.status === 'absent' ? null : state
  const company = partner.status === 'verified' ? partner.company.legalName : null
  const runs = subscription !== null && !hasEnded(subscription)
  return {
    partnerName: company ?? application.companyName ?? application.contactName ?? 'Партнёр',
    status: partner.status,
    subscription: subscription && subscriptionOf(subscription),
    payments: subscription === null ? [] : paymentsOf(subscription),
    leads: await leadsOf(deps.sql, partnerId),
    pageUrl: pageOf(deps, partner, subscription),
    payUrl: subscription !== null && isPayable(subscription, deps.now()) ? deps.payUrl(subscriptionId) : null,
    profileUrl: `${path}/profile`,
    cancelAction: runs && !subscription.cancelAtPeriodEnd ? `${path}/cancel` : null,
    resumeAction: runs && subscription.cancelAtPeriodEnd ? `${path}/resume` : null,
    stopAutopayAction: runs && subscription.autopay !== null ? `${path}/stop-autopay` : null,
    notice,
  }
}

const subscriptionOf = (state: Open): CabinetSubscription => {
  const { title, priceKopecks } = planToPay(state)
  return {
    status: state.status,
    planTitle: title,
    priceKopecks,
    paidThrough: state.paidThrough,
    nextChargeAt: state.charge?.at ?? null,
    savedMethod: state.autopay?.method.title ?? null,
    cancelAtPeriodEnd: state.cancelAtPeriodEnd,
  }
}

const paymentsOf = ({ payments }: Open): readonly CabinetPayment[] =>
  Object.values(payments)
    .slice(-shownMax)
    .toReversed()
    .map((payment) => ({
      at: payment.requestedAt,
      amountKopecks: payment.amountKopecks,
      refundedKopecks: payment.refundedKopecks,
      status: statusOf(payment),
    }))

const statusOf = ({ status, refundedKopecks, amountKopecks, renewal }: Payment): CabinetPayment['status'] => {
  if (refundedKopecks > 0) return refundedKopecks >= amountKopecks ? 'refunded' : 'partially_refunded'
  // Nobody has to act for a charge; its outcome is on its way.
  return status === 'pending' && renewal !== null ? 'unknown' : status
}

const isPayable = (state: Open, now: Instant): boolean => {
  if (hasEnded(state)) return false
  return state.status !== 'active' || state.paidThrough === null || state.paidThrough <= plusDays(now, prepayDays)
}

const listed = ['trialing', 'active', 'past_due']

const pageOf = ({ pagesUrl }: CabinetViewDeps, partner: Known, subscription: Open | null): string | null => {
  const slug = partner.status === 'verified' ? partner.slug : null
  return slug !== null && subscription !== null && listed.includes(subscription.status)
    ? `${pagesUrl}/partners/${slug}`
    : null
}

type LeadRow = Omit<CabinetLead, 'at'> & { readonly offeredAt: Instant }

const leadsOf = async (sql: Sql, partnerId: string): Promise<readonly CabinetLead[]> => {
  const live = await sql<{ name: string; version: number }[]>`
    select name, version from hub.read_models where role = 'live' and name in ('offers', 'leads')`
  const table = (name: string): string => `hub_read.${name}_${live.find((row) => row.name === name)?.version ?? 1}`
  const rows = await sql.unsafe<LeadRow[]>(
    `select o.offered_at, o.status, l.city, case when o.status = 'accepted' then l.name end as name,
            case when o.status = 'accepted' then l.phone end as phone, case when o.status = 'accepted' then l.wish end as wish
       from ${table('offers')} o join ${table('leads')} l using (lead_id)
      where o.partner_id = $1 order by o.offered_at desc limit ${shownMax}`,
    [partnerId],
    { prepare: true },
  )
  return rows.map(({ offeredAt, ...lead }) => ({ at: offeredAt, ...lead }))
}
