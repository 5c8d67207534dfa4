import type { Sql } from '../db/connect.ts'
import { type OfferId, readOfferId } from '../domain/ids.ts'
import { type Lead, type Offer, offerClaim } from '../domain/lead.ts'
import type { CommandHandler } from '../engine/handle.ts'
import type { Instant } from '../kernel/time.ts'
import { claimHolders } from '../log/log.ts'
import { databaseAway } from './ingest.ts'
import { pageResponse } from './pages/layout.ts'
import { offerPage } from './pages/offerPage.ts'
import { messagePage } from './pages/payPages.ts'
import { toResponse } from './webhooks.ts'

/** What answering offers needs. */
export type OfferDeps = {
  readonly sql: Sql
  readonly handler: CommandHandler
  readonly now: () => Instant
  readonly pepper: (claim: string) => string
  /** The 32 digits that a token of a letter names; null when it is not ours. */
  readonly readToken: (token: string) => string | null
  readonly isAway: (error: unknown) => boolean
}

/** `/offers/:token`: GET shows an offer and answers nothing, POST with `answer` takes the lead or declines it. */
export const offersDoor =
  (deps: OfferDeps) =>
  async (request: Request): Promise<Response> => {
    if (request.method !== 'GET' && request.method !== 'POST')
      return new Response(null, { status: 405, headers: { Allow: 'GET, POST' } })
    const { pathname } = new URL(request.url)
    const id = readOfferId(`off_${deps.readToken(pathname.split('/')[2] ?? '') ?? ''}`)
    if (!id) return unknown()
    try {
      const found = await find(deps, id)
      if (!found) return unknown()
      if (request.method === 'GET') return show(deps, { ...found, action: pathname })
      const answer = new URLSearchParams((await request.text()).slice(0, 1000)).get('answer')
      if (answer !== 'accept' && answer !== 'decline')
        return pageResponse(messagePage('Не понимаем ответ', 'Нажмите одну из двух кнопок на странице заявки.'), 400)
      await deps.handler.handle({
        stream: found.stream,
        command: { type: 'AnswerOffer', data: { at: deps.now(), offerId: id, answer } },
        cause: { kind: 'visitor', id: 'offer-page' },
      })
      return new Response(null, { status: 303, headers: { Location: pathname, 'Cache-Control': 'no-store' } })
    } catch (error) {
      if (deps.isAway(error)) return toResponse(databaseAway)
      throw error
    }
  }

const unknown = (): Response => pageResponse(messagePage('Такой заявки нет', 'Проверьте ссылку из письма.'), 404)

type Found = { readonly stream: string; readonly lead: Exclude<Lead, { status: 'absent' }>; readonly offer: Offer }

const find = async (deps: OfferDeps, id: OfferId): Promise<Found | null> => {
  const key = deps.pepper(offerClaim(id))
  const stream = (await claimHolders(deps.sql, [key])).get(key)
  if (stream === undefined) return null
  const lead = (await deps.handler.load(stream)).state as Lead
  const offer = lead.status === 'absent' ? undefined : lead.offers.find((candidate) => candidate.offerId === id)
  return lead.status === 'absent' || !offer ? null : { stream, lead, offer }
}

const show = (deps: OfferDeps, { lead, offer, action }: Found & { readonly action: string }): Response => {
  const isOver = offer.status === 'offered' && offer.expiresAt <= deps.now()
  const { name, phone, email, wish, city, service } = lead.details
  return pageResponse(
    offerPage({
      status: isOver ? 'expired' : offer.status,
      city,
      service,
      expiresAt: offer.expiresAt,
      action,
      person: offer.status === 'accepted' ? { name, phone, email, wish } : null,
    }),
  )
}
