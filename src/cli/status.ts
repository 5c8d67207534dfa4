import type { Api, Json } from './api.ts'
import type { CommandSpec } from './command.ts'
import { card, shown, table } from './output.ts'
import { exits } from './world.ts'

/** `hub status`: one look at everything that moves. */
export const status: CommandSpec = {
  usage: 'status',
  summary: 'How the service is: readiness, read models, destinations',
  examples: ['hub status', 'hub status --json', 'hub status --url https://hub.example.ru --token …'],
  run: async (call) => {
    const api = call.api()
    const health = await api.get('/healthz')
    const ready = await isReady(api)
    const [projections, destinations] = await Promise.all([
      api.list('projections', {}, 500),
      api.list('destinations', {}, 500),
    ])
    const position = projections.items.reduce(
      (most, item) => Math.max(most, Number(item.position ?? 0) + Number(item.lag ?? 0)),
      0,
    )
    const document = {
      url: api.url,
      ready,
      ...health,
      position,
      projections: projections.items,
      destinations: destinations.items,
    }
    await call.print(document, () => story(document))
    return ready ? exits.ok : exits.unreachable
  },
}

const isReady = async (api: Api): Promise<boolean> => {
  const response = await api.raw('/readyz')
  await response.body?.cancel()
  return response.ok
}

type Status = Json & { readonly projections: readonly Json[]; readonly destinations: readonly Json[] }

const story = ({ projections, destinations, ...rest }: Status): string =>
  [
    card(rest),
    'Read models\n',
    table(projections, projectionColumns),
    '\nDestinations\n',
    table(destinations, destinationColumns),
  ].join('')

/** How read models are listed. */
export const projectionColumns: Parameters<typeof table>[1] = [
  ['NAME', (item) => item.name],
  ['VERSION', (item) => item.version],
  ['STATUS', (item) => item.status],
  ['POSITION', (item) => item.position],
  ['LAG', (item) => item.lag],
  ['PARKED', (item) => item.parked],
  ['CANDIDATE', (item) => candidateText(item.candidate)],
  ['PREVIOUS', (item) => (isObject(item.previous) ? item.previous.version : null)],
]

/** How destinations are listed. */
export const destinationColumns: Parameters<typeof table>[1] = [
  ['NAME', (item) => item.name],
  ['STATUS', (item) => item.status],
  ['WAITING', (item) => item.waiting],
  ['RUNNING', (item) => item.running],
  ['UNKNOWN', (item) => item.unknown],
  ['DEAD', (item) => item.dead],
  ['REASON', (item) => item.reason],
]

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null

const candidateText = (candidate: unknown): string | null =>
  isObject(candidate)
    ? `${shown(candidate.version)} ${shown(candidate.status)} ${Math.floor(Number(candidate.progress ?? 0) * 100)} %`
    : null
