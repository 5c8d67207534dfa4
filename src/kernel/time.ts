import type { Brand } from './brand.ts'

/** A moment in UTC, always written as `YYYY-MM-DDTHH:mm:ss.sssZ`; such texts sort in time order. */
export type Instant = Brand<string, 'Instant'>

/** A calendar day in Europe/Moscow, `YYYY-MM-DD`. */
export type CalendarDate = Brand<string, 'CalendarDate'>

/** Gives the present moment; the sandbox can move it. */
export type Clock = () => Instant

const dayMs = 86_400_000

/** Makes an instant of a date or of milliseconds since 1970. */
export const instant = (value: Date | number): Instant => new Date(value).toISOString() as Instant

/** Reads ISO 8601 text with a zone; null when it is not one. */
export const parseInstant = (text: string): Instant | null => {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/.test(text)) return null
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? null : instant(ms)
}

/** Milliseconds since 1970. */
export const msOf = (at: Instant): number => Date.parse(at)

/** The instant that lies a number of milliseconds later. */
export const plusMs = (at: Instant, ms: number): Instant => instant(msOf(at) + ms)

/** The instant that lies a number of 24-hour days later. */
export const plusDays = (at: Instant, days: number): Instant => plusMs(at, days * dayMs)

/** The last of some moments. */
export const latest = (...moments: readonly Instant[]): Instant => instant(Math.max(...moments.map(msOf)))

/** Moscow has had no daylight saving since 2014-10-26, so its offset from UTC is a constant. */
const moscowOffsetMs = 3 * 3_600_000

/** The calendar day in Moscow of an instant. */
export const moscowDate = (at: Instant): CalendarDate => instant(msOf(at) + moscowOffsetMs).slice(0, 10) as CalendarDate

/** Reads a calendar day; null when the text is none, also for 30 February. */
export const parseCalendarDate = (text: string): CalendarDate | null => {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null
  const ms = Date.parse(`${text}T00:00:00Z`)
  return Number.isNaN(ms) || instant(ms).slice(0, 10) !== text ? null : (text as CalendarDate)
}

/** The moment at which a day begins in Moscow. */
export const moscowDayStart = (day: CalendarDate): Instant => instant(Date.parse(`${day}T00:00:00Z`) - moscowOffsetMs)

/** The calendar day a number of days later. */
export const plusCalendarDays = (day: CalendarDate, days: number): CalendarDate =>
  instant(Date.parse(`${day}T00:00:00Z`) + days * dayMs).slice(0, 10) as CalendarDate

/**
 * The same Moscow wall time a number of calendar months later; a day that the month lacks becomes its last day,
 * so 31 January plus one month is 28 or 29 February.
 */
export const plusMonths = (at: Instant, months: number): Instant => {
  const local = new Date(msOf(at) + moscowOffsetMs)
  const day = local.getUTCDate()
  const target = new Date(local)
  target.setUTCDate(1)
  target.setUTCMonth(target.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(target.getUTCFullYear(), target.getUTCMonth() + 1, 0)).getUTCDate()
  target.setUTCDate(Math.min(day, lastDay))
  return instant(target.getTime() - moscowOffsetMs)
}
