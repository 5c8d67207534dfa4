import type { Language } from '../kernel/explanations.ts'

type Pair = readonly [ru: string, en: string]

const events: Readonly<Record<string, Pair>> = {
  PartnerApplied: ['Пришла заявка', 'An application came'],
  PartnerDetailsProvided: ['Заявка дополнена', 'The application was completed'],
  PartnerApplicationRepeated: ['Заявка повторена', 'The application was repeated'],
  PartnerProfileChanged: ['Профиль изменён', 'The profile was changed'],
  PartnerVerificationPostponed: ['Проверка отложена', 'The check was postponed'],
  PartnerVerified: ['Партнёр проверен', 'The partner was verified'],
  PartnerRejected: ['Заявка отклонена', 'The application was rejected'],
  PartnerReviewRequested: ['Нужно решение оператора', 'An operator should decide'],
  PartnerDelisted: ['Партнёр снят с размещения', 'The partner was delisted'],
  CardViewed: ['Карточку смотрели', 'The card was looked at'],
  PersonErased: ['Данные человека удалены', 'The person was erased'],
  SubscriptionOpened: ['Открыта подписка', 'A subscription was opened'],
  PaymentRequested: ['Запрошена оплата', 'A payment was asked for'],
  PaymentLinkReady: ['Готова ссылка на оплату', 'The payment link is ready'],
  PaymentSucceeded: ['Оплата получена', 'The payment succeeded'],
  PaymentDeclined: ['Оплата отклонена', 'The payment was declined'],
  PaymentRefunded: ['Деньги возвращены', 'The payment was refunded'],
  RefundRequested: ['Запрошен возврат', 'A refund was asked for'],
  RefundRefused: ['Провайдер отказал в возврате', 'The provider refused the refund'],
  PaymentMismatched: ['Ответ провайдера не сошёлся с заказом', 'The provider’s answer does not match the order'],
  SubscriptionActivated: ['Подписка активна', 'The subscription is active'],
  SubscriptionPastDue: ['Подписка просрочена', 'The subscription is past due'],
  SubscriptionSuspended: ['Подписка приостановлена', 'The subscription was suspended'],
  SubscriptionExtended: ['Подписка продлена', 'The subscription was extended'],
  PlanChangeScheduled: ['Тариф сменится с новым периодом', 'The plan changes with the next period'],
  PlanChanged: ['Тариф изменён', 'The plan was changed'],
  SubscriptionCancelScheduled: ['Подписка закончится с периодом', 'The subscription ends with its period'],
  SubscriptionResumed: ['Подписка продлевается дальше', 'The subscription goes on'],
  SubscriptionExpired: ['Подписка закончилась', 'The subscription expired'],
  TrialStarted: ['Начался пробный период', 'A trial began'],
  AutopayStarted: ['Автопродление включено', 'Autopay was switched on'],
  AutopayStopped: ['Автопродление выключено', 'Autopay was switched off'],
  RenewalAnnounced: ['О новом периоде сказано заранее', 'The next period was announced'],
  RenewalScheduled: ['Назначено списание', 'A charge was scheduled'],
  RenewalStopped: ['Списаний больше не будет', 'No more charges for this period'],
  PaymentReminded: ['Об оплате напомнили', 'The partner was reminded to pay'],
  PaymentAccepted: ['Провайдер принял списание', 'The provider took the charge in'],
  SubscriptionCancelled: ['Подписка прекращена', 'The subscription was cancelled'],
  PaymentNoticeReceived: ['Провайдер сообщил о платеже', 'The provider told of a payment'],
  PaymentUnmatched: ['Платёж провайдера не нашёл заказа', 'A provider’s payment matched no order'],
  OperatorActed: ['Действие оператора', 'An operator acted'],
  TemplatePublished: ['Шаблон страницы опубликован', 'The page template was published'],
}

const commands: Readonly<Record<string, Pair>> = {
  ApplyAsPartner: ['Принять заявку', 'Take the application'],
  ChangeProfile: ['Изменить профиль', 'Change the profile'],
  RecordVerdict: ['Записать ответ реестра', 'Record the registry’s answer'],
  EscalateVerification: ['Передать проверку оператору', 'Hand the check to an operator'],
  ReviewPartner: ['Решить по заявке', 'Decide the application'],
  ViewCard: ['Посмотреть карточку', 'Look at the card'],
  ErasePerson: ['Удалить данные человека', 'Erase the person'],
  OpenSubscription: ['Открыть подписку', 'Open the subscription'],
  RequestPayment: ['Запросить оплату', 'Ask for a payment'],
  RecordPaymentLink: ['Записать ссылку на оплату', 'Record the payment link'],
  RecordPaymentRefusal: ['Записать отказ в оплате', 'Record the refusal'],
  RecordProviderPayment: ['Записать ответ провайдера', 'Record the provider’s answer'],
  CheckPeriod: ['Проверить срок', 'Check the period'],
  CancelSubscription: ['Прекратить подписку', 'Cancel the subscription'],
  ExtendSubscription: ['Продлить подписку', 'Extend the subscription'],
  RenewSubscription: ['Списать за новый период', 'Charge for the next period'],
  StopAutopay: ['Выключить автопродление', 'Switch autopay off'],
  ResumeSubscription: ['Вернуть продление', 'Take the cancellation back'],
  ChangePlan: ['Сменить тариф', 'Change the plan'],
  RequestRefund: ['Вернуть деньги', 'Give money back'],
  RecordRefundRefusal: ['Записать отказ в возврате', 'Record the refusal of the refund'],
  RecordNotice: ['Записать сообщение провайдера', 'Record the provider’s notice'],
  ReportUnmatched: ['Сообщить о чужом платеже', 'Report the unmatched payment'],
  RecordOperatorAction: ['Записать действие оператора', 'Record the operator’s action'],
  NotePublication: ['Отметить публикацию шаблона', 'Note the publication'],
}

const side = (language: Language): 0 | 1 => (language === 'ru' ? 0 : 1)

/** An event in plain words; its type when it has none. */
export const eventWord = (type: string, language: Language): string => events[type]?.[side(language)] ?? type
/** A command in plain words; its type when it has none. */
export const commandWord = (type: string, language: Language): string => commands[type]?.[side(language)] ?? type
