import type { Json } from './api.ts'
import {
  argument,
  argumentsFrom,
  type Call,
  type CommandGroup,
  type CommandSpec,
  choice,
  confirmMany,
  flag,
  operate,
  option,
} from './command.ts'
import { type ListShape, listCommand } from './lists.ts'
import { changeMany, manyOptions } from './many.ts'
import { shown, table } from './output.ts'

const effectList: ListShape = {
  name: 'effects',
  filters: {
    destination: 'fns, protalk, umnico, tilda, flexbe, yookassa, cloudpayments or email',
    kind: 'such as fns.lookUp or email.send',
    status: 'waiting, running, done, refused, unknown, dead or cancelled',
  },
  columns: [
    ['EFFECT', (item) => item.effectId],
    ['DESTINATION', (item) => item.destination],
    ['KIND', (item) => item.kind],
    ['STATUS', (item) => item.status],
    ['ATTEMPTS', (item) => item.attempts],
    ['NEXT ATTEMPT', (item) => item.nextAttemptAt],
    ['LAST ERROR', (item) => item.lastError],
  ],
}

const change = (
  verb: 'retry' | 'discard',
  words: { readonly summary: string; readonly reason: string },
): CommandSpec => ({
  usage: `${verb} <id...>`,
  summary: words.summary,
  options: manyOptions,
  changes: true,
  examples: [`hub effects ${verb} 0a5d61c0-…`, `hub effects ${verb} 0a5d61c0-… --reason "${words.reason}"`],
  run: (call) => {
    const ids = argumentsFrom(call, 0)
    return changeMany(call, {
      ids,
      what: `${verb} ${ids.length} effects`,
      path: (id) => `effects/${encodeURIComponent(id)}/${verb}`,
    })
  },
})

const resolve: CommandSpec = {
  usage: 'resolve <id>',
  summary: 'Say what really became of an effect, after having looked at the provider',
  options: [['--outcome <outcome>', 'done: it took place; refused: it did not and will not']],
  changes: true,
  examples: ['hub effects resolve 0a5d61c0-… --outcome done --reason "Seen in the cabinet: payment 2d8f…"'],
  run: async (call) => {
    const id = argument(call, 0)
    const outcome = choice(call, 'outcome', { choices: ['done', 'refused'], usual: 'done' })
    return changeMany(call, {
      ids: [id],
      what: `resolve ${id} as ${outcome}`,
      path: (effectId) => `effects/${encodeURIComponent(effectId)}/resolve`,
      body: { outcome },
    })
  },
}

const redrive: CommandSpec = {
  usage: 'redrive',
  summary: 'Set dead and refused effects free again, by filter; each keeps its key, so nothing happens twice',
  options: [
    ['--destination <name>', 'of this destination only'],
    ['--kind <kind>', 'of this kind only, such as email.send'],
    ['--status <status>', 'dead, refused, unknown or cancelled; dead and refused by default'],
    ...manyOptions,
  ],
  changes: true,
  examples: [
    'hub effects redrive --destination email --dry-run',
    'hub effects redrive --destination email --status dead --reason "The relay works again"',
  ],
  run: async (call) => {
    const filter = filterOf(call)
    const counted = await operate(call, 'effects/redrive', { ...filter, dryRun: true })
    const count = Number(counted.count ?? 0)
    if (flag(call, 'dryRun') || count === 0) {
      await call.print({ ...counted, dryRun: flag(call, 'dryRun') }, () => countText(counted, count))
      return undefined
    }
    await confirmMany(call, { count, what: `redrive ${count} effects` })
    const answer = await operate(call, 'effects/redrive', { ...filter, dryRun: false })
    await call.print(answer, () => `${shown(answer.count)} effects are waiting again.\n`)
    return undefined
  },
}

const filterOf = (call: Call): Json =>
  Object.fromEntries(
    ['destination', 'kind', 'status'].flatMap((name) => {
      const value = option(call, name)
      return value === null ? [] : [[name, value]]
    }),
  )

const countText = (counted: Json, count: number): string => {
  const samples = Array.isArray(counted.samples) ? (counted.samples as readonly Json[]) : []
  if (count === 0) return 'No effect matches.\n'
  return `${count} effects would be set free, such as:\n${table(
    samples,
    effectList.columns.filter(([heading]) => ['EFFECT', 'KIND', 'STATUS', 'LAST ERROR'].includes(heading)),
  )}`
}

/** `hub effects`: what the service does to the outside. */
export const effects: CommandGroup = {
  name: 'effects',
  summary: 'Outgoing calls: list, retry, redrive, resolve, discard',
  commands: [
    listCommand(effectList, {
      summary: 'Effects with their attempts and errors',
      examples: ['hub effects list --status dead', 'hub effects list --destination yookassa --json'],
    }),
    change('retry', {
      summary: 'Try now, whatever the next attempt was planned for',
      reason: 'The provider repaired it',
    }),
    redrive,
    resolve,
    change('discard', { summary: 'Give up an effect for good', reason: 'The partner was called by phone' }),
  ],
}
