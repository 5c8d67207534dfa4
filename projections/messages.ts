import type { DomainEvent } from '../src/domain/index.ts'
import type { Instant } from '../src/kernel/time.ts'
import { type FoldEvent, readModel } from './projection.ts'

/** A message as lists and cards show it. */
export type MessageRow = {
  readonly messageId: string
  readonly dialogId: string
  readonly direction: string
  readonly author: string
  readonly text: string | null
  readonly attachments: number
  readonly at: Instant
  readonly position: number
}

const fold = (row: MessageRow | null, recorded: FoldEvent): MessageRow | null => {
  const event = { type: recorded.type, data: recorded.data } as DomainEvent
  if (event.type !== 'MessageReceived' && event.type !== 'MessageSent' && event.type !== 'MessageNoted') return row
  const { messageId, dialogId, text, at } = event.data
  const files = event.type === 'MessageSent' ? null : event.data.attachments
  const direction = event.type === 'MessageReceived' ? 'incoming' : 'outgoing'
  const author = event.type === 'MessageReceived' ? 'visitor' : event.type === 'MessageSent' ? 'bot' : event.data.author
  const base = { messageId, dialogId, direction, author, text, at, position: recorded.position }
  return { ...base, attachments: files?.length ?? 0 }
}

/** Messages by their id. */
export const messages = readModel<MessageRow>({
  name: 'messages',
  types: ['MessageReceived', 'MessageSent', 'MessageNoted'],
  personal: true,
  key: 'messageId',
  columns: {
    messageId: 'text',
    dialogId: 'text',
    direction: 'text',
    author: 'text',
    text: 'text',
    attachments: 'integer',
    at: 'timestamptz',
    position: 'bigint',
  },
  keyOf: (event) => (typeof event.data.messageId === 'string' ? event.data.messageId : null),
  fold,
})
