import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { dialogs } from '../../projections/dialogs.ts'
import { messages } from '../../projections/messages.ts'
import type { FoldEvent, Row } from '../../projections/projection.ts'
import { type Dialog, type DialogCommand, type DialogEvent, dialog, type Said } from '../../src/domain/dialog.ts'
import { dialogId } from '../../src/domain/ids.ts'
import { instant } from '../../src/kernel/time.ts'

const at = instant(Date.parse('2026-11-24T09:00:00Z'))
const id = dialogId('0191e0c2-0000-7000-8000-000000000001')
const identity = {
  dialogId: id,
  accountId: '147517',
  externalId: '67918694',
  channel: 'onlinechat',
  customerId: '7001',
}
const nobody = { name: null, phone: null, email: null }
const words = (messageId: string, change: Partial<Said> = {}): DialogCommand => ({
  type: 'NoteMessage',
  data: {
    at,
    dialog: identity,
    visitor: { ...nobody, name: 'Олег' },
    said: {
      messageId,
      direction: 'incoming',
      customId: null,
      text: 'Здравствуйте',
      attachments: [],
      source: '255',
      saidAt: at,
      ...change,
    },
  },
})
const answer = (answerId: string, handsOver = false): DialogCommand => ({
  type: 'PrepareAnswer',
  data: { at, answerId, text: 'Добрый день', handsOver },
})

/** Says commands one after another; the events of each by its place. */
const played = (...commands: readonly DialogCommand[]): { state: Dialog; events: DialogEvent[]; types: string[][] } => {
  let state: Dialog = dialog.initial
  const events: DialogEvent[] = []
  const types: string[][] = []
  for (const command of commands) {
    const decision = dialog.decide(state, command)
    const now = decision.tag === 'accepted' ? decision.events : []
    types.push(decision.tag === 'accepted' ? now.map((event) => event.type) : [decision.code])
    for (const event of now) state = dialog.evolve(state, event)
    events.push(...now)
  }
  return { state, events, types }
}

const folded = (model: typeof dialogs, events: readonly DialogEvent[]): readonly Row[] => {
  const rows = new Map<string, Row>()
  events.forEach((event, index) => {
    const seen: FoldEvent = { position: index + 1, subject: id, type: event.type, data: event.data }
    const key = model.types.includes(event.type) ? model.keyOf(seen) : null
    const row = key === null ? null : model.fold(rows.get(key) ?? null, seen)
    if (key !== null && row) rows.set(key, row)
  })
  return [...rows.values()]
}

describe('a dialog', () => {
  it('opens with the first message, and keeps a message that is read twice once', () => {
    const { types } = played(words('m-1'), words('m-1'), words('m-2'))
    assert.deepEqual(types, [['DialogOpened', 'MessageReceived'], [], ['MessageReceived']])
  })

  it('tells the echo of our own answer from the words of others (V8)', () => {
    const echo = words('m-9', { direction: 'outgoing', customId: 'a-1' })
    const { types } = played(
      words('m-1'),
      answer('a-1'),
      { type: 'NoteSent', data: { at, answerId: 'a-1' } },
      echo,
      echo,
    )
    assert.deepEqual(types.slice(2), [['MessageSent'], ['MessageDelivered'], []])
    assert.deepEqual(played(words('m-1'), answer('a-1'), echo).types[2], ['MessageSent', 'MessageDelivered'])
    const other = words('m-9', { direction: 'outgoing', customId: 'ob-7f3a' })
    assert.deepEqual(played(words('m-1'), answer('a-1'), other).types[2], ['MessageNoted'])
  })

  it('sends no answer of the bot after a person took over, until it is closed and opens again', () => {
    const over: DialogCommand = { type: 'HandOver', data: { at, reason: 'somebody-else-answers' } }
    const closed: DialogCommand = {
      type: 'NoteStatus',
      data: { at, statusId: '43', statusName: 'Завершено', ends: true },
    }
    const { types } = played(words('m-1'), over, over, answer('a-1'), closed, closed, words('m-2'), answer('a-2'))
    assert.deepEqual(types.slice(1), [
      ['DialogHandedOver'],
      [],
      [],
      ['DialogStatusNoted', 'DialogClosed'],
      [],
      ['DialogReopened', 'MessageReceived'],
      ['AnswerPrepared'],
    ])
  })

  it('is handed over when the bot gives up, or is silent for too long', () => {
    assert.deepEqual(played(words('m-1'), answer('a-1', true)).types[1], ['AnswerPrepared', 'DialogHandedOver'])
    const check: DialogCommand = { type: 'CheckAnswered', data: { at, messageId: 'm-1' } }
    assert.deepEqual(played(words('m-1'), check).types[1], ['DialogHandedOver'])
    assert.deepEqual(played(words('m-1'), answer('a-1'), check).types[2], [])
  })

  it('learns a contact once, and a contact on file stays', () => {
    const introduce = (phone: string): DialogCommand => ({
      type: 'IntroduceVisitor',
      data: { at, visitor: { ...nobody, phone } },
    })
    const { types, state } = played(words('m-1'), introduce('+79120000001'), introduce('+79120000002'))
    assert.deepEqual(types.slice(1), [['VisitorIntroduced'], []])
    assert.deepEqual(state.status === 'absent' ? null : state.visitor, {
      name: 'Олег',
      phone: '+79120000001',
      email: null,
    })
  })

  it('refuses what is said about a dialog that never began', () => {
    assert.deepEqual(played(answer('a-1')).types, [['dialog-unknown']])
  })

  it('adds nothing when a command comes twice, whatever came before', () => {
    const commands = fc.constantFrom<DialogCommand>(
      words('m-1'),
      words('m-2', { direction: 'outgoing' }),
      words('m-3', { direction: 'outgoing', customId: 'a-1' }),
      answer('a-1'),
      { type: 'NoteSent', data: { at, answerId: 'a-1' } },
      { type: 'HandOver', data: { at, reason: 'r' } },
      { type: 'CloseDialog', data: { at, reason: 'r' } },
      { type: 'NoteStatus', data: { at, statusId: '42', statusName: null, ends: false } },
    )
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 12 }), commands, (before, last) => {
        const once = played(...before, last)
        assert.deepEqual(played(...before, last, last).events, once.events)
      }),
      { seed: 20_261_124 },
    )
  })

  it('is shown with its state, and each message once', () => {
    const echo = words('m-9', { direction: 'outgoing', customId: 'a-1' })
    const { events } = played(words('m-1', { attachments: [{ type: 'photo', url: null }] }), answer('a-1'), echo)
    const [row] = folded(dialogs, events)
    assert.deepEqual([row?.status, row?.name, row?.lastMessageAt, row?.position], ['open', 'Олег', at, 4])
    assert.deepEqual(
      folded(messages, events).map((one) => [one.messageId, one.author, one.attachments]),
      [
        ['m-1', 'visitor', 1],
        ['a-1', 'bot', 0],
      ],
    )
  })
})
