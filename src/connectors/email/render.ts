import { readFileSync } from 'node:fs'
import mjml2html from 'mjml'
import { type AnyLetter, type LetterName, type LetterTexts, type LetterVars, letterNames, textsOf } from './letters.ts'

/** A letter ready to be sent. */
export type Letter = { readonly subject: string; readonly html: string; readonly text: string }

type Compiled = { readonly html: string; readonly subject: string; readonly text: string }

/** Subjects above this are cut by mail programs. */
const subjectCharsMax = 70

/** What a person typed into a form is no essay: longer texts are somebody's attempt to use our letters for his own. */
const valueCharsMax = 1000

const compiled = new Map<LetterName, Promise<Compiled>>()

/** A letter with its values: escaped in HTML, links only to the web, a missing value an error. Braces inside values stay text. */
export const renderLetter = async <Name extends LetterName>(name: Name, vars: LetterVars[Name]): Promise<Letter> => {
  const template = await compiledLetter(name)
  // A name and values of its own kind: the two type parameters are one.
  const values = textsOf({ name, vars } as AnyLetter)
  const fill = (text: string, write: (value: string) => string): string =>
    text.replace(/\{\{(\w+)\}\}/g, (_all, key: string) => {
      const value = textOf(values, key)
      if (value === null) throw new Error(`Cannot render letter "${name}": the value "${key}" is missing`)
      return key.endsWith('Url') ? write(safeLink(value, key)) : write(value)
    })
  return {
    html: fill(template.html, (value) => escaped(value).replaceAll('\n', '<br>')),
    text: fill(template.text, (value) => value),
    subject: cut(fill(template.subject, (value) => value.trim())),
  }
}

/** Compiles every template, so that a broken one stops the start and not a letter. */
export const warmUp = async (): Promise<void> => {
  await Promise.all(letterNames.map(compiledLetter))
}

/** Templates are compiled once, before any data is near them, so that nothing in the data can become markup. */
const compiledLetter = (name: LetterName): Promise<Compiled> => {
  const known = compiled.get(name)
  if (known) return known
  const fresh = compile(name)
  compiled.set(name, fresh)
  return fresh
}

const file = (name: string): string => readFileSync(new URL(`templates/${name}`, import.meta.url), 'utf8')

/** A text of a letter: three lines `Subject:`, `Preview:` and `Why:`, then the plain part; its twin in MJML is the body. */
const compile = async (name: LetterName): Promise<Compiled> => {
  const plain = file(`${name}.txt`)
  const head = /^Subject: (.+)\nPreview: (.+)\nWhy: (.+)\n\n/.exec(plain)
  if (!head) throw new Error(`Cannot compile letter "${name}": its text should begin with Subject, Preview and Why`)
  const [all, subject = '', preview = '', why = ''] = head
  const within = (layout: string, body: string): string =>
    Object.entries({ subject, preview, why, body }).reduce(
      (text, [place, value]) => text.replaceAll(`%${place}%`, () => value.trim()),
      layout,
    )
  const { html, errors } = await mjml2html(within(file('layout.mjml'), file(`${name}.mjml`)), {
    validationLevel: 'strict',
    keepComments: false,
    fonts: {},
    minify: false,
  })
  // A refused include leaves no error behind, only this mark.
  if (errors.length > 0 || html.includes('mj-include denied'))
    throw new Error(`Cannot compile letter "${name}": its template is wrong`)
  // Indentation is a third of what the compiler writes, and mail programs cut long letters.
  return {
    html: html.replace(/\n\s+/g, '\n'),
    subject,
    text: within(file('layout.txt'), plain.slice(all.length)).trim(),
  }
}

/** Places of more than one line; elsewhere a line break would only end up in a title or a greeting. */
const ofManyLines = ['text', 'wishLines']

/** A value as text without control characters; null when it is missing. */
const textOf = (values: LetterTexts, key: string): string | null => {
  const value = Object.hasOwn(values, key) ? values[key] : null
  if (typeof value !== 'string' && typeof value !== 'number') return null
  const clean = String(value)
    .toWellFormed()
    .replace(/\r\n?/g, '\n')
    .replace(/[^\P{Cc}\n]/gu, ' ')
  const text = ofManyLines.includes(key) ? clean : clean.replace(/\s*\n\s*/g, ' ')
  return text.length <= valueCharsMax ? text : `${text.slice(0, valueCharsMax - 1).toWellFormed()}…`
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => escapes[character] ?? character)

const cut = (subject: string): string =>
  [...subject].length <= subjectCharsMax ? subject : `${[...subject].slice(0, subjectCharsMax - 1).join('')}…`

/** Hosts without a certificate: this machine and its private networks, where sandboxes and containers live. */
const nearHost =
  /^(?:localhost|[\w-]+|[\w.-]+\.(?:localhost|local|internal|test|example|invalid)|0\.0\.0\.0|127\.[\d.]+|10\.[\d.]+|192\.168\.[\d.]+|172\.(?:1[6-9]|2\d|3[01])\.[\d.]+|\[::1\]|\[f[cd][\da-f:]+\])$/

/** The web, mail and phones; plain `http:` only near by. */
const safeLink = (value: string, key: string): string => {
  if (/^(?:mailto|tel):[\w.+@-]+$/.test(value)) return value
  const url = /^https?:\/\/[^\s"'<>\\]+$/i.test(value) && URL.canParse(value) ? new URL(value) : null
  const allowed = url !== null && url.username === '' && (url.protocol === 'https:' || nearHost.test(url.hostname))
  if (!allowed) throw new Error(`Cannot render a letter: the value "${key}" should be a link that begins with https:`)
  // Mail programs open a Cyrillic host only by its A-label.
  return /[^\x21-\x7e]/.test(value) ? url.href : value
}
