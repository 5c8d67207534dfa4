/** One number that was measured, once a round. */
export type Figure = {
  /** Unique, `measure.who`. */
  readonly name: string
  readonly title: string
  readonly unit: 'events/s' | 'effects/s' | 'requests/s' | 'µs/event' | 'ms' | 's' | 'MB'
  readonly rounds: readonly number[]
  /** How it was measured: batch sizes, concurrency, row size. */
  readonly note: string
}

/** A figure of ours divided by another one of the same run, round by round; or the figure itself, where a bar is in its own unit. */
export type Comparison = {
  readonly figure: string
  /** The figure to divide by; null for the figure itself. */
  readonly to: string | null
  /** What we want of the median; no bar without either. */
  readonly atLeast?: number
  readonly atMost?: number
}

/** Something that is right or wrong, whatever the speed: a failed one fails the run. */
export type Check = { readonly title: string; readonly passed: boolean; readonly detail: string }

/** What a measure found. */
export type Measured = {
  readonly figures: readonly Figure[]
  readonly comparisons: readonly Comparison[]
  readonly checks?: readonly Check[]
}

/** A figure with its median and spread. */
export type Summary = Figure & { readonly median: number; readonly min: number; readonly max: number }

/** A comparison with the median and spread of its ratios, and whether its bar was met. */
export type Ratio = Comparison & {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly met: boolean | null
}

/**
 * The middle of some numbers; 0 of none.
 * @example median([3, 1, 2]) // 2
 */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}

/**
 * The value that a share of all values does not exceed (nearest rank); 0 of none.
 * @example percentile([1, 2, 3, 4], 0.5) // 2
 */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}

const spread = (values: readonly number[]) => ({
  median: median(values),
  min: values.length === 0 ? 0 : Math.min(...values),
  max: values.length === 0 ? 0 : Math.max(...values),
})

/** Median and spread of a figure. */
export const summaryOf = (figure: Figure): Summary => ({ ...figure, ...spread(figure.rounds) })

/**
 * The ratios of a comparison. Rounds are interleaved, so round i of one stands beside round i of the other and saw the same
 * machine; the median of these ratios says more than the ratio of the medians.
 */
export const ratioOf = (comparison: Comparison, figures: readonly Figure[]): Ratio | null => {
  const roundsOf = (name: string): readonly number[] => figures.find((figure) => figure.name === name)?.rounds ?? []
  const ours = roundsOf(comparison.figure)
  const theirs = comparison.to === null ? [1] : roundsOf(comparison.to)
  if (ours.length === 0 || theirs.length === 0) return null
  const base = median(theirs)
  const found = spread(ours.map((value, round) => value / (comparison.to === null ? 1 : (theirs[round] ?? base))))
  return { ...comparison, ...found, met: isMet(comparison, found.median) }
}

const isMet = ({ atLeast, atMost }: Comparison, value: number): boolean | null => {
  if (atLeast === undefined && atMost === undefined) return null
  return value >= (atLeast ?? Number.NEGATIVE_INFINITY) && value <= (atMost ?? Number.POSITIVE_INFINITY)
}
