import { umnicoChatId } from '../connectors/protalk/wire.ts'
import type { Dialog } from '../domain/dialog.ts'
import { dialogStream, leadIdOf, leadStream } from '../domain/ids.ts'
import type { DomainEvent } from '../domain/index.ts'
import { type Instant, plusMs } from '../kernel/time.ts'
import type { Asked, ReactorSettings } from './settings.ts'

/** A visitor does not wait longer than this for a bot: a person answers then, and what the bot says later is not sent. */
const answerWithinMs = 5 * 60_000
/** What was said is handed on as it is; longer texts than a bot takes are cut. */
const messageLengthMax = 8000

const toDialog = (dialogId: string, type: string, data: Readonly<Record<string, unknown>>): Asked => ({
  destination: 'hub',
  kind: 'hub.command',
  payload: { stream: dialogStream(dialogId), command: { type, data } },
})

/** In relay, hands visitors' words to the bot and its words to the chat; a person who writes stops it. In native only watches. */
export const relayDialogs = (
  settings: Pick<ReactorSettings, 'dialogMode'>,
  { event, now }: { readonly event: DomainEvent; readonly now: Instant },
  dialog: Dialog | null,
): readonly Asked[] => {
  if (!dialog || dialog.status === 'absent' || settings.dialogMode === 'native') return []
  switch (event.type) {
    case 'MessageReceived': {
      const { text, dialogId, messageId } = event.data
      if (dialog.status !== 'open' || !text) return []
      const chatId = umnicoChatId(dialog.accountId, dialog.externalId)
      const payload = { bot: 'client', chatId, dialogId, message: text.slice(0, messageLengthMax) }
      return [
        { destination: 'protalk', kind: 'protalk.ask', payload, personal: ['message'] },
        { ...toDialog(dialogId, 'CheckAnswered', { messageId }), dueAt: plusMs(now, answerWithinMs) },
      ]
    }
    case 'AnswerPrepared': {
      const { text, answerId, dialogId } = event.data
      if (!text) return []
      const payload = { leadId: dialog.externalId, source: dialog.source, customId: answerId, dialogId, text }
      return [{ destination: 'umnico', kind: 'umnico.send', payload, personal: ['text'] }]
    }
    case 'MessageNoted':
      return dialog.status === 'open'
        ? [toDialog(dialog.dialogId, 'HandOver', { reason: 'somebody-else-answers' })]
        : []
    default:
      return []
  }
}

/** Whether an event tells how to reach the visitor, or what the visitor wants. */
const tellsOfLead = (event: DomainEvent, dialog: Exclude<Dialog, { status: 'absent' }>): boolean => {
  if (event.type === 'MessageReceived') return event.data.messageId === dialog.wish?.messageId
  return (
    (event.type === 'DialogOpened' || event.type === 'VisitorIntroduced') &&
    Boolean(event.data.phone || event.data.email)
  )
}

/** Makes a lead of a dialog as soon as a contact or a wish is known. */
export const takeLeads = (event: DomainEvent, dialog: Dialog | null): readonly Asked[] => {
  if (!dialog || dialog.status === 'absent' || !tellsOfLead(event, dialog)) return []
  const { name, phone, email } = dialog.visitor
  const leadId = leadIdOf(dialog.dialogId)
  const details = {
    name,
    phone,
    email,
    city: null,
    service: null,
    wish: dialog.wish?.text ?? null,
    pageUrl: null,
    utm: {},
  }
  const data = {
    leadId,
    source: 'umnico',
    externalId: `${dialog.accountId}:${dialog.externalId}`,
    via: 'dialog',
    dialogId: dialog.dialogId,
    details,
  }
  const payload = { stream: leadStream(leadId), command: { type: 'ReceiveLead', data } }
  return [{ destination: 'hub', kind: 'hub.command', payload, personal: ['command'] }]
}

/** A hook of the site is a hint: the leads are pulled soon after, once for all hints of a moment. */
export const pullLeads = (event: DomainEvent): readonly Asked[] => {
  if (event.type === 'PullHinted')
    return [{ destination: 'flexbe', kind: 'flexbe.pullLeads', payload: {}, dueAt: event.data.pullAt }]
  if (event.type !== 'LeadReceived' || event.data.source !== 'flexbe' || event.data.via !== 'hook') return []
  const command = { type: 'NoteHint', data: { provider: 'flexbe' } }
  return [{ destination: 'hub', kind: 'hub.command', payload: { stream: 'poll-flexbe', command } }]
}

/** A state of the deal that is not known by name: the account is asked once, and the name is noted when it comes. */
export const nameStatuses = (event: DomainEvent): readonly Asked[] => {
  if (event.type !== 'DialogStatusNoted' || event.data.statusName !== null) return []
  const { dialogId, statusId } = event.data
  return [{ destination: 'umnico', kind: 'umnico.readStatuses', payload: { dialogId, statusId } }]
}
