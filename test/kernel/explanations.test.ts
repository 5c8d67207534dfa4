import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { explain, explainedCodes } from '../../src/kernel/explanations.ts'
import { codeTexts } from '../../src/kernel/explanationTexts.ts'

const source = fileURLToPath(new URL('../../src/', import.meta.url))

/** Twins speak the providers' codes, and the catalogue itself is no use of a code. */
const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => join(entry.parentPath, entry.name))
  .filter((path) => !/(\/twin|explanation)[^/]*\.ts$/.test(path))

const kebab = '[a-z]+(?:-[a-z0-9]+)+'
const uses = [
  // refused('code', …), problem(409, 'code', …), later('code') …
  new RegExp(
    `\\b(?:refused|problem|wrong|malformed|poor|later|paused|ignored|quarantined)\\(\\s*(?:\\d{3},\\s*)?'(${kebab})'`,
    'g',
  ),
  // code: 'code' and reason: 'code', also behind a condition
  new RegExp(`\\b(?:code|reason):\\s*(?:[^,'\\n]*\\?\\s*)?'(${kebab})'`, 'g'),
  new RegExp(`\\b(?:code|reason):[^,'\\n]*\\?\\s*'${kebab}'\\s*:\\s*'(${kebab})'`, 'g'),
]

/** Every code that the program can answer, with a file that does. */
const usedCodes = (): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  for (const path of files) {
    const text = readFileSync(path, 'utf8')
    for (const use of uses) for (const [, code = ''] of text.matchAll(use)) found.set(code, path.slice(source.length))
  }
  return found
}

describe('explain()', () => {
  it('explains every code that the program answers with, in Russian and in English', () => {
    const used = usedCodes()
    assert.ok(used.size > 50, `only ${used.size} codes were found in src`)
    const missing = [...used].filter(([code]) => explain(code, 'ru') === null || explain(code, 'en') === null)
    assert.deepEqual(
      missing.map(([code, path]) => `${code} of ${path}`),
      [],
    )
  })

  it('says in each language what happened, what it means and what to do', () => {
    for (const code of explainedCodes()) {
      const ru = explain(code, 'ru')
      const en = explain(code, 'en')
      assert.ok(ru && en, code)
      for (const text of [ru.sentence, ru.meaning, ru.action]) assert.match(text, /[а-яё]/i, code)
      for (const text of [en.sentence, en.meaning, en.action]) {
        assert.match(text, /[a-z]/i, code)
        assert.doesNotMatch(text, /[а-яё]/i, code)
      }
    }
  })

  it('explains no code twice', () => {
    const codes = codeTexts.flatMap((family) => family.codes.map(([code]) => code))
    assert.deepEqual([...codes].sort(), explainedCodes())
  })

  it('explains the value that could not be read, whatever its name', () => {
    assert.match(explain('minPosition-unreadable', 'en')?.sentence ?? '', /minPosition/)
  })

  it('answers null for what is no code', () => {
    assert.equal(explain('no-such-code'), null)
    assert.equal(explain('constructor'), null)
  })
})
