import type { Figure } from './figure.ts'

/** Somebody who is measured once a round. */
export type Contestant = Omit<Figure, 'rounds'> & {
  /** Makes the same start for everybody; not timed. */
  readonly before?: (round: number) => Promise<void>
  /** Cleans up behind a run; not timed. */
  readonly after?: () => Promise<void>
  /** Answers the number of this round. */
  readonly run: (windowMs: number) => Promise<number>
}

/** How everybody is run. */
export type Turns = {
  readonly rounds: number
  readonly windowMs: number
  /** Length of a first run that is not counted: connections open, statements are prepared, code is compiled. 0: none. */
  readonly warmUpMs: number
}

/**
 * Runs everybody once a round, so that whatever else the machine does meanwhile hits all of them; who goes first moves on by one
 * each round.
 */
export const interleave = async (contestants: readonly Contestant[], turns: Turns): Promise<Figure[]> => {
  const { rounds, windowMs, warmUpMs } = turns
  for (const contestant of warmUpMs > 0 ? contestants : []) {
    await contestant.before?.(-1)
    await contestant.run(warmUpMs)
    await contestant.after?.()
  }
  const values = new Map<string, number[]>(contestants.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(turn + round) % contestants.length]
      if (!contestant) continue
      await contestant.before?.(round)
      values.get(contestant.name)?.push(await contestant.run(windowMs))
      await contestant.after?.()
    }
  }
  return contestants.map(({ name, title, unit, note }) => ({ name, title, unit, note, rounds: values.get(name) ?? [] }))
}

/** Does something over and over in `writers` loops until the time is up; answers how often it was done in a second. */
export const perSecond = async (
  at: { readonly writers: number; readonly windowMs: number },
  once: (writer: number) => Promise<number>,
): Promise<number> => {
  const started = performance.now()
  const deadline = started + at.windowMs
  let done = 0
  const loop = async (writer: number): Promise<void> => {
    while (performance.now() < deadline) {
      // Added after the wait: `done += await …` would read the old sum before it and lose what the others added meanwhile.
      const more = await once(writer)
      done += more
    }
  }
  await Promise.all(Array.from({ length: at.writers }, (_, writer) => loop(writer)))
  return (done * 1000) / (performance.now() - started)
}

/** How many of something were done in a second, given work of a known size. */
export const rateOf = async (count: number, work: () => Promise<void>): Promise<number> => {
  const started = performance.now()
  await work()
  return (count * 1000) / (performance.now() - started)
}
