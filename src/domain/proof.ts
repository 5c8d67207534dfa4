import { unreachable } from '../kernel/brand.ts'
import { accepted, type Decider, type Decision, refused } from '../kernel/decision.ts'
import { type Instant, plusMs } from '../kernel/time.ts'
import type { PartnerId } from './ids.ts'

/** Facts about who speaks in a chat with the partners' bot. */
export type ProofEvent =
  | {
      readonly type: 'ProofAsked'
      readonly data: {
        readonly at: Instant
        readonly partnerId: PartnerId
        readonly email: string | null
        readonly code: string | null
        readonly expiresAt: Instant
      }
    }
  | { readonly type: 'ProofFailed'; readonly data: { readonly at: Instant; readonly partnerId: PartnerId } }
  | {
      readonly type: 'ProofGranted'
      readonly data: { readonly at: Instant; readonly partnerId: PartnerId; readonly until: Instant }
    }
  | {
      readonly type: 'CancellationAsked'
      readonly data: {
        readonly at: Instant
        readonly partnerId: PartnerId
        readonly when: 'now' | 'period_end'
      }
    }

/** Wishes of a chat with the partners' bot. */
export type ProofCommand =
  | {
      readonly type: 'AskProof'
      readonly data: {
        readonly at: Instant
        readonly partnerId: PartnerId
        readonly email: string
        readonly code: string
      }
    }
  | { readonly type: 'GiveCode'; readonly data: { readonly at: Instant; readonly code: string } }
  | {
      readonly type: 'AskCancellation'
      readonly data: { readonly at: Instant; readonly when: 'now' | 'period_end' }
    }

/** What a chat has proven so far. */
export type Proof = {
  readonly pending: {
    readonly partnerId: PartnerId
    readonly code: string | null
    readonly expiresAt: Instant
    readonly askedAt: Instant
    readonly failures: number
  } | null
  readonly granted: { readonly partnerId: PartnerId; readonly until: Instant } | null
  /** When letters were asked for lately. */
  readonly asked: readonly Instant[]
}

/** Minutes for which a code can be given. */
export const codeMinutes = 15
/** A six-digit code that may be guessed five times is found once in 200 000. */
const failuresMax = 5
/** A proof holds for a talk, not for ever: phones change hands. */
const proofHours = 24
/** A letter a minute and five an hour are enough for a person, and useless for flooding a mailbox. */
const askEveryMs = 60_000
const asksPerHourMax = 5
const hourMs = 3_600_000

const evolve = (state: Proof, event: ProofEvent): Proof => {
  switch (event.type) {
    case 'ProofAsked': {
      const { partnerId, code, expiresAt, at } = event.data
      const asked = [...state.asked, at].slice(-asksPerHourMax)
      return { ...state, pending: { partnerId, code, expiresAt, askedAt: at, failures: 0 }, asked }
    }
    case 'ProofFailed':
      return state.pending ? { ...state, pending: { ...state.pending, failures: state.pending.failures + 1 } } : state
    case 'ProofGranted':
      return { ...state, pending: null, granted: { partnerId: event.data.partnerId, until: event.data.until } }
    case 'CancellationAsked':
      return state
    default:
      return unreachable(event)
  }
}

/** The partner whom a chat has proven to be; null when it has not, or too long ago. */
export const provenPartner = (state: Proof, at: Instant): PartnerId | null =>
  state.granted !== null && state.granted.until > at ? state.granted.partnerId : null

const decide = (state: Proof, command: ProofCommand): Decision<ProofEvent> => {
  switch (command.type) {
    case 'AskProof': {
      const { at, partnerId, email, code } = command.data
      if (state.pending?.partnerId === partnerId && plusMs(state.pending.askedAt, askEveryMs) > at) return accepted()
      if (state.asked.filter((asked) => plusMs(asked, hourMs) > at).length >= asksPerHourMax)
        return refused('too-many-codes', `Cannot send a code: ${asksPerHourMax} were sent within the hour`)
      const expiresAt = plusMs(at, codeMinutes * 60_000)
      return accepted({ type: 'ProofAsked', data: { at, partnerId, email, code, expiresAt } })
    }
    case 'GiveCode': {
      const { at, code } = command.data
      const { pending } = state
      if (pending === null || pending.expiresAt <= at || pending.failures >= failuresMax)
        return refused('code-expired', 'Cannot take the code: none is awaited')
      const { partnerId } = pending
      return pending.code === code
        ? accepted({ type: 'ProofGranted', data: { at, partnerId, until: plusMs(at, proofHours * hourMs) } })
        : accepted({ type: 'ProofFailed', data: { at, partnerId } })
    }
    case 'AskCancellation': {
      const { at, when } = command.data
      const partnerId = provenPartner(state, at)
      return partnerId === null
        ? refused('proof-missing', 'Cannot cancel the subscription: the chat has not proven whose it is')
        : accepted({ type: 'CancellationAsked', data: { at, partnerId, when } })
    }
    default:
      return unreachable(command)
  }
}

/** The decider of a proof: a chat shows by a code from a letter that it is the partner's. */
export const proof: Decider<Proof, ProofCommand, ProofEvent> = {
  initial: { pending: null, granted: null, asked: [] },
  evolve,
  decide,
}

/** The fields of each event that are about a person; the code is one while it lives. */
export const proofPersonal: Readonly<Record<string, readonly string[]>> = { ProofAsked: ['email', 'code'] }
