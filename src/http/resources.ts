/** How a field is compared and written. */
export type FieldType = 'text' | 'number' | 'boolean' | 'time' | 'texts' | 'numbers' | 'uuid' | 'json'

/** One field of a list: its name in the API, its column, and what is allowed with it. */
export type Field = {
  /** Dots make an object: `subscription.status`. */
  readonly name: string
  readonly column: string
  readonly type: FieldType
  /** A person's: masked for analysts, who may neither filter, sort nor search by it. */
  readonly personal?: boolean
  /** Compared without case. */
  readonly caseless?: boolean
  /** Never null, so that an index in either direction serves its order. */
  readonly always?: boolean
  /** Found by `q` as a part of the text; ids and numbers are found whole. */
  readonly searched?: 'part' | 'whole' | 'phone'
  /** Values that no index of the list knows, but a query of ids does: an item of such a value is one of these. */
  readonly among?: Readonly<Record<string, string>>
}

/**
 * A list of the API. Another one is another entry in `resources`: the routes, the filters, the exports, the masks of questions and
 * the description follow from it. What analysts read is a view of the schema `read`, which masks what `personal` names.
 */
export type Resource = {
  readonly name: string
  readonly doc: string
  /** The field that names an item, and breaks ties of every order. */
  readonly id: string
  readonly fields: readonly Field[]
  readonly defaultSort: string
  /** The read model behind it; null for a table that is always current. */
  readonly readModel: string | null
  /** The field of a row that says whom its events are about; cards of such a list can be seen as they were. */
  readonly subject?: string
  /** What is selected from: `{table}` is the live table of the read model. */
  readonly source: { readonly operator: string; readonly analyst: string }
}

const field = (name: string, column: string, type: FieldType = 'text', more: Partial<Field> = {}): Field => ({
  name,
  column,
  type,
  ...more,
})

const partners: Resource = {
  name: 'partners',
  doc: 'Partners: companies and sole traders that registered',
  id: 'partnerId',
  readModel: 'partners',
  subject: 'partnerId',
  defaultSort: '-registeredAt',
  source: {
    operator: "(select t.*, case when listed then '/partners/' || slug end as page_url from {table} t) s",
    analyst: 'read.partners s',
  },
  fields: [
    field('partnerId', 'partner_id', 'text', { searched: 'whole', always: true }),
    field('slug', 'slug', 'text', { searched: 'part' }),
    field('status', 'status'),
    field('inn', 'inn', 'text', { searched: 'whole' }),
    field('kpp', 'kpp'),
    field('ogrn', 'ogrn', 'text', { searched: 'whole' }),
    field('legalName', 'legal_name', 'text', { searched: 'part' }),
    field('kind', 'kind'),
    field('contactName', 'contact_name', 'text', { personal: true, searched: 'part' }),
    field('phone', 'phone', 'text', { personal: true, searched: 'phone' }),
    field('email', 'email', 'text', { personal: true, caseless: true, searched: 'part' }),
    field('city', 'city', 'text', { caseless: true }),
    field('services', 'services', 'texts'),
    field('areas', 'areas', 'texts'),
    field('verification.status', 'verification_status'),
    field('verification.reason', 'verification_reason'),
    field('verification.checkedAt', 'verification_checked_at', 'time'),
    field('consent.personalData', 'consent_personal_data', 'boolean'),
    field('consent.marketing', 'consent_marketing', 'boolean'),
    field('subscription.subscriptionId', 'subscription_id', 'text', { searched: 'whole' }),
    field('subscription.status', 'subscription_status'),
    field('subscription.plan', 'subscription_plan'),
    field('subscription.paidThrough', 'subscription_paid_through', 'time'),
    field('listed', 'listed', 'boolean'),
    field('page.url', 'page_url'),
    field('page.status', 'page_status'),
    field('registeredAt', 'registered_at', 'time', { always: true }),
    field('position', 'position', 'number'),
  ],
}

const subscriptions: Resource = {
  name: 'subscriptions',
  doc: 'Subscriptions of partners',
  id: 'subscriptionId',
  readModel: 'subscriptions',
  subject: 'partnerId',
  defaultSort: '-openedAt',
  source: { operator: '{table} s', analyst: 'read.subscriptions s' },
  fields: [
    field('subscriptionId', 'subscription_id', 'text', { searched: 'whole' }),
    field('partnerId', 'partner_id', 'text', { searched: 'whole' }),
    field('plan', 'plan', 'text', { searched: 'part' }),
    field('status', 'status'),
    field('priceKopecks', 'price_kopecks', 'number'),
    field('periodStart', 'period_start', 'time'),
    field('paidThrough', 'paid_through', 'time'),
    field('nextChargeAt', 'next_charge_at', 'time'),
    field('provider', 'provider'),
    field('savedMethod', 'saved_method', 'boolean'),
    field('failedAttempts', 'failed_attempts', 'number'),
    field('cancelAtPeriodEnd', 'cancel_at_period_end', 'boolean'),
    field('openedAt', 'opened_at', 'time', { always: true }),
    field('position', 'position', 'number'),
  ],
}

const payments: Resource = {
  name: 'payments',
  doc: 'Payments and what became of them',
  id: 'paymentId',
  readModel: 'payments',
  subject: 'partnerId',
  defaultSort: '-createdAt',
  source: { operator: '{table} s', analyst: 'read.payments s' },
  fields: [
    field('paymentId', 'payment_id', 'text', { searched: 'whole' }),
    field('provider', 'provider'),
    field('providerPaymentId', 'provider_payment_id', 'text', { searched: 'whole' }),
    field('subscriptionId', 'subscription_id', 'text', { searched: 'whole' }),
    field('partnerId', 'partner_id', 'text', { searched: 'whole' }),
    field('amountKopecks', 'amount_kopecks', 'number'),
    field('refundedKopecks', 'refunded_kopecks', 'number'),
    field('status', 'status'),
    field('declineReason', 'decline_reason'),
    field('createdAt', 'created_at', 'time', { always: true }),
    field('paidAt', 'paid_at', 'time'),
    field('position', 'position', 'number'),
  ],
}

const leads: Resource = {
  name: 'leads',
  doc: 'Leads: people who look for a partner',
  id: 'leadId',
  readModel: 'leads',
  defaultSort: '-createdAt',
  source: { operator: '{table} s', analyst: 'read.leads s' },
  fields: [
    field('leadId', 'lead_id', 'text', { searched: 'whole' }),
    field('source', 'source'),
    field('externalId', 'external_id', 'text', { searched: 'whole' }),
    field('dialogId', 'dialog_id', 'text', { searched: 'whole' }),
    field('name', 'name', 'text', { personal: true, searched: 'part' }),
    field('phone', 'phone', 'text', { personal: true, searched: 'phone' }),
    field('email', 'email', 'text', { personal: true, caseless: true, searched: 'part' }),
    field('city', 'city', 'text', { caseless: true }),
    field('service', 'service', 'text', { caseless: true }),
    field('wish', 'wish', 'text', { personal: true, searched: 'part' }),
    field('pageUrl', 'page_url'),
    field('utm', 'utm', 'json'),
    field('status', 'status'),
    field('offers', 'offers', 'json'),
    field('createdAt', 'created_at', 'time', { always: true }),
    field('position', 'position', 'number'),
  ],
}

const offers: Resource = {
  name: 'offers',
  doc: 'Offers of leads to partners, and their answers',
  id: 'offerId',
  readModel: 'offers',
  defaultSort: '-offeredAt',
  source: { operator: '{table} s', analyst: 'read.offers s' },
  fields: [
    field('offerId', 'offer_id', 'text', { searched: 'whole' }),
    field('leadId', 'lead_id', 'text', { searched: 'whole' }),
    field('partnerId', 'partner_id', 'text', { searched: 'whole' }),
    field('status', 'status'),
    field('offeredAt', 'offered_at', 'time', { always: true }),
    field('expiresAt', 'expires_at', 'time'),
    field('answeredAt', 'answered_at', 'time'),
    field('position', 'position', 'number'),
  ],
}

const dialogs: Resource = {
  name: 'dialogs',
  doc: 'Dialogs with visitors of the site',
  id: 'dialogId',
  readModel: 'dialogs',
  defaultSort: '-openedAt',
  source: { operator: '{table} s', analyst: 'read.dialogs s' },
  fields: [
    field('dialogId', 'dialog_id', 'text', { searched: 'whole' }),
    field('channel', 'channel'),
    field('externalId', 'external_id', 'text', { searched: 'whole' }),
    field('name', 'name', 'text', { personal: true, searched: 'part' }),
    field('phone', 'phone', 'text', { personal: true, searched: 'phone' }),
    field('status', 'status'),
    field('leadId', 'lead_id', 'text', { searched: 'whole' }),
    field('openedAt', 'opened_at', 'time', { always: true }),
    field('lastMessageAt', 'last_message_at', 'time'),
    field('position', 'position', 'number'),
  ],
}

const messages: Resource = {
  name: 'messages',
  doc: 'What was said in dialogs',
  id: 'messageId',
  readModel: 'messages',
  defaultSort: '-at',
  source: { operator: '{table} s', analyst: 'read.messages s' },
  fields: [
    field('messageId', 'message_id', 'text', { searched: 'whole' }),
    field('dialogId', 'dialog_id', 'text', { searched: 'whole' }),
    field('direction', 'direction'),
    field('author', 'author'),
    field('text', 'text', 'text', { personal: true, searched: 'part' }),
    field('attachments', 'attachments', 'number'),
    field('at', 'at', 'time', { always: true }),
    field('position', 'position', 'number'),
  ],
}

const reconciliation: Resource = {
  name: 'reconciliation',
  doc: 'Comparisons of the providers’ books with ours',
  id: 'runId',
  readModel: 'reconciliation',
  defaultSort: '-startedAt',
  source: { operator: '{table} s', analyst: 'read.reconciliation s' },
  fields: [
    field('runId', 'run_id', 'text', { searched: 'whole' }),
    field('provider', 'provider'),
    field('firstDay', 'first_day'),
    field('day', 'day'),
    field('trigger', 'trigger'),
    field('dryRun', 'dry_run', 'boolean'),
    field('status', 'status'),
    field('code', 'code'),
    field('pages', 'pages', 'number'),
    field('theirs', 'theirs', 'number'),
    field('foreignCount', 'foreign_count', 'number'),
    field('behind', 'behind', 'number'),
    field('different', 'different', 'number'),
    field('ours', 'ours', 'number'),
    field('findings', 'findings', 'json'),
    field('startedAt', 'started_at', 'time', { always: true }),
    field('finishedAt', 'finished_at', 'time'),
    field('position', 'position', 'number'),
  ],
}

const differences: Resource = {
  name: 'differences',
  doc: 'What the comparisons found, and what became of it',
  id: 'differenceId',
  readModel: 'differences',
  defaultSort: '-foundAt',
  source: { operator: '{table} s', analyst: 'read.differences s' },
  fields: [
    field('differenceId', 'difference_id', 'text', { searched: 'whole' }),
    field('provider', 'provider'),
    field('kind', 'kind', 'text', { searched: 'part' }),
    field('status', 'status'),
    field('externalId', 'external_id', 'text', { searched: 'whole' }),
    field('paymentId', 'payment_id', 'text', { searched: 'whole' }),
    field('subscriptionId', 'subscription_id', 'text', { searched: 'whole' }),
    field('partnerId', 'partner_id', 'text', { searched: 'whole' }),
    field('field', 'field'),
    field('expected', 'expected'),
    field('actual', 'actual'),
    field('amountKopecks', 'amount_kopecks', 'number'),
    field('remedy', 'remedy'),
    field('refusalCode', 'refusal_code'),
    field('runId', 'run_id', 'text', { searched: 'whole' }),
    field('day', 'day'),
    field('foundAt', 'found_at', 'time', { always: true }),
    field('settledAt', 'settled_at', 'time'),
    field('position', 'position', 'number'),
  ],
}

const webhooks: Resource = {
  name: 'webhooks',
  doc: 'Deliveries with their verdicts',
  id: 'webhookId',
  readModel: null,
  defaultSort: '-receivedAt',
  source: { operator: 'read.webhooks s', analyst: 'read.webhooks s' },
  fields: [
    field('webhookId', 'webhook_id', 'uuid', { searched: 'whole' }),
    field('source', 'source'),
    field('route', 'route'),
    field('dedupeKey', 'dedupe_key', 'text', { searched: 'part' }),
    field('verdict', 'verdict'),
    field('reason', 'reason'),
    field('receivedAt', 'received_at', 'time', { always: true }),
    field('sha256', 'sha256', 'text', { searched: 'whole' }),
    field('repeats', 'repeats', 'number'),
    field('repeatOf', 'repeat_of', 'uuid'),
    field('eventPositions', 'event_positions', 'numbers'),
  ],
}

const stopped = (status: string): string => `select effect_id from hub.outbox where stopped = '${status}'`

const effects: Resource = {
  name: 'effects',
  doc: 'Outgoing operations and what became of them',
  id: 'effectId',
  readModel: null,
  defaultSort: '-createdAt',
  source: { operator: 'read.effects s', analyst: 'read.effects s' },
  fields: [
    field('effectId', 'effect_id', 'uuid', { searched: 'whole' }),
    field('destination', 'destination'),
    field('kind', 'kind', 'text', { searched: 'part' }),
    field('status', 'status', 'text', {
      among: {
        waiting: 'select effect_id from hub.effect_queue',
        running: 'select unnest(effects) from hub.effect_leases',
        refused: stopped('refused'),
        unknown: stopped('unknown'),
        dead: stopped('dead'),
        cancelled: stopped('cancelled'),
      },
    }),
    field('attempts', 'attempts', 'number'),
    field('nextAttemptAt', 'next_attempt_at', 'time'),
    field('providerKey', 'provider_key', 'text', { searched: 'whole' }),
    field('lastError', 'last_error'),
    field('causedBy', 'caused_by', 'uuid', { searched: 'whole' }),
    field('createdAt', 'created_at', 'time', { always: true }),
    field('settledAt', 'settled_at', 'time'),
  ],
}

const events: Resource = {
  name: 'events',
  doc: 'The log: every fact in order',
  id: 'eventId',
  readModel: null,
  defaultSort: 'position',
  source: { operator: 'hub.events s', analyst: 'hub.events s' },
  fields: [
    field('position', 'position', 'number', { always: true }),
    field('eventId', 'event_id', 'uuid', { searched: 'whole' }),
    field('stream', 'stream', 'text', { searched: 'part' }),
    field('version', 'version', 'number'),
    field('subject', 'subject', 'text', { searched: 'whole' }),
    field('type', 'type', 'text', { searched: 'part' }),
    field('data', 'data', 'json'),
    field('meta', 'meta', 'json'),
    field('recordedAt', 'recorded_at', 'time'),
  ],
}

/** Lists that come from the database; one entry each. */
export const resources: readonly Resource[] = [
  partners,
  subscriptions,
  payments,
  leads,
  offers,
  dialogs,
  messages,
  reconciliation,
  differences,
  webhooks,
  effects,
  events,
]

/** A list whose few items are in memory. */
export type SmallResource = {
  readonly name: string
  readonly doc: string
  readonly id: string
  readonly fields: readonly Field[]
  readonly defaultSort: string
}

/** Lists whose items are few. */
export const smallResources: readonly SmallResource[] = [
  {
    name: 'plans',
    doc: 'Tariffs',
    id: 'plan',
    defaultSort: 'plan',
    fields: [
      field('plan', 'plan', 'text', { searched: 'part' }),
      field('title', 'title', 'text', { searched: 'part' }),
      field('priceKopecks', 'priceKopecks', 'number'),
      field('months', 'months', 'number'),
    ],
  },
  {
    name: 'projections',
    doc: 'Read models, how far they are, and the versions beside them',
    id: 'name',
    defaultSort: 'name',
    fields: [
      field('name', 'name', 'text', { searched: 'part' }),
      field('version', 'version', 'number'),
      field('status', 'status'),
      field('position', 'position', 'number'),
      field('lag', 'lag', 'number'),
      field('parked', 'parked', 'number'),
      field('candidate', 'candidate', 'json'),
      field('previous', 'previous', 'json'),
    ],
  },
  {
    name: 'destinations',
    doc: 'Who is called, and what waits for them',
    id: 'name',
    defaultSort: 'name',
    fields: [
      field('name', 'name', 'text', { searched: 'part' }),
      field('status', 'status'),
      field('reason', 'reason'),
      field('pausedUntil', 'pausedUntil', 'time'),
      field('waiting', 'waiting', 'number'),
      field('running', 'running', 'number'),
      field('unknown', 'unknown', 'number'),
      field('dead', 'dead', 'number'),
    ],
  },
]

/** Whether a field can be a filter and an order: every scalar can. */
export const isScalar = (candidate: Field): boolean =>
  candidate.type !== 'json' && candidate.type !== 'texts' && candidate.type !== 'numbers'

/** Whether a field can be a filter: lists by one of their items, too. */
export const isFilter = (candidate: Field): boolean => candidate.type !== 'json'
