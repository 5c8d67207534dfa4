import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { kopecks, rublesText } from '../../kernel/money.ts'

const ours = Type.String({ pattern: '^[\\x21-\\x7e]{1,128}$' })
const sum = Type.Integer({ minimum: 1, maximum: 100_000_000_000 })
const receipt = Type.Union([
  Type.Null(),
  Type.Object({
    email: Type.String({ minLength: 3, maxLength: 254 }),
    description: Type.String({ minLength: 1 }),
    /** 1 to 12: the provider's numbers of VAT rates. */
    vatCode: Type.Integer({ minimum: 1, maximum: 12 }),
    /** 1 to 6; null where the cash register knows it. */
    taxSystemCode: Type.Union([Type.Null(), Type.Integer({ minimum: 1, maximum: 6 })]),
  }),
])

/** A new payment, for which the payer goes to the provider's page. */
export const CreatePayment = Type.Object({
  paymentId: ours,
  subscriptionId: ours,
  amountKopecks: sum,
  description: Type.String({ minLength: 1 }),
  returnUrl: Type.String({ minLength: 1, maxLength: 2048, pattern: '^https?://' }),
  saveMethod: Type.Boolean(),
  receipt,
})

/** A charge of a saved method, without the payer. */
export const ChargeSaved = Type.Object({
  paymentId: ours,
  subscriptionId: ours,
  amountKopecks: sum,
  description: Type.String({ minLength: 1 }),
  methodId: Type.String({ minLength: 1, maxLength: 100 }),
  receipt,
})

/** A full or partial refund. */
export const Refund = Type.Object({
  refundId: ours,
  providerPaymentId: Type.String({ minLength: 1, maxLength: 64 }),
  amountKopecks: sum,
  description: Type.String(),
  receipt,
})

/** Reads one payment again. */
export const ReadPayment = Type.Object({ providerPaymentId: Type.String({ pattern: '^[0-9A-Za-z_-]{1,64}$' }) })

const moment = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?Z$' })

/** A part of the payments made in a window of time, both ends included. */
export const ListPayments = Type.Object({
  from: moment,
  to: moment,
  cursor: Type.Union([Type.Null(), Type.String({ minLength: 1, maxLength: 200 })]),
})

/** Reads one refund again. */
export const ReadRefund = Type.Object({
  providerRefundId: Type.String({ pattern: '^[0-9A-Za-z_-]{1,64}$' }),
  refundId: Type.Optional(ours),
})

/** The payload, or the name of the first field that is wrong, without its value. */
export const checked = <Schema extends TSchema>(
  schema: Schema,
  payload: unknown,
): { readonly value: Static<Schema> } | { readonly field: string } => {
  if (Value.Check(schema, payload)) return { value: payload }
  return { field: Value.Errors(schema, payload).First()?.path.slice(1) || 'payload' }
}

/** The provider's limit on a description that payers see. */
const descriptionMax = 128

/** And on that of a refund. */
const refundDescriptionMax = 250

/** The body of a request for a new payment. Money is taken at once: a hold that nobody captures is lost after days. */
export const createPaymentBody = (order: Static<typeof CreatePayment>): string =>
  JSON.stringify({
    ...chargeBody(order),
    confirmation: { type: 'redirect', return_url: order.returnUrl },
    ...(order.saveMethod ? { save_payment_method: true } : {}),
  })

/** The body of a request to charge a saved method. */
export const chargeSavedBody = (order: Static<typeof ChargeSaved>): string =>
  JSON.stringify({ ...chargeBody(order), payment_method_id: order.methodId })

/** The body of a request to refund. */
export const refundBody = (order: Static<typeof Refund>): string =>
  JSON.stringify({
    payment_id: order.providerPaymentId,
    amount: amountOf(order.amountKopecks),
    ...(order.description === '' ? {} : { description: cut(order.description, refundDescriptionMax) }),
    metadata: { refund_id: order.refundId },
    ...receiptBody(order),
  })

type Charge = Omit<Static<typeof ChargeSaved>, 'methodId'>

const chargeBody = (order: Charge) => ({
  amount: amountOf(order.amountKopecks),
  capture: true,
  description: cut(order.description, descriptionMax),
  metadata: { payment_id: order.paymentId, subscription_id: order.subscriptionId },
  ...receiptBody(order),
})

const amountOf = (amountKopecks: number) => ({ value: rublesText(kopecks(amountKopecks)), currency: 'RUB' })

/** One line for the whole sum, so that it always equals the payment. */
const receiptBody = ({ receipt: asked, amountKopecks }: Pick<Charge, 'receipt' | 'amountKopecks'>) =>
  asked === null
    ? {}
    : {
        receipt: {
          customer: { email: asked.email },
          ...(asked.taxSystemCode === null ? {} : { tax_system_code: asked.taxSystemCode }),
          items: [
            {
              description: cut(asked.description, descriptionMax),
              quantity: 1,
              amount: amountOf(amountKopecks),
              vat_code: asked.vatCode,
              payment_subject: 'service',
              payment_mode: 'full_payment',
              measure: 'piece',
            },
          ],
        },
      }

/** Cuts at a whole character, so that no half of a pair is sent. */
const cut = (text: string, lengthMax: number): string => {
  if (text.length <= lengthMax) return text
  const short = text.slice(0, lengthMax)
  return short.isWellFormed() ? short : text.slice(0, lengthMax - 1)
}
