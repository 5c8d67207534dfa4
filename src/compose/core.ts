import { EventEmitter } from 'eventemitter3'
import { readModels } from '../../projections/index.ts'
import { connect, type Sql } from '../db/connect.ts'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import { partnerStream, readPartnerId, subscriptionIdOf, subscriptionStream } from '../domain/ids.ts'
import { models } from '../domain/index.ts'
import { makeCodec } from '../engine/codec.ts'
import { commandHandler } from '../engine/handle.ts'
import { type Loop, startLoop } from '../engine/loop.ts'
import { makeProjector } from '../engine/project.ts'
import { ensureReadModels, readModelStatements } from '../engine/readModelTable.ts'
import { makeRebuilder } from '../engine/rebuild.ts'
import { type Instant, instant } from '../kernel/time.ts'
import { openLane } from '../log/append.ts'
import { personKeys } from '../privacy/personKeys.ts'
import { masterKeys, peppered } from '../privacy/seal.ts'
import { errorFields, type Logger } from './log.ts'

/** What wakes the loops of a process; listeners may only wake. */
export type Wakes = EventEmitter<{ log: []; effects: []; clock: [] }>

/** Connections of the pool that serves requests and loops; the lane and LISTEN have their own. */
const poolMax = 12
/** Connections for payments alone: a payer's answer waits neither for a chat's question nor for a read model. */
const reservedMax = 2
/** No statement of a request or a loop runs longer; rebuilding has a pool without a limit. */
const statementTimeoutMs = 30_000
/** Seconds of the lease of following the log. */
const leaseSeconds = 10
const leaseRenewMs = 3000

/** What the core is made of. */
export type CoreOptions = {
  readonly databaseUrl: string
  readonly listenUrl: string | null
  readonly masterKeys: readonly string[]
  readonly worker: string
  readonly newId: () => string
  readonly realNowMs: () => number
  readonly log: Logger
  readonly boundary: (name: string) => void
}

/** Everything between the database and the rules: the log, the keys, the command handler. */
export type Core = Awaited<ReturnType<typeof openCore>>

/** Opens the log, the keys and the command handler over one database. */
export const openCore = async (options: CoreOptions) => {
  const { log } = options
  const prepare = options.listenUrl === null
  const open = (connectionsMax: number, applicationName: string, timeoutMs: number): Sql =>
    connect(options.databaseUrl, { connectionsMax, applicationName, prepare, statementTimeoutMs: timeoutMs })
  const sql = open(poolMax, 'hub', statementTimeoutMs)
  const reserved = open(reservedMax, 'hub payments', statementTimeoutMs)
  const bulk = open(4, 'hub bulk', 0)
  const listener = connect(options.listenUrl ?? options.databaseUrl, {
    connectionsMax: 1,
    applicationName: 'hub listen',
    prepare: true,
    statementTimeoutMs: 0,
  })
  const wakes: Wakes = new EventEmitter()
  const lane = openLane({
    open: () => open(1, 'hub lane', statementTimeoutMs),
    nowMs: () => performance.now(),
    onAppended: () => wakes.emit('log'),
    boundary: options.boundary,
  })
  const master = masterKeys(options.masterKeys.map((key) => Buffer.from(key, 'base64')))
  const keys = personKeys(sql, master)
  const codec = makeCodec(models, keys)
  const pepper = (claim: string): string => peppered(master, claim)
  const handler = commandHandler({ lane, sql, reserved, models, keys, codec, newId: options.newId, pepper })
  const clock = await openClock(sql, options.realNowMs)
  await ensureReadModels(bulk, readModels)
  // A lazy pool would open its connections inside the time that the first payer has.
  await Promise.all(Array.from({ length: reservedMax }, () => reserved`select 1`))

  const listen = async (): Promise<void> => {
    await listener.listen('hub_log', () => wakes.emit('log'))
    await listener.listen('hub_effects', () => wakes.emit('effects'))
    await listener.listen('hub_forgotten', (subject) => {
      keys.drop(subject)
      // The means of payment of a forgotten person must not be charged out of memory either.
      forgottenStreams(subject).forEach(handler.forget)
    })
    await listener.listen('hub_clock', () => {
      clock.refresh().catch((error: unknown) => log.warn('The clock could not be read', errorFields(error)))
      wakes.emit('clock')
    })
  }
  // Without LISTEN the loops still look by themselves, only later.
  listen().catch((error: unknown) => log.warn('Notifications cannot be heard', errorFields(error)))

  const close = async (): Promise<void> => {
    await lane.close()
    await Promise.all([...[sql, reserved, bulk].map((pool) => pool.end({ timeout: 5 })), listener.end({ timeout: 1 })])
  }
  return { sql, reserved, bulk, lane, keys, codec, handler, pepper, master, wakes, clock, close }
}

/** The streams whose states hold what a person's key opened. */
const forgottenStreams = (subject: string): readonly string[] => {
  const partner = readPartnerId(subject)
  return partner ? [partnerStream(partner), subscriptionStream(subscriptionIdOf(partner))] : []
}

const openClock = async (sql: Sql, realNowMs: () => number) => {
  const named = statements(sqlText('log.sql'))
  let offsetMs = 0
  let asked = 0
  let answered = 0
  const refresh = async (): Promise<void> => {
    asked += 1
    const question = asked
    const [row] = await sql.unsafe<{ now: Instant; offsetMs: number }[]>(statement(named, 'now'))
    // Two moves in quick succession are read on two connections; the answer to the older question may come last.
    if (question < answered) return
    answered = question
    offsetMs = row?.offsetMs ?? 0
  }
  await refresh()
  let saidMs = Number.NaN
  let said = instant(0)
  /** Many ask within one millisecond; its text is written once. */
  const now = (): Instant => {
    const ms = realNowMs() + offsetMs
    if (ms !== saidMs) {
      saidMs = ms
      said = instant(ms)
    }
    return said
  }
  return { now, refresh }
}

/** Follows the log into the read models, and builds candidates; one process at a time does it. */
export const startProjections = (core: Core, options: Pick<CoreOptions, 'worker' | 'log' | 'boundary'>) => {
  const { log, worker } = options
  let leaseUntil = 0
  const projector = makeProjector({
    sql: core.sql,
    models: readModels,
    codec: core.codec,
    boundary: options.boundary,
    onParked: (name, parked) =>
      log.error('An event was parked because its fold failed', {
        readModel: name,
        position: parked.position,
        error: parked.error,
      }),
  })
  const hasLease = async (): Promise<boolean> => {
    if (performance.now() < leaseUntil) return true
    const rows = await core.sql.unsafe(
      statement(readModelStatements, 'take_lease'),
      ['projections', worker, leaseSeconds],
      { prepare: true },
    )
    if (rows.length === 0) return false
    leaseUntil = performance.now() + leaseRenewMs
    return true
  }
  const live = startLoop({
    idleMs: 1000,
    onError: (error) => log.error('Read models could not be brought up to date', errorFields(error)),
    step: async () => (await hasLease()) && projector.step(),
  })
  const rebuilder = makeRebuilder({
    sql: core.bulk,
    models: readModels,
    codec: core.codec,
    onError: (name, error) => log.error('A candidate could not be built', { readModel: name, ...errorFields(error) }),
    onReady: () => live.wake(),
  })
  const building: Loop = startLoop({
    idleMs: 1000,
    onError: (error) => log.error('A candidate could not be built further', errorFields(error)),
    step: async () => performance.now() < leaseUntil && rebuilder.step(),
  })
  core.wakes.on('log', live.wake)
  return {
    wakeBuilding: building.wake,
    stop: async (): Promise<void> => {
      rebuilder.stop()
      await Promise.all([live.stop(), building.stop()])
      await core.sql.unsafe(statement(readModelStatements, 'release_lease'), ['projections', worker])
    },
  }
}
