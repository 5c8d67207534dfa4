import type { Json } from './api.ts'
import { argument, type Call, type CommandSpec } from './command.ts'
import { shown } from './output.ts'
import { partnerIdOf } from './partner.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** `hub why`: the story behind a field, or behind one webhook, event or effect. */
export const why: CommandSpec = {
  usage: 'why <id> [field]',
  summary: 'Why a partner’s field is as it is (status by default), or what became of a webhook, event or effect',
  examples: ['hub why par_0190… status', 'hub why 7701234567 subscription.status', 'hub why 01934f7e-… --json'],
  run: async (call) => {
    const id = argument(call, 0)
    const asked = uuid.test(id)
      ? await call.api().get(`/api/v1/trace/${id}`)
      : await call
          .api()
          .get(`/api/v1/partners/${await partnerOf(call, id)}/why`, { field: argument(call, 1) || 'status' })
    await call.print(asked, () => story(asked))
    return undefined
  },
}

/** Subscriptions and payments belong to a partner, whose story it is. */
const partnerOf = async (call: Call, id: string): Promise<string> => {
  const list = id.startsWith('sub_') ? 'subscriptions' : id.startsWith('pay_') ? 'payments' : null
  if (list === null) return partnerIdOf(call, id)
  return String((await call.api().get(`/api/v1/${list}/${encodeURIComponent(id)}`)).partnerId)
}

const depths: Readonly<Record<string, number>> = { webhook: 0, command: 1, event: 2, effect: 3, attempt: 4, outcome: 5 }

/** A chain as an indented story: what follows from something stands below it, to the right. */
export const story = (asked: Json): string => {
  const chain = Array.isArray(asked.chain) ? (asked.chain as readonly Json[]) : []
  const head = asked.field === undefined ? '' : `${shown(asked.field)} is ${shown(asked.value)}\n\n`
  if (chain.length === 0) return `${head}Nothing is recorded about it.\n`
  return `${head}${chain.map(line).join('')}`
}

const line = (link: Json): string => {
  const kind = String(link.kind ?? '')
  const depth = depths[kind] ?? 0
  const arrow = depth === 0 ? '' : `${'   '.repeat(depth - 1)}└─ `
  const position = typeof link.position === 'number' ? `  #${link.position}` : ''
  const id = link.id === undefined || link.id === null ? '' : `  ${shown(link.id)}`
  return `${shown(link.at)}  ${arrow}${kind}: ${shown(link.summary)}${position}${id}\n`
}
