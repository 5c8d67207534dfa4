import { type BodyFields, type BodyValue, bodyTextAt, bodyValueAt } from '../bodyValues.ts'
import { cleanText, emailFrom, phoneFrom } from '../contact.ts'
import { cutText } from '../plainText.ts'
import { cardsMax } from './card.ts'

/** Which of our two bots calls. */
export type ProtalkBot = 'client' | 'partner'

/** How a partner proves who asks: a contact on file, and the code that was sent there. */
export type ProofArgs = { readonly email: string | null; readonly phone: string | null; readonly code: string | null }

/** A call of a tool with its arguments, which a language model wrote: all of them checked, cut and clamped. */
export type ToolCall =
  | {
      readonly tool: 'find_partners'
      readonly args: { readonly city: string | null; readonly service: string | null; readonly limit: number }
    }
  | { readonly tool: 'partner_card'; readonly args: { readonly partnerId: string | null } }
  | {
      readonly tool: 'leave_request'
      readonly args: {
        readonly name: string | null
        readonly phone: string | null
        /** What was written where the phone belongs, when it is none. */
        readonly phoneRaw: string | null
        readonly email: string | null
        readonly city: string | null
        readonly service: string | null
        readonly wish: string | null
        readonly consent: boolean
      }
    }
  | { readonly tool: 'subscription_status' | 'my_leads'; readonly args: ProofArgs }
  | { readonly tool: 'payment_link'; readonly args: ProofArgs & { readonly plan: string | null } }
  | { readonly tool: 'cancel_subscription'; readonly args: ProofArgs & { readonly at: 'now' | 'period_end' } }

/** The name of a tool. */
export type ToolName = ToolCall['tool']

/** The tools of each bot; a bot cannot call the other one's. */
export const toolsOf: Readonly<Record<ProtalkBot, readonly ToolName[]>> = {
  client: ['find_partners', 'partner_card', 'leave_request'],
  partner: ['subscription_status', 'payment_link', 'my_leads', 'cancel_subscription'],
}

/** Tools that change something, and so happen once. */
export const writingTools: readonly ToolName[] = ['leave_request', 'payment_link', 'cancel_subscription']

/** Reads a call; null when the bot has no such tool. */
export const toolCallOf = (bot: ProtalkBot, fields: BodyFields): ToolCall | null => {
  const tool = toolsOf[bot].find((name) => name === bodyTextAt(fields, 'tool')?.trim())
  switch (tool) {
    case undefined:
      return null
    case 'find_partners':
      return {
        tool,
        args: { city: nameAt(fields, 'city'), service: nameAt(fields, 'service'), limit: limitAt(fields) },
      }
    case 'partner_card':
      return { tool, args: { partnerId: wordAt(fields, 'partner_id', 'partnerId') } }
    case 'leave_request':
      return { tool, args: requestOf(fields) }
    case 'payment_link':
      return { tool, args: { ...proofOf(fields), plan: wordAt(fields, 'plan') } }
    case 'cancel_subscription':
      return { tool, args: { ...proofOf(fields), at: wordAt(fields, 'at') === 'now' ? 'now' : 'period_end' } }
    default:
      return { tool, args: proofOf(fields) }
  }
}

const nameLengthMax = 100
const wishLengthMax = 1000
const wordPattern = /^[\w.:-]{1,64}$/

/** A text of a person's or a place's name. */
const nameAt = (fields: BodyFields, name: string): string | null => {
  const text = cutText(cleanText(bodyTextAt(fields, name) ?? '').replace(/\s+/g, ' '), nameLengthMax)
  return text === '' ? null : text
}

/** An identifier: nothing else is ever looked up. */
const wordAt = (fields: BodyFields, ...names: readonly string[]): string | null => {
  const word = names.map((name) => bodyTextAt(fields, name)?.trim() ?? '').find((text) => text !== '') ?? ''
  return wordPattern.test(word) ? word : null
}

/** Whatever number the model thought of, between one card and three. */
const limitAt = (fields: BodyFields): number => {
  const wanted = Math.trunc(Number(bodyTextAt(fields, 'limit') ?? Number.NaN))
  return Number.isNaN(wanted) ? cardsMax : Math.min(Math.max(wanted, 1), cardsMax)
}

const proofOf = (fields: BodyFields): ProofArgs => {
  const code = (bodyTextAt(fields, 'code') ?? '').replace(/[\s-]/g, '')
  return {
    email: emailFrom(bodyTextAt(fields, 'email') ?? ''),
    phone: phoneFrom(bodyTextAt(fields, 'phone') ?? ''),
    code: /^\d{4,8}$/.test(code) ? code : null,
  }
}

const requestOf = (fields: BodyFields): Extract<ToolCall, { readonly tool: 'leave_request' }>['args'] => {
  const written = nameAt(fields, 'phone')
  const phone = phoneFrom(written ?? '')
  const wish = cutText(cleanText(bodyTextAt(fields, 'wish') ?? ''), wishLengthMax)
  return {
    name: nameAt(fields, 'name'),
    phone,
    phoneRaw: phone === null ? written : null,
    email: emailFrom(bodyTextAt(fields, 'email') ?? ''),
    city: nameAt(fields, 'city'),
    service: nameAt(fields, 'service'),
    wish: wish === '' ? null : wish,
    consent: isYes(bodyValueAt(fields, 'consent')),
  }
}

const yesWords = ['true', 'yes', 'on', '1', 'да', 'согласен', 'согласна']

/** Consent is a clear yes; silence and anything else is none. */
const isYes = (value: BodyValue | undefined): boolean =>
  value === true ||
  ((typeof value === 'string' || typeof value === 'number') && yesWords.includes(String(value).trim().toLowerCase()))
