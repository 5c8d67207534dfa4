import { models } from '../domain/index.ts'
import { type Deliverer, startDelivering } from '../engine/deliver.ts'
import type { Destination, Perform } from '../engine/destination.ts'
import { startLoop } from '../engine/loop.ts'
import { makeReacting, reactAgainKind } from '../engine/react.ts'
import { reactors } from '../reactors/index.ts'
import { commandOf } from '../reactors/outcomes.ts'
import type { ReactorSettings } from '../reactors/settings.ts'
import type { Core, CoreOptions } from './core.ts'
import { errorFields } from './log.ts'
import { choosePartner } from './partnerSearch.ts'
import type { Provider } from './provider.ts'
import { reconcileOurs } from './reconciliation.ts'

const ownPolicy: Destination['policy'] = {
  concurrencyMax: 8,
  perSecondMax: 1000,
  deadlineMs: 30_000,
  attemptsMax: 1000,
  afterUnknown: 'repeat',
}

/** Commands that a rule put off: the service's own destination. Its outcome is the command itself. */
const ownDestination = (performers: Destination['performers']): Destination => ({
  name: 'hub',
  policy: ownPolicy,
  performers: { 'hub.command': async () => ({ tag: 'done', result: null }), ...performers },
})

/** What the effects of a process are made of. */
export type EffectsOptions = Pick<CoreOptions, 'worker' | 'log' | 'boundary'> & {
  readonly settings: ReactorSettings
  readonly providers: readonly Provider[]
  readonly emailLimits: { readonly dailyMax: number; readonly perMinuteMax: number | null }
  readonly timers: boolean
  /** Forgets a person; see erasure. */
  readonly forget: Perform
  readonly reacting: boolean
  readonly onSettled: (destination: string, outcome: string) => void
}

/** Starts the rules and the deliveries of a process, as far as its roles say. */
export const startEffects = (core: Core, options: EffectsOptions) => {
  const { log } = options
  const stops: (() => Promise<void>)[] = []
  let deliverer: Deliverer | null = null
  const reacting = makeReacting({
    sql: core.sql,
    codec: core.codec,
    keys: core.keys,
    handler: core.handler,
    reactors: reactors(options.settings),
    boundary: options.boundary,
    onParked: (reactor, parked) =>
      log.error('A rule failed at an event and is asked again later', { reactor, ...parked }),
    onPlanned: (planned) => {
      deliverer?.wake(planned)
      core.sql`select pg_notify('hub_effects', '')`.catch((error: unknown) =>
        log.warn('Other processes could not be told of new effects', errorFields(error)),
      )
    },
  })
  const destinations = [
    ...(options.reacting ? destinationsOf(options) : []),
    ...(options.timers
      ? [
          ownDestination({
            'hub.forget': options.forget,
            'hub.choosePartner': choosePartner(core),
            'hub.reconcileOurs': reconcileOurs(core),
          }),
          { name: 'rules', policy: ownPolicy, performers: { [reactAgainKind]: reacting.reactAgain } },
        ]
      : []),
  ]
  if (destinations.length > 0) {
    deliverer = startDelivering({
      sql: core.sql,
      keys: core.keys,
      handler: core.handler,
      models,
      destinations,
      commandOf: commandOf(options.settings),
      worker: options.worker,
      now: core.clock.now,
      random: Math.random,
      boundary: options.boundary,
      onError: (error, effect) =>
        log.error('An effect could not be settled', {
          effectId: effect?.effectId,
          kind: effect?.kind,
          ...errorFields(error),
        }),
      onSettled: (effect, outcome) => options.onSettled(effect.destination, outcome.tag),
    })
    const own = deliverer
    core.wakes.on('effects', () => own.wake())
    core.wakes.on('clock', () => own.wake())
    stops.push(() => own.stop(8000))
  }
  if (options.reacting) {
    const loop = startLoop({
      step: reacting.step,
      idleMs: 1000,
      onError: (error) => log.error('The rules could not follow the log', errorFields(error)),
    })
    core.wakes.on('log', loop.wake)
    stops.unshift(loop.stop)
  }
  return {
    wake: (): void => deliverer?.wake(),
    stop: async (): Promise<void> => {
      for (const stop of stops) await stop()
    },
  }
}

const destinationsOf = ({ providers, emailLimits }: EffectsOptions): Destination[] =>
  providers.flatMap(({ courier }) => {
    if (!courier) return []
    const limits =
      courier.destination === 'email'
        ? {
            dailyMax: emailLimits.dailyMax,
            ...(emailLimits.perMinuteMax === null ? {} : { perMinuteMax: emailLimits.perMinuteMax }),
          }
        : {}
    const patience = courier.destination === 'fns' ? { backoffMaxMs: 3_600_000 } : {}
    return [
      {
        name: courier.destination,
        policy: { ...courier.policy, ...limits, ...patience },
        performers: courier.performers,
      },
    ]
  })
