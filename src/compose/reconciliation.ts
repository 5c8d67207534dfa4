import type { Attempt, Courier, Performer } from '../connectors/connector.ts'
import type { ProviderPayments } from '../connectors/payment.ts'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import { joined, judgePayments, judgeRefunds } from '../domain/findings.ts'
import {
  type PartnerId,
  type PaymentId,
  readSubscriptionId,
  reconciliationStream,
  type SubscriptionId,
  subscriptionStream,
} from '../domain/ids.ts'
import type { BookPart, ComparedPage, NextPage, Recheck } from '../domain/reconciliationMessages.ts'
import type { Reconciliation } from '../domain/reconciliationState.ts'
import type { Expected, Provider as PaymentProvider } from '../domain/subscriptionMessages.ts'
import type { Payment, Subscription } from '../domain/subscriptionState.ts'
import { done } from '../kernel/decision.ts'
import {
  type CalendarDate,
  type Instant,
  moscowDayStart,
  parseCalendarDate,
  plusCalendarDays,
  plusMs,
} from '../kernel/time.ts'
import type { Core } from './core.ts'
import { liveTable } from './partnerSearch.ts'

const named = statements(sqlText('reconciliation.sql'))

/** A question about a page of a provider's books, as the rule asks it. */
export type PageAsked = {
  readonly from: Instant
  readonly to: Instant
  readonly part: BookPart
  readonly cursor: string | null
  readonly dryRun: boolean
}

const badDays = {
  tag: 'refused',
  code: 'payload-not-valid',
  detail: 'The days of the comparison cannot be read',
} as const

/** The moments that the days of Moscow begin and end with, both included. */
const windowOf = (firstDay: CalendarDate, lastDay: CalendarDate): { readonly from: Instant; readonly to: Instant } => ({
  from: moscowDayStart(firstDay),
  to: plusMs(moscowDayStart(plusCalendarDays(lastDay, 1)), -1),
})

/** Reads the question out of the payload of an effect; null when it is none. */
export const pageAsked = (payload: Readonly<Record<string, unknown>>): PageAsked | null => {
  const firstDay = parseCalendarDate(String(payload.firstDay))
  const lastDay = parseCalendarDate(String(payload.lastDay))
  const part = (['payments', 'refunds', 'leads'] as const).find((name) => name === payload.part)
  if (firstDay === null || lastDay === null || part === undefined) return null
  const cursor = typeof payload.cursor === 'string' ? payload.cursor : null
  return { ...windowOf(firstDay, lastDay), part, cursor, dryRun: payload.dryRun === true }
}

/**
 * Compares one page of a payment provider's books with our subscriptions as the log has them now. It only reads: what differs
 * becomes a finding, and a question about that one payment.
 */
export const reconcilePayments =
  (
    core: Core,
    at: { readonly provider: PaymentProvider; readonly courier: Courier; readonly expected: Expected },
  ): Performer =>
  async (payload, attempt) => {
    const asked = pageAsked(payload as Readonly<Record<string, unknown>>)
    if (!asked) return badDays
    const { from, to, cursor, part } = asked
    const list = at.courier.performers[`${at.provider}.${part === 'refunds' ? 'listRefunds' : 'listPayments'}`]
    if (!list) return { tag: 'refused', code: 'performer-unknown', detail: 'There is no such list' }
    const outcome = await list({ from, to, cursor }, attempt)
    if (outcome.tag !== 'done') return outcome
    return done(await compared(core, { ...at, part, now: attempt.now }, outcome.result as ProviderPayments))
  }

type Comparing = {
  readonly provider: PaymentProvider
  readonly expected: Expected
  readonly part: BookPart
  readonly now: Instant
}

const compared = async (
  core: Core,
  { provider, expected, part, now }: Comparing,
  { payments, refunds, nextCursor }: ProviderPayments,
): Promise<Omit<ComparedPage, 'page'>> => {
  const owners = await ownersOf(
    core,
    provider,
    refunds.map(({ providerPaymentId }) => providerPaymentId),
  )
  const named = payments.flatMap(({ subscriptionId }) => readSubscriptionId(subscriptionId ?? '') ?? [])
  const states = await statesOf(core, [...named, ...[...owners.values()].map(({ subscriptionId }) => subscriptionId)])
  const judged = joined([
    judgePayments(payments, { provider, at: now, expected, states }),
    judgeRefunds(refunds, (id) => ownPayment(states, owners.get(id)), provider),
  ])
  const externalIds = [
    ...payments.map(({ providerPaymentId }) => providerPaymentId),
    ...refunds.map(({ providerRefundId }) => providerRefundId),
  ]
  return { ...judged, part, externalIds, next: nextPage(provider, part, nextCursor) }
}

/** A shop lists its refunds apart, after its payments; a terminal has one list of both. */
const nextPage = (provider: PaymentProvider, part: BookPart, cursor: string | null): NextPage | null => {
  if (cursor !== null) return { part, cursor }
  return provider === 'yookassa' && part === 'payments' ? { part: 'refunds', cursor: null } : null
}

type Owner = { readonly paymentId: PaymentId; readonly subscriptionId: SubscriptionId }

const ownersOf = async (
  core: Core,
  provider: PaymentProvider,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Owner>> => {
  if (ids.length === 0) return new Map()
  const rows = await core.sql.unsafe<(Owner & { providerPaymentId: string })[]>(
    statement(named, 'payments_of_provider').replace('{payments}', await liveTable(core, 'payments')),
    [provider, [...new Set(ids)]],
  )
  return new Map(rows.map((row) => [row.providerPaymentId, row]))
}

/** The subscriptions as the log has them, without waiting for a read model. */
const statesOf = async (core: Core, ids: readonly string[]): Promise<ReadonlyMap<string, Subscription>> => {
  // What is asked for together is read in one statement.
  const loaded = await Promise.all(
    [...new Set(ids)].map(async (id) => {
      const { state } = await core.handler.load(subscriptionStream(id))
      // What a stream holds was written by its own decider.
      return [id, state as Subscription] as const
    }),
  )
  return new Map(loaded)
}

const ownPayment = (
  states: ReadonlyMap<string, Subscription>,
  owner: Owner | undefined,
): { readonly state: Exclude<Subscription, { status: 'absent' }>; readonly payment: Payment } | null => {
  const state = states.get(owner?.subscriptionId ?? '')
  const payment = state && state.status !== 'absent' ? state.payments[owner?.paymentId ?? ''] : undefined
  return state && state.status !== 'absent' && payment ? { state, payment } : null
}

type OwnRow = {
  readonly paymentId: PaymentId
  readonly providerPaymentId: string
  readonly subscriptionId: SubscriptionId
  readonly partnerId: PartnerId
  readonly amountKopecks: number
}

/** After their last page: payments of ours of these days that their list did not name are asked about one by one. */
export const reconcileOurs =
  (core: Core) => async (payload: Readonly<Record<string, unknown>>, _attempt: Pick<Attempt, 'now'>) => {
    const asked = pageAsked({ ...payload, part: 'payments' })
    if (!asked) return badDays
    const provider = String(payload.provider)
    if (provider === 'flexbe') return done({ ours: 0, rechecks: [] })
    const { state } = await core.handler.load(reconciliationStream(provider))
    const run = (state as Reconciliation).runs[String(payload.runId)]
    const seen = new Set(run?.seen ?? [])
    const rows = await core.sql.unsafe<OwnRow[]>(
      statement(named, 'paid_between').replace('{payments}', await liveTable(core, 'payments')),
      [provider, asked.from, asked.to],
    )
    const rechecks = rows
      .filter(({ providerPaymentId }) => !seen.has(providerPaymentId))
      .map(
        ({ providerPaymentId, paymentId, subscriptionId, partnerId, amountKopecks }): Recheck => ({
          externalId: providerPaymentId,
          paymentId,
          subscriptionId,
          partnerId,
          amountKopecks,
        }),
      )
    return done({ ours: rows.length, rechecks })
  }
