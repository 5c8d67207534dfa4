import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { crashPoints } from './compose/crash.ts'
import { errorFields, type Logger, makeLogger } from './compose/log.ts'
import { readSecrets, withSecrets } from './compose/secrets.ts'
import { openService, type Service } from './compose/service.ts'
import { type Config, type Env, parseConfig } from './config.ts'
import { startEmbedded } from './db/embedded.ts'
import { migrate } from './db/migrate.ts'
import { serve as listen, newUuid, runtimeName, type Server } from './runtime.ts'

/** The version that answers; read from package.json, the one place that has it. */
export const version: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version

/** The largest body of any request. */
const bodyBytesMax = 256 * 1024
/** Running attempts and open requests get this long when the service is asked to stop. */
const stopWithinMs = 10_000

/** The configuration of an environment, completed with the secrets of the sandbox; or everything that is wrong with it. */
export const loadConfig = (env: Env): ReturnType<typeof parseConfig> => {
  const dataDir = env.DATA_DIR?.trim() || '.data'
  return parseConfig({ ...(env.HUB_MODE === 'production' ? {} : readSecrets(dataDir)), ...present(env) })
}

const present = (env: Env): Env =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''))

/** Where the database is: the given one, or the embedded server, which is started. */
export const openDatabase = async (
  config: Config,
  log: Logger,
): Promise<{ url: string; stop: () => Promise<void> }> => {
  if (config.service.databaseUrl !== null) return { url: config.service.databaseUrl, stop: async () => {} }
  const embedded = await startEmbedded({
    dataDir: config.service.dataDir,
    log: (message, fields) => log.info(message, fields),
  })
  return { url: embedded.url, stop: embedded.stop }
}

/**
 * Runs the service in the foreground until SIGTERM or SIGINT; answers the exit code. Every fault of the configuration is told at
 * once, by name. The port is bound first, so that a second start on it fails before it touches anything.
 */
export const serve = async (env: Env): Promise<number> => {
  const dataDir = env.DATA_DIR?.trim() || '.data'
  const secrets = withSecrets(present(env), dataDir)
  const parsed = parseConfig(secrets.env)
  if (parsed.tag === 'faults') {
    for (const fault of parsed.faults) process.stderr.write(`${fault}\n`)
    return 1
  }
  const { config } = parsed
  const log = makeLogger(
    config.service.logLevel,
    (line) => process.stderr.write(line),
    () => new Date().toISOString(),
  )
  const stopping = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort())
  process.on('unhandledRejection', (error) => log.error('A promise was left alone', errorFields(error)))
  let service: Service | null = null
  const server = await listen(
    async (request, info) =>
      service
        ? service.handle(request, info)
        : new Response('starting', { status: 503, headers: { 'Retry-After': '1' } }),
    {
      port: config.service.port,
      hostname: config.service.host,
      bodyBytesMax,
      takesBytes: (pathname) => pathname.startsWith('/webhooks/'),
      onFault: (error) => log.error('A request failed', errorFields(error)),
    },
  ).catch((error: unknown) => {
    log.error('The port cannot be listened on', { port: config.service.port, ...errorFields(error) })
    return null
  })
  if (!server) return 1
  mkdirSync(dataDir, { recursive: true })
  const pidFile = join(dataDir, 'hub.pid')
  writeFileSync(pidFile, `${process.pid}\n`)
  let stopDatabase = async (): Promise<void> => {}
  try {
    const database = await openDatabase(config, log)
    stopDatabase = database.stop
    await migrateWhenReachable(database.url, { log, stopping: stopping.signal })
    if (!stopping.signal.aborted) {
      service = await openService({
        config,
        databaseUrl: database.url,
        port: server.port,
        version,
        runtime: runtimeName,
        worker: `${process.pid}-${randomUUID().slice(0, 8)}`,
        newId: newUuid,
        log,
        boundary: crashPoints(secrets.env, config.service.mode),
      })
      announce(config, { server, service, made: secrets.made })
    }
    await aborted(stopping.signal)
    await stop(server, service, log)
    return 0
  } catch (error) {
    log.error('The service could not start', errorFields(error))
    await server.stop(true).catch(() => {})
    return 1
  } finally {
    await stopDatabase().catch((error: unknown) => log.error('The embedded server did not stop', errorFields(error)))
    rmSync(pidFile, { force: true })
  }
}

/** A database that is not there yet is waited for; a migration that fails ends the start. */
const migrateWhenReachable = async (url: string, at: { log: Logger; stopping: AbortSignal }): Promise<void> => {
  for (let attempt = 1; !at.stopping.aborted; attempt++) {
    try {
      const { applied } = await migrate(url)
      if (applied.length > 0) at.log.info('The schema was brought up to date', { applied })
      return
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      const away = /^(ECONN|CONNECT|CONNECTION_|57P|08|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH)/.test(code)
      if (!away || attempt > 60) throw error
      at.log.warn('The database is not reachable yet', { attempt, code })
      await wait(Math.min(250 * attempt, 2000))
    }
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    // A listener alone keeps no event loop alive on every runtime; the timer does.
    const keep = setInterval(() => {}, 60_000)
    signal.addEventListener('abort', () => {
      clearInterval(keep)
      resolve()
    })
  })

/** No new requests; what was accepted is finished; streams that never end are cut. */
const stop = async (server: Server, service: Service | null, log: Logger): Promise<void> => {
  log.info('Stopping')
  service?.closeStreams()
  const polite = server.stop(false).then(() => 'finished' as const)
  const ended = await Promise.race([polite, wait(stopWithinMs / 2, 'late' as const)])
  if (ended === 'late') log.warn('Requests in flight were cut off')
  await server.stop(true).catch(() => {})
  await Promise.race([service?.stop(), wait(stopWithinMs)])
}

/** Where everything is, for the person at the terminal; tokens are shown when they were made just now. */
const announce = (
  config: Config,
  at: { server: Server; service: Service; made: Readonly<Record<string, string>> },
): void => {
  const { publicUrl } = at.service
  const lines = [
    '',
    `partner-hub ${version} on ${runtimeName}, ${config.service.mode}`,
    ...(config.service.roles.includes('http')
      ? [`  API       ${publicUrl}/api/v1    description: ${publicUrl}/openapi`, `  Console   ${publicUrl}/console`]
      : [`  Health    ${publicUrl}/readyz    this process has the roles ${config.service.roles.join(', ')}`]),
    ...(config.service.mode === 'sandbox' ? [`  Sandbox   ${publicUrl}/sandbox/`] : []),
    ...Object.entries(at.made).flatMap(([name, value]) => (name.endsWith('_TOKEN') ? [`  ${name}=${value}`] : [])),
    ...(Object.keys(at.made).length > 0 ? [`  kept in ${join(config.service.dataDir, 'secrets.env')}`] : []),
    '',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
