/** One number that was measured, once a round. */
export type Figure = {
  /** Unique, `measure.who`. */
  readonly name: string
  readonly title: string
  readonly unit: 'events/s' | 'effects/s' | 'requests/s' | 'ms'
  readonly rounds: readonly number[]
  /** How it was measured: batch sizes, concurrency, row size. */
  readonly note: string
}

/** A figure of ours divided by another one of the same run, round by round. */
export type Comparison = {
  readonly figure: string
  readonly to: string
  /** The ratio that we want; null where there is no bar. */
  readonly atLeast: number | null
}

/** What a measure found. */
export type Measured = { readonly figures: readonly Figure[]; readonly comparisons: readonly Comparison[] }

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
  const ours = figures.find((figure) => figure.name === comparison.figure)
  const theirs = figures.find((figure) => figure.name === comparison.to)
  if (!ours || !theirs || ours.rounds.length === 0 || theirs.rounds.length === 0) return null
  const base = median(theirs.rounds)
  const ratios = ours.rounds.map((value, round) => value / (theirs.rounds[round] ?? base))
  const found = spread(ratios)
  return { ...comparison, ...found, met: comparison.atLeast === null ? null : found.median >= comparison.atLeast }
}
