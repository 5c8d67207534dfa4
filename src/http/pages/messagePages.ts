import { html } from '../../connectors/html.ts'
import { layout } from './layout.ts'

/** An address that leads nowhere. */
export const notFoundPage = (): string =>
  layout({
    title: 'Страница не найдена',
    body: html`<h1>Страница не найдена</h1><p>Возможно, она снята или адрес набран с ошибкой.</p><p><a href="/partners">Все партнёры</a></p>`,
  })

/** What went wrong, in words that are safe to show. */
export const problemPage = ({ title, detail }: { readonly title: string; readonly detail: string }): string =>
  layout({ title, body: html`<h1>${title}</h1><p role="alert">${detail}</p>` })

/** Asks before it unsubscribes: scanners of mail programs follow links. `what` names the letters, such as «новости для партнёров». */
export const unsubscribePage = ({ action, what }: { readonly action: string; readonly what: string | null }): string =>
  layout({
    title: 'Отписка от писем',
    body: html`<h1>Отписка от писем</h1>
<p>Больше не присылать вам ${what ?? 'наши рассылки'}? Письма о заявке, оплате и входе в кабинет останутся: без них сервис не работает.</p>
<form method="post" action="${action}"><input type="hidden" name="List-Unsubscribe" value="One-Click"><p><button>Отписаться</button></p></form>`,
  })

/** The answer to an unsubscription; the same for a repeated one. */
export const unsubscribedPage = (): string =>
  layout({
    title: 'Вы отписаны',
    body: html`<h1>Вы отписаны</h1><p role="status">Рассылок на этот адрес больше не будет. Если вы передумаете, отметьте согласие в анкете партнёра.</p>`,
  })
