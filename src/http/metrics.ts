import { Counter, Gauge, Registry } from 'prom-client'

/** Numbers of a process for Prometheus. */
export const makeMetrics = () => {
  const registry = new Registry()
  const deliveries = new Counter({
    name: 'hub_webhooks_total',
    help: 'Deliveries kept, by source and verdict',
    labelNames: ['source', 'verdict'],
    registers: [registry],
  })
  const refusals = new Counter({
    name: 'hub_webhooks_refused_total',
    help: 'Deliveries refused before they were kept',
    labelNames: ['source', 'code'],
    registers: [registry],
  })
  const effects = new Counter({
    name: 'hub_effects_settled_total',
    help: 'Attempts settled, by destination and outcome',
    labelNames: ['destination', 'outcome'],
    registers: [registry],
  })
  const head = new Gauge({ name: 'hub_log_position', help: 'Position of the newest event', registers: [registry] })
  const lag = new Gauge({
    name: 'hub_read_model_lag',
    help: 'Events a read model has still to see',
    labelNames: ['name'],
    registers: [registry],
  })
  const waiting = new Gauge({
    name: 'hub_effects',
    help: 'Effects by destination and status',
    labelNames: ['destination', 'status'],
    registers: [registry],
  })
  const appends = new Gauge({
    name: 'hub_appends_waiting',
    help: 'Appends that wait for the lane',
    registers: [registry],
  })
  const memory = new Gauge({ name: 'process_resident_memory_bytes', help: 'Resident memory', registers: [registry] })
  /** Deliveries since the numbers were last asked for: a count of its own is cheaper than labels for each of them. */
  const fresh = new Map<string, Map<string, number>>()
  const counted = (source: string, verdict: string): void => {
    const verdicts = fresh.get(source) ?? new Map<string, number>()
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
    fresh.set(source, verdicts)
  }
  return {
    counted,
    refused: (source: string, code: string): void => refusals.inc({ source, code }),
    settled: (destination: string, outcome: string): void => effects.inc({ destination, outcome }),
    /** Writes the present state beside the counters in Prometheus' text format. */
    text: async (state: {
      readonly head: number
      readonly appendsWaiting: number
      readonly lags: readonly { readonly name: string; readonly lag: number }[]
      readonly destinations: readonly {
        readonly name: string
        readonly waiting: number
        readonly running: number
        readonly unknown: number
        readonly dead: number
      }[]
    }): Promise<string> => {
      for (const [source, verdicts] of fresh)
        for (const [verdict, count] of verdicts) deliveries.inc({ source, verdict }, count)
      fresh.clear()
      head.set(state.head)
      appends.set(state.appendsWaiting)
      memory.set(process.memoryUsage.rss())
      for (const { name, lag: value } of state.lags) lag.set({ name }, value)
      for (const { name, ...counts } of state.destinations)
        for (const [status, value] of Object.entries(counts))
          if (typeof value === 'number') waiting.set({ destination: name, status }, value)
      return registry.metrics()
    },
  }
}

/** The numbers of a process. */
export type Metrics = ReturnType<typeof makeMetrics>
