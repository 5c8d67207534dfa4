import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { listWhen, tool } from '../support/chats.ts'
import { askToPay, form, goodCard, letterTo, partnerWhen, payAtYooKassa, payLink, submitForm } from '../support/road.ts'
import { send, sendersEnv, tildaWire, umnicoWire } from '../support/senders.ts'
import { type Json, type RunningService, withService } from '../support/service.ts'
import { chatMessage } from '../support/umnicoBodies.ts'
import { known } from '../support/webhookReading.ts'

const formOf = (fields: Readonly<Record<string, string>>): string => new URLSearchParams(fields).toString()

const letters = async (service: RunningService): Promise<Json[]> =>
  (await fetch(`${service.url}/sandbox/mail/messages`)).json()

describe('what people type', () => {
  it('adds no header and no recipient to a letter, whatever breaks of lines and addresses it holds (S9)', async () => {
    await withService({}, async (service) => {
      await submitForm(
        service,
        form({
          Имя: 'Мария\r\nBcc: thief@example.org\r\n\r\nHello',
          Компания: `ООО «Пример\r\nX-Injected: yes» ${'длинное '.repeat(60)}`,
          Комментарий: '=?utf-8?q?Bcc:_thief=40example.org?=',
        }),
      )
      const addresses = [
        'a@example.ru, thief@example.org',
        'a@example.ru\r\nBcc: thief@example.org',
        'a@example.ru;thief@example.org',
        '"a" <thief@example.org>, b@example.ru',
        'a\u202e@example.ru',
      ]
      for (const [index, address] of addresses.entries())
        await submitForm(
          service,
          form({ Почта: address, ИНН: '', Телефон: `+7912000000${index}`, Компания: 'ООО «Другая»' }),
        )
      const letter = await letterTo(service, 'maria@example.ru', /осталась оплата|принята/)
      await listWhen(service, 'partners', (items) => items.length === 1 + addresses.length)
      for (const one of await letters(service)) {
        assert.equal(one.envelope.to.length, 1, 'one recipient')
        assert.ok(['maria@example.ru', 'operator@example.ru'].includes(one.envelope.to[0]), one.envelope.to[0])
        const names = Object.keys(one.headers).map((name) => name.toLowerCase())
        for (const name of ['bcc', 'cc', 'x-injected']) assert.ok(!names.includes(name), `${name} is no header`)
        assert.doesNotMatch(one.subject, /[\r\n]/)
        assert.doesNotMatch(JSON.stringify(one.headers), /thief/)
      }
      assert.ok(letter)
    })
  })

  it('splits no line of the log and no header of an answer, and colours no terminal (S10)', async () => {
    await withService({ ...sendersEnv, LOG_LEVEL: 'debug' }, async (service) => {
      const evil = 'x\r\n{"level":"error","message":"forged"}\u001b[31m\u0007\u2028'
      const url = (path: string) => `${service.url}/webhooks/${path}`
      await send(service, tildaWire(formOf({ Name: evil, Phone: '+79120000001', tranid: evil, formid: evil })))
      await send(service, tildaWire('Name=x', { 'x-api-key': 'wrong' }))
      await send(service, umnicoWire({ ...chatMessage(1), type: evil }))
      for (const path of [
        `umnico/${encodeURIComponent(evil)}`,
        `protalk/client?tool=${encodeURIComponent(evil)}&secret=${known.tool}`,
        `tilda/page/${known.key}?pageid=1%0d%0aSet-Cookie:a=b&publickey=x`,
        `${encodeURIComponent(evil)}/form`,
      ]) {
        const response = await fetch(url(path), { method: path.startsWith('tilda/page') ? 'GET' : 'POST' })
        await response.arrayBuffer()
        assert.ok(response.status < 500, `${response.status} is the answer to ${path}`)
        assert.equal(response.headers.get('set-cookie'), null)
      }
      const port = Number(new URL(service.url).port)
      await new Promise<void>((resolve) => {
        const head =
          'POST /webhooks/tilda/form HTTP/1.1\r\nHost: hub\r\nUser-Agent: a\u001b[31m\u0000b\r\nContent-Length: 0\r\n\r\n'
        const socket = connect(port, '127.0.0.1', () => socket.write(head))
        socket.on('data', () => socket.end())
        socket.on('error', () => {})
        socket.on('close', () => resolve())
      })
      const log = service.log()
      assert.doesNotMatch(log, /[\u0000-\u0009\u000b-\u001f\u007f]/)
      const lines = log.split('\n').filter((line) => line.startsWith('{'))
      assert.ok(lines.length > 0)
      for (const line of lines) assert.notEqual(JSON.parse(line).message, 'forged')
    })
  })

  it('becomes no formula in a file that a spreadsheet opens, and numbers stay numbers (S11)', async () => {
    const formulas = [
      '=HYPERLINK("http://evil.example")',
      "=cmd|' /C calc'!A0",
      '+1+cmd()',
      '-2+3',
      '@SUM(A1)',
      '\t=1+1',
      '  =1+1',
      '＝1+1',
      '＠SUM(1)',
      'a\n=1+1',
      '"=1+1"',
    ]
    await withService(sendersEnv, async (service) => {
      for (const [index, formula] of formulas.entries()) {
        const fields = { Name: formula, Phone: `+7912000${String(index).padStart(4, '0')}`, Comments: formula }
        const { status } = await send(
          service,
          tildaWire(formOf({ ...fields, tranid: `1:${index}`, formid: 'form222' })),
        )
        assert.equal(status, 200)
      }
      await listWhen(service, 'leads', (items) => items.length === formulas.length)
      const headers = { authorization: `Bearer ${service.operator}`, accept: 'text/csv' }
      const text = await (await fetch(`${service.url}/api/v1/leads?limit=500`, { headers })).text()
      const cells = [...text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,\n"]*))/gm)].map(([, quoted, bare]) =>
        (quoted ?? bare ?? '').replaceAll('""', '"'),
      )
      assert.ok(cells.some((cell) => cell.startsWith("'=HYPERLINK")))
      for (const cell of cells)
        assert.ok(
          !/^[\s\u00a0]*[=+\-@\t\r＝＋－＠]/.test(cell) || /^[+-]?\d+([.,]\d+)?$/.test(cell),
          `${cell} is a formula`,
        )
      assert.ok(cells.includes('+79120000000'), 'a phone is a number')
      const json = (await service.get('/api/v1/leads?limit=500')).body.items
      assert.ok(
        json.some((lead: Json) => lead.name === formulas[0]),
        'what was typed is kept as it was',
      )
    })
  })

  it('is no SQL, in deliveries, tools, filters, sorts, searches, cursors and paths (S12)', async () => {
    const evils = [
      "' or 1=1; drop table hub.events; --",
      "'; select pg_sleep(60); --",
      "\\'; copy hub.events to program 'id'; --",
      '") union select * from pg_shadow --',
      '$1; set role postgres',
      '%_%\\',
      "{}'::jsonb",
      '{"$gt":""}',
    ]
    await withService(sendersEnv, async (service) => {
      for (const [index, evil] of evils.entries()) {
        const fields = { Name: evil, Phone: '+79120000001', Город: evil, tranid: `${evil}:${index}`.slice(0, 64) }
        assert.equal((await send(service, tildaWire(formOf(fields)))).status, 200)
        const chat = chatMessage(index)
        assert.equal((await send(service, umnicoWire({ ...chat, leadId: evil }))).status, 200)
        const found = await tool(service, 'client', { tool: 'find_partners', city: evil, service: evil, chat_id: evil })
        assert.deepEqual([found.status, found.body.items], [200, []])
        const asked = await tool(service, 'partner', {
          tool: 'my_leads',
          email: evil,
          phone: evil,
          chat_id: evil,
          code: evil,
        })
        assert.equal(asked.status, 200)
        const value = encodeURIComponent(evil)
        const queries = [
          `q=${value}`,
          `city=${value}`,
          `sort=${value}`,
          `cursor=${value}`,
          `${value}=1`,
          `limit=${value}`,
        ]
        for (const list of ['leads', 'partners', 'webhooks', 'events', 'dialogs', 'effects'])
          for (const query of queries) {
            const { status } = await service.get(`/api/v1/${list}?${query}`)
            assert.ok(status === 200 || status === 400, `${status} is the answer to ${list}?${query}`)
          }
        for (const path of [`leads/${value}`, `partners/${value}/why?field=${value}`, `trace/${value}`, value])
          assert.ok([400, 404].includes((await service.get(`/api/v1/${path}`)).status), path)
      }
      const kept = await listWhen(service, 'leads?source=tilda', (items) => items.length === evils.length)
      assert.deepEqual(kept.map((lead) => lead.name).toSorted(), evils.toSorted(), 'kept as it was typed')
      assert.doesNotMatch(service.log(), /syntax error|could not be answered/)
    })
  })

  it('of a partner stays text in the public feed (S11)', async () => {
    await withService({}, async (service) => {
      await submitForm(service, form({ Город: '＝1+1', Услуги: '  @SUM(A1); Оценка' }))
      const location = await askToPay(payLink(await letterTo(service, 'maria@example.ru', /осталась оплата/)))
      await payAtYooKassa(service, location, goodCard)
      const partner = await partnerWhen(service, '7700000009', (row) => row.listed, 'listed')
      assert.equal(partner.city, '＝1+1', 'kept as it was typed')
      const feed = await (await fetch(`${service.url}/feeds/partners.csv`)).text()
      assert.match(feed, /;'＝1\+1;/)
      assert.match(feed, /;'@SUM/)
    })
  })
})
