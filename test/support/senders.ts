import { createHash, createHmac } from 'node:crypto'
import { vectorEnv } from './chats.ts'
import type { Json, RunningService } from './service.ts'
import { chatMessage } from './umnicoBodies.ts'
import { known } from './webhookReading.ts'

/** Senders whose secrets the tests know, APIs that nobody answers, and a proxy of ours in front of the shop. */
export const sendersEnv = {
  ...vectorEnv,
  DIALOG_MODE: 'native',
  TRUSTED_PROXIES: '127.0.0.1',
  TILDA_PUBLIC_KEY: 'PUBKEYEXAMPLE0000000',
  TILDA_SECRET_KEY: 'key-of-the-tests',
  TILDA_WEBHOOK_SECRET: known.key,
  TILDA_PROJECT_ID: '7654321',
  TILDA_BASE_URL: 'http://127.0.0.1:9',
  YUKASSA_SHOP_ID: '100001',
  YUKASSA_SECRET_KEY: 'test_key-of-the-tests',
  YUKASSA_BASE_URL: 'http://127.0.0.1:9',
  CLOUDPAYMENTS_PUBLIC_ID: 'test_api_00000000000000000000002',
  CLOUDPAYMENTS_API_SECRET: known.mac,
  CLOUDPAYMENTS_BASE_URL: 'http://127.0.0.1:9',
} as const

/** One request below `/webhooks/`. */
export type Wire = {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A sender: what it sends under a number, and the same number with other content. */
export type Sender = {
  readonly source: string
  readonly valid: (number: number) => Wire
  /** Null where the key is made of the content, so that nothing can differ under it. */
  readonly other: ((number: number) => Wire) | null
  readonly key: (number: number) => string
  /** What the sender reads of our answer. */
  readonly accepted: string
}

const formType = 'application/x-www-form-urlencoded'
const jsonType = 'application/json'

const form = (fields: Readonly<Record<string, string>>): string => new URLSearchParams(fields).toString()

/** A form of the partners' site. */
export const tildaWire = (body: string, headers: Readonly<Record<string, string>> = {}): Wire => ({
  path: 'tilda/form',
  headers: { 'content-type': formType, 'x-api-key': known.key, ...headers },
  body,
})

/** A call of the chats' provider. */
export const umnicoWire = (body: unknown): Wire => ({
  path: `umnico/${known.path}`,
  headers: { 'content-type': jsonType },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

/** A hint of the site. */
export const flexbeWire = (body: string): Wire => ({
  path: `flexbe/${known.path}`,
  headers: { 'content-type': formType },
  body,
})

/** A notification of the shop, through our proxy. */
export const yookassaWire = (body: unknown): Wire => ({
  path: 'yookassa',
  headers: { 'content-type': jsonType, 'x-forwarded-for': '185.71.76.5' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

/** A notification of the terminal, signed over its bytes. */
export const cloudpaymentsWire = (
  kind: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Wire => ({
  path: `cloudpayments/${kind}`,
  headers: {
    'content-type': formType,
    'content-hmac': createHmac('sha256', known.mac).update(body).digest('base64'),
    ...headers,
  },
  body,
})

/** A call of a bot. */
export const protalkWire = (bot: 'client' | 'partner', body: unknown): Wire => ({
  path: `protalk/${bot}`,
  headers: { 'content-type': jsonType, 'x-webhook-secret': known.tool },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

const phone = (number: number): string => `+7912${String(number).padStart(7, '0').slice(-7)}`
const shopId = (number: number): string => `2e5f1a7c-000f-5000-9000-${String(number).padStart(12, '0')}`

const shopNotice = (number: number, status: string) => ({
  type: 'notification',
  event: 'payment.succeeded',
  object: { id: shopId(number), status, paid: true, amount: { value: '2500.00', currency: 'RUB' }, metadata: {} },
})

const terminalNotice = (number: number, name: string): string =>
  form({ TransactionId: String(number), Amount: '2500.00', Currency: 'RUB', Status: 'Completed', Name: name })

/** Everybody who sends and expects to be answered the same for the same. */
export const senders: readonly Sender[] = [
  {
    source: 'tilda',
    valid: (n) => tildaWire(form({ Name: 'Олег', Phone: phone(n), tranid: `7654321:${n}`, formid: 'form222' })),
    other: (n) => tildaWire(form({ Name: 'Анна', Phone: phone(n), tranid: `7654321:${n}`, formid: 'form222' })),
    key: (n) => `tilda:7654321:${n}`,
    accepted: 'ok',
  },
  {
    source: 'umnico',
    valid: (n) => umnicoWire(chatMessage(n)),
    other: (n) => umnicoWire({ ...chatMessage(n), isNewLead: true }),
    key: (n) => `umnico:message.incoming:147517:storm-${n}`,
    accepted: 'ok',
  },
  {
    source: 'flexbe',
    valid: (n) => flexbeWire(form({ event: 'lead', 'data[id]': String(n), 'data[client][phone]': phone(n) })),
    other: (n) => flexbeWire(form({ event: 'lead', 'data[id]': String(n), 'data[client][phone]': phone(n + 1) })),
    key: (n) => `flexbe:lead:${n}`,
    accepted: '{"status":1}',
  },
  {
    source: 'yookassa',
    valid: (n) => yookassaWire(shopNotice(n, 'succeeded')),
    other: (n) => yookassaWire(shopNotice(n, 'waiting_for_capture')),
    key: (n) => `yookassa:payment.succeeded:${shopId(n)}`,
    accepted: 'ok',
  },
  {
    source: 'cloudpayments',
    valid: (n) => cloudpaymentsWire('pay', terminalNotice(n, 'OLEG')),
    other: (n) => cloudpaymentsWire('pay', terminalNotice(n, 'ANNA')),
    key: (n) => `cloudpayments:pay:${n}`,
    accepted: '{"code":0}',
  },
  {
    source: 'protalk',
    valid: (n) =>
      protalkWire('client', { tool: 'leave_request', phone: phone(n), wish: 'Дом', consent: true, chat_id: `c${n}` }),
    other: null,
    key: (n) => `protalk:leave_request:c${n}`,
    accepted: '{"ok":true,"text":"Спасибо! Заявка принята, с вами свяжутся.","items":[]}',
  },
]

/** Sends a request as it is; answers what came back. */
export const send = async (
  service: Pick<RunningService, 'url'>,
  { path, headers, body }: Wire,
): Promise<{ readonly status: number; readonly text: string; readonly headers: Headers }> => {
  const response = await fetch(`${service.url}/webhooks/${path}`, { method: 'POST', headers, body })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

/** The kept delivery of these bytes, if there is one. */
export const keptUnder = async (
  service: RunningService,
  source: string,
  body: string | Uint8Array,
): Promise<Json | undefined> => {
  const sha256 = createHash('sha256').update(body).digest('hex')
  const { items } = (await service.get(`/api/v1/webhooks?source=${source}&limit=500`)).body
  return items.find((row: Json) => row.sha256 === sha256)
}
