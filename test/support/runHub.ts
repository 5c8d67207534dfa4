import { spawn } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

/** What a run of the command line left behind. */
export type HubRun = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Standard output read as one JSON document; throws when it is anything else. */
  readonly json: () => unknown
}

/** A run that goes on. */
export type HubChild = {
  readonly done: Promise<HubRun>
  readonly signal: (name: NodeJS.Signals) => void
  /** What it has said so far on both outputs. */
  readonly said: () => string
}

const entry = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const flags = 'Deno' in globalThis ? ['run', '--no-check', '-A'] : []

/** Starts `hub ARGS` as a child process on the runtime that runs the tests, with nothing of our own environment that it would read. */
export const startHub = (args: readonly string[], env: Readonly<Record<string, string>> = {}): HubChild => {
  const { PATH = '', HOME = '', TMPDIR = '', DENO_DIR } = process.env
  const base = { PATH, HOME, ...(TMPDIR === '' ? {} : { TMPDIR }), ...(DENO_DIR === undefined ? {} : { DENO_DIR }) }
  const child = spawn(process.execPath, [...flags, entry, ...args], {
    env: { ...base, DATA_DIR: '/nonexistent', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const done = new Promise<HubRun>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr, json: () => JSON.parse(stdout) }))
  })
  // Not child.kill(): Deno then answers that the signal ended the child, even when the child handled it and ended by itself.
  const signal = (name: NodeJS.Signals): void => void process.kill(child.pid ?? 0, name)
  return { done, signal, said: () => stdout + stderr }
}

/** Runs `hub ARGS` to its end. */
export const runHub = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<HubRun> =>
  startHub(args, env).done
