import { type Socket, connect as tcp } from 'node:net'
import process from 'node:process'
import { applicationNotice, type Notice, paymentNotice } from './notice.ts'

// A load of webhooks: `httpLoad.ts URL KIND SECRET CONNECTIONS MILLISECONDS PER_SECOND` prints a JSON object with the rate of answers
// 2xx, percentiles of their latency and how many were something else. Each webhook is new, unless KIND is "repeated"; PER_SECOND 0
// sends as many as are answered. It shares the machine with what it measures, so requests are written out before the clock starts,
// and a connection is a bare socket.

const [address = '', kind = '', secret = '', connections = '64', ms = '1000', perSecond = '0'] = process.argv.slice(2)
const url = new URL(address)
const rate = Number(perSecond)
const windowMs = Math.max(1000, Number(ms))
/** Requests written ahead for each second of the window; beyond them they are written while the clock runs. */
const aheadPerSecond = rate > 0 ? rate : 15_000
let number = Date.now() * 1000

const cloudpayments = (): Notice => paymentNotice(++number, secret)
const tilda = (): Notice => applicationNotice(++number, secret)

/** A whole HTTP request. */
const written = ({ body, headers }: Notice): Buffer => {
  const all = {
    host: url.host,
    connection: 'keep-alive',
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`POST ${url.pathname} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
}

const one = written(cloudpayments())
const make =
  kind === 'repeated' ? () => one : kind === 'tilda' ? () => written(tilda()) : () => written(cloudpayments())
const ahead = Array.from({ length: kind === 'repeated' ? 0 : Math.ceil((aheadPerSecond * windowMs) / 1000) }, make)

/** The length of the answer at the beginning of these bytes; null while its head is not complete. */
const answerLength = (bytes: Buffer): number | null => {
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return null
  const [, length = '0'] = /\r\ncontent-length: *(\d+)/i.exec(bytes.toString('latin1', 0, end)) ?? []
  return end + 4 + Number(length)
}

const latencies: number[] = []
let succeeded = 0
let failed = 0
let ended = false
const idle: (() => void)[] = []
/** Moments at which requests were due and no connection was idle; their latency counts from there. */
const due: number[] = []

/** One connection: asks, waits for the answer, asks again. */
const converse = (socket: Socket): void => {
  let startedAt = 0
  let held: Buffer = Buffer.alloc(0)
  const ask = (): void => {
    if (ended) return
    const since = rate > 0 ? due.shift() : performance.now()
    if (since === undefined) {
      idle.push(ask)
      return
    }
    startedAt = since
    socket.write(ahead.pop() ?? make())
  }
  socket.on('data', (bytes: Buffer) => {
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes])
    const length = answerLength(held)
    if (ended || length === null || held.length < length) return
    latencies.push(performance.now() - startedAt)
    // "HTTP/1.1 2…"
    if (held[9] === 0x32) succeeded += 1
    else failed += 1
    held = Buffer.alloc(0)
    ask()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    if (ended) return
    failed += 1
    converse(open())
  })
  socket.on('connect', ask)
}

const open = (): Socket => tcp({ host: url.hostname, port: Number(url.port), noDelay: true })

const startedAt = performance.now()
for (let index = 0; index < Number(connections); index++) converse(open())
if (rate > 0) {
  let asked = 0
  setInterval(() => {
    const wanted = ((performance.now() - startedAt) * rate) / 1000
    for (; asked < wanted; asked++) {
      due.push(startedAt + (asked * 1000) / rate)
      idle.shift()?.()
    }
  }, 1)
}

setTimeout(() => {
  ended = true
  const seconds = (performance.now() - startedAt) / 1000
  const sorted = Float64Array.from(latencies).sort()
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  const found = { rate: succeeded / seconds, p50: at(0.5), p99: at(0.99), p999: at(0.999), failed }
  process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit(0))
}, windowMs)
