import { unreachable } from '../kernel/brand.ts'
import { accepted, type Decider, type Decision, refused } from '../kernel/decision.ts'
import type { Instant } from '../kernel/time.ts'
import type { DialogId } from './ids.ts'
import { wishIn } from './wish.ts'

/** A dialog as the chat provider knows it. */
export type DialogIdentity = {
  readonly dialogId: DialogId
  readonly accountId: string
  /** The provider's number of the dialog. */
  readonly externalId: string
  /** Such as `onlinechat` or `whatsapp2`; an open list. */
  readonly channel: string | null
  /** The provider's number of the person; only the first dialog of a person has it, so that news of the person find one dialog. */
  readonly customerId: string | null
}

/** Who writes, as far as it is known. */
export type Visitor = { readonly name: string | null; readonly phone: string | null; readonly email: string | null }

/** Something said in a dialog. */
export type Said = {
  readonly messageId: string
  readonly direction: 'incoming' | 'outgoing'
  /** Our own label of a message that we sent; null for everybody else's. */
  readonly customId: string | null
  readonly text: string
  readonly attachments: readonly { readonly type: string; readonly url: string | null }[]
  /** Where an answer has to go. */
  readonly source: string | null
  readonly saidAt: Instant
}

type Moment = { readonly dialogId: DialogId; readonly at: Instant }

/** Facts about a dialog. */
export type DialogEvent =
  | { readonly type: 'DialogOpened'; readonly data: Moment & DialogIdentity & Visitor }
  | { readonly type: 'DialogReopened'; readonly data: Moment }
  | { readonly type: 'VisitorIntroduced'; readonly data: Moment & Visitor }
  | {
      readonly type: 'MessageReceived'
      readonly data: Moment & Pick<Said, 'messageId' | 'text' | 'attachments' | 'source'>
    }
  | { readonly type: 'AnswerPrepared'; readonly data: Moment & { readonly answerId: string; readonly text: string } }
  | {
      readonly type: 'MessageSent'
      readonly data: Moment & { readonly messageId: string; readonly answerId: string; readonly text: string }
    }
  | {
      readonly type: 'MessageDelivered'
      readonly data: Moment & { readonly answerId: string; readonly providerMessageId: string }
    }
  | {
      readonly type: 'MessageNoted'
      readonly data: Moment & Pick<Said, 'messageId' | 'text' | 'attachments'> & { readonly author: string }
    }
  | {
      readonly type: 'DialogStatusNoted'
      readonly data: Moment & { readonly statusId: string; readonly statusName: string | null }
    }
  | { readonly type: 'DialogHandedOver'; readonly data: Moment & { readonly reason: string } }
  | { readonly type: 'DialogClosed'; readonly data: Moment & { readonly reason: string } }

/** Wishes about a dialog. */
export type DialogCommand =
  | {
      readonly type: 'NoteMessage'
      readonly data: {
        readonly at: Instant
        readonly dialog: DialogIdentity
        readonly visitor: Visitor
        readonly said: Said
      }
    }
  | {
      readonly type: 'NoteVisitor'
      readonly data: { readonly at: Instant; readonly dialog: DialogIdentity; readonly visitor: Visitor }
    }
  | { readonly type: 'IntroduceVisitor'; readonly data: { readonly at: Instant; readonly visitor: Visitor } }
  | {
      readonly type: 'NoteStatus'
      readonly data: {
        readonly at: Instant
        readonly statusId: string
        readonly statusName: string | null
        readonly ends: boolean
      }
    }
  | {
      readonly type: 'PrepareAnswer'
      readonly data: {
        readonly at: Instant
        readonly answerId: string
        readonly text: string
        /** The bot says that a person takes over. */
        readonly handsOver: boolean
      }
    }
  | { readonly type: 'NoteSent'; readonly data: { readonly at: Instant; readonly answerId: string } }
  | { readonly type: 'CheckAnswered'; readonly data: { readonly at: Instant; readonly messageId: string } }
  | { readonly type: 'HandOver'; readonly data: { readonly at: Instant; readonly reason: string } }
  | { readonly type: 'CloseDialog'; readonly data: { readonly at: Instant; readonly reason: string } }

type Answer = { readonly text: string; readonly sent: boolean; readonly delivered: boolean }

/** A dialog as the decider sees it. */
export type Dialog =
  | { readonly status: 'absent' }
  | (DialogIdentity & {
      readonly status: 'open' | 'handed_over' | 'closed'
      readonly visitor: Visitor
      readonly source: string | null
      /** What the visitor came for: the first message that says more than a greeting. */
      readonly wish: { readonly messageId: string; readonly text: string } | null
      /** Ids of what was said lately; a message that was read twice is one message. */
      readonly messageIds: readonly string[]
      readonly answers: Readonly<Record<string, Answer>>
      /** What the visitor said since the last answer. */
      readonly unanswered: readonly string[]
      readonly statusId: string | null
      readonly statusName: string | null
    })

type Known = Exclude<Dialog, { status: 'absent' }>

/** Repeats come within days; a dialog of people does not have more messages in that time. */
const messagesRemembered = 200

const remembered = (state: Known, messageId: string): readonly string[] =>
  [...state.messageIds, messageId].slice(-messagesRemembered)

const withAnswer = (state: Known, id: string, change: Partial<Answer>): Known => {
  const answer = state.answers[id]
  return answer ? { ...state, answers: { ...state.answers, [id]: { ...answer, ...change } } } : state
}

const evolve = (state: Dialog, event: DialogEvent): Dialog => {
  if (event.type === 'DialogOpened') {
    const { dialogId, accountId, externalId, channel, customerId, name, phone, email } = event.data
    const visitor = { name, phone, email }
    const nothing = {
      source: null,
      wish: null,
      messageIds: [],
      answers: {},
      unanswered: [],
      statusId: null,
      statusName: null,
    }
    return { ...nothing, status: 'open', dialogId, accountId, externalId, channel, customerId, visitor }
  }
  if (state.status === 'absent') return state
  switch (event.type) {
    case 'DialogReopened':
      return { ...state, status: 'open' }
    case 'VisitorIntroduced': {
      const { name, phone, email } = event.data
      return { ...state, visitor: { name, phone, email } }
    }
    case 'MessageReceived': {
      const { messageId, text, source } = event.data
      // The text is absent when the visitor was forgotten.
      const wish = state.wish === null ? wishIn(text ?? '') : null
      return {
        ...state,
        wish: wish === null ? state.wish : { messageId, text: wish },
        source: source ?? state.source,
        messageIds: remembered(state, messageId),
        unanswered: [...state.unanswered, messageId].slice(-messagesRemembered),
      }
    }
    case 'AnswerPrepared': {
      const { answerId, text } = event.data
      const answers = { ...state.answers, [answerId]: { text, sent: false, delivered: false } }
      return { ...state, answers, unanswered: [] }
    }
    case 'MessageSent':
      return withAnswer(state, event.data.answerId, { sent: true })
    case 'MessageDelivered':
      return withAnswer(state, event.data.answerId, { sent: true, delivered: true })
    case 'MessageNoted':
      return { ...state, messageIds: remembered(state, event.data.messageId), unanswered: [] }
    case 'DialogStatusNoted':
      return { ...state, statusId: event.data.statusId, statusName: event.data.statusName }
    case 'DialogHandedOver':
      return { ...state, status: 'handed_over' }
    case 'DialogClosed':
      return { ...state, status: 'closed' }
    default:
      return unreachable(event)
  }
}

const decide = (state: Dialog, command: DialogCommand): Decision<DialogEvent> => {
  if (command.type === 'NoteMessage') return noteMessage(state, command.data)
  if (command.type === 'NoteVisitor') {
    const { at, dialog, visitor } = command.data
    return accepted(...opening(state, { at, dialog, visitor }))
  }
  if (state.status === 'absent') return refused('dialog-unknown', `Cannot ${command.type}: there is no such dialog`)
  const moment = { dialogId: state.dialogId, at: command.data.at }
  switch (command.type) {
    case 'IntroduceVisitor':
      return accepted(...introduction(state, command.data))
    case 'PrepareAnswer': {
      const { answerId, text, handsOver } = command.data
      // A person may have taken over while the bot was thinking.
      if (state.status !== 'open' || state.answers[answerId]) return accepted()
      const answer: DialogEvent = { type: 'AnswerPrepared', data: { ...moment, answerId, text } }
      return handsOver
        ? accepted<DialogEvent>(answer, { type: 'DialogHandedOver', data: { ...moment, reason: 'bot-gave-up' } })
        : accepted(answer)
    }
    case 'NoteSent': {
      const answer = state.answers[command.data.answerId]
      return answer && !answer.sent ? accepted(sent(moment, command.data.answerId, answer)) : accepted()
    }
    case 'NoteStatus': {
      const { statusId, statusName, ends } = command.data
      const noted: DialogEvent = { type: 'DialogStatusNoted', data: { ...moment, statusId, statusName } }
      const closed: DialogEvent = { type: 'DialogClosed', data: { ...moment, reason: `status-${statusId}` } }
      const events = [
        ...(state.statusId === statusId && (statusName ?? state.statusName) === state.statusName ? [] : [noted]),
        ...(ends && state.status !== 'closed' ? [closed] : []),
      ]
      return accepted(...events)
    }
    case 'CheckAnswered':
      return state.status === 'open' && state.unanswered.includes(command.data.messageId)
        ? accepted({ type: 'DialogHandedOver', data: { ...moment, reason: 'bot-silent' } })
        : accepted()
    case 'HandOver':
      return state.status === 'open'
        ? accepted({ type: 'DialogHandedOver', data: { ...moment, reason: command.data.reason } })
        : accepted()
    case 'CloseDialog':
      return state.status === 'closed'
        ? accepted()
        : accepted({ type: 'DialogClosed', data: { ...moment, reason: command.data.reason } })
    default:
      return unreachable(command)
  }
}

const sent = (moment: Moment, answerId: string, answer: Answer): DialogEvent => ({
  type: 'MessageSent',
  data: { ...moment, messageId: answerId, answerId, text: answer.text },
})

type Seen = { readonly at: Instant; readonly dialog: DialogIdentity; readonly visitor: Visitor }

/** Opens a dialog that is new, and notes what is new about the visitor. */
const opening = (state: Dialog, { at, dialog, visitor }: Seen): DialogEvent[] =>
  state.status === 'absent'
    ? [{ type: 'DialogOpened', data: { ...dialog, ...visitor, at } }]
    : introduction(state, { at, visitor })

const introduction = (state: Known, { at, visitor }: Omit<Seen, 'dialog'>): DialogEvent[] => {
  const known = state.visitor
  const now: Visitor = {
    name: known.name ?? visitor.name,
    phone: known.phone ?? visitor.phone,
    email: known.email ?? visitor.email,
  }
  const isNew = now.name !== known.name || now.phone !== known.phone || now.email !== known.email
  return isNew ? [{ type: 'VisitorIntroduced', data: { dialogId: state.dialogId, at, ...now } }] : []
}

const noteMessage = (
  state: Dialog,
  { at, dialog, visitor, said }: Seen & { readonly said: Said },
): Decision<DialogEvent> => {
  const dialogId = state.status === 'absent' ? dialog.dialogId : state.dialogId
  const { messageId, text, attachments, source, customId, saidAt } = said
  if (state.status !== 'absent' && state.messageIds.includes(messageId)) return accepted()
  const moment = { dialogId, at: saidAt }
  if (said.direction === 'incoming') {
    return accepted(
      ...opening(state, { at, dialog, visitor }),
      ...(state.status === 'closed' ? [{ type: 'DialogReopened', data: { dialogId, at } } as const] : []),
      { type: 'MessageReceived', data: { ...moment, messageId, text, attachments, source } },
    )
  }
  const answer = state.status === 'absent' || customId === null ? undefined : state.answers[customId]
  if (answer && customId !== null) {
    return accepted(
      ...(answer.sent ? [] : [sent(moment, customId, answer)]),
      ...(answer.delivered
        ? []
        : [
            {
              type: 'MessageDelivered',
              data: { ...moment, answerId: customId, providerMessageId: messageId },
            } as const,
          ]),
    )
  }
  const author = customId === null ? 'operator' : 'other'
  return accepted(...opening(state, { at, dialog, visitor }), {
    type: 'MessageNoted',
    data: { ...moment, messageId, text, attachments, author },
  })
}

/** The decider of a dialog: every message once, our own echoes told from others' words, and who answers. */
export const dialog: Decider<Dialog, DialogCommand, DialogEvent> = { initial: { status: 'absent' }, evolve, decide }

/** The fields of each event that are about a person. */
export const dialogPersonal: Readonly<Record<string, readonly string[]>> = {
  DialogOpened: ['name', 'phone', 'email'],
  VisitorIntroduced: ['name', 'phone', 'email'],
  MessageReceived: ['text', 'attachments'],
  AnswerPrepared: ['text'],
  MessageSent: ['text'],
  MessageNoted: ['text', 'attachments'],
}

/** The claim by which the next message finds its dialog. */
export const dialogClaim = (accountId: string, externalId: string): string => `dialog:umnico:${accountId}:${externalId}`

/** The claim by which news of a person find the person's dialog. */
export const customerClaim = (accountId: string, customerId: string): string =>
  `customer:umnico:${accountId}:${customerId}`

/** What an event takes for its dialog. */
export const dialogClaims = (_state: Dialog, event: DialogEvent) => {
  if (event.type !== 'DialogOpened') return { take: [], release: [] }
  const { accountId, externalId, customerId } = event.data
  const person = customerId === null ? [] : [customerClaim(accountId, customerId)]
  return { take: [dialogClaim(accountId, externalId), ...person], release: [] }
}
