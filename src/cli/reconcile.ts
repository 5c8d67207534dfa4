import type { Json } from './api.ts'
import { argument, type Call, type CommandGroup, type CommandSpec, flag, operate, option, usage } from './command.ts'
import { type ListShape, listCommand } from './lists.ts'
import { type Column, shown, table } from './output.ts'
import { startProgress } from './progress.ts'
import { exits, failure, isAway } from './world.ts'

const pollMs = 500
/** A provider that asks for patience is waited for; after so long the command ends and the service goes on. */
const watchMsMax = 10 * 60_000

/** `hub reconcile PROVIDER`: compares a day of a provider's books with ours, and waits for the result. */
export const reconcileCommand: CommandSpec = {
  usage: 'reconcile <provider>',
  summary: 'Compare a provider’s books of a day with ours; ends with 1 when something is left for a person',
  options: [
    ['--day <day>', 'a day of Moscow, YYYY-MM-DD; yesterday by default'],
    ['--dry-run', 'tell what differs, and correct nothing'],
    ['--no-wait', 'only ask for it; "hub reconciliation list" shows how far it is'],
  ],
  changes: true,
  examples: [
    'hub reconcile yookassa',
    'hub reconcile cloudpayments --day 2026-11-23 --dry-run --json',
    'hub reconcile flexbe --reason "The site was moved"',
  ],
  run: async (call) => {
    const provider = argument(call, 0)
    const day = option(call, 'day')
    if (day !== null && !/^\d{4}-\d{2}-\d{2}$/.test(day)) throw usage('--day should be a day such as 2026-11-23')
    const asked = await operate(call, `reconciliation/${encodeURIComponent(provider)}/run`, {
      ...(day === null ? {} : { day }),
      dryRun: flag(call, 'dryRun'),
    })
    if (call.options.wait === false) {
      await call.print(asked, () => `Comparison ${shown(asked.runId)} with ${provider} is under way.\n`)
      return undefined
    }
    const run = await watch(call, { provider, runId: String(asked.runId) })
    await call.print(run, () => story(run))
    return run.status === 'finished' && Number(run.different) === 0 ? exits.ok : exits.refused
  },
}

/** Watches a comparison until it ends; Ctrl-C ends the watching and not the comparison. */
const watch = async (
  call: Call,
  { provider, runId }: { readonly provider: string; readonly runId: string },
): Promise<Json> => {
  const { world } = call
  const progress = await startProgress(world, `Comparing with ${provider}`)
  const startMs = world.nowMs()
  try {
    for (;;) {
      if (world.interrupted().aborted) throw ended(runId)
      const run = await look(call, runId)
      if (run !== null && run.status !== 'running') return run
      if (world.nowMs() - startMs > watchMsMax) throw late(runId)
      // Nobody knows how many pages there are, so no end is promised.
      progress.update({ share: 0, etaSeconds: null, note: `${shown(run?.theirs ?? 0)} compared` })
      await world.wait(pollMs)
    }
  } catch (error) {
    throw world.interrupted().aborted ? ended(runId) : error
  } finally {
    progress.stop()
  }
}

/** The comparison as its list shows it; null while the service is away, or the list does not have it yet. */
const look = async (call: Call, runId: string): Promise<Json | null> => {
  try {
    const { items } = await call.api().list('reconciliation', { runId }, 1)
    return items[0] ?? null
  } catch (error) {
    if (isAway(error)) return null
    throw error
  }
}

const ended = (runId: string) =>
  failure(exits.interrupted, {
    code: 'interrupted',
    detail: `The service goes on with ${runId}; "hub reconciliation list" shows what came of it`,
  })

const late = (runId: string) =>
  failure(exits.refused, {
    code: 'run-not-ended',
    detail: `The comparison ${runId} goes on; "hub effects list" and "hub reconciliation list" show what it waits for`,
  })

const findingColumns: readonly Column[] = [
  ['KIND', (item) => item.kind],
  ['THEIR ID', (item) => item.externalId],
  ['PAYMENT', (item) => item.paymentId],
  ['FIELD', (item) => item.field],
  ['OURS', (item) => item.expected],
  ['THEIRS', (item) => item.actual],
  ['KOPECKS', (item) => item.amountKopecks],
  ['REMEDY', (item) => item.remedy],
]

const story = (run: Json): string => {
  const days = run.firstDay === run.day ? shown(run.day) : `${shown(run.firstDay)} to ${shown(run.day)}`
  if (run.status === 'failed')
    return `The comparison with ${shown(run.provider)} of ${days} failed: ${shown(run.code)}\n`
  const findings = Array.isArray(run.findings) ? (run.findings as readonly Json[]) : []
  const head = `${shown(run.provider)}, ${days}: ${shown(run.theirs)} in their books, ${shown(run.ours)} paid in ours, ${shown(run.behind)} that we lacked, ${shown(run.different)} for a person\n`
  if (findings.length === 0) return `${head}The books agree.\n`
  const refunds = findings.filter(({ remedy }) => remedy === 'refund')
  const ways = refunds.map(({ differenceId }) => `  hub differences correct ${shown(differenceId)}\n`).join('')
  const offered = run.dryRun === true || ways === '' ? '' : `Give the money back:\n${ways}`
  return `${head}${table(findings, findingColumns)}${offered}`
}

const runList: ListShape = {
  name: 'reconciliation',
  filters: { provider: 'yookassa, cloudpayments or flexbe', status: 'running, finished or failed' },
  columns: [
    ['RUN', (item) => item.runId],
    ['PROVIDER', (item) => item.provider],
    ['DAY', (item) => item.day],
    ['STATUS', (item) => item.status],
    ['THEIRS', (item) => item.theirs],
    ['LACKED', (item) => item.behind],
    ['DIFFERENT', (item) => item.different],
    ['STARTED', (item) => item.startedAt],
  ],
}

const differenceList: ListShape = {
  name: 'differences',
  filters: { provider: 'yookassa, cloudpayments or flexbe', status: 'open, correcting, corrected or settled' },
  columns: [
    ['DIFFERENCE', (item) => item.differenceId],
    ['STATUS', (item) => item.status],
    ['PAYMENT', (item) => item.paymentId],
    ['KOPECKS', (item) => item.amountKopecks],
    ['REMEDY', (item) => item.remedy],
    ['FOUND', (item) => item.foundAt],
  ],
}

const correct: CommandSpec = {
  usage: 'correct <id>',
  summary: 'Do what is suggested about a difference: give the money back that was taken once too often',
  changes: true,
  examples: ['hub differences correct yookassa:2e5f…:payment-twice --reason "Seen in the cabinet"'],
  run: async (call) => {
    const id = argument(call, 0)
    const answer = await operate(call, `differences/${encodeURIComponent(id)}/correct`)
    await call.print(answer, () => `The correction of ${id} is under way.\n`)
    return undefined
  },
}

/** `hub reconciliation`: the comparisons that were made. */
export const reconciliationGroup: CommandGroup = {
  name: 'reconciliation',
  summary: 'Comparisons with the providers’ books: list',
  commands: [
    listCommand(runList, {
      summary: 'Comparisons with what they found, the newest first',
      examples: ['hub reconciliation list', 'hub reconciliation list --provider yookassa --status failed --json'],
    }),
  ],
}

/** `hub differences`: what the comparisons found. */
export const differencesGroup: CommandGroup = {
  name: 'differences',
  summary: 'Differences between the providers’ books and ours: list, correct',
  commands: [
    listCommand(differenceList, {
      summary: 'Differences with what can be done about them',
      examples: ['hub differences list --status open', 'hub differences list --json'],
    }),
    correct,
  ],
}
