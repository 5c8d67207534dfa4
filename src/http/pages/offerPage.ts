import { html } from '../../connectors/html.ts'
import type { Instant } from '../../kernel/time.ts'
import { dayForPeople, layout } from './layout.ts'

/** What the page of an offer shows; the person behind the lead only to the partner who took it. */
export type OfferView = {
  readonly status: 'offered' | 'accepted' | 'declined' | 'expired'
  readonly city: string | null
  readonly service: string | null
  readonly expiresAt: Instant
  readonly action: string
  readonly person: {
    readonly name: string | null
    readonly phone: string | null
    readonly email: string | null
    readonly wish: string | null
  } | null
}

const titles: Readonly<Record<OfferView['status'], string>> = {
  offered: 'Заявка для вас',
  accepted: 'Заявка ваша',
  declined: 'Вы отказались от заявки',
  expired: 'Время на ответ вышло',
}

const line = (name: string, value: string | null): string =>
  value === null ? '' : html`<dt>${name}</dt><dd>${value}</dd>`

/** An offer with its two buttons, or what became of it. Looking at it answers nothing: mail scanners follow links. */
export const offerPage = (view: OfferView): string => {
  const { status, city, service, person, action } = view
  const buttons = html`<form method="post" action="${action}">
<p>Ответьте до ${dayForPeople(view.expiresAt)}, иначе заявка уйдёт другому партнёру.</p>
<p><button name="answer" value="accept">Взять заявку</button> <button name="answer" value="decline">Отказаться</button></p>
</form>`
  return layout({
    title: titles[status],
    body: html`<h1>${titles[status]}</h1>
<dl>!${line('Город', city)}!${line('Услуга', service)}!${
      person === null
        ? ''
        : [
            line('Имя', person.name),
            line('Телефон', person.phone),
            line('Почта', person.email),
            line('Запрос', person.wish),
          ].join('')
    }</dl>
!${status === 'offered' ? buttons : ''}`,
  })
}
