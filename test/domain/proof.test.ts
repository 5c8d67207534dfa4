import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { partnerId } from '../../src/domain/ids.ts'
import { type Proof, type ProofCommand, proof, provenPartner } from '../../src/domain/proof.ts'
import { type Instant, instant, plusMs } from '../../src/kernel/time.ts'

const start = instant(Date.parse('2026-11-24T09:00:00Z'))
const minutes = (count: number): Instant => plusMs(start, count * 60_000)
const maria = partnerId('0191e0c2-0000-7000-8000-000000000001')
const ask = (at: Instant, code = '123456'): ProofCommand => ({
  type: 'AskProof',
  data: { at, partnerId: maria, email: 'maria@example.ru', code },
})
const give = (at: Instant, code: string): ProofCommand => ({ type: 'GiveCode', data: { at, code } })

const played = (...commands: readonly ProofCommand[]): { state: Proof; said: string[] } => {
  let state = proof.initial
  const said: string[] = []
  for (const command of commands) {
    const decision = proof.decide(state, command)
    const events = decision.tag === 'accepted' ? decision.events : []
    said.push(decision.tag === 'accepted' ? events.map((event) => event.type).join() : decision.code)
    state = events.reduce(proof.evolve, state)
  }
  return { state, said }
}

describe('a proof', () => {
  it('is granted by the code from the letter, and holds for a day', () => {
    const { state, said } = played(ask(start), give(minutes(1), '000000'), give(minutes(2), '123456'))
    assert.deepEqual(said, ['ProofAsked', 'ProofFailed', 'ProofGranted'])
    assert.equal(provenPartner(state, minutes(3)), maria)
    assert.equal(provenPartner(state, minutes(2 + 24 * 60)), null)
    assert.equal(played(ask(start), give(minutes(1), '123456'), give(minutes(2), '123456')).said[2], 'code-expired')
  })

  it('is not guessed: five wrong codes or a quarter of an hour end it', () => {
    const wrong = [1, 2, 3, 4, 5].map((n) => give(minutes(n), `00000${n}`))
    assert.equal(played(ask(start), ...wrong, give(minutes(6), '123456')).said.at(-1), 'code-expired')
    assert.equal(played(ask(start), give(minutes(15), '123456')).said.at(-1), 'code-expired')
  })

  it('floods no mailbox: one letter a minute, five an hour', () => {
    const often = [0, 0.5, 1, 2, 3, 4, 5].map((n) => ask(minutes(n)))
    assert.deepEqual(played(...often).said, [
      'ProofAsked',
      '',
      'ProofAsked',
      'ProofAsked',
      'ProofAsked',
      'ProofAsked',
      'too-many-codes',
    ])
  })

  it('is needed for a cancellation', () => {
    const cancel: ProofCommand = { type: 'AskCancellation', data: { at: minutes(2), when: 'period_end' } }
    assert.deepEqual(played(cancel).said, ['proof-missing'])
    assert.deepEqual(played(ask(start), give(minutes(1), '123456'), cancel).said.at(-1), 'CancellationAsked')
  })
})
