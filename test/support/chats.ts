import assert from 'node:assert/strict'
import { type Json, type RunningService, until } from './service.ts'

/** The account of the vectors, with secrets that the tests know and an API that nobody answers. */
export const vectorEnv = {
  UMNICO_API_KEY: 'key-of-the-tests',
  UMNICO_WIDGET_TOKEN: 'widget-of-the-tests',
  UMNICO_WEBHOOK_SECRET: 's3cr3t',
  UMNICO_ACCOUNT_ID: '147517',
  UMNICO_BASE_URL: 'http://127.0.0.1:9/v1.3',
  FLEXBE_API_KEY: 'key-of-the-tests',
  FLEXBE_WEBHOOK_SECRET: 's3cr3t',
  FLEXBE_BASE_URL: 'http://127.0.0.1:9',
  PROTALK_CLIENT_BOT_TOKEN: 'client-of-the-tests',
  PROTALK_PARTNER_BOT_TOKEN: 'partner-of-the-tests',
  PROTALK_WEBHOOK_SECRET: 'k-tool-1',
  PROTALK_BASE_URL: 'http://127.0.0.1:9',
} as const

/** Sends a body to a hook and answers what came back. */
export const hook = async (
  service: RunningService,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: Json; text: string }> => {
  const isText = typeof body === 'string'
  const response = await fetch(`${service.url}/webhooks/${path}`, {
    method: 'POST',
    body: isText ? body : JSON.stringify(body),
    headers: { 'content-type': isText ? 'application/x-www-form-urlencoded' : 'application/json', ...headers },
  })
  const text = await response.text()
  return { status: response.status, text, body: text.startsWith('{') ? JSON.parse(text) : text }
}

/** Calls a tool as a bot does. */
export const tool = (service: RunningService, bot: 'client' | 'partner', call: unknown, secret = 'k-tool-1') =>
  hook(service, `protalk/${bot}`, call, { 'x-webhook-secret': secret })

/** Acts a part at a twin. */
export const act = async (service: RunningService, twin: string, what: unknown): Promise<Json> => {
  const response = await fetch(`${service.url}/sandbox/${twin}/act`, { method: 'POST', body: JSON.stringify(what) })
  assert.equal(response.status, 200, `${twin} acts ${JSON.stringify(what)}`)
  return response.json()
}

/** The items of a list, as soon as a condition holds. */
export const listWhen = async (
  service: RunningService,
  path: string,
  condition: (items: readonly Json[]) => boolean,
): Promise<readonly Json[]> => {
  let items: readonly Json[] = []
  await until(async () => {
    const { status, body } = await service.get(`/api/v1/${path}`)
    assert.equal(status, 200, `${path} is answered: ${JSON.stringify(body)}`)
    items = body.items
    return condition(items)
  }, `the list ${path}`)
  return items
}
