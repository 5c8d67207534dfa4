import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'

/** A signed-in operator: the id of the session, its end, and the key that its forms carry. */
export type Session = { readonly id: string; readonly expiresAtMs: number; readonly csrf: string }

/** What an attempt to sign in came to. */
export type SignIn =
  | { readonly tag: 'in'; readonly cookie: string }
  | { readonly tag: 'wrong' }
  | { readonly tag: 'locked'; readonly seconds: number }

const sessionMs = 12 * 3_600_000
/** Wrong tokens of one address before it has to wait; each further one doubles the wait. */
const failuresMax = 5
const firstLockMs = 30_000
const lockMsMax = 15 * 60_000
const addressesMax = 10_000
const sessionsEndedMax = 10_000

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
const sign = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('base64url')
const equal = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other))

/**
 * Sessions of operators, kept by the browser: a random id and an end, signed with the token that opened them, so that a withdrawn
 * token ends its sessions. Signing out is remembered by this process until the session would have ended.
 */
export const makeSessions = (tokens: readonly string[], nowMs: () => number) => {
  const failures = new LRUCache<string, { count: number; untilMs: number }>({ max: addressesMax })
  const ended = new LRUCache<string, true>({ max: sessionsEndedMax })
  const keyOf = (token: string): string => `console-session:${token}`
  const formKey = `console-form:${tokens.join(':')}`

  const locked = (peer: string): number => Math.ceil(Math.max(0, (failures.get(peer)?.untilMs ?? 0) - nowMs()) / 1000)

  const failed = (peer: string): void => {
    const count = (failures.get(peer)?.count ?? 0) + 1
    const waitMs = count < failuresMax ? 0 : Math.min(lockMsMax, firstLockMs * 2 ** (count - failuresMax))
    failures.set(peer, { count, untilMs: nowMs() + waitMs })
  }

  return {
    /** Opens a session for a token; an address that guesses waits, whatever it brings next. */
    signIn: (given: string, peer: string): SignIn => {
      const seconds = locked(peer)
      if (seconds > 0) return { tag: 'locked', seconds }
      const token = tokens.filter((candidate) => equal(candidate, given)).at(0)
      if (token === undefined) {
        failed(peer)
        return { tag: 'wrong' }
      }
      failures.delete(peer)
      const body = `${randomBytes(18).toString('base64url')}.${nowMs() + sessionMs}`
      return { tag: 'in', cookie: `${body}.${sign(keyOf(token), body)}` }
    },
    /** The session of a cookie; null when it is none of ours, over, or signed out. */
    read: (cookie: string | null): Session | null => {
      const [, body = '', id = '', end = '', signature = ''] =
        /^(([\w-]{24})\.(\d{1,15}))\.([\w-]{43})$/.exec(cookie ?? '') ?? []
      if (id === '' || Number(end) <= nowMs() || ended.has(id)) return null
      const token = tokens.filter((candidate) => equal(sign(keyOf(candidate), body), signature)).at(0)
      if (token === undefined) return null
      return { id, expiresAtMs: Number(end), csrf: sign(keyOf(token), `csrf:${id}`) }
    },
    signOut: (session: Session): void => {
      ended.set(session.id, true)
    },
    /** The key of the sign-in form, bound to a cookie that the same browser must bring back. */
    formToken: (nonce: string): string => sign(formKey, nonce),
    newNonce: (): string => randomBytes(18).toString('base64url'),
    isSame: equal,
  }
}

/** Sessions of the console. */
export type Sessions = ReturnType<typeof makeSessions>

/** One cookie of a request. */
export const cookieOf = (request: Request, name: string): string | null => {
  for (const part of (request.headers.get('cookie') ?? '').split(';')) {
    const [key = '', ...rest] = part.split('=')
    if (key.trim() === name) return rest.join('=').trim()
  }
  return null
}

/** A cookie that the console sets: strict, for its own paths only, out of reach of scripts. */
export const setCookie = (
  name: string,
  value: string,
  at: { readonly maxAgeSeconds: number; readonly secure: boolean },
): string =>
  `${name}=${value}; Path=/console; HttpOnly; SameSite=Strict; Max-Age=${at.maxAgeSeconds}${at.secure ? '; Secure' : ''}`

/** How long a session cookie is kept by the browser. */
export const sessionSeconds = sessionMs / 1000
