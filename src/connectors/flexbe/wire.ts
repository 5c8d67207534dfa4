import { createHash } from 'node:crypto'
import { mediaType, parseFormBody, parseJsonBody } from '../bodies.ts'
import { bodyTextAt, bodyValueAt, canonicalBody, isBodyFields, type ParsedBody } from '../bodyValues.ts'
import type { Answer, Authenticity, Delivery, Reading, WebhookWire } from '../connector.ts'
import { secretName, secretPlace } from '../secrets.ts'
import { type FlexbeLead, legacyLeadOf } from './lead.ts'

/** The configuration of Flexbe. */
export type FlexbeSettings = {
  readonly apiKey: string
  /** One, or two while the secret is being changed; the newer first. */
  readonly webhookSecrets: readonly string[]
  /** Given: the newer API, by its site id. Null: the older one, at the site itself. */
  readonly siteId: string | null
  /** Null: the provider's own address for the generation in use. */
  readonly baseUrl: string | null
  /** The site, with its scheme and in punycode. */
  readonly siteUrl: string
}

/** What a hook says: a hint, after which the leads are pulled in any case. */
export type FlexbeFacts =
  | { readonly kind: 'lead'; readonly event: string; readonly lead: FlexbeLead }
  | { readonly kind: 'hint' }

/** The inbound half: authentic by a secret in the path; what is not recognised still leads to a pull. */
export const flexbeHook: WebhookWire<FlexbeSettings, FlexbeFacts> = {
  verify: (delivery, settings) => verify(delivery, settings),
  read: (delivery) => read(delivery),
  accepted: () => answer(200, { status: 1 }),
}

const answer = (status: number, body: unknown): Answer => ({
  status,
  contentType: 'application/json; charset=utf-8',
  body: JSON.stringify(body),
})

const verify = (delivery: Delivery, settings: FlexbeSettings): Authenticity => {
  const place = secretPlace(delivery.params.secret ?? '', settings.webhookSecrets)
  return place === null
    ? { tag: 'refused', status: 404, code: 'wrong-secret' }
    : { tag: 'authentic', secretName: secretName(place) }
}

const bodyOf = ({ headers, body }: Delivery): ParsedBody => {
  const type = mediaType(headers.get('content-type')?.[0])
  const isJson = /[/+]json$/.test(type) || new TextDecoder().decode(body.subarray(0, 64)).trimStart().startsWith('{')
  return isJson ? parseJsonBody(body) : parseFormBody(body)
}

const read = (delivery: Delivery): Reading<FlexbeFacts> => {
  const parsed = bodyOf(delivery)
  if (parsed.tag === 'unreadable') {
    return { tag: 'malformed', reason: parsed.code, answer: answer(400, { status: 0, error: parsed.code }) }
  }
  const { fields, flags } = parsed
  const canonical = canonicalBody(fields)
  const event = (bodyTextAt(fields, 'event') ?? '').trim()
  const lead = legacyLeadOf(leadNode(fields))
  if (lead === null || !/^[\w.-]{1,40}$/.test(event)) {
    const digest = createHash('sha256').update(delivery.body).digest('hex')
    const reason = lead === null ? 'no-lead-id' : 'no-event'
    return { tag: 'poor', dedupeKey: `flexbe:unrecognised:${digest}`, canonical, reason, facts: { kind: 'hint' } }
  }
  const mended = flags.length > 0 ? { flags } : {}
  return {
    tag: 'facts',
    dedupeKey: `flexbe:${event}:${lead.leadId}`,
    canonical,
    facts: { kind: 'lead', event, lead },
    ...mended,
  }
}

/** The lead lies in `data`, and in a JSON body perhaps one step deeper. */
const leadNode = (fields: Parameters<typeof bodyValueAt>[0]) => {
  const deeper = bodyValueAt(fields, 'data', 'lead')
  return isBodyFields(deeper) ? deeper : bodyValueAt(fields, 'data')
}
