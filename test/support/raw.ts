import { request } from 'node:http'

/** A request as it goes over the wire: a header with two values is sent in two lines, which `fetch` would join. */
export type RawRequest = {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Uint8Array
}

/** What came back. */
export type RawAnswer = {
  readonly status: number
  readonly text: string
  readonly headers: NodeJS.Dict<string | string[]>
}

/** Sends a request below `/webhooks/` of a service over a connection of its own. */
export const sendRaw = ({ url }: { readonly url: string }, sent: RawRequest): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const body = sent.body === undefined ? Buffer.alloc(0) : Buffer.from(sent.body)
    const headers = Object.fromEntries(
      Object.entries({ ...sent.headers, 'content-length': String(body.length) }).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : [...value],
      ]),
    )
    const outgoing = request(`${url}/webhooks/${sent.path}`, { method: sent.method ?? 'POST', headers, agent: false })
    outgoing.once('error', reject)
    outgoing.once('response', (incoming) => {
      let text = ''
      incoming.setEncoding('utf8')
      incoming.on('data', (chunk: string) => {
        text += chunk
      })
      incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, text, headers: incoming.headers }))
      incoming.once('error', reject)
    })
    outgoing.end(body)
  })
