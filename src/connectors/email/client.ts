import { readFileSync } from 'node:fs'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { createTransport } from 'nodemailer'
import { done, type Outcome } from '../../kernel/decision.ts'
import { msOf } from '../../kernel/time.ts'
import type { Attempt, Courier, DestinationPolicy } from '../connector.ts'
import { unsendable } from '../exchange.ts'
import { type LetterName, type LetterVars, letterNames, renderLetter } from './render.ts'
import { type EmailSettings, type Mailbox, messageIdOf, outcomeOf, readMailbox, type SendFailure } from './wire.ts'

/** One recipient a message, few connections: relays count both. A letter whose fate is unknown goes once more under its Message-ID. */
const policy: DestinationPolicy = {
  concurrencyMax: 2,
  perSecondMax: 5,
  deadlineMs: 90_000,
  attemptsMax: 20,
  afterUnknown: 'repeat-once',
}

const Send = Type.Object({
  letter: Type.String(),
  to: Type.String({ maxLength: 320 }),
  vars: Type.Record(Type.String(), Type.Unknown()),
  kind: Type.Literal('transactional'),
})

/** What sending came to. */
export type Sent = { readonly messageId: string; readonly response: string }

/** Our side of the relay. */
export const createEmailCourier = (
  settings: EmailSettings,
  options: { readonly extraCaFile: string | null; readonly perSecondMax?: number },
): Courier => {
  const from = readMailbox(settings.from)
  if (!from) throw new Error('EMAIL_FROM should be one address, such as "Name <noreply@example.ru>"')
  const ca = options.extraCaFile === null ? null : readFileSync(options.extraCaFile, 'utf8')
  return {
    destination: 'email',
    policy: { ...policy, perSecondMax: options.perSecondMax ?? policy.perSecondMax },
    performers: {
      'email.send': async (payload, attempt) => {
        if (!Value.Check(Send, payload)) return unsendable('letter')
        const to = readMailbox(payload.to)
        const name = letterNames.find((candidate) => candidate === payload.letter)
        if (!to || !name) return unsendable(to ? 'letter' : 'to')
        return send({ settings, from, ca }, { to, name, vars: payload.vars }, attempt)
      },
    },
  }
}

type Relay = { readonly settings: EmailSettings; readonly from: Mailbox; readonly ca: string | null }
type Message = { readonly to: Mailbox; readonly name: LetterName; readonly vars: Readonly<Record<string, unknown>> }

/**
 * Sends one letter over a connection of its own. The transaction is watched for the server's 354: only from then on may a lost
 * connection mean that the letter is on its way.
 */
const send = async (
  { settings, from, ca }: Relay,
  { to, name, vars }: Message,
  attempt: Attempt,
): Promise<Outcome<Sent>> => {
  // The rule that asked for the letter wrote its values by the same type.
  const letter = await renderLetter(name, vars as LetterVars[LetterName])
  let bodyAsked = false
  const watch = (_entry: unknown, message?: unknown): void => {
    if (typeof message === 'string' && /^(S: )?354/.test(message)) bodyAsked = true
  }
  const transport = createTransport({
    host: settings.host,
    port: settings.port,
    secure: settings.port === 465,
    requireTLS: settings.requireTls && settings.port !== 465,
    ...(settings.user === null ? {} : { auth: { user: settings.user, pass: settings.password ?? '' } }),
    connectionTimeout: 15_000,
    greetingTimeout: 15_000,
    socketTimeout: 60_000,
    disableFileAccess: true,
    disableUrlAccess: true,
    tls: { minVersion: 'TLSv1.2', ...(ca === null ? {} : { ca }) },
    transactionLog: true,
    logger: { level: () => {}, trace: watch, debug: watch, info: watch, warn: watch, error: watch, fatal: watch },
  })
  const messageId = messageIdOf(attempt.key, from)
  const abort = (): void => transport.close()
  attempt.signal.addEventListener('abort', abort)
  try {
    const info = await transport.sendMail({
      from: { name: from.name, address: from.address },
      to: { name: to.name, address: to.address },
      envelope: { from: from.address, to: [to.address] },
      subject: letter.subject,
      html: letter.html,
      text: letter.text,
      messageId,
      date: new Date(msOf(attempt.now)),
      headers: { 'Auto-Submitted': 'auto-generated', 'Content-Language': 'ru' },
    })
    return done({
      messageId,
      response: String(info.response ?? '')
        .replace(/\S+@\S+/g, '')
        .slice(0, 120),
    })
  } catch (error) {
    return outcomeOf(failureOf(error, bodyAsked), attempt.now)
  } finally {
    attempt.signal.removeEventListener('abort', abort)
    transport.close()
  }
}

const failureOf = (error: unknown, bodyAsked: boolean): SendFailure => {
  const known =
    error instanceof Error
      ? (error as Error & { code?: unknown; command?: unknown; responseCode?: unknown; response?: unknown })
      : null
  return {
    code: typeof known?.code === 'string' ? known.code : 'unknown',
    command: typeof known?.command === 'string' ? known.command : 'CONN',
    responseCode: typeof known?.responseCode === 'number' ? known.responseCode : null,
    response: typeof known?.response === 'string' ? known.response : '',
    bodyAsked,
  }
}
