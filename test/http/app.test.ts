import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Door, makeApp } from '../../src/http/app.ts'

const saying =
  (text: string): Door['open'] =>
  async (_request, peer, { pathname }) =>
    new Response(`${text} ${peer} ${pathname}`)

const app = (doors: readonly Door[], faults: unknown[] = []) => {
  const handle = makeApp({
    doors,
    runtime: 'test',
    version: '0',
    isReady: async () => true,
    pagesHost: 'pages.test',
    publicHost: 'hub.test',
    onError: (error) => faults.push(error),
  })
  return (url: string): Promise<Response> => handle(new Request(url), { peer: 'peer', url: new URL(url) })
}

describe('makeApp()', () => {
  const door = { prefix: '/hooks', policy: 'sender' } as const

  it('opens a door for its prefix and what is below, and for nothing longer', async () => {
    const send = app([{ ...door, open: saying('door') }])
    for (const path of ['/hooks', '/hooks/', '/hooks/a/b'])
      assert.equal(await (await send(`http://hub.test${path}`)).text(), `door peer ${path}`)
    assert.equal((await send('http://hub.test/hooksmith')).status, 404)
  })

  it('answers 500 without a word of the cause when a door fails', async () => {
    const faults: unknown[] = []
    const fault = new Error('secret')
    const response = await app([{ ...door, open: () => Promise.reject(fault) }], faults)('http://hub.test/hooks')
    assert.equal(response.status, 500)
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
    assert.doesNotMatch(await response.text(), /secret/)
    assert.deepEqual(faults, [fault])
  })

  it('opens no door of the service on the host of the pages', async () => {
    const send = app([{ ...door, open: saying('door') }])
    assert.equal((await send('http://pages.test/hooks')).status, 404)
  })
})
