import { ofetch } from 'ofetch'
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
    if (signal.aborted) return { tag: 'not-sent', code: 'deadline' }
    try {
      const response = await raw.raw<unknown, 'stream'>(url, {
        method,
        headers: { ...headers },
        signal,
        ...(body === undefined ? {} : { body }),
      })
      const bytes = await boundedBytes(response._data ?? response.body, answerBytesMax)
      if (bytes === null) return { tag: 'maybe-sent', code: 'answer-too-large' }
      return { tag: 'response', status: response.status, headers: response.headers, text: bytes.toString('utf8') }
    } catch (error) {
      return failureOf(error, signal)
    }
  }
}

/** A file of another server. */
export type Downloaded = { readonly contentType: string; readonly bytes: Uint8Array }

/** Reads one file within a bound; null when it could not be had, whatever the reason. No redirect is followed. */
export type Download = (url: string, bytesMax: number, signal: AbortSignal) => Promise<Downloaded | null>

/** Makes downloads that stop at their bound, also when the other side lies about the length. */
export const makeDownload =
  (fetcher: typeof fetch): Download =>
  async (url, bytesMax, signal) => {
    try {
      const response = await fetcher(url, { redirect: 'manual', signal })
      const bytes = response.status === 200 ? await boundedBytes(response.body, bytesMax) : null
      if (bytes === null) {
        if (response.body?.locked === false) await response.body.cancel().catch(() => {})
        return null
      }
      return { contentType: response.headers.get('content-type') ?? 'application/octet-stream', bytes }
    } catch {
      return null
    }
  }

/** Reads a stream while counting; null when there is more than the limit. */
const boundedBytes = async (
  stream: ReadableStream<Uint8Array> | null | undefined,
  bytesMax: number,
): Promise<Buffer | null> => {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = stream?.getReader()
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    length += next.value.byteLength
    if (length > bytesMax) {
      await reader?.cancel().catch(() => {})
      return null
    }
    chunks.push(next.value)
  }
  return Buffer.concat(chunks)
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
    current = current.cause
  }
  return codes
}
