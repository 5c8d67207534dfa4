import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeSessions } from '../../src/console/session.ts'

const token = 'operator-token-of-the-tests'

const at = () => {
  const clock = { ms: 1_790_000_000_000 }
  return { clock, sessions: makeSessions([token, 'the-next-token'], () => clock.ms) }
}
type Sessions = ReturnType<typeof at>['sessions']

const cookieOf = (sessions: Sessions, given = token): string => {
  const result = sessions.signIn(given, '192.0.2.1')
  assert.equal(result.tag, 'in')
  return result.tag === 'in' ? result.cookie : ''
}

describe('sessions of the console', () => {
  it('open with either valid token and end after twelve hours', () => {
    const { clock, sessions } = at()
    const cookie = cookieOf(sessions)
    assert.ok(sessions.read(cookie))
    assert.ok(sessions.read(cookieOf(sessions, 'the-next-token')))
    clock.ms += 12 * 3_600_000 - 1
    assert.ok(sessions.read(cookie))
    clock.ms += 1
    assert.equal(sessions.read(cookie), null)
  })

  it('are refused when a letter of the cookie was changed', () => {
    const { sessions } = at()
    const cookie = cookieOf(sessions)
    const [id = '', end = '', signature = ''] = cookie.split('.')
    assert.equal(sessions.read(`${id}.${Number(end) + 1}.${signature}`), null)
    assert.equal(sessions.read(`${id}.${end}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`), null)
    assert.equal(sessions.read(`${id}.${end}`), null)
    assert.equal(sessions.read(''), null)
    assert.equal(sessions.read(null), null)
  })

  it('end with the token that opened them', () => {
    const { clock, sessions } = at()
    const cookie = cookieOf(sessions)
    assert.equal(makeSessions(['the-next-token'], () => clock.ms).read(cookie), null)
    assert.ok(makeSessions(['another-token', token], () => clock.ms).read(cookie))
  })

  it('end when the operator signs out, the others stay', () => {
    const { sessions } = at()
    const [mine, other] = [cookieOf(sessions), cookieOf(sessions)]
    const session = sessions.read(mine)
    assert.ok(session)
    sessions.signOut(session)
    assert.equal(sessions.read(mine), null)
    assert.ok(sessions.read(other))
  })

  it('give each session a key of its own for forms', () => {
    const { sessions } = at()
    assert.notEqual(sessions.read(cookieOf(sessions))?.csrf, sessions.read(cookieOf(sessions))?.csrf)
  })

  it('keep an address waiting after five wrong tokens, twice as long after each further one, and no other address', () => {
    const { clock, sessions } = at()
    const guess = () => sessions.signIn('guess', '192.0.2.66')
    for (let attempt = 1; attempt <= 5; attempt++) assert.deepEqual(guess(), { tag: 'wrong' })
    assert.deepEqual(guess(), { tag: 'locked', seconds: 30 })
    assert.equal(sessions.signIn(token, '192.0.2.66').tag, 'locked')
    assert.equal(sessions.signIn(token, '192.0.2.67').tag, 'in')
    clock.ms += 30_000
    assert.deepEqual(guess(), { tag: 'wrong' })
    assert.deepEqual(guess(), { tag: 'locked', seconds: 60 })
    clock.ms += 60_000
    assert.equal(sessions.signIn(token, '192.0.2.66').tag, 'in')
    assert.deepEqual(guess(), { tag: 'wrong' })
    assert.deepEqual(guess(), { tag: 'wrong' })
  })

  it('never keep an address waiting for more than a quarter of an hour', () => {
    const { clock, sessions } = at()
    for (let attempt = 1; attempt <= 40; attempt++) {
      const result = sessions.signIn('guess', '192.0.2.66')
      if (result.tag !== 'locked') continue
      assert.ok(result.seconds <= 900)
      clock.ms += result.seconds * 1000
    }
    assert.equal(sessions.signIn('guess', '192.0.2.66').tag, 'wrong')
    assert.deepEqual(sessions.signIn('guess', '192.0.2.66'), { tag: 'locked', seconds: 900 })
  })
})
