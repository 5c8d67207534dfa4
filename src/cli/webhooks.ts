import { argument, argumentsFrom, type CommandGroup } from './command.ts'
import { download, formatOption } from './export.ts'
import { filterOptions, type ListShape, listCommand, listOptions, showCommand } from './lists.ts'
import { changeMany, manyOptions } from './many.ts'
import { card } from './output.ts'
import { recordDelivery } from './record.ts'

/** How deliveries are listed. */
export const webhookList: ListShape = {
  name: 'webhooks',
  sort: '-receivedAt',
  filters: {
    source: 'tilda, umnico, protalk, flexbe, yookassa or cloudpayments',
    verdict: 'accepted, duplicate, ignored, quarantined or conflict',
  },
  columns: [
    ['RECEIVED', (item) => item.receivedAt],
    ['WEBHOOK', (item) => item.webhookId],
    ['SOURCE', (item) => item.source],
    ['VERDICT', (item) => item.verdict],
    ['REASON', (item) => item.reason],
    ['REPEATS', (item) => item.repeats],
    ['EVENTS', (item) => item.eventPositions],
    ['DEDUPE KEY', (item) => item.dedupeKey],
  ],
}

/** `hub webhooks`: what arrived, and what it became. */
export const webhooks: CommandGroup = {
  name: 'webhooks',
  summary: 'Deliveries: list, show, replay, export',
  commands: [
    listCommand(webhookList, {
      summary: 'The newest deliveries with their verdicts',
      examples: [
        'hub webhooks list',
        'hub webhooks list --source tilda --verdict quarantined',
        'hub webhooks list --q 7701234567 --json',
      ],
    }),
    showCommand('webhooks', {
      summary: 'One delivery: its bytes, its verdict, its events',
      examples: ['hub webhooks show 01934f7e-…', 'hub webhooks show 01934f7e-… --json'],
      text: (item) => card(item),
    }),
    {
      usage: 'replay <id...>',
      summary: 'Decide again about kept bytes; what happened already does not happen twice',
      options: manyOptions,
      changes: true,
      examples: ['hub webhooks replay 01934f7e-…', 'hub webhooks replay 01934f7e-… 01934f80-… --dry-run'],
      run: (call) => {
        const ids = argumentsFrom(call, 0)
        return changeMany(call, {
          ids,
          what: `replay ${ids.length} deliveries`,
          path: (id) => `webhooks/${encodeURIComponent(id)}/replay`,
        })
      },
    },
    {
      usage: 'export [id]',
      summary:
        'Every delivery that the filters choose; with an ID that one as an anonymised fixture, which a test can replay',
      options: [formatOption, ...filterOptions(webhookList), ...listOptions.slice(0, 3)],
      examples: [
        'hub webhooks export --source yookassa --format ndjson > yookassa.ndjson',
        'hub webhooks export 01934f7e-… > test/fixtures/recordings/tilda-form.json',
      ],
      run: (call) => {
        const id = argument(call, 0)
        return id === '' ? download(call, webhookList) : recordDelivery(call, id)
      },
    },
  ],
}
