import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createUmnicoTwin, type UmnicoTwinState } from '../../src/connectors/umnico/twin.ts'
import { act, hook, listWhen, tool, vectorEnv } from '../support/chats.ts'
import { createDatabase } from '../support/database.ts'
import { askToPay, form, goodCard, letterTo, partnerWhen, payAtYooKassa, payLink, submitForm } from '../support/road.ts'
import { type Json, type RunningService, startService, until, withService } from '../support/service.ts'
import { serveTwin, testClock, testTwinContext } from '../support/twinServer.ts'
import { v7, v8a, v8b } from '../support/umnicoBodies.ts'

const verdicts = async (service: RunningService, source: string): Promise<Json[]> =>
  (await service.get(`/api/v1/webhooks?source=${source}&sort=receivedAt&limit=500`)).body.items.map(
    (row: Json) => `${row.verdict} ${row.reason}`,
  )

/** A partner who is paid and listed in Yaroslavl. */
const listedPartner = async (service: RunningService): Promise<Json> => {
  await submitForm(service, form())
  const link = payLink(await letterTo(service, 'maria@example.ru', /осталась оплата/))
  await payAtYooKassa(service, await askToPay(link), goodCard)
  return partnerWhen(service, '7700000009', (row) => row.listed, 'listed')
}

describe('the road of a chat', () => {
  it('keeps messages of Umnico with their dialog and lead, and only watches in native (V7, V8)', async () => {
    await withService({ ...vectorEnv, DIALOG_MODE: 'native' }, async (service) => {
      assert.equal((await hook(service, 'umnico/s3cr3t', v7)).status, 200)
      const [dialog] = await listWhen(service, 'dialogs', (items) => items[0]?.leadId)
      assert.match(dialog.dialogId, /^dlg_[0-9a-f]{32}$/)
      assert.deepEqual(
        [dialog.channel, dialog.externalId, dialog.phone, dialog.status, dialog.lastMessageAt],
        ['whatsapp2', '67918694', '+79264376263', 'open', '2025-11-23T12:18:20.123Z'],
      )
      const [lead] = await listWhen(service, `leads?leadId=${dialog.leadId}`, (items) => items.length === 1)
      assert.deepEqual([lead.source, lead.phone, lead.dialogId], ['umnico', '+79264376263', dialog.dialogId])
      assert.match(lead.wish, /120 м² в Ярославле\? 🏡/)
      for (const body of [v8a, v8b, v8b, v7]) assert.equal((await hook(service, 'umnico/s3cr3t', body)).status, 200)
      const messages = await listWhen(
        service,
        `messages?dialogId=${dialog.dialogId}&sort=at`,
        (items) => items.length === 2,
      )
      assert.deepEqual(
        messages.map((row) => [row.messageId, row.direction, row.author, row.attachments]),
        [
          ['umnico:147517:m-501', 'incoming', 'visitor', 1],
          ['umnico:147517:m-502', 'outgoing', 'other', 0],
        ],
      )
      const { items } = (await service.get('/api/v1/webhooks?source=umnico&sort=receivedAt')).body
      assert.deepEqual(
        items.map((row: Json) => [row.dedupeKey.split(':').slice(0, 4).join(':'), row.repeats]),
        [
          ['umnico:message.incoming:147517:m-501', 1],
          ['umnico:message.outgoing:147517:m-502', 0],
          ['umnico:lead.changed.status:147517:67918694', 1],
        ],
      )
      const said = (await service.get('/api/v1/effects?limit=500')).body.items.filter((row: Json) =>
        ['umnico.send', 'protalk.ask'].includes(row.kind),
      )
      assert.deepEqual(said, [])
    })
  })

  it('makes the lead of a wish without a phone, and learns the phone of a messenger from news of the person (road B)', async () => {
    await withService({ ...vectorEnv, DIALOG_MODE: 'native' }, async (service) => {
      const sender = { id: 9001, customerId: 7001, login: 'oleg', socialId: 'user_1', name: 'Олег', type: 'telegram' }
      const written = { ...v7, message: { ...v7.message, sender, sa: { id: 89, type: 'telegram', login: 'primer' } } }
      assert.equal((await hook(service, 'umnico/s3cr3t', written)).status, 200)
      const [before] = await listWhen(service, 'dialogs', ([row]) => row?.leadId)
      assert.deepEqual([before.channel, before.phone], ['telegram', null])
      const [wished] = await listWhen(service, 'leads', (items) => items.length === 1)
      assert.deepEqual([wished.leadId, wished.phone], [before.leadId, null])
      assert.match(wished.wish, /120 м² в Ярославле/)
      const news = {
        type: 'customer.changed',
        accountId: 147517,
        customer: { id: 7001, name: 'Олег', phone: '79090751580' },
      }
      assert.equal((await hook(service, 'umnico/s3cr3t', news)).status, 200)
      const [after] = await listWhen(service, 'dialogs', ([row]) => row?.phone)
      assert.deepEqual([after.dialogId, after.phone, after.leadId], [before.dialogId, '+79090751580', before.leadId])
      await listWhen(service, 'leads', ([row]) => row?.phone === '+79090751580')
      const request = {
        tool: 'leave_request',
        city: 'Ярославль',
        wish: 'Дом 120 м²',
        consent: true,
        chat_id: 'umn147517_67918694',
      }
      assert.equal((await tool(service, 'client', request)).body.ok, true)
      const [lead, ...more] = await listWhen(service, 'leads', ([row]) => row?.city === 'Ярославль')
      assert.deepEqual([more.length, lead.leadId, lead.wish], [0, after.leadId, 'Дом 120 м²'], 'one lead by either way')
    })
  })

  it('refuses strangers and foreign accounts, and answers 200 to what it cannot use (R13–R16, R18)', async () => {
    await withService(vectorEnv, async (service) => {
      assert.equal((await hook(service, 'umnico/wrong', v7)).status, 404)
      assert.equal((await hook(service, 'umnico/s3cr3t', { ...v7, accountId: 1 })).status, 403)
      assert.equal((await hook(service, 'umnico/s3cr3t', { ...v7, accountId: undefined })).status, 403)
      assert.equal((await hook(service, 'umnico/s3cr3t', { ...v7, leadId: undefined })).status, 200)
      assert.equal((await hook(service, 'umnico/s3cr3t', { type: 'moon.rises', accountId: 147517 })).status, 200)
      assert.deepEqual(await verdicts(service, 'umnico'), ['quarantined no-lead-id', 'ignored unknown-type'])
      const find = { tool: 'find_partners', city: 'Ярославль', chat_id: 'c1' }
      assert.equal((await tool(service, 'client', find, 'wrong')).status, 401)
      assert.equal((await tool(service, 'client', { ...find, tool: 'drop_tables' })).status, 400)
      assert.equal((await tool(service, 'somebody' as 'client', find)).status, 404)
      const odd = await tool(service, 'client', { ...find, city: "Ярославль'; drop table hub.events; --<b>" })
      assert.deepEqual(
        [odd.status, odd.body],
        [200, { ok: true, text: 'В этом городе партнёров пока нет.', items: [] }],
      )
      assert.deepEqual(await verdicts(service, 'protalk'), ['quarantined unknown-tool'])
      assert.equal((await service.get('/api/v1/dialogs')).body.items.length, 0)
    })
  })

  it('finds partners for the client bot, and serves a partner after a code from a letter (V10, road C)', async () => {
    const { UMNICO_API_KEY: _key, UMNICO_WIDGET_TOKEN: _token, ...env } = vectorEnv
    await withService({ ...env, UMNICO_WEBHOOK_SECRET: '' }, async (service) => {
      const partner = await listedPartner(service)
      const call = {
        tool: 'find_partners',
        city: 'ярославль ',
        service: 'Ипотека',
        limit: '50',
        chat_id: 'umn147517_67918694',
        bot_id: 53194,
      }
      const found = await tool(service, 'client', call)
      assert.deepEqual([found.status, found.body.ok, found.body.items.length], [200, true, 1])
      assert.equal(found.body.items[0].partner_id, partner.partnerId)
      assert.ok(found.body.text.length <= 1500)
      assert.match(found.body.text, /\+7 912 345-67-89/)
      const query = new URLSearchParams({
        tool: 'find_partners',
        city: 'ярославль ',
        service: 'Ипотека',
        limit: '50',
        secret: 'k-tool-1',
      })
      const byQuery = await (await fetch(`${service.url}/webhooks/protalk/client?${query}`)).json()
      assert.equal(byQuery.text, found.body.text)
      const spelled = await tool(service, 'client', { ...call, city: 'ЯРОСЛАВЛЬ.', service: ' ипотека' })
      assert.equal(spelled.body.items.length, 1)
      const elsewhere = await tool(service, 'client', { ...call, city: 'Рыбинск' })
      assert.deepEqual(elsewhere.body, { ok: true, text: 'В этом городе партнёров пока нет.', items: [] })
      const card = await tool(service, 'client', { tool: 'partner_card', partner_id: partner.partnerId })
      assert.match(card.body.text, /ПРИМЕР ДОМ/)
      assert.deepEqual(await verdicts(service, 'protalk'), [], 'questions leave no delivery behind')

      const ask = (name: string, args: Record<string, unknown> = {}, chat = 'tb1') =>
        tool(service, 'partner', { tool: name, chat_id: chat, ...args })
      assert.equal((await ask('subscription_status')).body.ok, false)
      const unknown = await ask('subscription_status', { email: 'nobody@example.ru' }, 'tb2')
      const asked = await ask('subscription_status', { email: 'maria@example.ru' })
      assert.equal(asked.body.text, unknown.body.text, 'the answer does not tell whether the address is known')
      const code = /\d{4,8}/.exec((await letterTo(service, 'maria@example.ru', /[Кк]од/)).text)?.[0] ?? ''
      const wrong = await ask('subscription_status', { code: code === '1111' ? '2222' : '1111' })
      assert.equal(wrong.body.ok, false)
      assert.match((await ask('subscription_status', { code })).body.text, /действует/)
      assert.match((await ask('payment_link')).body.text, /\/pay\/[\w-]{44}/)
      assert.match((await ask('my_leads')).body.text, /пока нет/)
      assert.equal((await ask('my_leads', {}, 'tb2')).body.ok, false, 'a proof holds in its chat only')
      assert.match((await ask('cancel_subscription')).body.text, /действует до/)
      await listWhen(service, 'subscriptions', ([row]) => row?.cancelAtPeriodEnd === true)
    })
  })

  it('hands words between chat and bot until a person writes, and the bot cannot act (road B, S24)', async () => {
    await withService({}, async (service) => {
      const chat = await act(service, 'umnico', { incoming: { text: 'Здравствуйте', name: 'Олег' } })
      const answers = async (): Promise<Json[]> =>
        (await (await fetch(`${service.url}/sandbox/umnico/chats`)).json()).chats
          .find((one: Json) => one.id === chat.id)
          .messages.filter((message: Json) => !message.incoming)
      await until(async () => (await answers()).length === 1, 'an answer of the bot')
      assert.deepEqual((await service.get('/api/v1/leads')).body.items, [], 'a greeting is no wish')
      assert.match((await answers())[0].text, /Подскажу партнёров/)
      const [dialog] = await listWhen(service, 'dialogs', (items) => items.length === 1)
      const [sent] = await listWhen(
        service,
        `messages?dialogId=${dialog.dialogId}&direction=outgoing`,
        (items) => items.length === 1,
      )
      assert.equal(sent.author, 'bot')
      assert.equal(sent.messageId, (await answers())[0].customId)
      await listWhen(service, 'events?type=MessageDelivered', (items) => items.length === 1)

      await act(service, 'umnico', {
        incoming: { leadId: chat.id, text: 'Меня зовут Олег, +7 909 075-15-80, хочу дом' },
      })
      await until(async () => (await answers()).length === 2, 'the second answer')
      await listWhen(service, 'leads', ([lead]) => lead?.phone === '+79090751580')

      await act(service, 'umnico', { operator: { leadId: chat.id, text: 'Здравствуйте, это Ольга' } })
      await listWhen(service, 'dialogs', ([row]) => row?.status === 'handed_over')
      await act(service, 'umnico', {
        incoming: { leadId: chat.id, text: 'отменить подписку, выполни cancel_subscription' },
      })
      await listWhen(service, 'messages', (items) => items.length === 6)
      const asks = (await service.get('/api/v1/effects?kind=protalk.ask')).body.items
      assert.equal(asks.length, 2, 'the bot is silent while a person answers')
      await act(service, 'umnico', { status: { leadId: chat.id, statusId: 43 } })
      await listWhen(service, 'dialogs', ([row]) => row?.status === 'closed')
      await act(service, 'umnico', { incoming: { leadId: chat.id, text: 'И ещё вопрос' } })
      await until(async () => (await answers()).length === 4, 'the bot answers again after the dialog was closed')
      await listWhen(service, 'dialogs', ([row]) => row?.status === 'open')
    })
  })

  it('switches a hook on again that the provider switched off, within 10 minutes (road B)', async () => {
    await withService({}, async (service) => {
      const hooks = async (): Promise<Json[]> =>
        (await (await fetch(`${service.url}/sandbox/umnico/chats`)).json()).webhooks
      await until(async () => (await hooks()).some((one) => one.status === 1), 'the hook is registered')
      const api = { authorization: 'Bearer sandbox-umnico-key', 'content-type': 'application/json' }
      for (const { id } of await hooks()) {
        const off = { method: 'PUT', headers: api, body: JSON.stringify({ status: 0 }) }
        assert.equal((await fetch(`${service.url}/sandbox/umnico/v1.3/webhooks/${id}`, off)).status, 200)
      }
      assert.equal((await service.post('/sandbox/clock', { advance: '10m' })).status, 200)
      await until(async () => (await hooks()).some((one) => one.status === 1), 'the hook is on again')
    })
  })

  it('learns the account and the states of its deals by itself, also for the next start (R14, V8)', async () => {
    const database = await createDatabase({ migrated: false })
    const clock = testClock('2026-11-24T09:00:00Z')
    const context = testTwinContext<UmnicoTwinState>({ clock, hubUrl: () => 'http://127.0.0.1:9' })
    const settings = { apiKey: 'key-of-the-tests', accountId: '147517', widgetToken: 'widget', webhookSecret: null }
    const twin = await serveTwin(createUmnicoTwin(context, settings))
    const env = { ...vectorEnv, UMNICO_ACCOUNT_ID: '', UMNICO_BASE_URL: `${twin.url}/v1.3`, DIALOG_MODE: 'native' }
    const first = await startService({ databaseUrl: database.url, env })
    try {
      const foreign = { ...v7, accountId: 1, message: { ...v7.message, messageId: 'm-1' } }
      await until(
        async () => (await hook(first, 'umnico/s3cr3t', { ...foreign, type: 'nothing.known' })).status === 403,
        'a foreign account to be refused',
      )
      await hook(first, 'umnico/s3cr3t', v7)
      await hook(first, 'umnico/s3cr3t', v8b)
      const named = (items: readonly Json[]) => items.some((event) => event.data.statusName === 'В работе')
      await listWhen(first, 'events?type=DialogStatusNoted', named)
      const ended = { ...v8b, lead: { ...v8b.lead, statusId: 43 } }
      await hook(first, 'umnico/s3cr3t', ended)
      await listWhen(first, 'dialogs', ([row]) => row?.status === 'closed')
    } finally {
      await first.stop()
    }
    await twin.stop()
    const second = await startService({ databaseUrl: database.url, env })
    try {
      assert.equal((await hook(second, 'umnico/s3cr3t', { ...v7, accountId: 1 })).status, 403)
    } finally {
      await second.stop()
      context.close()
      await database.drop()
    }
  })
})
