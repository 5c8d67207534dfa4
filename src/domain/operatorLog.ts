import { accepted, type Decider } from '../kernel/decision.ts'
import type { Instant } from '../kernel/time.ts'

/** Something an operator made the service do, with who, why, and what it looked like before and after. */
export type OperatorAction = {
  readonly at: Instant
  readonly action: string
  readonly target: string
  readonly before: string | null
  readonly after: string | null
}

/** Facts about operators. */
export type OperatorEvent = { readonly type: 'OperatorActed'; readonly data: OperatorAction }
/** Wishes about operators. */
export type OperatorCommand = { readonly type: 'RecordOperatorAction'; readonly data: OperatorAction }

/** Every action is a fact; nothing is ever refused here, because what an action may do is decided where it acts. */
export const operatorLog: Decider<{ readonly count: number }, OperatorCommand, OperatorEvent> = {
  initial: { count: 0 },
  evolve: (state) => ({ count: state.count + 1 }),
  decide: (_state, command) => accepted({ type: 'OperatorActed', data: command.data }),
}
