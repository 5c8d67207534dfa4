import type { Instant } from './time.ts'

/** What a decider says: facts to append, or the reason why not. */
export type Decision<Event> =
  | { readonly tag: 'accepted'; readonly events: readonly Event[] }
  | { readonly tag: 'refused'; readonly code: string; readonly detail: string }

/** The decision to append these facts; none when nothing has to change. */
export const accepted = <Event>(...events: readonly Event[]): Decision<Event> => ({ tag: 'accepted', events })

/** The decision to append nothing, with a kebab code and a sentence for people. */
export const refused = (code: string, detail: string): Decision<never> => ({ tag: 'refused', code, detail })

/** A consistency unit as three pure parts. `decide` never reads a clock: commands carry their moment. */
export type Decider<State, Command, Event> = {
  readonly initial: State
  readonly evolve: (state: State, event: Event) => State
  readonly decide: (state: State, command: Command) => Decision<Event>
}

/**
 * What became of an outgoing operation.
 * `done`: it took effect, or it was answered. `refused`: the other side said no, for good. `later`: it did not take effect, ask
 * again; `pauseDestination` when the whole destination asks for patience. `unknown`: it may have taken effect; look before repeating.
 */
export type Outcome<Result = unknown> =
  | { readonly tag: 'done'; readonly result: Result }
  | { readonly tag: 'refused'; readonly code: string; readonly detail: string; readonly result?: unknown }
  | {
      readonly tag: 'later'
      readonly code: string
      readonly detail: string
      /** Not before this moment; absent: the engine's own backoff. */
      readonly notBefore?: Instant
      /** Set when every operation of the destination must wait; the attempt is then not counted. */
      readonly pauseDestination?: 'until-not-before' | 'until-resumed'
    }
  | { readonly tag: 'unknown'; readonly code: string; readonly detail: string }

/** Builds the outcome `done`. */
export const done = <Result>(result: Result): Outcome<Result> => ({ tag: 'done', result })
