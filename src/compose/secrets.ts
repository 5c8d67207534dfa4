import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Env } from '../config.ts'

/** Secrets that a sandbox makes for itself when they are not given. */
const generated: Readonly<Record<string, () => string>> = {
  HUB_OPERATOR_TOKEN: () => `op_${randomBytes(24).toString('base64url')}`,
  HUB_ANALYST_TOKEN: () => `an_${randomBytes(24).toString('base64url')}`,
  HUB_MASTER_KEY: () => randomBytes(32).toString('base64'),
}

/** The `NAME=value` lines of `DATA_DIR/secrets.env`; empty when there is no such file. */
export const readSecrets = (dataDir: string): Readonly<Record<string, string>> => {
  const path = join(dataDir, 'secrets.env')
  if (!existsSync(path)) return {}
  const pairs = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => /^([A-Z_]+)=(.*)$/.exec(line.trim()))
    .filter((match) => match !== null)
  return Object.fromEntries(pairs.map((match) => [match[1] ?? '', match[2] ?? '']))
}

/** Completes the environment of a sandbox with kept or fresh secrets; tells which ones were made just now. */
export const withSecrets = (
  env: Env,
  dataDir: string,
): { readonly env: Env; readonly made: Readonly<Record<string, string>> } => {
  if ((env.HUB_MODE?.trim() || 'sandbox') !== 'sandbox') return { env, made: {} }
  const kept = readSecrets(dataDir)
  const made: Record<string, string> = {}
  const complete: Record<string, string | undefined> = { ...env }
  for (const [name, make] of Object.entries(generated)) {
    if (env[name]?.trim()) continue
    const value = kept[name] ?? make()
    if (kept[name] === undefined) made[name] = value
    complete[name] = value
  }
  if (Object.keys(made).length > 0) writeSecrets(dataDir, { ...kept, ...made })
  return { env: complete, made }
}

const writeSecrets = (dataDir: string, secrets: Readonly<Record<string, string>>): void => {
  mkdirSync(dataDir, { recursive: true })
  const path = join(dataDir, 'secrets.env')
  const fresh = `${path}.${process.pid}`
  writeFileSync(
    fresh,
    `${Object.entries(secrets)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n')}\n`,
    { mode: 0o600 },
  )
  chmodSync(fresh, 0o600)
  renameSync(fresh, path)
}
