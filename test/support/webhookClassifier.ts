import { createHmac } from 'node:crypto'

/** The hooks that take a body. */
export const hookNames = ['tilda', 'umnico', 'protalk/client', 'protalk/partner', 'flexbe', 'yookassa'] as const

/** The kinds of CloudPayments, each a hook of its own. */
export const paymentKinds = ['check', 'pay', 'fail', 'confirm', 'refund', 'recurrent', 'cancel'] as const

/** A hook by its sender's name. */
export type HookName = (typeof hookNames)[number] | `cloudpayments/${(typeof paymentKinds)[number]}`

/** What goes over the wire. */
export type Sent = {
  readonly hook: HookName
  /** Below `/webhooks/`, with the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer>
}

/** Every secret that senders prove themselves by, and the account of the chats. */
export const known = { key: 'k-test-1', path: 's3cr3t', tool: 'k-tool-1', mac: '3f1c9a7be0d24c58', account: '147517' }

const bodyBytesMax = 256 * 1024
const fieldsMax = 200
const nameCharsMax = 200

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
    case 'protalk/client':
    case 'protalk/partner':
      return atProtalk(sent)
    default:
      return atCloudPayments(sent)
  }
}

const either = [200, 400]

const mediaOf = ({ headers }: Sent): string => (headers['content-type'] ?? '').replace(/;.*/, '')
const formType = 'application/x-www-form-urlencoded'
const jsonType = 'application/json'

const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

type Pair = { readonly name: string; readonly value: string; readonly nameBroken: boolean }

/** Control characters are dropped; a broken escape or broken UTF-8 is told of the name, where it counts (R9). */
const decoded = (text: string): { readonly text: string; readonly broken: boolean } => {
  const spaced = text.replaceAll('+', ' ')
  const broken = /%(?![0-9a-f]{2})/i.test(spaced)
  const bytes = Buffer.from(
    spaced.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  return { text: bytes.toString('utf8').replaceAll('\0', ''), broken: broken || !isUtf8(bytes) }
}

const pairsOf = (body: Uint8Array): readonly Pair[] =>
  Buffer.from(body)
    .toString('latin1')
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [, rawName = '', rawValue = ''] = /^([^=]*)=?([\s\S]*)$/.exec(pair) ?? []
      const name = decoded(rawName)
      return { name: name.text, value: decoded(rawValue).text, nameBroken: name.broken }
    })

const forbidden = ['__proto__', 'constructor', 'prototype']

/** The steps of a key such as `a[b][]`; brackets that do not match are letters like any others. */
const stepsOf = (name: string): readonly string[] =>
  /^[^[\]]+(\[[^[\]]*\])+$/.test(name) ? name.replaceAll(']', '').split('[') : [name]

/** The fields of a form, or null for what R8 to R11 refuse. */
const formOf = (body: Uint8Array): readonly Pair[] | null => {
  const pairs = pairsOf(body)
  if (pairs.length > fieldsMax) return null
  if (pairs.some(({ name, nameBroken }) => nameBroken || name.length > nameCharsMax || stepsOf(name).length > 5))
    return null
  const left = pairs.filter(({ name }) => name !== '' && !stepsOf(name).some((step) => forbidden.includes(step)))
  return left.length > 0 ? left : null
}

type Tree = { readonly [name: string]: unknown }

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)

type Measures = { readonly depth: number; readonly names: readonly string[] }

const measured = (value: unknown): Measures => {
  if (typeof value !== 'object' || value === null) return { depth: 0, names: [] }
  const inner = Object.values(value).map(measured)
  return {
    depth: 1 + inner.reduce((deepest, { depth }) => Math.max(deepest, depth), 0),
    names: [...(Array.isArray(value) ? [] : Object.keys(value)), ...inner.flatMap(({ names }) => names)],
  }
}

type Json =
  | { readonly tag: 'object'; readonly tree: Tree; readonly depth: number }
  | { readonly tag: 'nothing-left' }
  | { readonly tag: 'refused' }

/** A JSON object within the limits of R7 to R11; how deep it may be differs between the hooks. */
const jsonOf = (body: Uint8Array): Json => {
  try {
    const tree: unknown = JSON.parse(Buffer.from(body).toString('utf8'))
    if (!isTree(tree)) return { tag: 'refused' }
    const { depth, names } = measured(tree)
    const faulty = names.some((name) => name.length > nameCharsMax || (!isUtf8(body) && name.includes('\ufffd')))
    if (faulty || names.length > fieldsMax) return { tag: 'refused' }
    const left = Object.keys(tree).filter((name) => !forbidden.includes(name))
    return left.length > 0 ? { tag: 'object', tree, depth } : { tag: 'nothing-left' }
  } catch {
    return { tag: 'refused' }
  }
}

const atTilda = (sent: Sent): readonly number[] => {
  const key = sent.headers['x-api-key']
  const isPing = Buffer.from(sent.body).toString('latin1') === 'test=test'
  if (key === undefined) return isPing ? [200] : [401]
  if (key !== known.key) return [401]
  const media = mediaOf(sent)
  if (media === formType) return isPing || formOf(sent.body) ? [200] : [400]
  if (media !== jsonType) return [415]
  const json = jsonOf(sent.body)
  return json.tag === 'object' && json.depth <= 5 ? [200] : [400]
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

const tools: Readonly<Record<string, readonly string[]>> = {
  'protalk/client': ['find_partners', 'partner_card', 'leave_request'],
  'protalk/partner': ['subscription_status', 'payment_link', 'my_leads', 'cancel_subscription'],
}

const atProtalk = (sent: Sent): readonly number[] => {
  const fields = toolFields(sent)
  const outside = [sent.headers['x-webhook-secret'], new URL(sent.path, 'http://x/').searchParams.get('secret')]
  const given = [...outside, ...(fields?.secret ?? [])].filter((secret) => typeof secret === 'string')
  if (given.length === 0 || given.some((secret) => secret !== known.tool)) return [401]
  if (fields === null) return [400]
  if (fields.tool.length !== 1) return fields.tool.length === 0 ? [400] : either
  const [tool] = fields.tool
  if (typeof tool !== 'string') return [400]
  const names = tools[sent.hook] ?? []
  return names.includes(tool) ? [200] : names.includes(tool.trim().toLowerCase()) ? either : [400]
}

const toolFields = (sent: Sent): Record<'tool' | 'secret', readonly unknown[]> | null => {
  if (mediaOf(sent) === jsonType) {
    const json = jsonOf(sent.body)
    if (json.tag !== 'object' || json.depth > 5) return null
    const { tool, secret } = json.tree
    return { tool: tool === undefined ? [] : [tool], secret: secret === undefined ? [] : [secret] }
  }
  const form = formOf(sent.body)
  const all = (wanted: string) => (form ?? []).filter(({ name }) => name === wanted).map(({ value }) => value)
  return form && { tool: all('tool'), secret: all('secret') }
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
