import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hook, listWhen, tool, vectorEnv } from '../support/chats.ts'
import { createDatabase } from '../support/database.ts'
import { askToPay, form, goodCard, letterTo, partnerWhen, payAtYooKassa, payLink, submitForm } from '../support/road.ts'
import { type Json, type RunningService, startService, until, withService } from '../support/service.ts'
import { serveHandler } from '../support/twinServer.ts'
import { chatMessage } from '../support/umnicoBodies.ts'

type Asked = { readonly path: string; readonly body: Json }

/** A Protalk that notes what it is asked, and answers when the gate is open. */
const protalkServer = async (gate: () => Promise<void> = async () => {}) => {
  const asked: Asked[] = []
  const served = await serveHandler(async (request) => {
    asked.push({ path: new URL(request.url).pathname, body: await request.json() })
    await gate()
    return Response.json({ done: 'Добрый день, чем помочь?' })
  })
  return { ...served, asked }
}

const relay = (protalkUrl: string) => ({ ...vectorEnv, DIALOG_MODE: 'relay', PROTALK_BASE_URL: protalkUrl })

const say = async (service: RunningService, number: number): Promise<void> => {
  const message = chatMessage(number, { dialogs: 1 })
  assert.equal((await hook(service, 'umnico/s3cr3t', message)).status, 200)
}

describe('the id of a bot', () => {
  it('is learned from the first call of its function, kept over a restart, and changed by no later call', async () => {
    const protalk = await protalkServer()
    const database = await createDatabase({ migrated: false })
    const env = relay(protalk.url)
    const call = (bot_id: unknown) => ({ tool: 'find_partners', city: 'Рыбинск', chat_id: 'c1', bot_id })
    const first = await startService({ databaseUrl: database.url, env })
    try {
      await say(first, 1)
      await until(async () => protalk.asked.length === 1, 'the bot to be asked')
      assert.equal(protalk.asked[0]?.body.bot_id, undefined, 'nobody knows it yet')
      assert.equal((await tool(first, 'client', call('<script>'))).status, 200)
      assert.equal((await tool(first, 'client', call(53194))).status, 200)
      assert.equal((await tool(first, 'partner', { tool: 'my_leads', chat_id: 'c1', bot_id: 700 })).status, 200)
      assert.equal((await tool(first, 'client', call(99999))).status, 200)
      await say(first, 2)
      await until(async () => protalk.asked.length === 2, 'the bot to be asked again')
      assert.equal(protalk.asked[1]?.body.bot_id, 53194)
      await until(async () => {
        const { items } = (await first.get('/api/v1/effects?kind=protalk.ask')).body
        return items.every((effect: Json) => effect.status === 'done')
      }, 'both answers to be kept')
    } finally {
      await first.stop()
    }
    const second = await startService({ databaseUrl: database.url, env })
    try {
      await say(second, 3)
      await until(async () => protalk.asked.length === 3, 'the bot to be asked after a restart')
      assert.equal(protalk.asked[2]?.body.bot_id, 53194)
      assert.ok(protalk.asked.every(({ path }) => path === '/api/v1.0/ask/client-of-the-tests'))
    } finally {
      await second.stop()
      await protalk.stop()
      await database.drop()
    }
  })
})

describe('an answer to a bot', () => {
  it('holds at most three cards and 1500 characters, whatever the model asks for (V10)', async () => {
    const { UMNICO_API_KEY: _key, UMNICO_WIDGET_TOKEN: _token, ...env } = vectorEnv
    const companies = [
      ['7700000009', 'ООО «Пример Дом»'],
      ['7604001017', 'ООО «Ярославские крыши»'],
      ['7604002028', 'ООО «Волжский берег»'],
      ['760400123438', 'Оценкин Иван Петрович'],
    ] as const
    await withService({ ...env, UMNICO_WEBHOOK_SECRET: '' }, async (service) => {
      const services = Array.from({ length: 30 }, (_, index) => `Очень подробная услуга номер ${index}`).join('; ')
      for (const [index, [inn, company]] of companies.entries()) {
        const email = `partner${index}@example.ru`
        await submitForm(
          service,
          form({
            ИНН: inn,
            Компания: company,
            Имя: company,
            Почта: email,
            Телефон: `+7912000000${index}`,
            Услуги: `Ипотека; ${services}`,
          }),
        )
        const link = payLink(await letterTo(service, email, /осталась оплата/))
        await payAtYooKassa(service, await askToPay(link), goodCard)
        await partnerWhen(service, inn, (row) => row.listed, 'listed')
      }
      for (const limit of [undefined, 50, '1000000', -5, 'все', { $gt: 0 }]) {
        const call = { tool: 'find_partners', city: 'Ярославль', service: 'Ипотека', limit, chat_id: 'c1' }
        const { status, body } = await tool(service, 'client', call)
        assert.equal(status, 200)
        assert.equal(body.items.length, limit === -5 ? 1 : 3, `limit ${JSON.stringify(limit)}`)
        assert.ok(body.text.length <= 1500, `${body.text.length} characters`)
        assert.equal(body.text.split('Телефон: ').length - 1, body.items.length, 'each card has its phone whole')
        for (const card of body.text.split('\n\n')) assert.ok(card.length <= 900)
        assert.doesNotMatch(body.text, /[<>*_`]|\]\(/)
      }
    })
  })
})

describe('a bot that is silent', () => {
  it('hands the dialog over to a person after 5 minutes, and what it says later is not sent (road B)', async () => {
    let open = (): void => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const protalk = await protalkServer(() => gate)
    try {
      await withService(relay(protalk.url), async (service) => {
        await say(service, 1)
        await until(async () => protalk.asked.length === 1, 'the bot to be asked')
        assert.equal((await service.post('/sandbox/clock', { advance: '4m' })).status, 200)
        await listWhen(service, 'dialogs', ([row]) => row?.status === 'open')
        assert.equal((await service.post('/sandbox/clock', { advance: '70s' })).status, 200)
        await listWhen(service, 'dialogs', ([row]) => row?.status === 'handed_over')
        const [over] = await listWhen(service, 'events?type=DialogHandedOver', (items) => items.length === 1)
        assert.equal(over.data.reason, 'bot-silent')
        open()
        await listWhen(service, 'effects?kind=protalk.ask', ([effect]) => effect?.status === 'done')
        await say(service, 2)
        await listWhen(service, 'messages', (items) => items.length === 2)
        assert.equal(protalk.asked.length, 1, 'a person answers now')
        assert.deepEqual((await service.get('/api/v1/events?type=AnswerPrepared')).body.items, [])
        assert.deepEqual((await service.get('/api/v1/effects?kind=umnico.send')).body.items, [])
      })
    } finally {
      open()
      await protalk.stop()
    }
  })
})
