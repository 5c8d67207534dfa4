type Frame = { readonly isList: boolean; name: string; expectsName: boolean }

const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|-?\d[\d.eE+-]*|true|false|null|\s+/g

/**
 * Rewrites the texts and numbers of a JSON text in their places, and keeps every other sign: blanks, names, their order, names that come
 * twice, the spelling of numbers. A changed text is escaped as the sender escapes. `path` holds the names on the way, without places in lists.
 * @example rewriteJson('{ "a" : 1.0 }', { text: (_path, text) => text, number: (_path, digits) => digits }) // '{ "a" : 1.0 }'
 */
export const rewriteJson = (
  json: string,
  change: {
    readonly text: (path: readonly string[], value: string) => string
    /** Gets and gives the digits as they are written. */
    readonly number: (path: readonly string[], digits: string) => string
  },
): string => {
  const spell = spelling(json)
  const frames: Frame[] = []
  return json.replace(token, (part) => {
    const frame = frames.at(-1)
    const path = (): readonly string[] => frames.flatMap(({ isList, name }) => (isList ? [] : [name]))
    if (part === '{' || part === '[') {
      frames.push({ isList: part === '[', name: '', expectsName: part === '{' })
    } else if (part === '}' || part === ']') {
      frames.pop()
    } else if (part === ',' || part === ':') {
      if (frame) frame.expectsName = part === ',' && !frame.isList
    } else if (part.startsWith('"')) {
      const value = String(JSON.parse(part))
      if (!frame?.expectsName) {
        const other = change.text(path(), value)
        return other === value ? part : spell(other)
      }
      frame.name = value
    } else if (/^[-\d]/.test(part)) {
      return change.number(path(), part)
    }
    return part
  })
}

/** Some senders write only ASCII, and a stroke before every slash. */
const spelling = (json: string): ((value: string) => string) => {
  const isAscii = /^[\u0001-\u007f]*$/.test(json) && /\\u[\da-f]{4}/i.test(json)
  const isUpper = /\\u(?=[\da-f]*[A-F])[\dA-F]{4}/.test(json)
  const strokes = json.includes('\\/')
  return (value) => {
    const plain = JSON.stringify(value)
    const stroked = strokes ? plain.replaceAll('/', '\\/') : plain
    return isAscii ? stroked.replace(/[^\u0001-\u007f]/g, (sign) => escaped(sign, isUpper)) : stroked
  }
}

const escaped = (sign: string, isUpper: boolean): string => {
  const hex = sign.charCodeAt(0).toString(16).padStart(4, '0')
  return `\\u${isUpper ? hex.toUpperCase() : hex}`
}
