import { createHmac, randomUUID } from 'node:crypto'

/** A webhook that is sent: its body and what signs it. */
export type Notice = { readonly body: string; readonly headers: Readonly<Record<string, string>> }

const form = { 'content-type': 'application/x-www-form-urlencoded' } as const

/** CloudPayments tells of a payment, signed; the transaction decides whether it is new. */
export const paymentNotice = (transaction: number, secret: string): Notice => {
  const body = new URLSearchParams({
    TransactionId: String(transaction),
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
  return { body, headers: { ...form, 'content-hmac': createHmac('sha256', secret).update(body).digest('base64') } }
}

/** A visitor of a Tilda site applies as a partner; the number decides who it is. */
export const applicationNotice = (number: number, key: string): Notice => {
  const body = new URLSearchParams({
    Name: 'Иванова Мария',
    Phone: `+79${String(number).slice(-9)}`,
    Email: `v${number}@example.ru`,
    formid: 'form1',
    tranid: `1:${number}`,
    hub_form: 'partner_registration',
    policy: 'yes',
  }).toString()
  return { body, headers: { ...form, 'x-api-key': key } }
}
