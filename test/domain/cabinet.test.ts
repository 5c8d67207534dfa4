import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Cabinet, cabinet, cabinetMinutes } from '../../src/domain/cabinet.ts'
import { partnerId } from '../../src/domain/ids.ts'
import { instant, plusMs } from '../../src/kernel/time.ts'

const at = instant(Date.UTC(2026, 10, 24, 9))
const partner = partnerId('11111111-1111-1111-1111-111111111111')

/** How many letters come of asking at these minutes. */
const lettersOf = (minutes: readonly number[], known: boolean): number => {
  let state: Cabinet = cabinet.initial
  let letters = 0
  for (const minute of minutes) {
    const data = { at: plusMs(at, minute * 60_000), partnerId: known ? partner : null }
    const decision = cabinet.decide(state, { type: 'AskCabinetLink', data })
    assert.equal(decision.tag, 'accepted')
    for (const event of decision.tag === 'accepted' ? decision.events : []) {
      state = cabinet.evolve(state, event)
      letters += 1
      assert.equal(event.data.expiresAt, plusMs(data.at, cabinetMinutes * 60_000))
    }
  }
  return letters
}

describe('a link to the cabinet', () => {
  it('is sent once a minute and five times an hour, and the same is decided for an address that nobody has', () => {
    for (const known of [true, false]) {
      assert.equal(lettersOf([0, 0.5, 0.9], known), 1)
      assert.equal(lettersOf([0, 1, 2], known), 3)
      assert.equal(lettersOf([0, 2, 4, 6, 8, 10, 12], known), 5)
      assert.equal(lettersOf([0, 2, 4, 6, 8, 61], known), 6)
    }
  })
})
