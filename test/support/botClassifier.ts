import { either, formOf, jsonOf, jsonType, known, mediaOf, type Sent } from './webhookReading.ts'

const tools: Readonly<Record<string, readonly string[]>> = {
  'protalk/client': ['find_partners', 'partner_card', 'leave_request'],
  'protalk/partner': ['subscription_status', 'payment_link', 'my_leads', 'cancel_subscription'],
}

/** A call of a tool by POST. */
export const atProtalk = (sent: Sent): readonly number[] => {
  const fields = toolFields(sent)
  const outside = [sent.headers['x-webhook-secret'], new URL(sent.path, 'http://x/').searchParams.get('secret')]
  const given = [...outside, ...(fields?.secret ?? [])].filter((secret) => typeof secret === 'string')
  if (given.length === 0 || given.some((secret) => secret !== known.tool)) return [401]
  if (fields === null) return [400]
  if (fields.tool.length !== 1) return fields.tool.length === 0 ? [400] : either
  const [tool] = fields.tool
  if (typeof tool !== 'string') return [400]
  return toolStatuses(sent, tool)
}

const toolStatuses = ({ hook }: Sent, tool: string): readonly number[] => {
  const names = tools[hook.split('/').slice(0, 2).join('/')] ?? []
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

/** A call of a tool by GET: everything is in the query, and a query that cannot be read proves nothing. */
export const atProtalkByGet = (sent: Sent): readonly number[] => {
  const query = sent.path.split('?')[1] ?? ''
  const fields = formOf(Buffer.from(query))
  const of = (wanted: string) => (fields ?? []).filter(({ name }) => name === wanted).map(({ value }) => value)
  const header = sent.headers['x-webhook-secret']
  const given = [...(header === undefined ? [] : [header]), ...of('secret')]
  if (given.length === 0 || given.some((secret) => secret !== known.tool)) return [401]
  if (fields === null) return [400]
  const [tool, ...more] = of('tool')
  if (tool === undefined) return [400]
  return more.length > 0 ? either : toolStatuses(sent, tool)
}

/** Whether a call is a request that has to be kept: the tool that writes, with a clear consent. */
export const isRequest = (sent: Sent): boolean => {
  if (sent.method === 'GET' || sent.hook !== 'protalk/client/write') return false
  if (mediaOf(sent) !== jsonType) {
    const form = formOf(sent.body) ?? []
    const of = (wanted: string) => form.filter(({ name }) => name === wanted).map(({ value }) => value)
    return of('tool').join() === 'leave_request' && of('consent').join() === 'yes'
  }
  const json = jsonOf(sent.body)
  return json.tag === 'object' && json.tree.tool === 'leave_request' && json.tree.consent === true
}
