import { startEmbedded } from '../../src/db/embedded.ts'

// A process that uses the embedded server of the folder in its first argument until SIGTERM; says what it got in one line of JSON.

// Listened to from the start: Deno takes a turn of its loop until it hears a signal.
const asked = new Promise<void>((resolve) => {
  process.on('SIGTERM', () => resolve())
})
const { url, adminUrl, adopted, stop } = await startEmbedded({ dataDir: process.argv[2] ?? '', log: () => {} })
console.log(JSON.stringify({ url, adminUrl, adopted }))
setInterval(() => {}, 60_000)
await asked
await stop()
process.exit(0)
