import { argumentsFrom, type Call, type CommandGroup, flag, usage } from './command.ts'
import { listCommand, listQuery } from './lists.ts'
import { changeMany, manyOptions } from './many.ts'
import { webhookList } from './webhooks.ts'

const held = {
  ...webhookList,
  fixed: { verdict: 'quarantined' },
  filters: {
    source: 'tilda, umnico, protalk, flexbe, yookassa or cloudpayments',
    reason: 'why it is held; "hub explain REASON" says what to do',
  },
}

/** More are released by several calls. */
const releasedMax = 10_000

/** `hub quarantine`: deliveries that could not be used, kept with their bytes. */
export const quarantine: CommandGroup = {
  name: 'quarantine',
  summary: 'Deliveries that could not be used yet: list, release after a fix',
  commands: [
    listCommand(held, {
      summary: 'What is held, newest first, with reasons',
      examples: ['hub quarantine list', 'hub quarantine list --source tilda --json'],
    }),
    {
      usage: 'release [id...]',
      summary: 'Decide again with the present code; what is still of no use stays held',
      options: [
        ['--all', 'everything that is held, or what --source and --reason-code choose'],
        ['--source <name>', 'with --all: of this source only'],
        ['--reason-code <code>', 'with --all: held for this reason only'],
        ...manyOptions,
      ],
      changes: true,
      examples: [
        'hub quarantine release 01934f7e-… --reason "The form has its INN field again"',
        'hub quarantine release --all --source tilda --dry-run',
      ],
      run: async (call) => {
        const ids = await chosen(call)
        return changeMany(call, {
          ids,
          what: `release ${ids.length} deliveries`,
          path: (id) => `quarantine/${encodeURIComponent(id)}/release`,
        })
      },
    },
  ],
}

const chosen = async (call: Call): Promise<readonly string[]> => {
  const given = argumentsFrom(call, 0)
  if (given.length > 0 && flag(call, 'all')) throw usage('Either ids or --all should be given, not both')
  if (given.length > 0) return given
  if (!flag(call, 'all')) throw usage('Ids of deliveries should be given, or --all')
  const filters = { fixed: held.fixed, filters: { source: '' }, sort: 'receivedAt' }
  const query = {
    ...listQuery(call, filters),
    reason: typeof call.options.reasonCode === 'string' ? call.options.reasonCode : null,
  }
  const { items } = await call.api().list('webhooks', query, releasedMax)
  return items.map((item) => String(item.webhookId))
}
