import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Fixture } from '../../src/cli/anonymise.ts'
import { recordingEnv, sendRecorded } from '../support/recordings.ts'
import { type Json, type RunningService, withService } from '../support/service.ts'

const folder = fileURLToPath(new URL('../fixtures/recordings/', import.meta.url))

const recordings: readonly (readonly [name: string, fixture: Fixture])[] = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => [name, JSON.parse(readFileSync(join(folder, name), 'utf8'))])

/** Without what differs between two runs: ids that we make, moments, and digests of what people said. */
const timeless = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (field, own: unknown) => (field === 'at' || field === 'exportAt' ? undefined : own))
      .replace(/\b([a-z]{3,4})_[0-9a-f]{32}\b/g, '$1_')
      .replace(/\b[0-9a-f]{64}\b/g, 'digest'),
  )

const recorded = (fixture: Fixture): unknown => {
  const { verdict, reason, dedupeKey, events } = fixture
  return timeless({ verdict, reason, dedupeKey, events })
}

/** What a service made of the only delivery of these bytes by this way. */
const outcome = async (
  service: RunningService,
  { source, path }: Fixture,
  body: string | Uint8Array,
): Promise<unknown> => {
  const route = path.replace('/webhooks/', '').replace('/:secret', '')
  const sha256 = createHash('sha256').update(body).digest('hex')
  const { items } = (await service.get(`/api/v1/webhooks?source=${source}&limit=500`)).body
  const found = items.find((item: Json) => item.route === route && item.sha256 === sha256)
  assert.ok(found, `${route} is among ${items.map((item: Json) => item.route)}`)
  const { verdict, reason, dedupeKey, eventPositions } = found
  const events: Json[] = []
  for (const position of eventPositions) {
    const [event] = (await service.get(`/api/v1/events?position=${position}`)).body.items
    const { stream, type, version, data } = event
    events.push({ stream, type, version, data })
  }
  return timeless({ verdict, reason, dedupeKey, events })
}

describe('recordings', () => {
  it('are there for every sender and every way in of theirs', () => {
    assert.deepEqual(recordings.map(([, { path }]) => path).toSorted(), [
      '/webhooks/cloudpayments/pay',
      '/webhooks/flexbe/:secret',
      '/webhooks/protalk/client',
      '/webhooks/tilda/form',
      '/webhooks/tilda/page/:secret',
      '/webhooks/umnico/:secret',
      '/webhooks/yookassa',
    ])
  })

  it('played to a fresh service become what they became when they were recorded', async () => {
    await withService(recordingEnv, async (service) => {
      for (const [name, fixture] of recordings) {
        assert.equal(fixture.fixture, 1, name)
        const body = 'body' in fixture ? fixture.body : Buffer.from(fixture.bodyBase64, 'base64')
        const status = await sendRecorded(service, { ...fixture, body })
        assert.ok(fixture.verdict === 'quarantined' || status === 200, `${name} is answered with ${status}`)
        assert.deepEqual(await outcome(service, fixture, body), recorded(fixture), name)
      }
    })
  })
})
