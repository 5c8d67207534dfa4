import { createHash } from 'node:crypto'
import { dialogClaim } from '../../domain/dialog.ts'
import { leadId, leadIdOf, leadStream, readDialogId, readLeadId } from '../../domain/ids.ts'
import { leadClaim } from '../../domain/lead.ts'
import type { IntakeContext, IntakeTarget } from '../connector.ts'
import { type ProtalkFacts, umnicoDialogOf } from './wire.ts'

/** The stream of what a chat with the partners' bot has proven. Chat ids are texts of others, so the stream carries a digest. */
export const proofStream = (chatId: string): string =>
  `proof-${createHash('sha256').update(chatId).digest('hex').slice(0, 32)}`

type Place = { readonly source: 'umnico' | 'protalk'; readonly externalId: string | null }

/** A chat of Umnico's is the same lead whether the bot or the chat tells of it. */
const placeOf = ({ chatId }: ProtalkFacts): Place => {
  const chat = umnicoDialogOf(chatId ?? '')
  return chat
    ? { source: 'umnico', externalId: `${chat.accountId}:${chat.leadId}` }
    : { source: 'protalk', externalId: chatId }
}

/** The claims by which a request finds its dialog or its lead. */
export const toolClaims = (facts: ProtalkFacts): readonly string[] => {
  if (facts.tool !== 'leave_request') return []
  const { source, externalId } = placeOf(facts)
  const chat = umnicoDialogOf(facts.chatId ?? '')
  return [
    ...(chat ? [dialogClaim(chat.accountId, chat.leadId)] : []),
    ...(externalId === null ? [] : [leadClaim(source, externalId)]),
  ]
}

/** Turns a call of a writing tool into a command. */
export const toolTarget = (facts: ProtalkFacts, context: IntakeContext): IntakeTarget => {
  switch (facts.tool) {
    case 'leave_request':
      return requestTarget(facts, context)
    case 'cancel_subscription':
      return {
        tag: 'command',
        stream: proofStream(facts.chatId ?? ''),
        command: { type: 'AskCancellation', data: { at: context.at, when: facts.args.at } },
        isNew: false,
      }
    default:
      return { tag: 'ignored', reason: 'tool-changes-nothing' }
  }
}

const requestTarget = (
  facts: ProtalkFacts & { readonly tool: 'leave_request' },
  context: IntakeContext,
): IntakeTarget => {
  const { name, phone, phoneRaw, email, city, service, wish } = facts.args
  const { source, externalId } = placeOf(facts)
  if (phone === null && phoneRaw === null && email === null && source !== 'umnico')
    return { tag: 'poor', reason: 'no-contact' }
  const holders = toolClaims(facts).map((claim) => context.holders.get(claim) ?? '')
  const dialog = holders.map((stream) => readDialogId(stream.replace(/^dialog-/, ''))).find((found) => found !== null)
  const known = holders.map((stream) => readLeadId(stream.replace(/^lead-/, ''))).find((found) => found !== null)
  const id = known ?? (dialog ? leadIdOf(dialog) : leadId(context.newId()))
  const words = [wish, phoneRaw === null ? null : `Телефон как написан: ${phoneRaw}`].filter((text) => text !== null)
  const details = {
    name,
    phone,
    email,
    city,
    service,
    wish: words.length === 0 ? null : words.join('\n'),
    pageUrl: null,
    utm: {},
  }
  const data = { leadId: id, at: context.at, source, externalId, via: 'bot', dialogId: dialog ?? null, details }
  return { tag: 'command', stream: leadStream(id), command: { type: 'ReceiveLead', data }, isNew: !known && !dialog }
}
