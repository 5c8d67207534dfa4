import { hmacBase64 } from '../../../src/connectors/cloudpayments/signature.ts'
import type { CloudPaymentsSettings } from '../../../src/connectors/cloudpayments/wire.ts'
import type { Delivery } from '../../../src/connectors/connector.ts'
import { instant } from '../../../src/kernel/time.ts'

/** The secret of the vectors. */
export const secret = '3f1c9a7be0d24c58a6f2b8d17e905c4d'

/** Settings with the secret of the vectors. */
export const settings: CloudPaymentsSettings = {
  publicId: 'test_api_0000',
  apiSecrets: [secret],
  baseUrl: 'http://127.0.0.1:1',
  live: false,
}

const formType = 'application/x-www-form-urlencoded'

/** A delivery of a body under given headers. */
export const delivery = (
  kind: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): Delivery => ({
  method: 'POST',
  path: `/webhooks/cloudpayments/${kind}`,
  query: '',
  headers: new Map(
    Object.entries({ 'content-type': formType, ...headers }).map(([name, value]) => [name, [value].flat()]),
  ),
  params: { kind },
  body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
  peer: '203.0.113.7',
  receivedAt: instant(0),
})

/** A delivery whose Content-HMAC is right. */
export const signed = (kind: string, body: string | Uint8Array, contentType = formType): Delivery =>
  delivery(kind, body, { 'content-hmac': hmacBase64(body, secret), 'content-type': contentType })
