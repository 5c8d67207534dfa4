import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { simpleParser } from 'mailparser'
import {
  loginOf,
  messageIdOf,
  outcomeOf,
  readAddress,
  readMailbox,
  type SendFailure,
} from '../../../src/connectors/email/wire.ts'
import type { Outcome } from '../../../src/kernel/decision.ts'
import type { Instant } from '../../../src/kernel/time.ts'

const at = '2026-11-24T09:00:00.000Z' as Instant
const aLabel = 'xn----7sblg6ajc1e4b.xn--p1ai'

describe('readAddress()', () => {
  it('makes one mailbox of every spelling, with its domain as an A-label', () => {
    for (const text of [
      'noreply@дома-цены.рф',
      ' noreply@ДОМА-ЦЕНЫ.РФ ',
      `noreply@${aLabel}`,
      `<noreply@${aLabel.toUpperCase()}>`,
      'Дома и цены <noreply@дома-цены.рф>',
      '"Дома и цены" <noreply@дома-цены.рф>',
    ])
      assert.equal(readMailbox(text)?.address, `noreply@${aLabel}`, text)
    assert.equal(readMailbox('"Дома, цены" <a@b.ru>')?.name, 'Дома, цены')
    assert.equal(readMailbox('партнер@b.ru'), null)
    assert.equal(readMailbox('a@партнёр.дома-цены.рф')?.address, `a@xn--80a0aefbk0i.${aLabel}`)
    assert.equal(readMailbox('a@партнер.дома-цены.рф')?.address, `a@xn--80akxggcl.${aLabel}`)
  })

  it('refuses several addresses, line breaks and disguises (S9)', () => {
    for (const text of [
      'a@b.ru, c@d.ru',
      'a@b.ru; c@d.ru',
      'a@b.ru c@d.ru',
      'a@b.ru\r\nBcc: x@y.ru',
      'a@b.ru\nSubject: x',
      'a@b.ru\0',
      '<a@b.ru> <c@d.ru>',
      'c@d.ru <a@b.ru>',
      'Группа: a@b.ru;',
      'a@b.ru\u202e',
      'Имя\u202e <a@b.ru>',
      'Имя\r\nBcc: x@y.ru <a@b.ru>',
      '=?utf-8?q?a=40b.ru?=',
      '"a b"@c.ru',
      'a(comment)@c.ru',
      'a..b@c.ru',
      '.a@c.ru',
      'a b@c.ru',
      'a@b@c.ru',
      '@c.ru',
      'a',
      '',
      `${'a'.repeat(65)}@c.ru`,
    ])
      assert.deepEqual(readAddress(text), { fault: 'not-one-address' }, JSON.stringify(text))
  })

  it('tells a Cyrillic local part, which no relay without SMTPUTF8 can carry, from a wrong domain', () => {
    assert.deepEqual(readAddress('иван@пример.рф'), { fault: 'local-part-not-ascii' })
    for (const text of [
      'a@',
      'a@b',
      'a@-b.ru',
      'a@b..ru',
      'a@127.0.0.1',
      'a@b.ru.',
      'a@b_c.ru',
      `a@${'b.'.repeat(130)}ru`,
    ])
      assert.deepEqual(readAddress(text), { fault: 'domain-not-valid' }, text)
  })

  it('answers with ASCII of one line or with a fault, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.constantFrom('', '@a.ru', '@дом.рф>', ' <a@b.ru>'),
        (head, tail) => {
          const reading = readAddress(head + tail)
          if ('fault' in reading) return
          assert.match(reading.address, /^[!-?A-~]+@[a-z0-9.-]+$/)
          assert.doesNotMatch(reading.name, /[\r\n<>]/)
        },
      ),
      { seed: 20261124, numRuns: 500 },
    )
  })

  it('refuses long nonsense, on which a careless pattern would work for hours (S13)', () => {
    for (const text of [`"${' '.repeat(100_000)}`, `${'a.'.repeat(50_000)}@`, `a@${'b.'.repeat(50_000)}`])
      assert.ok('fault' in readAddress(text), text.slice(0, 10))
  })
})

describe('loginOf()', () => {
  it('gives the relay an address with an A-label, and anything else as it is', () => {
    assert.equal(loginOf('robot@дома-цены.рф'), `robot@${aLabel}`)
    assert.equal(loginOf('robot'), 'robot')
    assert.equal(loginOf('robot@'), 'robot@')
  })
})

describe('messageIdOf()', () => {
  it('is the key of the effect at our domain, as an independent reader finds it', async () => {
    const from = readMailbox('Дома <noreply@дома-цены.рф>')
    assert.ok(from)
    const id = messageIdOf('9a2e4c1e-6a51-5d7b-8b1d-0f4b6a0c1d2e', from)
    const parsed = await simpleParser(`Message-ID: ${id}\r\nSubject: x\r\n\r\nтекст`)
    assert.equal(parsed.messageId, `<9a2e4c1e-6a51-5d7b-8b1d-0f4b6a0c1d2e@${aLabel}>`)
  })
})

const failed = (change: Partial<SendFailure>): Outcome<never> =>
  outcomeOf({ code: 'EMESSAGE', command: 'DATA', responseCode: null, response: '', bodyAsked: true, ...change }, at)
const inShort = (outcome: Outcome<never>): string =>
  [outcome.tag, 'code' in outcome ? outcome.code : '', outcome.tag === 'later' ? (outcome.pauseDestination ?? '') : '']
    .filter((part) => part)
    .join(' ')

describe('outcomeOf()', () => {
  const rcpt = { code: 'EENVELOPE', command: 'RCPT TO', bodyAsked: false }
  const mail = { code: 'EENVELOPE', command: 'MAIL FROM', bodyAsked: false }
  const cases: readonly (readonly [string, Partial<SendFailure>, string])[] = [
    [
      'a refused login',
      { code: 'EAUTH', command: 'AUTH PLAIN', responseCode: 535, bodyAsked: false },
      'later relay-login-refused until-resumed',
    ],
    [
      'a login that cannot be checked now',
      { code: 'EAUTH', command: 'AUTH PLAIN', responseCode: 454, bodyAsked: false },
      'later relay-busy until-not-before',
    ],
    [
      'a relay that wants TLS first',
      { ...mail, responseCode: 530, response: '530 5.7.7 Email sending without SSL/TLS encryption is not allowed' },
      'later relay-login-refused until-resumed',
    ],
    [
      'a relay without the TLS that is required',
      { code: 'ETLS', command: 'STARTTLS', responseCode: 502, bodyAsked: false },
      'later relay-tls-refused until-resumed',
    ],
    [
      'a sender that is not ours',
      { ...mail, responseCode: 553, response: '553 5.7.1 Sender address rejected: not owned by auth user' },
      'later relay-sender-refused until-resumed',
    ],
    ['a greylist', { ...rcpt, responseCode: 450, response: '450 4.2.0 Greylisted' }, 'later relay-busy'],
    ['a busy relay', { responseCode: 421, response: '421 4.3.2 Busy' }, 'later relay-busy'],
    [
      'a recipient that gets too much',
      { ...rcpt, responseCode: 451, response: '451 4.5.1 The recipient <x> has exceeded their message rate limit' },
      'later relay-busy',
    ],
    [
      'our own hourly limit',
      { ...mail, responseCode: 450, response: '450 4.7.0 Sending rate limit reached' },
      'later relay-quota until-not-before',
    ],
    [
      'our daily limit',
      { ...rcpt, responseCode: 550, response: '550 5.7.1 Daily sending limit exceeded' },
      'later relay-quota until-not-before',
    ],
    [
      'our quota',
      { responseCode: 554, response: '554 5.4.5 Sending quota exceeded' },
      'later relay-quota until-not-before',
    ],
    [
      'a suspicion of spam',
      { responseCode: 554, response: '554 5.7.1 Message rejected under suspicion of SPAM; https://x' },
      'later relay-suspects-spam until-resumed',
    ],
    [
      'a blocked sender',
      { ...rcpt, responseCode: 554, response: '554 5.7.1 Service unavailable; Client host blocked' },
      'later relay-suspects-spam until-resumed',
    ],
    ['no such mailbox', { ...rcpt, responseCode: 550, response: '550 5.1.1 No such user' }, 'refused hard-bounce'],
    [
      'no such mailbox, without a status',
      { ...rcpt, responseCode: 550, response: '550 mailbox unavailable' },
      'refused hard-bounce',
    ],
    [
      'a disabled mailbox',
      { ...rcpt, responseCode: 550, response: '550 5.2.1 Mailbox blocked' },
      'refused hard-bounce',
    ],
    [
      'no such mailbox, told after the body',
      { responseCode: 550, response: '550 5.1.1 Unknown user' },
      'refused hard-bounce',
    ],
    [
      'a full mailbox',
      { ...rcpt, responseCode: 552, response: '552 5.2.2 Mailbox quota exceeded' },
      'refused mailbox-full',
    ],
    [
      'a full mailbox, without a status',
      { ...rcpt, responseCode: 552, response: '552 Exceeded storage allocation' },
      'refused mailbox-full',
    ],
    [
      'a letter that is too big',
      { responseCode: 552, response: '552 5.3.4 Message size exceeds limit' },
      'refused relay-refused',
    ],
    [
      'a policy of the recipient',
      { ...rcpt, responseCode: 550, response: '550 5.7.1 Access denied' },
      'refused relay-policy',
    ],
    [
      'a letter that the relay cannot read',
      { responseCode: 554, response: '554 5.6.0 Bad message' },
      'refused relay-refused',
    ],
    ['commands out of order', { responseCode: 503, response: '503 5.5.1 Bad sequence' }, 'later relay-busy'],
    [
      'a relay that does not answer the call',
      { code: 'ESOCKET', command: 'CONN', bodyAsked: false },
      'later relay-not-reached',
    ],
    [
      'a relay that does not greet',
      { code: 'ETIMEDOUT', command: 'CONN', bodyAsked: false },
      'later relay-not-reached',
    ],
    ['our deadline before the body', { code: 'EABORT', command: 'API', bodyAsked: false }, 'later relay-not-reached'],
    [
      'a line that breaks after the body was asked for',
      { code: 'ECONNECTION', command: 'CONN' },
      'unknown relay-silent',
    ],
    ['a relay that is silent after the body', { code: 'ETIMEDOUT', command: 'CONN' }, 'unknown relay-silent'],
    ['our deadline after the body', { code: 'EABORT', command: 'API' }, 'unknown relay-silent'],
  ]
  for (const [what, failure, expected] of cases)
    it(`takes ${what} as ${expected} (P12, P13)`, () => assert.equal(inShort(failed(failure)), expected))

  it('waits a day after a quota, because every further try prolongs the block', () => {
    const outcome = failed({ responseCode: 550, response: '550 5.7.1 Sending limit exceeded' })
    assert.equal(outcome.tag === 'later' ? outcome.notBefore : '', '2026-11-25T09:00:00.000Z')
  })

  it('repeats nothing of what the relay said, which may hold the address', () => {
    for (const [, failure] of cases) {
      const outcome = failed({ ...failure, response: `${failure.response ?? ''} maria@example.ru` })
      assert.doesNotMatch(JSON.stringify(outcome), /maria/)
    }
  })
})
