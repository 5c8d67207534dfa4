import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { sendRaw } from '../support/raw.ts'
import { keptUnder, sendersEnv } from '../support/senders.ts'
import { type Json, type RunningService, withService } from '../support/service.ts'

// The conformance vectors of payments, as their senders send them: over HTTP, byte by byte.

type Vector = {
  readonly id: string
  readonly method: string
  readonly contentType: string
  readonly raw: string
  readonly contentHmac: string
  readonly xContentHmac: string
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../connectors/cloudpayments/vectors.json', import.meta.url), 'utf8'),
)
const vector = (id: string): Vector => {
  const found = vectors.find((one) => one.id === id)
  assert.ok(found, `there is a vector ${id}`)
  return found
}

const secret = '3f1c9a7be0d24c58a6f2b8d17e905c4d'
const formType = 'application/x-www-form-urlencoded'
const jsonType = 'application/json'
const mac = (body: string | Uint8Array): string => createHmac('sha256', secret).update(body).digest('base64')

/** The terminal with the secret of the vectors, and a second one whose secret is not ASCII. */
const env = { ...sendersEnv, CLOUDPAYMENTS_API_SECRET: `${secret},секрет` }

type Headers = Readonly<Record<string, string | readonly string[]>>

const post = (service: RunningService, kind: string, sent: { body: string | Uint8Array; headers: Headers }) =>
  sendRaw(service, {
    path: `cloudpayments/${kind}`,
    body: sent.body,
    headers: { 'content-type': formType, ...sent.headers },
  })

const signed = (body: string | Uint8Array, contentType = formType): { body: typeof body; headers: Headers } => ({
  body,
  headers: { 'content-hmac': mac(body), 'content-type': contentType },
})

const deliveries = async (service: RunningService): Promise<readonly Json[]> =>
  (await service.get('/api/v1/webhooks?limit=500')).body.items

describe('a notification of CloudPayments that is signed', () => {
  it('is taken in every encoding, once for equal content, and kept in quarantine when it cannot be read (V1 to V14)', async () => {
    await withService(env, async (service) => {
      // Status, and the verdict of a delivery of its own; null: counted on the one that it repeats.
      const wanted: readonly (readonly [string, number, string | null])[] = [
        ['V1', 200, 'accepted'],
        ['V2', 200, 'accepted'],
        ['V3', 200, null],
        ['V4', 200, 'accepted'],
        ['V5', 200, 'accepted'],
        ['V6', 200, 'accepted'],
        ['V7', 200, 'accepted'],
        ['V8', 200, 'conflict'],
        ['V9', 400, 'quarantined'],
        ['V11', 400, 'quarantined'],
        ['V12', 200, 'accepted'],
        ['V13', 400, 'quarantined'],
        ['V14a', 200, 'accepted'],
        ['V14b', 400, 'quarantined'],
      ]
      for (const [id, status, verdict] of wanted) {
        const { raw, contentHmac, contentType } = vector(id)
        const answer = await post(service, 'pay', {
          body: raw,
          headers: { 'content-hmac': contentHmac, 'content-type': contentType },
        })
        assert.equal(answer.status, status, id)
        if (status === 200) assert.equal(answer.text, '{"code":0}', id)
        assert.equal((await keptUnder(service, 'cloudpayments', raw))?.verdict ?? null, verdict, id)
      }
      assert.equal((await keptUnder(service, 'cloudpayments', vector('V2').raw)).repeats, 1)
      assert.equal((await service.get('/api/v1/subscriptions')).body.items.length, 0)
    })
  })

  it('is refused with 401 when the signature is not one of these bytes, and nothing is kept (H1 to H16)', async () => {
    await withService(sendersWith(secret), async (service) => {
      const { raw, contentHmac: right } = vector('V2')
      const refused: readonly (readonly [string, Headers, string?])[] = [
        ['H1', {}],
        ['H2', { 'content-hmac': '' }],
        ['H3', { 'content-hmac': '815a526f2a6f393f9da85793b16e1ae78352ef2ef3620842533ee8ab29992a63' }],
        ['H4', { 'content-hmac': Buffer.from(Buffer.from(right, 'base64').toString('hex')).toString('base64') }],
        ['H5', { 'content-hmac': 'gVpSbypvOT-dqFeTsW4a54NS7y7zYghCUz7oqymZKmM=' }],
        ['H6', { 'content-hmac': right.toLowerCase() }],
        ['H7', { 'content-hmac': vector('V2').xContentHmac }],
        ['H8', { 'x-content-hmac': right }],
        ['H9', { 'content-hmac': 'fGKPY/3pkG6mJyJlsRVC2Lzu5icM5DMZQGge7OVAJZw=' }],
        ['H10', { 'content-hmac': '2mTZBrW9giHBwI94iyHBCxaVccOSA3qs5QkvB3vVQOE=' }],
        ['H11', { 'content-hmac': '4Uzjf8HiQPZcGZWxCToxVFFZNAM=' }],
        ['H12', { 'content-hmac': 'clUq7mGu4RG8239NLRL6dVzUfsXZPAIrOKBJ352CsMk=' }],
        ['H13', { 'content-hmac': right }, raw.replace('Amount=1990.00', 'Amount=1.00')],
        ['H14', { 'content-hmac': right }, vector('V3').raw],
        ['H15', { 'content-hmac': [right, vector('V3').contentHmac] }],
        ['H15 the other way round', { 'content-hmac': [vector('V3').contentHmac, right] }],
        ['H16', { 'content-hmac': vector('V12').contentHmac }, vector('V12').raw],
      ]
      for (const [id, headers, body] of refused) {
        const answer = await post(service, 'pay', { body: body ?? raw, headers })
        assert.deepEqual([answer.status, answer.text], [401, ''], id)
      }
      assert.deepEqual(await deliveries(service), [])
    })
  })

  it('is refused with 400 when a right signature fits bytes of two meanings (H17, H18)', async () => {
    await withService(env, async (service) => {
      const repeated = vector('V14b').raw
      for (const name of ['content-hmac', 'x-content-hmac']) {
        const answer = await post(service, 'pay', { body: repeated, headers: { [name]: vector('V14a').xContentHmac } })
        assert.equal(answer.status, 400, `H17 in ${name}`)
      }
      const decoded = decodeURIComponent(vector('V2').raw.replaceAll('+', ' '))
      const answer = await post(service, 'pay', {
        body: decoded,
        headers: { 'content-hmac': vector('V2').xContentHmac },
      })
      assert.equal(answer.status, 400, 'H18')
      for (const row of await deliveries(service)) assert.equal(row.verdict, 'quarantined')
    })
  })

  it('is a hint when only its decoded text is signed: the number is read again, and a check is declined (H19)', async () => {
    await withService(env, async (service) => {
      const { raw, xContentHmac } = vector('V2')
      const pay = await post(service, 'pay', { body: raw, headers: { 'x-content-hmac': xContentHmac } })
      assert.deepEqual([pay.status, pay.text], [200, '{"code":0}'])
      const check = await post(service, 'check', { body: raw, headers: { 'x-content-hmac': xContentHmac } })
      assert.deepEqual([check.status, check.text], [200, '{"code":13}'])
      const events: readonly Json[] = (await service.get('/api/v1/events?limit=500')).body.items
      const notice = events.find((event) => event.type === 'PaymentNoticeReceived')
      assert.ok(notice, 'the number is to be read again')
      assert.doesNotMatch(JSON.stringify(events), /sub-42-2026-11|199000/, 'nothing else of the body is applied')
    })
  })
})

const sendersWith = (only: string) => ({ ...sendersEnv, CLOUDPAYMENTS_API_SECRET: only })

describe('a request to a hook of CloudPayments that is signed and wrong', () => {
  it('is answered as the documents say, and what is authentic keeps its bytes in quarantine (I1 to I7)', async () => {
    await withService(env, async (service) => {
      const pay = 'TransactionId=15&Amount=1.00'
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const headers = { 'content-hmac': mac(pay), 'content-type': formType }
        const answer = await sendRaw(service, { method, path: 'cloudpayments/pay', headers, body: pay })
        assert.deepEqual([answer.status, answer.headers.allow], [405, 'POST'], `I1 ${method}`)
      }
      const wrong: readonly (readonly [string, string, string | Uint8Array, number, string?])[] = [
        ['I2', 'pay', pay, 415, 'text/plain'],
        ['I2', 'pay', pay, 415, 'multipart/form-data; boundary=x'],
        ['I3', 'pay', new Uint8Array([0xd2, 0x3d, 0xff]), 400],
        ['I3', 'pay', `${pay}&Description=${'x'.repeat(262_144)}`, 413],
        ['I3', 'pay', `${pay}${Array.from({ length: 400 }, (_, n) => `&f${n}=1`).join('')}`, 400],
        ['I4', 'pay', 'TransactionId=1&Amount=1&Amount=2', 400],
        ['I4', 'pay', 'TransactionId=1&amount=1&Amount=2', 400],
        ['I4', 'pay', '{"TransactionId":1,"Amount":1,"amount":2}', 400, jsonType],
        ['I4', 'pay', 'TransactionId=1&Amount=1&Name=a b', 400],
        ['I4', 'pay', 'TransactionId=1&Amount=1&Name=Анна', 400],
        ...['abc', '-1', '1e3', '10,00', '10.001', 'NaN', ''].map(
          (amount) => ['I5', 'pay', `TransactionId=1&Amount=${amount}`, 400] as const,
        ),
        ['I6', 'pay', 'Amount=1.00', 400],
        ['I6', 'pay', 'Amount=1.00&TransactionId=15.5', 400],
        ['I7', 'pay', `${pay}&ReasonCode=5051`, 400],
        ['I7', 'pay', `${pay}&Id=sc_1&Interval=Month`, 400],
        ['I7', 'refund', pay, 400],
      ]
      for (const [id, kind, body, status, type] of wrong) {
        const answer = await post(service, kind, signed(body, type))
        const what = `${id} ${String(body).slice(0, 60)}`
        assert.equal(answer.status, status, what)
        assert.doesNotMatch(answer.text, /"code":0/, what)
        if (status !== 400) continue
        const row = await keptUnder(service, 'cloudpayments', body)
        assert.equal(row?.verdict, 'quarantined', what)
      }
      assert.equal((await service.get('/api/v1/events')).body.items.length, 0)
    })
  })

  it('is taken when only what we do not need is wrong, and once (I12, I14)', async () => {
    await withService(env, async (service) => {
      const pay = signed('TransactionId=16&Amount=1.00&Currency=RUB&Data=%7Bnot+JSON')
      for (let times = 0; times < 3; times++) {
        const answer = await post(service, 'pay', pay)
        assert.deepEqual([answer.status, answer.text], [200, '{"code":0}'])
      }
      const row = await keptUnder(service, 'cloudpayments', pay.body)
      assert.deepEqual([row.verdict, row.repeats], ['accepted', 2])
    })
  })
})

const shopId = '2e5f1a7c-000f-5000-9000-1a2b3c4d5e6f'
const shopNotice = (change: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    type: 'notification',
    event: 'payment.succeeded',
    object: { id: shopId, status: 'succeeded', amount: { value: '1.00', currency: 'RUB' } },
    ...change,
  })

describe('a notification of YooKassa', () => {
  it('is refused from a stranger’s address, whatever X-Forwarded-For says of it (I15)', async () => {
    const inside = '185.71.76.5'
    await withService({ ...sendersEnv, TRUSTED_PROXIES: '' }, async (service) => {
      const headers = { 'content-type': jsonType, 'x-forwarded-for': inside }
      assert.equal((await sendRaw(service, { path: 'yookassa', headers, body: shopNotice() })).status, 403)
      assert.deepEqual(await deliveries(service), [])
    })
    await withService(sendersEnv, async (service) => {
      for (const [forwarded, status] of [
        ['203.0.113.9', 403],
        [`${inside}, 203.0.113.9`, 403],
        ['', 403],
        [inside, 200],
        [`203.0.113.9, ${inside}`, 200],
        ['2a02:5180::7', 200],
        [`::ffff:${inside}`, 200],
      ] as const) {
        const headers = { 'content-type': jsonType, 'x-forwarded-for': forwarded }
        const answer = await sendRaw(service, { path: 'yookassa', headers, body: shopNotice() })
        assert.equal(answer.status, status, forwarded)
      }
    })
  })

  it('is refused when it is none, kept when its event is new to us, and grants nothing by itself (I16 to I18)', async () => {
    await withService(sendersEnv, async (service) => {
      const headers = { 'content-type': jsonType, 'x-forwarded-for': '185.71.76.5' }
      const ask = (body: string, method = 'POST') => sendRaw(service, { method, path: 'yookassa', headers, body })
      const none = [
        'no JSON',
        '[]',
        shopNotice({ type: 'payment' }),
        shopNotice({ object: {} }),
        shopNotice({ object: { id: 'short' } }),
        shopNotice({ object: { id: 5 } }),
      ]
      for (const body of none) {
        assert.equal((await ask(body)).status, 400, `I16 ${body}`)
        assert.equal((await keptUnder(service, 'yookassa', body))?.verdict, 'quarantined', `I16 ${body}`)
      }
      for (const method of ['GET', 'PUT']) {
        const answer = await ask(shopNotice(), method)
        assert.deepEqual([answer.status, answer.headers.allow], [405, 'POST'], `I17 ${method}`)
      }
      assert.equal((await ask(`${shopNotice()}${' '.repeat(300_000)}`)).status, 413, 'I17')
      const unknown = shopNotice({ event: 'payment.dreamt' })
      assert.equal((await ask(unknown)).status, 200, 'I18')
      assert.equal((await keptUnder(service, 'yookassa', unknown))?.verdict, 'ignored', 'I18')
      assert.equal((await service.get('/api/v1/events')).body.items.length, 0)
    })
  })
})
