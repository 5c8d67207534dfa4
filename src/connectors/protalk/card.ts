import { cutText, plainLine } from '../plainText.ts'

/** What a chat may show of a partner. The phone is given only with the partner's consent to show it. */
export type CardFacts = {
  readonly partnerId: string
  readonly name: string
  readonly services: readonly string[]
  readonly cities: readonly string[]
  /** In tenths: 49 is 4,9. */
  readonly ratingTenths: number | null
  readonly reviewsCount: number
  /** E.164, or null when it must not be shown. */
  readonly phone: string | null
  /** The partner's page, with its scheme. */
  readonly url: string | null
  readonly description: string | null
}

/** One partner in an answer, for the bot's own use. */
export type ToolItem = {
  readonly partner_id: string
  readonly name: string
  readonly services: readonly string[]
  readonly cities: readonly string[]
  readonly phone: string | null
  readonly url: string | null
}

/** What a tool answers: a text that the bot may say as it is, and the same as data. */
export type ToolResult = {
  readonly ok: boolean
  readonly text: string
  readonly items: readonly Readonly<Record<string, unknown>>[]
}

/** One card is one message on the strictest channel that matters. */
export const cardLengthMax = 900

/** A language model reads the answer, and a person after it. */
export const answerLengthMax = 1500

/** More would be a catalogue and no answer. */
export const cardsMax = 3

const nameLengthMax = 120
const lineLengthMax = 200
const urlLengthMax = 300

/** What nobody is found for is said in these words. */
export const nobodyText = 'В этом городе партнёров пока нет.'

/** A card as plain text: name, services, cities, rating, description, phone and link; the phone and the link are never cut. */
export const partnerCard = (facts: CardFacts, lengthMax: number = cardLengthMax): string => {
  const name = cutText(plainLine(facts.name), nameLengthMax)
  const services = cutText(facts.services.map(plainLine).filter(Boolean).join(', ').toLowerCase(), lineLengthMax)
  const title = services === '' ? name : `${name} · ${services}`
  const cities = cutText(facts.cities.map(plainLine).filter(Boolean).join(', '), lineLengthMax)
  const firm = [phoneLine(facts.phone), linkLine(facts.url)].filter((line) => line !== '')
  const room = lengthMax - lengthOf(firm)
  const soft: string[] = []
  for (const line of [title, cities, ratingLine(facts), plainLine(facts.description ?? '')]) {
    const left = room - lengthOf(soft) - 1
    // A line of less than this says nothing; the first one, the name, is always there.
    if (line !== '' && (left >= Math.min(line.length, 20) || soft.length === 0)) soft.push(cutText(line, left))
  }
  return [...soft, ...firm].join('\n')
}

/** The answer of `find_partners`: up to three cards that fit together. */
export const cardsAnswer = (found: readonly CardFacts[]): ToolResult => {
  const shown = found.slice(0, cardsMax)
  if (shown.length === 0) return { ok: true, text: nobodyText, items: [] }
  const each = Math.min(cardLengthMax, Math.floor((answerLengthMax - 2 * (shown.length - 1)) / shown.length))
  return { ok: true, text: shown.map((facts) => partnerCard(facts, each)).join('\n\n'), items: shown.map(itemOf) }
}

/** The data of a card, without anything that the card does not show. */
export const itemOf = (facts: CardFacts): ToolItem => ({
  partner_id: facts.partnerId,
  name: cutText(plainLine(facts.name), nameLengthMax),
  services: facts.services.map(plainLine).slice(0, 20),
  cities: facts.cities.map(plainLine).slice(0, 20),
  phone: facts.phone,
  url: linkLine(facts.url) || null,
})

/**
 * A Russian number as people write it; others in E.164.
 * @example phoneText('+79123456789') // '+7 912 345-67-89'
 */
export const phoneText = (phone: string): string => phone.replace(/^\+7(\d{3})(\d{3})(\d{2})(\d{2})$/, '+7 $1 $2-$3-$4')

const lengthOf = (lines: readonly string[]): number => lines.reduce((sum, line) => sum + line.length + 1, 0)

const phoneLine = (phone: string | null): string =>
  phone !== null && /^\+\d{8,15}$/.test(phone) ? `Телефон: ${phoneText(phone)}` : ''

const linkLine = (url: string | null): string =>
  url !== null && url.length <= urlLengthMax && /^https?:\/\/[^\s<>"]+$/.test(url) ? url : ''

const ratingLine = ({ ratingTenths, reviewsCount }: CardFacts): string => {
  if (ratingTenths === null || reviewsCount < 1) return ''
  const rating = `${Math.floor(ratingTenths / 10)},${ratingTenths % 10}`
  return `★ ${rating} (${reviewsCount} ${reviewWord(reviewsCount)})`
}

const reviewWord = (count: number): string => {
  const rule = new Intl.PluralRules('ru').select(count)
  if (rule === 'one') return 'отзыв'
  return rule === 'few' ? 'отзыва' : 'отзывов'
}
