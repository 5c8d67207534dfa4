import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createDatabase } from '../support/database.ts'
import { form, partnerWhen, submitForm } from '../support/road.ts'
import { startService } from '../support/service.ts'

const cookiesOf = (response: Response): string =>
  response.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')

const csrfOf = (text: string): string => /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? ''

describe('the console of a running service', () => {
  it('signs in, shows a registration and its delivery, replays it, streams, and does not hold up the stop', {
    timeout: 60_000,
  }, async () => {
    const database = await createDatabase({ migrated: false })
    const service = await startService({ databaseUrl: database.url })
    try {
      const entry = await fetch(`${service.url}/console/sign-in`)
      assert.equal(entry.status, 200)
      const signedIn = await fetch(`${service.url}/console/sign-in`, {
        method: 'POST',
        redirect: 'manual',
        headers: { cookie: cookiesOf(entry) },
        body: new URLSearchParams({ csrf: csrfOf(await entry.text()), token: service.operator }),
      })
      assert.equal(signedIn.status, 303)
      const cookie = cookiesOf(signedIn)
      const page = async (path: string): Promise<string> => {
        const response = await fetch(`${service.url}${path}`, { headers: { cookie }, redirect: 'manual' })
        assert.equal(response.status, 200, path)
        return response.text()
      }
      await submitForm(service, form())
      const partner = await partnerWhen(service, '7700000009', ({ status }) => status !== 'applied', 'checked')
      assert.match(await page(`/console/partners/${partner.partnerId}`), /maria@example\.ru/)
      const deliveries = await page('/console/webhooks?q=7700000009')
      const webhook = /\/console\/webhooks\/[0-9a-f-]{36}/.exec(deliveries)?.[0] ?? ''
      const delivery = await page(webhook)
      assert.match(delivery, /Пришла заявка/)
      const replayed = await fetch(`${service.url}/console/do/${webhook.slice('/console/'.length)}/replay`, {
        method: 'POST',
        redirect: 'manual',
        headers: { cookie },
        body: new URLSearchParams({ csrf: csrfOf(delivery), reason: 'Проверка', back: webhook }),
      })
      assert.equal(replayed.status, 303)
      assert.match(replayed.headers.get('location') ?? '', /\?said=(duplicate|accepted)$/)
      for (const path of [
        '/console',
        '/console/partners',
        '/console/effects',
        '/console/read-models',
        '/console/destinations',
        '/console/reconciliation',
      ])
        await page(path)
      assert.match(await page('/assets/console.css'), /--accent/)
      const live = await fetch(`${service.url}/console/live`, { headers: { cookie } })
      const reader = live.body?.getReader()
      let seen = ''
      while (reader && !seen.includes('"head":')) seen += new TextDecoder().decode((await reader.read()).value)
      assert.match(seen, /"lag:partners":\d/)
      assert.equal(await service.stop(), 0)
      assert.doesNotMatch(service.log(), /cut off/)
      await reader?.cancel().catch(() => {})
    } finally {
      await service.kill()
      await database.drop()
    }
  })
})
