/** Named statements of one SQL file, by name. */
export type Statements = Readonly<Record<string, string>>

/**
 * Splits a SQL file into its `-- name: …` blocks. Text before the first name is ignored.
 * @example statements('-- name: one\nselect 1').one // 'select 1'
 */
export const statements = (text: string): Statements => {
  const found: Record<string, string> = {}
  for (const block of text.split(/^-- name: /m).slice(1)) {
    const end = block.indexOf('\n')
    const name = block.slice(0, end).trim()
    if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error(`Cannot read statement "${name}": a name should be snake_case`)
    if (found[name] !== undefined) throw new Error(`Cannot read statement "${name}": the name is taken twice`)
    found[name] = block
      .slice(end + 1)
      .trim()
      .replace(/;$/, '')
  }
  return found
}

/** The text of one named statement; throws when the file has no such name. */
export const statement = (all: Statements, name: string): string => {
  const text = all[name]
  if (text === undefined)
    throw new Error(`Cannot find statement "${name}": the file has ${Object.keys(all).join(', ')}`)
  return text
}
