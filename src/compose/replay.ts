import type { Delivery } from '../connectors/connector.ts'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import type { makeIngest } from '../http/ingest.ts'
import type { AnyWebhookRoute } from '../http/intake.ts'
import type { Instant } from '../kernel/time.ts'
import type { Core } from './core.ts'
import type { Provider } from './provider.ts'

type Kept = {
  readonly route: string
  readonly receivedAt: Instant
  readonly peer: string
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly secretName: string
  readonly body: Buffer | null
}

/** Runs kept bytes through the present code again; null when there is no such delivery, or its bytes are gone. */
export const replayer =
  (core: Core, deps: { readonly providers: readonly Provider[]; readonly ingest: ReturnType<typeof makeIngest> }) =>
  async (webhookId: string) => {
    if (!/^[0-9a-f-]{36}$/.test(webhookId)) return null
    const [kept] = await core.sql.unsafe<Kept[]>(statement(statements(sqlText('inbox.sql')), 'find_delivery'), [
      webhookId,
    ])
    if (!kept?.body) return null
    const found = routeOf(deps.providers, kept.route)
    if (!found) return { verdict: 'quarantined', reason: 'provider-off', position: null }
    const delivery: Delivery = {
      method: kept.method,
      path: kept.path,
      query: kept.query,
      headers: new Map(Object.entries(kept.headers).map(([name, value]) => [name, [value]])),
      params: found.params,
      body: new Uint8Array(kept.body),
      peer: kept.peer,
      secretName: kept.secretName,
      receivedAt: kept.receivedAt,
    }
    return deps.ingest.replay(found.route, delivery, webhookId)
  }

/** The route of a kept delivery: the place whose pattern its route fits; secrets were checked when it came. */
const routeOf = (
  providers: readonly Provider[],
  route: string,
): { route: AnyWebhookRoute; params: Record<string, string> } | null => {
  const segments = route.split('/')
  for (const place of providers.flatMap((provider) => provider.places)) {
    const names = place.pattern.split('/').filter((name) => name !== ':secret')
    if (names.length !== segments.length) continue
    const params: Record<string, string> = {}
    const fits = names.every((name, index) => {
      if (!name.startsWith(':')) return name === segments[index]
      params[name.slice(1)] = segments[index] ?? ''
      return true
    })
    const found = fits ? place.route(params) : null
    if (found) return { route: found, params }
  }
  return null
}
