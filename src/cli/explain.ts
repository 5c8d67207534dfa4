import { explain, explainedCodes } from '../kernel/explanations.ts'
import { argument, type CommandSpec, choice, usage } from './command.ts'
import { exits, failure } from './world.ts'

/** `hub explain`: a code in plain words; the console shows the same. */
export const explainCommand: CommandSpec = {
  usage: 'explain [code]',
  summary: 'What a code of a refusal, a problem, a quarantined delivery or an effect means, and what to do',
  options: [
    ['--lang <language>', 'ru (default) or en'],
    ['--list', 'every code with its sentence'],
  ],
  examples: [
    'hub explain candidate-not-ready',
    'hub explain insufficient_funds --lang en',
    'hub explain --list --json',
  ],
  run: async (call) => {
    const language = choice(call, 'lang', { choices: ['ru', 'en'], usual: 'ru' })
    const code = argument(call, 0)
    if (call.options.list === true) {
      const all = explainedCodes().flatMap((known) => explain(known, language) ?? [])
      await call.print(all, () => all.map((one) => `${one.code.padEnd(30)}  ${one.sentence}\n`).join(''))
      return undefined
    }
    if (code === '') throw usage('A code should be given, or --list')
    const found = explain(code, language)
    if (found === null)
      throw failure(exits.refused, { code: 'code-unknown', detail: `There is no code "${code}"${near(code)}` })
    await call.print(found, () => `${found.code}\n\n${found.sentence}.\n${found.meaning}\n${found.action}\n`)
    return undefined
  },
}

/** Codes that share a word with a mistyped one. */
const near = (code: string): string => {
  const words = code
    .toLowerCase()
    .split(/[-_ ]/)
    .filter((word) => word.length > 3)
  const close = explainedCodes()
    .filter((known) => words.some((word) => known.includes(word)))
    .slice(0, 5)
  return close.length === 0 ? '; "hub explain --list" shows all' : `; perhaps ${close.join(', ')}`
}
