import { type CommandSpec, flag } from './command.ts'
import { exits, failure } from './world.ts'

/** `hub migrate`: brings the schema up to date, without starting the service. */
export const migrateCommand: CommandSpec = {
  usage: 'migrate',
  summary: 'Bring the database schema up to date (DATABASE_URL, or the embedded server)',
  options: [['--dry-run', 'list the migrations that this version has, and change nothing']],
  examples: ['hub migrate', 'DATABASE_URL=postgres://hub@db/hub hub migrate --json'],
  run: async (call) => {
    const { migrate, migrationFiles } = await import('../db/migrate.ts')
    if (flag(call, 'dryRun')) {
      const files = migrationFiles()
      await call.print({ files }, () => `${files.join('\n')}\n`)
      return
    }
    const { loadConfig, openDatabase } = await import('../main.ts')
    const parsed = loadConfig(call.world.env)
    const databaseUrl =
      parsed.tag === 'config' ? parsed.config.service.databaseUrl : call.world.env.DATABASE_URL?.trim()
    if (parsed.tag === 'faults' && !databaseUrl)
      throw failure(exits.refused, { code: 'configuration-faulty', detail: parsed.faults.join('; ') })
    const database =
      parsed.tag === 'config'
        ? await openDatabase(parsed.config, quiet)
        : { url: databaseUrl ?? '', stop: async () => {} }
    try {
      const done = await migrate(database.url).catch((error: unknown) => {
        throw failed(error)
      })
      await call.print(done, () =>
        done.applied.length === 0
          ? `The schema is up to date (${done.version}).\n`
          : `Applied:\n${done.applied.map((name) => `  ${name}\n`).join('')}`,
      )
    } finally {
      await database.stop()
    }
    return
  },
}

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** A database that cannot be reached is told apart from a migration that was refused. */
const failed = (error: unknown) => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const away = /^(ECONN|CONNECT|CONNECTION_|57P|08|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ETIMEDOUT)/.test(code)
  if (away)
    return failure(exits.unreachable, {
      code: 'database-unreachable',
      detail: `Cannot migrate: the database does not answer (${code})`,
    })
  return failure(exits.refused, {
    code: 'migration-failed',
    detail: error instanceof Error ? error.message : 'Cannot migrate: the database refused',
  })
}
