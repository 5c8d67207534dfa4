/** Writes one JSON line for each thing that happened: a constant message, and data in fields. */
export type Logger = {
  readonly debug: (message: string, fields?: Fields) => void
  readonly info: (message: string, fields?: Fields) => void
  readonly warn: (message: string, fields?: Fields) => void
  readonly error: (message: string, fields?: Fields) => void
}

type Fields = Readonly<Record<string, unknown>>
type Level = keyof Logger

const order: readonly Level[] = ['debug', 'info', 'warn', 'error']

/** What may be told of an error: its kind and message, cut; never its stack with somebody's data in it. */
export const errorFields = (error: unknown): Fields => {
  if (!(error instanceof Error)) return { error: String(error).slice(0, 300) }
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  // PostgreSQL quotes values in `detail`; the message names tables and constraints only.
  return { error: error.message.slice(0, 300), ...code }
}

/** A logger to standard error, from a level upwards. */
export const makeLogger = (level: Level, write: (line: string) => void, now: () => string): Logger => {
  const at =
    (own: Level) =>
    (message: string, fields: Fields = {}): void => {
      if (order.indexOf(own) < order.indexOf(level)) return
      write(`${JSON.stringify({ at: now(), level: own, message, ...fields })}\n`)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
