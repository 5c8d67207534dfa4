import { randomUUID } from 'node:crypto'
import { userInfo } from 'node:os'
import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runtimeName } from '../runtime.ts'
import { runHub } from './program.ts'
import { exits, type World } from './world.ts'

/** A command that does not end by itself after Ctrl-C is ended. */
const endWithinMs = 8000

/** Resolves when the reader of standard output has taken everything. */
const write = (data: string | Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(data, (error) => (error ? reject(error) : resolve()))
  })

const userName = (): string => {
  try {
    return userInfo().username
  } catch {
    return 'an unnamed user'
  }
}

const ask = async (question: string): Promise<string> => {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await lines.question(question)
  } finally {
    lines.close()
  }
}

const interruption = (): (() => AbortSignal) => {
  let controller: AbortController | null = null
  return () => {
    if (controller !== null) return controller.signal
    const made = new AbortController()
    controller = made
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        made.abort()
        setTimeout(() => process.exit(exits.interrupted), endWithinMs).unref()
      })
    }
    return made.signal
  }
}

const interrupted = interruption()

const world: World = {
  env: process.env,
  out: write,
  say: (line) => void process.stderr.write(`${line}\n`),
  screen: process.stderr.isTTY ? process.stderr : null,
  outIsTerminal: process.stdout.isTTY === true,
  ask: process.stdin.isTTY && process.stderr.isTTY ? ask : null,
  fetch,
  nowMs: Date.now,
  newId: randomUUID,
  wait: async (ms) => {
    await pause(ms, undefined, { signal: interrupted() }).catch(() => {})
  },
  hubCommand: [
    process.execPath,
    ...(runtimeName === 'deno' ? ['run', '--no-check', '-A'] : []),
    fileURLToPath(import.meta.url),
  ],
  user: userName(),
  interrupted,
}

// A reader that has seen enough, such as `head`, closes the pipe: that is no fault. The service outlives whoever read its output.
const outlivesReader = process.argv.includes('serve')
process.stdout.on('error', () => {
  if (!outlivesReader) process.exit(exits.ok)
})

const exit = await runHub(process.argv.slice(2), world)
await write('').catch(() => {})
process.exit(exit)
