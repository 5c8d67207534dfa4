import process from 'node:process'
import autocannon from 'autocannon'
import { applicationNotice, type Notice, paymentNotice } from './notice.ts'

// A load of webhooks: `httpLoad.ts URL KIND SECRET CONNECTIONS MILLISECONDS PER_SECOND` prints a JSON object with the rate of answers
// 2xx, percentiles of their latency and how many were something else. Each webhook is new, unless KIND is "repeated"; PER_SECOND 0
// sends as many as are answered.

const [url = '', kind = '', secret = '', connections = '64', ms = '1000', perSecond = '0'] = process.argv.slice(2)
let number = Date.now() * 1000

const cloudpayments = (): Notice => paymentNotice(++number, secret)
const tilda = (): Notice => applicationNotice(++number, secret)
const one = cloudpayments()
const made = { tilda, cloudpayments, repeated: () => one }[kind] ?? cloudpayments
const result = await autocannon({
  url,
  connections: Number(connections),
  duration: Math.max(1, Number(ms) / 1000),
  ...(Number(perSecond) > 0 ? { overallRate: Number(perSecond) } : {}),
  requests: [
    {
      method: 'POST',
      setupRequest: (request) => {
        const { body, headers } = made()
        return { ...request, body, headers: { ...request.headers, ...headers } }
      },
    },
  ],
})
const rate = result['2xx'] / result.duration
const { p50, p99, p99_9: p999 } = result.latency
process.stdout.write(`${JSON.stringify({ rate, p50, p99, p999, failed: result.non2xx + result.errors })}\n`)
process.exit(0)
