import type { Check, Comparison, Figure, Ratio, Summary } from './figure.ts'
import { ratioOf, summaryOf } from './figure.ts'

/** All that a run found, for people and for machines. */
export type Report = {
  readonly about: Readonly<Record<string, unknown>>
  readonly figures: readonly Summary[]
  readonly ratios: readonly Ratio[]
  readonly checks: readonly Check[]
}

/** What the measures of a run found, put together. */
export type Found = {
  readonly figures: readonly Figure[]
  readonly comparisons: readonly Comparison[]
  readonly checks: readonly Check[]
}

/** Works out medians, spreads and ratios. */
export const reportOf = (about: Report['about'], { figures, comparisons, checks }: Found): Report => ({
  about,
  figures: figures.map(summaryOf),
  ratios: comparisons.flatMap((comparison) => ratioOf(comparison, figures) ?? []),
  checks,
})

const number = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US').replaceAll(',', ' ') : value.toFixed(2)

const columns = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 || column === row.length - 1
          ? cell.padEnd(widths[column] ?? 0)
          : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return rows.map(line).join('\n')
}

/** The report as one text: the machine, every figure, every ratio with its bar. */
export const renderReport = (report: Report): string => {
  const about = Object.entries(report.about).map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const figures = [
    ['measured', 'median', 'lowest', 'highest', 'unit', 'how'],
    ...report.figures.map((figure) => [
      figure.title,
      number(figure.median),
      number(figure.min),
      number(figure.max),
      figure.unit,
      figure.note,
    ]),
  ]
  const titleOf = (name: string): string => report.figures.find((figure) => figure.name === name)?.title ?? name
  const ratios = [
    ['ratio, round by round, or value', 'median', 'lowest', 'highest', 'bar', ''],
    ...report.ratios.map((ratio) => [
      ratio.to === null ? titleOf(ratio.figure) : `${titleOf(ratio.figure)} / ${titleOf(ratio.to)}`,
      ratio.median.toFixed(2),
      ratio.min.toFixed(2),
      ratio.max.toFixed(2),
      barText(ratio),
      ratio.met === null ? '' : ratio.met ? 'met' : 'not met',
    ]),
  ]
  const checks = [
    ['check', 'result', ''],
    ...report.checks.map((check) => [check.title, check.passed ? 'passed' : 'FAILED', check.detail]),
  ]
  const tables = [figures, ratios, checks].filter((rows) => rows.length > 1).flatMap((rows) => ['', columns(rows)])
  return [...about, ...tables].join('\n')
}

const barText = ({ atLeast, atMost }: Comparison): string =>
  [atLeast === undefined ? '' : `≥ ${atLeast}`, atMost === undefined ? '' : `≤ ${atMost}`].filter(Boolean).join(', ')
