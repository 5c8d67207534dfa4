import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * What the signature headers of a notification prove.
 * `content-hmac`: the raw bytes are signed. `hint`: only the decoded text is signed, which other bytes can share, so nothing but
 * the transaction's number may be used, to read it again. `none`: not the sender's.
 */
export type Proof =
  | { readonly tag: 'content-hmac' | 'hint'; readonly secretNumber: number }
  | { readonly tag: 'none'; readonly code: 'signature-missing' | 'signature-ambiguous' | 'signature-not-valid' }

/** The message of a notification and what its headers say of it. */
export type SignedMessage = {
  /** The body of a POST or the query of a GET, as sent. */
  readonly raw: Uint8Array
  /** Whether the message is an urlencoded form, whose decoded text differs from its bytes. */
  readonly form: boolean
  readonly contentHmac: readonly string[]
  readonly xContentHmac: readonly string[]
}

/**
 * Judges both headers against every valid secret, in constant time.
 * @example proofOf({ raw, form: true, contentHmac: ['…'], xContentHmac: [] }, ['secret']) // { tag: 'content-hmac', secretNumber: 1 }
 */
export const proofOf = (message: SignedMessage, secrets: readonly string[]): Proof => {
  const { raw, form, contentHmac, xContentHmac } = message
  if (contentHmac.length + xContentHmac.length === 0) return { tag: 'none', code: 'signature-missing' }
  if (contentHmac.length > 1 || xContentHmac.length > 1) return { tag: 'none', code: 'signature-ambiguous' }
  const rawSecret = secretThatSigned(raw, contentHmac[0], secrets)
  if (rawSecret !== null) return { tag: 'content-hmac', secretNumber: rawSecret }
  const decoded = form ? decodedForm(raw) : raw
  const decodedSecret = decoded && secretThatSigned(decoded, xContentHmac[0], secrets)
  return decodedSecret === null
    ? { tag: 'none', code: 'signature-not-valid' }
    : { tag: 'hint', secretNumber: decodedSecret }
}

/** Base64 of HMAC-SHA256 under the secret as UTF-8: the value of both headers. */
export const hmacBase64 = (message: Uint8Array | string, secret: string): string =>
  createHmac('sha256', secret).update(message).digest('base64')

/** The text of a form with `+` and percent escapes decoded as a whole, as X-Content-HMAC signs it; null for a bad escape. */
export const decodedForm = (raw: Uint8Array): Uint8Array | null => {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(raw)
    return new TextEncoder().encode(decodeURIComponent(text.replaceAll('+', ' ')))
  } catch {
    return null
  }
}

/** The number, from 1, of the secret that gives this header, or null. All secrets are tried, so that time tells nothing. */
const secretThatSigned = (
  message: Uint8Array,
  header: string | undefined,
  secrets: readonly string[],
): number | null => {
  const given = Buffer.from(header ?? '')
  let found: number | null = null
  for (const [index, secret] of secrets.entries()) {
    const wanted = Buffer.from(hmacBase64(message, secret))
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) found ??= index + 1
  }
  return found
}
