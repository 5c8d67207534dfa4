import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { leadDoor } from '../../src/http/leadDoor.ts'
import { testCore } from '../support/core.ts'

const post = (fields: Readonly<Record<string, string>>): Request =>
  new Request('http://hub.example/leads', { method: 'POST', body: new URLSearchParams(fields) })

describe('the form of a partner page', () => {
  it('becomes a lead and nothing else, whatever it claims to be', async () => {
    const rig = await testCore()
    try {
      let allowed = true
      const door = leadDoor({
        handler: rig.core.handler,
        newId: randomUUID,
        now: rig.core.clock.now,
        isAway: () => false,
        withinRate: () => allowed,
      })
      const taken = await door(
        post({ Имя: 'Олег', Телефон: '8 (909) 075-15-80', ИНН: '7700000009', hub_form: 'partner_registration' }),
        '203.0.113.5',
      )
      assert.equal(taken.status, 200)
      assert.equal((await door(post({ Имя: 'Без контакта' }), '203.0.113.5')).status, 422)
      assert.equal((await door(new Request('http://hub.example/leads'), '203.0.113.5')).status, 405)
      assert.equal(
        (
          await door(
            new Request('http://hub.example/leads', {
              method: 'POST',
              body: '{}',
              headers: { 'content-type': 'application/json' },
            }),
            '203.0.113.5',
          )
        ).status,
        415,
      )
      allowed = false
      assert.equal((await door(post({ Телефон: '+79090751580' }), '203.0.113.5')).status, 429)
      await rig.project()
      const leads = await rig.core.sql<{ name: string; phone: string }[]>`select name, phone from hub_read.leads_1`
      assert.deepEqual([...leads], [{ name: 'Олег', phone: '+79090751580' }])
      const [partners] = await rig.core.sql<{ count: number }[]>`select count(*)::int as count from hub_read.partners_1`
      assert.equal(partners?.count, 0)
    } finally {
      await rig.close()
    }
  })
})
