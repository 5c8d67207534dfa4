import { createHmac } from 'node:crypto'
import type { Config } from '../config.ts'
import { masterKeys } from '../privacy/seal.ts'

/** A provider as the doctor shows it. */
export type ProviderState = {
  readonly name: string
  readonly status: 'on' | 'off' | 'twin'
  readonly hooks: readonly string[]
}

/** What was looked at, and whether it is well. */
export type Check = { readonly name: string; readonly ok: boolean; readonly detail: string }

/** What the doctor found. */
export type Diagnosis = {
  readonly providers: readonly ProviderState[]
  readonly warnings: readonly string[]
  readonly checks: readonly Check[]
}

const cloudpaymentsKinds = ['check', 'pay', 'fail', 'confirm', 'refund', 'recurrent', 'cancel']

/** What a secret is shown as before the first start has made the key that it is derived from. */
const secretLater = '<made-at-the-first-start>'

/** What the configuration alone tells; the service does not run. */
export const diagnose = (config: Config): Diagnosis => {
  const { service, tilda, umnico, protalk, flexbe, yookassa, cloudpayments, fns, email } = config
  const base = `${service.publicUrl ?? `http://${service.host}:${service.port}`}/webhooks`
  const secret = secretsOf(config)
  const state = (name: string, configured: unknown, hooks: readonly string[]): ProviderState => {
    const status = configured !== null ? 'on' : service.mode === 'sandbox' ? 'twin' : 'off'
    return { name, status, hooks: status === 'off' ? [] : hooks.map((hook) => `${base}/${hook}`) }
  }
  const tildaSecret = secret('tilda', tilda?.webhookSecrets)
  return {
    providers: [
      state('fns', fns, []),
      state('tilda', tilda, ['tilda/form', `tilda/page/${tildaSecret}`]),
      state('umnico', umnico, [`umnico/${secret('umnico', umnico?.webhookSecrets)}`]),
      state('protalk', protalk, ['protalk/client', 'protalk/partner']),
      state('flexbe', flexbe, [`flexbe/${secret('flexbe', flexbe?.webhookSecrets)}`]),
      state('yookassa', yookassa, ['yookassa']),
      state(
        'cloudpayments',
        cloudpayments,
        cloudpaymentsKinds.map((kind) => `cloudpayments/${kind}`),
      ),
      state('email', email, []),
    ],
    warnings: warningsOf(config),
    checks: [{ name: 'configuration', ok: true, detail: 'The configuration is whole' }],
  }
}

/** The first secret of each provider: a chosen one, or the one derived from the master key. */
const secretsOf = (config: Config) => {
  const masters = config.access.masterKeys.map((key) => Buffer.from(key, 'base64'))
  const key = masters.length === 0 ? null : masterKeys(masters).webhooks
  return (name: string, chosen: readonly string[] | undefined): string => {
    const [given] = chosen ?? []
    if (given !== undefined) return encodeURIComponent(given)
    return key === null ? secretLater : createHmac('sha256', key).update(name).digest('base64url').slice(0, 32)
  }
}

const warningsOf = ({ access, service }: Config): readonly string[] => [
  ...(access.operatorEmail === null ? ['OPERATOR_EMAIL is not set: nobody gets the letters for the operator'] : []),
  ...(service.databaseUrl === null ? ['DATABASE_URL is not set: the embedded PostgreSQL is used, in DATA_DIR'] : []),
  ...(service.publicUrl === null ? ['PUBLIC_URL is not set: providers cannot reach the addresses below'] : []),
]
