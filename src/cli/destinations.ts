import { argument, type CommandGroup, type CommandSpec, operate } from './command.ts'
import { table } from './output.ts'
import { destinationColumns } from './status.ts'

const change = (verb: 'pause' | 'resume', words: { readonly summary: string; readonly done: string }): CommandSpec => ({
  usage: `${verb} <name>`,
  summary: words.summary,
  changes: true,
  examples: [`hub destinations ${verb} email --reason "The relay is being moved"`],
  run: async (call) => {
    const name = argument(call, 0)
    const answer = await operate(call, `destinations/${encodeURIComponent(name)}/${verb}`)
    await call.print(answer, () => `${name} ${words.done}\n`)
    return undefined
  },
})

/** `hub destinations`: where effects go. */
export const destinations: CommandGroup = {
  name: 'destinations',
  summary: 'Where effects go: list, pause, resume',
  commands: [
    {
      usage: 'list',
      summary: 'Every destination with what waits, runs, is unknown or dead',
      examples: ['hub destinations list', 'hub destinations list --json'],
      run: async (call) => {
        const listed = await call.api().list('destinations', {}, 500)
        await call.print(listed, () => table(listed.items, destinationColumns))
        return undefined
      },
    },
    change('pause', {
      summary: 'Send nothing there until it is resumed; effects wait',
      done: 'is paused; its effects wait',
    }),
    change('resume', { summary: 'Send again what waits', done: 'is running' }),
  ],
}
