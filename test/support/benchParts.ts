import fc from 'fast-check'
import type { Change, Sender } from './webhookBodies.ts'

/** Numbers that never meet: a repeat is sent on purpose or not at all. */
export const fresh = fc.noShrink(fc.noBias(fc.integer({ min: 1_000_000_000, max: 9_000_000_000_000_000 })))

/** A NUL and half of a surrogate pair have no place in PostgreSQL, and come nevertheless. */
export const unstorable = 'a\u0000b\ud800'

/** What people type into fields. */
export const words = fc.constantFrom(
  'Ярославль',
  'Мария & Ко',
  '100% «дом»',
  '',
  'a+b=c',
  '🏡',
  "'; drop table x; --",
  unstorable,
)

/** A way to a hook. */
export const to =
  (path: string, headers: Readonly<Record<string, string>> = {}): Sender =>
  () => ({ path, headers })

/** The right way most of the time, and now and then each of the wrong ones. */
export const senders = (right: readonly Sender[], wrong: readonly Sender[]): fc.Arbitrary<Sender> =>
  fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...right) }, { weight: 1, arbitrary: fc.constantFrom(...wrong) })

/** Every change that the documents judge. */
export const everyChange: readonly Change[] = ['drop', 'odd', 'odd', 'repeat', 'deep', 'many', 'forbidden', 'long-name']
