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

const quotaPauseMs = 24 * 3_600_000

/**
 * Reads one mailbox; null when it is none, more than one, or holds a line break. Two spellings of a Cyrillic domain become one.
 * @example readMailbox('Дома <a@дома-цены.рф>')?.address // 'a@xn----7sblg6ajc1e4b.xn--p1ai'
 */
export const readMailbox = (text: string): Mailbox | null => {
  if (/[\r\n\0]/.test(text)) return null
  const match = /^\s*(?:"?([^"<>,;]*?)"?\s*<([^<>\s,;]+)>|([^<>\s,;]+))\s*$/.exec(text)
  const address = match?.[2] ?? match?.[3]
  const at = address?.lastIndexOf('@') ?? -1
  if (!address || at < 1) return null
  const local = address.slice(0, at)
  const domain = domainToASCII(address.slice(at + 1).toLowerCase())
  // A relay without SMTPUTF8 cannot carry such a local part, and none of ours promises it.
  if (
    !/^[\x21-\x7e]+$/.test(local) ||
    local.includes('@') ||
    domain === '' ||
    (!domain.includes('.') && domain !== 'localhost')
  )
    return null
  return { name: (match?.[1] ?? '').trim(), address: `${local}@${domain}` }
}

/** The Message-ID of an effect: the same in every attempt, in A-labels, without an address in it. */
export const messageIdOf = (effectKey: string, from: Mailbox): string =>
  `<${effectKey}@${from.address.slice(from.address.lastIndexOf('@') + 1)}>`

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

/** Sorts a failure of the relay: whose fault it is, and whether the letter may be on its way. */
export const outcomeOf = (failure: SendFailure, now: Instant): Outcome<never> => {
  const { code, command, responseCode, response, bodyAsked } = failure
  const later = (name: string, detail: string): Outcome<never> => ({ tag: 'later', code: name, detail })
  const paused = (name: string, detail: string): Outcome<never> => ({
    tag: 'later',
    code: name,
    detail,
    pauseDestination: 'until-resumed',
  })
  if (code === 'EAUTH' || responseCode === 535 || responseCode === 530)
    return paused('relay-login-refused', 'The relay refused the login')
  if (code === 'ETLS') return paused('relay-tls-refused', 'The relay does not offer TLS, which is required')
  if (/limit|quota|exceeded/i.test(response) && responseCode !== null && responseCode >= 500) {
    return {
      tag: 'later',
      code: 'relay-quota',
      detail: 'The relay says that a sending limit was reached',
      notBefore: plusMs(now, quotaPauseMs),
      pauseDestination: 'until-not-before',
    }
  }
  if (/spam/i.test(response))
    return paused('relay-suspects-spam', 'The relay suspects spam; that is not the fault of the recipient')
  if (command.startsWith('MAIL') && responseCode !== null && responseCode >= 500)
    return paused('relay-sender-refused', 'The relay refused the sender address')
  if (command.startsWith('RCPT') && responseCode !== null && responseCode >= 500)
    return { tag: 'refused', code: 'hard-bounce', detail: 'The mailbox does not exist, or refuses us' }
  if (responseCode !== null && responseCode >= 500)
    return { tag: 'refused', code: 'relay-refused', detail: 'The relay refused the letter' }
  if (responseCode !== null && responseCode >= 400) return later('relay-busy', 'The relay asks to try again later')
  if (bodyAsked)
    return {
      tag: 'unknown',
      code: 'relay-silent',
      detail: 'The connection ended after the body was sent; the relay may have kept it',
    }
  return later('relay-not-reached', 'The relay could not be reached')
}
