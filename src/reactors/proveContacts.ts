import { subscriptionIdOf, subscriptionStream } from '../domain/ids.ts'
import type { DomainEvent } from '../domain/index.ts'
import { codeMinutes } from '../domain/proof.ts'
import type { Asked } from './settings.ts'

/** Sends the code that a chat has to show, and carries out what a proven partner asked for. */
export const proveContacts = (event: DomainEvent): readonly Asked[] => {
  switch (event.type) {
    case 'ProofAsked': {
      const { email, code } = event.data
      if (!email || !code) return []
      const vars = { code, validMinutes: codeMinutes }
      const payload = { letter: 'proof-code', to: email, vars, kind: 'transactional' }
      return [{ destination: 'email', kind: 'email.send', payload, personal: ['to', 'vars'] }]
    }
    case 'CancellationAsked': {
      const stream = subscriptionStream(subscriptionIdOf(event.data.partnerId))
      const command = { type: 'CancelSubscription', data: { when: event.data.when } }
      return [{ destination: 'hub', kind: 'hub.command', payload: { stream, command } }]
    }
    default:
      return []
  }
}
