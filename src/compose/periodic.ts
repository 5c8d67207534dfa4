import { v5 as uuidV5 } from 'uuid'
import { statement } from '../db/query.ts'
import { startLoop } from '../engine/loop.ts'
import { outboxStatements } from '../engine/react.ts'
import { msOf } from '../kernel/time.ts'
import type { Core } from './core.ts'
import { errorFields, type Logger } from './log.ts'
import type { Periodic, Provider } from './provider.ts'

/** The namespace of the ids: one id for each period, so that processes plan an operation once between them. */
const periodicNamespace = '1d3f0a52-8c57-5a53-b7a4-2a1f6b0c9e77'
const lookEveryMs = 1000

/** Plans what a provider must be asked again and again, by the clock of the service; each period once, whoever runs. */
export const startPeriodic = (
  core: Core,
  options: { readonly providers: readonly Provider[]; readonly worker: string; readonly log: Logger },
): { readonly stop: () => Promise<void> } => {
  const tasks = options.providers.flatMap((provider) =>
    (provider.periodic ?? []).map((task) => ({ ...task, destination: provider.name })),
  )
  const lastPeriods = new Map<string, number>()

  /** The first one comes with the start of the process, later ones with the periods of the clock. */
  const due = (task: Periodic): string | null => {
    const period = Math.floor(msOf(core.clock.now()) / task.everyMs)
    const last = lastPeriods.get(task.kind)
    if (last === period) return null
    lastPeriods.set(task.kind, period)
    return last === undefined ? `${task.kind}:start:${options.worker}` : `${task.kind}:${period}`
  }

  const loop = startLoop({
    idleMs: lookEveryMs,
    onError: (error) => options.log.error('A periodic operation could not be planned', errorFields(error)),
    step: async () => {
      for (const task of tasks) {
        const before = lastPeriods.get(task.kind)
        const name = due(task)
        if (name === null) continue
        try {
          const planned = await core.sql.unsafe(
            statement(outboxStatements, 'plan_periodic'),
            [uuidV5(name, periodicNamespace), task.destination, task.kind, Math.round(task.everyMs / 1000)],
            { prepare: true },
          )
          if (planned.length > 0) core.wakes.emit('effects')
        } catch (error) {
          if (before === undefined) lastPeriods.delete(task.kind)
          else lastPeriods.set(task.kind, before)
          throw error
        }
      }
      return false
    },
  })
  core.wakes.on('clock', loop.wake)
  return { stop: loop.stop }
}
