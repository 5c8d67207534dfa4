import type { Writable } from 'node:stream'

/** Exit codes of every command. */
export const exits = { ok: 0, refused: 1, usage: 2, unreachable: 3, interrupted: 130 } as const

/** Everything that a command may touch of its surroundings. */
export type World = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Writes to standard output; resolves when the reader has taken it. */
  readonly out: (data: string | Uint8Array) => Promise<void>
  /** Writes a line for people to standard error. */
  readonly say: (line: string) => void
  /** Where progress bars are drawn; null when nobody watches. */
  readonly screen: Writable | null
  readonly outIsTerminal: boolean
  /** Asks the person at the terminal; null when there is none. */
  readonly ask: ((question: string) => Promise<string>) | null
  readonly fetch: typeof fetch
  readonly nowMs: () => number
  readonly newId: () => string
  /** Waits, and returns early when the command is interrupted. */
  readonly wait: (ms: number) => Promise<void>
  /** Program and arguments that run this command line once more, as a child. */
  readonly hubCommand: readonly string[]
  /** Who sits at the terminal, for the record of operator commands. */
  readonly user: string
  /** Fires at Ctrl-C. Whoever never asks for it leaves the signals alone. */
  readonly interrupted: () => AbortSignal
}

/** Why a command ends without having done its work. */
export type Failure = Error & { readonly exit: number; readonly code: string; readonly status: number | null }

/** Makes the error that ends a command with an exit code. */
export const failure = (
  exit: number,
  what: { readonly code: string; readonly detail: string; readonly status?: number },
): Failure => Object.assign(new Error(what.detail), { exit, code: what.code, status: what.status ?? null })

/** Whether an error is one of ours, as opposed to a fault of the program. */
export const isFailure = (error: unknown): error is Failure =>
  error instanceof Error && 'exit' in error && typeof error.exit === 'number' && 'code' in error && 'status' in error

/** Whether the service is away, or has too much to do, so that a patient command asks again. */
export const isAway = (error: unknown): boolean =>
  isFailure(error) && (error.exit === exits.unreachable || error.status === 503)
