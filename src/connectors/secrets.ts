import { hash, timingSafeEqual } from 'node:crypto'

/**
 * Which of the valid secrets a sender gave, as its place in the list; null when it is none of them. Hashing first makes the
 * comparison take the same time for every length, and all secrets are compared whichever matches.
 * @example secretPlace('new', ['new', 'old']) // 0
 */
export const secretPlace = (given: string, secrets: readonly string[]): number | null => {
  const digest = sha256(given)
  let place: number | null = null
  for (const [index, secret] of secrets.entries()) {
    if (timingSafeEqual(digest, sha256(secret)) && secret !== '') place ??= index
  }
  return place
}

/** How a matching secret is called in records: the first is the newer one. */
export const secretName = (place: number): string => `secret-${place + 1}`

const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer')
