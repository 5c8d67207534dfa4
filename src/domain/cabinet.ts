import { accepted, type Decider } from '../kernel/decision.ts'
import { type Instant, plusMs } from '../kernel/time.ts'
import type { PartnerId } from './ids.ts'

/** Somebody asked for a link to the cabinet; without a partner nobody of ours has that address. */
export type CabinetEvent = {
  readonly type: 'CabinetLinkAsked'
  readonly data: { readonly at: Instant; readonly partnerId: PartnerId | null; readonly expiresAt: Instant }
}

/** A wish for a link to the cabinet. */
export type CabinetCommand = {
  readonly type: 'AskCabinetLink'
  readonly data: { readonly at: Instant; readonly partnerId: PartnerId | null }
}

/** When links were asked for lately, for one address. */
export type Cabinet = { readonly asked: readonly Instant[] }

/** Minutes for which a link to the cabinet opens it: long enough to look around, short enough for a mailbox that others see. */
export const cabinetMinutes = 60
/** A letter a minute and five an hour are enough for a person, and useless for flooding a mailbox. */
const askEveryMs = 60_000
const asksPerHourMax = 5
const hourMs = 3_600_000

/** The decider of links to the cabinet: one stream an address, named by its digest, whether or not anybody has that address. */
export const cabinet: Decider<Cabinet, CabinetCommand, CabinetEvent> = {
  initial: { asked: [] },
  evolve: ({ asked }, { data }) => ({ asked: [...asked, data.at].slice(-asksPerHourMax) }),
  decide: ({ asked }, { data: { at, partnerId } }) => {
    const within = (ms: number): number => asked.filter((moment) => plusMs(moment, ms) > at).length
    if (within(askEveryMs) > 0 || within(hourMs) >= asksPerHourMax) return accepted()
    const expiresAt = plusMs(at, cabinetMinutes * 60_000)
    return accepted({ type: 'CabinetLinkAsked', data: { at, partnerId, expiresAt } })
  },
}
