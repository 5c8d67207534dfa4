import { randomUUID } from 'node:crypto'
import { type CommandGroup, wholeNumber } from './command.ts'
import { startProgress } from './progress.ts'
import { exits, failure } from './world.ts'

const eventsUsual = 100_000
const eventsMax = 50_000_000

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** `hub bench`: histories to measure on. */
export const bench: CommandGroup = {
  name: 'bench',
  summary: 'Histories to measure on: seed',
  commands: [
    {
      usage: 'seed',
      summary:
        'Append a realistic history of invented partners (about 40 events each: forms, registry answers, payments, renewals, chats, letters); personal fields are sealed, and no rule acts on it. Works without a running service',
      options: [
        ['--events <number>', `how many events, ${eventsUsual} unless told`],
        ['--seed <number>', 'another number tells other lives'],
      ],
      examples: [
        'hub bench seed --events 1000000',
        'DATABASE_URL=postgres://hub@db/bench hub bench seed --events 10000000 --json',
      ],
      run: async (call) => {
        const target = wholeNumber(call, 'events', { usual: eventsUsual, min: 1, max: eventsMax })
        const seed = wholeNumber(call, 'seed', { usual: 1, min: 0, max: 1_000_000_000 })
        const { loadConfig, openDatabase } = await import('../main.ts')
        const { openCore } = await import('../compose/core.ts')
        const { withSecrets } = await import('../compose/secrets.ts')
        const { migrate } = await import('../db/migrate.ts')
        const { seedHistory } = await import('./benchSeed.ts')
        // A fresh sandbox has no master key yet, without which nothing can be sealed.
        const { env } = withSecrets(call.world.env, call.world.env.DATA_DIR?.trim() || '.data')
        const parsed = loadConfig(env)
        if (parsed.tag === 'faults')
          throw failure(exits.refused, { code: 'configuration-faulty', detail: parsed.faults.join('; ') })
        const database = await openDatabase(parsed.config, quiet)
        const progress = await startProgress(call.world, 'seeding')
        try {
          await migrate(database.url)
          const core = await openCore({
            databaseUrl: database.url,
            listenUrl: parsed.config.service.databaseListenUrl,
            masterKeys: parsed.config.access.masterKeys,
            worker: `seed-${randomUUID()}`,
            newId: randomUUID,
            realNowMs: call.world.nowMs,
            log: quiet,
            boundary: () => {},
          })
          const startedMs = call.world.nowMs()
          const seeded = await seedHistory(core, {
            events: target,
            seed,
            onProgress: ({ done, target: wanted }) => {
              const seconds = (call.world.nowMs() - startedMs) / 1000
              progress.update({
                share: done / wanted,
                etaSeconds: done > 0 ? ((wanted - done) * seconds) / done : null,
                note: `${done} of ${wanted} events`,
              })
            },
          })
          progress.stop()
          await core.close()
          await call.print(
            seeded,
            () => `${seeded.events} events of ${seeded.partners} partners; the log is at ${seeded.position}.\n`,
          )
        } finally {
          progress.stop()
          await database.stop()
        }
        return undefined
      },
    },
  ],
}
