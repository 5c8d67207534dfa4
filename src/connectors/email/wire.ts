import { domainToASCII } from 'node:url'
import type { Outcome } from '../../kernel/decision.ts'
import { type Instant, plusMs } from '../../kernel/time.ts'

/** The configuration of the relay. */
export type EmailSettings = {
  readonly host: string
  readonly port: number
  readonly user: string | null
  readonly password: string | null
  /** Such as `Дома и цены <noreply@example.ru>`; the domain may be in Cyrillic. */
  readonly from: string
  readonly requireTls: boolean
}

/** One address with its display name; the domain as an A-label. */
export type Mailbox = { readonly name: string; readonly address: string }

/** Why a text is no mailbox that we can write to. */
export type AddressFault = 'not-one-address' | 'local-part-not-ascii' | 'domain-not-valid'

/** A mailbox, or why there is none. */
export type AddressReading = Mailbox | { readonly fault: AddressFault }

/** RFC 5321: 64 characters before the sign, 254 in all; a display name is given as much again. */
const localCharsMax = 64
const addressCharsMax = 254
const mailboxCharsMax = 600

const dotAtom = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i
const domainLabels = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/

/** Marks that turn the direction of a text, so that an address looks like another one, and all control characters. */
const deceptive = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

/**
 * A domain as its A-label in lower case, the form that a relay, a link and a Message-ID need; null when it is no domain.
 * @example asciiDomain('дома-цены.рф') // 'xn----7sblg6ajc1e4b.xn--p1ai'
 */
export const asciiDomain = (domain: string): string | null => {
  const ascii = domainToASCII(domain.normalize('NFC').toLowerCase())
  if (ascii === 'localhost') return ascii
  return ascii.length <= addressCharsMax && domainLabels.test(ascii) ? ascii : null
}

/**
 * Reads one mailbox, with or without a display name. Two spellings of a Cyrillic domain become one; a Cyrillic local part has no
 * other spelling, and a relay without SMTPUTF8 would get it as raw bytes.
 * @example readAddress('иван@пример.рф') // { fault: 'local-part-not-ascii' }
 */
export const readAddress = (text: string): AddressReading => {
  const whole = text.trim()
  if (whole.length > mailboxCharsMax || deceptive.test(whole)) return { fault: 'not-one-address' }
  const opening = whole.endsWith('>') ? whole.indexOf('<') : -1
  const address = opening < 0 ? whole : whole.slice(opening + 1, -1)
  const name =
    opening < 0
      ? ''
      : whole
          .slice(0, opening)
          .trim()
          .replace(/^"(.*)"$/, '$1')
  const at = address.lastIndexOf('@')
  if (at < 1 || /[<>()[\],;:\\"\s]/.test(address) || /[<>@"]/.test(name)) return { fault: 'not-one-address' }
  const local = address.slice(0, at)
  if (local.includes('@')) return { fault: 'not-one-address' }
  if (/[^\x21-\x7e]/.test(local)) return { fault: 'local-part-not-ascii' }
  if (local.length > localCharsMax || !dotAtom.test(local)) return { fault: 'not-one-address' }
  const domain = asciiDomain(address.slice(at + 1))
  if (domain === null || local.length + 1 + domain.length > addressCharsMax) return { fault: 'domain-not-valid' }
  return { name, address: `${local}@${domain}` }
}

/**
 * Reads one mailbox; null when it is none, more than one, or holds a line break.
 * @example readMailbox('Дома <a@дома-цены.рф>')?.address // 'a@xn----7sblg6ajc1e4b.xn--p1ai'
 */
export const readMailbox = (text: string): Mailbox | null => {
  const reading = readAddress(text)
  return 'fault' in reading ? null : reading
}

/** The domain of a mailbox. */
export const domainOf = (mailbox: Mailbox): string => mailbox.address.slice(mailbox.address.lastIndexOf('@') + 1)

/** The Message-ID of an effect: the same in every attempt, in A-labels, without an address in it. */
export const messageIdOf = (effectKey: string, from: Mailbox): string => `<${effectKey}@${domainOf(from)}>`

/**
 * A login as the relay knows it: an address gets its domain as an A-label, because AUTH would carry raw Cyrillic bytes.
 * @example loginOf('robot@дома-цены.рф') // 'robot@xn----7sblg6ajc1e4b.xn--p1ai'
 */
export const loginOf = (user: string): string => {
  const at = user.lastIndexOf('@')
  const domain = at < 1 ? null : asciiDomain(user.slice(at + 1))
  return domain === null ? user : `${user.slice(0, at)}@${domain}`
}

/** What is known of a failed sending. */
export type SendFailure = {
  readonly code: string
  /** The last SMTP command, such as `RCPT TO`; `CONN` when the connection ended. */
  readonly command: string
  readonly responseCode: number | null
  readonly response: string
  /** Whether the server had asked for the body (354) on this connection: then it may have kept the message. */
  readonly bodyAsked: boolean
}

/** A mailbox that exceeded its quota is blocked for a day, and every further try prolongs that. */
const quotaPauseMs = 24 * 3_600_000

/** A limit that the relay calls temporary is one of an hour or less. */
const ratePauseMs = 3_600_000

/** A login that the server cannot check just now: asking at once again looks like guessing passwords. */
const loginPauseMs = 300_000

const later = (code: string, detail: string): Outcome<never> => ({ tag: 'later', code, detail })
const paused = (code: string, detail: string): Outcome<never> => ({
  tag: 'later',
  code,
  detail,
  pauseDestination: 'until-resumed',
})
const pausedFor = (code: string, detail: string, notBefore: Instant): Outcome<never> => ({
  tag: 'later',
  code,
  detail,
  notBefore,
  pauseDestination: 'until-not-before',
})
const refused = (code: string, detail: string): Outcome<never> => ({ tag: 'refused', code, detail })

/** Sorts a failure of the relay: whose fault it is, and whether the letter may be on its way. */
export const outcomeOf = (failure: SendFailure, now: Instant): Outcome<never> => {
  const { code, command, responseCode, bodyAsked } = failure
  if (code === 'EAUTH' || responseCode === 535 || responseCode === 530) {
    return isTemporary(responseCode)
      ? pausedFor('relay-busy', 'The relay cannot check the login now', plusMs(now, loginPauseMs))
      : paused('relay-login-refused', 'The relay refused the login')
  }
  if (code === 'ETLS') {
    return isTemporary(responseCode)
      ? later('relay-busy', 'The relay cannot encrypt now')
      : paused('relay-tls-refused', 'The relay does not offer TLS, which is required')
  }
  // RFC 5321 wants 503 for commands out of order; relays also send it when they lost the session.
  if (isTemporary(responseCode) && isQuota(failure.response)) return quota(now, ratePauseMs)
  if (isTemporary(responseCode) || responseCode === 503) return later('relay-busy', 'The relay asks to try again later')
  if (responseCode !== null && responseCode >= 500) return refusalOf(failure, now)
  if (bodyAsked)
    return {
      tag: 'unknown',
      code: 'relay-silent',
      detail: 'The connection ended after the body was asked for; the relay may have kept the letter',
    }
  return command === 'API' && code === 'EENVELOPE'
    ? refused('relay-refused', 'The letter has no usable sender or recipient')
    : later('relay-not-reached', 'The relay could not be reached')
}

const isTemporary = (responseCode: number | null): boolean =>
  responseCode !== null && responseCode >= 400 && responseCode < 500

/** The two last numbers of an enhanced status such as `5.7.1`; null when the relay gave none. */
const statusOf = (response: string): { readonly subject: string; readonly detail: string } | null => {
  const [, subject, detail] = /\b[45]\.(\d{1,3})\.(\d{1,3})\b/.exec(response) ?? []
  return subject === undefined || detail === undefined ? null : { subject, detail }
}

/** Statuses that speak of the recipient's address (1), of his mailbox (2) or of the size (3), though all may say "quota" or "limit". */
const ofOthers = ['1', '2', '3']

/** Whether the relay says that we sent too much. */
const isQuota = (response: string): boolean =>
  !ofOthers.includes(statusOf(response)?.subject ?? '') &&
  /\blimit|quota|too many (?:messages|mails|letters)|\brate\b/i.test(response) &&
  !/mailbox (?:is )?full|\bsize\b|storage|over ?quota|recipient (?:has|\S+ has)|recipient's/i.test(response)

const quota = (at: Instant, pauseMs: number): Outcome<never> =>
  pausedFor('relay-quota', 'The relay says that a sending limit was reached', plusMs(at, pauseMs))

/** What a permanent answer means. The enhanced status tells the recipient's fault from ours; its words tell limits and spam. */
const refusalOf = ({ command, response, responseCode }: SendFailure, now: Instant): Outcome<never> => {
  const status = statusOf(response)
  const subject = status?.subject ?? null
  const spam = /\bspam\b|suspicio/i.test(response)
  const blocked = !ofOthers.includes(subject ?? '') && /\bblocked\b|black-?list/i.test(response)
  if (spam || blocked)
    return paused('relay-suspects-spam', 'The relay suspects spam; that is not the fault of the recipient')
  if (isQuota(response)) return quota(now, quotaPauseMs)
  if (command.startsWith('MAIL')) return paused('relay-sender-refused', 'The relay refused the sender address')
  const atRecipient = command.startsWith('RCPT')
  if ((subject === '2' && status?.detail !== '1') || (subject === null && responseCode === 552 && atRecipient))
    return refused('mailbox-full', 'The mailbox takes no letters now')
  // There is a single recipient, so what is said of an address after the body is said of his.
  if (subject === '1' || subject === '2') return refused('hard-bounce', 'The mailbox does not exist')
  if (atRecipient && (subject === null || subject === '0' || subject === '4'))
    return refused('hard-bounce', 'The mailbox does not exist, or its domain takes no mail')
  return subject === '7'
    ? refused('relay-policy', 'A policy of the relay or of the recipient refuses the letter')
    : refused('relay-refused', 'The relay refused the letter')
}
