import { createHash, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Actor } from './ports.ts'

/** Wrong tokens of one address in a minute before it has to wait. */
const wrongTokensMax = 20
const windowMs = 60_000

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Who a request comes from: a role, nobody, or somebody who tried too often. */
export type Access =
  | { readonly tag: 'actor'; readonly actor: Actor }
  | { readonly tag: 'missing' }
  | { readonly tag: 'wrong' }
  | { readonly tag: 'throttled' }

/** Tells roles by bearer tokens, compared as digests in constant time; two of each may be valid. Tokens in the query are ignored. */
export const makeAccess = (
  tokens: { readonly operator: readonly string[]; readonly analyst: readonly string[] },
  nowMs: () => number,
) => {
  const known = [
    ...tokens.operator.map((token) => ({ role: 'operator' as const, digest: digest(token) })),
    ...tokens.analyst.map((token) => ({ role: 'analyst' as const, digest: digest(token) })),
  ]
  const wrong = new LRUCache<string, { count: number; since: number }>({ max: 10_000 })

  return (request: Request, peer: string): Access => {
    const given = /^Bearer ([\x21-\x7e]{1,500})$/i.exec(request.headers.get('authorization') ?? '')?.[1]
    if (given === undefined) return { tag: 'missing' }
    const asked = digest(given)
    const found = known.filter((token) => timingSafeEqual(token.digest, asked)).at(0)
    if (found) return { tag: 'actor', actor: { role: found.role, name: found.role } }
    const now = nowMs()
    const seen = wrong.get(peer)
    const tries =
      seen && now - seen.since < windowMs ? { count: seen.count + 1, since: seen.since } : { count: 1, since: now }
    wrong.set(peer, tries)
    return tries.count > wrongTokensMax ? { tag: 'throttled' } : { tag: 'wrong' }
  }
}
