import { cleanText, phoneFrom } from '../connectors/contact.ts'
import { readInn } from '../connectors/fns/identifiers.ts'

/** What a personal value is, which decides the shape of its stand-in; `mask` keeps the shape and nothing else. */
export type PersonalKind = 'name' | 'company' | 'phone' | 'email' | 'inn' | 'text' | 'id' | 'url' | 'mask'

/** Stand-ins of one recording: the same value has the same one wherever it occurs. */
export type StandIns = {
  /** The stand-in of a personal value. */
  readonly of: (kind: PersonalKind, value: string) => string
  /** A value that is kept, without whatever in it is known or looks personal. */
  readonly kept: (value: string) => string
  /** A text that is made of others, such as a wish of answers: with their stand-ins when it is made of nothing else, else one of its own. */
  readonly composed: (value: string) => string
  /** The stand-in of the id of a chat or a person; null when it is none that was seen. */
  readonly idOf: (value: string) => string | null
}

const names = ['Анна Ветрова', 'Борис Лугов', 'Вера Снежина', 'Глеб Озеров', 'Дина Берёзова', 'Егор Полянский']
/** Kinds whose values are looked for in other texts. */
const textKinds = ['name', 'company', 'text', 'url'] as const
const filler = ' и ещё несколько слов того же размера'

const emails = /[^\s@,;:<>"'()=&]+@[^\s@,;:<>"'()=&]+\.[\p{L}\d-]{2,}/gu
const phones =
  /(?<![\p{L}\d])(?:\+?7|8)[\s(-]{0,3}\d{3}[\s)-]{0,3}\d{3}[\s-]?\d{2}[\s-]?\d{2}(?!\d)|\+\d[\d\s()-]{6,18}\d(?!\d)/gu
const inns = /(?<!\d)\d{12}(?!\d)/g
/** A shorter text is found in too many words that have nothing to do with it. */
const tokenCharsMin = 3

/** Begins a recording. `everything` is all of its text in clear: no stand-in may happen to occur in it. */
export const standIns = (everything: string): StandIns => {
  const haystack = everything.toLowerCase()
  const digitsOfAll = haystack.replace(/\D/g, '')
  const made = new Map<string, string>()
  const counts = new Map<string, number>()
  /** Texts that were kept as they are. */
  const unchanged = new Set<string>()

  /** The next number of a kind whose stand-in is nobody's real value. */
  const fresh = (kind: string, shape: (number: number) => string, among = haystack): string => {
    for (;;) {
      const number = (counts.get(kind) ?? 0) + 1
      counts.set(kind, number)
      const candidate = shape(number)
      if (!among.includes(candidate.toLowerCase())) return candidate
    }
  }
  const remembered = (kind: PersonalKind, value: string, make: () => string): string => {
    const key = `${kind}\n${value}`
    const known = made.get(key) ?? make()
    made.set(key, known)
    return known
  }

  const phone = (value: string): string => {
    const number = phoneFrom(value)
    if (number === null) return mask(value)
    const isRussian = /^\+7\d{10}$/.test(number)
    const own = number.slice(isRussian ? 2 : 3)
    const other = remembered('phone', number, () =>
      fresh(
        'phone',
        (n) => (isRussian ? `9${String(n).padStart(9, '0')}` : String(n).padStart(own.length, '0')),
        digitsOfAll,
      ),
    )
    return withDigits(value.replace(/\p{L}/gu, 'х'), other.slice(-own.length))
  }
  const inn = (value: string): string => {
    const digits = value.replace(/\D/g, '')
    // Ten digits are a company, which is no person.
    if (digits.length !== 12) return digits.length === 10 && !/\p{L}/u.test(value) ? value : mask(value)
    const isRight = readInn(digits) !== null
    return withDigits(
      value,
      remembered('inn', digits, () => fresh('inn', (n) => personInn(n, isRight))),
    )
  }
  const words = (kind: 'name' | 'company' | 'text' | 'url', value: string): string => {
    const text = plain(value)
    // What is cut from a longer text is cut from its stand-in.
    const whole = text.length < 100 ? undefined : longer(made, text)
    return remembered(
      kind,
      text,
      () => whole ?? (kind === 'text' ? wording(text) : fresh(kind, (n) => worded(kind, text, n))),
    )
  }
  /** A person may leave a phone or an address in the middle of a sentence, and it is found there. */
  const wording = (text: string): string => {
    const contacts = [...text.matchAll(emails), ...text.matchAll(phones)].map(([found]) => patterns(found)).join(' ')
    const room = contacts === '' ? text.length : Math.max(text.length - contacts.length - 1, 0)
    const start = fresh('text', (n) => worded('text', text.slice(0, room), n))
    return contacts === '' ? start : `${start} ${contacts}`
  }
  const id = (value: string): string =>
    remembered('id', value, () => {
      const known = [...made].find(([key]) => key.startsWith('id\n') && endsAsToken(value, key.slice(3)))
      if (known) return `${value.slice(0, value.length - known[0].length + 3)}${known[1]}`
      const run = /\d+(?=\D*$)/.exec(value)?.[0] ?? ''
      // A number of the same length that begins like no number of ours.
      const like = (n: number): string => `9${String(n).padStart(Math.max(run.length - 1, 2), '0')}`
      return /^[a-z]*\d*_?\d+$/i.test(value)
        ? fresh('id', (n) =>
            value.replace(/\d+/g, (own) => (own.length < 3 ? own : '0'.repeat(own.length))).replace(/\d+$/, like(n)),
          )
        : fresh('id', (n) => `person-${n}`)
    })

  const of: StandIns['of'] = (kind, value) => {
    const core = value.trim()
    if (core === '') return value
    const before = value.slice(0, value.indexOf(core))
    return `${before}${standIn(kind, core)}${value.slice(before.length + core.length)}`
  }
  const email = (address: string): string =>
    remembered('email', address.toLowerCase(), () => fresh('email', (n) => `person${n}@example.org`))
  const standIn = (kind: PersonalKind, value: string): string => {
    switch (kind) {
      case 'phone':
        return phone(value)
      case 'inn':
        return inn(value)
      case 'email':
        return value.search(emails) === 0 ? value.replace(emails, email) : words('text', value)
      case 'id':
        return phoneFrom(`+${value}`) !== null && /^7\d{10}$/.test(value) ? phone(value) : id(value)
      case 'mask':
        return mask(value)
      default:
        return words(kind, value)
    }
  }
  const patterns = (value: string): string =>
    value
      .replace(emails, email)
      .replace(inns, inn)
      .replace(phones, (found) => phone(found))
  /** Texts that are known by now, the longest first, so that no part of one is taken for another. */
  const tokens = (): readonly (readonly [string, string])[] =>
    [...made]
      .map(([key, value]) => [key.slice(0, key.indexOf('\n')), key.slice(key.indexOf('\n') + 1), value] as const)
      .filter(([kind, text]) => textKinds.some((one) => one === kind) && text.length >= tokenCharsMin)
      .toSorted(([, one], [, other]) => other.length - one.length)
      .map(([, text, value]) => [text, value])
  const knownText = (value: string): string | undefined =>
    textKinds.map((kind) => made.get(`${kind}\n${plain(value)}`)).find((other) => other !== undefined)
  const kept: StandIns['kept'] = (value) => {
    const known = knownText(value)
    if (known !== undefined) return known
    const bare = /^https?:\/\//.test(value) ? value.replace(/[?#].*$/s, '') : value
    const other = tokens().reduce((text, [own, standing]) => replacedToken(text, own, standing), patterns(bare))
    if (other === value) unchanged.add(plain(value))
    return other
  }
  const composed: StandIns['composed'] = (value) => {
    const known = knownText(value)
    if (known !== undefined) return known
    if (unchanged.has(plain(value))) return value
    const parts = [...tokens(), ...[...unchanged].map((text) => [text, text] as const)]
      .filter(([text]) => text.length >= tokenCharsMin)
      .toSorted(([one], [other]) => other.length - one.length)
    const pieces = new Map(parts)
    const any = parts.map(([text]) => escaped(text).replaceAll(' ', '\\s+')).join('|')
    if (any === '') return of('text', value)
    const found = new RegExp(any, 'gu')
    // What stands between the parts may be signs only: a word that nobody knows makes a text of its own.
    return /[\p{L}\p{N}]/u.test(value.replace(found, ' '))
      ? of('text', value)
      : value.replace(found, (part) => pieces.get(plain(part)) ?? mask(part))
  }
  return { of, kept, composed, idOf: (value) => made.get(`id\n${value}`) ?? null }
}

/** A text as it is compared: composed, without doubled blanks. */
const plain = (value: string): string => cleanText(value).replace(/\s+/g, ' ')

/**
 * Letters and digits without their meaning.
 * @example mask('Visa 4111') // 'xxxx 0000'
 */
export const mask = (value: string): string =>
  value
    .replace(/\d/g, '0')
    .replace(/[a-z]/gi, 'x')
    .replace(/[^\P{L}x]/gu, 'х')

/** Puts digits in the place of the last digits of a text, whatever stands between them. */
const withDigits = (value: string, digits: string): string => {
  let left = value.replace(/\D/g, '').length - digits.length
  let at = 0
  return value.replace(/\d/g, (own) => {
    left -= 1
    if (left >= 0) return own
    at += 1
    return digits[at - 1] ?? '0'
  })
}

/** An INN of nobody in particular, with right check digits or with wrong ones. */
const personInn = (number: number, isRight: boolean): string => {
  const stem = `7700${String(number).padStart(6, '0')}`
  const check = (digits: string, weights: readonly number[]): number =>
    (weights.reduce((sum, weight, index) => sum + weight * Number(digits[index]), 0) % 11) % 10
  const eleven = `${stem}${check(stem, [7, 2, 4, 10, 3, 5, 9, 4, 6, 8])}`
  const last = check(eleven, [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8])
  return `${eleven}${isRight ? last : (last + 1) % 10}`
}

const worded = (kind: 'name' | 'company' | 'text' | 'url', text: string, number: number): string => {
  if (kind === 'name') return names[number - 1] ?? `Имя ${number}`
  if (kind === 'company') return `Компания ${number}`
  if (kind === 'url') return `https://files.example.org/${number}${/\.[a-z\d]{2,5}$/i.exec(text)?.[0] ?? ''}`
  const start = `Текст ${number}`
  return start.length >= text.length
    ? start
    : `${start}${filler.repeat(Math.ceil(text.length / filler.length))}`.slice(0, text.length).replace(/ $/, '.')
}

const longer = (made: ReadonlyMap<string, string>, text: string): string | undefined => {
  const found = [...made].find(([key]) => key.startsWith(`text\n${text}`))
  return found?.[1].slice(0, text.length).replace(/ $/, '.')
}

const endsAsToken = (value: string, token: string): boolean =>
  value.endsWith(token) && /[^\da-z]$/i.test(value.slice(0, value.length - token.length))

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

const replacedToken = (text: string, own: string, other: string): string => {
  if (!text.includes(own)) return text
  return text.replace(new RegExp(`(?<![\\p{L}\\p{N}])${escaped(own)}(?![\\p{L}\\p{N}])`, 'gu'), () => other)
}
