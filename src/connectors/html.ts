import { html as escaping } from 'ghtml'

/** The texts of each template, as the library wants them, made once. */
const templates = new WeakMap<TemplateStringsArray, TemplateStringsArray>()

/**
 * A template of HTML whose values are escaped; a value after `!` is trusted HTML, or a list of it.
 * The library reads the raw texts, in which Bun writes every letter outside ASCII as an escape, so it gets the cooked ones.
 * @example html`<b>${'<'}</b>` // '<b>&#60;</b>'
 */
export const html = (literals: TemplateStringsArray, ...values: readonly unknown[]): string => {
  const known = templates.get(literals)
  const cooked = known ?? Object.assign([...literals], { raw: [...literals] })
  if (known === undefined) templates.set(literals, cooked)
  return escaping(cooked, ...values)
}
