import { createHmac } from 'node:crypto'
import { atProtalk, atProtalkByGet } from './botClassifier.ts'
import { atTilda, atTildaCookie, atTildaField, atTildaPage } from './tildaClassifier.ts'
import {
  bodyBytesMax,
  either,
  formOf,
  formType,
  type HookName,
  isTree,
  isUtf8,
  jsonOf,
  jsonType,
  known,
  measured,
  mediaOf,
  pairsOf,
  type Sent,
} from './webhookReading.ts'

/**
 * The statuses that the wire documents allow for what was sent, most often a single one. It is written from the documents with plain
 * means and shares nothing with the service, so that the two can only agree where both are right.
 */
export const allowedStatuses = (sent: Sent): readonly number[] => {
  if (sent.body.length > bodyBytesMax) return [413]
  switch (sent.hook) {
    case 'tilda':
      return atTilda(sent)
    case 'umnico':
      return atUmnico(sent)
    case 'flexbe':
      return atFlexbe(sent)
    case 'yookassa':
      return atYooKassa(sent)
    case 'tilda/field':
      return atTildaField(sent)
    case 'tilda/cookie':
      return atTildaCookie(sent)
    case 'tilda/page':
      return atTildaPage(sent)
    case 'protalk/client':
    case 'protalk/partner':
    case 'protalk/client/write':
    case 'protalk/partner/write':
      return atProtalk(sent)
    case 'protalk/client/get':
    case 'protalk/partner/get':
      return atProtalkByGet(sent)
    default:
      return atCloudPayments(sent)
  }
}

const atUmnico = (sent: Sent): readonly number[] => {
  if (sent.path !== `umnico/${known.path}`) return [404]
  const json = jsonOf(sent.body)
  if (json.tag === 'nothing-left') return [403]
  if (json.tag === 'refused' || json.depth > 8) return [400]
  const { accountId } = json.tree
  const isOurs = (typeof accountId === 'number' || typeof accountId === 'string') && String(accountId) === known.account
  // R7 refuses what is deeper than five, and R15 wants no refusal that switches the hook off.
  return [...(isOurs ? [200] : [403]), ...(json.depth > 5 ? [400] : [])]
}

const atFlexbe = (sent: Sent): readonly number[] => {
  if (sent.path !== `flexbe/${known.path}`) return [404]
  if (mediaOf(sent) === jsonType) {
    const json = jsonOf(sent.body)
    return json.tag === 'object' && json.depth <= 5 ? [200] : [400]
  }
  // The shape of the body is assumed (D1): JSON under another name may be read as either.
  if (Buffer.from(sent.body).toString('latin1').trimStart().startsWith('{')) return either
  return formOf(sent.body) ? [200] : [400]
}

const shopAddresses = /^(185\.71\.7[67]\.([0-9]|[12]\d|3[01])|77\.75\.156\.(11|35)|2a02:5180:[0-9a-f:]*)$/

const atYooKassa = (sent: Sent): readonly number[] => {
  // Behind one proxy of ours only the last entry is its word.
  const address = sent.headers['x-forwarded-for']?.split(',').at(-1)?.trim() ?? '127.0.0.1'
  if (!shopAddresses.test(address)) return [403]
  let told: unknown
  try {
    told = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(sent.body))
  } catch {
    return [400]
  }
  if (!isTree(told) || told.type !== 'notification') return [400]
  const { event, object } = told
  if (!isTree(object) || typeof object.id !== 'string' || object.id === '') return [400]
  const { depth } = measured(told)
  if (depth > 40) return [400]
  const plain = typeof event === 'string' && /^[a-z_]+\.[a-z_]+$/.test(event) && depth <= 5
  const hex = /^[0-9a-f-]*$/.test(object.id)
  if (!plain || !hex) return either
  if (object.id.length === 36) return [200]
  return /^(payment|refund)\./.test(event) ? [400] : either
}

const hmac = (message: Uint8Array, secret: string): string =>
  createHmac('sha256', secret).update(message).digest('base64')

/** The text that X-Content-HMAC signs; null when the form has none. */
export const signedText = (body: Uint8Array, media: string): Uint8Array | null => {
  if (media !== formType) return body
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    return new TextEncoder().encode(decodeURIComponent(text.replaceAll('+', ' ')))
  } catch {
    return null
  }
}

/** Whether the raw bytes of a notification are signed, only their decoded text, or neither. */
export const proofOf = (sent: Sent): 'raw' | 'text' | 'none' => {
  if (sent.headers['content-hmac'] === hmac(sent.body, known.mac)) return 'raw'
  const text = signedText(sent.body, mediaOf(sent))
  return text !== null && sent.headers['x-content-hmac'] === hmac(text, known.mac) ? 'text' : 'none'
}

const atCloudPayments = (sent: Sent): readonly number[] => {
  if (proofOf(sent) === 'none') return [401]
  const media = mediaOf(sent)
  if (media !== formType && media !== jsonType) return [415]
  if (sent.body.length === 0 || !isUtf8(sent.body)) return [400]
  const fields = media === jsonType ? flatJson(sent.body) : strictForm(sent.body)
  return Array.isArray(fields) ? fields : noticeStatuses(sent.hook, fields as ReadonlyMap<string, string>)
}

/** The rows I3 to I7 over the fields by their lower-case names. */
const noticeStatuses = (hook: HookName, fields: ReadonlyMap<string, string>): readonly number[] => {
  const amount = fields.get('amount')
  if (amount !== undefined && !/^\d+(\.\d{1,2})?$/.test(amount)) return [400]
  const number = fields.get('transactionid') ?? ''
  const odd = !/^[1-9]\d{0,17}$/.test(number)
  if (hook === 'cloudpayments/pay') {
    if (!/^-?\d+$/.test(number)) return [400]
    if (fields.get('reasoncode') || (fields.get('id') && fields.get('interval'))) return [400]
  }
  // What is required but absent is poor at one reading and refused at the other, and so is a number beyond what ids can be.
  const needed = hook === 'cloudpayments/recurrent' ? !fields.get('id') : odd
  const refundOf = hook === 'cloudpayments/refund' && !/^[1-9]\d{0,17}$/.test(fields.get('paymenttransactionid') ?? '')
  return needed || refundOf || amount === undefined || amount.length > 12 ? either : [200]
}

/** A form by the letter: a blank, a byte outside ASCII or a name that comes twice is refused (I4). */
const strictForm = (body: Uint8Array): ReadonlyMap<string, string> | readonly number[] => {
  const text = Buffer.from(body).toString('latin1')
  if (/[ \u0080-\u00ff]/.test(text)) return [400]
  const pairs = pairsOf(body)
  const fields = new Map(pairs.map(({ name, value }) => [name.toLowerCase(), value]))
  if (fields.size !== pairs.length || pairs.length > 500) return [400]
  if (fields.size === 0) return [400]
  // Control characters and broken escapes have no row of their own, and a few hundred fields is no exact number.
  return pairs.length > 200 || /[\u0000-\u001f\u007f]|%(?![0-9a-f]{2})/i.test(text) || !signedText(body, formType)
    ? either
    : fields
}

/** Top fields of a JSON body with their own digits; a name that comes twice in any spelling is refused. */
const flatJson = (body: Uint8Array): ReadonlyMap<string, string> | readonly number[] => {
  const json = jsonOf(body)
  if (json.tag !== 'object' || json.depth > 40) return [400]
  const text = Buffer.from(body).toString('utf8')
  const pieces = text.matchAll(/"((?:[^"\\]|\\.)*)"(?:\s*:\s*("(?:[^"\\]|\\.)*"|[^,}\s]*))?/g)
  const named = [...pieces].flatMap(([, name = '', value]) => (value === undefined ? [] : [{ name, value }]))
  const fields = new Map(
    named.map(({ name, value }) => [name.toLowerCase(), value.replace(/^"|"$/g, '').replace(/^null$/, '')]),
  )
  if (fields.size !== named.length) return [400]
  return json.depth > 5 ? either : fields
}
