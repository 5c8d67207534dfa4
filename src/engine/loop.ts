import { setTimeout as wait } from 'node:timers/promises'

/** A loop that works while there is something to do, and sleeps until it is woken. */
export type Loop = {
  /** There may be something to do. Never throws, so that it can be called from any listener. */
  readonly wake: () => void
  /** Finishes the step that runs, and ends. */
  readonly stop: () => Promise<void>
}

/** What a loop does and how patient it is. */
export type LoopOptions = {
  /** One bounded step; true when more may be waiting. */
  readonly step: () => Promise<boolean>
  /** Told of every failed step; the loop goes on after a pause. */
  readonly onError: (error: unknown) => void
  /** Without a wake-up the loop looks by itself this often: a lost notification costs no more than that. */
  readonly idleMs: number
}

/** Pauses after failed steps in a row: 100 ms, then doubling. */
const backoffMaxMs = 5000

/** Starts a loop. A failed step is repeated after a growing pause, for ever: following the log has no other way out. */
export const startLoop = (options: LoopOptions): Loop => {
  let stopped = false
  let pending = true
  let sleeper = new AbortController()

  const sleep = async (ms: number): Promise<void> => {
    sleeper = new AbortController()
    if (pending || stopped) return
    await wait(ms, null, { signal: sleeper.signal }).catch(() => {})
  }

  const run = async (): Promise<void> => {
    let failures = 0
    while (!stopped) {
      pending = false
      try {
        const more = await options.step()
        failures = 0
        if (!more) await sleep(options.idleMs)
      } catch (error) {
        options.onError(error)
        failures += 1
        await wait(Math.min(100 * 2 ** (failures - 1), backoffMaxMs) * (0.5 + Math.random() / 2))
      }
    }
  }
  const running = run()

  return {
    wake: () => {
      pending = true
      sleeper.abort()
    },
    stop: async () => {
      stopped = true
      sleeper.abort()
      await running
    },
  }
}
