import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import postgres from 'postgres'
import { askToPay, form, goodCard, letterTo, partnerWhen, payAtYooKassa, payLink, submitForm } from '../support/road.ts'
import { type Json, until, withService } from '../support/service.ts'

describe('erasing a person', () => {
  it('leaves the facts and nothing that tells who it was, in any table, also after a rebuild (S19)', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'hub-erase-'))
    await withService({ DATA_DIR: dataDir }, async (service, database) => {
      await submitForm(service, form({ Имя: 'Забываева Ольга', Почта: 'olga@example.ru', Телефон: '+79125550101' }))
      await payAtYooKassa(
        service,
        await askToPay(payLink(await letterTo(service, 'olga@example.ru', /осталась оплата/))),
        goodCard,
      )
      const partner = await partnerWhen(service, '7700000009', (row) => row.listed, 'listed')
      const refused = await service.post(`/api/v1/partners/${partner.partnerId}/erase`, {
        reason: 'by request',
        basis: 'whim',
      })
      assert.ok(refused.status === 400 || refused.status === 422)
      const erased = await service.post(`/api/v1/partners/${partner.partnerId}/erase`, {
        reason: 'by request',
        basis: 'request',
      })
      assert.ok(erased.status === 200 || erased.status === 202)
      assert.ok(Number(erased.headers.get('x-position')) > 0)
      await until(async () => {
        const { body } = await service.get(`/api/v1/partners/${partner.partnerId}`)
        return body.status === 'erased' && body.email === null && body.listed === false
      }, 'the card to be blank')
      await until(async () => existsSync(join(dataDir, 'erasures.ndjson')), 'the file of erasures')
      assert.equal((await fetch(`${service.url}/partners/${partner.slug}`)).status, 404)
      const sql = postgres(database.url, { max: 1, onnotice: () => {} })
      try {
        await until(
          async () =>
            (await sql`select from hub.person_keys where subject = ${partner.partnerId} and wrapped is null`).length ===
            1,
          'the key to be destroyed',
        )
        const traces = async (): Promise<string[]> => {
          const found: string[] = []
          for (const table of [
            'hub.events',
            'hub.effects',
            'hub.inbox',
            'hub_read.partners_1',
            'hub_read.subscriptions_1',
            'hub_read.payments_1',
          ]) {
            const rows = await sql.unsafe(`select t::text as row from ${table} t`)
            for (const secret of ['Забываева', 'olga@example.ru', '9125550101']) {
              // Bytes are shown in hex by PostgreSQL.
              const hex = Buffer.from(encodeURIComponent(secret)).toString('hex')
              if (rows.some((row) => String(row.row).includes(secret) || String(row.row).includes(hex)))
                found.push(`${table}: ${secret}`)
            }
          }
          return found
        }
        await until(async () => (await traces()).length === 0, 'every trace to be gone', 20_000).catch(async () =>
          assert.deepEqual(await traces(), []),
        )
      } finally {
        await sql.end()
      }
      const events = (await service.get(`/api/v1/events?subject=${partner.partnerId}&limit=500`)).body.items as Json[]
      assert.ok(
        events.some((event) => event.type === 'PersonErased') &&
          events.some((event) => event.type === 'PartnerApplied'),
      )
      assert.equal(events.find((event) => event.type === 'PartnerApplied').data.email ?? null, null)
      const verified = (await service.post('/api/v1/projections/verify', {})).body.models as Json[]
      assert.ok(
        verified.every((model) => model.differences === 0),
        JSON.stringify(verified),
      )
      const line = JSON.parse(readFileSync(join(dataDir, 'erasures.ndjson'), 'utf8').split('\n')[0] ?? '')
      assert.deepEqual([line.subject, typeof line.signature], [partner.partnerId, 'string'])
      // The INN is free again.
      await submitForm(service, form({ Почта: 'new@example.ru', Телефон: '+79125550202' }))
      await partnerWhen(service, '7700000009', (row) => row.status === 'verified', 'verified anew')
    })
    rmSync(dataDir, { recursive: true, force: true })
  })
})
