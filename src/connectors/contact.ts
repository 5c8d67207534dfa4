/** Line breaks are the only control characters that a person means. */
const controls = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g

/** A domain name, also in Cyrillic; the local part keeps to what every mail server takes. */
const emailPattern =
  /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+(?:\p{L}{2,}|xn--[a-z0-9-]{2,})$/u

const emailLengthMax = 254
const localPartLengthMax = 64

/**
 * A text as we keep it: composed letters, no control characters except line breaks, no blanks around it.
 * @example cleanText('  Иванова Мария\u0000 ') // 'Иванова Мария'
 */
export const cleanText = (raw: string): string =>
  raw.toWellFormed().replace(/\r\n?/g, '\n').replace(controls, '').normalize('NFC').trim()

/**
 * A telephone number in E.164 form, or null when the digits say no such thing; the caller then keeps the raw text.
 * Russian habits are understood: `8 912 …` and ten bare digits.
 * @example phoneFrom('8 (912) 345-67-89') // '+79123456789'
 */
export const phoneFrom = (raw: string): string | null => {
  const digits = raw.replace(/\D/g, '')
  const international = /^\D*\+/.test(raw)
  if (international) return /^[1-9]\d{7,14}$/.test(digits) ? `+${digits}` : null
  if (/^[78]\d{10}$/.test(digits)) return `+7${digits.slice(1)}`
  return digits.length === 10 ? `+7${digits}` : null
}

/**
 * An email address in lower case, or null when the text has not the shape of one.
 * @example emailFrom(' Maria.Ivanova@Example.RU ') // 'maria.ivanova@example.ru'
 */
export const emailFrom = (raw: string): string | null => {
  const address = raw.trim().toLowerCase()
  const plausible =
    address.length <= emailLengthMax && address.indexOf('@') <= localPartLengthMax && emailPattern.test(address)
  return plausible ? address : null
}
