import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { createTransport } from 'nodemailer'
import { done, type Outcome } from '../../kernel/decision.ts'
import { msOf } from '../../kernel/time.ts'
import type { Attempt, Courier, DestinationPolicy } from '../connector.ts'
import { refusedOutcome, unsendable } from '../exchange.ts'
import { type LetterName, type LetterVars, letterNames } from './letters.ts'
import { type Letter, renderLetter } from './render.ts'
import {
  asciiDomain,
  domainOf,
  type EmailSettings,
  loginOf,
  type Mailbox,
  messageIdOf,
  outcomeOf,
  readAddress,
  readMailbox,
  type SendFailure,
} from './wire.ts'

/** One recipient a message, few connections: relays count both. A letter whose fate is unknown goes once more under its Message-ID. */
const policy: DestinationPolicy = {
  concurrencyMax: 2,
  perSecondMax: 5,
  deadlineMs: 60_000,
  attemptsMax: 20,
  afterUnknown: 'repeat-once',
}

/** A relay hangs up on a client that is silent for minutes; we say goodbye before that, so that no letter meets a dying connection. */
const idleTimeoutMs = 20_000

/** Below the deadline, so that a silent relay ends as what it is and not as our impatience. */
const socketTimeoutMs = 45_000
const connectionTimeoutMs = 15_000
const messagesPerConnectionMax = 50

/** The relay's own words about an accepted letter; only their tail, the queue number, is ever needed. */
const responseCharsMax = 120

const Send = Type.Object({
  letter: Type.String(),
  to: Type.String({ maxLength: 600 }),
  vars: Type.Record(Type.String(), Type.Unknown()),
  kind: Type.Literal('transactional'),
})

/** What sending came to. `accepted` says that the relay took the letter; nobody can know more than that. */
export type Sent = { readonly messageId: string; readonly response: string; readonly accepted: true }

/** What the courier may be told beside the relay. */
export type EmailCourierOptions = {
  /** A file of PEM certificates to be trusted beside the usual ones; not every runtime reads it for sockets like ours. */
  readonly extraCaFile: string | null
  readonly perSecondMax?: number
}

/** Our side of the relay, and the way to say goodbye to it. */
export const createEmailCourier = (
  settings: EmailSettings,
  options: EmailCourierOptions,
): Courier & { readonly close: () => Promise<void> } => {
  const from = readMailbox(settings.from)
  if (!from) throw new Error('EMAIL_FROM should be one address, such as "Name <noreply@example.ru>"')
  const relay = openRelay(settings, from, options.extraCaFile)
  return {
    destination: 'email',
    policy: { ...policy, perSecondMax: options.perSecondMax ?? policy.perSecondMax },
    performers: {
      'email.send': async (payload, attempt) => {
        if (!Value.Check(Send, payload)) return unsendable('letter')
        const to = readAddress(payload.to)
        const name = letterNames.find((candidate) => candidate === payload.letter)
        if (!name) return unsendable('letter')
        if ('fault' in to) return refusedOutcome('address-not-valid', addressFaults[to.fault])
        const letter = await rendered(name, payload.vars)
        return 'html' in letter ? relay.send({ to, letter }, attempt) : letter
      },
    },
    close: async () => relay.close(),
  }
}

const addressFaults = {
  'not-one-address': 'Cannot send the letter: the recipient should be one address without line breaks',
  'local-part-not-ascii': 'Cannot send the letter: the name before "@" should have Latin letters only',
  'domain-not-valid': 'Cannot send the letter: the part after "@" should be a domain',
} as const

/** A letter that cannot be written never reaches the relay, so its outcome is certain. */
const rendered = async (
  name: LetterName,
  vars: Readonly<Record<string, unknown>>,
): Promise<Letter | Outcome<never>> => {
  try {
    // The rule that asked for the letter wrote its values by the same type.
    return await renderLetter(name, vars as LetterVars[LetterName])
  } catch (error) {
    return refusedOutcome('letter-not-valid', error instanceof Error ? error.message : `Cannot render letter "${name}"`)
  }
}

type Message = { readonly to: Mailbox; readonly letter: Letter }

type Relay = {
  readonly send: (message: Message, attempt: Attempt) => Promise<Outcome<Sent>>
  readonly close: () => void
}

/**
 * A few connections that are used again. The pool repeats nothing by itself: that is the business of the durable queue. Whether a
 * lost letter may be on its way is told by its stream: it is read only after the server has asked for the body.
 */
const openRelay = (settings: EmailSettings, from: Mailbox, extraCaFile: string | null): Relay => {
  const transport = createTransport({
    pool: true,
    host: asciiDomain(settings.host) ?? settings.host,
    port: settings.port,
    secure: settings.port === 465,
    requireTLS: settings.requireTls && settings.port !== 465,
    name: domainOf(from),
    ...(settings.user === null ? {} : { auth: { user: loginOf(settings.user), pass: settings.password ?? '' } }),
    maxConnections: policy.concurrencyMax,
    maxMessages: messagesPerConnectionMax,
    maxRequeues: 0,
    idleTimeout: idleTimeoutMs,
    connectionTimeout: connectionTimeoutMs,
    greetingTimeout: connectionTimeoutMs,
    socketTimeout: socketTimeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    tls: { minVersion: 'TLSv1.2', ...trusted(extraCaFile) },
  })
  // Connections that fail while nobody sends are opened anew; without a listener the error would end the process.
  transport.on('error', () => {})
  const bodies = new Map<string, Body>()
  transport.use('stream', (mail, proceed) => {
    const { message } = mail
    const open = message.createReadStream.bind(message)
    message.createReadStream = (streamOptions) => {
      const stream = open(streamOptions)
      bodies.set(message.messageId(), stream)
      return stream
    }
    proceed()
  })
  const send: Relay['send'] = async ({ to, letter }, attempt) => {
    const messageId = messageIdOf(attempt.key, from)
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
        signal: attempt.signal,
      })
      return done({ messageId, response: queuedAs(info.response), accepted: true })
    } catch (error) {
      return outcomeOf(failureOf(error, wasRead(bodies.get(messageId))), attempt.now)
    } finally {
      bodies.delete(messageId)
    }
  }
  return { send, close: () => transport.close({ force: true }) }
}

type Body = { readonly readableDidRead?: boolean }

/** A runtime that does not tell counts as one that read: better a doubt too many than a letter too many. */
const wasRead = (body: Body | undefined): boolean => body !== undefined && body.readableDidRead !== false

/** The usual roots stay trusted: giving certificates of our own replaces them. */
const trusted = (extraCaFile: string | null): { readonly ca?: string[] } =>
  extraCaFile === null ? {} : { ca: [...rootCertificates, readFileSync(extraCaFile, 'utf8')] }

/** Relays like to repeat the address of the recipient. */
const queuedAs = (response: unknown): string =>
  (typeof response === 'string' ? response : '').replace(/\S+@\S+/g, '…').slice(0, responseCharsMax)

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
