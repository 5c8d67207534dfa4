import { html } from '../../connectors/html.ts'

/** Every page of ours: no inline script or style, one stylesheet, Russian. `body` is trusted HTML whose parts were escaped. */
export const layout = ({
  title,
  body,
  refreshSeconds,
}: {
  readonly title: string
  readonly body: string
  readonly refreshSeconds?: number
}): string => html`<!doctype html>
<html lang="ru">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
!${refreshSeconds === undefined ? '' : html`<meta http-equiv="refresh" content="${refreshSeconds}">`}
<title>${title} — Дома и цены</title>
<link rel="stylesheet" href="/assets/site.css">
</head>
<body>
<header><a href="/partners">Дома и цены: партнёры</a></header>
<main>
!${body}
</main>
</body>
</html>
`

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

/** A sum for people. */
export const rublesForPeople = (amountKopecks: number): string => {
  const rubles = Math.trunc(amountKopecks / 100)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, '\u00a0')
  const rest = amountKopecks % 100
  return rest === 0 ? `${rubles}\u00a0₽` : `${rubles},${String(rest).padStart(2, '0')}\u00a0₽`
}
