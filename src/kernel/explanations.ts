import { codeTexts } from './explanationTexts.ts'
import type { CodeFamily, Words } from './explanationWords.ts'

/** The languages in which codes are explained. */
export type Language = 'ru' | 'en'

/** What a code means, for people. */
export type Explanation = {
  readonly code: string
  /** What happened, in one sentence. */
  readonly sentence: string
  readonly meaning: string
  /** What to do about it. */
  readonly action: string
}

/**
 * Explains a code of a refusal, a problem, a quarantined delivery or an effect; null when it is not known.
 * @example explain('clock-fixed', 'en')?.sentence // 'The clock of this service cannot be moved'
 */
export const explain = (code: string, language: Language = 'ru'): Explanation | null => {
  const found = byCode.get(code) ?? unreadable(code)
  if (found === null) return null
  const { sentence, family } = found
  return { code, sentence: sentence[language], meaning: family.meaning[language], action: family.action[language] }
}

/** Every code that can be explained, in alphabetical order. */
export const explainedCodes = (): readonly string[] => [...byCode.keys()].sort()

type Found = { readonly sentence: Words; readonly family: CodeFamily }

const byCode: ReadonlyMap<string, Found> = new Map(
  codeTexts.flatMap((family) =>
    family.codes.map(([code, ru, en]): [string, Found] => [code, { sentence: { ru, en }, family }]),
  ),
)

/** Codes of values that could not be read carry the name of the value. */
const unreadable = (code: string): Found | null => {
  const [, name] = /^([A-Za-z]{1,40})-unreadable$/.exec(code) ?? []
  const family = codeTexts.find((candidate) => candidate.codes.some(([known]) => known === 'parameter-invalid'))
  if (name === undefined || family === undefined) return null
  return { family, sentence: { ru: `Значение ${name} не читается`, en: `The value of ${name} cannot be read` } }
}
