import { accepted, type Decider } from '../kernel/decision.ts'
import { type Instant, plusMs } from '../kernel/time.ts'

/** A page of the designer was published; a hint to export it. */
export type TemplateEvent = {
  readonly type: 'TemplatePublished'
  readonly data: {
    readonly at: Instant
    readonly pageId: string
    readonly publishedAt: string | null
    readonly exportAt: Instant
  }
}
/** Wishes about the template. */
export type TemplateCommand = {
  readonly type: 'NotePublication'
  readonly data: { readonly at: Instant; readonly pageId: string; readonly publishedAt: string | null }
}

/** "Publish all" calls once a page, in a burst; one export a minute is enough, and the provider counts requests. */
const debounceMs = 60_000

/** The decider of a template page: publications within a minute lead to one export. */
export const template: Decider<{ readonly exportAt: Instant | null }, TemplateCommand, TemplateEvent> = {
  initial: { exportAt: null },
  evolve: (_state, event) => ({ exportAt: event.data.exportAt }),
  decide: (state, { data }) => {
    if (state.exportAt !== null && state.exportAt > data.at) return accepted()
    return accepted({ type: 'TemplatePublished', data: { ...data, exportAt: plusMs(data.at, debounceMs) } })
  },
}
