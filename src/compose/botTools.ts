import { randomInt } from 'node:crypto'
import { matchingKey } from '../connectors/matching.ts'
import { type CardFacts, cardsAnswer, itemOf, partnerCard, type ToolResult } from '../connectors/protalk/card.ts'
import { proofStream } from '../connectors/protalk/intake.ts'
import type { ProofArgs } from '../connectors/protalk/tools.ts'
import { type ProtalkFacts, umnicoDialogOf } from '../connectors/protalk/wire.ts'
import { type PartnerId, readPartnerId } from '../domain/ids.ts'
import { type Proof, provenPartner } from '../domain/proof.ts'
import type { Handled } from '../engine/handle.ts'
import { kopecks, rublesText } from '../kernel/money.ts'
import { type Instant, moscowDate } from '../kernel/time.ts'
import type { Core } from './core.ts'
import { keySql, liveTable, offersServiceSql } from './partnerSearch.ts'

/** What answering a bot needs. */
export type BotToolsDeps = {
  readonly core: Core
  readonly pagesUrl: string
  readonly payUrl: (subscriptionId: string) => string
}

const say = (text: string, ok = true): ToolResult => ({ ok, text, items: [] })

const cause = { kind: 'visitor', id: 'protalk-partner-bot' } as const

/** The tools of both bots over the read models; null: the call changes something and takes the ordinary way. */
export const makeBotTools = (deps: BotToolsDeps) => {
  const answer = async (facts: ProtalkFacts): Promise<ToolResult | null> => {
    switch (facts.tool) {
      case 'find_partners':
        return cardsAnswer(await findPartners(deps, facts.args))
      case 'partner_card':
        return oneCard(deps, facts.args.partnerId)
      case 'leave_request':
        return facts.args.consent
          ? null
          : say('Чтобы передать заявку, нужно согласие на обработку персональных данных.', false)
      default: {
        const proven = await prove(deps, facts.chatId, facts.args)
        return typeof proven === 'object' ? proven : forPartner(deps, facts, proven)
      }
    }
  }
  return { answer, after: (facts: ProtalkFacts) => afterwards(deps, facts) }
}

const table = ({ core }: BotToolsDeps, name: string): Promise<string> => liveTable(core, name)

type PartnerFound = {
  readonly partnerId: string
  readonly slug: string | null
  readonly legalName: string | null
  readonly contactName: string | null
  readonly phone: string | null
  readonly city: string | null
  readonly services: readonly string[]
  readonly areas: readonly string[]
}

const cardColumns = 'partner_id, slug, legal_name, contact_name, phone, city, services, areas'

const cardOf = ({ pagesUrl }: BotToolsDeps, row: PartnerFound): CardFacts => ({
  partnerId: row.partnerId,
  name: row.legalName ?? row.contactName ?? 'Партнёр',
  services: row.services,
  cities: row.city === null ? [] : [row.city],
  ratingTenths: null,
  reviewsCount: 0,
  phone: row.phone,
  url: row.slug === null ? null : `${pagesUrl}/partners/${row.slug}`,
  description: null,
})

type Wanted = { readonly city: string | null; readonly service: string | null; readonly limit: number }

const findPartners = async (deps: BotToolsDeps, { city, service, limit }: Wanted): Promise<CardFacts[]> => {
  const [cityKey, serviceKey] = [city, service].map((name) => (name === null ? null : matchingKey(name)))
  // A name of nothing but signs names nothing.
  if (cityKey === '' || serviceKey === '') return []
  const from = await table(deps, 'partners')
  const ask = (cityCondition: string, cityValue: string | null) =>
    deps.core.sql.unsafe<PartnerFound[]>(
      // The order changes with the day and the partner, so that nobody is always the first.
      `select ${cardColumns} from ${from} where listed and consent_personal_data and ($1::text is null or ${cityCondition})
         and ${offersServiceSql}
       order by md5(partner_id || $3::text) limit $4::int`,
      [cityValue, serviceKey ?? null, moscowDate(deps.core.clock.now()), limit],
      { prepare: true },
    )
  // As it is written on file first, because an index serves that; then however else it may be written.
  const exact = await ask('lower(city) = $1::text', city === null ? null : city.trim().toLowerCase())
  const found = exact.length > 0 || city === null ? exact : await ask(`${keySql('city')} = $1::text`, cityKey ?? null)
  return found.map((row) => cardOf(deps, row))
}

const oneCard = async (deps: BotToolsDeps, partnerId: string | null): Promise<ToolResult> => {
  const from = await table(deps, 'partners')
  const [row] = await deps.core.sql.unsafe<PartnerFound[]>(
    `select ${cardColumns} from ${from} where partner_id = $1 and listed and consent_personal_data`,
    [partnerId ?? ''],
    { prepare: true },
  )
  if (!row) return say('Такого партнёра нет.')
  const card = cardOf(deps, row)
  return { ok: true, text: partnerCard(card), items: [itemOf(card)] }
}

const sentText = 'Если этот контакт есть у нас, мы отправили на почту код. Назовите код из письма.'

/** The partner who speaks in a chat, or what to say to somebody who has not shown that yet. */
const prove = async (
  deps: BotToolsDeps,
  chatId: string | null,
  { email, phone, code }: ProofArgs,
): Promise<PartnerId | ToolResult> => {
  if (chatId === null) return say('Не понимаю, чей это чат: нужен chat_id.', false)
  const { core } = deps
  const stream = proofStream(chatId)
  const at = core.clock.now()
  const stateNow = async (): Promise<Proof> => (await core.handler.load(stream)).state as Proof
  const state = await stateNow()
  if (code !== null && state.pending !== null) {
    await core.handler.handle({ stream, command: { type: 'GiveCode', data: { at, code } }, cause })
    const proven = provenPartner(await stateNow(), at)
    return proven ?? say('Код не подошёл. Проверьте письмо или попросите новый код.', false)
  }
  const proven = provenPartner(state, at)
  const named = email === null && phone === null ? null : await partnerByContact(deps, { email, phone })
  if (proven !== null && ((email === null && phone === null) || named?.partnerId === proven)) return proven
  if (email === null && phone === null) return say('Назовите почту или телефон, указанные при регистрации.', false)
  if (named !== null) {
    const data = { at, partnerId: named.partnerId, email: named.email, code: String(randomInt(100_000, 1_000_000)) }
    const asked: Handled = await core.handler.handle({ stream, command: { type: 'AskProof', data }, cause })
    if (asked.tag === 'refused') return say('Кодов было слишком много, попробуйте через час.', false)
  }
  // The same words for a contact that nobody has: the bot does not tell who is a partner.
  return say(sentText, false)
}

const partnerByContact = async (
  deps: BotToolsDeps,
  { email, phone }: Pick<ProofArgs, 'email' | 'phone'>,
): Promise<{ partnerId: PartnerId; email: string } | null> => {
  const from = await table(deps, 'partners')
  const [row] = await deps.core.sql.unsafe<{ partnerId: string; email: string }[]>(
    `select partner_id, email from ${from} where email is not null and status <> 'erased'
       and (email = $1::text or ($1::text is null and phone = $2::text))
      order by listed desc, registered_at limit 1`,
    [email, phone],
    { prepare: true },
  )
  const partnerId = readPartnerId(row?.partnerId ?? '')
  return row && partnerId ? { partnerId, email: row.email } : null
}

type Subscribed = {
  readonly subscriptionId: string
  readonly plan: string
  readonly status: string
  readonly priceKopecks: number
  readonly paidThrough: Instant | null
  readonly cancelAtPeriodEnd: boolean
}

const subscriptionOf = async (deps: BotToolsDeps, partnerId: string): Promise<Subscribed | null> => {
  const from = await table(deps, 'subscriptions')
  const [row] = await deps.core.sql.unsafe<Subscribed[]>(
    `select subscription_id, plan, status, price_kopecks, paid_through, cancel_at_period_end from ${from} where partner_id = $1`,
    [partnerId],
    { prepare: true },
  )
  return row ?? null
}

const statusWords: Readonly<Record<string, string>> = {
  pending_payment: 'ждёт оплаты',
  trialing: 'пробный период',
  active: 'действует',
  past_due: 'просрочена',
  suspended: 'приостановлена',
  cancelled: 'отменена',
  expired: 'закончилась',
}

const day = (at: Instant): string => moscowDate(at).split('-').reverse().join('.')

const forPartner = async (
  deps: BotToolsDeps,
  facts: ProtalkFacts,
  partnerId: PartnerId,
): Promise<ToolResult | null> => {
  if (facts.tool === 'my_leads') return leadsOf(deps, partnerId)
  const found = await subscriptionOf(deps, partnerId)
  if (found === null) return say('Подписки пока нет: заявка ещё проверяется.')
  if (facts.tool === 'payment_link') return say(`Оплатить подписку можно здесь:\n${deps.payUrl(found.subscriptionId)}`)
  if (facts.tool === 'cancel_subscription') {
    if (found.status === 'cancelled' || found.status === 'expired') return say('Подписка уже отменена.')
    return null
  }
  const through = found.paidThrough === null ? [] : [`Оплачена до ${day(found.paidThrough)}.`]
  const price = rublesText(kopecks(found.priceKopecks)).replace(/\.00$/, '')
  const lines = [
    `Подписка: ${statusWords[found.status] ?? found.status}.`,
    ...through,
    `Стоимость: ${price} ₽.`,
    ...(found.cancelAtPeriodEnd ? ['Продлеваться не будет.'] : []),
  ]
  return say(lines.join('\n'))
}

/** Leads shown in one answer. */
const leadsShownMax = 10

const offerWords: Readonly<Record<string, string>> = {
  offered: 'ждёт ответа, ссылка в письме',
  accepted: 'принята',
  declined: 'отклонена',
  expired: 'время вышло',
}

/** Leads that were offered to a partner, without anything about the people behind them. */
const leadsOf = async (deps: BotToolsDeps, partnerId: string): Promise<ToolResult> => {
  const [leads, offers] = await Promise.all([table(deps, 'leads'), table(deps, 'offers')])
  const rows = await deps.core.sql.unsafe<
    { city: string | null; service: string | null; status: string; offeredAt: Instant }[]
  >(
    `select l.city, l.service, o.status, o.offered_at from ${offers} o join ${leads} l using (lead_id) where o.partner_id = $1
      order by o.offered_at desc limit ${leadsShownMax}`,
    [partnerId],
    { prepare: true },
  )
  if (rows.length === 0) return say('Заявок пока нет.')
  const lines = rows.map(
    ({ city, service, status, offeredAt }) =>
      `${day(offeredAt)}: ${[city, service].filter(Boolean).join(', ')} (${offerWords[status] ?? status})`,
  )
  return say(lines.join('\n'))
}

/** What a bot says after its call was kept: the same for a repeat. */
const afterwards = async (deps: BotToolsDeps, facts: ProtalkFacts): Promise<ToolResult> => {
  if (facts.tool === 'leave_request') {
    const { phone, phoneRaw, email } = facts.args
    const reachable =
      phone !== null || phoneRaw !== null || email !== null || umnicoDialogOf(facts.chatId ?? '') !== null
    return reachable
      ? say('Спасибо! Заявка принята, с вами свяжутся.')
      : say('Чтобы с вами связались, назовите телефон или почту.', false)
  }
  if (facts.tool !== 'cancel_subscription') return say('Принято.')
  const state = (await deps.core.handler.load(proofStream(facts.chatId ?? ''))).state as Proof
  const partnerId = provenPartner(state, deps.core.clock.now())
  const found = partnerId === null ? null : await subscriptionOf(deps, partnerId)
  const through = found?.status === 'active' && facts.args.at !== 'now' ? found.paidThrough : null
  return say(
    through === null
      ? 'Подписка отменена.'
      : `Подписка отменена: она действует до ${day(through)} и больше не продлится.`,
  )
}
