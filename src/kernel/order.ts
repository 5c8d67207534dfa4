/** One line of an order. Money is decimal text with two places, as the form said it. */
export type OrderItem = {
  readonly name: string
  readonly sku: string | null
  readonly qty: number
  readonly price: string | null
  readonly amount: string | null
}

/** What a form claims about an order: never a settled payment. */
export type OrderFacts = {
  readonly orderId: string | null
  readonly amount: string | null
  readonly subtotal: string | null
  readonly discount: string | null
  readonly promo: string | null
  readonly paymentSystem: string | null
  readonly items: readonly OrderItem[]
}
