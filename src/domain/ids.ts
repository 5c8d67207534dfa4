import type { Brand } from '../kernel/brand.ts'

/** A partner: `par_` and 32 hex digits. */
export type PartnerId = Brand<string, 'PartnerId'>
/** A subscription: `sub_` and the digits of its partner, because a partner has one subscription. */
export type SubscriptionId = Brand<string, 'SubscriptionId'>
/** Our own number of a payment: `pay_` and 32 hex digits. It travels to the provider as metadata or InvoiceId. */
export type PaymentId = Brand<string, 'PaymentId'>
/** A refund that an operator asked for: `ref_` and 32 hex digits. It travels to the provider as metadata. */
export type RefundId = Brand<string, 'RefundId'>
/** A lead: `lead_` and 32 hex digits. */
export type LeadId = Brand<string, 'LeadId'>
/** An offer of a lead to a partner: `off_` and 32 hex digits. */
export type OfferId = Brand<string, 'OfferId'>
/** A dialog: `dlg_` and 32 hex digits. */
export type DialogId = Brand<string, 'DialogId'>

const digits = (uuid: string): string => uuid.replaceAll('-', '')

/** Names a new partner after a fresh UUID. */
export const partnerId = (uuid: string): PartnerId => `par_${digits(uuid)}` as PartnerId
/** Names a new payment after a fresh UUID. */
export const paymentId = (uuid: string): PaymentId => `pay_${digits(uuid)}` as PaymentId
/** Names a new refund after a fresh UUID. */
export const refundId = (uuid: string): RefundId => `ref_${digits(uuid)}` as RefundId
/** Names a new lead after a fresh UUID. */
export const leadId = (uuid: string): LeadId => `lead_${digits(uuid)}` as LeadId
/** Names a new offer after a fresh UUID. */
export const offerId = (uuid: string): OfferId => `off_${digits(uuid)}` as OfferId
/** Names a new dialog after a fresh UUID. */
export const dialogId = (uuid: string): DialogId => `dlg_${digits(uuid)}` as DialogId
/** The subscription of a partner. */
export const subscriptionIdOf = (partner: PartnerId): SubscriptionId => `sub_${partner.slice(4)}` as SubscriptionId

const reader = <Id extends string>(prefix: string) => {
  const shape = new RegExp(`^${prefix}_[0-9a-f]{32}$`)
  return (text: string): Id | null => (shape.test(text) ? (text as Id) : null)
}
/** Reads a partner id; null when the text is none. */
export const readPartnerId = reader<PartnerId>('par')
/** Reads a subscription id; null when the text is none. */
export const readSubscriptionId = reader<SubscriptionId>('sub')
/** Reads a payment id; null when the text is none. */
export const readPaymentId = reader<PaymentId>('pay')
/** Reads a refund id; null when the text is none. */
export const readRefundId = reader<RefundId>('ref')
/** Reads a lead id; null when the text is none. */
export const readLeadId = reader<LeadId>('lead')
/** Reads an offer id; null when the text is none. */
export const readOfferId = reader<OfferId>('off')
/** Reads a dialog id; null when the text is none. */
export const readDialogId = reader<DialogId>('dlg')
/** The lead of a dialog: a dialog has one, however often the visitor says who he is. */
export const leadIdOf = (dialog: DialogId): LeadId => `lead_${dialog.slice(4)}` as LeadId

/** The stream of a partner. */
export const partnerStream = (id: string): string => `partner-${id}`
/** The stream of a subscription, with its payments. */
export const subscriptionStream = (id: string): string => `subscription-${id}`
/** The stream of what a provider said about one of its payments. */
export const noticeStream = (provider: string, providerPaymentId: string): string =>
  `notice-${provider}:${providerPaymentId}`
/** The stream of an order that a form claims. */
export const claimedOrderStream = (id: string): string => `order-${id}`
/** The stream of what one source said twice and differently. */
export const conflictStream = (source: string): string => `conflict-${source}`
/** The stream of the comparisons with a provider's books. */
export const reconciliationStream = (provider: string): string => `reconciliation-${provider}`
/** The stream of links to the cabinet that were asked for with one address, by its digest. */
export const cabinetStream = (digest: string): string => `cabinet-${digest}`
/** The stream of a lead. */
export const leadStream = (id: string): string => `lead-${id}`
/** The stream of a dialog. */
export const dialogStream = (id: string): string => `dialog-${id}`
