import { mediaType, parseFormBody } from '../connectors/bodies.ts'
import { formFacts } from '../connectors/tilda/form.ts'
import { formTarget } from '../connectors/tilda/intake.ts'
import type { CommandHandler } from '../engine/handle.ts'
import type { Instant } from '../kernel/time.ts'
import { databaseAway } from './ingest.ts'
import { pageResponse } from './pages/layout.ts'
import { messagePage } from './pages/payPages.ts'
import { toResponse } from './webhooks.ts'

/** What taking requests from partner pages needs. */
export type LeadDeps = {
  readonly handler: CommandHandler
  readonly newId: () => string
  readonly now: () => Instant
  /** A person fills in a form now and then; a program does it all the time. */
  readonly withinRate: (source: string) => boolean
  readonly isAway: (error: unknown) => boolean
}

const thanks = (): Response => pageResponse(messagePage('Заявка принята', 'Спасибо! С вами свяжутся.'))

/**
 * `POST /leads`: the forms of partner pages, which a designer's template brings along. Whoever sends one is not known, so it becomes a
 * lead and nothing else.
 */
export const leadDoor =
  (deps: LeadDeps) =>
  async (request: Request, source: string): Promise<Response> => {
    if (request.method !== 'POST') return new Response(null, { status: 405, headers: { Allow: 'POST' } })
    if (!deps.withinRate(source))
      return pageResponse(messagePage('Слишком часто', 'Попробуйте ещё раз через минуту.'), 429, {
        'Retry-After': '60',
      })
    if (mediaType(request.headers.get('content-type') ?? '') !== 'application/x-www-form-urlencoded')
      return new Response(null, { status: 415 })
    const parsed = parseFormBody(new Uint8Array(await request.arrayBuffer()))
    const facts = parsed.tag === 'fields' ? formFacts(parsed.fields, {}) : null
    if (!facts || (facts.phone === null && facts.email === null)) {
      return pageResponse(
        messagePage('Не хватает контакта', 'Укажите телефон или почту, чтобы с вами могли связаться.'),
        422,
      )
    }
    const target = formTarget({ ...facts, kind: 'lead' }, { at: deps.now(), newId: deps.newId, holders: new Map() })
    if (target.tag !== 'command') return thanks()
    try {
      await deps.handler.handle({ ...target, cause: { kind: 'visitor', id: 'partner-page' } })
      return thanks()
    } catch (error) {
      if (deps.isAway(error)) return toResponse(databaseAway)
      throw error
    }
  }
