import type { Api, Json } from './api.ts'
import { argument, type Call, type CommandGroup, type CommandSpec, flag, wholeNumber } from './command.ts'
import { filterOptions, listQuery } from './lists.ts'
import { card, shown } from './output.ts'
import { exits, failure, isAway } from './world.ts'

const filters = {
  stream: 'of this stream only',
  type: 'of this type only',
  subject: 'about this person or company only',
}
const pollMs = 500
const pageItems = 200
const streamItemsMax = 1_000_000
/** The service may be restarted while its log is watched. */
const awayMsMax = 60_000

const tail: CommandSpec = {
  usage: 'tail',
  summary: 'The last events of the log; with --follow also those that come, until Ctrl-C',
  options: [
    ['--limit <number>', 'how many of the last events (20)'],
    ['-f, --follow', 'go on with new events as they come'],
    ...filterOptions({ filters }),
  ],
  examples: [
    'hub events tail',
    'hub events tail --follow --type PaymentSucceeded',
    'hub events tail --limit 100 --json | jq .type',
  ],
  run: async (call) => {
    const limit = wholeNumber(call, 'limit', { min: 0, max: streamItemsMax, usual: 20 })
    const query = { ...listQuery(call, { filters }), sort: '-position' }
    const api = call.api()
    const last = limit === 0 ? { items: [], position: 0 } : await api.list('events', query, limit)
    const newest = limit === 0 ? await api.list('events', query, 1) : last
    await printAll(call, last.items.toReversed())
    if (flag(call, 'follow')) await follow(call, { query, after: positionOf(newest.items[0]) })
    return undefined
  },
}

type Following = {
  readonly query: Readonly<Record<string, string | number | null | undefined>>
  readonly after: number
}

const follow = async (call: Call, { query, after }: Following): Promise<void> => {
  let seen = after
  let lastAnswerMs = call.world.nowMs()
  while (!call.world.interrupted().aborted) {
    await call.world.wait(pollMs)
    const fresh = await newer(call.api(), query, seen).catch((error: unknown) => {
      const away = isAway(error)
      if (!away || call.world.nowMs() - lastAnswerMs > awayMsMax) throw error
      return null
    })
    if (fresh === null) continue
    lastAnswerMs = call.world.nowMs()
    await printAll(call, fresh)
    seen = fresh.reduce((most, event) => Math.max(most, positionOf(event)), seen)
  }
  throw failure(exits.interrupted, { code: 'interrupted', detail: 'Interrupted' })
}

/** Newest first until a known one is met, so that a burst between two looks loses nothing. */
const newer = async (api: Api, query: Following['query'], seen: number): Promise<readonly Json[]> => {
  for (let limit = pageItems; ; limit *= 4) {
    const { items, nextCursor } = await api.list('events', query, limit)
    const fresh = items.filter((event) => positionOf(event) > seen)
    if (fresh.length < items.length || nextCursor === null) return fresh.toReversed()
  }
}

const positionOf = (event: Json | undefined): number => Number(event?.position ?? 0)

/** One event a line: for machines a JSON document each, so that a stream can be read while it grows. */
const printAll = async (call: Call, events: readonly Json[]): Promise<void> => {
  for (const event of events) await call.world.out(`${call.json ? JSON.stringify(event) : line(event)}\n`)
}

const line = (event: Json): string =>
  `${shown(event.position).padStart(9)}  ${shown(event.recordedAt)}  ${shown(event.type).padEnd(26)}  ${shown(event.stream)}  v${shown(event.version)}`

const show: CommandSpec = {
  usage: 'show <id>',
  summary: 'One event, by its position or its id',
  examples: ['hub events show 1204', 'hub events show 01934f7e-… --json'],
  run: async (call) => {
    const id = argument(call, 0)
    const query = /^\d{1,15}$/.test(id) ? { position: id } : { eventId: id }
    const [event] = (await call.api().list('events', query, 1)).items
    if (event === undefined)
      throw failure(exits.refused, { code: 'not-found', detail: `There is no event "${id}"`, status: 404 })
    await call.print(event, () => card(event))
    return undefined
  },
}

const stream: CommandSpec = {
  usage: 'stream <name>',
  summary: 'Every event of one stream, oldest first',
  options: [['--limit <number>', 'at most so many']],
  examples: ['hub events stream partner-par_0190…', 'hub events stream subscription-sub_0190… --json'],
  run: async (call) => {
    const name = argument(call, 0)
    const limit = wholeNumber(call, 'limit', { min: 1, max: streamItemsMax, usual: streamItemsMax })
    const { items } = await call.api().list('events', { stream: name, sort: 'position' }, limit)
    if (items.length === 0)
      throw failure(exits.refused, { code: 'not-found', detail: `There is no stream "${name}"`, status: 404 })
    await printAll(call, items)
    return undefined
  },
}

/** `hub events`: the log. */
export const events: CommandGroup = {
  name: 'events',
  summary: 'The log: tail, show, stream',
  commands: [tail, show, stream],
}
