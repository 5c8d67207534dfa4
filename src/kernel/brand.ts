/** A value of type T that only its own constructor can make. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name }

/** Closes a switch over a union: compiles only when every case was handled. */
export const unreachable = (value: never): never => {
  throw new Error(`Cannot happen: unexpected value "${JSON.stringify(value)}"`)
}

/** Throws when the program itself is wrong; never for what a caller sent. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Invariant broken: ${message}`)
}
