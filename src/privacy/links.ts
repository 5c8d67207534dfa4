import { timingSafeEqual } from 'node:crypto'
import { type Instant, instant, msOf } from '../kernel/time.ts'
import { linkSignature, type MasterKeys } from './seal.ts'

/** What a link is for; a token of one purpose opens no other door. */
export type LinkPurpose = 'pay' | 'offer' | 'unsubscribe' | 'cabinet'

const idChars = 22

/**
 * A token that names one of our ids (a prefix and 32 hex digits) and proves that we made it: 16 bytes of id and 16 of signature.
 * It holds no personal data and needs no table.
 */
export const linkToken = (keys: MasterKeys, purpose: LinkPurpose, id: string): string => {
  const bytes = Buffer.from(id.slice(id.indexOf('_') + 1), 'hex')
  return `${bytes.toString('base64url')}${linkSignature(keys, `${purpose}:${bytes.toString('hex')}`)}`
}

/** The 32 hex digits of the id that a token names; null when we did not make it for this purpose. */
export const readLinkToken = (keys: MasterKeys, purpose: LinkPurpose, token: string): string | null => {
  if (!/^[\w-]{44}$/.test(token)) return null
  const digits = Buffer.from(token.slice(0, idChars), 'base64url').toString('hex')
  return isSigned(linkSignature(keys, `${purpose}:${digits}`), token.slice(idChars)) ? digits : null
}

const isSigned = (ours: string, theirs: string): boolean =>
  ours.length === theirs.length && timingSafeEqual(Buffer.from(ours), Buffer.from(theirs))

const secondsBytes = 4
const expiringChars = 27

/** A token like `linkToken` that also says, under the signature, until when it is good; whole seconds, rounded down. */
export const expiringToken = (
  keys: MasterKeys,
  purpose: LinkPurpose,
  { id, expiresAt }: { readonly id: string; readonly expiresAt: Instant },
): string => {
  const seconds = Buffer.alloc(secondsBytes)
  seconds.writeUInt32BE(Math.floor(msOf(expiresAt) / 1000))
  const bytes = Buffer.concat([Buffer.from(id.slice(id.indexOf('_') + 1), 'hex'), seconds])
  return `${bytes.toString('base64url')}${linkSignature(keys, `${purpose}:${bytes.toString('hex')}`)}`
}

/** What an expiring token names and until when; null when we did not make it for this purpose. Whether it is over is for the caller to say. */
export const readExpiringToken = (
  keys: MasterKeys,
  purpose: LinkPurpose,
  token: string,
): { readonly digits: string; readonly expiresAt: Instant } | null => {
  if (!/^[\w-]{49}$/.test(token)) return null
  const bytes = Buffer.from(token.slice(0, expiringChars), 'base64url')
  if (!isSigned(linkSignature(keys, `${purpose}:${bytes.toString('hex')}`), token.slice(expiringChars))) return null
  const seconds = bytes.readUInt32BE(bytes.length - secondsBytes)
  return { digits: bytes.subarray(0, -secondsBytes).toString('hex'), expiresAt: instant(seconds * 1000) }
}
