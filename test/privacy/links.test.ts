import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Instant } from '../../src/kernel/time.ts'
import { expiringToken, linkToken, readExpiringToken, readLinkToken } from '../../src/privacy/links.ts'
import { masterKeys } from '../../src/privacy/seal.ts'

const keys = masterKeys([randomBytes(32)])
const id = `par_${'0a'.repeat(16)}`
const expiresAt = '2026-11-24T10:00:00.000Z' as Instant

describe('an expiring token', () => {
  const token = expiringToken(keys, 'cabinet', { id, expiresAt })

  it('names an id and the moment until which it is good', () => {
    assert.deepEqual(readExpiringToken(keys, 'cabinet', token), { digits: '0a'.repeat(16), expiresAt })
  })

  it('opens no door of another purpose, of another key or of a link that never ends', () => {
    assert.equal(readExpiringToken(keys, 'pay', token), null)
    assert.equal(readExpiringToken(masterKeys([randomBytes(32)]), 'cabinet', token), null)
    assert.equal(readLinkToken(keys, 'cabinet', token), null)
    assert.equal(readExpiringToken(keys, 'cabinet', linkToken(keys, 'cabinet', id)), null)
  })

  it('is worth nothing with any sign changed, cut or added', () => {
    for (let at = 0; at < token.length; at++) {
      const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
      const read = readExpiringToken(keys, 'cabinet', changed)
      // The last sign of each part holds bits that no byte uses.
      if (read !== null) assert.deepEqual(read, { digits: '0a'.repeat(16), expiresAt })
    }
    for (const wrong of ['', token.slice(1), `${token}A`, token.replace(/./, '.')])
      assert.equal(readExpiringToken(keys, 'cabinet', wrong), null)
  })
})
