import { createHmac } from 'node:crypto'
import type { Fixture } from '../../src/cli/anonymise.ts'
import { vectorEnv } from './chats.ts'
import type { RunningService } from './service.ts'
import { known } from './webhookReading.ts'

const tildaKey = 'k-tilda-1'
const terminalSecret = 'terminal-secret-of-the-tests'

/** A service whose secrets the replay knows and whose providers nobody plays, so that only the delivery itself happens. */
export const recordingEnv: Readonly<Record<string, string>> = {
  ...vectorEnv,
  DIALOG_MODE: 'native',
  HUB_ROLES: 'http,projections',
  TILDA_PUBLIC_KEY: 'PUBKEYEXAMPLE0000000',
  TILDA_SECRET_KEY: 'key-of-the-tests',
  TILDA_WEBHOOK_SECRET: tildaKey,
  TILDA_BASE_URL: 'http://127.0.0.1:9/v1',
  CLOUDPAYMENTS_PUBLIC_ID: 'test_api_0000',
  CLOUDPAYMENTS_API_SECRET: terminalSecret,
  CLOUDPAYMENTS_BASE_URL: 'http://127.0.0.1:9',
}

const secrets: Readonly<Record<string, string>> = { umnico: known.path, flexbe: known.path, tilda: tildaKey }

/** What proves a sender, for bytes whose proof was not kept. */
const proofOf = (source: string, body: Uint8Array): Readonly<Record<string, string>> => {
  if (source === 'tilda') return { 'x-api-key': tildaKey }
  if (source === 'protalk') return { 'x-webhook-secret': known.tool }
  if (source === 'cloudpayments')
    return { 'content-hmac': createHmac('sha256', terminalSecret).update(body).digest('base64') }
  return {}
}

/** Sends the bytes of a recording, or of something that is to be recorded, as its sender does; answers the status. */
export const sendRecorded = async (
  service: RunningService,
  sent: Pick<Fixture, 'source' | 'method' | 'path' | 'query' | 'headers'> & { readonly body: string | Uint8Array },
): Promise<number> => {
  const body = new Uint8Array(Buffer.from(sent.body as Uint8Array))
  const path = sent.path.replace(':secret', secrets[sent.source] ?? '')
  // The public key names the account, so its place is all that is kept of it.
  const query = sent.query.replace(encodeURIComponent(':publickey'), known.publicKey)
  const response = await fetch(`${service.url}${path}${query === '' ? '' : `?${query}`}`, {
    method: sent.method,
    headers: { ...sent.headers, ...proofOf(sent.source, body) },
    ...(sent.method === 'GET' ? {} : { body }),
  })
  await response.arrayBuffer()
  return response.status
}
