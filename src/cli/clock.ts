import type { Json } from './api.ts'
import { argument, type CommandGroup, usage } from './command.ts'
import { shown } from './output.ts'

/** `hub clock`: the time of a sandbox. */
export const clock: CommandGroup = {
  name: 'clock',
  summary: 'The clock of a sandbox: advance',
  commands: [
    {
      usage: 'advance <length>',
      summary: 'Move the clock on: a number with s, m, h or d; what becomes due starts at once',
      examples: ['hub clock advance 31d', 'hub clock advance 90m --json'],
      run: async (call) => {
        const length = argument(call, 0)
        if (!/^\d{1,6}[smhd]$/.test(length)) throw usage('The length should be a number with s, m, h or d, such as 31d')
        const answer = await call.api().send('POST', '/sandbox/clock', { advance: length })
        const moved = typeof answer === 'object' && answer !== null ? (answer as Json) : {}
        await call.print(moved, () => `The clock shows ${shown(moved.now)}.\n`)
        return undefined
      },
    },
  ],
}
