import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Exchange, ProviderRequest } from '../../../src/connectors/exchange.ts'
import { umnicoCourier } from '../../../src/connectors/umnico/client.ts'
import { instant } from '../../../src/kernel/time.ts'
import { attemptAt } from '../deliveries.ts'

const now = instant(Date.parse('2026-03-02T09:00:00.000Z'))
const settings = {
  apiKey: 'key-1',
  widgetToken: 'w',
  webhookSecrets: [],
  accountId: null,
  baseUrl: 'https://umnico.example/v1.3/',
}

type Fake = (path: string, request: ProviderRequest) => readonly [number, unknown]

/** A provider that answers as a test says, and what it was asked. */
const provider = (fake: Fake) => {
  const asked: { path: string; body: unknown }[] = []
  const call = async (request: ProviderRequest): Promise<Exchange> => {
    const path = request.url.replace('https://umnico.example/v1.3', '')
    asked.push({ path, body: request.body === undefined ? null : JSON.parse(request.body) })
    const [status, body] = fake(path, request)
    return {
      tag: 'response',
      status,
      headers: new Headers(),
      text: typeof body === 'string' ? body : JSON.stringify(body),
    }
  }
  const { performers } = umnicoCourier(settings, { call })
  const send = (payload: unknown) => performers['umnico.send']?.(payload, attemptAt(now))
  return { asked, send }
}

const order = { leadId: '1', text: 'Карточка', customId: 'ob-1', source: '255' }

describe('umnico.send', () => {
  it('chooses another operator after the provider did not accept the first', async () => {
    let dismissed = false
    const { asked, send } = provider((path) => {
      if (path === '/managers')
        return [200, dismissed ? [{ id: 7, role: 'owner' }] : [{ id: 16, name: 'Бот', role: 'manager' }]]
      return dismissed && asked.at(-1)?.body !== null && !JSON.stringify(asked.at(-1)?.body).includes('"userId":7')
        ? [422, { error: "User 16 doesn't exist for this account" }]
        : [200, {}]
    })
    assert.equal((await send(order))?.tag, 'done')
    dismissed = true
    const refused = await send({ ...order, customId: 'ob-2' })
    assert.equal(refused?.tag === 'later' && refused.code, 'operator-not-accepted')
    assert.equal((await send({ ...order, customId: 'ob-2' }))?.tag, 'done')
    assert.equal(asked.filter(({ path }) => path === '/managers').length, 2)
  })
  it('asks neither for a source that the message told nor twice for the operators', async () => {
    const { asked, send } = provider((path) =>
      path === '/managers' ? [200, { data: [{ id: 15, role: 'owner' }] }] : [200, {}],
    )
    await send(order)
    await send({ ...order, customId: 'ob-2' })
    assert.deepEqual(
      asked.map(({ path }) => path),
      ['/managers', '/messaging/1/send', '/messaging/1/send'],
    )
    assert.deepEqual(asked[1]?.body, { message: { text: 'Карточка' }, source: '255', userId: 15, customId: 'ob-1' })
  })
  it('leaves the author to the provider when the account lists no operators', async () => {
    const { asked, send } = provider((path) => (path === '/managers' ? [404, {}] : [200, {}]))
    assert.equal((await send(order))?.tag, 'done')
    assert.deepEqual(asked[1]?.body, { message: { text: 'Карточка' }, source: '255', customId: 'ob-1' })
  })
  it('takes a refusal of the message for final', async () => {
    const { send } = provider((path) => (path === '/managers' ? [200, []] : [400, { error: 'bad' }]))
    const outcome = await send(order)
    assert.equal(outcome?.tag === 'refused' && outcome.code, 'message-not-accepted')
  })
  it('does not know what an answer without JSON means', async () => {
    const { send } = provider((path) => (path === '/managers' ? [200, []] : [200, '<html>']))
    assert.equal((await send(order))?.tag, 'unknown')
  })
})
