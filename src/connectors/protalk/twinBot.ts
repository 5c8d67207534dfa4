import { emailFrom, phoneFrom } from '../contact.ts'
import { matchingKey } from '../matching.ts'
import type { ProtalkBot, ToolName } from './tools.ts'

/** What a partner was asked about before the proof came. */
export type BotMemory = { readonly tool: ToolName | null; readonly email: string | null; readonly phone: string | null }

/** What the twin's bot does about a message: it says something itself, or calls a tool of ours and says its text. */
export type BotPlan =
  | { readonly tag: 'say'; readonly text: string }
  | {
      readonly tag: 'call'
      readonly tool: ToolName
      readonly args: Readonly<Record<string, string | number | boolean>>
      readonly memory: BotMemory
      /** Said before the tool's text, in the Markdown that models like. */
      readonly opening: string
    }

/** A bot that knows nothing yet. */
export const emptyMemory: BotMemory = { tool: null, email: null, phone: null }

/** Decides by keywords what a language model would decide by reading. */
export const planOf = (bot: ProtalkBot, text: string, memory: BotMemory): BotPlan =>
  bot === 'client' ? clientPlan(text) : partnerPlan(text, memory)

/** Stems of cities and services as people decline them. */
const cities: Readonly<Record<string, string>> = {
  ярослав: 'Ярославль',
  рыбинск: 'Рыбинск',
  переслав: 'Переславль-Залесский',
  ростов: 'Ростов',
  москв: 'Москва',
  петербург: 'Санкт-Петербург',
  костром: 'Кострома',
  вологд: 'Вологда',
  казан: 'Казань',
}
const services: Readonly<Record<string, string>> = {
  ипотек: 'Ипотека',
  оценк: 'Оценка',
  оценщик: 'Оценка',
  строи: 'Строительство',
  строй: 'Строительство',
  риелт: 'Риелтор',
  риэлт: 'Риелтор',
  брокер: 'Брокер',
}

const named = (key: string, names: Readonly<Record<string, string>>): string | null =>
  Object.entries(names).find(([stem]) => key.includes(stem))?.[1] ?? null

const phoneIn = (text: string): string | null => phoneFrom(/(?:\+|\b)\d[\d\s()-]{8,18}\d/.exec(text)?.[0] ?? '')

const emailIn = (text: string): string | null =>
  text.split(/[\s,;<>]+/).flatMap((word) => emailFrom(word.replace(/[.!?]$/, '')) ?? [])[0] ?? null

const clientPlan = (text: string): BotPlan => {
  const key = matchingKey(text)
  const city = named(key, cities)
  const service = named(key, services)
  const partnerId = /\bpar_\w+/.exec(text)?.[0]
  const phone = phoneIn(text)
  const place = { ...(city === null ? {} : { city }), ...(service === null ? {} : { service }) }
  const call = (
    tool: ToolName,
    args: Readonly<Record<string, string | number | boolean>>,
    opening: string,
  ): BotPlan => ({
    tag: 'call',
    tool,
    args,
    memory: emptyMemory,
    opening,
  })
  if (partnerId !== undefined) return call('partner_card', { partner_id: partnerId }, '')
  if (phone !== null) {
    const name = /(?:меня зовут|имя)\s+(\p{L}+)/iu.exec(text)?.[1]
    const consent = key.includes('соглас')
    return call('leave_request', { ...(name === undefined ? {} : { name }), phone, ...place, wish: text, consent }, '')
  }
  if (/оператор|человек|менеджер/.test(key)) return { tag: 'say', text: 'Передаю ваш вопрос человеку.' }
  if (city !== null || service !== null || key.includes('партн')) {
    return call('find_partners', { ...place, limit: '3' }, '**Вот что нашлось:**\n\n')
  }
  return {
    tag: 'say',
    text: 'Здравствуйте! Подскажу партнёров: напишите *город* и услугу. Чтобы вам перезвонили, оставьте телефон и слово «согласен».',
  }
}

const partnerTool = (key: string): ToolName | null => {
  if (key.includes('отмен')) return 'cancel_subscription'
  if (/оплат|ссылк|счет/.test(key)) return 'payment_link'
  if (/заявк|лид|клиент/.test(key)) return 'my_leads'
  return /статус|подписк|срок/.test(key) ? 'subscription_status' : null
}

const partnerPlan = (text: string, memory: BotMemory): BotPlan => {
  const key = matchingKey(text)
  const tool = partnerTool(key) ?? memory.tool
  const email = emailIn(text) ?? memory.email
  const phone = email === null ? (phoneIn(text) ?? memory.phone) : null
  const code = /(?<![\d+])\d{4,8}(?!\d)/.exec(text)?.[0]
  if (tool === null) {
    return {
      tag: 'say',
      text: 'Здравствуйте! Могу показать статус подписки, заявки, ссылку на оплату или отменить подписку.',
    }
  }
  const args = {
    ...(email === null ? {} : { email }),
    ...(phone === null ? {} : { phone }),
    ...(code === undefined ? {} : { code }),
    ...(tool === 'cancel_subscription' && key.includes('сразу') ? { at: 'now' } : {}),
  }
  return { tag: 'call', tool, args, memory: { tool, email, phone }, opening: '' }
}
