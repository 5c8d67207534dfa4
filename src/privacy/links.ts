import { timingSafeEqual } from 'node:crypto'
import { linkSignature, type MasterKeys } from './seal.ts'

/** What a link is for; a token of one purpose opens no other door. */
export type LinkPurpose = 'pay' | 'offer' | 'unsubscribe'

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
  const ours = Buffer.from(linkSignature(keys, `${purpose}:${digits}`))
  const theirs = Buffer.from(token.slice(idChars))
  return ours.length === theirs.length && timingSafeEqual(ours, theirs) ? digits : null
}
