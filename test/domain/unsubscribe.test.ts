import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { partnerId } from '../../src/domain/ids.ts'
import {
  type Application,
  type Partner,
  type PartnerCommand,
  partner,
  suppressionClaims,
} from '../../src/domain/partner.ts'
import { instant } from '../../src/kernel/time.ts'
import { application } from '../support/core.ts'

const at = instant(Date.parse('2026-11-24T09:00:00Z'))
const id = partnerId('0191e0c2-0000-7000-8000-000000000001')
const apply = (change: Partial<Application>): PartnerCommand => ({
  type: 'ApplyAsPartner',
  data: { at, partnerId: id, application: application(change) },
})
const unsubscribe: PartnerCommand = { type: 'Unsubscribe', data: { at } }
const erase: PartnerCommand = { type: 'ErasePerson', data: { at, basis: 'request' } }

const played = (...commands: readonly PartnerCommand[]): { state: Partner; said: string[] } => {
  let state = partner.initial
  const said: string[] = []
  for (const command of commands) {
    const decision = partner.decide(state, command)
    const events = decision.tag === 'accepted' ? decision.events : []
    said.push(decision.tag === 'accepted' ? events.map((event) => event.type).join() : decision.code)
    state = events.reduce(partner.evolve, state)
  }
  return { state, said }
}

const marketingOf = (state: Partner): boolean => 'application' in state && state.application.marketing

describe('a refusal of advertising', () => {
  it('is a fact once, also of somebody who never agreed, and of nobody who was forgotten', () => {
    for (const marketing of [true, false]) {
      const { said, state } = played(apply({ marketing }), unsubscribe, unsubscribe)
      assert.deepEqual(said, ['PartnerApplied', 'MarketingUnsubscribed', ''])
      assert.equal(marketingOf(state), false)
    }
    assert.deepEqual(played(unsubscribe).said, ['partner-unknown'])
    assert.deepEqual(played(apply({}), erase, unsubscribe).said.at(-1), '')
  })

  it('lasts until the person agrees anew, and then may come again', () => {
    const waiting = apply({ inn: null, marketing: true })
    const without = played(waiting, unsubscribe, apply({ marketing: false }))
    assert.equal(marketingOf(without.state), false)
    const anew = played(waiting, unsubscribe, apply({ marketing: true }), unsubscribe)
    assert.deepEqual(anew.said.slice(1), ['MarketingUnsubscribed', 'PartnerDetailsProvided', 'MarketingUnsubscribed'])
  })

  it('stays for a suppressed contact, whatever a later form ticks', () => {
    const { state } = played(apply({ inn: null, marketing: false, suppressed: true }), apply({ marketing: true }))
    assert.ok('application' in state)
    assert.deepEqual([state.application.marketing, state.application.suppressed], [false, true])
  })
})

describe('suppressionClaims()', () => {
  it('names each contact that is there', () => {
    assert.deepEqual(suppressionClaims({ email: 'maria@example.ru', phone: null }), [
      'suppressed:email:maria@example.ru',
    ])
    assert.deepEqual(suppressionClaims({ email: null, phone: null }), [])
  })
})
