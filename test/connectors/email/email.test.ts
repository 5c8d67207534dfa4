import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { simpleParser } from 'mailparser'
import { createEmailCourier } from '../../../src/connectors/email/client.ts'
import { type LetterName, letterNames, renderLetter } from '../../../src/connectors/email/render.ts'
import { type KeptLetter, type MailState, startMailSink } from '../../../src/connectors/email/twin.ts'
import { messageIdOf, outcomeOf, readMailbox } from '../../../src/connectors/email/wire.ts'
import type { Outcome } from '../../../src/kernel/decision.ts'
import { type Instant, instant } from '../../../src/kernel/time.ts'
import { memoryStore } from '../../support/twinServer.ts'

const at = '2026-11-24T09:00:00.000Z' as Instant
const samples: Readonly<Record<LetterName, Readonly<Record<string, unknown>>>> = {
  'application-received': { name: 'Мария', companyName: 'ООО «Дом»' },
  'details-missing': {
    name: 'Мария',
    companyName: 'ООО «Дом»',
    missing: ['inn', 'consent'],
    formUrl: 'https://form.example/',
  },
  'verified-pay-link': {
    name: 'Мария',
    companyName: 'ООО «Дом»',
    planTitle: '1 месяц',
    price: '2 500',
    payUrl: 'https://hub.example/pay/x',
  },
  rejected: { name: 'Мария', companyName: 'ООО «Дом»', reason: 'Компания прекратила деятельность' },
  'needs-review': { partnerId: 'par_1', reason: 'Банкротство', consoleUrl: 'https://hub.example/console' },
  'payment-received': {
    name: 'Мария',
    companyName: 'ООО «Дом»',
    planTitle: '1 месяц',
    price: '2 500',
    paidThrough: '24.12.2026',
  },
  welcome: {
    name: 'Мария',
    companyName: 'ООО «Дом»',
    pageUrl: 'https://pages.example/partners/dom',
    paidThrough: '24.12.2026',
  },
  'payment-declined': {
    name: 'Мария',
    price: '2 500',
    reason: 'insufficient_funds',
    payUrl: 'https://hub.example/pay/x',
  },
  'operator-alert': { title: 'Платёж', text: 'Не сходится', consoleUrl: 'https://hub.example/console' },
}
const render = (name: LetterName, change: Readonly<Record<string, unknown>> = {}) =>
  renderLetter(name, { ...samples[name], ...change } as never)

type Sink = Awaited<ReturnType<typeof startMailSink>>

const withSink = async (
  work: (sink: Sink, send: (key: string, to?: string) => Promise<Outcome>) => Promise<void>,
): Promise<void> => {
  const sink = await startMailSink(
    {
      now: () => instant(Date.now()),
      newId: randomUUID,
      store: memoryStore<MailState>(),
      hubUrl: () => '',
      fetch,
      wait: async () => {},
    },
    { host: '127.0.0.1', port: 0 },
  )
  const settings = {
    host: '127.0.0.1',
    port: sink.port,
    user: 'noreply',
    password: 'secret',
    from: 'Дома и цены <noreply@дома-цены.рф>',
    requireTls: false,
  }
  const perform = createEmailCourier(settings, { extraCaFile: null }).performers['email.send']
  assert.ok(perform)
  try {
    await work(sink, (key, to = 'maria@example.ru') =>
      perform(
        { letter: 'application-received', to, vars: samples['application-received'], kind: 'transactional' },
        { key, number: 1, firstAttemptAt: at, now: instant(Date.now()), signal: new AbortController().signal },
      ),
    )
  } finally {
    await sink.stop()
  }
}

const messages = async (sink: Sink): Promise<KeptLetter[]> =>
  (await sink.twin.handle(new Request('http://sink/messages'), { path: '/messages', base: '' })).json() as Promise<
    KeptLetter[]
  >
const fault = (sink: Sink, kind: string): Promise<Response> =>
  sink.twin.handle(new Request('http://sink/faults', { method: 'POST', body: JSON.stringify({ kind }) }), {
    path: '/faults',
    base: '',
  })

describe('letters', () => {
  it('are all compiled strictly, Russian, with a text part, a short subject and nothing foreign', async () => {
    for (const name of letterNames) {
      const letter = await render(name)
      assert.ok(/[а-я]/i.test(letter.subject) && [...letter.subject].length <= 70, name)
      assert.ok(letter.text.length > 40, name)
      assert.equal(/\{\{|mj-include|fonts\.googleapis|<script/.test(letter.html + letter.text), false, name)
    }
  })

  it('escape what people typed and never evaluate it (S7, S8)', async () => {
    const hostile = '<img src=x onerror=alert(1)> {{payUrl}} %7*7%'
    const letter = await render('verified-pay-link', { name: hostile })
    assert.equal(letter.html.includes('<img src=x'), false)
    assert.ok(letter.html.includes('{{payUrl}} %7*7%') && letter.text.includes('{{payUrl}}'))
  })

  it('refuse a missing value and a link that is none of the web', async () => {
    await assert.rejects(render('welcome', { pageUrl: undefined }))
    await assert.rejects(render('welcome', { pageUrl: 'javascript:alert(1)' }))
  })

  it('name what is missing in words', async () => {
    const { text } = await render('details-missing')
    assert.ok(text.includes('«ИНН»') && text.includes('согласие'))
  })
})

describe('an address', () => {
  it('is one mailbox with its domain as an A-label, or nothing (S9)', () => {
    assert.deepEqual(readMailbox('Дома и цены <noreply@дома-цены.рф>'), {
      name: 'Дома и цены',
      address: 'noreply@xn----7sblg6ajc1e4b.xn--p1ai',
    })
    for (const wrong of [
      'a@b.ru, c@d.ru',
      'a@b.ru\r\nBcc: x@y.ru',
      'a@b.ru\nSubject: x',
      '<a@b.ru> <c@d.ru>',
      'иван@пример.рф',
      'a b@c.ru',
      '',
      'a@',
    ])
      assert.equal(readMailbox(wrong), null, wrong)
  })
})

describe('sending', () => {
  it('hands a letter to the relay: Cyrillic subject, one recipient, a Message-ID that is the key of the effect', async () => {
    await withSink(async (sink, send) => {
      const key = randomUUID()
      const outcome = await send(key)
      assert.equal(outcome.tag, 'done', JSON.stringify(outcome))
      const [letter] = await messages(sink)
      assert.equal(letter?.messageId, `<${key}@xn----7sblg6ajc1e4b.xn--p1ai>`)
      assert.deepEqual([letter?.to, letter?.subject], ['maria@example.ru', 'Заявка принята: ООО «Дом»'])
      assert.equal(letter?.headers['list-unsubscribe'], undefined)
      assert.ok(letter?.headers.from?.includes('noreply@xn----7sblg6ajc1e4b.xn--p1ai'))
    })
  })

  it('is unknown when the line is cut after the body, and the second attempt carries the same Message-ID (P12)', async () => {
    await withSink(async (sink, send) => {
      await fault(sink, 'drop-after-data')
      const key = randomUUID()
      const first = await send(key)
      assert.ok(first.tag === 'unknown' || first.tag === 'later', first.tag)
      assert.equal((await send(key)).tag, 'done')
      assert.deepEqual([...new Set((await messages(sink)).map((letter) => letter.messageId))].length, 1)
    })
  })

  it('tells a greylist, a missing mailbox and a refused login apart (P13, P15)', async () => {
    await withSink(async (sink, send) => {
      await fault(sink, 'greylist')
      assert.equal((await send(randomUUID())).tag, 'later')
      await fault(sink, 'reject-recipient')
      const bounced = await send(randomUUID())
      assert.deepEqual([bounced.tag, bounced.tag === 'refused' ? bounced.code : ''], ['refused', 'hard-bounce'])
      await fault(sink, 'refuse-login')
      const login = await send(randomUUID())
      assert.deepEqual([login.tag, login.tag === 'later' ? login.pauseDestination : ''], ['later', 'until-resumed'])
    })
  })

  it('is later when nobody listens', async () => {
    const settings = { host: '127.0.0.1', port: 9, user: null, password: null, from: 'a@example.ru', requireTls: false }
    const perform = createEmailCourier(settings, { extraCaFile: null }).performers['email.send']
    const outcome = await perform?.(
      { letter: 'rejected', to: 'a@example.ru', vars: samples.rejected, kind: 'transactional' },
      { key: randomUUID(), number: 1, firstAttemptAt: at, now: at, signal: new AbortController().signal },
    )
    assert.equal(outcome?.tag, 'later')
  })

  it('never takes a quota or a suspicion of spam for the fault of the recipient', () => {
    const base = { code: 'EMESSAGE', command: 'DATA', responseCode: 554, bodyAsked: true }
    const spam = outcomeOf({ ...base, response: '554 5.7.1 Message rejected under suspicion of SPAM' }, at)
    assert.deepEqual([spam.tag, spam.tag === 'later' ? spam.pauseDestination : ''], ['later', 'until-resumed'])
    const quota = outcomeOf({ ...base, response: '550 sending limit exceeded' }, at)
    assert.deepEqual([quota.tag, quota.tag === 'later' ? quota.notBefore : ''], ['later', '2026-11-25T09:00:00.000Z'])
  })

  it('keeps its Message-ID parseable by an independent reader', async () => {
    const from = readMailbox('Дома <noreply@дома-цены.рф>')
    assert.ok(from)
    const parsed = await simpleParser(`Message-ID: ${messageIdOf('k', from)}\r\nSubject: x\r\n\r\nтекст`)
    assert.equal(parsed.messageId, '<k@xn----7sblg6ajc1e4b.xn--p1ai>')
  })
})
