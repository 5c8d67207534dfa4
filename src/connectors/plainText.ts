/** Invisible characters, such as marks of direction; in a chat they only serve tricks. Joiners stay, since emoji are made with them. */
const invisible = /[\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/gu

/**
 * Cuts a text between two graphemes, so that no emoji or letter with its marks is torn; the cut is shown by an ellipsis.
 * @example cutText('Ярославль', 5) // 'Ярос…'
 */
export const cutText = (text: string, lengthMax: number): string => {
  if (text.length <= lengthMax) return text
  let kept = ''
  for (const { segment } of graphemes.segment(text)) {
    if (kept.length + segment.length + 1 > lengthMax) break
    kept += segment
  }
  return lengthMax < 1 ? '' : `${kept.trimEnd()}…`
}

const graphemes = new Intl.Segmenter('ru', { granularity: 'grapheme' })

/**
 * A text of somebody else as one line that no chat takes for markup: tags gone, angle brackets and marks replaced.
 * @example plainLine('<b>Дом</b> *мечты*') // 'Дом мечты'
 */
export const plainLine = (text: string): string => withoutMarkup(text).replace(/\s+/g, ' ').trim()

/**
 * The answer of a language model as plain text: Markdown and HTML are undone, line breaks stay, addresses stand in the open.
 * @example stripMarkdown('**Цена**: [смета](https://example.ru)') // 'Цена: смета: https://example.ru'
 */
export const stripMarkdown = (text: string): string =>
  withoutMarkup(
    text
      .replace(/\r\n?/g, '\n')
      .replace(/^ {0,3}(?:```|~~~)[^\n]*$/gm, '')
      .replace(/^ {0,3}#{1,6} +(.*?)(?: +#+)?$/gm, '$1')
      .replace(/^ {0,3}(?:> ?)+/gm, '')
      .replace(/^ {0,3}(?:-{3,}|\*{3,}|_{3,})$/gm, '')
      .replace(/^( {0,8})[-*+] +/gm, '$1• '),
  )
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim()

const withoutMarkup = (text: string): string =>
  text
    .replace(invisible, '')
    .replace(/<br *\/?>/gi, '\n')
    .replace(/<(?:script|style)\b[^>]{0,500}>[^<]{0,5000}<\/(?:script|style)>/gi, '')
    .replace(/<\/?[a-z!][^<>]{0,500}>/gi, '')
    .replace(
      /!?\[([^[\]]{0,500})\]\(([^\s()]{1,2000})(?: "[^"]{0,200}")?\)/g,
      (_whole, label: string, address: string) =>
        label === '' || label === address ? address : `${label}: ${address}`,
    )
    .replace(/(\*\*|__|~~)(?=\S)([^\n]*?\S)\1/g, '$2')
    .replace(/(?<![\p{L}\p{N}*])\*(?=\S)([^*\n]*?\S)\*(?![\p{L}\p{N}*])/gu, '$1')
    .replace(/(?<![\p{L}\p{N}_])_(?=\S)([^_\n]*?\S)_(?![\p{L}\p{N}_])/gu, '$1')
    .replace(/`+([^`\n]*)`+/g, '$1')
    .replace(/\\([\\`*_{}[\]()#+\-.!|>~])/g, '$1')
    .replaceAll('<', '‹')
    .replaceAll('>', '›')
