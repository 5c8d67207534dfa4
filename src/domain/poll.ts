import { accepted, type Decider } from '../kernel/decision.ts'
import { type Instant, plusMs } from '../kernel/time.ts'

/** Somebody whom we poll said that there is something new. */
export type PollEvent = {
  readonly type: 'PullHinted'
  readonly data: { readonly at: Instant; readonly provider: 'flexbe'; readonly pullAt: Instant }
}
/** Wishes about polling. */
export type PollCommand = {
  readonly type: 'NoteHint'
  readonly data: { readonly at: Instant; readonly provider: 'flexbe' }
}

/** What a hint speaks of may become visible a little later; and hints come in bursts. */
const delayMs = 3000

/** The decider of polling: hints of one moment lead to one pull. */
export const poll: Decider<{ readonly pullAt: Instant | null }, PollCommand, PollEvent> = {
  initial: { pullAt: null },
  evolve: (_state, event) => ({ pullAt: event.data.pullAt }),
  decide: (state, { data }) =>
    state.pullAt !== null && state.pullAt > data.at
      ? accepted()
      : accepted({ type: 'PullHinted', data: { ...data, pullAt: plusMs(data.at, delayMs) } }),
}
