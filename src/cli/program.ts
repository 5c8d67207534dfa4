import { Command, CommanderError } from 'commander'
import { type Api, openApi } from './api.ts'
import { bench } from './bench.ts'
import { clock } from './clock.ts'
import type { Call, CommandGroup, CommandSpec } from './command.ts'
import { connectionOf } from './connection.ts'
import { demo } from './demo.ts'
import { destinations } from './destinations.ts'
import { doctor } from './doctor.ts'
import { effects } from './effects.ts'
import { events } from './events.ts'
import { explainCommand } from './explain.ts'
import { exportCommand } from './export.ts'
import { migrateCommand } from './migrate.ts'
import { partner } from './partner.ts'
import { projections } from './projections.ts'
import { quarantine } from './quarantine.ts'
import { differencesGroup, reconcileCommand, reconciliationGroup } from './reconcile.ts'
import { sandbox } from './sandbox.ts'
import { serveCommand } from './serve.ts'
import { status } from './status.ts'
import { webhooks } from './webhooks.ts'
import { why } from './why.ts'
import { exits, isFailure, type World } from './world.ts'

/** Every command, in the order of the help. */
const everything: readonly (CommandSpec | CommandGroup)[] = [
  serveCommand,
  migrateCommand,
  doctor,
  status,
  demo,
  projections,
  events,
  webhooks,
  quarantine,
  effects,
  destinations,
  reconcileCommand,
  reconciliationGroup,
  differencesGroup,
  partner,
  why,
  clock,
  exportCommand,
  sandbox,
  explainCommand,
  bench,
]

/** Runs one command line; answers its exit code. */
export const runHub = async (args: readonly string[], world: World): Promise<number> => {
  let exit: number = exits.ok
  const program = buildProgram(world, (code) => {
    exit = code
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return exit
  } catch (error) {
    return await ended(error, args, world)
  }
}

/** What went wrong, in a sentence on standard error; with `--json` also as a document on standard output. */
const ended = async (error: unknown, args: readonly string[], world: World): Promise<number> => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exits.ok : exits.usage
  if (world.interrupted().aborted) {
    if (isFailure(error) && error.code === 'interrupted' && error.message !== 'Interrupted') world.say(error.message)
    return exits.interrupted
  }
  const known = isFailure(error)
  const code = known ? error.code : 'command-failed'
  const detail = error instanceof Error ? error.message : String(error)
  if (args.includes('--json')) {
    const status = known && error.status !== null ? { status: error.status } : {}
    await world.out(`${JSON.stringify({ error: { code, detail, ...status } }, null, 2)}\n`)
  }
  world.say(`hub: ${detail}`)
  if (known && error.exit === exits.refused) world.say(`     "hub explain ${code}" says more`)
  if (known && error.exit === exits.usage) world.say('     --help shows how it is called, with examples')
  return known ? error.exit : exits.refused
}

type Ended = (exit: number) => void

const buildProgram = (world: World, onEnd: Ended): Command => {
  const program = new Command('hub')
    .description('The operators’ command line of partner-hub: see, explain, replay, rebuild, pause, redrive.')
    .option('--json', 'print JSON on standard output, and nothing else there')
    .option('--url <url>', 'where the service is (HUB_URL, http://127.0.0.1:$PORT)')
    .option('--token <token>', 'operator token (HUB_OPERATOR_TOKEN, DATA_DIR/secrets.env)')
  prepared(program, world).addHelpText(
    'after',
    '\nExit codes: 0 done, 1 refused or a difference found, 2 called wrongly, 3 service not reachable, 130 interrupted.\n' +
      '\nExamples:\n  $ hub doctor\n  $ hub status --json\n  $ hub why par_0190… status\n  $ hub projections rebuild partners',
  )
  for (const entry of everything) {
    if ('run' in entry) addCommand(program, entry, { world, onEnd })
    else {
      const group = prepared(program.command(entry.name).description(entry.summary), world)
      group.addHelpText(
        'after',
        `\nExamples:\n${entry.commands.map((spec) => `  $ ${spec.examples[0] ?? ''}`).join('\n')}`,
      )
      for (const spec of entry.commands) addCommand(group, spec, { world, onEnd })
    }
  }
  return program
}

/** Errors are thrown and texts go through the world, so that nothing ends the process behind our back. */
const prepared = (command: Command, world: World): Command =>
  command
    .exitOverride()
    .configureHelp({ showGlobalOptions: true, helpWidth: 110 })
    .configureOutput({
      writeOut: (text) => void world.out(text),
      writeErr: (text) => world.say(text.trimEnd()),
    })
    .showSuggestionAfterError(true)

const addCommand = (parent: Command, spec: CommandSpec, { world, onEnd }: { world: World; onEnd: Ended }): void => {
  const command = prepared(parent.command(spec.usage).description(spec.summary), world)
  for (const [flags, description] of spec.options ?? []) command.option(flags, description)
  if (spec.changes) command.option('--reason <text>', 'why; it goes on record with your name')
  command.addHelpText('after', `\nExamples:\n${spec.examples.map((example) => `  $ ${example}`).join('\n')}`)
  command.action(async () => {
    const exit = await spec.run(callOf(command, world))
    if (exit !== undefined) onEnd(exit)
  })
}

const callOf = (command: Command, world: World): Call => {
  const options: Readonly<Record<string, unknown>> = command.optsWithGlobals()
  const json = options.json === true
  let api: Api | null = null
  return {
    world,
    args: command.processedArgs,
    options,
    json,
    api: () => {
      api ??= openApi(world, connectionOf(world, options))
      return api
    },
    print: (document, text) => world.out(json ? `${JSON.stringify(document, null, 2)}\n` : text()),
  }
}
