import type { Config } from '../config.ts'
import type { HttpPorts } from '../http/ports.ts'
import type { Core } from './core.ts'
import { liveTable } from './partnerSearch.ts'
import type { Providers } from './providers.ts'

/** What the doctor looks at. */
export type DoctorDeps = {
  readonly config: Config
  readonly core: Core
  readonly ports: HttpPorts
  readonly providers: Providers
}

/** One thing that was looked at. */
export type Check = { readonly name: string; readonly ok: boolean; readonly detail: string }

/** What the doctor says: providers with the hook addresses to paste, warnings, and what was checked. */
export type Diagnosis = {
  readonly providers: readonly {
    readonly name: string
    readonly status: 'on' | 'off' | 'twin'
    readonly hooks: readonly string[]
  }[]
  readonly warnings: readonly string[]
  readonly checks: readonly Check[]
}

/** Statements that an administrator runs when the service's user may not create roles. */
export const analystRoleSql = `create role hub_analyst login;
alter role hub_analyst set default_transaction_read_only = on;
alter role hub_analyst set statement_timeout = '60s';
grant usage on schema read to hub_analyst;
grant select on all tables in schema read to hub_analyst;
alter default privileges in schema read grant select on tables to hub_analyst;`

/** Looks at a running service. */
export const diagnose = async ({ config, core, ports, providers }: DoctorDeps): Promise<Diagnosis> => {
  const [role] = await core.sql<
    { exists: boolean }[]
  >`select exists(select from pg_roles where rolname = 'hub_analyst') as exists`
  const [server] = await core.sql<{ version: string }[]>`select current_setting('server_version') as version`
  const projections = await ports.operations.projections()
  const destinations = await ports.operations.destinations()
  const troubled = destinations.filter((destination) => destination.dead > 0 || destination.unknown > 0)
  const paused = destinations.filter((destination) => destination.status === 'paused')
  const checks: Check[] = [
    { name: 'database', ok: true, detail: `PostgreSQL ${server?.version ?? ''}` },
    {
      name: 'analyst-role',
      ok: role?.exists === true,
      detail: role?.exists
        ? 'hub_analyst exists; set its password with: alter role hub_analyst password …'
        : `An administrator should run:\n${analystRoleSql}`,
    },
    ...projections.map((model) => ({
      name: `read-model ${model.name}`,
      ok: model.status === 'live',
      detail: `version ${model.version} at ${model.position}, ${model.lag} behind, ${model.parked} parked`,
    })),
    {
      name: 'effects',
      ok: troubled.length === 0,
      detail:
        troubled.length === 0
          ? 'none is dead or unknown'
          : troubled.map(({ name, dead, unknown }) => `${name}: ${dead} dead, ${unknown} unknown`).join('; '),
    },
    {
      name: 'destinations',
      ok: paused.length === 0,
      detail:
        paused.length === 0
          ? 'none is paused'
          : paused.map(({ name, reason }) => `${name} is paused: ${reason}`).join('; '),
    },
    await reconciliationCheck(core),
  ]
  const warnings = [
    ...(config.access.operatorEmail === null
      ? ['OPERATOR_EMAIL is not set: nobody is written to when a partner needs review or a payment does not match']
      : []),
    ...(config.service.mode === 'production'
      ? []
      : ['This is a sandbox: providers without credentials are played by twins, and money is not real']),
    ...providers.list
      .filter((provider) => provider.status === 'off')
      .map((provider) => `${provider.name} is off: its credentials are not set`),
  ]
  return { providers: providers.list.map(({ name, status, hooks }) => ({ name, status, hooks })), warnings, checks }
}

/** Whether the providers' books agree with ours, as far as the last nights tell. */
const reconciliationCheck = async (core: Core): Promise<Check> => {
  const [differences] = await core.sql.unsafe<{ open: number }[]>(
    `select count(*)::int as open from ${await liveTable(core, 'differences')} where status = 'open'`,
  )
  const last = await core.sql.unsafe<{ provider: string; day: string; status: string; code: string | null }[]>(
    `select distinct on (provider) provider, day, status, code from ${await liveTable(core, 'reconciliation')}
      where trigger = 'schedule' order by provider, started_at desc`,
  )
  const open = differences?.open ?? 0
  const nights = last.map(({ provider, day, status, code }) => `${provider}: ${day} ${code ?? status}`)
  return {
    name: 'reconciliation',
    ok: open === 0 && last.every(({ status }) => status !== 'failed'),
    detail: [open === 0 ? 'no difference is open' : `${open} differences are open`, ...nights].join('; '),
  }
}
