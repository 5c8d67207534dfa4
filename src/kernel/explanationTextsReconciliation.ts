import type { CodeFamily } from './explanationWords.ts'

const differences: CodeFamily = {
  meaning: {
    ru: 'Сверка сравнила книги провайдера с нашими и нашла расхождение, которое само не исправляется.',
    en: 'A comparison of the provider’s books with ours found a difference that does not correct itself.',
  },
  action: {
    ru: 'Посмотрите hub differences list --status open и кабинет провайдера; лишние деньги возвращает hub differences correct ID.',
    en: 'Look at hub differences list --status open and the provider’s cabinet; hub differences correct ID gives money back.',
  },
  codes: [
    ['fact-differs', 'Платёж у провайдера не сходится с нашим заказом', 'The payment there does not match our order'],
    [
      'payment-twice',
      'Провайдер принял второй платёж по тому же номеру',
      'A second payment was taken under one number',
    ],
    ['status-differs', 'У нас платёж прошёл, у провайдера нет', 'The payment is paid here and not there'],
    ['refunds-differ', 'У провайдера возвращено меньше, чем у нас', 'Less was given back there than here'],
    ['refund-twice', 'Один возврат сделан дважды', 'One refund was made twice'],
    [
      'absent-there',
      'Провайдер не знает платежа, который у нас прошёл',
      'They do not know a payment that is paid here',
    ],
    ['difference-unknown', 'Открытого расхождения с таким номером нет', 'No open difference has this id'],
    ['correction-under-way', 'Исправление уже выполняется', 'The correction is under way already'],
    ['no-correction', 'Для такого расхождения нет команды', 'There is no command for such a difference'],
  ],
}

const corrected: CodeFamily = {
  meaning: {
    ru: 'Сверка нашла у провайдера то, чего у нас не было: уведомление не дошло.',
    en: 'A comparison found in the provider’s books what we did not have: its notice had not come.',
  },
  action: {
    ru: 'Ничего: платёж перечитан, заявка принята. Если так бывает часто, проверьте адреса уведомлений: hub doctor.',
    en: 'Nothing: the payment was read again, the lead taken in. If it happens often, check the hook addresses: hub doctor.',
  },
  codes: [
    ['lead-missing', 'Заявки у нас не было', 'We did not have the lead'],
    ['behind', 'У провайдера сведения новее наших', 'They know more than we'],
  ],
}

const runs: CodeFamily = {
  meaning: {
    ru: 'Сверка с провайдером не закончилась.',
    en: 'A comparison with a provider did not come to its end.',
  },
  action: {
    ru: 'Посмотрите hub effects list --destination ИМЯ и hub destinations list, затем повторите: hub reconcile ИМЯ --day ДЕНЬ.',
    en: 'Look at hub effects list --destination NAME and hub destinations list, then repeat: hub reconcile NAME --day DAY.',
  },
  codes: [
    ['run-not-ended', 'Сверка ещё идёт', 'The comparison goes on'],
    [
      'run-given-up',
      'Сверка не закончилась за шесть часов, и началась новая',
      'It did not end in six hours; a new one began',
    ],
    ['books-too-long', 'В списке провайдера слишком много страниц', 'The provider’s list has too many pages'],
  ],
}

/** The codes of reconciliation with their words. */
export const reconciliationTexts: readonly CodeFamily[] = [differences, corrected, runs]
