import { html } from '../../connectors/html.ts'
import { type Instant, moscowDate } from '../../kernel/time.ts'

/** What every page has. `body` is trusted HTML whose parts were escaped. */
export type PageParts = {
  readonly title: string
  readonly body: string
  /** The page asks for itself again after so many seconds, without a script. */
  readonly refreshSeconds?: number
}

/** Every page of ours: no inline script or style, one stylesheet, Russian. */
export const layout = ({ title, body, refreshSeconds }: PageParts): string => html`<!doctype html>
<html lang="ru">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
!${refreshSeconds === undefined ? '' : html`<meta http-equiv="refresh" content="${refreshSeconds}">`}
<title>${title} — Дома и цены</title>
<link rel="stylesheet" href="/assets/site.css">
</head>
<body>
<a class="skip" href="#main">К содержанию</a>
<header><a href="/partners">Дома и цены: партнёры</a></header>
<main id="main">
!${body}
</main>
<footer>Дома и цены — сервис для партнёров сайта о ценах на недвижимость</footer>
</body>
</html>
`

/** No `form-action`: a browser would then also forbid the redirect from our form to the page of the payment service. */
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"

/** The answer that carries a page of ours. */
export const pageResponse = (page: string, status = 200, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(page, {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      'Content-Security-Policy': policy,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      ...headers,
    },
  })

/**
 * A sum for people.
 * @example rublesForPeople(250_050) // '2 500,50 ₽'
 */
export const rublesForPeople = (amountKopecks: number): string => {
  const rubles = Math.trunc(amountKopecks / 100)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, '\u00a0')
  const rest = amountKopecks % 100
  return rest === 0 ? `${rubles}\u00a0₽` : `${rubles},${String(rest).padStart(2, '0')}\u00a0₽`
}

const months = [
  'января',
  'февраля',
  'марта',
  'апреля',
  'мая',
  'июня',
  'июля',
  'августа',
  'сентября',
  'октября',
  'ноября',
  'декабря',
]

/**
 * The day of a moment in Moscow, for people.
 * @example dayForPeople(parseInstant('2026-12-23T22:00:00Z')) // '24 декабря 2026'
 */
export const dayForPeople = (at: Instant): string => {
  const [year, month, day] = moscowDate(at).split('-')
  return `${Number(day)}\u00a0${months[Number(month) - 1]}\u00a0${year}`
}

/**
 * A number of months with the right ending.
 * @example monthsForPeople(3) // '3 месяца'
 */
export const monthsForPeople = (count: number): string => {
  const tens = count % 100
  const ones = count % 10
  if (ones === 1 && tens !== 11) return `${count}\u00a0месяц`
  return ones >= 2 && ones <= 4 && (tens < 12 || tens > 14) ? `${count}\u00a0месяца` : `${count}\u00a0месяцев`
}
