import type { Measured } from './figure.ts'

/** What a measure is given. */
export type Context = {
  /** A connection address of a role that may make databases, on loopback. */
  readonly adminUrl: string
  readonly options: Options
  /** Tells the person at the terminal where the run is. */
  readonly say: (line: string) => void
  /** Makes an empty database, dropped at the end of the run; answers its address. */
  readonly createDatabase: (label: string) => Promise<string>
  /** The path of pgbench; null when the machine has none. */
  readonly pgbench: string | null
}

/** How long and how often everything is measured. */
export type Options = {
  readonly smoke: boolean
  readonly json: boolean
  /** Names of measures; null for all. */
  readonly only: readonly string[] | null
  readonly rounds: number
  /** Length of one throughput measurement. */
  readonly windowMs: number
  /** Length of the first, uncounted run of everybody. */
  readonly warmUpMs: number
  /** Events of the history that is rebuilt. */
  readonly events: number
  /** Events of the history that the slower peer folds. */
  readonly peerEvents: number
  /** Events that wait for the live read models. */
  readonly liveEvents: number
  /** Effects that wait to be delivered. */
  readonly effects: number
  /** Partners whose lists are read by pages. */
  readonly partners: number
}

/** One measure: prepares what it needs, runs everybody in turn, and cleans up. */
export type Measure = (context: Context) => Promise<Measured>
