import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeProviderCall } from '../../../src/connectors/fetcher.ts'
import { protalkCourier } from '../../../src/connectors/protalk/client.ts'
import { createProtalkTwin, type ProtalkTwinState } from '../../../src/connectors/protalk/twin.ts'
import { protalkHook, toolAnswer } from '../../../src/connectors/protalk/wire.ts'
import type { Outcome } from '../../../src/kernel/decision.ts'
import { plusMs } from '../../../src/kernel/time.ts'
import { serveHandler, serveTwin, testClock, testTwinContext } from '../../support/twinServer.ts'
import { attemptAt, delivery } from '../deliveries.ts'

type Called = { readonly bot: string; readonly facts: unknown }

type House = {
  readonly url: string
  readonly calls: Called[]
  readonly ask: (payload: unknown, kind?: string) => Promise<Outcome>
  readonly tell: (path: string, body: unknown) => Promise<Response>
  readonly applied: () => Promise<number>
}

const clock = testClock('2026-03-02T09:00:00.000Z')

/** A twin, a service with our tools behind the real reading of calls, and our courier, all over real sockets. */
const inHouse = async (
  work: (house: House) => Promise<void>,
  changes: { readonly token?: string; readonly botId?: string | null; readonly baseUrl?: string } = {},
) => {
  const calls: Called[] = []
  const token = changes.token ?? 'token-client-1'
  const settings = {
    clientBotToken: token,
    partnerBotToken: 'token-partner-1',
    webhookSecrets: ['k-tool-1'],
    clientBotId: changes.botId === undefined ? '53194' : changes.botId,
    partnerBotId: '53195',
  }
  const service = await serveHandler(async (request) => {
    const bot = new URL(request.url).pathname.split('/').at(-1) ?? ''
    const arrived = delivery({
      params: { bot },
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    })
    const hub = { ...settings, baseUrl: '' }
    if (protalkHook.verify(arrived, hub).tag === 'refused') return new Response(null, { status: 401 })
    const reading = protalkHook.read(arrived, hub)
    if (reading.tag === 'facts' || reading.tag === 'query') calls.push({ bot, facts: reading.facts })
    const answer = toolAnswer({ ok: true, text: 'Мария Иванова · ипотека\nТелефон: +7 912 345-67-89', items: [] })
    return new Response(answer.body, { headers: { 'content-type': answer.contentType } })
  })
  const context = testTwinContext<ProtalkTwinState>({ clock, hubUrl: () => service.url })
  const twin = await serveTwin(
    createProtalkTwin(context, {
      clientBotToken: 'token-client-1',
      partnerBotToken: 'token-partner-1',
      clientBotId: '53194',
      partnerBotId: '53195',
      webhookSecret: 'k-tool-1',
    }),
  )
  const courier = protalkCourier(
    { ...settings, baseUrl: changes.baseUrl ?? twin.url },
    { call: makeProviderCall(fetch) },
  )
  const ask = async (payload: unknown, kind = 'protalk.ask'): Promise<Outcome> => {
    const performer = courier.performers[kind]
    if (performer === undefined) throw new Error(`No performer "${kind}"`)
    return performer(payload, attemptAt(clock.now()))
  }
  try {
    await work({
      url: twin.url,
      calls,
      ask,
      tell: (path, body) => fetch(`${twin.url}${path}`, { method: 'POST', body: JSON.stringify(body) }),
      applied: async () => (await (await fetch(`${twin.url}/ledger`)).json()).applied,
    })
  } finally {
    context.close()
    await twin.stop()
    await service.stop()
  }
}

const question = (message: string, bot = 'client') => ({ bot, chatId: 'umn147517_67918694', message })
const codeOf = (outcome: Outcome): string => (outcome.tag === 'done' ? 'done' : outcome.code)

describe('protalk.ask and the twin', () => {
  it('asks the client bot, which calls our function and answers in plain text (V10)', () =>
    inHouse(async ({ ask, calls }) => {
      const outcome = await ask(question('Нужна ипотека в Ярославле'))
      assert.deepEqual(outcome, {
        tag: 'done',
        result: { text: 'Вот что нашлось:\n\nМария Иванова · ипотека\nТелефон: +7 912 345-67-89' },
      })
      assert.deepEqual(calls, [
        {
          bot: 'client',
          facts: {
            tool: 'find_partners',
            args: { city: 'Ярославль', service: 'Ипотека', limit: 3 },
            bot: 'client',
            chatId: 'umn147517_67918694',
            botId: '53194',
            q: null,
          },
        },
      ])
    }))
  it('leaves a request when the visitor gives a phone and agrees', () =>
    inHouse(async ({ ask, calls }) => {
      await ask(question('Меня зовут Олег, перезвоните 8 909 075-15-80, согласен'))
      const { facts } = calls[0] ?? {}
      const { tool, args } = facts as { tool: string; args: { phone: string; name: string; consent: boolean } }
      assert.deepEqual([tool, args.phone, args.name, args.consent], ['leave_request', '+79090751580', 'Олег', true])
    }))
  it('lets the partner bot remember what was asked until the code comes', () =>
    inHouse(async ({ ask, calls }) => {
      await ask(question('Пришлите ссылку на оплату, моя почта maria@example.ru', 'partner'))
      await ask(question('код 482915', 'partner'))
      assert.deepEqual(
        calls.map(({ bot, facts }) => [bot, (facts as { tool: string }).tool, (facts as { args: unknown }).args]),
        [
          ['partner', 'payment_link', { email: 'maria@example.ru', phone: null, code: null, plan: null }],
          ['partner', 'payment_link', { email: 'maria@example.ru', phone: null, code: '482915', plan: null }],
        ],
      )
    }))
  it('strips the Markdown of a model', () =>
    inHouse(async ({ ask, tell }) => {
      await tell('/act', { nextAnswer: '## Цены\n- **дом**: [смета](https://example.ru/1)' })
      assert.deepEqual(await ask(question('цены')), {
        tag: 'done',
        result: { text: 'Цены\n• дом: смета: https://example.ru/1' },
      })
    }))
  for (const kind of ['apply-then-500', 'apply-then-reset', 'html', 'garbage', 'empty']) {
    it(`does not know what became of a question after ${kind}, and never asks twice`, () =>
      inHouse(async ({ ask, tell }) => {
        await tell('/faults', { kind, path: '/ask', times: 1 })
        assert.equal((await ask(question('привет'))).tag, 'unknown')
      }))
  }
  it('asks again later when the provider was busy, out of money or not there', async () => {
    await inHouse(async ({ ask, tell, applied }) => {
      await tell('/faults', { kind: '429-retry-after', path: '/ask', times: 1, seconds: 5 })
      const busy = await ask(question('привет'))
      assert.ok(busy.tag === 'later')
      assert.equal(busy.notBefore, plusMs(clock.now(), 5000))
      await tell('/act', { mode: 'no-balance' })
      const poor = await ask(question('привет'))
      assert.deepEqual(poor.tag === 'later' && [poor.code, poor.pauseDestination], ['no-balance', 'until-resumed'])
      assert.equal(await applied(), 0)
    })
    const gone = await serveHandler(async () => new Response())
    await gone.stop()
    await inHouse(async ({ ask }) => assert.equal((await ask(question('привет'))).tag, 'later'), {
      baseUrl: gone.url,
    })
  })
  it('takes an error inside an answer of 200 for a failure', () =>
    inHouse(async ({ ask, tell }) => {
      await tell('/act', { mode: 'server-error' })
      assert.equal(codeOf(await ask(question('привет'))), 'bot-failed')
    }))
  it('stops the destination at a wrong token, whose value is told to nobody', () =>
    inHouse(
      async ({ ask, url }) => {
        const outcome = await ask(question('привет'))
        assert.equal(codeOf(outcome), 'credentials-not-accepted')
        assert.ok(!`${JSON.stringify(outcome)}${await (await fetch(`${url}/ledger`)).text()}`.includes('wrong-token'))
      },
      { token: 'wrong-token' },
    ))
  it('keeps tokens out of the ledger', () =>
    inHouse(async ({ ask, url }) => {
      await ask(question('привет'))
      const ledger = await (await fetch(`${url}/ledger`)).text()
      assert.match(ledger, /\/api\/v1\.0\/ask\/client/)
      assert.doesNotMatch(ledger, /token-client-1/)
    }))
  it('asks without a bot id while none is known', () =>
    inHouse(async ({ ask }) => assert.equal((await ask(question('привет'))).tag, 'done'), { botId: null }))
  it('sends no payload that would be refused anyway', () =>
    inHouse(async ({ ask }) => {
      for (const payload of [
        null,
        {},
        question(' '),
        { ...question('a'), bot: 'x' },
        { ...question('a'), chatId: 'a b' },
      ])
        assert.equal(codeOf(await ask(payload)), 'payload-not-valid')
    }))
})

describe('protalk.sendMessage', () => {
  it('hands a message to the partner bot', () =>
    inHouse(async ({ ask, url }) => {
      const outcome = await ask(question('Новая заявка из Рыбинска', 'partner'), 'protalk.sendMessage')
      assert.deepEqual(outcome, { tag: 'done', result: { accepted: true } })
      const { dialogs } = await (await fetch(`${url}/dialogs`)).json()
      assert.equal(dialogs[0].turns[0].text, 'Новая заявка из Рыбинска')
    }))
})

describe('the page of the Protalk twin', () => {
  it('lets a person talk to a bot and escapes what is said', () =>
    inHouse(async ({ url }) => {
      const said = await fetch(`${url}/`, {
        method: 'POST',
        redirect: 'manual',
        body: new URLSearchParams({ bot: 'client', text: '<b>партнёры</b> в Рыбинске' }),
      })
      assert.equal(said.status, 303)
      const shown = await (await fetch(said.headers.get('location') ?? '')).text()
      assert.match(shown, /Мария Иванова/)
      assert.doesNotMatch(shown, /<b>партнёры/)
    }))
})
