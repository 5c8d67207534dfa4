import { hash } from 'node:crypto'
import type { Answer, Delivery, DeliveryHeaders, Reading } from '../connectors/connector.ts'
import type { InboxRow } from '../log/appendRequest.ts'
import type { AnyWebhookRoute } from './intake.ts'
import { keptBody } from './keptBody.ts'

/** Headers worth keeping: nothing that carries a secret or follows a person. */
const headersKept = ['content-type', 'content-length', 'user-agent', 'content-encoding', 'x-request-id']

/** A delivery whose sender was proven, and by which secret. */
export type AuthenticDelivery = Delivery & { readonly secretName: string }

/** What a delivery is, as far as the inbox is concerned. */
export type Kept = {
  readonly dedupeKey: string
  readonly canonical: string
  readonly verdict: InboxRow['verdict']
  readonly reason: string | null
  readonly answer: Answer
  readonly facts: unknown
}

/** The digest by which keys and contents are compared, in hex. */
export const sha256 = (value: string | Uint8Array): string => hash('sha256', value, 'hex')

/** What is kept of a delivery, and under which verdict, as its route read it. */
export const keptOf = (
  route: AnyWebhookRoute,
  delivery: Delivery,
  reading: Exclude<Reading<unknown>, { tag: 'ping' }>,
): Kept => {
  const accepted = route.accepted(delivery)
  switch (reading.tag) {
    case 'facts':
      return { ...reading, verdict: 'accepted', reason: reading.flags?.join(', ') ?? null, answer: accepted }
    case 'poor':
      return {
        ...reading,
        verdict: 'quarantined',
        answer: accepted,
        facts: route.takesPoor ? (reading.facts ?? null) : null,
      }
    case 'ignored':
      return { ...reading, verdict: 'ignored', answer: accepted, facts: null }
    default: {
      const digest = sha256(Buffer.concat([Buffer.from(`${delivery.query}\n`), delivery.body]))
      return {
        dedupeKey: `${route.source}:unreadable:${digest}`,
        canonical: digest,
        verdict: 'quarantined',
        reason: reading.reason,
        answer: reading.answer,
        facts: null,
      }
    }
  }
}

/** The row of the inbox that a delivery becomes. */
export const inboxRow = (
  route: AnyWebhookRoute,
  delivery: AuthenticDelivery,
  at: { kept: Kept; content: string; webhookId: string },
): InboxRow => ({
  webhookId: at.webhookId,
  source: route.source,
  route: route.route,
  dedupeKey: at.kept.dedupeKey,
  keyHash: sha256(at.kept.dedupeKey),
  contentHash: at.content,
  verdict: at.kept.verdict,
  reason: at.kept.reason,
  receivedAt: delivery.receivedAt,
  peer: delivery.peer,
  secretName: delivery.secretName,
  method: delivery.method,
  path: `/webhooks/${route.route}`,
  query: delivery.method === 'GET' ? withoutSecret(delivery.query) : '',
  headers: keptHeaders(delivery.headers),
  body: keptBody(delivery.body, route.secretFields()),
  sha256: sha256(delivery.body),
  subject: null,
  repeatOf: null,
})

const keptHeaders = (headers: DeliveryHeaders): Readonly<Record<string, string>> => {
  const kept: Record<string, string> = {}
  for (const name of headersKept) {
    const values = headers.get(name)
    if (values) kept[name] = values.join(', ')
  }
  return kept
}

/** A query as it is kept: the key that proved the sender was checked, and is not written down. */
const withoutSecret = (query: string): string =>
  query
    .split('&')
    .filter((pair) => !/^secret=/i.test(pair))
    .join('&')
