import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

/** A 32-byte AES key of one person, unwrapped. */
export type PersonKey = Buffer

/** What the master key is used for; each purpose has its own derived key. */
export type MasterKeys = {
  /** Wraps person keys; the second one, if any, is the previous master key during a rotation. */
  readonly wrapping: readonly Buffer[]
  /** Makes a claimed or suppressed value unreadable but comparable. */
  readonly pepper: Buffer
  /** Signs the links that we send: pay, cabinet, unsubscribe. */
  readonly links: Buffer
  /** Derives webhook secrets that the owner did not choose. */
  readonly webhooks: Buffer
}

const ivBytes = 12
const tagBytes = 16

const derived = (master: Buffer, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', master, 'partner-hub', purpose, 32))

/** Derives the key of each purpose from one or two 32-byte master keys; the first one is in force. */
export const masterKeys = (masters: readonly Buffer[]): MasterKeys => {
  const [first] = masters
  if (!first || masters.some((master) => master.length !== 32))
    throw new Error('Cannot derive keys: a master key should have 32 bytes')
  return {
    wrapping: masters.map((master) => derived(master, 'wrap')),
    pepper: derived(first, 'pepper'),
    links: derived(first, 'links'),
    webhooks: derived(first, 'webhooks'),
  }
}

/** A fresh random person key. */
export const newPersonKey = (): PersonKey => randomBytes(32)

const encrypt = (key: Buffer, plain: Buffer, aad: string): Buffer => {
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  cipher.setAAD(Buffer.from(aad))
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

const decrypt = (key: Buffer, sealed: Buffer, aad: string): Buffer => {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivBytes))
  decipher.setAAD(Buffer.from(aad))
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes))
  const start = decipher.update(sealed.subarray(ivBytes, sealed.length - tagBytes))
  return Buffer.concat([start, decipher.final()])
}

/** Wraps a person key for storage; bound to the person, so that rows cannot be swapped. */
export const wrapKey = (keys: MasterKeys, key: PersonKey, subject: string): Buffer => {
  const [current] = keys.wrapping
  if (!current) throw new Error('Cannot wrap a person key: there is no master key')
  return encrypt(current, key, subject)
}

/** Unwraps a stored person key with whichever master key fits; throws when none does. */
export const unwrapKey = (keys: MasterKeys, wrapped: Buffer, subject: string): PersonKey => {
  for (const wrapping of keys.wrapping) {
    try {
      return decrypt(wrapping, wrapped, subject)
    } catch {}
  }
  throw new Error('Cannot unwrap a person key: HUB_MASTER_KEY is not the one that wrapped it')
}

/** Seals a JSON value under a person's key as base64 text; `aad` names its place, such as the event id. */
export const seal = (key: PersonKey, value: unknown, aad: string): string =>
  encrypt(key, Buffer.from(JSON.stringify(value)), aad).toString('base64')

/** Opens what `seal` made; throws when the key, the place or the bytes differ. */
export const open = (key: PersonKey, sealed: string, aad: string): unknown =>
  JSON.parse(decrypt(key, Buffer.from(sealed, 'base64'), aad).toString())

/** A keyed digest of a claimed value, such as `inn:7700000009`: equal values compare equal, none can be read back. */
export const peppered = (keys: MasterKeys, value: string): string =>
  createHmac('sha256', keys.pepper).update(value).digest('base64url')

/** A short signature of a link's content, 16 bytes as base64url. */
export const linkSignature = (keys: MasterKeys, content: string): string =>
  createHmac('sha256', keys.links).update(content).digest().subarray(0, 16).toString('base64url')
