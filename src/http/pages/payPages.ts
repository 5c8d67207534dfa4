import { html } from '../../connectors/html.ts'
import { layout, rublesForPeople } from './layout.ts'

/** What the pay page shows. */
export type PayView = {
  readonly title: string
  readonly priceKopecks: number
  readonly months: number
  readonly error: string | null
  readonly action: string
}

/** The plan, its price, and a form that posts to its own address; looking at it creates nothing. */
export const payPage = ({ title, priceKopecks, months, error, action }: PayView): string =>
  layout({
    title: 'Оплата размещения',
    body: html`<h1>Оплата размещения</h1>
!${error === null ? '' : html`<p class="error">${error}</p>`}
<dl><dt>Тариф</dt><dd>${title}</dd><dt>Срок</dt><dd>${months} мес.</dd><dt>Сумма</dt><dd class="sum">${rublesForPeople(priceKopecks)}</dd></dl>
<form method="post" action="${action}">
<p><label><input type="checkbox" name="autopay" value="1"> Согласен на автоматическое продление: сохранить способ оплаты и списывать стоимость тарифа перед концом каждого срока. Отказаться можно в любой момент.</label></p>
<p><button>Перейти к оплате</button></p>
<p class="small">Нажимая кнопку, вы принимаете условия оферты на размещение. Деньги принимает платёжный сервис; данные карты мы не видим.</p>
</form>`,
  })

const words: Readonly<Record<'paid' | 'waiting' | 'declined' | 'nothing', readonly [string, string]>> = {
  paid: ['Оплата получена', 'Спасибо! Страница партнёра открыта, письмо с ссылкой уже в пути.'],
  waiting: ['Ждём ответа банка', 'Страница обновится сама. Её можно закрыть: мы пришлём письмо.'],
  declined: ['Платёж не прошёл', 'Деньги не списаны. Можно попробовать ещё раз или взять другую карту.'],
  nothing: ['Платежа ещё не было', 'Начните с оплаты.'],
}

/** What became of the payment, as the log knows it. */
export const payDonePage = (state: 'paid' | 'waiting' | 'declined' | 'nothing', payUrl: string): string => {
  const [title, text] = words[state]
  const again =
    state === 'declined' || state === 'nothing' ? html`<p><a class="button" href="${payUrl}">К оплате</a></p>` : ''
  return layout({
    title,
    body: html`<h1>${title}</h1><p>${text}</p>!${again}`,
    ...(state === 'waiting' ? { refreshSeconds: 3 } : {}),
  })
}

/** A page with one sentence. */
export const messagePage = (title: string, text: string): string =>
  layout({ title, body: html`<h1>${title}</h1><p>${text}</p>` })
