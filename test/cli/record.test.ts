import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Fixture } from '../../src/cli/anonymise.ts'
import { recordingEnv, sendRecorded } from '../support/recordings.ts'
import { form } from '../support/road.ts'
import { runHub } from '../support/runHub.ts'
import { withService } from '../support/service.ts'
import { against } from './against.ts'

describe('hub webhooks export', () => {
  it('prints one delivery as a fixture in which nobody who sent it is left', async () => {
    await withService(recordingEnv, async (service) => {
      const sent = {
        source: 'tilda',
        method: 'POST',
        path: '/webhooks/tilda/form',
        query: '',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(form({ tranid: '7:1' })).toString(),
      }
      assert.equal(await sendRecorded(service, sent), 200)
      const [row] = (await service.get('/api/v1/webhooks?source=tilda')).body.items
      const env = { HUB_URL: service.url, HUB_OPERATOR_TOKEN: service.operator }
      const run = await runHub(['webhooks', 'export', row.webhookId], env)
      assert.equal(run.code, 0, run.stderr)
      const fixture = run.json() as Fixture
      assert.deepEqual(
        [fixture.fixture, fixture.source, fixture.verdict, fixture.dedupeKey],
        [1, 'tilda', 'accepted', 'tilda:7:1'],
      )
      assert.deepEqual(
        fixture.events.map(({ type }) => type),
        ['PartnerApplied'],
      )
      const clear = `${run.stdout}${'body' in fixture ? decodeURIComponent(fixture.body.replaceAll('+', ' ')) : ''}`
      for (const personal of ['Примерова', 'Мария', 'maria@', '345-67-89', '79123456789', 'k-tilda-1', 'Пример Дом'])
        assert.ok(!clear.includes(personal), `"${personal}" is in ${clear}`)
      const analyst = await runHub(['webhooks', 'export', row.webhookId], {
        ...env,
        HUB_OPERATOR_TOKEN: service.analyst,
      })
      assert.equal(analyst.code, 1)
      assert.equal(analyst.stdout, '')
    })
  })

  it('without an id exports the whole list as before', async () => {
    const run = await against({ 'GET /api/v1/webhooks': { text: 'webhookId\r\n', contentType: 'text/csv' } }, [
      'webhooks',
      'export',
      '--source',
      'tilda',
    ])
    assert.equal(run.code, 0)
    assert.equal(run.stdout, 'webhookId\r\n')
    assert.equal(run.seen[0]?.query.get('source'), 'tilda')
  })

  it('ends with 1 when the bytes are gone', async () => {
    const run = await against({ 'GET /api/v1/webhooks/w1': { json: { webhookId: 'w1', bodyBase64: null } } }, [
      'webhooks',
      'export',
      'w1',
    ])
    assert.equal(run.code, 1)
    assert.match(run.stderr, /bytes are not kept/)
  })
})
