import type { CommandSpec } from './command.ts'

/** `hub serve`: the service in the foreground, until it is told to stop. */
export const serveCommand: CommandSpec = {
  usage: 'serve',
  summary: 'Run the service in the foreground; configured by the environment only',
  examples: ['hub serve', 'PORT=8080 hub serve', 'HUB_MODE=production hub serve'],
  run: async ({ world }) => {
    // Loaded here, so that every other command starts without the service.
    const { serve } = await import('../main.ts')
    return serve(world.env)
  },
}
