import type { Json } from './api.ts'
import { argument, type Call, type CommandGroup, type CommandSpec, flag, operate } from './command.ts'
import { shown, table } from './output.ts'
import { startProgress, whileWaiting } from './progress.ts'
import { projectionColumns } from './status.ts'
import { exits, failure, isAway } from './world.ts'

const pollMs = 500

/** The service may be restarted while a candidate is built; for so long it is waited for. */
const awayMsMax = 60_000

const list: CommandSpec = {
  usage: 'list',
  summary: 'Every read model: version, position, lag, candidate',
  examples: ['hub projections list', 'hub projections list --json'],
  run: async (call) => {
    const listed = await call.api().list('projections', {}, 500)
    await call.print(listed, () => table(listed.items, projectionColumns))
    return undefined
  },
}

const rebuild: CommandSpec = {
  usage: 'rebuild <name>',
  summary: 'Build a new version beside the live one; returns when it is ready to be compared and switched to',
  options: [['--no-wait', 'only ask for it; "hub projections list" shows how far it is']],
  changes: true,
  examples: ['hub projections rebuild partners', 'hub projections rebuild partners --json --reason "New column"'],
  run: async (call) => {
    const name = argument(call, 0)
    const asked = await operate(call, `projections/${encodeURIComponent(name)}/rebuild`)
    if (call.options.wait === false) {
      await call.print(asked, () => `Version ${shown(asked.version)} of ${name} is being built.\n`)
      return undefined
    }
    if (asked.joined === true)
      call.world.say(`Version ${shown(asked.version)} of ${name} was being built already; going on watching it`)
    const item = await watch(call, { name, version: Number(asked.version) })
    await call.print(item, () => `Version ${shown(asked.version)} of ${name} is ready.\n${next(name)}`)
    return undefined
  },
}

const next = (name: string): string =>
  `  hub projections diff ${name}      what would change\n  hub projections switch ${name}    make it the live one\n`

/** Watches a candidate until it is ready; answers the read model as the list shows it. */
const watch = async (call: Call, wanted: { readonly name: string; readonly version: number }): Promise<Json> => {
  const { world } = call
  const progress = await startProgress(world, `Rebuilding ${wanted.name}`)
  let lastSeenMs = world.nowMs()
  try {
    for (;;) {
      if (world.interrupted().aborted) throw ended(wanted.name)
      const item = await look(call, wanted.name)
      if (item === null && world.nowMs() - lastSeenMs > awayMsMax) throw gone(call, wanted.name)
      if (item !== null) {
        lastSeenMs = world.nowMs()
        const state = stateOf(item, wanted)
        progress.update(state)
        if (state.ready) return item
      }
      await world.wait(pollMs)
    }
  } catch (error) {
    // Whatever was being waited for, an interruption ends the watching and not the building.
    throw world.interrupted().aborted ? ended(wanted.name) : error
  } finally {
    progress.stop()
  }
}

/** The read model, or null while the service is away. */
const look = async (call: Call, name: string): Promise<Json | null> => {
  try {
    const { items } = await call.api().list('projections', {}, 500)
    const item = items.find((candidate) => candidate.name === name)
    if (item) return item
    throw failure(exits.refused, { code: 'not-found', detail: `There is no read model "${name}"` })
  } catch (error) {
    if (isAway(error)) return null
    throw error
  }
}

const stateOf = (item: Json, { name, version }: { readonly name: string; readonly version: number }) => {
  // Somebody else has switched to it in the meantime: it was ready.
  if (item.version === version) return { ready: true, share: 1, etaSeconds: 0, note: 'live' }
  const candidate = typeof item.candidate === 'object' && item.candidate !== null ? (item.candidate as Json) : null
  if (candidate === null || candidate.version !== version)
    throw failure(exits.refused, {
      code: 'candidate-replaced',
      detail: `Cannot watch version ${version} of "${name}": another rebuild has replaced it`,
    })
  if (candidate.status === 'failed')
    throw failure(exits.refused, {
      code: 'candidate-failed',
      detail: `Version ${version} of "${name}" could not be built: ${shown(candidate.error)}`,
    })
  return {
    ready: candidate.status === 'ready',
    share: Number(candidate.progress ?? 0),
    etaSeconds: typeof candidate.etaSeconds === 'number' ? candidate.etaSeconds : null,
    note: `position ${shown(candidate.position)}`,
  }
}

const ended = (name: string) =>
  failure(exits.interrupted, {
    code: 'interrupted',
    detail: `The service goes on building ${name}; "hub projections rebuild ${name}" goes on watching`,
  })

const gone = (call: Call, name: string) =>
  failure(exits.unreachable, {
    code: 'service-unreachable',
    detail: `Lost the service at ${call.api().url} while it was building "${name}"; the same command goes on watching`,
  })

const diff: CommandSpec = {
  usage: 'diff <name>',
  summary: 'What the candidate has that the live version has not, and the other way round; ends with 1 on a difference',
  examples: ['hub projections diff partners', 'hub projections diff partners --json'],
  run: async (call) => {
    const name = argument(call, 0)
    const found = await call.api().get(`/api/v1/projections/${encodeURIComponent(name)}/diff`)
    const differences = Number(found.added ?? 0) + Number(found.removed ?? 0) + Number(found.changed ?? 0)
    await call.print(found, () => diffText(name, found, differences))
    return differences > 0 ? exits.refused : exits.ok
  },
}

const diffText = (name: string, found: Json, differences: number): string => {
  if (differences === 0) return `The candidate of ${name} equals the live version.\n`
  const samples = Array.isArray(found.samples) ? (found.samples as readonly Json[]) : []
  const lines = samples.flatMap((sample) => [
    `  ${shown(sample.key)}\n`,
    ...changedFields(sample).map((line) => `    ${line}\n`),
  ])
  return `added ${shown(found.added)}, removed ${shown(found.removed)}, changed ${shown(found.changed)}\n${lines.join('')}`
}

const changedFields = ({ before, after }: Json): readonly string[] => {
  if (typeof before !== 'object' || before === null) return ['only in the candidate']
  if (typeof after !== 'object' || after === null) return ['only in the live version']
  const old = before as Json
  return Object.entries(after as Json)
    .filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(old[field]))
    .map(([field, value]) => `${field}: ${shown(old[field])} -> ${shown(value)}`)
}

const change = (verb: 'switch' | 'rollback', words: { readonly summary: string }): CommandSpec => ({
  usage: `${verb} <name>`,
  summary: words.summary,
  changes: true,
  examples: [
    `hub projections ${verb} partners`,
    `hub projections ${verb} partners --reason "Checked with the analysts"`,
  ],
  run: async (call) => {
    const name = argument(call, 0)
    const answer = await operate(call, `projections/${encodeURIComponent(name)}/${verb}`)
    await call.print(answer, () => `Version ${shown(answer.version)} of ${name} is live.\n`)
    return undefined
  },
})

const verify: CommandSpec = {
  usage: 'verify',
  summary: 'Fold the log afresh and compare with every read model; ends with 1 on a difference',
  options: [['--quiet', 'print only what differs']],
  examples: ['hub projections verify', 'hub projections verify --json'],
  run: async (call) => {
    const asked = call.api().send('POST', '/api/v1/projections/verify', {}, { patient: true })
    const answer = await whileWaiting(call.world, 'Folding the log afresh', asked)
    const models =
      typeof answer === 'object' && answer !== null && 'models' in answer ? (answer.models as readonly Json[]) : []
    const different = models.filter((model) => Number(model.differences) !== 0)
    const listed = flag(call, 'quiet') ? different : models
    await call.print({ models }, () => (flag(call, 'quiet') && listed.length === 0 ? '' : table(listed, verifyColumns)))
    return different.length > 0 ? exits.refused : exits.ok
  },
}

const verifyColumns: Parameters<typeof table>[1] = [
  ['NAME', (model) => model.name],
  ['ROWS', (model) => model.rows],
  ['DIFFERENCES', (model) => model.differences],
  ['POSITION', (model) => model.position],
]

/** `hub projections`: the read models and their versions. */
export const projections: CommandGroup = {
  name: 'projections',
  summary: 'Read models: list, rebuild beside the live one, compare, switch, roll back, verify',
  commands: [
    list,
    rebuild,
    diff,
    change('switch', { summary: 'Make the candidate the live version; analysts and ingest do not wait' }),
    change('rollback', { summary: 'Make the previous version live again; it was fed all the time' }),
    verify,
  ],
}
