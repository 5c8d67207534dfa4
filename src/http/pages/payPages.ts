import { html } from '../../connectors/html.ts'
import { layout, monthsForPeople, rublesForPeople } from './layout.ts'

/** What the pay page shows. */
export type PayView = {
  readonly title: string
  readonly priceKopecks: number
  readonly months: number
  readonly error: string | null
  readonly action: string
  readonly partnerName?: string | null
  /** Where the offer can be read; without it the page only names it. */
  readonly offerUrl?: string | null
  /** False where the payment service cannot save a card; true by default. */
  readonly autopayAllowed?: boolean
}

/** The words of the consent to automatic renewal, as they are shown and as they may be kept for proof. */
export const autopayConsent = ({ priceKopecks, months }: Pick<PayView, 'priceKopecks' | 'months'>): string =>
  `Согласен на автоматическое продление: сохранить способ оплаты и списывать ${rublesForPeople(priceKopecks)} перед концом каждого срока (${monthsForPeople(months)}). Отказаться можно в любой момент в кабинете партнёра.`

/** The plan, its price, and a form that posts to its own address; looking at it creates nothing. */
export const payPage = (view: PayView): string => {
  const { title, priceKopecks, months, error, action, partnerName, offerUrl, autopayAllowed = true } = view
  const offer = offerUrl ? html`<a href="${offerUrl}">условия оферты</a>` : 'условия оферты'
  return layout({
    title: 'Оплата размещения',
    body: html`<h1>Оплата размещения</h1>
!${error === null ? '' : html`<p class="error" role="alert">${error}</p>`}
<dl>!${partnerName ? html`<dt>Партнёр</dt><dd>${partnerName}</dd>` : ''}<dt>Тариф</dt><dd>${title}</dd><dt>Срок</dt><dd>${monthsForPeople(months)}</dd><dt>Сумма</dt><dd class="sum">${rublesForPeople(priceKopecks)}</dd></dl>
<form method="post" action="${action}">
!${autopayAllowed ? html`<p class="choice"><input type="checkbox" id="autopay" name="autopay" value="1"> <label for="autopay">${autopayConsent(view)}</label></p>` : ''}
<p><button>Перейти к оплате</button></p>
<p class="small">Нажимая кнопку, вы принимаете !${offer} на размещение. ${autopayAllowed ? 'Галочка выше необязательна: оплатить можно и без неё. ' : ''}Деньги принимает платёжный сервис; данные карты мы не видим.</p>
</form>`,
  })
}

/** What is known of a payment after the payer came back. */
export type PayState = 'paid' | 'waiting' | 'declined' | 'canceled' | 'nothing'

const words: Readonly<Record<PayState, readonly [string, string]>> = {
  paid: ['Оплата получена', 'Спасибо! Страница партнёра открыта, письмо со ссылкой уже в пути.'],
  waiting: ['Ждём ответа банка', 'Страница обновится сама. Её можно закрыть: мы пришлём письмо.'],
  declined: ['Платёж не прошёл', 'Деньги не списаны. Можно попробовать ещё раз или взять другую карту.'],
  canceled: ['Платёж отменён', 'Деньги не списаны. Оплатить можно в любой момент по той же ссылке.'],
  nothing: ['Платежа ещё не было', 'Начните с оплаты.'],
}

/** Three seconds: a bank answers in about as much, and nobody is kept waiting for the answer. */
const waitingRefreshSeconds = 3

/** What became of the payment, as the log knows it. `pageUrl` is the partner's page once it is open; `reason` is why the bank declined, in words. */
export const payDonePage = (
  state: PayState,
  payUrl: string,
  more: { readonly pageUrl?: string | null; readonly reason?: string | null } = {},
): string => {
  const [title, text] = words[state]
  const reason = state === 'declined' && more.reason ? html`<p>Причина: ${more.reason}.</p>` : ''
  const page =
    state === 'paid' && more.pageUrl ? html`<p><a class="button" href="${more.pageUrl}">Открыть страницу</a></p>` : ''
  const again =
    state === 'paid' || state === 'waiting' ? '' : html`<p><a class="button" href="${payUrl}">К оплате</a></p>`
  return layout({
    title,
    body: html`<h1>${title}</h1><p role="status">${text}</p>!${reason}!${page}!${again}`,
    ...(state === 'waiting' ? { refreshSeconds: waitingRefreshSeconds } : {}),
  })
}

/** Why nothing can be paid under a link that is ours. */
export type PayClosed = 'ended' | 'paid-ahead' | 'not-ready'

const closedWords: Readonly<Record<PayClosed, readonly [string, string]>> = {
  ended: [
    'Подписка закончена',
    'По этой ссылке больше нельзя платить. Чтобы разместиться снова, подайте заявку на сайте партнёров.',
  ],
  'paid-ahead': [
    'Размещение уже оплачено',
    'Следующий срок можно будет оплатить ближе к концу нынешнего; мы напомним письмом.',
  ],
  'not-ready': ['Оплата пока недоступна', 'Попробуйте открыть ссылку позже; она останется прежней.'],
}

/** The pay page when there is nothing to pay. */
export const payClosedPage = (reason: PayClosed): string => {
  const [title, text] = closedWords[reason]
  return layout({ title, body: html`<h1>${title}</h1><p>${text}</p>` })
}

/** A page with one sentence. */
export const messagePage = (title: string, text: string): string =>
  layout({ title, body: html`<h1>${title}</h1><p>${text}</p>` })
