import { createHash, randomUUID } from 'node:crypto'
import type { AppendRequest } from '../../src/log/appendRequest.ts'

/** An event of nobody in particular. */
export const event = (data: Record<string, unknown> = {}) => ({
  eventId: randomUUID(),
  subject: 'someone',
  type: 'Tested',
  data,
  meta: { command: 'Test', cause: { kind: 'import', id: 'test' } as const },
})

/** An append of one such event. */
export const request = (
  stream: string,
  expectedVersion: number | null,
  more: Partial<AppendRequest> = {},
): AppendRequest => ({
  stream,
  expectedVersion,
  events: [event()],
  ...more,
})

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A delivery under a dedupe key. */
export const inbox = (key: string, content = 'same'): NonNullable<AppendRequest['inbox']> => ({
  webhookId: randomUUID(),
  source: 'tilda',
  route: 'tilda/form',
  dedupeKey: key,
  keyHash: digest(key),
  contentHash: digest(content),
  verdict: 'accepted',
  reason: null,
  receivedAt: '2026-11-24T09:00:00.000Z' as NonNullable<AppendRequest['inbox']>['receivedAt'],
  peer: '127.0.0.1',
  secretName: 'key',
  method: 'POST',
  path: '/webhooks/tilda/form',
  query: '',
  headers: {},
  body: Buffer.from('a=b'),
  sha256: digest('a=b'),
  subject: null,
  repeatOf: null,
})
