import type { CodeFamily } from './explanationWords.ts'

const temporary: CodeFamily = {
  meaning: {
    ru: 'Вызов провайдера пока не удался. Сервис повторит его сам, с тем же ключом.',
    en: 'The call of the provider has not succeeded yet. The service repeats it by itself, under the same key.',
  },
  action: {
    ru: 'Обычно ждать. Долго не проходит: hub destinations list, состояние у провайдера, затем hub effects retry ID.',
    en: 'Usually wait. If it lasts: hub destinations list, the provider’s status page, then hub effects retry ID.',
  },
  codes: [
    ['connection-failed', 'Соединение с провайдером не удалось', 'The provider could not be connected to'],
    ['too-many-requests', 'Провайдер просит реже', 'The provider asks for fewer requests'],
    ['provider-error', 'Ошибка на стороне провайдера', 'The provider failed'],
    ['still-processing', 'Провайдер ещё выполняет прошлый вызов', 'The provider is still at the previous call'],
    ['registry-down', 'Реестр не работает', 'The registry is down'],
    ['registry-unreadable', 'Ответ реестра не читается', 'The answer of the registry cannot be read'],
    ['registry-busy', 'Реестр занят', 'The registry is busy'],
    ['registry-error', 'Реестр ответил ошибкой', 'The registry answered with an error'],
    ['dadata-busy', 'DaData занята', 'DaData is busy'],
    ['tilda-limit', 'Тильда ограничила число запросов', 'Tilda limits the number of requests'],
    ['relay-busy', 'Почтовый сервер занят', 'The mail relay is busy'],
    ['relay-not-reached', 'Почтовый сервер недоступен', 'The mail relay cannot be reached'],
    ['relay-quota', 'Почтовый сервер исчерпал лимит писем', 'The mail relay has reached its quota'],
    ['not-found-yet', 'Реестр пока не знает этого номера', 'The registry does not know this number yet'],
  ],
}

const unsure: CodeFamily = {
  meaning: {
    ru: 'Неизвестно, выполнил ли провайдер операцию. Вслепую сервис её не повторяет: сначала спрашивает провайдера.',
    en: 'It is not known whether the provider carried the operation out. The service never repeats it blindly: it asks the provider first.',
  },
  action: {
    ru: 'Если само не разрешилось, проверьте в кабинете провайдера и скажите: hub effects resolve ID --outcome done или refused.',
    en: 'If it does not settle by itself, look into the provider’s cabinet and say: hub effects resolve ID --outcome done or refused.',
  },
  codes: [
    ['answer-not-understood', 'Ответ провайдера непонятен', 'The provider’s answer was not understood'],
    ['answer-too-large', 'Ответ провайдера слишком велик', 'The provider’s answer is too large'],
    ['look-up-too-long', 'Поиск операции у провайдера слишком долог', 'Looking the operation up takes too long'],
    ['relay-silent', 'Почтовый сервер принял письмо и замолчал', 'The mail relay took the letter and fell silent'],
    ['deadline-passed', 'Попытка не закончилась в срок', 'The attempt did not end within its deadline'],
    ['performer-threw', 'Исполнитель действия упал', 'The performer of the effect failed'],
    ['lease-expired', 'Исполнитель пропал во время вызова', 'The worker disappeared during the call'],
    ['dadata-unreadable', 'Ответ DaData не читается', 'DaData’s answer cannot be read'],
  ],
}

const credentials: CodeFamily = {
  meaning: {
    ru: 'Провайдер не принимает наши ключи, лимит или баланс исчерпан, либо ключей нет.',
    en: 'The provider does not accept our keys, a quota or balance is spent, or there are no keys.',
  },
  action: {
    ru: 'Проверьте ключи и баланс в кабинете, исправьте окружение, перезапустите; затем hub effects redrive --destination ИМЯ --dry-run.',
    en: 'Check keys and balance in the cabinet, correct the environment, restart; then hub effects redrive --destination NAME --dry-run.',
  },
  codes: [
    ['credentials-not-accepted', 'Ключи не приняты', 'The credentials were not accepted'],
    ['no-secret', 'Секрет не задан', 'There is no secret'],
    ['no-secret-key', 'Секретный ключ не задан', 'There is no secret key'],
    ['no-credentials', 'Провайдер не настроен', 'The provider is not configured'],
    ['no-balance', 'Баланс исчерпан', 'The balance is spent'],
    ['registry-key-refused', 'Реестр не принял ключ', 'The registry refused the key'],
    ['registry-quota-spent', 'Запросы к реестру исчерпаны', 'The quota of the registry is spent'],
    ['registry-address-refused', 'Реестр не обслуживает наш адрес', 'The registry does not serve our address'],
    ['dadata-key-refused', 'DaData не приняла ключ', 'DaData refused the key'],
    ['relay-login-refused', 'Почтовый сервер не принял логин', 'The mail relay refused the login'],
    ['relay-policy', 'Правила почтового сервера не пускают письмо', 'A policy of the mail relay holds the letter back'],
    ['relay-sender-refused', 'Почтовый сервер не принял отправителя', 'The mail relay refused the sender'],
    ['relay-suspects-spam', 'Почтовый сервер счёл письмо спамом', 'The mail relay took the letter for spam'],
    ['relay-tls-refused', 'Почтовый сервер не даёт шифровать', 'The mail relay offers no encryption'],
    ['relay-refused', 'Почтовый сервер отказал', 'The mail relay refused'],
    ['performer-unknown', 'Эта версия не умеет такого действия', 'This version has no such effect'],
  ],
}

const content: CodeFamily = {
  meaning: {
    ru: 'Провайдер ответил, и ответ окончательный: повтор того же ничего не даст.',
    en: 'The provider answered for good: repeating the same would change nothing.',
  },
  action: {
    ru: 'Исправьте причину (адрес, шаблон, файл) и повторите: hub effects retry ID, или откажитесь: hub effects discard ID.',
    en: 'Correct the cause (address, template, file) and repeat: hub effects retry ID, or give it up: hub effects discard ID.',
  },
  codes: [
    ['reaction-failed', 'Правило не справилось с событием', 'A rule failed at an event'],
    ['reaction-unknown', 'Нет такого правила или события', 'There is no such rule or event'],
    ['mailbox-full', 'Ящик получателя переполнен', 'The mailbox of the recipient is full'],
    ['hard-bounce', 'Такого почтового адреса нет', 'There is no such mail address'],
    ['address-not-valid', 'По этому адресу нельзя написать', 'This address cannot be written to'],
    [
      'letter-not-valid',
      'Письмо не составилось: не хватает данных',
      'The letter could not be written: values are missing',
    ],
    ['bot-failed', 'Бот не смог ответить', 'The bot could not answer'],
    ['template-empty', 'Шаблон страницы пуст', 'The page template is empty'],
    ['template-token-missing', 'В шаблоне нет обязательной метки', 'The template lacks a required token'],
    ['asset-unreadable', 'Файл шаблона не читается', 'A file of the template cannot be read'],
    ['asset-path-unsafe', 'Имя файла шаблона небезопасно', 'The path of a template file is not safe'],
    ['asset-host-foreign', 'Файл шаблона лежит на чужом сервере', 'A template file lies on a foreign host'],
  ],
}

const registry: CodeFamily = {
  meaning: {
    ru: 'Так реестр ответил о компании заявителя; от этого зависит, станет ли он партнёром.',
    en: 'This is what the registry said about the applicant’s company; it decides whether they become a partner.',
  },
  action: {
    ru: 'Сомнительные решает оператор: карточка в консоли, кнопка проверки. Отклонённым уже ушло письмо с причиной.',
    en: 'Doubtful ones are decided by an operator on the card in the console. Rejected ones got a letter with the reason.',
  },
  codes: [
    ['registry-asked', 'Реестр спрошен, ответа ещё нет', 'The registry was asked and has not answered yet'],
    ['registry-unavailable', 'Реестр не ответил за сутки', 'The registry did not answer for a day'],
    ['invalid-identifier', 'ИНН или ОГРН не проходит проверку', 'The INN or OGRN fails its check digits'],
    ['status-unknown', 'Статус в реестре незнакомый', 'The status in the registry is not known'],
    ['bankruptcy', 'Компания в банкротстве', 'The company is in bankruptcy'],
    ['liquidating', 'Компания ликвидируется', 'The company is being liquidated'],
    ['reorganizing', 'Компания реорганизуется', 'The company is being reorganized'],
    ['exclusion-pending', 'Компанию исключают из реестра', 'The company is about to be removed from the registry'],
    ['negative-flag', 'В реестре есть дурная отметка', 'The registry has a bad mark'],
    ['name-differs', 'Название не сходится с реестром', 'The name differs from the registry’s'],
    ['closed', 'Компания закрыта', 'The company is closed'],
    ['active', 'Компания действует', 'The company is active'],
    ['operator', 'Решил оператор', 'An operator decided'],
  ],
}

const declines: CodeFamily = {
  meaning: {
    ru: 'Банк или платёжная система не дали провести платёж; деньги не списаны.',
    en: 'The bank or the payment system did not let the payment through; no money was taken.',
  },
  action: {
    ru: 'Плательщик может заплатить по той же ссылке другой картой. Автосписание повторится по графику, если код это разрешает.',
    en: 'The payer can pay by another card under the same link. An automatic charge is repeated by schedule where the code allows it.',
  },
  codes: [
    ['insufficient_funds', 'На карте не хватает денег', 'The card has not enough money'],
    ['3d_secure_failed', 'Плательщик не подтвердил платёж', 'The payer did not pass 3-D Secure'],
    ['call_issuer', 'Банк просит позвонить', 'The bank asks to be called'],
    ['card_expired', 'Срок карты истёк', 'The card has expired'],
    ['fraud_suspected', 'Банк подозревает мошенничество', 'The bank suspects fraud'],
    ['general_decline', 'Банк отказал без причины', 'The bank declined without a reason'],
    ['invalid_card_number', 'Номер карты неверный', 'The card number is wrong'],
    ['invalid_csc', 'Код карты неверный', 'The card code is wrong'],
    ['issuer_unavailable', 'Банк карты недоступен', 'The bank of the card cannot be reached'],
    ['payment_method_limit_exceeded', 'Лимит карты исчерпан', 'The limit of the card is reached'],
    ['payment_method_restricted', 'Операции по карте запрещены', 'The card is restricted'],
    ['country_forbidden', 'Карты этой страны не принимаются', 'Cards of this country are not accepted'],
    ['permission_revoked', 'Плательщик отозвал автосписание', 'The payer withdrew automatic charges'],
    ['expired_on_confirmation', 'Время на оплату вышло', 'The time to pay has run out'],
  ],
}

/** Codes of effects: what the outside said, and what it said about people and payments. */
export const effectTexts: readonly CodeFamily[] = [temporary, unsure, credentials, content, registry, declines]
