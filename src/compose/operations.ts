import { readModels } from '../../projections/index.ts'
import type { ReadModel } from '../../projections/projection.ts'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import { diffCandidate, verifyModel } from '../engine/compare.ts'
import { type Version, versionsOf } from '../engine/readModelTable.ts'
import { addCandidate, changeLive } from '../engine/rebuild.ts'
import type { By, DestinationItem, OperationResult, Operations, ProjectionItem } from '../http/ports.ts'
import type { Instant } from '../kernel/time.ts'
import { headPosition } from '../log/log.ts'
import { endClosedCharge } from './closedCharges.ts'
import type { Core } from './core.ts'
import { reconciliationOperations } from './reconciliationOperations.ts'

const named = statements(sqlText('operations.sql'))
const retryable = ['waiting', 'refused', 'unknown', 'dead', 'cancelled']
const closable = ['waiting', 'unknown', 'dead', 'refused']

/** What operator commands need besides the core. */
export type OperationsDeps = {
  readonly core: Core
  readonly destinations: readonly { readonly name: string; readonly off: boolean }[]
  readonly newId: () => string
  readonly testClock: boolean
  readonly wakeBuilding: () => void
  readonly wakeEffects: () => void
  readonly replay: (
    webhookId: string,
  ) => Promise<{ verdict: string; reason: string | null; position: number | null } | null>
}

const unknown = (detail: string): OperationResult => ({ tag: 'unknown', detail })

/** Everything that operators can make the engine do; each action is a fact in the log, with who and why. */
export const makeOperations = (deps: OperationsDeps): Operations => {
  const { core } = deps

  /** Records the action and answers with its position. */
  const acted = async (
    by: By,
    what: {
      action: string
      target: string
      before?: string
      after?: string
      status?: 200 | 202
      body?: Record<string, unknown>
    },
  ): Promise<OperationResult> => {
    const data = {
      at: core.clock.now(),
      action: what.action,
      target: what.target,
      before: what.before ?? null,
      after: what.after ?? null,
    }
    const handled = await core.handler.handle({
      stream: `operator-${what.target}`,
      command: { type: 'RecordOperatorAction', data },
      cause: { kind: 'operator', id: by.actor },
      actor: by.actor,
      reason: by.reason,
    })
    const position = handled.tag === 'accepted' ? handled.position : await headPosition(core.sql)
    return { tag: 'ok', status: what.status ?? 200, position, body: what.body ?? {} }
  }

  const withModel = async (
    name: string,
    work: (model: ReadModel) => Promise<OperationResult>,
  ): Promise<OperationResult> => {
    const model = readModels.find((candidate) => candidate.name === name)
    return model ? work(model) : unknown(`There is no read model "${name}"`)
  }

  const changeVersion = (action: 'switch' | 'rollback', to: 'candidate' | 'previous') => (name: string, by: By) =>
    withModel(name, async (model) => {
      const result = await changeLive(core.bulk, model, to)
      if (result.tag === 'refused') return result
      return acted(by, {
        action: `projection-${action}`,
        target: name,
        after: String(result.version),
        body: { name, version: result.version },
      })
    })

  const effectChange = async (
    by: By,
    change: { effectId: string; block: string; action: string; from: readonly string[]; to: string | null },
  ): Promise<OperationResult> => {
    if (!/^[0-9a-f-]{36}$/.test(change.effectId)) return unknown(`There is no effect "${change.effectId}"`)
    const [before] = await core.sql.unsafe<{ status: string }[]>(statement(named, 'effect_status'), [change.effectId])
    if (!before) return unknown(`There is no effect "${change.effectId}"`)
    const parameters =
      change.to === null
        ? [change.effectId, [...change.from], by.actor, by.reason]
        : [change.effectId, [...change.from], change.to, by.actor, by.reason]
    const rows = await core.sql.unsafe(statement(named, change.block), parameters)
    if (rows.length === 0)
      return {
        tag: 'refused',
        code: 'effect-not-changeable',
        detail: `Cannot ${change.action} the effect: it is ${before.status}, it should be ${change.from.join(', ')}`,
      }
    if (change.to === 'refused' || change.to === 'cancelled') await endClosedCharge(core)(change.effectId)
    deps.wakeEffects()
    return acted(by, {
      action: `effect-${change.action}`,
      target: change.effectId,
      before: before.status,
      after: change.to ?? 'waiting',
      body: { effectId: change.effectId, status: change.to ?? 'waiting' },
    })
  }

  const known = (name: string) => deps.destinations.find((destination) => destination.name === name)

  return {
    projections: async () => {
      const [versions, head] = await Promise.all([versionsOf(core.sql), headPosition(core.sql)])
      return readModels.flatMap((model) => projectionItem(model.name, versions, head))
    },
    destinations: async () => destinationItems(deps),
    rebuild: (name, by) =>
      withModel(name, async (model) => {
        const { version, joined } = await addCandidate(core.bulk, model)
        deps.wakeBuilding()
        return acted(by, {
          action: 'projection-rebuild',
          target: name,
          after: String(version),
          status: 202,
          body: { name, version, joined },
        })
      }),
    switchVersion: changeVersion('switch', 'candidate'),
    rollback: changeVersion('rollback', 'previous'),
    diff: (name) =>
      withModel(name, async (model) => {
        const difference = await diffCandidate(core.bulk, model)
        if (!difference)
          return {
            tag: 'refused',
            code: 'no-candidate-version',
            detail: `Cannot compare "${name}": there is no candidate version`,
          }
        return { tag: 'ok', status: 200, position: await headPosition(core.sql), body: difference }
      }),
    verify: async () => {
      const models = []
      for (const model of readModels) models.push(await verifyModel({ sql: core.bulk, codec: core.codec }, model))
      return { models }
    },
    retryEffect: (effectId, by) =>
      effectChange(by, { effectId, block: 'free_effect', action: 'retry', from: retryable, to: null }),
    resolveEffect: (effectId, outcome, by) =>
      effectChange(by, { effectId, block: 'close_effect', action: 'resolve', from: closable, to: outcome }),
    discardEffect: (effectId, by) =>
      effectChange(by, { effectId, block: 'close_effect', action: 'discard', from: closable, to: 'cancelled' }),
    redrive: async (filter, by) => {
      const chosen = filter.status ? [filter.status] : ['dead', 'refused']
      const wrong = chosen.find((status) => !['dead', 'refused', 'unknown', 'cancelled'].includes(status))
      if (wrong)
        return { tag: 'refused', code: 'effect-not-changeable', detail: `Cannot redrive effects that are ${wrong}` }
      const where = [filter.destination ?? null, filter.kind ?? null, chosen]
      const [counted] = await core.sql.unsafe<{ count: number; samples: unknown }[]>(
        statement(named, 'count_redrive'),
        where,
      )
      const body = { count: counted?.count ?? 0, samples: counted?.samples ?? [], dryRun: by.dryRun }
      if (by.dryRun) return { tag: 'ok', status: 200, position: await headPosition(core.sql), body }
      const result = await core.sql.unsafe(statement(named, 'redrive'), [...where, by.actor, by.reason])
      deps.wakeEffects()
      return acted(by, {
        action: 'effects-redrive',
        target: filter.destination ?? 'all',
        after: String(result.count),
        status: 202,
        body: { ...body, count: result.count },
      })
    },
    pauseDestination: async (name, by) => {
      if (!known(name)) return unknown(`There is no destination "${name}"`)
      await core.sql`insert into hub.destinations as d (name, paused_until, paused_by, reason) values (${name}, 'infinity', 'operator', ${by.reason})
        on conflict (name) do update set paused_until = excluded.paused_until, paused_by = excluded.paused_by, reason = excluded.reason`
      return acted(by, { action: 'destination-pause', target: name, after: 'paused', body: { name, status: 'paused' } })
    },
    resumeDestination: async (name, by) => {
      if (!known(name)) return unknown(`There is no destination "${name}"`)
      await core.sql`update hub.destinations set paused_until = null, paused_by = null, reason = null where name = ${name}`
      deps.wakeEffects()
      return acted(by, {
        action: 'destination-resume',
        target: name,
        after: 'running',
        body: { name, status: 'running' },
      })
    },
    erasePartner: async (partnerId, basis, by) => {
      const handled = await core.handler.handle({
        stream: `partner-${partnerId}`,
        command: { type: 'ErasePerson', data: { at: core.clock.now(), basis } },
        cause: { kind: 'operator', id: by.actor },
        actor: by.actor,
        reason: by.reason,
      })
      if (handled.tag === 'refused') return unknown(handled.detail)
      const position =
        handled.tag === 'accepted' && handled.position > 0 ? handled.position : await headPosition(core.sql)
      return { tag: 'ok', status: 202, position, body: { partnerId, status: 'erased', basis } }
    },
    replayWebhook: async (webhookId, by) => {
      const result = await deps.replay(webhookId)
      if (!result) return unknown(`There is no delivery "${webhookId}" with its bytes`)
      return acted(by, {
        action: 'webhook-replay',
        target: webhookId,
        after: result.verdict,
        body: { webhookId, ...result },
      })
    },
    releaseQuarantine: async (webhookId, by) => {
      const [row] = /^[0-9a-f-]{36}$/.test(webhookId)
        ? await core.sql<{ verdict: string }[]>`select verdict from hub.inbox where webhook_id = ${webhookId}`
        : []
      if (!row) return unknown(`There is no delivery "${webhookId}"`)
      if (row.verdict !== 'quarantined')
        return {
          tag: 'refused',
          code: 'not-quarantined',
          detail: `Cannot release the delivery: its verdict is ${row.verdict}, it should be quarantined`,
        }
      const before = await headPosition(core.sql)
      const result = await deps.replay(webhookId)
      if (!result || result.verdict === 'quarantined') {
        return {
          tag: 'refused',
          code: 'still-quarantined',
          detail: `Cannot release the delivery: the present code says ${result?.reason ?? 'that its bytes are gone'}`,
        }
      }
      await core.sql.unsafe(statement(statements(sqlText('inbox.sql')), 'mark_released'), [
        webhookId,
        result.verdict,
        result.reason,
        before,
      ])
      return acted(by, {
        action: 'quarantine-release',
        target: webhookId,
        before: 'quarantined',
        after: result.verdict,
        body: { webhookId, ...result },
      })
    },
    ...reconciliationOperations(deps),
    advanceClock: async (ms) => {
      if (!deps.testClock)
        return { tag: 'refused', code: 'clock-fixed', detail: 'Cannot move the clock: HUB_TEST_CLOCK is not set' }
      const [row] = await core.sql.unsafe<{ seconds: number; now: Instant }[]>(statement(named, 'advance_clock'), [
        ms / 1000,
      ])
      await core.clock.refresh()
      await core.sql.unsafe(statement(named, 'notify'), ['hub_clock', ''])
      return {
        tag: 'ok',
        status: 200,
        position: await headPosition(core.sql),
        body: { now: row?.now, offsetSeconds: row?.seconds },
      }
    },
  }
}

const projectionItem = (name: string, versions: readonly Version[], head: number): ProjectionItem[] => {
  const own = versions.filter((version) => version.name === name)
  const live = own.find((version) => version.role === 'live')
  if (!live) return []
  const candidate =
    own.find((version) => version.role === 'candidate') ?? own.filter((version) => version.role === 'failed').at(-1)
  const previous = own.find((version) => version.role === 'previous')
  return [
    {
      name,
      version: live.version,
      status: live.parked > 0 ? 'broken' : 'live',
      position: live.position,
      lag: Math.max(0, head - live.position),
      parked: live.parked,
      candidate: candidate ? candidateItem(candidate, head) : null,
      previous: previous ? { version: previous.version } : null,
    },
  ]
}

const candidateItem = (candidate: Version, head: number): NonNullable<ProjectionItem['candidate']> => {
  const target = candidate.target ?? head
  const progress = candidate.ready ? 1 : target === 0 ? 0 : Math.min(0.999, candidate.position / target)
  const remaining = target - candidate.position
  const rate = candidate.runningSeconds > 0 ? candidate.position / candidate.runningSeconds : 0
  return {
    version: candidate.version,
    status: candidate.role === 'failed' ? 'failed' : candidate.ready ? 'ready' : 'building',
    position: candidate.position,
    progress,
    etaSeconds: candidate.ready ? 0 : rate > 0 ? Math.ceil(remaining / rate) : null,
    error: candidate.error,
  }
}

const destinationItems = async ({ core, destinations }: OperationsDeps): Promise<DestinationItem[]> => {
  const counts = await core.sql.unsafe<
    { destination: string; waiting: number; running: number; unknown: number; dead: number }[]
  >(statement(named, 'destination_counts'))
  const paused = await core.sql.unsafe<{ name: string; pausedUntil: Instant | null; reason: string | null }[]>(
    statement(named, 'paused_destinations'),
  )
  return destinations.map(({ name, off }) => {
    const count = counts.find((row) => row.destination === name)
    const pause = paused.find((row) => row.name === name)
    return {
      name,
      status: off ? 'off' : pause ? 'paused' : 'running',
      reason: pause?.reason ?? (off ? 'no-credentials' : null),
      pausedUntil: pause?.pausedUntil ?? null,
      waiting: count?.waiting ?? 0,
      running: count?.running ?? 0,
      unknown: count?.unknown ?? 0,
      dead: count?.dead ?? 0,
    }
  })
}
