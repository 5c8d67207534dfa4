import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

const ours = Type.String({ pattern: '^[\\x21-\\x7e]{1,128}$' })
const sum = Type.Integer({ minimum: 1, maximum: 100_000_000_000 })
const email = Type.String({ minLength: 3, maxLength: 254 })
const description = Type.String({ minLength: 1 })
const url = Type.String({ minLength: 1, maxLength: 2048, pattern: '^https?://' })
const transactionId = Type.String({ pattern: '^[1-9][0-9]{0,18}$' })
const receipt = Type.Union([
  Type.Null(),
  Type.Object({
    email,
    description,
    /** The rate as this provider writes it; null, or 1 as the other provider writes it, for none. */
    vatCode: Type.Union([
      Type.Null(),
      ...[0, 1, 5, 7, 10, 20, 22, 105, 107, 110, 120, 122].map((rate) => Type.Literal(rate)),
    ]),
    /** 0 to 5: tax systems count from 0 here. */
    taxSystemCode: Type.Union([Type.Null(), Type.Integer({ minimum: 0, maximum: 5 })]),
  }),
])

/** Null for a payer who left only a phone. */
const payerEmail = Type.Union([Type.Null(), email])

/** A new payment, for which the payer goes to the provider's page. */
export const CreateOrder = Type.Object({
  paymentId: ours,
  subscriptionId: ours,
  amountKopecks: sum,
  description,
  email: payerEmail,
  successUrl: url,
  failUrl: url,
  saveMethod: Type.Boolean(),
  receipt,
})

/** A charge of a saved card, without the payer. */
export const ChargeToken = Type.Object({
  paymentId: ours,
  subscriptionId: ours,
  amountKopecks: sum,
  description,
  email: payerEmail,
  token: Type.String({ minLength: 1, maxLength: 512 }),
  receipt,
})

/** A full or partial refund. */
export const Refund = Type.Object({ refundId: ours, providerPaymentId: transactionId, amountKopecks: sum, receipt })

/**
 * Reads one transaction again; of a refund, the payment that it belongs to. `withRefunds` sums up what was given back, which
 * the provider does not tell of itself.
 */
export const ReadPayment = Type.Object({ transactionId, withRefunds: Type.Optional(Type.Boolean()) })

const moment = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?Z$' })

/** A part of the payments made in a window of time, both ends included; the cursor is the number of a page. */
export const ListPayments = Type.Object({
  from: moment,
  to: moment,
  cursor: Type.Union([Type.Null(), Type.String({ pattern: '^[1-9]\\d{0,5}$' })]),
})

/** Looks for the payment of our number. */
export const FindPayment = Type.Object({ paymentId: ours })

/** The payload, or the name of the first field that is wrong, without its value. */
export const checked = <Schema extends TSchema>(
  schema: Schema,
  payload: unknown,
): { readonly value: Static<Schema> } | { readonly field: string } => {
  if (Value.Check(schema, payload)) return { value: payload }
  return { field: Value.Errors(schema, payload).First()?.path.slice(1) || 'payload' }
}

/** The body of a request for a link to pay by. The provider sends no letter of its own: ours goes out instead. */
export const createOrderBody = (order: Static<typeof CreateOrder>): string =>
  JSON.stringify({
    ...chargeFields(order),
    RequireConfirmation: false,
    SendEmail: false,
    SaveCard: order.saveMethod,
    SuccessRedirectUrl: order.successUrl,
    FailRedirectUrl: order.failUrl,
  })

/** The body of a request to charge a saved card: the merchant begins it, by schedule. */
export const chargeTokenBody = (order: Static<typeof ChargeToken>): string =>
  JSON.stringify({ ...chargeFields(order), Token: order.token, TrInitiatorCode: 0, PaymentScheduled: 1 })

/** The body of a request to refund; `refund_id` lets a list tell our refund from others. */
export const refundBody = (order: Static<typeof Refund>): string => {
  const fields = JSON.stringify({
    Amount: rublesOf(order.amountKopecks),
    JsonData: JSON.stringify({ refund_id: order.refundId, ...receiptData(order) }),
  })
  // Written by hand: the number has 64 bits, which a JavaScript number does not keep.
  return `{"TransactionId":${order.providerPaymentId},${fields.slice(1)}`
}

/** The body of a request for one page of a time window, oldest first. */
export const listBody = (from: string, to: string, pageNumber: number): string =>
  JSON.stringify({ CreatedDateGte: from, CreatedDateLte: to, PageNumber: pageNumber, TimeZone: 'UTC' })

/** The body of a request to read one transaction. */
export const getBody = (id: string): string => `{"TransactionId":${id}}`

type Charge = Omit<Static<typeof ChargeToken>, 'token'>

const chargeFields = (order: Charge) => ({
  Amount: rublesOf(order.amountKopecks),
  Currency: 'RUB',
  Description: order.description,
  ...(order.email === null ? {} : { Email: order.email }),
  InvoiceId: order.paymentId,
  AccountId: order.subscriptionId,
  ...(order.receipt === null ? {} : { JsonData: JSON.stringify(receiptData(order)) }),
})

/** Amounts are JSON numbers here; two decimals survive the division. */
const rublesOf = (amountKopecks: number): number => amountKopecks / 100

const labelMax = 128

/** One line for the whole sum, so that it always equals the payment. */
const receiptData = ({ receipt: asked, amountKopecks }: Pick<Charge, 'receipt' | 'amountKopecks'>) => {
  if (asked === null) return {}
  const total = rublesOf(amountKopecks)
  return {
    cloudPayments: {
      CustomerReceipt: {
        Items: [
          {
            label: asked.description.slice(0, labelMax).toWellFormed(),
            price: total,
            quantity: 1,
            amount: total,
            vat: asked.vatCode === 1 ? null : asked.vatCode,
            method: 4,
            object: 4,
            measurementUnit: 'шт',
          },
        ],
        ...(asked.taxSystemCode === null ? {} : { taxationSystem: asked.taxSystemCode }),
        email: asked.email,
        amounts: { electronic: total },
      },
    },
  }
}
