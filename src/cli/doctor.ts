import type { Api, Json } from './api.ts'
import type { CommandSpec } from './command.ts'
import type { Check, Diagnosis, ProviderState } from './doctorOffline.ts'
import { exits, isFailure } from './world.ts'

/** `hub doctor`: whether everything is set up, and which addresses to paste into each cabinet. */
export const doctor: CommandSpec = {
  usage: 'doctor',
  summary: 'Check configuration and service; print the hook addresses to paste into each provider’s cabinet',
  examples: ['hub doctor', 'hub doctor --json', 'hub doctor --url https://hub.example.ru'],
  run: async (call) => {
    const running = await askService(call.api())
    const found = running ?? (await fromConfiguration(call.world.env))
    await call.print({ ...found, running: running !== null }, () => textOf(found, running !== null))
    return found.checks.every((check) => check.ok) ? exits.ok : exits.refused
  },
}

/** What the running service says of itself; null when none is running. */
const askService = async (api: Api): Promise<Diagnosis | null> => {
  try {
    return diagnosisOf(await api.get('/api/v1/doctor'))
  } catch (error) {
    if (isFailure(error) && error.exit === exits.unreachable) return null
    throw error
  }
}

const fromConfiguration = async (env: Readonly<Record<string, string | undefined>>): Promise<Diagnosis> => {
  const [{ loadConfig }, { diagnose }] = await Promise.all([import('../main.ts'), import('./doctorOffline.ts')])
  const parsed = loadConfig(env)
  if (parsed.tag === 'config') return diagnose(parsed.config)
  return {
    providers: [],
    warnings: [],
    checks: parsed.faults.map((fault) => ({ name: 'configuration', ok: false, detail: fault })),
  }
}

const listOf = <Item>(value: unknown): readonly Item[] => (Array.isArray(value) ? (value as readonly Item[]) : [])

const diagnosisOf = (body: Json): Diagnosis => ({
  providers: listOf<ProviderState>(body.providers),
  warnings: listOf<string>(body.warnings),
  checks: listOf<Check>(body.checks),
})

const statusWords: Readonly<Record<string, string>> = {
  on: 'on',
  off: 'off: no credentials, its routes are closed',
  twin: 'played by its twin in the sandbox',
}

const textOf = ({ providers, warnings, checks }: Diagnosis, running: boolean): string =>
  [
    running ? 'The service is running.\n' : 'The service is not running; this is what its configuration says.\n',
    ...(providers.length > 0 ? ['\nProviders, and the hook addresses to paste into their cabinets\n'] : []),
    ...providers.flatMap(({ name, status, hooks }) => [
      `  ${name.padEnd(14)} ${statusWords[status] ?? status}\n`,
      ...hooks.map((hook) => `      ${hook}\n`),
    ]),
    ...(checks.length > 0 ? ['\nChecks\n'] : []),
    ...checks.map(({ ok, name, detail }) => `  ${ok ? 'ok  ' : 'FAIL'} ${name}: ${detail}\n`),
    ...(warnings.length > 0 ? ['\nWarnings\n'] : []),
    ...warnings.map((warning) => `  ${warning}\n`),
  ].join('')
