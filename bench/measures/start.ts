import { type ChildProcess, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { ended, program, residentMb, startService } from '../children.ts'
import type { Context } from '../context.ts'
import type { Measured } from '../figure.ts'
import { newMasterKey, openHub } from '../hub.ts'
import { type Contestant, interleave } from '../interleave.ts'

/** After this long nothing of the start is under way any more. */
const settleMs = { usual: 3000, smoke: 500 } as const

type Runtime = { readonly name: 'Bun' | 'Deno'; readonly command: readonly [string, ...string[]] }

/** How long `hub serve` takes from its start to ready, and the memory that it holds idle, on each runtime. */
export const start = async (context: Context): Promise<Measured> => {
  const databaseUrl = await context.createDatabase('start')
  const masterKey = newMasterKey()
  // Migrations and read models are there already: a deployment is started more often than it is made.
  await (await openHub(databaseUrl, masterKey)).close()
  const memory = new Map<string, number[]>()
  const contestant = ({ name, command }: Runtime): Contestant => ({
    name: `start.ready${name}`,
    title: `hub serve, start to ready, ${name}`,
    unit: 'ms',
    note: 'all roles, twins of every provider without credentials, a database that is migrated',
    run: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'partner-hub-start-'))
      const children: ChildProcess[] = []
      try {
        const roles = 'http,projections,reactors,timers'
        const service = await startService({ databaseUrl, masterKey, folder, children, roles, runtime: command })
        await wait(context.options.smoke ? settleMs.smoke : settleMs.usual)
        memory.set(name, [...(memory.get(name) ?? []), residentMb(service.child.pid ?? 0)])
        return service.readyMs
      } finally {
        await Promise.all(children.map(ended))
        rmSync(folder, { recursive: true, force: true })
      }
    },
  })
  const runtimes = runtimesHere(context)
  const figures = await interleave(runtimes.map(contestant), {
    rounds: context.options.rounds,
    windowMs: 0,
    warmUpMs: 0,
  })
  const idle = runtimes.map(({ name }) => ({
    name: `start.memory${name}`,
    title: `hub serve, memory when idle, ${name}`,
    unit: 'MB' as const,
    rounds: memory.get(name) ?? [],
    note: 'resident set, the same service some seconds after it was ready',
  }))
  return { figures: [...figures, ...idle], comparisons: [] }
}

/** Bun, which runs the bench, and Deno where it is installed. */
const runtimesHere = (context: Context): Runtime[] => {
  const bun: Runtime = { name: 'Bun', command: [process.execPath] }
  // Asked for in a process of its own, because who asks ends when there is none.
  const find = `import { findDeno } from ${JSON.stringify(program('../bin/binaries.mjs'))}; console.log(findDeno())`
  const { stdout, status } = spawnSync(process.execPath, ['-e', find], { encoding: 'utf8' })
  if (status !== 0) {
    context.say('start: there is no Deno here, so only Bun is measured')
    return [bun]
  }
  return [bun, { name: 'Deno', command: [stdout.trim(), 'run', '--no-check', '--allow-all'] }]
}
