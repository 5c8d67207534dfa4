import ipaddr from 'ipaddr.js'
import type { Answer, Authenticity, Delivery, Reading, WebhookWire } from '../connector.ts'
import { isJsonMap, type JsonNode, nodeAt, parseStrictJson, stableJson, textAt } from '../strictJson.ts'

/** The configuration of YooKassa. */
export type YooKassaSettings = {
  readonly shopId: string
  /** One, or two while the key is being changed; the newer first. */
  readonly secretKeys: readonly string[]
  /** Such as `https://api.yookassa.ru/v3`. */
  readonly baseUrl: string
  /** Addresses that notifications may come from, as CIDRs or single addresses. */
  readonly allowedIps: readonly string[]
  /** A twin on this machine sends from loopback. */
  readonly acceptLoopback: boolean
  /** Whether the shop takes real money. */
  readonly live: boolean
}

/** The addresses that YooKassa sends notifications from. */
export const yookassaRanges: readonly string[] = [
  '185.71.76.0/27',
  '185.71.77.0/27',
  '77.75.153.0/25',
  '77.75.154.128/25',
  '77.75.156.11/32',
  '77.75.156.35/32',
  '2a02:5180::/32',
]

/** A notification: a hint that something happened to a payment, which is then read again. */
export type YooKassaNotice = {
  readonly event: string
  readonly objectId: string
  /** The provider's payment to read again. */
  readonly paymentId: string
  /** What the notification claims; never the truth. */
  readonly status: string | null
  readonly metadata: Readonly<Record<string, string>>
}

/** A notification is some kilobytes; the route refuses more than this with 413. */
export const yookassaBodyBytesMax = 262_144

/** The inbound half: authenticity is the sender's address, and the truth is read again at the API. */
export const yookassaHook: WebhookWire<YooKassaSettings, YooKassaNotice> = {
  verify: (delivery, settings) => verify(delivery, settings),
  read: (delivery) => read(delivery),
  accepted: () => plain(200, 'ok'),
}

/** Whether an address lies in one of the ranges; an IPv4 address may come in IPv6 clothes. */
export const addressIsIn = (address: string, ranges: readonly string[]): boolean => {
  const bare = address.replace(/%.*$/, '')
  if (!ipaddr.isValid(bare)) return false
  const peer = ipaddr.process(bare)
  return ranges.some((range) => {
    const network = ipaddr.isValid(range) ? ipaddr.process(range) : null
    if (network) return network.toNormalizedString() === peer.toNormalizedString()
    if (!ipaddr.isValidCIDR(range)) return false
    const [base, bits] = ipaddr.parseCIDR(range)
    return base.kind() === peer.kind() && peer.match(base, bits)
  })
}

const loopbackRanges = ['127.0.0.0/8', '::1/128']

const verify = ({ peer }: Delivery, settings: YooKassaSettings): Authenticity => {
  const ranges = settings.acceptLoopback ? [...settings.allowedIps, ...loopbackRanges] : settings.allowedIps
  return addressIsIn(peer, ranges)
    ? { tag: 'authentic', secretName: 'address' }
    : { tag: 'refused', status: 403, code: 'address-not-allowed' }
}

const plain = (status: number, body: string): Answer => ({ status, contentType: 'text/plain; charset=utf-8', body })

const malformed = (reason: string, status = 400): Reading<never> => ({
  tag: 'malformed',
  reason,
  answer: plain(status, reason),
})

/** Events that lead to a payment worth reading again. */
const paymentEvents = ['payment.waiting_for_capture', 'payment.succeeded', 'payment.canceled']

/** Payments and refunds have ids of 36 characters; payouts, deals and saved methods their own. */
const objectIdPattern = /^[0-9A-Za-z_-]{36}$/
const foreignIdPattern = /^[\x21-\x7e]{1,100}$/
const eventPattern = /^[\x21-\x7e]{1,100}$/

const read = ({ body }: Delivery): Reading<YooKassaNotice> => {
  if (body.length > yookassaBodyBytesMax) return malformed('body-too-large', 413)
  const text = utf8Text(body)
  const parsed = text === null ? null : parseStrictJson(text)
  if (parsed === null) return malformed('not-json')
  const [notification] = parsed
  if (textAt(notification, 'type') !== 'notification') return malformed('not-a-notification')
  const event = textAt(notification, 'event')
  if (event === null || !eventPattern.test(event)) return malformed('no-event')
  const object = nodeAt(notification, 'object')
  const objectId = textAt(object, 'id')
  if (!isJsonMap(object) || objectId === null) return malformed('no-object-id')
  const idPattern = /^(payment|refund)\./.test(event) ? objectIdPattern : foreignIdPattern
  if (!idPattern.test(objectId)) return malformed('object-id-not-valid')
  const kept = { dedupeKey: `yookassa:${event}:${objectId}`, canonical: stableJson(notification) }
  if (paymentEvents.includes(event)) {
    return { tag: 'facts', ...kept, facts: notice(event, objectId, { object, paymentId: objectId }) }
  }
  if (event !== 'refund.succeeded') return { tag: 'ignored', ...kept, reason: 'event-not-used' }
  const paymentId = textAt(object, 'payment_id')
  if (paymentId === null || !objectIdPattern.test(paymentId)) return { tag: 'poor', ...kept, reason: 'no-payment-id' }
  return { tag: 'facts', ...kept, facts: notice(event, objectId, { object, paymentId }) }
}

const notice = (
  event: string,
  objectId: string,
  { object, paymentId }: { readonly object: JsonNode; readonly paymentId: string },
): YooKassaNotice => {
  const status = textAt(object, 'status')
  return {
    event,
    objectId,
    paymentId,
    status: status !== null && /^[a-z_]{1,40}$/.test(status) ? status : null,
    metadata: ownMetadata(object),
  }
}

/** Only the ids that we put there ourselves; whatever else a stranger may have added is not carried on. */
const ownMetadata = (object: JsonNode): Readonly<Record<string, string>> =>
  Object.fromEntries(
    ['payment_id', 'subscription_id', 'refund_id'].flatMap((key) => {
      const value = textAt(object, 'metadata', key)
      return value !== null && /^[\x21-\x7e]{1,128}$/.test(value) ? [[key, value]] : []
    }),
  )

const utf8Text = (bytes: Uint8Array): string | null => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}
