import { formOf, formType, jsonOf, jsonType, known, mediaOf, type Pair, type Sent } from './webhookReading.ts'

const isPing = ({ body }: Sent): boolean => Buffer.from(body).toString('latin1') === 'test=test'

/** The name of the key where it comes as a field or a cookie. */
export const keyName = 'hub_key'

/** What a body is worth once its sender is proven. */
const readBody = (sent: Sent): readonly number[] => {
  const media = mediaOf(sent)
  if (media === formType) return isPing(sent) || formOf(sent.body) ? [200] : [400]
  if (media !== jsonType) return [415]
  const json = jsonOf(sent.body)
  return json.tag === 'object' && json.depth <= 5 ? [200] : [400]
}

/** The key in the header. */
export const atTilda = (sent: Sent): readonly number[] => {
  const key = sent.headers['x-api-key']
  if (key === undefined) return isPing(sent) ? [200] : [401]
  return key === known.key ? readBody(sent) : [401]
}

/** The key in a cookie, among others; two that differ are none. */
export const atTildaCookie = (sent: Sent): readonly number[] => {
  const keys = (sent.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${keyName}=`))
    .map((pair) => pair.slice(keyName.length + 1))
  if (keys.length === 0) return isPing(sent) ? [200] : [401]
  return keys.every((key) => key === known.key) ? readBody(sent) : [401]
}

/** The key among the fields: the body is read first, and a body that cannot be read holds no key. */
export const atTildaField = (sent: Sent): readonly number[] => {
  if (isPing(sent)) return [200]
  const fields = mediaOf(sent) === jsonType ? jsonKeys(sent) : formKeys(formOf(sent.body))
  if (fields === null || fields.keys.length === 0 || fields.keys.some((key) => key !== known.key)) return [401]
  if (mediaOf(sent) !== jsonType && mediaOf(sent) !== formType) return [415]
  return fields.others === 0 ? [400] : [200]
}

type Keyed = { readonly keys: readonly string[]; readonly others: number }

const formKeys = (pairs: readonly Pair[] | null): Keyed | null =>
  pairs && {
    keys: pairs.flatMap(({ name, value }) => (name === keyName && value !== '' ? [value] : [])),
    others: pairs.filter(({ name }) => name !== keyName).length,
  }

/** JSON shows only the last of two, so a name that comes twice proves nothing. */
const jsonKeys = ({ body }: Sent): Keyed | null => {
  const json = jsonOf(body)
  if (json.tag !== 'object' || json.depth > 5) return null
  const { [keyName]: key, ...others } = json.tree
  const times = Buffer.from(body).toString('utf8').split(`"${keyName}"`).length - 1
  const given = (typeof key === 'string' && key !== '') || typeof key === 'number'
  return times > 1 || !given ? null : { keys: [String(key)], others: Object.keys(others).length }
}

/** The publish hook: the path, then whose page, then which (R12). */
export const atTildaPage = ({ path }: Sent): readonly number[] => {
  const url = new URL(path, 'http://x/')
  if (url.pathname !== `/tilda/page/${known.key}`) return [404]
  const of = (name: string): string => url.searchParams.get(name) ?? ''
  if (of('publickey') !== known.publicKey || of('projectid') !== known.project) return [403]
  const page = of('pageid')
  if (/^[1-9]\d{0,14}$/.test(page)) return [200]
  return /^[1-9]\d{15,17}$/.test(page) ? [200, 400] : [400]
}
