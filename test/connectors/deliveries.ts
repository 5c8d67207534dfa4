import type { Attempt, Delivery } from '../../src/connectors/connector.ts'
import { type Instant, instant } from '../../src/kernel/time.ts'

/** What a test says of a delivery; the rest is as usual. */
export type DeliveryParts = {
  readonly method?: string
  readonly path?: string
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly params?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** Makes a delivery as it would have arrived over HTTP. */
export const delivery = (parts: DeliveryParts): Delivery => ({
  method: parts.method ?? 'POST',
  path: parts.path ?? '/webhooks/test',
  query: parts.query ?? '',
  headers: new Map(Object.entries(parts.headers ?? {}).map(([name, value]) => [name.toLowerCase(), [value]])),
  params: parts.params ?? {},
  body: typeof parts.body === 'string' ? new TextEncoder().encode(parts.body) : (parts.body ?? new Uint8Array()),
  peer: '203.0.113.7',
  receivedAt: instant(Date.parse('2025-11-23T12:30:00.000Z')),
})

/** An attempt of an effect at a moment; the first one unless told otherwise. */
export const attemptAt = (now: Instant, parts: Partial<Attempt> = {}): Attempt => ({
  key: '6f2f6a0e-1b7a-5c7e-9a54-6d8a1f0b2c3d',
  number: 1,
  firstAttemptAt: now,
  now,
  signal: AbortSignal.timeout(5000),
  ...parts,
})
