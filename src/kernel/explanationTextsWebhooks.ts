import type { CodeFamily } from './explanationWords.ts'

const authenticity: CodeFamily = {
  meaning: {
    ru: 'Не доказано, что запрос прислал провайдер. Такой запрос отклонён и посчитан, тело не хранится.',
    en: 'It is not proven that the provider sent the request. It was refused and counted, its body is not kept.',
  },
  action: {
    ru: 'Сравните адрес и секрет в кабинете провайдера с тем, что печатает hub doctor. Если это чужой запрос, делать ничего не надо.',
    en: 'Compare address and secret in the provider’s cabinet with what hub doctor prints. A stranger’s request needs nothing done.',
  },
  codes: [
    ['key-missing', 'В форме нет ключа', 'The form has no key'],
    ['key-wrong', 'Ключ формы неверный', 'The key of the form is wrong'],
    ['path-secret-wrong', 'Секрет в адресе неверный', 'The secret in the path is wrong'],
    ['wrong-secret', 'Секрет неверный', 'The secret is wrong'],
    ['secret-missing', 'Секрет не передан', 'No secret was given'],
    ['signature-missing', 'Нет подписи', 'The signature is missing'],
    ['signature-ambiguous', 'Подписей несколько, и они разные', 'There are several different signatures'],
    ['signature-not-valid', 'Подпись не сходится', 'The signature is not valid'],
    [
      'address-not-allowed',
      'Адрес отправителя не из списка провайдера',
      'The sender’s address is not one of the provider’s',
    ],
    ['public-key-foreign', 'Открытый ключ чужого проекта', 'The public key is another project’s'],
    ['project-foreign', 'Чужой проект', 'The project is another one'],
    ['foreign-account', 'Чужой аккаунт', 'The account is another one'],
    ['no-account', 'В сообщении нет аккаунта', 'The delivery names no account'],
  ],
}

const malformed: CodeFamily = {
  meaning: {
    ru: 'Сообщение нельзя разобрать. Если отправитель подлинный, его байты лежат в карантине.',
    en: 'The delivery cannot be parsed. If the sender is authentic, its bytes are quarantined.',
  },
  action: {
    ru: 'Откройте сообщение: hub webhooks show ID. Если провайдер сменил формат, обновите сервис и выпустите: hub quarantine release ID.',
    en: 'Look at it: hub webhooks show ID. If the provider changed its format, update the service and release it: hub quarantine release ID.',
  },
  codes: [
    ['content-type', 'Тип содержимого не подходит', 'The content type does not fit'],
    ['content-type-not-supported', 'Тип содержимого не поддерживается', 'The content type is not supported'],
    ['body-too-large', 'Тело слишком велико', 'The body is too large'],
    ['body-not-well-formed', 'Тело составлено неверно', 'The body is not well formed'],
    ['body-not-parseable', 'Тело не читается', 'The body cannot be parsed'],
    ['empty-body', 'Тело пустое', 'The body is empty'],
    ['not-json', 'Тело не JSON', 'The body is not JSON'],
    ['not-an-object', 'Тело не объект', 'The body is not an object'],
    ['no-fields', 'В теле нет полей', 'The body has no fields'],
    ['too-many-fields', 'Полей слишком много', 'There are too many fields'],
    ['list-too-long', 'Список слишком длинный', 'A list is too long'],
    ['not-a-notification', 'Это не уведомление', 'It is no notification'],
    ['no-event', 'В уведомлении нет события', 'The notification names no event'],
    ['no-object-id', 'В уведомлении нет номера объекта', 'The notification names no object'],
    ['object-id-not-valid', 'Номер объекта составлен неверно', 'The id of the object is not valid'],
    ['page-id-unreadable', 'Номер страницы не читается', 'The id of the page cannot be read'],
    ['too-deep', 'Вложенность слишком глубока', 'The nesting is too deep'],
    ['value-too-long', 'Значение слишком длинное', 'A value is too long'],
    ['name-too-long', 'Имя поля слишком длинное', 'The name of a field is too long'],
    ['broken-name', 'Имя поля испорчено', 'The name of a field is broken'],
    ['no-type', 'Вид сообщения не назван', 'The delivery names no type'],
    ['unknown-type', 'Вид сообщения неизвестен', 'The type of the delivery is not known'],
    ['amount-not-valid', 'Сумма составлена неверно', 'The amount is not valid'],
    ['transaction-id-not-valid', 'Номер операции составлен неверно', 'The id of the transaction is not valid'],
    [
      'payment-transaction-id-not-valid',
      'Номер исходной операции составлен неверно',
      'The id of the original transaction is not valid',
    ],
    [
      'fields-of-another-kind',
      'Поля относятся к уведомлению другого вида',
      'The fields belong to another kind of notification',
    ],
    ['content-type-missing', 'Тип содержимого не назван', 'No content type is given'],
    ['unknown-kind', 'Вид уведомления неизвестен', 'The kind of the notification is not known'],
    ['unknown-bot', 'Такого бота нет', 'There is no such bot'],
    ['unknown-tool', 'Такой функции у бота нет', 'The bot has no such tool'],
  ],
}

const gone: CodeFamily = {
  meaning: {
    ru: 'Байты сообщения живут 30 дней и видны только оператору; после этого, после стирания человека или другой роли их нет.',
    en: 'The bytes of a delivery live 30 days and only operators see them; later, after an erasure, or for another role there are none.',
  },
  action: {
    ru: 'Передайте токен оператора; если байтов больше нет, возьмите более новое сообщение того же вида: hub webhooks list.',
    en: 'Give the operator token; when the bytes are gone, take a newer delivery of the same kind: hub webhooks list.',
  },
  codes: [['delivery-bytes-gone', 'Байтов сообщения нет', 'The bytes of the delivery are not there']],
}

const poor: CodeFamily = {
  meaning: {
    ru: 'Сообщение подлинное и понятное, но сделать по нему пока нечего. Отправителю отвечено 200, байты лежат в карантине.',
    en: 'The delivery is authentic and readable, but nothing can be done with it yet. The sender got 200, the bytes are quarantined.',
  },
  action: {
    ru: 'Посмотрите, чего не хватает: hub webhooks show ID. После исправления: hub quarantine release ID; иначе свяжитесь с человеком.',
    en: 'See what is missing: hub webhooks show ID. After a fix: hub quarantine release ID; otherwise get in touch with the person.',
  },
  codes: [
    ['no-contact', 'Нет ни телефона, ни почты', 'There is neither a phone nor an email'],
    ['order-without-lines', 'В заказе нет самого заказа', 'The order has no order in it'],
    ['no-lead-id', 'Нет номера заявки', 'There is no lead id'],
    ['no-message', 'Нет текста сообщения', 'There is no message'],
    ['no-customer-id', 'Нет номера посетителя', 'There is no customer id'],
    ['no-subscription-id', 'Нет номера подписки', 'There is no subscription id'],
    [
      'content-differs',
      'Под тем же ключом пришло другое содержимое; первое остаётся',
      'Different content came under the same key; the first one stands',
    ],
    [
      'content-conflicts',
      'Под тем же ключом пришло другое содержимое; первое остаётся',
      'Different content came under the same key; the first one stands',
    ],
    ['no-payment-id', 'В уведомлении нет платежа', 'The notification names no payment'],
    ['hint-without-transaction', 'В уведомлении нет операции', 'The notification names no transaction'],
    [
      'cancellation-needs-proof',
      'Отмена подписки через форму не доказывает, кто её просит',
      'A cancellation by form does not prove who asks',
    ],
    ['decision-failed', 'Решение по сообщению не удалось', 'Deciding about the delivery failed'],
    [
      'claims-unsettled',
      'За номер одновременно спорили несколько заявок',
      'Several applications contested a number at once',
    ],
    ['provider-off', 'Провайдер выключен', 'The provider is off'],
  ],
}

const ignored: CodeFamily = {
  meaning: {
    ru: 'Сообщение сохранено, но ничего не меняет: так и задумано.',
    en: 'The delivery is kept and changes nothing, as intended.',
  },
  action: {
    ru: 'Ничего делать не надо. Деньги зачисляет только ответ самого провайдера, его служба спросит сама.',
    en: 'Nothing needs to be done. Money is granted by the provider’s own answer only, which the service asks for by itself.',
  },
  codes: [
    ['event-not-used', 'Это событие нам не нужно', 'This event is not used'],
    ['lead-noted', 'Заявка посетителя записана', 'The lead was noted'],
    ['check-grants-nothing', 'Проверка перед оплатой ничего не зачисляет', 'The check before a payment grants nothing'],
  ],
}

/** Codes of webhooks: refused, quarantined, ignored. */
export const webhookTexts: readonly CodeFamily[] = [authenticity, malformed, gone, poor, ignored]
