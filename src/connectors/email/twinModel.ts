import type { Instant } from '../../kernel/time.ts'
import type { TwinCall, TwinStore } from '../twin.ts'

/** A letter that the sink took. */
export type KeptLetter = {
  readonly id: string
  readonly messageId: string
  readonly from: string
  /** The recipient of the envelope, which is what a relay obeys. */
  readonly to: string
  readonly envelope: { readonly from: string; readonly to: readonly string[] }
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly headers: Readonly<Record<string, string>>
  readonly receivedAt: Instant
}

/** The ways in which a relay misbehaves. */
export const mailFaultKinds = [
  'drop-after-data',
  'greylist',
  'reject-recipient',
  'refuse-login',
  'busy',
  'silent',
  'spam',
  'quota',
] as const

/** How the sink is told to misbehave, for its next letters. */
export type MailFault = { readonly kind: (typeof mailFaultKinds)[number]; readonly times: number }

/** What the sink keeps between two starts. */
export type MailState = {
  readonly letters: readonly KeptLetter[]
  readonly calls: readonly TwinCall[]
  readonly faults: readonly MailFault[]
}

/** Older letters are of no use, and all are saved together. */
const lettersMax = 2000
const callsMax = lettersMax * 2

/** The books of the sink: what it keeps, and changes that are durable when they resolve. */
export type MailBooks = {
  readonly state: () => MailState
  readonly change: (step: (state: MailState) => MailState) => Promise<void>
  /** Uses up one fault of a kind; false when none is scripted. */
  readonly takeFault: (kind: MailFault['kind']) => Promise<boolean>
}

/** Opens the books. Changes that arrive while a save is under way are saved together by the next one. */
export const openMailBooks = async (store: TwinStore<MailState>): Promise<MailBooks> => {
  let state = (await store.load()) ?? { letters: [], calls: [], faults: [] }
  let running: Promise<void> = Promise.resolve()
  let waiting: Promise<void> | null = null
  const save = (): Promise<void> => {
    waiting ??= running
      .catch(() => {})
      .then(() => {
        waiting = null
        running = store.save(state)
        return running
      })
    return waiting
  }
  const change: MailBooks['change'] = (step) => {
    state = step(state)
    return save()
  }
  return {
    state: () => state,
    change,
    takeFault: async (kind) => {
      if (!state.faults.some((fault) => fault.kind === kind)) return false
      await change((old) => ({ ...old, faults: usedUp(old.faults, kind) }))
      return true
    },
  }
}

/** Keeps a letter; its Message-ID tells a first delivery from a repeated one. */
export const withLetter = (state: MailState, letter: KeptLetter): MailState => {
  const call: TwinCall = {
    at: letter.receivedAt,
    method: 'DATA',
    path: '/',
    key: letter.messageId,
    status: 250,
    applied: !state.letters.some((known) => known.messageId === letter.messageId),
    summary: letter.subject,
  }
  return { ...withCall(state, call), letters: [...state.letters, letter].slice(-lettersMax) }
}

/** Notes a refusal in the ledger. */
export const withCall = (state: MailState, call: TwinCall): MailState => ({
  ...state,
  calls: [...state.calls, call].slice(-callsMax),
})

const usedUp = (faults: readonly MailFault[], kind: MailFault['kind']): readonly MailFault[] => {
  const index = faults.findIndex((fault) => fault.kind === kind)
  return faults.flatMap((fault, at) =>
    at !== index ? [fault] : fault.times > 1 ? [{ ...fault, times: fault.times - 1 }] : [],
  )
}
