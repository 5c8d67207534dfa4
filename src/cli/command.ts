import type { Api, Json } from './api.ts'
import { exits, failure, type World } from './world.ts'

/** A command as data: the program makes parser, help and exit codes of it. */
export type CommandSpec = {
  /** Its name and arguments, such as `rebuild <name>`. */
  readonly usage: string
  readonly summary: string
  /** Options besides `--json`, `--url`, `--token`: flags and what they mean. */
  readonly options?: readonly (readonly [flags: string, description: string])[]
  /** Whether it changes something, and so takes `--reason`. */
  readonly changes?: boolean
  readonly examples: readonly string[]
  /** Does the work; answers the exit code when it is not 0. */
  readonly run: (call: Call) => Promise<number | undefined>
}

/** Commands below one word. */
export type CommandGroup = {
  readonly name: string
  readonly summary: string
  readonly commands: readonly CommandSpec[]
}

/** One call of a command. */
export type Call = {
  readonly world: World
  readonly args: readonly (string | readonly string[] | undefined)[]
  readonly options: Readonly<Record<string, unknown>>
  /** The service; opened at first use, because some commands need none. */
  readonly api: () => Api
  readonly json: boolean
  /** Prints one document for machines, or a text for people. */
  readonly print: (document: unknown, text: () => string) => Promise<void>
}

/** An argument as text; empty when it was left out. */
export const argument = (call: Call, index: number): string => {
  const value = call.args[index]
  return typeof value === 'string' ? value : ''
}

/** A repeated argument. */
export const argumentsFrom = (call: Call, index: number): readonly string[] => {
  const value = call.args[index]
  return Array.isArray(value) ? value : []
}

/** An option as text; null when it was not given. */
export const option = (call: Call, name: string): string | null => {
  const value = call.options[name]
  return typeof value === 'string' ? value : null
}

/** Whether a flag was given. */
export const flag = (call: Call, name: string): boolean => call.options[name] === true

/** An option as one of some words. */
export const choice = <Choice extends string>(
  call: Call,
  name: string,
  from: { readonly choices: readonly Choice[]; readonly usual: Choice },
): Choice => {
  const value = option(call, name)
  if (value === null) return from.usual
  const found = from.choices.find((candidate) => candidate === value)
  if (found === undefined) throw usage(`--${dashed(name)} should be one of ${from.choices.join(', ')}`)
  return found
}

/** An option as a whole number within a range. */
export const wholeNumber = (
  call: Call,
  name: string,
  within: { readonly min: number; readonly max: number; readonly usual: number },
): number => {
  const value = option(call, name)
  if (value === null) return within.usual
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
  if (!(number >= within.min && number <= within.max))
    throw usage(`--${dashed(name)} should be a whole number from ${within.min} to ${within.max}`)
  return number
}

const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** The failure of a command that was called wrongly. */
export const usage = (detail: string) => failure(exits.usage, { code: 'usage', detail })

/** The reason that goes on record; a truthful one when none was given. */
export const reasonOf = (call: Call): string => option(call, 'reason') ?? `hub command line, by ${call.world.user}`

/** Sends an operator command; answers what the service said. */
export const operate = async (call: Call, path: string, body: Json = {}): Promise<Json> => {
  const answer = await call.api().send('POST', `/api/v1/${path}`, { ...body, reason: reasonOf(call) })
  return typeof answer === 'object' && answer !== null && !Array.isArray(answer) ? (answer as Json) : {}
}

/** More items than this are confirmed by typing. */
const unconfirmedItemsMax = 100

/** Asks before many things are changed. `--yes` answers in advance, and says that it did. */
export const confirmMany = async (
  call: Call,
  many: { readonly count: number; readonly what: string },
): Promise<void> => {
  if (many.count > unconfirmedItemsMax) await confirm(call, { word: String(many.count), what: many.what })
}

/** Asks the person to type a word before something is done that cannot be taken back. */
export const confirm = async (call: Call, to: { readonly word: string; readonly what: string }): Promise<void> => {
  if (flag(call, 'yes')) {
    call.world.say(`Confirmed by --yes: ${to.what}`)
    return
  }
  if (call.world.ask === null)
    throw usage(
      `This would ${to.what}: there is no terminal to confirm it at; pass --yes, or look first with --dry-run`,
    )
  const typed = await call.world.ask(`This will ${to.what}. Type ${to.word} to go on: `)
  if (typed.trim() !== to.word)
    throw failure(exits.refused, { code: 'not-confirmed', detail: 'Nothing was changed: it was not confirmed' })
}
