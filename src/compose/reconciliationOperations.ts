import { reconciliationStream, refundId } from '../domain/ids.ts'
import { runUnderWay } from '../domain/reconciliation.ts'
import { reconciledProviders } from '../domain/reconciliationMessages.ts'
import type { Reconciliation } from '../domain/reconciliationState.ts'
import type { By, OperationResult, Operations } from '../http/ports.ts'
import { moscowDate, plusCalendarDays } from '../kernel/time.ts'
import { headPosition } from '../log/log.ts'
import type { Core } from './core.ts'

/** What the commands of reconciliation need. */
export type ReconciliationDeps = {
  readonly core: Core
  readonly newId: () => string
  readonly destinations: readonly { readonly name: string; readonly off: boolean }[]
}

/** Operators compare a provider's books with ours, and correct what was found. */
export const reconciliationOperations = ({
  core,
  newId,
  destinations,
}: ReconciliationDeps): Pick<Operations, 'reconcile' | 'correctDifference'> => ({
  reconcile: async (name, { day, dryRun }, by) => {
    const provider = reconciledProviders.find((candidate) => candidate === name)
    if (!provider) return { tag: 'unknown', detail: `There are no books of "${name}" to compare with` }
    if (destinations.find((destination) => destination.name === provider)?.off !== false)
      return { tag: 'refused', code: 'provider-off', detail: `Cannot compare: ${provider} is off` }
    const now = core.clock.now()
    const lastDay = day ?? plusCalendarDays(moscowDate(now), -1)
    const asked = { firstDay: lastDay, lastDay, trigger: 'operator', dryRun } as const
    const runId = `rec_${newId().replaceAll('-', '')}`
    const result = await decide(core, by, {
      stream: reconciliationStream(provider),
      command: { type: 'StartReconciliation', data: { at: now, provider, runId, ...asked } },
      body: { runId, provider, day: lastDay, dryRun, status: 'running', joined: false },
    })
    if (result.tag !== 'ok' || result.position > 0) return result
    // Nothing new began, because the same comparison is under way.
    const { state } = await core.handler.load(reconciliationStream(provider))
    const running = runUnderWay(state as Reconciliation, asked)
    const position = await headPosition(core.sql)
    return { ...result, position, body: { ...result.body, runId: running?.runId ?? runId, joined: true } }
  },
  correctDifference: (differenceId, by) => {
    const provider = reconciledProviders.find((candidate) => differenceId.startsWith(`${candidate}:`))
    if (!provider) return Promise.resolve({ tag: 'unknown', detail: `There is no difference "${differenceId}"` })
    const data = { at: core.clock.now(), differenceId, refundId: refundId(newId()) }
    return decide(core, by, {
      stream: reconciliationStream(provider),
      command: { type: 'CorrectDifference', data },
      body: { differenceId, status: 'correcting' },
    })
  },
})

const decide = async (
  core: Core,
  by: By,
  at: {
    readonly stream: string
    readonly command: { readonly type: string; readonly data: Readonly<Record<string, unknown>> }
    readonly body: Readonly<Record<string, unknown>>
  },
): Promise<OperationResult> => {
  const { stream, command, body } = at
  const cause = { kind: 'operator', id: by.actor } as const
  const handled = await core.handler.handle({ stream, command, cause, actor: by.actor, reason: by.reason })
  if (handled.tag === 'accepted') return { tag: 'ok', status: 202, position: handled.position, body }
  if (handled.tag !== 'refused')
    return { tag: 'refused', code: 'not-settled', detail: 'The command could not be settled' }
  return handled.code === 'difference-unknown'
    ? { tag: 'unknown', detail: handled.detail }
    : { tag: 'refused', code: handled.code, detail: handled.detail }
}
