/** Words of a greeting and of a knock at the door: alone they ask for nothing. */
const greetings = new Set(
  (
    'здравствуйте здравствуй здрасьте привет приветствую добрый доброе доброго день дня утро утра вечер вечера ночи суток ' +
    'алло есть кто кто-нибудь нибудь тут здесь вы спасибо пожалуйста извините hello hi hey good morning day evening'
  ).split(' '),
)

/** People say who they are before they say what they want. */
const introductions = /(?:меня зовут|my name is)\s+\p{Lu}\p{L}*(?:\s+\p{Lu}\p{L}*)?/giu
const addresses = /\S+@\S+/g
/** A shorter word alone, such as a yes, says nothing without its question. */
const aloneLettersMin = 4

/**
 * What a visitor looks for, in the visitor's own words; null while there was nothing but a greeting, a name or a contact.
 * @example wishIn('Добрый день!') // null
 * @example wishIn('Здравствуйте, сколько стоит дом?') // 'Здравствуйте, сколько стоит дом?'
 */
export const wishIn = (text: string): string | null => {
  const words =
    text
      .replace(introductions, ' ')
      .replace(addresses, ' ')
      .match(/\p{L}+(?:-\p{L}+)*/gu) ?? []
  const telling = words.filter((word) => word.length > 1 && !greetings.has(word.toLowerCase()))
  const says = telling.length > 1 || telling.some((word) => word.length >= aloneLettersMin)
  return says ? text : null
}
