import { chatTexts } from './explanationTextsChats.ts'
import { effectTexts } from './explanationTextsEffects.ts'
import { moneyTexts } from './explanationTextsMoney.ts'
import { reconciliationTexts } from './explanationTextsReconciliation.ts'
import { webhookTexts } from './explanationTextsWebhooks.ts'
import type { CodeFamily } from './explanationWords.ts'

const access: CodeFamily = {
  meaning: {
    ru: 'Запрос пришёл без действующего токена или с токеном, которому это не разрешено.',
    en: 'The request came without a valid token, or with one that may not do this.',
  },
  action: {
    ru: 'Передайте токен оператора: --token, HUB_OPERATOR_TOKEN или DATA_DIR/secrets.env; в API это заголовок Authorization: Bearer.',
    en: 'Give the operator token: --token, HUB_OPERATOR_TOKEN or DATA_DIR/secrets.env; in the API it is the header Authorization: Bearer.',
  },
  codes: [
    ['token-missing', 'Токен не передан', 'No token was given'],
    ['token-wrong', 'Токен неверный', 'The token is wrong'],
    ['token-invalid', 'Токен недействителен', 'The token is not valid'],
    ['unauthorized', 'Нужен вход', 'Signing in is needed'],
    [
      'too-many-wrong-tokens',
      'С этого адреса пришло слишком много неверных токенов; подождите минуту',
      'Too many wrong tokens came from this address; wait a minute',
    ],
    ['forbidden', 'Этой роли это не разрешено', 'This role may not do this'],
    ['role-too-low', 'Этой роли это не разрешено', 'This role may not do this'],
  ],
}

const absent: CodeFamily = {
  meaning: {
    ru: 'Такого адреса, списка, записи или поля нет, либо запись ещё не появилась на указанный момент.',
    en: 'There is no such address, list, item or field, or it did not exist yet at the given moment.',
  },
  action: {
    ru: 'Проверьте идентификатор; найти запись помогает поиск: hub partner list --q ТЕКСТ.',
    en: 'Check the id; a search finds it: hub partner list --q TEXT.',
  },
  codes: [
    ['not-found', 'Ничего не найдено', 'Nothing was found'],
    ['not-born', 'В тот момент записи ещё не было', 'It did not exist yet at that moment'],
    ['field-unknown', 'Такого поля нет', 'There is no such field'],
    ['list-unknown', 'Такого списка нет', 'There is no such list'],
    ['id-unknown', 'Такого идентификатора нет', 'There is no such id'],
    ['twin-unknown', 'Такого двойника в песочнице нет', 'The sandbox has no such twin'],
    ['unknown', 'Такого нет', 'There is no such thing'],
    ['partner-ambiguous', 'Подходит несколько партнёров', 'Several partners match'],
    ['partner-unknown', 'Такого партнёра нет', 'There is no such partner'],
    ['subscription-unknown', 'Такой подписки нет', 'There is no such subscription'],
    ['payment-unknown', 'Такого платежа у нас нет', 'We have no such payment'],
    ['order-unknown', 'Такого заказа у нас нет', 'We have no such order'],
    ['partner-not-found', 'Форма не подошла ни к одному партнёру', 'The form matched no partner'],
  ],
}

const request: CodeFamily = {
  meaning: {
    ru: 'Запрос к API составлен неверно; ничего не изменилось.',
    en: 'The request to the API is not well made; nothing was changed.',
  },
  action: {
    ru: 'Исправьте параметр, который назван в подробностях; что допустимо, описано на /openapi.',
    en: 'Correct the parameter that the detail names; /openapi describes what is allowed.',
  },
  codes: [
    ['parameter-unknown', 'Такого параметра нет', 'There is no such parameter'],
    ['parameter-invalid', 'Значение параметра не подходит', 'The value of a parameter does not fit'],
    ['filter-unknown', 'По этому полю нельзя отбирать', 'This field is no filter'],
    ['sort-unknown', 'По этому полю нельзя сортировать', 'This field is no sort order'],
    ['field-masked', 'Это поле скрыто для аналитика', 'This field is masked for analysts'],
    ['cursor-invalid', 'Курсор страницы изменён или устарел', 'The cursor of the page was changed or is too old'],
    ['limit-invalid', 'limit вне пределов 1–500', 'limit is outside 1 to 500'],
    ['as-of-invalid', 'asOf не позиция и не момент с зоной', 'asOf is neither a position nor an instant with a zone'],
    ['body-invalid', 'Тело запроса не подходит', 'The body of the request does not fit'],
    ['body-not-json', 'Тело запроса не JSON', 'The body of the request is not JSON'],
    ['reason-missing', 'Команде оператора нужна причина', 'An operator command needs a reason'],
    ['length-unreadable', 'Длина времени не читается', 'The length of time cannot be read'],
    ['method-not-allowed', 'Этот адрес так не вызывают', 'This address is not called that way'],
    [
      'position-not-reached',
      'Витрина не дошла до позиции за 5 с',
      'The read model did not reach the position within 5 s',
    ],
    ['usage', 'Команда вызвана неверно', 'The command was called wrongly'],
  ],
}

const state: CodeFamily = {
  meaning: {
    ru: 'Правила не позволяют этого в нынешнем состоянии; ничего не изменилось.',
    en: 'The rules do not allow this in the present state; nothing was changed.',
  },
  action: {
    ru: 'Посмотрите, как возникло состояние: hub why ID; затем выберите другую команду.',
    en: 'See how the state came to be: hub why ID; then choose another command.',
  },
  codes: [
    ['partner-erased', 'Данные партнёра удалены по закону', 'The partner was erased'],
    ['partner-already-decided', 'Решение о партнёре уже принято', 'The partner was decided about already'],
    [
      'partner-not-reviewable',
      'Партнёра в этом состоянии не проверяют вручную',
      'A partner in this state is not reviewed by hand',
    ],
    ['inn-taken', 'Этот ИНН сейчас у другого партнёра', 'Another partner holds this INN now'],
    ['not-settled', 'Команду не удалось довести до конца, повторите', 'The command could not be settled, repeat it'],
    ['company-missing', 'Реестр не назвал компанию', 'The registry named no company'],
    ['subscription-ended', 'Подписка закончена', 'The subscription has ended'],
    ['subscription-paid', 'Подписка уже оплачена вперёд', 'The subscription is paid ahead already'],
    [
      'charge-under-way',
      'Сохранённый способ как раз списывают, второй платёж не нужен',
      'The saved method is being charged, a second payment is not needed',
    ],
    ['subscription-not-active', 'Подписка не действует', 'The subscription is not active'],
    ['nothing-paid', 'По подписке ничего не оплачено', 'Nothing was paid for the subscription'],
    [
      'refund-too-large',
      'Столько вернуть нельзя: часть уже возвращена или возвращается',
      'As much cannot be given back: a part is back or on its way already',
    ],
    ['payment-declined', 'Платёж отклонён', 'The payment was declined'],
    [
      'effect-not-changeable',
      'Действие в этом состоянии так не меняют',
      'An effect in this state is not changed that way',
    ],
    ['not-quarantined', 'Сообщение не в карантине', 'The delivery is not quarantined'],
    ['still-quarantined', 'И нынешний код не может его понять', 'The present code cannot use it either'],
    ['clock-fixed', 'Часы этого сервиса нельзя двигать', 'The clock of this service cannot be moved'],
    ['not-confirmed', 'Команду не подтвердили', 'The command was not confirmed'],
  ],
}

const readModels: CodeFamily = {
  meaning: {
    ru: 'Версию витрины нельзя сделать рабочей или сравнить; рабочая версия продолжает отвечать.',
    en: 'A version of a read model cannot be made live or compared; the live version goes on answering.',
  },
  action: {
    ru: 'hub projections list покажет версии; hub projections rebuild ИМЯ построит новую рядом с рабочей.',
    en: 'hub projections list shows the versions; hub projections rebuild NAME builds a new one beside the live one.',
  },
  codes: [
    ['candidate-not-ready', 'Новая версия ещё строится', 'The new version is still being built'],
    ['no-candidate-version', 'Новой версии нет', 'There is no new version'],
    ['no-previous-version', 'Прежней версии нет', 'There is no previous version'],
    ['candidate-failed', 'Новая версия не построилась', 'The new version could not be built'],
    ['candidate-replaced', 'Новую версию сменила другая', 'Another version has replaced the new one'],
    ['switch-timeout', 'Переключение не успело: витрина занята', 'The switch did not come through: the view was busy'],
  ],
}

const program: CodeFamily = {
  meaning: {
    ru: 'Сервис или его окружение не дали закончить работу; записанное не потеряно.',
    en: 'The service or its surroundings did not let the work be finished; what was recorded is not lost.',
  },
  action: {
    ru: 'Запустите hub doctor; причина стоит в журнале сервиса. Повторите команду, когда её не будет.',
    en: 'Run hub doctor; the cause is in the log of the service. Repeat the command once it is gone.',
  },
  codes: [
    ['internal', 'В сервисе произошла ошибка', 'The service failed'],
    ['command-failed', 'Команда не удалась', 'The command failed'],
    ['service-unreachable', 'Сервис не отвечает', 'The service does not answer'],
    ['database-away', 'База данных недоступна', 'The database is away'],
    ['database-unreachable', 'База данных не отвечает', 'The database does not answer'],
    ['migration-failed', 'Схема базы не обновилась', 'The schema was not brought up to date'],
    ['configuration-faulty', 'В настройках ошибки', 'The configuration has faults'],
    ['export-cut', 'Выгрузка оборвалась', 'The export broke off'],
    ['interrupted', 'Команду прервали', 'The command was interrupted'],
    ['took-too-long', 'Ответ искали слишком долго, сузьте отбор', 'The answer took too long, narrow the selection'],
    ['exports-busy', 'Идёт слишком много выгрузок, повторите позже', 'Too many exports are running, try again later'],
    ['form-out-of-date', 'Форма устарела: откройте страницу заново', 'The form is out of date: open the page again'],
    ['rate', 'Слишком много запросов с одного адреса', 'Too many requests from one address'],
    ['code-unknown', 'Такого кода нет', 'There is no such code'],
  ],
}

const demonstration: CodeFamily = {
  meaning: {
    ru: 'hub demo проживает день песочницы и сверяет каждую историю с тем, чем она должна закончиться.',
    en: 'hub demo lives a day of a sandbox and compares each story with what it should come to.',
  },
  action: {
    ru: 'Посмотрите историю: hub why ИНН, и не ждёт ли чего-то провайдер: hub destinations list. Без HUB_URL запускается своя песочница.',
    en: 'See the story: hub why INN, and whether a provider holds it up: hub destinations list. Without HUB_URL it starts a sandbox of its own.',
  },
  codes: [
    ['demo-differs', 'История пошла не так, как должна', 'A story went another way than it should'],
    ['demo-needs-sandbox', 'Показ идёт только в песочнице', 'The demonstration needs a sandbox'],
  ],
}

/** All codes of the service with their words. */
export const codeTexts: readonly CodeFamily[] = [
  access,
  absent,
  request,
  state,
  readModels,
  program,
  demonstration,
  ...webhookTexts,
  ...chatTexts,
  ...effectTexts,
  ...moneyTexts,
  ...reconciliationTexts,
]
