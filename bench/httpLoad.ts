import { createHmac, randomUUID } from 'node:crypto'
import process from 'node:process'
import autocannon from 'autocannon'

// A load of webhooks, each one new: `httpLoad.ts URL KIND SECRET CONNECTIONS MILLISECONDS` prints a JSON object with the rate of
// answers 2xx, their 99th percentile and how many were something else.

const [url = '', kind = '', secret = '', connections = '64', ms = '1000'] = process.argv.slice(2)
let number = Date.now() * 1000

const cloudpayments = () => {
  const body = new URLSearchParams({
    TransactionId: String(++number),
    Amount: '2500.00',
    Currency: 'RUB',
    DateTime: '2026-11-24 09:00:00',
    CardFirstSix: '424242',
    CardLastFour: '4242',
    CardType: 'Visa',
    CardExpDate: '12/30',
    TestMode: '1',
    Status: 'Completed',
    OperationType: 'Payment',
    GatewayName: 'Test',
    InvoiceId: `pay_${randomUUID().replaceAll('-', '')}`,
    AccountId: `sub_${randomUUID().replaceAll('-', '')}`,
  }).toString()
  return { body, headers: { 'Content-HMAC': createHmac('sha256', secret).update(body).digest('base64') } }
}

const tilda = () => {
  const form = {
    Name: 'Иванова Мария',
    Phone: `+79${String(++number).slice(-9)}`,
    Email: `v${number}@example.ru`,
    formid: 'form1',
  }
  const body = new URLSearchParams({
    ...form,
    tranid: `1:${number}`,
    hub_form: 'partner_registration',
    policy: 'yes',
  }).toString()
  return { body, headers: { 'X-Api-Key': secret } }
}

const made = kind === 'tilda' ? tilda : cloudpayments
const result = await autocannon({
  url,
  connections: Number(connections),
  duration: Math.max(1, Number(ms) / 1000),
  requests: [
    {
      method: 'POST',
      setupRequest: (request) => {
        const { body, headers } = made()
        return {
          ...request,
          body,
          headers: { ...request.headers, 'content-type': 'application/x-www-form-urlencoded', ...headers },
        }
      },
    },
  ],
})
const rate = result['2xx'] / result.duration
process.stdout.write(`${JSON.stringify({ rate, p99: result.latency.p99, failed: result.non2xx + result.errors })}\n`)
process.exit(0)
