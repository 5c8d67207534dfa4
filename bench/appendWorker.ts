import process from 'node:process'
import { openBenchLane, versionedWriters } from './hub.ts'
import { perSecond } from './interleave.ts'

// One process of several that append to one database: `appendWorker.ts URL LABEL WRITERS WINDOW_MS`. Says "ready", waits for a line,
// appends, and prints its rate.

const [url = '', label = '', writers = '16', windowMs = '1000'] = process.argv.slice(2)
const lane = openBenchLane(url)
const once = versionedWriters(lane, label)
await once(0)
process.stdout.write('ready\n')
await new Promise((resolve) => process.stdin.once('data', resolve))
const rate = await perSecond({ writers: Number(writers), windowMs: Number(windowMs) }, once)
process.stdout.write(`${rate}\n`)
await lane.close()
process.exit(0)
