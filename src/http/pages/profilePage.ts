import { html } from '../../connectors/html.ts'
import { layout } from './layout.ts'

/** What a partner can change about the page by himself; the company and its contacts stay as they are on file. */
export type ProfileView = {
  readonly city: string | null
  readonly services: readonly string[]
  readonly areas: readonly string[]
  readonly action: string
  readonly backUrl: string
  readonly error: string | null
}

/** The form of the profile; it posts to its own address. */
export const profilePage = ({ city, services, areas, action, backUrl, error }: ProfileView): string =>
  layout({
    title: 'Данные на странице',
    body: html`<h1>Данные на странице</h1>
!${error === null ? '' : html`<p class="error" role="alert">${error}</p>`}
<form method="post" action="${action}">
<p><label for="city">Город</label><br><input id="city" name="city" value="${city ?? ''}" maxlength="100"></p>
<p><label for="services">Услуги, через запятую</label><br><input id="services" name="services" value="${services.join(', ')}" maxlength="1000"></p>
<p><label for="areas">Районы, через запятую</label><br><input id="areas" name="areas" value="${areas.join(', ')}" maxlength="1000"></p>
<p><button>Сохранить</button></p>
</form>
<p class="small">Название, ИНН, почту и телефон меняет оператор: ответьте на любое наше письмо.</p>
<p><a href="${backUrl}">Назад в кабинет</a></p>`,
  })
