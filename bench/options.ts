import { parseArgs } from 'node:util'
import type { Options } from './context.ts'

const help = `npm run bench -- [options]

  --only NAMES    only these measures, with commas: append, inbox, processes, rebuild, growth, live, effects, hanging, http, ingest,
                  latency, pages, start
  --rounds N      rounds of each measure (5)
  --events N      events of the history that is rebuilt (200000)
  --effects N     effects that are delivered (20000)
  --partners N    partners whose lists are read by pages (100000)
  --smoke         one short round of everything, in under a minute
  --json          the last line is one JSON object with the same figures

BENCH_PG_URL names a PostgreSQL on loopback whose role may make databases; without it a throwaway server is started.
BENCH_HISTORY_URL names a database that "hub bench seed" filled, HUB_MASTER_KEY the key it was seeded with; without them a history is
seeded. Its read models are emptied and filled again.`

const whole = (text: string | undefined, otherwise: number): number => {
  if (text === undefined) return otherwise
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`Cannot read "${text}": it should be a whole number`)
  return value
}

/** Reads the command line; answers a text to print instead when help was asked for. */
export const readOptions = (args: readonly string[]): Options | string => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      events: { type: 'string' },
      effects: { type: 'string' },
      partners: { type: 'string' },
      smoke: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return help
  const { smoke } = values
  const events = whole(values.events, smoke ? 4000 : 200_000)
  return {
    smoke,
    json: values.json,
    only: values.only === undefined ? null : values.only.split(',').map((name) => name.trim()),
    rounds: whole(values.rounds, smoke ? 1 : 5),
    windowMs: smoke ? 300 : 2000,
    warmUpMs: smoke ? 0 : 600,
    events,
    peerEvents: smoke ? 500 : 5000,
    liveEvents: Math.min(50_000, events >> 1),
    effects: whole(values.effects, smoke ? 500 : 20_000),
    partners: whole(values.partners, smoke ? 2000 : 100_000),
  }
}
