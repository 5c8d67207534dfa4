import { anonymised, type KeptDelivery, type RecordedEvent } from './anonymise.ts'
import type { Json } from './api.ts'
import type { Call } from './command.ts'
import { exits, failure } from './world.ts'

/** Prints one kept delivery as a fixture without anybody in it. */
export const recordDelivery = async (call: Call, id: string): Promise<undefined> => {
  const api = call.api()
  const item = await api.get(`/api/v1/webhooks/${encodeURIComponent(id)}`)
  if (typeof item.bodyBase64 !== 'string')
    throw failure(exits.refused, {
      code: 'delivery-bytes-gone',
      detail: `Cannot record the delivery "${id}": its bytes are not kept any more, or the token is not an operator's`,
    })
  const positions = Array.isArray(item.eventPositions) ? item.eventPositions : []
  const events: RecordedEvent[] = []
  for (const position of positions) {
    const [event] = (await api.list('events', { position: String(position) }, 1)).items
    if (event) events.push(recorded(event))
  }
  await call.world.out(`${JSON.stringify(anonymised(keptOf(item, item.bodyBase64), events), null, 2)}\n`)
  return undefined
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

const recorded = (event: Json): RecordedEvent => ({
  stream: text(event.stream),
  type: text(event.type),
  version: Number(event.version),
  data: event.data,
})

const keptOf = (item: Json, bodyBase64: string): KeptDelivery => ({
  source: text(item.source),
  method: text(item.method),
  path: text(item.path),
  query: text(item.query),
  headers: Object.fromEntries(
    Object.entries((item.headers ?? {}) as Json).map(([name, value]) => [name.toLowerCase(), text(value)]),
  ),
  body: new Uint8Array(Buffer.from(bodyBase64, 'base64')),
  verdict: text(item.verdict),
  reason: typeof item.reason === 'string' ? item.reason : null,
  dedupeKey: text(item.dedupeKey),
})
