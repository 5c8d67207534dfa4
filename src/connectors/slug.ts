import slugify from '@sindresorhus/slugify'

/** Legal forms say nothing in an address. */
const legalForms =
  /(^|\s)(общество с ограниченной ответственностью|ооо|пао|зао|оао|ао|ип|индивидуальный предприниматель)(?=[\s"«]|$)/gi
const slugCharsMax = 60

/**
 * The name of a partner's page in its address: the transliterated name, and six digits of the partner's id that keep it unique.
 * @example slugOf('ООО "Пример Дом"', 'par_…a1b2c3') // 'primer-dom-a1b2c3'
 */
export const slugOf = (name: string | null, partnerId: string): string => {
  const base = slugify((name ?? '').replace(legalForms, ' '))
    .slice(0, slugCharsMax)
    .replace(/-+$/, '')
  return `${base === '' ? 'partner' : base}-${partnerId.slice(-6)}`
}
