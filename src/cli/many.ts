import type { Json } from './api.ts'
import { type Call, confirmMany, flag, operate } from './command.ts'
import { exits, isFailure } from './world.ts'

/** Options of commands that may change many things. */
export const manyOptions: readonly (readonly [string, string])[] = [
  ['--dry-run', 'show what would be changed, and change nothing'],
  ['--yes', 'confirm in advance what would be asked above 100 items'],
]

/** One operator command for each of several items. */
export type Many = {
  readonly ids: readonly string[]
  /** The words of the confirmation, such as `replay 240 deliveries`. */
  readonly what: string
  readonly path: (id: string) => string
  readonly body?: Json
}

/**
 * Does the same to several items, one after the other. One that is refused does not hold up the others; the command then ends with 1.
 * With `--dry-run` it only says to which.
 */
export const changeMany = async (call: Call, many: Many): Promise<number> => {
  if (flag(call, 'dryRun')) {
    await call.print({ dryRun: true, count: many.ids.length, ids: many.ids }, () =>
      [`This would ${many.what}:\n`, ...many.ids.map((id) => `  ${id}\n`)].join(''),
    )
    return exits.ok
  }
  await confirmMany(call, { count: many.ids.length, what: many.what })
  const items: Json[] = []
  for (const id of many.ids) items.push(await changeOne(call, many, id))
  const refused = items.filter((item) => item.refused !== undefined)
  const [only] = items
  if (many.ids.length === 1 && only && refused.length === 1) throw only.refused
  await call.print(
    many.ids.length === 1 ? only : { count: items.length - refused.length, items: items.map(plain) },
    () => items.map((item) => `${lineOf(item)}\n`).join(''),
  )
  return refused.length > 0 ? exits.refused : exits.ok
}

const changeOne = async (call: Call, many: Many, id: string): Promise<Json> => {
  try {
    return { id, ...(await operate(call, many.path(id), many.body)) }
  } catch (error) {
    if (isFailure(error) && error.exit === exits.refused) return { id, refused: error }
    throw error
  }
}

const plain = (item: Json): Json =>
  isFailure(item.refused) ? { id: item.id, error: { code: item.refused.code, detail: item.refused.message } } : item

const lineOf = (item: Json): string => {
  if (isFailure(item.refused)) return `${String(item.id)}  ${item.refused.message}`
  return `${String(item.id)}  ${String(item.status ?? item.verdict ?? 'done')}`
}
