import type { Decision } from '../kernel/decision.ts'

/** A fact or a wish as the domain writes it. */
export type Message = { readonly type: string; readonly data: Readonly<Record<string, unknown>> }

/** What one kind of stream means, as plain functions; the engine knows no more of the domain. */
export type StreamModel = {
  readonly initial: unknown
  readonly evolve: (state: unknown, event: Message) => unknown
  readonly decide: (state: unknown, command: Message) => Decision<Message>
  /** The fields of each event type that are about a person: sealed in the log. */
  readonly personal: Readonly<Record<string, readonly string[]>>
  /** The person or company that an event is about. */
  readonly subjectOf: (stream: string, state: unknown, event: Message) => string
  /** What an event takes for its stream, or gives back, such as `inn:7700000009`. */
  readonly claimsOf: (
    state: unknown,
    event: Message,
  ) => { readonly take: readonly string[]; readonly release: readonly string[] }
}

/** Every kind of stream by its category, which is the part of the stream's name before the first hyphen. */
export type Models = Readonly<Record<string, StreamModel>>

/**
 * The category of a stream.
 * @example categoryOf('partner-par_018f') // 'partner'
 */
export const categoryOf = (stream: string): string => stream.slice(0, stream.indexOf('-'))

/** The model of a stream; throws when no model has its category. */
export const modelOf = (models: Models, stream: string): StreamModel => {
  const model = models[categoryOf(stream)]
  if (!model)
    throw new Error(`Cannot find the model of stream "${stream}": known are ${Object.keys(models).join(', ')}`)
  return model
}
