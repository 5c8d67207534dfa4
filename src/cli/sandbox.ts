import type { Json } from './api.ts'
import {
  argument,
  type Call,
  type CommandGroup,
  type CommandSpec,
  flag,
  option,
  usage,
  wholeNumber,
} from './command.ts'
import { type Column, card, shown, table } from './output.ts'
import { exits, failure } from './world.ts'

const providers = ['fns', 'protalk', 'umnico', 'tilda', 'flexbe', 'yookassa', 'cloudpayments', 'mail']

const providerOf = (call: Call): string => {
  const name = argument(call, 0)
  if (!providers.includes(name)) throw usage(`The provider should be one of ${providers.join(', ')}`)
  return name
}

const objects = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : [])

const faults: CommandSpec = {
  usage: 'faults <provider>',
  summary: 'Script how a twin misbehaves with its next calls; without options list what is scripted',
  options: [
    [
      '--add <kind>',
      'apply-then-hang, apply-then-reset, apply-then-500, 500, 429, 429-retry-after, 401, garbage, html, empty, slow, redirect',
    ],
    ['--path <part>', 'with --add: only calls whose path contains this'],
    ['--times <number>', 'with --add: for so many calls (1)'],
    ['--seconds <number>', 'with --add: of Retry-After, or of the delay'],
    ['--clear', 'forget what is scripted'],
  ],
  examples: [
    'hub sandbox faults yookassa --add apply-then-500 --path /payments --times 2',
    'hub sandbox faults fns',
    'hub sandbox faults mail --clear',
  ],
  run: async (call) => {
    const path = `/sandbox/${providerOf(call)}/faults`
    const kind = option(call, 'add')
    if (flag(call, 'clear')) {
      await call.api().send('DELETE', path)
      await call.print([], () => 'Nothing is scripted any more.\n')
    } else if (kind === null) {
      const scripted = objects(await call.api().getAny(path))
      await call.print(scripted, () => table(scripted, faultColumns))
    } else {
      const seconds = wholeNumber(call, 'seconds', { min: 0, max: 86_400, usual: -1 })
      const times = wholeNumber(call, 'times', { min: 1, max: 1_000_000, usual: 1 })
      const fault = { kind, path: option(call, 'path') ?? '', times, ...(seconds < 0 ? {} : { seconds }) }
      const made = await call.api().send('POST', path, fault)
      await call.print(made, () => `The next ${times} calls get ${kind}.\n`)
    }
    return undefined
  },
}

const faultColumns: readonly Column[] = [
  ['KIND', (fault) => fault.kind],
  ['PATH', (fault) => fault.path],
  ['TIMES', (fault) => fault.times],
  ['SECONDS', (fault) => fault.seconds],
]

const calls: CommandSpec = {
  usage: 'calls <provider>',
  summary: 'What a twin was asked, and what took effect',
  options: [
    ['--limit <number>', 'the last so many (50)'],
    ['--clear', 'empty the ledger'],
  ],
  examples: ['hub sandbox calls yookassa', 'hub sandbox calls fns --json'],
  run: async (call) => {
    const path = `/sandbox/${providerOf(call)}/ledger`
    if (flag(call, 'clear')) {
      await call.api().send('DELETE', path)
      await call.print({ calls: [], applied: 0 }, () => 'The ledger is empty.\n')
      return undefined
    }
    const ledger = await call.api().get(path)
    const limit = wholeNumber(call, 'limit', { min: 1, max: 100_000, usual: 50 })
    const last = objects(ledger.calls).slice(-limit)
    await call.print({ ...ledger, calls: last }, () => `${table(last, callColumns)}applied: ${shown(ledger.applied)}\n`)
    return undefined
  },
}

const callColumns: readonly Column[] = [
  ['AT', (item) => item.at],
  ['METHOD', (item) => item.method],
  ['PATH', (item) => item.path],
  ['STATUS', (item) => item.status],
  ['APPLIED', (item) => item.applied],
  ['KEY', (item) => item.key],
  ['SUMMARY', (item) => item.summary],
]

const mail: CommandSpec = {
  usage: 'mail',
  summary: 'Letters that the mail sink of the sandbox took, newest last',
  options: [
    ['--to <address>', 'to this address only'],
    ['--show <id>', 'one letter with its text; "last" is the newest'],
    ['--limit <number>', 'the last so many (50)'],
  ],
  examples: ['hub sandbox mail', 'hub sandbox mail --to maria@example.ru --show last', 'hub sandbox mail --json'],
  run: async (call) => {
    const to = option(call, 'to')
    const all = objects(await call.api().getAny('/sandbox/mail/messages'))
    const letters = all.filter((letter) => to === null || String(letter.to).toLowerCase().includes(to.toLowerCase()))
    const wanted = option(call, 'show')
    if (wanted !== null) {
      const letter = wanted === 'last' ? letters.at(-1) : letters.find((candidate) => candidate.id === wanted)
      if (letter === undefined)
        throw failure(exits.refused, { code: 'not-found', detail: `There is no letter "${wanted}"`, status: 404 })
      const { text, html: _html, headers: _headers, ...rest } = letter
      await call.print(letter, () => `${card(rest)}\n${String(text ?? '')}\n`)
      return undefined
    }
    const last = letters.slice(-wholeNumber(call, 'limit', { min: 1, max: 100_000, usual: 50 }))
    await call.print(last, () => table(last, letterColumns))
    return undefined
  },
}

const letterColumns: readonly Column[] = [
  ['RECEIVED', (letter) => letter.receivedAt],
  ['TO', (letter) => letter.to],
  ['SUBJECT', (letter) => letter.subject],
  ['ID', (letter) => letter.id],
]

/** `hub sandbox`: the twins. */
export const sandbox: CommandGroup = {
  name: 'sandbox',
  summary: 'Twins of the providers: scripted faults, their ledgers, the letters',
  commands: [faults, calls, mail],
}
