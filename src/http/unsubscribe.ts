import { type PartnerId, partnerStream, readPartnerId } from '../domain/ids.ts'
import type { Partner } from '../domain/partner.ts'
import type { CommandHandler } from '../engine/handle.ts'
import type { Instant } from '../kernel/time.ts'
import { databaseAway } from './ingest.ts'
import { pageResponse } from './pages/layout.ts'
import { unsubscribedPage, unsubscribePage } from './pages/messagePages.ts'
import { messagePage } from './pages/payPages.ts'
import { toResponse } from './webhooks.ts'

/** What unsubscribing needs. */
export type UnsubscribeDeps = {
  readonly handler: CommandHandler
  readonly now: () => Instant
  /** The 32 digits that a token of a letter names; null when it is not ours. */
  readonly readToken: (token: string) => string | null
  readonly isAway: (error: unknown) => boolean
}

/**
 * `/unsubscribe/:token`, public: the token is the proof. GET asks and changes nothing, because scanners of mail programs follow links.
 * POST ends the consent to advertising and answers 200 every time, without a redirect; what is in its body does not matter, so it
 * serves the form of the page and the one click of mailbox providers alike (RFC 8058).
 */
export const unsubscribeDoor =
  (deps: UnsubscribeDeps) =>
  async (request: Request): Promise<Response> => {
    const { method } = request
    if (method !== 'GET' && method !== 'HEAD' && method !== 'POST')
      return new Response(null, { status: 405, headers: { Allow: 'GET, HEAD, POST' } })
    const { pathname } = new URL(request.url)
    const token = /^\/unsubscribe\/([^/]+)$/.exec(pathname)?.[1] ?? ''
    const id = readPartnerId(`par_${deps.readToken(token) ?? ''}`)
    if (!id) return unknown()
    try {
      const { state } = await deps.handler.load(partnerStream(id))
      if ((state as Partner).status === 'absent') return unknown()
      if (method !== 'POST') return pageResponse(unsubscribePage({ action: pathname, what: null }))
      await unsubscribe(deps, id)
      return pageResponse(unsubscribedPage())
    } catch (error) {
      if (deps.isAway(error)) return toResponse(databaseAway)
      throw error
    }
  }

const unsubscribe = async (deps: UnsubscribeDeps, id: PartnerId): Promise<void> => {
  const handled = await deps.handler.handle({
    stream: partnerStream(id),
    command: { type: 'Unsubscribe', data: { at: deps.now() } },
    cause: { kind: 'visitor', id: 'unsubscribe-link' },
  })
  if (handled.tag !== 'accepted') throw new Error(`Cannot unsubscribe: the command was answered "${handled.tag}"`)
}

const unknown = (): Response =>
  pageResponse(messagePage('Ссылка не подходит', 'Откройте её из письма целиком или напишите нам.'), 404)
