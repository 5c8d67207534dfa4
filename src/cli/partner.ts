import type { Json } from './api.ts'
import {
  argument,
  type Call,
  type CommandGroup,
  type CommandSpec,
  choice,
  confirm,
  flag,
  operate,
  option,
} from './command.ts'
import { type ListShape, listCommand } from './lists.ts'
import { card, shown } from './output.ts'
import { exits, failure } from './world.ts'

const partnerList: ListShape = {
  name: 'partners',
  filters: {
    status: 'awaiting_details, applied, verified, rejected, needs_review, delisted or erased',
    city: 'in this city only',
  },
  columns: [
    ['PARTNER', (item) => item.partnerId],
    ['STATUS', (item) => item.status],
    ['INN', (item) => item.inn],
    ['NAME', (item) => item.legalName ?? item.contactName],
    ['CITY', (item) => item.city],
    ['SUBSCRIPTION', (item) => subscriptionStatus(item)],
    ['LISTED', (item) => item.listed],
  ],
}

const subscriptionStatus = ({ subscription }: Json): unknown =>
  typeof subscription === 'object' && subscription !== null && 'status' in subscription ? subscription.status : null

/** The partner that an id, an INN, a phone, an email or a name means; ambiguity is refused. */
export const partnerIdOf = async (call: Call, text: string): Promise<string> => {
  if (/^par_[0-9a-f]+$/.test(text)) return text
  const { items } = await call.api().list('partners', { q: text }, 3)
  const [found] = items
  if (found === undefined)
    throw failure(exits.refused, { code: 'not-found', detail: `There is no partner "${text}"`, status: 404 })
  if (items.length > 1)
    throw failure(exits.refused, {
      code: 'partner-ambiguous',
      detail: `Several partners match "${text}": ${items.map((item) => shown(item.partnerId)).join(', ')}`,
    })
  return String(found.partnerId)
}

const show: CommandSpec = {
  usage: 'show <id>',
  summary: 'The card of a partner, by id, INN, phone or email; the look goes on record',
  options: [['--at <when>', 'as it was: a position or an instant such as 2026-03-01T12:00:00+03:00']],
  examples: [
    'hub partner show par_0190…',
    'hub partner show 7701234567',
    'hub partner show par_0190… --at 2026-03-01T12:00:00+03:00',
  ],
  run: async (call) => {
    const id = await partnerIdOf(call, argument(call, 0))
    const item = await call.api().get(`/api/v1/partners/${id}`, { asOf: option(call, 'at') })
    await call.print(item, () => card(item))
    return undefined
  },
}

const erase: CommandSpec = {
  usage: 'erase <id>',
  summary: 'Forget a person for good: destroys the key of what the log knows, and cleans everything else',
  options: [
    ['--basis <basis>', 'request (default), withdrawal, unlawful or purpose_reached'],
    ['--dry-run', 'show what would turn blank, and erase nothing'],
    ['--yes', 'confirm in advance'],
  ],
  changes: true,
  examples: [
    'hub partner erase par_0190… --dry-run',
    'hub partner erase par_0190… --basis withdrawal --reason "Letter of 3 March"',
  ],
  run: async (call) => {
    const id = await partnerIdOf(call, argument(call, 0))
    const basis = choice(call, 'basis', {
      choices: ['request', 'withdrawal', 'unlawful', 'purpose_reached'],
      usual: 'request',
    })
    if (flag(call, 'dryRun')) {
      const item = await call.api().get(`/api/v1/partners/${id}`)
      const blanks = personal.filter((field) => item[field] !== null && item[field] !== undefined)
      await call.print(
        { dryRun: true, partnerId: id, basis, fields: blanks },
        () => `These fields of ${id} would turn blank: ${shown(blanks)}\n`,
      )
      return undefined
    }
    await confirm(call, { word: id, what: `erase ${id} for good` })
    const answer = await operate(call, `partners/${id}/erase`, { basis })
    await call.print(answer, () => `${id} is being erased; it is complete within 20 s.\n`)
    return undefined
  },
}

const personal = ['contactName', 'phone', 'email', 'inn', 'ogrn', 'legalName', 'slug']

const unsubscribe: CommandSpec = {
  usage: 'unsubscribe <id>',
  summary: 'End the consent to advertising, as the law demands at once when a partner asks for it',
  changes: true,
  examples: [
    'hub partner unsubscribe par_0190…',
    'hub partner unsubscribe maria@example.ru --reason "Call of 3 March"',
  ],
  run: async (call) => {
    const id = await partnerIdOf(call, argument(call, 0))
    const answer = await operate(call, `partners/${id}/unsubscribe`)
    await call.print(answer, () => `${id} gets no advertising any more.\n`)
    return undefined
  },
}

const exportOne: CommandSpec = {
  usage: 'export <id>',
  summary: 'Everything that the service knows about a partner, as JSON',
  changes: true,
  examples: [
    'hub partner export par_0190… > partner.json',
    'hub partner export par_0190… --reason "Request of 3 March"',
  ],
  run: async (call) => {
    const id = await partnerIdOf(call, argument(call, 0))
    const answer = await operate(call, `partners/${id}/export`)
    await call.world.out(`${JSON.stringify(answer, null, 2)}\n`)
    return undefined
  },
}

/** `hub partner`: partners, one by one. */
export const partner: CommandGroup = {
  name: 'partner',
  summary: 'Partners: list, show, unsubscribe, erase, export',
  commands: [
    listCommand(partnerList, {
      summary: 'Partners with their states',
      examples: ['hub partner list --status needs_review', 'hub partner list --q +79161234567 --json'],
    }),
    show,
    unsubscribe,
    erase,
    exportOne,
  ],
}
