import { createHmac } from 'node:crypto'
import type { RunningService } from './service.ts'

/** The secret of the terminal's twin, which a sandbox without credentials runs. */
export const sandboxTerminalSecret = 'sandbox-terminal-secret'

/** What came back to a notification. */
export type Answered = { readonly status: number; readonly body: string }

let last = 1_000_000_000

/** A number that no other notification of this process has. */
export const freshTransaction = (): string => {
  last += 1
  return String(last)
}

/** Sends a body to a door of CloudPayments as the terminal does: signed over its raw bytes. */
export const notifyRaw = async (
  service: Pick<RunningService, 'url'>,
  kind: string,
  { raw, secret, type = 'application/x-www-form-urlencoded' }: { raw: string; secret: string; type?: string },
): Promise<Answered> => {
  const response = await fetch(`${service.url}/webhooks/cloudpayments/${kind}`, {
    method: 'POST',
    body: raw,
    headers: {
      'content-type': type,
      'content-hmac': createHmac('sha256', secret).update(raw).digest('base64'),
    },
  })
  return { status: response.status, body: await response.text() }
}

/** Sends a notification of a transaction of its own, unless the fields name one. */
export const notify = (
  service: Pick<RunningService, 'url'>,
  kind: string,
  fields: Readonly<Record<string, string>>,
  secret: string = sandboxTerminalSecret,
): Promise<Answered> =>
  notifyRaw(service, kind, {
    raw: new URLSearchParams({ TransactionId: freshTransaction(), ...fields }).toString(),
    secret,
  })

/** An order that waits for its payer, as the terminal asks about it. */
export type AskedOrder = {
  readonly InvoiceId: string
  readonly AccountId: string
  readonly Amount: string
  readonly Currency: string
  readonly OperationType: string
  readonly TestMode: string
}

/** The fields of a `check` about a payment that was asked for. */
export const checkOf = (paymentId: string, subscriptionId: string): AskedOrder => ({
  InvoiceId: paymentId,
  AccountId: subscriptionId,
  Amount: '2500.00',
  Currency: 'RUB',
  OperationType: 'Payment',
  TestMode: '1',
})
