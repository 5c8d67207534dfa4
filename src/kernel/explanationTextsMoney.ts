import type { CodeFamily } from './explanationWords.ts'

const subscriptions: CodeFamily = {
  meaning: {
    ru: 'Так называется состояние подписки; от него зависит, открыта ли страница партнёра.',
    en: 'This is the state of a subscription; it decides whether the page of the partner is open.',
  },
  action: {
    ru: 'Карточка партнёра в консоли показывает срок, следующее списание и историю; hub why ПАРТНЁР subscription.status называет причину.',
    en: 'The card of the partner in the console shows the period, the next charge and the history; hub why PARTNER subscription.status names the cause.',
  },
  codes: [
    ['pending_payment', 'Подписка ждёт первой оплаты', 'The subscription waits for its first payment'],
    ['trialing', 'Идёт бесплатный пробный срок', 'A free trial is running'],
    ['past_due', 'Срок вышел, страница ещё неделю открыта', 'The period is over, the page stays open for a week'],
    ['suspended', 'Страница снята до оплаты', 'The page is withdrawn until a payment'],
    [
      'expired',
      'Никто не заплатил за 90 дней после снятия страницы',
      'Nobody paid in 90 days after the page was withdrawn',
    ],
  ],
}

const charges: CodeFamily = {
  meaning: {
    ru: 'Так закончилось согласие на автоматические списания или одно из них; деньги не списаны.',
    en: 'This is how the consent to automatic charges, or one of the charges, ended; no money was taken.',
  },
  action: {
    ru: 'Делать ничего не нужно. Партнёр включает списания снова галочкой на странице оплаты.',
    en: 'Nothing has to be done. The partner switches charges on again by the box on the pay page.',
  },
  codes: [
    ['charge-withdrawn', 'Списание стало не нужно до отправки', 'The charge was no longer wanted when its turn came'],
    ['charge-given-up', 'Оператор отказался от списания', 'An operator gave the charge up'],
    ['withdrawn', 'Согласие на списания отозвано', 'The consent to charges was withdrawn'],
    ['cancelled', 'Подписка отменена', 'The subscription was cancelled'],
    ['refunded', 'Последний платёж возвращён целиком', 'The last payment was given back as a whole'],
    ['delisted', 'Компания снята с размещения', 'The company was delisted'],
  ],
}

const cloudpaymentsSoft: CodeFamily = {
  meaning: {
    ru: 'Банк или CloudPayments отказали временно; деньги не списаны.',
    en: 'The bank or CloudPayments refused for the time being; no money was taken.',
  },
  action: {
    ru: 'Автосписание повторится само через 1, 3 и 5 дней, пока страница открыта; партнёр может заплатить и сам.',
    en: 'An automatic charge is repeated after 1, 3 and 5 days while the page is open; the partner can also pay by hand.',
  },
  codes: [
    ['3006', 'Наш ответ на check не пришёл', 'Our answer to check did not come'],
    ['3007', 'CloudPayments не дозвонился до check', 'CloudPayments could not reach check'],
    ['3008', 'Наш check не принял платёж', 'Our check did not accept the payment'],
    ['5030', 'Банк не понял запрос', 'The bank did not understand the request'],
    ['5051', 'На карте не хватает денег', 'The card has not enough money'],
    ['5061', 'Сумма выше предела карты', 'The sum is above the limit of the card'],
    ['5065', 'По карте слишком много операций', 'The card was used too often'],
    ['5091', 'Банк не ответил вовремя', 'The bank did not answer in time'],
    ['5092', 'Банк карты недоступен', 'The bank of the card cannot be reached'],
    ['5096', 'Сбой у банка', 'The bank failed'],
    ['5303', 'Исчерпан лимит терминала', 'The limit of the terminal is reached'],
  ],
}

const cloudpaymentsHard: CodeFamily = {
  meaning: {
    ru: 'Отказ окончательный: правила CloudPayments запрещают повторять такое списание; деньги не списаны.',
    en: 'The refusal is final: the rules of CloudPayments forbid to repeat such a charge; no money was taken.',
  },
  action: {
    ru: 'Автосписаний за этот срок больше не будет, партнёру ушло письмо со ссылкой: он платит сам, можно другой картой.',
    en: 'There are no more automatic charges for this period; the partner got a letter with the link and pays by hand, by another card too.',
  },
  codes: [
    ['5001', 'Банк просит обратиться к нему', 'The bank wants to be asked'],
    ['5003', 'Банк не знает продавца', 'The bank does not know the merchant'],
    ['5004', 'Банк изымает карту', 'The bank withdraws the card'],
    ['5005', 'Банк отказал без объяснений', 'The bank declined without a reason'],
    ['5006', 'Банк не смог провести операцию', 'The bank could not carry the operation out'],
    ['5007', 'Банк изымает карту по особой причине', 'The bank withdraws the card for a special reason'],
    ['5012', 'Карта не подходит для таких операций', 'The card does not fit such operations'],
    ['5013', 'Банк не принял сумму', 'The bank did not accept the sum'],
    ['5014', 'Номер карты неверный', 'The card number is wrong'],
    ['5015', 'Такого банка нет', 'There is no such bank'],
    ['5017', 'Плательщик запретил списания', 'The payer forbade the charges'],
    ['5019', 'Банк просит провести операцию заново', 'The bank wants the operation to be made anew'],
    ['5031', 'Банк не поддерживает операцию', 'The bank does not support the operation'],
    ['5033', 'Карта просрочена и изъята', 'The card has expired and is withdrawn'],
    ['5034', 'Банк подозревает мошенничество', 'The bank suspects fraud'],
    ['5036', 'Карта ограничена', 'The card is restricted'],
    ['5041', 'Карта утеряна', 'The card was lost'],
    ['5043', 'Карта украдена', 'The card was stolen'],
    ['5054', 'Срок карты истёк', 'The card has expired'],
    ['5055', 'ПИН-код неверный', 'The PIN is wrong'],
    ['5057', 'Операция по карте запрещена', 'The operation is not permitted to the card'],
    ['5058', 'Терминалу запрещена такая операция', 'The operation is not permitted to the terminal'],
    ['5059', 'Банк отказал: подозрение на мошенничество', 'The bank declined: it suspects fraud'],
    ['5062', 'Карта ограничена банком', 'The card is restricted by its bank'],
    ['5063', 'Карта заблокирована из-за безопасности', 'The card is blocked for security'],
    ['5082', 'Код карты неверный', 'The card code is wrong'],
    ['5113', 'Карта выпущена за границей', 'The card was issued abroad'],
    ['5204', 'Операцию не удалось обработать', 'The operation could not be processed'],
    ['5206', 'Плательщик не подтвердил платёж', 'The payer did not pass 3-D Secure'],
    ['5207', 'Подтверждение платежа недоступно', '3-D Secure is not available'],
    ['5300', 'Остановлено защитой от мошенничества', 'It was stopped by the anti-fraud system'],
    ['6025', 'Карта сохранена на другом терминале', 'The card was saved at another terminal'],
  ],
}

/** Codes of money: states of subscriptions, charges of saved methods, and the numbers of CloudPayments. */
export const moneyTexts: readonly CodeFamily[] = [subscriptions, charges, cloudpaymentsSoft, cloudpaymentsHard]
