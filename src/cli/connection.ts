import { readSecrets } from '../compose/secrets.ts'
import { usage } from './command.ts'
import type { World } from './world.ts'

/** The folder of the service's own files. */
export const dataDirOf = (env: World['env']): string => env.DATA_DIR?.trim() || '.data'

/** Where the service is and how to sign in: options first, then the environment, then what a sandbox made for itself. */
export const connectionOf = (
  world: Pick<World, 'env'>,
  options: Readonly<Record<string, unknown>>,
): { readonly url: string; readonly token: string | null } => {
  const { env } = world
  const url = given(options.url) ?? given(env.HUB_URL) ?? `http://127.0.0.1:${given(env.PORT) ?? '3000'}`
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw usage('The address of the service should begin with http:// or https://')
  // Two tokens at a time are valid while they are changed; either opens the door.
  const fromEnv = given(env.HUB_OPERATOR_TOKEN)?.split(',')[0]?.trim()
  const token = given(options.token) ?? fromEnv ?? given(readSecrets(dataDirOf(env)).HUB_OPERATOR_TOKEN)
  return { url: url.replace(/\/+$/, ''), token: token ?? null }
}

const given = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
