import { setTimeout } from 'node:timers'

/** Runs out once, unless it is met before. */
export type Deadline = { readonly met: () => void }

/** Begins a deadline, and calls back if it passes. */
export type Deadlines = (passed: () => void) => Deadline

type Entry = { readonly at: number; readonly passed: () => void }

/**
 * Deadlines of one length. They pass in the order in which they began, so that one timer serves all of them; it keeps no process alive.
 */
export const openDeadlines = (lengthMs: number): Deadlines => {
  const open = new Set<Entry>()
  let armed = false

  const arm = (ms: number): void => {
    armed = true
    setTimeout(check, ms).unref()
  }
  const check = (): void => {
    armed = false
    for (const entry of open) {
      const leftMs = entry.at - performance.now()
      if (leftMs > 0) {
        arm(leftMs)
        return
      }
      open.delete(entry)
      entry.passed()
    }
  }

  return (passed) => {
    const entry = { at: performance.now() + lengthMs, passed }
    open.add(entry)
    if (!armed) arm(lengthMs)
    return { met: () => void open.delete(entry) }
  }
}
