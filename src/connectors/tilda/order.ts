import type { OrderFacts, OrderItem } from '../../kernel/order.ts'
import {
  type BodyLimits,
  type BodyValue,
  bodyLimits,
  bodyListAt,
  bodyTextAt,
  bodyValueAt,
  isBodyFields,
} from '../bodyValues.ts'
import { parseBoundedJson } from '../boundedJson.ts'

/** Decimal text with two places; a comma and blanks of a person are forgiven; null when it is no sum. */
const decimal = (text: string | null): string | null => {
  const match = /^(\d{1,12})(?:[.,](\d{1,2}))?$/.exec((text ?? '').replace(/[\s\u00a0]/g, ''))
  return match ? `${BigInt(match[1] ?? '0')}.${(match[2] ?? '').padEnd(2, '0')}` : null
}

const quantity = (text: string | null): number => {
  const value = Number(text ?? '1')
  return Number.isFinite(value) && value > 0 && value <= 1_000_000 ? value : 1
}

/** A line that came as text: `Название (арт) - 2x2500 = 5000`. */
const lineItem = (text: string): OrderItem => {
  const match = /^(.*?)(?:\s*\(([^()]*)\))?\s*[-–—]\s*([\d.]+)\s*[xх×]\s*([\d.,\s]+?)\s*(?:=\s*([\d.,\s]+))?$/u.exec(
    text,
  )
  if (!match) return { name: text.slice(0, 300), sku: null, qty: 1, price: null, amount: null }
  return {
    name: (match[1] ?? '').trim(),
    sku: match[2] ?? null,
    qty: quantity(match[3] ?? null),
    price: decimal(match[4] ?? null),
    amount: decimal(match[5] ?? null),
  }
}

const itemOf = (value: BodyValue): OrderItem[] => {
  if (typeof value === 'string') return [lineItem(value)]
  if (!isBodyFields(value)) return []
  const name = bodyTextAt(value, 'name')
  if (name === null) return []
  return [
    {
      name,
      sku: bodyTextAt(value, 'sku'),
      qty: quantity(bodyTextAt(value, 'quantity')),
      price: decimal(bodyTextAt(value, 'price')),
      amount: decimal(bodyTextAt(value, 'amount')),
    },
  ]
}

/** An order with variants of goods nests deeper than a form may; its text was bounded with its field. */
const orderLimits: BodyLimits = { ...bodyLimits, fieldsMax: 2000, depthMax: 8 }

/** Sums keep the digits that were written. */
const jsonPayment = (text: string): BodyValue | null => {
  const parsed = parseBoundedJson(text, orderLimits)
  return parsed.tag === 'fields' ? parsed.fields : null
}

/** Reads the order of a form from either shape, bracketed keys or one JSON field; null when there is none. */
export const readOrder = (payment: BodyValue | undefined, paymentSystem: string | null): OrderFacts | null => {
  const order = typeof payment === 'string' ? jsonPayment(payment) : payment
  if (!isBodyFields(order ?? undefined)) return null
  const products = bodyValueAt(order ?? undefined, 'products')
  const lines = isBodyFields(products) ? Object.values(products) : bodyListAt(order ?? undefined, 'products')
  const text = (name: string) => bodyTextAt(order ?? undefined, name)
  return {
    orderId: text('orderid'),
    amount: decimal(text('amount')),
    subtotal: decimal(text('subtotal')),
    discount: decimal(text('discount')),
    promo: text('promocode'),
    paymentSystem,
    items: lines.flatMap(itemOf),
  }
}
