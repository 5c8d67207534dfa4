import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'
import { createEmailCourier } from '../../../src/connectors/email/client.ts'
import type { EmailSettings } from '../../../src/connectors/email/wire.ts'
import type { Outcome } from '../../../src/kernel/decision.ts'
import type { Instant } from '../../../src/kernel/time.ts'
import { loopbackCertificate } from '../../support/certificate.ts'
import { until } from '../../support/twinServer.ts'
import { letterSamples } from './letterSamples.ts'

const at = '2026-11-24T09:00:00.000Z' as Instant
const aLabel = 'xn----7sblg6ajc1e4b.xn--p1ai'

type Send = (key: string, change?: Readonly<Record<string, unknown>>, signal?: AbortSignal) => Promise<Outcome>

/** A courier for a relay on this machine, closed after the work. */
const withCourier = async (
  change: Partial<EmailSettings> & { readonly port: number; readonly extraCaFile?: string },
  work: (send: Send) => Promise<void>,
): Promise<void> => {
  const { extraCaFile = null, ...given } = change
  const settings: EmailSettings = {
    host: '127.0.0.1',
    user: null,
    password: null,
    from: 'Дома и цены <noreply@дома-цены.рф>',
    requireTls: false,
    ...given,
  }
  const courier = createEmailCourier(settings, { extraCaFile })
  const perform = courier.performers['email.send']
  assert.ok(perform)
  try {
    await work((key, other = {}, signal = new AbortController().signal) =>
      perform(
        {
          letter: 'application-received',
          to: 'maria@example.ru',
          vars: letterSamples['application-received'],
          kind: 'transactional',
          ...other,
        },
        { key, number: 1, firstAttemptAt: at, now: at, signal },
      ),
    )
  } finally {
    await courier.close()
  }
}

/** A relay that is not ours: it keeps the raw bytes that it is given, and says what it was told over which connection. */
const withRelay = async (
  work: (relay: {
    readonly port: number
    readonly mails: string[]
    readonly envelopes: unknown[]
    readonly logins: string[]
    readonly connections: () => number
    readonly open: () => number
  }) => Promise<void>,
  tls: { readonly cert: string; readonly key: string } | null = null,
): Promise<void> => {
  const mails: string[] = []
  const envelopes: unknown[] = []
  const logins: string[] = []
  let connections = 0
  let closed = 0
  const server = new SMTPServer({
    authOptional: true,
    ...(tls === null ? { disabledCommands: ['STARTTLS'] } : tls),
    allowInsecureAuth: true,
    disableReverseLookup: true,
    closeTimeout: 100,
    onConnect: (_session, callback) => {
      connections += 1
      callback()
    },
    onClose: () => {
      closed += 1
    },
    onAuth: (auth, session, callback) => {
      logins.push(`${auth.username} ${session.secure ? 'over TLS' : 'in clear'}`)
      callback(null, { user: 'one' })
    },
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        mails.push(Buffer.concat(chunks).toString('latin1'))
        envelopes.push({
          from: session.envelope.mailFrom ? session.envelope.mailFrom.address : '',
          to: session.envelope.rcptTo.map(({ address }) => address),
        })
        callback(null, '2.0.0 Ok: queued for maria@example.ru as 1-abc')
      })
    },
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const address = server.server.address()
  assert.ok(address !== null && typeof address === 'object')
  try {
    await work({
      port: address.port,
      mails,
      envelopes,
      logins,
      connections: () => connections,
      open: () => connections - closed,
    })
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
}

/** A relay of a few bytes, for what no decent one does: its answers by the first letters of a command; null is silence, '' hangs up. */
const withRudeRelay = async (
  answers: Readonly<Record<string, string | null>>,
  work: (port: number, heard: string[]) => Promise<void>,
): Promise<void> => {
  const heard: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    const say = (key: string, usual: string): void => {
      const answer = Object.hasOwn(answers, key) ? answers[key] : usual
      if (answer === '') socket.destroy()
      else if (typeof answer === 'string') socket.write(`${answer}\r\n`)
    }
    let rest = ''
    let inBody = false
    say('greeting', '220 rude')
    socket.on('data', (chunk) => {
      rest += chunk.toString('latin1')
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const line = rest.slice(0, end)
        rest = rest.slice(end + 2)
        if (inBody) {
          if (line !== '.') continue
          inBody = false
          heard.push('.')
          say('.', '250 2.0.0 Ok')
          if (Object.hasOwn(answers, 'afterwards')) socket.end()
          continue
        }
        const word = line.slice(0, 4).toUpperCase()
        heard.push(line)
        if (word === 'DATA') inBody = !Object.hasOwn(answers, 'DATA') || String(answers.DATA).startsWith('354')
        say(word, word === 'DATA' ? '354 go on' : word === 'QUIT' ? '221 bye' : '250 Ok')
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  try {
    await work(address.port, heard)
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
}

const inShort = (outcome: Outcome): string => ('code' in outcome ? `${outcome.tag} ${outcome.code}` : outcome.tag)

describe('email.send', () => {
  it('hands a letter to a relay that is not ours: one recipient, Cyrillic read back, A-labels in the raw bytes', () =>
    withRelay(({ port, mails, envelopes }) =>
      withCourier({ port }, async (send) => {
        const key = randomUUID()
        const outcome = await send(key)
        assert.deepEqual(outcome, {
          tag: 'done',
          result: { messageId: `<${key}@${aLabel}>`, response: '250 2.0.0 Ok: queued for … as 1-abc', accepted: true },
        })
        // This server shows a Cyrillic domain as people read it.
        assert.deepEqual(envelopes, [{ from: 'noreply@дома-цены.рф', to: ['maria@example.ru'] }])
        const [raw = ''] = mails
        assert.match(raw, /^[\x00-\x7f]*$/)
        const mail = await simpleParser(Buffer.from(raw, 'latin1'))
        assert.equal(mail.messageId, `<${key}@${aLabel}>`)
        assert.equal(mail.subject, 'Заявка принята: ООО «Дом»')
        assert.equal(mail.from?.value[0]?.name, 'Дома и цены')
        assert.match(raw, new RegExp(`^From: [^@]*<noreply@${aLabel}>\\r$`, 'm'))
        assert.equal(mail.date?.toISOString(), at)
        assert.ok(mail.text?.includes('Здравствуйте, Мария!') && String(mail.html).includes('Здравствуйте, Мария!'))
        assert.equal(mail.headers.get('auto-submitted'), 'auto-generated')
        assert.deepEqual([mail.headers.get('list-unsubscribe'), mail.headers.get('list')], [undefined, undefined])
        assert.ok(raw.split('\r\n').every((line) => line.length <= 998))
      }),
    ))

  it('lets nothing that people typed into headers or the envelope (S9)', () =>
    withRelay(({ port, mails, envelopes }) =>
      withCourier({ port }, async (send) => {
        const companyName = 'Дом\r\nBcc: victim@example.ru\r\n\r\n<b>x</b> =?utf-8?q?Bcc?='
        assert.equal((await send(randomUUID(), { vars: { name: 'Мария', companyName } })).tag, 'done')
        for (const to of ['a@b.ru, c@d.ru', 'a@b.ru\r\nBcc: x@y.ru', 'иван@пример.рф', 'a@b'])
          assert.equal(inShort(await send(randomUUID(), { to })), 'refused address-not-valid', to)
        const mail = await simpleParser(Buffer.from(mails[0] ?? '', 'latin1'))
        assert.equal(mail.bcc, undefined)
        assert.ok(mail.subject?.startsWith('Заявка принята: Дом Bcc: victim@example.ru'))
        // This server shows a Cyrillic domain as people read it.
        assert.deepEqual(envelopes, [{ from: 'noreply@дома-цены.рф', to: ['maria@example.ru'] }])
      }),
    ))

  it('uses its connections again, and no more than two', () =>
    withRelay(({ port, mails, logins, connections }) =>
      withCourier({ port, user: 'robot@дома-цены.рф', password: 'secret' }, async (send) => {
        for (let round = 0; round < 3; round++)
          await Promise.all([send(randomUUID()), send(randomUUID()), send(randomUUID())])
        assert.equal(mails.length, 9)
        assert.ok(connections() <= 2, String(connections()))
        assert.equal(logins[0], `robot@${aLabel} in clear`)
      }),
    ))

  it('refuses a letter that cannot be written before anybody is called', () =>
    withCourier({ port: 9 }, async (send) => {
      assert.equal(inShort(await send(randomUUID(), { vars: { name: 'Мария' } })), 'refused letter-not-valid')
      assert.equal(inShort(await send(randomUUID(), { letter: 'constructor' })), 'refused payload-not-valid')
      assert.equal(inShort(await send(randomUUID(), { kind: 'marketing' })), 'refused payload-not-valid')
      assert.equal(inShort(await send(randomUUID(), { to: undefined })), 'refused payload-not-valid')
    }))

  it('is later when nobody listens, and when the relay is not one', async () => {
    await withCourier({ port: 9 }, async (send) =>
      assert.equal(inShort(await send(randomUUID())), 'later relay-not-reached'),
    )
    await withRudeRelay({ greeting: '' }, (port) =>
      withCourier({ port }, async (send) => assert.equal(inShort(await send(randomUUID())), 'later relay-not-reached')),
    )
  })

  for (const [command, answer, expected] of [
    ['MAIL', '553 5.7.1 Sender address rejected: not owned by auth user', 'later relay-sender-refused'],
    ['RCPT', '450 4.2.0 Greylisted', 'later relay-busy'],
    ['RCPT', '550 5.1.1 No such user', 'refused hard-bounce'],
    ['RCPT', '', 'later relay-not-reached'],
    ['DATA', '451 4.3.0 Try again', 'later relay-busy'],
    ['DATA', '', 'later relay-not-reached'],
    ['.', '', 'unknown relay-silent'],
    ['.', '451 4.7.1 Try again', 'later relay-busy'],
    ['.', '554 5.7.1 Message rejected under suspicion of SPAM', 'later relay-suspects-spam'],
    ['.', '250 2.0.0 Ok', 'done'],
  ] as const)
    it(`is ${expected} when ${command} is answered by "${answer || 'a closed connection'}" (P12, P13)`, () =>
      withRudeRelay({ [command]: answer }, (port, heard) =>
        withCourier({ port }, async (send) => {
          assert.equal(inShort(await send(randomUUID())), expected)
          // The pool itself repeats nothing.
          assert.equal(heard.filter((line) => line.startsWith('RCPT')).length, command === 'MAIL' ? 0 : 1)
        }),
      ))

  it('is unknown when our deadline ends a wait after the body, and later when it ends one before (P12)', async () => {
    const deadline = (): AbortSignal => AbortSignal.timeout(300)
    await withRudeRelay({ '.': null }, (port) =>
      withCourier({ port }, async (send) =>
        assert.equal(inShort(await send(randomUUID(), {}, deadline())), 'unknown relay-silent'),
      ),
    )
    await withRudeRelay({ RCPT: null }, (port) =>
      withCourier({ port }, async (send) =>
        assert.equal(inShort(await send(randomUUID(), {}, deadline())), 'later relay-not-reached'),
      ),
    )
    await withRudeRelay({ greeting: null }, (port) =>
      withCourier({ port }, async (send) =>
        assert.equal(inShort(await send(randomUUID(), {}, deadline())), 'later relay-not-reached'),
      ),
    )
  })

  it('never doubts a letter because an idle connection was closed before it', () =>
    withRudeRelay({ afterwards: '' }, (port, heard) =>
      withCourier({ port }, async (send) => {
        for (let number = 0; number < 5; number++) {
          const outcome = await send(randomUUID())
          assert.ok(['done', 'later relay-not-reached'].includes(inShort(outcome)), inShort(outcome))
        }
        assert.ok(heard.filter((line) => line.startsWith('EHLO')).length > 1)
      }),
    ))

  it('says goodbye to its idle connections when it is closed', () =>
    withRelay(async ({ port, open }) => {
      await withCourier({ port }, async (send) => {
        await send(randomUUID())
        assert.equal(open(), 1)
      })
      await until(() => open() === 0, 'the relay has seen the end of its connection')
    }))

  it('gives a relay A-labels in EHLO and in the envelope', () =>
    withRudeRelay({}, (port, heard) =>
      withCourier({ port }, async (send) => {
        assert.equal((await send(randomUUID(), { to: 'a@Пример.рф' })).tag, 'done')
        assert.deepEqual(heard.slice(0, 3), [
          `EHLO ${aLabel}`,
          `MAIL FROM:<noreply@${aLabel}>`,
          'RCPT TO:<a@xn--e1afmkfd.xn--p1ai>',
        ])
      }),
    ))

  it('goes on with a fresh connection after one was lost', () =>
    withRudeRelay({ '.': '' }, (port, heard) =>
      withCourier({ port }, async (send) => {
        assert.equal((await send(randomUUID())).tag, 'unknown')
        assert.equal((await send(randomUUID())).tag, 'unknown')
        assert.equal(heard.filter((line) => line.startsWith('EHLO')).length, 2)
      }),
    ))
})

describe('email.send over TLS', () => {
  const withCa = async (work: (certificate: ReturnType<typeof loopbackCertificate>, file: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), 'relay-'))
    const certificate = loopbackCertificate()
    const file = join(folder, 'ca.pem')
    writeFileSync(file, certificate.cert)
    try {
      await work(certificate, file)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  it('starts TLS with a relay whose certificate the extra file vouches for, and logs in only then', () =>
    withCa((certificate, extraCaFile) =>
      withRelay(
        ({ port, logins }) =>
          withCourier({ port, user: 'robot', password: 'secret', requireTls: true, extraCaFile }, async (send) => {
            assert.equal((await send(randomUUID())).tag, 'done')
            assert.deepEqual(logins, ['robot over TLS'])
          }),
        certificate,
      ),
    ))

  it('hands no login and no letter to a relay with a certificate of nobody', () =>
    withCa((certificate) =>
      withRelay(
        ({ port, mails, logins }) =>
          withCourier({ port, user: 'robot', password: 'secret', requireTls: true }, async (send) => {
            assert.equal((await send(randomUUID())).tag, 'later')
            assert.deepEqual([mails, logins], [[], []])
          }),
        certificate,
      ),
    ))

  it('waits for a person when TLS is required and the relay has none', () =>
    withRelay(({ port, mails }) =>
      withCourier({ port, requireTls: true }, async (send) => {
        const outcome = await send(randomUUID())
        assert.equal(inShort(outcome), 'later relay-tls-refused')
        assert.equal(outcome.tag === 'later' ? outcome.pauseDestination : '', 'until-resumed')
        assert.deepEqual(mails, [])
      }),
    ))
})

describe('createEmailCourier()', () => {
  it('does not start with a sender that is no address', () => {
    const settings = { host: 'x', port: 25, user: null, password: null, from: 'a@b.ru, c@d.ru', requireTls: false }
    assert.throws(() => createEmailCourier(settings, { extraCaFile: null }), /EMAIL_FROM/)
  })
})
