import type { Exchange, ProviderCall } from '../../src/connectors/exchange.ts'

/** Makes provider calls over real sockets, for tests; a refused connection is the only thing that is certainly not sent. */
export const socketCall: ProviderCall = async (request): Promise<Exchange> => {
  const { url, method, headers, body, signal } = request
  try {
    const response = await fetch(url, { method, headers, body: body ?? null, redirect: 'manual', signal })
    return { tag: 'response', status: response.status, headers: response.headers, text: await response.text() }
  } catch (error) {
    return {
      tag: /refused|unable to connect/i.test(String(error)) ? 'not-sent' : 'maybe-sent',
      code: 'connection-broken',
    }
  }
}
