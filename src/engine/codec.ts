import type { RecordedEvent } from '../log/log.ts'
import type { PersonKeys } from '../privacy/personKeys.ts'
import type { Models } from './model.ts'

/** Opens recorded events for folds: personal fields in clear, or null when the person was forgotten. */
export type Codec = {
  /** Brings the keys that these events need into memory. */
  readonly prefetch: (events: readonly SealedEvent[]) => Promise<void>
  /** Opens one event; its keys must be in memory. */
  readonly open: (event: SealedEvent) => Readonly<Record<string, unknown>>
}

/** The part of a recorded event that opening needs. */
export type SealedEvent = Pick<RecordedEvent, 'eventId' | 'subject' | 'type'> & {
  readonly data: RecordedEvent['data'] | null
}

/** Makes the codec over the person keys and the personal fields that the models declare: a type of event belongs to one of them. */
export const makeCodec = (models: Models, keys: PersonKeys): Codec => {
  const personalOf = new Map(Object.values(models).flatMap(({ personal }) => Object.entries(personal)))
  return {
    prefetch: (events) =>
      keys.prefetch(events.filter((event) => event.data && 'sealed' in event.data).map((event) => event.subject)),
    open: (event) => {
      const personal = personalOf.get(event.type)
      if (!personal) return event.data ?? {}
      const opened = keys.openData(event.data ?? {}, { subject: event.subject, aad: event.eventId })
      const missing = personal.filter((field) => opened[field] === undefined)
      return missing.length === 0 ? opened : { ...opened, ...Object.fromEntries(missing.map((field) => [field, null])) }
    },
  }
}
