import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { createTransport } from 'nodemailer'
import { createEmailCourier } from '../../../src/connectors/email/client.ts'
import { type MailSink, startMailSink } from '../../../src/connectors/email/twin.ts'
import type { KeptLetter, MailState } from '../../../src/connectors/email/twinModel.ts'
import type { TwinStore } from '../../../src/connectors/twin.ts'
import type { Outcome } from '../../../src/kernel/decision.ts'
import { type Instant, instant } from '../../../src/kernel/time.ts'
import { memoryStore, testClock, testTwinContext } from '../../support/twinServer.ts'
import { letterSamples } from './letterSamples.ts'

const at = '2026-11-24T09:00:00.000Z' as Instant

type Played = {
  readonly sink: MailSink
  readonly send: (key: string, companyName?: string) => Promise<Outcome>
  readonly ask: (method: string, path: string, body?: unknown) => Promise<Response>
  readonly letters: () => Promise<readonly KeptLetter[]>
}

const withSink = async (
  work: (played: Played) => Promise<void>,
  store: TwinStore<MailState> = memoryStore<MailState>(),
): Promise<void> => {
  const context = testTwinContext<MailState>({ clock: testClock(at), hubUrl: () => '', store })
  const sink = await startMailSink(context, { host: '127.0.0.1', port: 0 })
  const settings = { host: '127.0.0.1', port: sink.port, user: 'noreply', password: 'secret', requireTls: false }
  const courier = createEmailCourier({ ...settings, from: 'Дома <noreply@дома-цены.рф>' }, { extraCaFile: null })
  const ask: Played['ask'] = (method, path, body) =>
    sink.twin.handle(
      new Request(`http://sink${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }),
      { path, base: '/sandbox/mail' },
    )
  const send: Played['send'] = async (key, companyName = 'ООО «Дом»') => {
    const perform = courier.performers['email.send']
    assert.ok(perform)
    const vars = { ...letterSamples['application-received'], companyName }
    return perform(
      { letter: 'application-received', to: 'maria@example.ru', vars, kind: 'transactional' },
      { key, number: 1, firstAttemptAt: at, now: instant(new Date(at)), signal: AbortSignal.timeout(400) },
    )
  }
  const letters = async (): Promise<readonly KeptLetter[]> =>
    (await (await ask('GET', '/messages')).json()) as readonly KeptLetter[]
  try {
    await work({ sink, send, ask, letters })
  } finally {
    await courier.close()
    await sink.stop()
    context.close()
  }
}

describe('the mail sink', () => {
  it('keeps what it was sent over a real socket, for tests and for people', () =>
    withSink(async ({ send, ask, letters }) => {
      const key = randomUUID()
      assert.equal((await send(key)).tag, 'done')
      const [letter] = await letters()
      assert.ok(letter)
      assert.deepEqual(
        [letter.messageId, letter.to, letter.subject, letter.receivedAt],
        [`<${key}@xn----7sblg6ajc1e4b.xn--p1ai>`, 'maria@example.ru', 'Заявка принята: ООО «Дом»', at],
      )
      assert.ok(letter.text.includes('Здравствуйте, Мария!') && letter.html.includes('<html'))
      assert.equal(letter.headers['auto-submitted'], 'auto-generated')
      const list = await (await ask('GET', '/')).text()
      assert.ok(list.includes(`/sandbox/mail/letters/${letter.id}`) && list.includes('maria@example.ru'))
      assert.equal((await ask('DELETE', '/messages')).status, 204)
      assert.deepEqual(await letters(), [])
      assert.ok((await (await ask('GET', '/')).text()).includes('Писем пока нет'))
    }))

  it('shows a letter as a document without scripts, and its words escaped (S7)', () =>
    withSink(async ({ send, ask, letters }) => {
      await send(randomUUID(), '<script>alert(1)</script>')
      const [letter] = await letters()
      const shown = await ask('GET', `/letters/${letter?.id}`)
      assert.doesNotMatch(await shown.text(), /<script/)
      const drawn = await ask('GET', `/letters/${letter?.id}/html`)
      const policy = drawn.headers.get('content-security-policy') ?? ''
      assert.ok(
        policy.startsWith('sandbox') && policy.includes("default-src 'none'") && !policy.includes('allow-scripts'),
      )
      assert.equal((await ask('GET', '/letters/nobody')).status, 404)
      assert.equal((await ask('POST', '/letters/nobody')).status, 405)
    }))

  it('cuts the line after it kept the letter; the second attempt has the same Message-ID and applies nothing (P12)', () =>
    withSink(async ({ send, ask, letters }) => {
      await ask('POST', '/faults', { kind: 'drop-after-data' })
      const key = randomUUID()
      assert.equal((await send(key)).tag, 'unknown')
      assert.equal((await letters()).length, 1)
      assert.equal((await send(key)).tag, 'done')
      assert.equal(new Set((await letters()).map(({ messageId }) => messageId)).size, 1)
      const ledger = (await (await ask('GET', '/ledger')).json()) as { applied: number; calls: unknown[] }
      assert.deepEqual([ledger.applied, ledger.calls.length], [1, 2])
    }))

  it('is silent after the letter, and the sender does not know (P12)', () =>
    withSink(async ({ send, ask, letters }) => {
      await ask('POST', '/faults', { kind: 'silent' })
      assert.equal((await send(randomUUID())).tag, 'unknown')
      assert.equal((await letters()).length, 1)
    }))

  it('refuses as it is told, once or several times, and then no more (P13)', () =>
    withSink(async ({ send, ask, letters }) => {
      for (const [kind, expected] of [
        ['greylist', 'later relay-busy'],
        ['reject-recipient', 'refused hard-bounce'],
        ['busy', 'later relay-busy'],
        ['spam', 'later relay-suspects-spam'],
        ['quota', 'later relay-quota'],
      ] as const) {
        await ask('POST', '/faults', { kind, times: 2 })
        for (let time = 0; time < 2; time++) {
          const outcome = await send(randomUUID())
          assert.equal('code' in outcome ? `${outcome.tag} ${outcome.code}` : outcome.tag, expected, kind)
        }
        assert.equal((await send(randomUUID())).tag, 'done', kind)
      }
      assert.equal((await letters()).length, 5)
      assert.equal((await ask('POST', '/faults', { kind: 'no-such-fault' })).status, 400)
      await ask('POST', '/faults', { kind: 'greylist', times: 9 })
      assert.deepEqual(await (await ask('GET', '/faults')).json(), [{ kind: 'greylist', times: 9 }])
      await ask('DELETE', '/faults')
      assert.equal((await send(randomUUID())).tag, 'done')
    }))

  it('refuses a login as it is told', () =>
    withSink(async ({ send, ask }) => {
      await ask('POST', '/faults', { kind: 'refuse-login' })
      const outcome = await send(randomUUID())
      assert.equal('code' in outcome ? outcome.code : '', 'relay-login-refused')
      assert.equal((await send(randomUUID())).tag, 'done')
    }))

  it('remembers its letters over a restart', async () => {
    const store = memoryStore<MailState>()
    await withSink(async ({ send }) => assert.equal((await send(randomUUID())).tag, 'done'), store)
    await withSink(async ({ letters }) => assert.equal((await letters()).length, 1), store)
  })

  it('takes letters of other programs, many at once', () =>
    withSink(async ({ sink, letters }) => {
      const transport = createTransport({ host: '127.0.0.1', port: sink.port, ignoreTLS: true })
      const numbers = Array.from({ length: 20 }, (_, number) => `Письмо № ${number}`)
      await Promise.all(
        numbers.map((subject) =>
          transport.sendMail({ from: 'a@b.ru', to: 'c@d.ru', subject, text: 'текст\n.\n..точки' }),
        ),
      )
      const kept = await letters()
      assert.deepEqual(kept.map(({ subject }) => subject).toSorted(), numbers.toSorted())
      assert.equal(kept[0]?.text.trim(), 'текст\n.\n..точки')
    }))
})
