import { readFileSync } from 'node:fs'
import mjml2html from 'mjml'

/** What each letter needs to know. */
export type LetterVars = {
  readonly 'application-received': { readonly name: string; readonly companyName: string }
  readonly 'details-missing': {
    readonly name: string
    readonly companyName: string
    readonly missing: readonly ('inn' | 'consent')[]
    readonly formUrl: string
  }
  readonly 'verified-pay-link': {
    readonly name: string
    readonly companyName: string
    readonly planTitle: string
    readonly price: string
    readonly payUrl: string
  }
  readonly rejected: { readonly name: string; readonly companyName: string; readonly reason: string }
  readonly 'needs-review': { readonly partnerId: string; readonly reason: string; readonly consoleUrl: string }
  readonly 'payment-received': {
    readonly name: string
    readonly companyName: string
    readonly planTitle: string
    readonly price: string
    readonly paidThrough: string
  }
  readonly welcome: {
    readonly name: string
    readonly companyName: string
    readonly pageUrl: string
    readonly paidThrough: string
  }
  readonly 'payment-declined': {
    readonly name: string
    readonly price: string
    readonly reason: string
    readonly payUrl: string
  }
  readonly 'operator-alert': { readonly title: string; readonly text: string; readonly consoleUrl: string }
}

/** A kind of letter. */
export type LetterName = keyof LetterVars

/** Every kind of letter. */
export const letterNames: readonly LetterName[] = [
  'application-received',
  'details-missing',
  'verified-pay-link',
  'rejected',
  'needs-review',
  'payment-received',
  'welcome',
  'payment-declined',
  'operator-alert',
]

/** A letter ready to be sent. */
export type Letter = { readonly subject: string; readonly html: string; readonly text: string }

type Compiled = { readonly html: string; readonly subject: string; readonly text: string }

/** Subjects above this are cut by mail programs. */
const subjectCharsMax = 70
const compiled = new Map<LetterName, Promise<Compiled>>()
const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => escapes[character] ?? character)

const file = (name: string): string => readFileSync(new URL(`templates/${name}`, import.meta.url), 'utf8')

/** Templates are compiled once, before any data is near them, so that nothing in the data can become markup. */
const compile = async (name: LetterName): Promise<Compiled> => {
  const { html, errors } = await mjml2html(file(`${name}.mjml`), {
    validationLevel: 'strict',
    keepComments: false,
    fonts: {},
    minify: false,
  })
  if (errors.length > 0 || html.includes('mj-include denied'))
    throw new Error(`Cannot compile letter "${name}": its template is wrong`)
  const text = file(`${name}.txt`)
  const end = text.indexOf('\n')
  return { html, subject: text.slice('Subject: '.length, end), text: text.slice(end).trim() }
}

/** A letter with its values: escaped in HTML, links only to the web, a missing value an error. Braces inside values stay text. */
export const renderLetter = async <Name extends LetterName>(name: Name, vars: LetterVars[Name]): Promise<Letter> => {
  const ready = compiled.get(name) ?? compile(name)
  compiled.set(name, ready)
  const { html, subject, text } = await ready
  const values = valuesOf(name, vars)
  const fill = (template: string, write: (value: string, key: string) => string): string =>
    template.replace(/\{\{(\w+)\}\}/g, (_all, key: string) => {
      const value = values[key]
      if (value === undefined) throw new Error(`Cannot render letter "${name}": the value "${key}" is missing`)
      return write(value, key)
    })
  const oneLine = (value: string): string => value.replace(/[\r\n]+/g, ' ')
  return {
    html: fill(html, (value, key) => escaped(key.endsWith('Url') ? safeLink(value) : value)),
    text: fill(text, (value, key) => (key.endsWith('Url') ? safeLink(value) : value)),
    subject: cut(fill(subject, oneLine)),
  }
}

const cut = (subject: string): string =>
  [...subject].length <= subjectCharsMax ? subject : `${[...subject].slice(0, subjectCharsMax - 1).join('')}…`

/** Only the web, mail and phones; `http:` is for a service on this machine. */
const safeLink = (value: string): string => {
  if (/^(https?|mailto|tel):/i.test(value) && !/["'<>\s]/.test(value)) return value
  throw new Error('Cannot render a letter: a link should begin with https:')
}

const missingWords: Readonly<Record<string, string>> = {
  inn: '«ИНН»',
  consent: '«согласие» на обработку персональных данных',
}

const valuesOf = (name: LetterName, vars: LetterVars[LetterName]): Readonly<Record<string, string>> => {
  const entries = Object.entries(vars).flatMap(([key, value]) =>
    typeof value === 'string' ? [[key, value] as const] : [],
  )
  const values: Record<string, string> = Object.fromEntries(entries)
  if (name === 'details-missing' && 'missing' in vars)
    values.missingText = vars.missing.map((item) => missingWords[item] ?? item).join(' и ')
  return values
}
