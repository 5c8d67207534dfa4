/** The same words in both languages. */
export type Words = { readonly ru: string; readonly en: string }

/** Codes that mean the same kind of thing and ask for the same action; each with a sentence of its own. */
export type CodeFamily = {
  readonly meaning: Words
  readonly action: Words
  readonly codes: readonly (readonly [code: string, ru: string, en: string])[]
}
