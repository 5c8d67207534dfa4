import type { CodeFamily } from './explanationWords.ts'

const dialogs: CodeFamily = {
  meaning: {
    ru: 'Так закончилась обработка сообщения из чата, бота или заявки; ничего не потеряно.',
    en: 'This is how a chat message, a bot call or a lead ended; nothing is lost.',
  },
  action: {
    ru: 'Посмотрите цепочку: hub why ID. Если бот молчит или сдался, ответьте посетителю в Umnico сами.',
    en: 'Look at the chain: hub why ID. When the bot is silent or gave up, answer the visitor in Umnico yourself.',
  },
  codes: [
    ['dialog-unknown', 'Такого диалога у нас нет', 'We have no such dialog'],
    ['bot-gave-up', 'Бот не справился и позвал человека', 'The bot gave up and called a person'],
    ['bot-silent', 'Бот не ответил вовремя, позвали человека', 'The bot did not answer in time, a person was called'],
    ['somebody-else-answers', 'На этом канале отвечает кто-то другой', 'Somebody else answers on this channel'],
    ['tool-changes-nothing', 'Этот вызов бота ничего не меняет', 'This tool call changes nothing'],
    ['lead-deleted', 'Заявка удалена на сайте', 'The lead was deleted at the site'],
    ['lead-unknown', 'Такой заявки у нас нет', 'We have no such lead'],
    ['offer-unknown', 'Такого предложения нет', 'There is no such offer'],
    ['offer-ended', 'Предложение уже закончилось', 'The offer has ended already'],
    ['channel-noted', 'Изменение канала записано', 'The change of a channel was noted'],
    ['no-status', 'В сообщении нет статуса', 'The delivery names no status'],
    ['customer-without-dialog', 'У этого клиента ещё нет диалога', 'This customer has no dialog yet'],
  ],
}

const proofs: CodeFamily = {
  meaning: {
    ru: 'Партнёр ещё не доказал боту, что почта или телефон его.',
    en: 'The partner has not yet proved to the bot that the email or phone is theirs.',
  },
  action: {
    ru: 'Попросите код ещё раз: он приходит письмом и живёт недолго.',
    en: 'Ask for the code again: it comes by letter and lives for a short time.',
  },
  codes: [
    ['too-many-codes', 'Кодов запрошено слишком много', 'Too many codes were asked for'],
    ['code-expired', 'Код устарел', 'The code has expired'],
    ['proof-missing', 'Нужно подтверждение кодом', 'A proof by code is needed'],
  ],
}

const payloads: CodeFamily = {
  meaning: {
    ru: 'Запрос не отправлен: его поле вне пределов провайдера.',
    en: 'The request was not sent: a field of it is outside the limits of the provider.',
  },
  action: {
    ru: 'Посмотрите эффект: hub effects list. Повтор поможет, только если исправлены данные.',
    en: 'Look at the effect: hub effects list. A retry helps only after the data were mended.',
  },
  codes: [['payload-not-valid', 'Запрос собран с недопустимым полем', 'The request has a field that is not allowed']],
}

/** Codes of chats, bots, leads and proofs. */
export const chatTexts: readonly CodeFamily[] = [dialogs, proofs, payloads]
