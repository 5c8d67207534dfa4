import { FetchError, ofetch } from 'ofetch'
import type { Exchange, ProviderCall } from './exchange.ts'

/** The largest answer that is read of any provider. */
const answerBytesMax = 5 * 1024 * 1024

/** Codes of a connection that was never made: the request cannot have taken effect. */
const neverSent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ConnectionRefused|FailedToOpenSocket|UND_ERR_CONNECT_TIMEOUT|CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/

/**
 * Makes one request to a provider: one attempt, no redirects, a bounded answer, never throws. What it says of a failure holds no
 * address, because keys ride in addresses.
 */
export const makeProviderCall = (fetcher: typeof fetch): ProviderCall => {
  const raw = ofetch.create(
    { retry: 0, redirect: 'manual', ignoreResponseError: true, responseType: 'stream' },
    { fetch: fetcher, Headers, AbortController },
  )
  return async ({ method, url, headers, body, signal }): Promise<Exchange> => {
    try {
      const response = await raw.raw<unknown, 'stream'>(url, {
        method,
        headers: { ...headers },
        signal,
        ...(body === undefined ? {} : { body }),
      })
      const text = await boundedText(response._data ?? response.body)
      if (text === null) return { tag: 'maybe-sent', code: 'answer-too-large' }
      return { tag: 'response', status: response.status, headers: response.headers, text }
    } catch (error) {
      return failureOf(error, signal)
    }
  }
}

/** Reads a stream as text while counting; null when there is more than the limit. */
const boundedText = async (stream: ReadableStream<Uint8Array> | null | undefined): Promise<string | null> => {
  if (!stream) return ''
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.byteLength
    if (length > answerBytesMax) {
      await reader.cancel().catch(() => {})
      return null
    }
    chunks.push(value)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const failureOf = (error: unknown, signal: AbortSignal): Exchange => {
  const code = codesOf(error).find((candidate) => neverSent.test(candidate))
  if (code !== undefined) return { tag: 'not-sent', code: 'connection-failed' }
  return { tag: 'maybe-sent', code: signal.aborted ? 'deadline' : 'connection-lost' }
}

/** The codes of an error and of its causes; runtimes wrap them differently. */
const codesOf = (error: unknown): string[] => {
  const codes: string[] = []
  for (let current: unknown = error, depth = 0; current instanceof Error && depth < 5; depth++) {
    if ('code' in current && typeof current.code === 'string') codes.push(current.code)
    // Deno tells the reason of a failed connection in words only.
    const words = current.message
    if (
      /connection refused|dns error|failed to lookup|no route to host|network is unreachable|invalid peer certificate|unable to connect/i.test(
        words,
      )
    )
      codes.push('ECONNREFUSED')
    current = current.cause ?? (current instanceof FetchError ? current.cause : undefined)
  }
  return codes
}
