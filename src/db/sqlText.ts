import { readFileSync } from 'node:fs'

/** The folder of all SQL, as a URL that ends with a slash. */
export const sqlFolder = new URL('../../sql/', import.meta.url)

/** The text of a file below `sql/`; read with node:fs, the one way that both runtimes share. */
export const sqlText = (name: string): string => readFileSync(new URL(name, sqlFolder), 'utf8')
