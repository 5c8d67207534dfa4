import { interruption } from './api.ts'
import { argument, type Call, type CommandSpec, choice, usage } from './command.ts'
import { type ListShape, listOptions, listQuery } from './lists.ts'
import { exits, failure } from './world.ts'

const types = {
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
  parquet: 'application/vnd.apache.parquet',
} as const

/** The option that chooses the form of an export. */
export const formatOption = ['--format <format>', 'csv (default), ndjson or parquet'] as const

/** People and pipes see that something moves. */
const lineEveryMs = 5000

/** Writes a whole selection to standard output, as it comes. */
export const download = async (
  call: Call,
  shape: Pick<ListShape, 'name' | 'filters' | 'fixed'>,
): Promise<number | undefined> => {
  const format = choice(call, 'format', { choices: ['csv', 'ndjson', 'parquet'], usual: call.json ? 'ndjson' : 'csv' })
  if (format === 'parquet' && call.world.outIsTerminal)
    throw usage('A Parquet file should go into a file or a pipe, not to the terminal: add "> file.parquet"')
  const body = await call.api().download(`/api/v1/${shape.name}`, listQuery(call, shape), types[format])
  const { world } = call
  let bytes = 0
  let lastMs = world.nowMs()
  try {
    for await (const chunk of body) {
      await world.out(chunk)
      bytes += chunk.byteLength
      if (world.nowMs() - lastMs < lineEveryMs) continue
      lastMs = world.nowMs()
      world.say(`Exporting ${shape.name}: ${Math.round(bytes / 1024)} KiB so far`)
    }
  } catch (error) {
    if (world.interrupted().aborted) throw interruption()
    throw failure(exits.unreachable, {
      code: 'export-cut',
      detail: `The export of ${shape.name} broke off after ${bytes} bytes: ${error instanceof Error ? error.name : 'unknown error'}`,
    })
  }
  return undefined
}

/** `hub export`: a list as a file. */
export const exportCommand: CommandSpec = {
  usage: 'export <view>',
  summary: 'A whole list on standard output: partners, subscriptions, payments, leads, webhooks, effects, events …',
  options: [formatOption, ...listOptions.slice(0, 3)],
  examples: [
    'hub export partners > partners.csv',
    'hub export payments --format parquet --filter status=succeeded > payments.parquet',
    'hub export events --format ndjson | jq .type | sort | uniq -c',
  ],
  run: (call) => {
    const view = argument(call, 0)
    if (!/^[a-z][a-z-]{0,40}$/.test(view)) throw usage(`"${view}" is no name of a list`)
    return download(call, { name: view, filters: {} })
  },
}
