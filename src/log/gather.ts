/** Keys of one question: enough for everything that arrives while a question is under way. */
const keysMax = 2000

/**
 * Lets questions that arrive while one is under way share the next one: a lone question is asked at once, under load one round trip
 * answers dozens.
 */
export const gathering = <Value>(
  ask: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>,
): ((keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>) => {
  type Waiting = {
    readonly keys: readonly string[]
    readonly resolve: (found: ReadonlyMap<string, Value>) => void
    readonly reject: (error: unknown) => void
  }
  const queue: Waiting[] = []
  let running = false

  const drain = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch: Waiting[] = []
      const keys = new Set<string>()
      while (queue.length > 0 && keys.size < keysMax) {
        const next = queue.shift()
        if (!next) break
        batch.push(next)
        for (const key of next.keys) keys.add(key)
      }
      try {
        const found = await ask([...keys])
        for (const member of batch) member.resolve(found)
      } catch (error) {
        for (const member of batch) member.reject(error)
      }
    }
    running = false
  }

  return (keys) => {
    if (keys.length === 0) return Promise.resolve(new Map())
    return new Promise((resolve, reject) => {
      queue.push({ keys, resolve, reject })
      if (running) return
      running = true
      queueMicrotask(drain)
    })
  }
}
