/** A plain reading of what goes over the wire, from the documents and with nothing of the service's. */

/** The hooks that take a body. */
export const hookNames = ['tilda', 'umnico', 'protalk/client', 'protalk/partner', 'flexbe', 'yookassa'] as const

/** The kinds of CloudPayments, each a hook of its own. */
export const paymentKinds = ['check', 'pay', 'fail', 'confirm', 'refund', 'recurrent', 'cancel'] as const

/** Other ways in to the same hooks: the key elsewhere, calls by GET, and the tools of bots that write. */
export const wayNames = [
  'tilda/field',
  'tilda/cookie',
  'tilda/page',
  'protalk/client/get',
  'protalk/partner/get',
  'protalk/client/write',
  'protalk/partner/write',
] as const

/** A hook by its sender's name. */
export type HookName =
  | (typeof hookNames)[number]
  | (typeof wayNames)[number]
  | `cloudpayments/${(typeof paymentKinds)[number]}`

/** What goes over the wire. */
export type Sent = {
  readonly hook: HookName
  /** POST when absent. */
  readonly method?: 'GET'
  /** Below `/webhooks/`, with the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer>
}

/** Every secret that senders prove themselves by, and the account of the chats. */
export const known = {
  key: 'k-test-1',
  path: 's3cr3t',
  tool: 'k-tool-1',
  mac: '3f1c9a7be0d24c58',
  account: '147517',
  publicKey: 'PUBKEYEXAMPLE0000000',
  project: '7654321',
}

/** A larger body is refused. */
export const bodyBytesMax = 256 * 1024
const fieldsMax = 200
const nameCharsMax = 200

/** What the documents leave open. */
export const either = [200, 400]

/** The media type, without its parameters. */
export const mediaOf = ({ headers }: Sent): string => (headers['content-type'] ?? '').replace(/;.*/, '')
/** The type of a form. */
export const formType = 'application/x-www-form-urlencoded'
/** The type of JSON. */
export const jsonType = 'application/json'

/** Whether bytes are UTF-8. */
export const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

/** A field of a form. */
export type Pair = { readonly name: string; readonly value: string; readonly nameBroken: boolean }

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

/** The pairs of a form, in their order. */
export const pairsOf = (body: Uint8Array): readonly Pair[] =>
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
export const formOf = (body: Uint8Array): readonly Pair[] | null => {
  const pairs = pairsOf(body)
  if (pairs.length > fieldsMax) return null
  if (pairs.some(({ name, nameBroken }) => nameBroken || name.length > nameCharsMax || stepsOf(name).length > 5))
    return null
  const left = pairs.filter(({ name }) => name !== '' && !stepsOf(name).some((step) => forbidden.includes(step)))
  return left.length > 0 ? left : null
}

/** An object of JSON. */
export type Tree = { readonly [name: string]: unknown }

/** Whether a value is an object of JSON. */
export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** How deep a value is, and the names in it. */
export type Measures = { readonly depth: number; readonly names: readonly string[] }

/** Measures a value. */
export const measured = (value: unknown): Measures => {
  if (typeof value !== 'object' || value === null) return { depth: 0, names: [] }
  const inner = Object.values(value).map(measured)
  return {
    depth: 1 + inner.reduce((deepest, { depth }) => Math.max(deepest, depth), 0),
    names: [...(Array.isArray(value) ? [] : Object.keys(value)), ...inner.flatMap(({ names }) => names)],
  }
}

/** A JSON body, or why it is none. */
export type Json =
  | { readonly tag: 'object'; readonly tree: Tree; readonly depth: number }
  | { readonly tag: 'nothing-left' }
  | { readonly tag: 'refused' }

/** A JSON object within the limits of R7 to R11; how deep it may be differs between the hooks. */
export const jsonOf = (body: Uint8Array): Json => {
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
