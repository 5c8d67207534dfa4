/** A token that is filled for each partner, as it stands in a checked template. */
export const tokenPattern = /%%partner\.(name|city|services|phone)%%/g

type Attribute = {
  readonly name: string
  readonly value: string | null
  /** Exactly as it was written, with the blanks before it. */
  readonly source: string
}

type Tag = {
  readonly name: string
  /** As it began, such as `</P`. */
  readonly start: string
  readonly isClosing: boolean
  readonly attributes: readonly Attribute[]
  readonly end: number
  readonly tail: string
}

/** Where a form of the page sends what was typed. */
export type MarkupOptions = { readonly formAction: string }

/**
 * Makes a designer's page safe to fill with a stranger's words: tokens stay in text and in plain attributes, and vanish from scripts,
 * styles, comments, handlers and addresses without a harmless beginning. Forms are pointed at us, and what would call a foreign
 * server from a visitor's browser is taken away; so is the canonical address, which would make all partners one page.
 */
export const secureMarkup = (html: string, options: MarkupOptions): string => {
  const out: string[] = []
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    if (open === -1) break
    out.push(html.slice(at, open))
    const comment = html.startsWith('<!--', open)
    const tag = comment ? null : readTag(html, open)
    if (comment) {
      at = endOf(html, '-->', open + 4)
      out.push(withoutTokens(html.slice(open, at)))
    } else if (tag === null) {
      out.push('<')
      at = open + 1
    } else {
      const raw = !tag.isClosing && isRaw(tag.name)
      const close = raw ? endOfRaw(html, tag.name, tag.end) : tag.end
      const inside = html.slice(tag.end, close)
      at = close
      if (!callsAway(tag, inside)) out.push(written(tag, options), withoutTokens(inside))
      else if (raw) at = skipClosing(html, close)
    }
  }
  return [...out, html.slice(at)].join('')
}

const withoutTokens = (text: string): string => text.replace(tokenPattern, '')

const endOf = (html: string, mark: string, from: number): number => {
  const found = html.indexOf(mark, from)
  return found === -1 ? html.length : found + mark.length
}

/** Elements whose content is no markup and no text that HTML escapes. */
const isRaw = (name: string): boolean => name === 'script' || name === 'style'

const endOfRaw = (html: string, name: string, from: number): number => {
  const closing = new RegExp(`</${name}[\\s/>]`, 'gi')
  closing.lastIndex = from
  return closing.exec(html)?.index ?? html.length
}

const skipClosing = (html: string, at: number): number => readTag(html, at)?.end ?? html.length

const tagStart = /<(\/?)([a-zA-Z][^\s/>]*)/y
const attributePattern = /[\s/]*([^\s/>][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*)))?/y
const tagEnd = /[\s/]*>/y

/** Reads a tag as a browser does; null when there is none, or none that ends. */
const readTag = (html: string, open: number): Tag | null => {
  tagStart.lastIndex = open
  const start = tagStart.exec(html)
  if (!start) return null
  const attributes: Attribute[] = []
  for (let at = tagStart.lastIndex; ; ) {
    tagEnd.lastIndex = at
    const tail = tagEnd.exec(html)?.[0]
    const name = (start[2] ?? '').toLowerCase()
    if (tail !== undefined)
      return { name, start: start[0], isClosing: start[1] === '/', attributes, end: at + tail.length, tail }
    attributePattern.lastIndex = at
    const found = attributePattern.exec(html)
    if (!found) return null
    const [source, attribute = '', double, single, bare] = found
    attributes.push({ name: attribute.toLowerCase(), value: double ?? single ?? bare ?? null, source })
    at = attributePattern.lastIndex
  }
}

const attributeOf = (tag: Tag, name: string): string | null =>
  tag.attributes.find((attribute) => attribute.name === name)?.value?.trim() ?? null

const isForeign = (address: string | null): boolean => /^(?:[a-z][a-z0-9+.-]*:)?\/\//i.test(address ?? '')

/** Statistics of the maker of the page, which run from copied files too. */
const homeCalls = /tilda-stat|tildastat|stat\.tildacdn/i

const reachingRelations = /\b(?:stylesheet|preconnect|dns-prefetch|preload|prefetch|modulepreload|canonical)\b/i

const callsAway = (tag: Tag, inside: string): boolean => {
  if (tag.isClosing) return false
  if (tag.name === 'script') {
    const source = attributeOf(tag, 'src')
    return isForeign(source) || homeCalls.test(source ?? inside)
  }
  if (tag.name === 'link')
    return reachingRelations.test(attributeOf(tag, 'rel') ?? '') && isForeign(attributeOf(tag, 'href'))
  return tag.name === 'meta' && attributeOf(tag, 'property')?.toLowerCase() === 'og:url'
}

const written = (tag: Tag, options: MarkupOptions): string => {
  const refreshes = tag.name === 'meta' && attributeOf(tag, 'http-equiv') !== null
  const attributes = tag.name === 'form' && !tag.isClosing ? formAttributes(tag, options) : tag.attributes
  return `${tag.start}${attributes.map((attribute) => attributeText(attribute, refreshes)).join('')}${tag.tail}`
}

/** The class by which the maker's script takes a form over and sends it home. */
const takenOver = /\bjs-form-procc?ess\b/g

const formAttributes = (tag: Tag, { formAction }: MarkupOptions): readonly Attribute[] => {
  const kept = tag.attributes.filter(({ name }) => name !== 'action' && name !== 'method')
  return [
    ...kept.map((attribute) =>
      attribute.name === 'class' ? { ...attribute, source: attribute.source.replace(takenOver, '') } : attribute,
    ),
    {
      name: 'action',
      value: formAction,
      source: ` action="${formAction.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"`,
    },
    { name: 'method', value: 'post', source: ' method="post"' },
  ]
}

const addressAttributes = new Set([
  'href',
  'src',
  'srcset',
  'action',
  'poster',
  'data',
  'xlink:href',
  'background',
  'cite',
  'ping',
])

/** An address whose beginning the designer wrote cannot become a script or lead elsewhere. */
const harmlessBeginning = /^\s*(?:https:\/\/[^%\s/]+\/|tel:|mailto:|#|\?|\/[^%\s/\\])/i

const attributeText = ({ name, value, source }: Attribute, refreshes: boolean): string => {
  if (name === 'formaction') return ''
  if (source.search(tokenPattern) === -1) return source
  const isCode = name.startsWith('on') || name === 'style' || name === 'srcdoc' || refreshes
  const isAddress = addressAttributes.has(name) && !harmlessBeginning.test(value ?? '')
  if (value === null || isCode || isAddress) return withoutTokens(source)
  // Without quotes a value would end at its first blank, and the rest would be attributes.
  return ` ${withoutTokens(name)}="${value.replaceAll('"', '&quot;')}"`
}
