/** The account of the vectors. */
export const vectorAccount = 147517

/** A message of a visitor with a photo (V7). */
export const v7 = {
  type: 'message.incoming',
  accountId: vectorAccount,
  leadId: 67918694,
  isNewLead: true,
  isNewCustomer: true,
  message: {
    messageId: 'm-501',
    datetime: 1763900300123,
    incoming: true,
    message: {
      text: 'Здравствуйте! Сколько стоит дом 120 м² в Ярославле? 🏡',
      attachments: [{ type: 'photo', url: 'https://cdn.example/plan.jpg' }],
    },
    sender: { id: 9001, customerId: 7001, login: '79264376263', socialId: '79264376263', type: 'whatsapp2' },
    source: { id: '255', realId: 255, saId: 88, type: 'message', identifier: '79990001122' },
    sa: { id: 88, type: 'whatsapp2', login: '79990001122' },
  },
}

/** The echo of a message that another program sent (V8 a). */
export const v8a = {
  type: 'message.outgoing',
  accountId: vectorAccount,
  leadId: 67918694,
  message: {
    messageId: 'm-502',
    datetime: 1763900330000,
    incoming: false,
    customId: 'ob-7f3a',
    message: { text: 'Карточка партнёра' },
    source: { realId: 255, saId: 88, type: 'message' },
  },
}

/** A deal in another state (V8 b). */
export const v8b = {
  type: 'lead.changed.status',
  accountId: vectorAccount,
  leadId: 67918694,
  lead: { id: 67918694, statusId: 42, userId: 15, amount: 0 },
}

/** A message that no other number makes, in one of some dialogs of the site's chat; `padding` adds bytes that say nothing. */
export const chatMessage = (
  number: number,
  { dialogs = 1_000_000, padding = 0 }: { readonly dialogs?: number; readonly padding?: number } = {},
) => ({
  type: 'message.incoming',
  accountId: vectorAccount,
  leadId: 1_000_000 + (number % dialogs),
  message: {
    messageId: `storm-${number}`,
    datetime: 1763900300123 + number,
    incoming: true,
    message: { text: `Вопрос номер ${number} о доме`, attachments: [] },
    sender: { id: 2_000_000 + (number % dialogs), socialId: `visitor-${number % dialogs}`, type: 'onlinechat' },
    source: { realId: 255, saId: 88, type: 'message' },
    sa: { id: 88, type: 'onlinechat' },
  },
  ...Object.fromEntries(
    Array.from({ length: Math.ceil(padding / 16_000) }, (_, index) => [`extra${index}`, 'x'.repeat(16_000)]),
  ),
})
