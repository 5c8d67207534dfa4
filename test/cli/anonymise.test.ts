import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { anonymised, type Fixture, type KeptDelivery, type RecordedEvent } from '../../src/cli/anonymise.ts'
import { emailFrom, phoneFrom } from '../../src/connectors/contact.ts'
import { readInn } from '../../src/connectors/fns/identifiers.ts'

const formType = 'application/x-www-form-urlencoded'

const kept = (source: string, type: string, body: string | Uint8Array): KeptDelivery => ({
  source,
  method: 'POST',
  path: `/webhooks/${source}`,
  query: '',
  headers: { 'content-type': type, 'content-length': '7', 'x-request-id': 'r-1' },
  body: new Uint8Array(Buffer.from(body as Uint8Array)),
  verdict: 'accepted',
  reason: null,
  dedupeKey: `${source}:1`,
})

const textOf = (fixture: Fixture): string => ('body' in fixture ? fixture.body : fixture.bodyBase64)

/** Everything that a reader of the fixture can see, also behind percent signs. */
const visible = (fixture: Fixture): string => {
  const body = textOf(fixture)
  const clear = fixture.headers['content-type'] === formType ? decodeURIComponent(body.replaceAll('+', ' ')) : ''
  return `${JSON.stringify(fixture)}\n${clear}`
}

const digits = (length: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: length, maxLength: length }).map((list) => list.join(''))
const word = fc
  .array(fc.constantFrom(...'абвгдежзиклмнопрстуфхцчшщэюя'), { minLength: 6, maxLength: 12 })
  .map((letters) => letters.join(''))
const phone = digits(9).chain((rest) => {
  const d = `9${rest}`
  const [a, b, c, e] = [d.slice(0, 3), d.slice(3, 6), d.slice(6, 8), d.slice(8)]
  return fc.constantFrom(
    `+7 (${a}) ${b}-${c}-${e}`,
    `8 ${a} ${b} ${c} ${e}`,
    `+7${d}`,
    `8(${a})${b}-${c}-${e}`,
    `7${d}`,
  )
})
const person = fc.record({
  name: fc.tuple(word, word).map(([one, other]) => `Ю${one} ${other}`),
  phone,
  email: fc
    .tuple(fc.stringMatching(/^[a-z]{8,12}$/), fc.constantFrom('Mail.RU', 'xn--e1afmkfd.xn--p1ai'))
    .map((parts) => parts.join('@')),
  inn: digits(10).map((stem) => `77${stem}`),
  wish: fc.tuple(word, word, word).map((words) => words.join(' ')),
})

const applied = (one: { name: string; phone: string; email: string; inn: string; wish: string }): RecordedEvent => ({
  stream: 'partner-par_1',
  type: 'PartnerApplied',
  version: 1,
  data: {
    contactName: one.name,
    phone: phoneFrom(one.phone),
    email: emailFrom(one.email),
    inn: one.inn,
    comment: one.wish,
    companyName: null,
    city: 'Ярославль',
    services: ['Ипотека'],
  },
})

const assertNobody = (
  fixture: Fixture,
  one: { name: string; phone: string; email: string; inn: string; wish: string },
): void => {
  const text = visible(fixture)
  const lower = text.toLowerCase()
  for (const value of [one.name, ...one.name.split(' '), one.email, one.inn, one.wish])
    assert.ok(!lower.includes(value.toLowerCase()), `"${value}" remains in ${text}`)
  const number = one.phone.replace(/\D/g, '').slice(-10)
  assert.ok(!text.replace(/[\s()+-]/g, '').includes(number), `${number} remains in ${text}`)
}

describe('anonymised()', () => {
  it('leaves nobody in a form and its events, with the same stand-ins and the same names of fields', () => {
    fc.assert(
      fc.property(person, (one) => {
        const fields = {
          Имя: one.name,
          Телефон: one.phone,
          Почта: one.email,
          ИНН: one.inn,
          Комментарий: one.wish,
          'Кто вас позвал': `${one.name}, ${one.phone}`,
          Город: 'Ярославль',
          tranid: '7654321:9988776655',
        }
        const delivery = kept('tilda', formType, new URLSearchParams(fields).toString())
        const fixture = anonymised({ ...delivery, dedupeKey: `tilda:${one.email}` }, [applied(one)])
        assertNobody(fixture, one)
        const now = new URLSearchParams(textOf(fixture))
        assert.deepEqual([...now.keys()], Object.keys(fields))
        const [event] = fixture.events
        const data = event?.data as Record<string, string>
        assert.equal(data.contactName, now.get('Имя'))
        assert.equal(data.phone, phoneFrom(now.get('Телефон') ?? ''))
        assert.match(data.phone ?? '', /^\+7\d{10}$/)
        assert.equal(now.get('Телефон')?.replace(/\d/g, '0'), one.phone.replace(/\d/g, '0'))
        assert.equal(data.email, now.get('Почта'))
        assert.equal(data.inn, now.get('ИНН'))
        assert.equal(readInn(data.inn ?? '') === null, readInn(one.inn) === null)
        assert.equal(data.comment, now.get('Комментарий'))
        assert.equal(fixture.dedupeKey, `tilda:${data.email}`)
        assert.deepEqual([now.get('Город'), now.get('tranid')], ['Ярославль', '7654321:9988776655'])
      }),
    )
  })

  it('leaves nobody in JSON of any depth, and keeps its structure, ids and amounts', () => {
    fc.assert(
      fc.property(person, fc.integer({ min: 10_000, max: 9_999_999 }), (one, chat) => {
        const body = {
          type: 'message.incoming',
          accountId: 147517,
          leadId: chat,
          amount: { value: '2500.00', currency: 'RUB' },
          message: {
            messageId: 'm-501',
            message: {
              text: `${one.wish}, ${one.phone}`,
              attachments: [{ type: 'photo', url: 'https://cdn.example/a.jpg' }],
            },
            sender: { name: one.name, login: one.phone.replace(/\D/g, ''), email: one.email },
            note: { deep: [one.inn, one.email, one.wish] },
          },
        }
        const opened: RecordedEvent = {
          stream: 'dialog-dlg_1',
          type: 'DialogOpened',
          version: 1,
          data: {
            externalId: String(chat),
            name: one.name,
            phone: phoneFrom(one.phone),
            email: null,
            channel: 'telegram',
          },
        }
        const fixture = anonymised(kept('umnico', 'application/json', JSON.stringify(body)), [opened])
        assertNobody(fixture, one)
        const now = JSON.parse(textOf(fixture)) as typeof body
        const shape = (value: unknown): unknown =>
          typeof value === 'object' && value !== null
            ? Object.fromEntries(Object.entries(value).map(([name, own]) => [name, shape(own)]))
            : typeof value
        assert.deepEqual(shape(now), shape(body))
        assert.deepEqual([now.accountId, now.amount, now.message.messageId], [147517, body.amount, 'm-501'])
        const data = fixture.events[0]?.data as Record<string, string>
        assert.equal(data.externalId, String(now.leadId))
        assert.notEqual(now.leadId, chat)
        assert.equal(data.name, now.message.sender.name)
      }),
    )
  })

  it('keeps the layout of JSON: blanks, order, names that come twice, digits and the way of escaping', () => {
    const body =
      '{\n  "type" : "message.incoming",\t"leadId":12345678901234567890123,\r\n "amount": 1.50e+2, "x":[ ], "type":"message.incoming",' +
      '"message": {"sender" :{"name":"\\u041C\\u0430\\u0440\\u0438\\u044F", "site":"https:\\/\\/a.example\\/"}, "ok" : true , "no":null}}\n'
    const now = textOf(anonymised(kept('umnico', 'application/json', body), []))
    const named = /"name":"((?:\\u[\dA-F]{4}| )+)"/.exec(now)?.[1] ?? ''
    assert.notEqual(JSON.parse(`"${named}"`), 'Мария')
    assert.match(JSON.parse(`"${named}"`), /^\p{L}+ \p{L}+$/u)
    const layout = (text: string): string =>
      text
        .replace(/"name":"[^"]*"/, '"name":""')
        .replace(/"leadId":\d+/, '"leadId":0')
        .replace(/"site":"[^"]*"/, '"site":""')
    assert.equal(layout(now), layout(body))
    assert.match(now, /"leadId":\d{23},/)
    assert.match(now, /"site":"https:\\\/\\\//)
    const foreign = 'null'
    assert.equal(textOf(anonymised(kept('umnico', 'application/json', foreign), [])), 'xxxx')
  })

  it('writes the place of a secret, drops other headers, and keeps bytes that are no UTF-8 as masked bytes', () => {
    const bytes = Buffer.concat([
      Buffer.from('Name='),
      Buffer.from([0xcc, 0xe0, 0xf0, 0xe8, 0xff]),
      Buffer.from('&n=7'),
    ])
    const fixture = anonymised(kept('flexbe', formType, bytes), [])
    assert.equal(fixture.path, '/webhooks/flexbe/:secret')
    assert.deepEqual(fixture.headers, { 'content-type': formType })
    assert.ok('bodyBase64' in fixture)
    assert.equal(Buffer.from(fixture.bodyBase64, 'base64').toString('latin1'), 'Name=ààààà&n=0')
  })

  it('keeps only the shape of what cannot be read', () => {
    const fixture = anonymised(kept('yookassa', 'application/json', '{"name": "Мария", "phone": +79123456789'), [])
    assert.equal(textOf(fixture), '{"xxxx": "ххххх", "xxxxx": +00000000000')
  })

  it('takes cards and tokens off a payment, and nothing of its money', () => {
    const body =
      'TransactionId=1504&Amount=2500.00&CardFirstSix=411111&CardExpDate=12%2f29&Token=AB12&Name=MARIA&PayerName=ANNA&Data=%7B%22phone%22%3A%22%2B79123456789%22%7D'
    const now = new URLSearchParams(textOf(anonymised(kept('cloudpayments', formType, body), [])))
    assert.deepEqual([now.get('TransactionId'), now.get('Amount')], ['1504', '2500.00'])
    assert.deepEqual([now.get('CardFirstSix'), now.get('CardExpDate'), now.get('Token')], ['000000', '00/00', 'xx00'])
    assert.doesNotMatch(now.toString(), /MARIA|ANNA/)
    assert.deepEqual(JSON.parse(now.get('Data') ?? ''), { phone: '+79000000001' })
  })

  it('keeps a wish that is made of questions and answers in the words of its parts', () => {
    const fields = {
      event: 'lead',
      'data[client][name]': 'Олег',
      'data[form_name]': 'Узнать цену',
      'data[form_data][0][name]': 'Город',
      'data[form_data][0][value]': 'Ярославль',
      'data[note]': 'перезвонить Олегу',
      'data[page][url]': 'https://site.example/dom?phone=79090751580',
      'data[client][profileUrl]': 'https://people.example/oleg_pr',
    }
    const wish = 'Узнать цену\nГород: Ярославль\nперезвонить Олегу'
    const received = { stream: 'lead-lead_1', type: 'LeadReceived', version: 1, data: { wish, city: 'Ярославль' } }
    const fixture = anonymised(kept('flexbe', formType, new URLSearchParams(fields).toString()), [received])
    const now = new URLSearchParams(textOf(fixture))
    const [answer, note] = [now.get('data[form_data][0][value]'), now.get('data[note]')]
    assert.deepEqual(fixture.events[0]?.data, { wish: `Узнать цену\nГород: ${answer}\n${note}`, city: answer })
    assert.doesNotMatch(visible(fixture), /Олег|oleg|Ярославль|9090751580/)
  })

  it('gives a key made of the bytes the digest of the bytes as they are now', () => {
    const form = kept('tilda', formType, 'Phone=%2B79123456789')
    const digest = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex')
    const fixture = anonymised({ ...form, dedupeKey: `tilda:sha256:${digest(form.body)}` }, [])
    assert.equal(fixture.dedupeKey, `tilda:sha256:${digest(textOf(fixture))}`)
    const foreign = anonymised({ ...form, dedupeKey: `tilda:sha256:${digest('of something else')}` }, [])
    assert.equal(foreign.dedupeKey, `tilda:sha256:${'0'.repeat(64)}`, 'a digest of a person is as good as a name')
  })
})
