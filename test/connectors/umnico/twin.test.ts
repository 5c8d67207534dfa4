import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Courier } from '../../../src/connectors/connector.ts'
import { makeProviderCall } from '../../../src/connectors/fetcher.ts'
import { umnicoCourier } from '../../../src/connectors/umnico/client.ts'
import { createUmnicoTwin, type UmnicoTwinState } from '../../../src/connectors/umnico/twin.ts'
import { umnicoHook } from '../../../src/connectors/umnico/wire.ts'
import type { Outcome } from '../../../src/kernel/decision.ts'
import { plusMs } from '../../../src/kernel/time.ts'
import { type HookedTwin, until, withHookedTwin } from '../../support/twinServer.ts'
import { attemptAt, delivery } from '../deliveries.ts'

type Hub = { readonly bodies: string[]; status: number }

type House = Omit<HookedTwin, 'hooks'> & {
  readonly hub: Hub
  readonly courier: Courier
  readonly ask: (kind: string, payload: unknown, number?: number) => Promise<Outcome>
  readonly act: (asked: unknown) => Promise<Record<string, never> & { readonly id: number }>
  readonly chats: () => Promise<{
    readonly chats: readonly {
      readonly id: number
      readonly messages: readonly {
        readonly text: string
        readonly incoming: boolean
        readonly customId: string | null
        readonly userId: number | null
      }[]
    }[]
    readonly webhooks: readonly { readonly id: number; readonly url: string; readonly status: number }[]
  }>
}

/** A twin, a service that takes its hooks, and our courier, all over real sockets. */
const inHouse = (
  work: (house: House) => Promise<void>,
  options: { readonly apiKey?: string; readonly webhookSecret?: string | null } = {},
): Promise<void> => {
  const { webhookSecret = 's3cr3t', apiKey = 'key-1' } = options
  const account = { apiKey: 'key-1', accountId: '147517', widgetToken: 'widget-token-1', webhookSecret }
  let hub: Hub = { bodies: [], status: 200 }
  return withHookedTwin<UmnicoTwinState>(
    {
      twin: (context) => createUmnicoTwin(context, account),
      answer: () => new Response('ok', { status: hub.status }),
    },
    async ({ hooks, ...hooked }) => {
      hub = { bodies: hooks, status: 200 }
      const settings = {
        apiKey,
        widgetToken: 'widget-token-1',
        webhookSecrets: ['s3cr3t'],
        accountId: null,
        baseUrl: `${hooked.url}/v1.3`,
      }
      const courier = umnicoCourier(settings, { call: makeProviderCall(fetch) })
      const start = hooked.clock.now()
      const ask = async (kind: string, payload: unknown, number = 1): Promise<Outcome> => {
        const performer = courier.performers[kind]
        if (performer === undefined) throw new Error(`No performer "${kind}"`)
        const now = number === 1 ? hooked.clock.now() : plusMs(hooked.clock.now(), 20_000)
        return performer(payload, attemptAt(now, { number, firstAttemptAt: number === 1 ? now : start }))
      }
      await work({
        ...hooked,
        hub,
        courier,
        ask,
        act: async (asked) => (await hooked.tell('/act', asked)).json(),
        chats: async () => (await fetch(`${hooked.url}/chats`)).json(),
      })
    },
  )
}

const message = (leadId: number, customId = 'ob-1', text = 'Карточка партнёра') => ({
  leadId: String(leadId),
  text,
  customId,
})
const answersOf = async (house: House) =>
  (await house.chats()).chats.flatMap(({ messages }) => messages.filter(({ incoming }) => !incoming))

describe('the Umnico twin', () => {
  it('tells a visitor’s words in the way that umnicoHook reads (V7)', () =>
    inHouse(async ({ act, hub }) => {
      const chat = await act({
        incoming: { text: 'Сколько стоит дом? 🏡', channel: 'whatsapp2', login: '79264376263', name: 'Олег' },
      })
      await until(() => hub.bodies.length === 1, 'the hook came')
      const [path, body = ''] = hub.bodies[0]?.split(/ (.*)/s) ?? []
      assert.equal(path, '/webhooks/umnico/s3cr3t')
      const settings = { apiKey: '', widgetToken: '', webhookSecrets: ['s3cr3t'], accountId: '147517', baseUrl: '' }
      const arrived = delivery({ params: { secret: 's3cr3t' }, body })
      assert.equal(umnicoHook.verify(arrived, settings).tag, 'authentic')
      const reading = umnicoHook.read(arrived, settings)
      assert.ok(reading.tag === 'facts' && reading.facts.kind === 'message')
      assert.deepEqual(
        [reading.facts.leadId, reading.facts.phone, reading.facts.text, reading.facts.isNewLead],
        [String(chat.id), '+79264376263', 'Сколько стоит дом? 🏡', true],
      )
    }))
  it('sends hooks late, twice and out of order when asked', () =>
    inHouse(async ({ act, tell, hub, clock }) => {
      await tell('/hooks', { delayMs: 60_000, order: 'reversed', times: 2 })
      const { id } = await act({ incoming: { text: 'один' } })
      await act({ incoming: { text: 'два', leadId: id } })
      clock.advance(60_000)
      await until(() => hub.bodies.length === 4, 'four hooks came')
      assert.deepEqual(
        hub.bodies.map((body) => (body.includes('один') ? 1 : 2)),
        [2, 2, 1, 1],
      )
    }))
  it('switches a hook off after five failures, and the courier switches it on again', () =>
    inHouse(async ({ act, hub, clock, chats, ask }) => {
      hub.status = 500
      await act({ incoming: { text: 'привет' } })
      await until(async () => {
        clock.advance(60_000)
        return (await chats()).webhooks[0]?.status === 0
      }, 'the hook is off')
      assert.equal(hub.bodies.length, 5)
      const outcome = await ask('umnico.ensureWebhook', { url: 'http://hub.invalid/webhooks/umnico/s3cr3t' })
      assert.deepEqual(outcome, { tag: 'done', result: { webhookId: '1', state: 'switched-on' } })
      assert.equal((await chats()).webhooks[0]?.status, 1)
    }))
  it('shows a page in Russian where a visitor writes and sees answers', () =>
    inHouse(async ({ url, chats, ask }) => {
      const written = await fetch(`${url}/`, {
        method: 'POST',
        body: new URLSearchParams({ text: '<b>Привет</b>', name: 'Олег' }),
        redirect: 'manual',
      })
      assert.equal(written.status, 303)
      const [chat] = (await chats()).chats
      await ask('umnico.send', message(chat?.id ?? 0, 'ob-1', 'Здравствуйте!'))
      const shown = await (await fetch(written.headers.get('location') ?? '')).text()
      assert.match(shown, /Здравствуйте!/)
      assert.doesNotMatch(shown, /<b>Привет/)
      assert.match(await (await fetch(`${url}/`)).text(), /Umnico: чат посетителя/)
    }))
})

describe('umnico.send', () => {
  for (const shape of ['plain', 'wrapped']) {
    it(`writes to the dialog in the bot’s name, lists being ${shape} (V8a)`, () =>
      inHouse(async (house) => {
        await house.act({ shape })
        const { id } = await house.act({ incoming: { text: 'привет' } })
        const outcome = await house.ask('umnico.send', message(id))
        assert.ok(outcome.tag === 'done')
        assert.deepEqual(
          (await answersOf(house)).map(({ text, customId, userId }) => ({ text, customId, userId })),
          [{ text: 'Карточка партнёра', customId: 'ob-1', userId: 16 }],
        )
        await until(
          () => house.hub.bodies.some((body) => body.includes('message.outgoing') && body.includes('ob-1')),
          'the echo came',
        )
      }))
  }
  for (const kind of ['apply-then-500', 'apply-then-reset']) {
    it(`finds its own message after ${kind} and does not send it again`, () =>
      inHouse(async (house) => {
        const { id } = await house.act({ incoming: { text: 'привет' } })
        await house.tell('/faults', { kind, path: '/send', times: 1 })
        assert.equal((await house.ask('umnico.send', message(id))).tag, 'unknown')
        const outcome = await house.ask('umnico.send', message(id), 2)
        assert.ok(outcome.tag === 'done')
        assert.equal((outcome.result as { alreadyThere: boolean }).alreadyThere, true)
        assert.equal((await answersOf(house)).length, 1)
      }))
  }
  it('sends again what did not take effect', () =>
    inHouse(async (house) => {
      const { id } = await house.act({ incoming: { text: 'привет' } })
      await house.tell('/faults', { kind: '500', path: '/send', times: 1 })
      assert.equal((await house.ask('umnico.send', message(id))).tag, 'unknown')
      assert.equal((await house.ask('umnico.send', message(id), 2)).tag, 'done')
      assert.equal((await answersOf(house)).length, 1)
    }))
  it('sends two equal texts under two labels', () =>
    inHouse(async (house) => {
      const { id } = await house.act({ incoming: { text: 'привет' } })
      await house.ask('umnico.send', message(id, 'ob-1'))
      await house.ask('umnico.send', message(id, 'ob-2'), 2)
      assert.equal((await answersOf(house)).length, 2)
    }))
  it('waits until an earlier attempt would be visible', () =>
    inHouse(async ({ courier, clock }) => {
      const now = clock.now()
      const outcome = await courier.performers['umnico.send']?.(
        message(1),
        attemptAt(plusMs(now, 2000), { number: 2, firstAttemptAt: now }),
      )
      assert.ok(outcome?.tag === 'later')
      assert.equal(outcome.notBefore, plusMs(now, 15_000))
    }))
  it('tells what the provider’s refusals mean', () =>
    inHouse(async (house) => {
      const { id } = await house.act({ incoming: { text: 'привет' } })
      const missing = await house.ask('umnico.send', message(999_999))
      assert.equal(missing.tag, 'refused')
      await house.tell('/faults', { kind: '429-retry-after', path: '/send', times: 1, seconds: 7 })
      const busy = await house.ask('umnico.send', message(id))
      assert.ok(busy.tag === 'later')
      assert.deepEqual([busy.pauseDestination, busy.notBefore], ['until-not-before', plusMs(house.clock.now(), 7000)])
      await house.tell('/faults', { kind: 'html', path: '/send', times: 1 })
      assert.equal((await house.ask('umnico.send', message(id))).tag, 'unknown')
    }))
  it('stops the destination at a wrong token', () =>
    inHouse(
      async (house) => {
        const outcome = await house.ask('umnico.send', message(1))
        assert.deepEqual(outcome.tag === 'later' && [outcome.code, outcome.pauseDestination], [
          'credentials-not-accepted',
          'until-resumed',
        ])
      },
      { apiKey: 'wrong' },
    ))
  it('sends no payload that would be refused anyway', () =>
    inHouse(async (house) => {
      for (const payload of [
        null,
        {},
        { ...message(1), text: '' },
        { ...message(1), leadId: '../webhooks' },
        { ...message(1), customId: 'я' },
      ]) {
        const outcome = await house.ask('umnico.send', payload)
        assert.equal(outcome.tag === 'refused' && outcome.code, 'payload-not-valid')
      }
    }))
})

describe('umnico.ensureWebhook', () => {
  it('takes over the hook of the first day, so that nothing comes twice', () =>
    inHouse(async ({ ask, act, chats, hub }) => {
      await ask('umnico.ensureWebhook', { url: 'https://hub.example/webhooks/umnico/s3cr3t' })
      assert.deepEqual(
        (await chats()).webhooks.map(({ url }) => url),
        ['https://hub.example/webhooks/umnico/s3cr3t'],
      )
      await act({ incoming: { text: 'один' } })
      await act({ incoming: { text: 'два' } })
      await until(() => hub.bodies.some((body) => body.includes('два')), 'the second hook came')
      assert.equal(hub.bodies.length, 2)
    }))
  it('registers our address once, and tolerates that it is there', () =>
    inHouse(
      async ({ ask, chats }) => {
        const url = 'https://hub.example/webhooks/umnico/s3cr3t'
        const first = await ask('umnico.ensureWebhook', { url })
        assert.equal(first.tag === 'done' && (first.result as { state: string }).state, 'registered')
        const second = await ask('umnico.ensureWebhook', { url })
        assert.equal(second.tag === 'done' && (second.result as { state: string }).state, 'active')
        assert.equal((await chats()).webhooks.length, 1)
      },
      { webhookSecret: null },
    ))
})

describe('reading the account', () => {
  it('names the account, a lead and the chat of the site', () =>
    inHouse(async ({ ask, act }) => {
      assert.deepEqual(await ask('umnico.readAccount', {}), { tag: 'done', result: { accountId: '147517' } })
      const { id } = await act({ incoming: { text: 'привет', name: 'Олег' } })
      const lead = await ask('umnico.readLead', { leadId: String(id) })
      assert.ok(lead.tag === 'done')
      assert.equal((lead.result as { customer: { name: string } }).customer.name, 'Олег')
      const channels = await ask('umnico.readChannels', {})
      assert.ok(channels.tag === 'done')
      const { channels: list } = channels.result as { channels: readonly { type: string; isWidget: boolean }[] }
      assert.deepEqual(
        list.filter(({ isWidget }) => isWidget).map(({ type }) => type),
        ['onlinechat'],
      )
    }))
})
