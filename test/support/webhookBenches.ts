import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { keyName } from './tildaClassifier.ts'
import type { Bench, Change, Sender } from './webhookBodies.ts'
import { signedText } from './webhookClassifier.ts'
import { type HookName, known, paymentKinds } from './webhookReading.ts'

/** How each hook is fuzzed. */
export const benchOf = (hook: HookName): Bench => {
  switch (hook) {
    case 'tilda':
      return tilda
    case 'umnico':
      return umnico
    case 'flexbe':
      return flexbe
    case 'yookassa':
      return yookassa
    case 'protalk/client':
      return protalk(hook, clientTools)
    case 'protalk/partner':
      return protalk(hook, partnerTools)
    case 'tilda/field':
    case 'tilda/cookie':
    case 'tilda/page':
      return tildaWays[hook]
    case 'protalk/client/get':
      return byQuery(protalk(hook, clientTools))
    case 'protalk/partner/get':
      return byQuery(protalk(hook, partnerTools))
    case 'protalk/client/write':
      return request
    case 'protalk/partner/write':
      return proving
    default:
      return cloudpayments(hook)
  }
}

/** Numbers that never meet: a repeat is sent on purpose or not at all. */
const fresh = fc.noShrink(fc.noBias(fc.integer({ min: 1_000_000_000, max: 9_000_000_000_000_000 })))

/** A NUL and half of a surrogate pair have no place in PostgreSQL, and come nevertheless. */
const unstorable = 'a\u0000b\ud800'

const words = fc.constantFrom(
  'Ярославль',
  'Мария & Ко',
  '100% «дом»',
  '',
  'a+b=c',
  '🏡',
  "'; drop table x; --",
  unstorable,
)

const to =
  (path: string, headers: Readonly<Record<string, string>> = {}): Sender =>
  () => ({ path, headers })

/** The right way most of the time, and now and then each of the wrong ones. */
const senders = (right: readonly Sender[], wrong: readonly Sender[]): fc.Arbitrary<Sender> =>
  fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...right) }, { weight: 1, arbitrary: fc.constantFrom(...wrong) })

const everyChange: readonly Change[] = ['drop', 'odd', 'odd', 'repeat', 'deep', 'many', 'forbidden', 'long-name']

const tilda: Bench = {
  hook: 'tilda',
  medias: ['form', 'form', 'json'],
  valid: fc.record({ id: fresh, word: words }).map(({ id, word }) => [
    ['Name', word],
    ['Phone', `+7912${String(id).slice(-7)}`],
    ['Email', `${id}@example.ru`],
    ['Город', word],
    ['tranid', `7654321:${id}`],
    ['formid', 'form222'],
  ]),
  odd: {
    Phone: ['', 'нет', null],
    Email: ['@', 'x'.repeat(5000)],
    tranid: ['', unstorable, 'x'.repeat(300)],
    ИНН: ['7', {}],
  },
  mayDrop: ['Phone', 'Email', 'tranid'],
  changes: everyChange,
  senders: senders(
    [to('tilda/form', { 'x-api-key': known.key })],
    [to('tilda/form'), to('tilda/form', { 'x-api-key': 'k-test-2' }), to('tilda/form?X-Api-Key=k-test-1')],
  ),
}

/** The same forms with the key elsewhere, and the hook of pages. */
const tildaWays: Readonly<Record<'tilda/field' | 'tilda/cookie' | 'tilda/page', Bench>> = {
  'tilda/field': {
    ...tilda,
    hook: 'tilda/field',
    valid: fc
      .tuple(tilda.valid, fc.constantFrom(known.key, known.key, known.key, known.key, 'k-test-2', ''))
      .map(([entries, key]) => [...entries, [keyName, key]]),
    odd: { ...tilda.odd, [keyName]: ['', 'k-test-2', null, [known.key, 'k-test-2'], {}] },
    mayDrop: [...tilda.mayDrop, keyName],
    senders: fc.constantFrom(to('tilda/form'), to('tilda/form'), to('tilda/form', { 'x-api-key': known.key })),
  },
  'tilda/cookie': {
    ...tilda,
    hook: 'tilda/cookie',
    senders: senders(
      [
        `${keyName}=${known.key}`,
        `a=b; ${keyName}=${known.key}; c=d`,
        `${keyName}=${known.key};${keyName}=${known.key}`,
      ].map((cookie) => to('tilda/form', { cookie })),
      [
        to('tilda/form'),
        to('tilda/form', { 'x-api-key': known.key }),
        ...[
          'a=b',
          `${keyName}=k-test-2`,
          `${keyName}=${known.key}; ${keyName}=k-test-2`,
          `x${keyName}=${known.key}`,
        ].map((cookie) => to('tilda/form', { cookie })),
      ],
    ),
  },
  'tilda/page': {
    hook: 'tilda/page',
    byQuery: true,
    medias: ['form'],
    valid: fresh.map((id) => [
      ['pageid', String(id % 1_000_000_000)],
      ['projectid', known.project],
      ['published', '1763900123'],
      ['publickey', known.publicKey],
    ]),
    odd: {
      pageid: ['../1', '0', '', ' 1', '01', '1e5', '1234567890123456789012', 'abc', unstorable],
      projectid: ['1', ''],
      publickey: ['OTHER', ''],
      published: ['', 'x', '99999999999999', '-1'],
    },
    mayDrop: ['pageid', 'projectid', 'published', 'publickey'],
    changes: ['drop', 'odd', 'odd', 'many'],
    senders: senders([to(`tilda/page/${known.key}`)], [to('tilda/page/k-test-2'), to(`tilda/page/${known.key}x`)]),
  },
}

const umnico: Bench = {
  hook: 'umnico',
  medias: ['json'],
  valid: fc
    .record({ id: fresh, word: words, type: fc.constantFrom('message.incoming', 'message.outgoing') })
    .map(({ id, word, type }) => [
      ['type', type],
      ['accountId', 147517],
      ['leadId', id % 50],
      [
        'message',
        { messageId: `m-${id}`, datetime: 1763900300123, message: { text: word, attachments: [] }, sa: { id: 8 } },
      ],
    ]),
  odd: {
    type: ['lead.created', 'customer.changed', 'integration.deleted', 'quite.new', unstorable, null],
    accountId: ['147517', 1, null, [147517], true, { id: 147517 }],
    leadId: [null, unstorable, 'x'.repeat(300), {}],
    message: [null, 'text', [], { message: { text: 5, attachments: [null, 1, { url: 7 }] } }],
  },
  mayDrop: ['type', 'accountId', 'leadId', 'message'],
  changes: everyChange,
  senders: senders([to('umnico/s3cr3t')], [to('umnico/s3cr3'), to('umnico/S3CR3T')]),
}

const flexbe: Bench = {
  hook: 'flexbe',
  medias: ['form', 'form', 'json'],
  valid: fc.record({ id: fresh, word: words }).map(({ id, word }) => [
    ['event', 'lead'],
    ['data[id]', String(id)],
    ['data[client][name]', word],
    ['data[client][phone]', '8 (909) 075-15-80'],
    ['data[page][url]', 'https://example.ru/?q=1'],
  ]),
  odd: { event: ['', 'pay', 5, {}], 'data[id]': ['', unstorable, -1], data: [{ id: 7, client: { name: 5 } }, [], 'x'] },
  mayDrop: ['event', 'data[id]', 'data[client][phone]'],
  changes: everyChange,
  senders: senders([to('flexbe/s3cr3t')], [to('flexbe/s3cr3t0'), to('flexbe/umnico')]),
}

const shopId = (id: number): string => `2e5f1a7c-000f-5000-9000-${id.toString(16).padStart(12, '0').slice(-12)}`

const yookassa: Bench = {
  hook: 'yookassa',
  medias: ['json'],
  valid: fc
    .record({ id: fresh, event: fc.constantFrom('payment.succeeded', 'payment.canceled', 'refund.succeeded') })
    .map(({ id, event }) => [
      ['type', 'notification'],
      ['event', event],
      [
        'object',
        { id: shopId(id), status: 'succeeded', payment_id: shopId(id), amount: { value: '1.00', currency: 'RUB' } },
      ],
    ]),
  odd: {
    type: ['notice', 5, null],
    event: ['payout.succeeded', 'deal.closed', 'quite.new'],
    object: [null, [], 'x', {}, { id: 5 }, { id: 'abc' }, { id: shopId(1).slice(1) }, { id: `${shopId(1)}0` }],
  },
  mayDrop: ['type', 'object'],
  changes: ['drop', 'odd', 'odd', 'deep'],
  senders: senders(
    ['185.71.76.5', '203.0.113.9, 77.75.156.35', '2a02:5180::1'].map((from) =>
      to('yookassa', { 'x-forwarded-for': from }),
    ),
    [
      to('yookassa'),
      ...['203.0.113.9', '185.71.76.5, 203.0.113.9'].map((from) => to('yookassa', { 'x-forwarded-for': from })),
    ],
  ),
}

const clientTools = { tool: 'find_partners', other: 'partner_card', foreign: 'my_leads' }
const partnerTools = { tool: 'my_leads', other: 'subscription_status', foreign: 'find_partners' }

const protalk = (
  hook: HookName,
  { tool, other, foreign }: Readonly<Record<'tool' | 'other' | 'foreign', string>>,
): Bench => ({
  hook,
  medias: ['form', 'json'],
  valid: fc.record({ id: fresh, word: words }).map(({ id, word }) => [
    ['tool', tool],
    ['city', word],
    ['limit', String(id)],
    ['chat_id', `umn147517_${id}`],
  ]),
  odd: {
    tool: [other, foreign, '', 'nothing', 5, null],
    city: [{}, '<b>'],
    limit: [-1, 'NaN'],
    chat_id: [unstorable, 5, []],
    secret: [known.tool, 'k-tool-2'],
  },
  mayDrop: ['tool', 'city', 'chat_id'],
  changes: everyChange,
  senders: botSenders(placeOf(hook)),
})

/** The door of a bot, whichever way of calling it is meant. */
const placeOf = (hook: HookName): string => hook.split('/').slice(0, 2).join('/')

const botSenders = (door: string): fc.Arbitrary<Sender> =>
  senders(
    [to(door, { 'x-webhook-secret': known.tool }), to(`${door}?secret=${known.tool}`)],
    [to(door), to(door, { 'x-webhook-secret': 'k-tool-2' }), to(`${door}?secret=`)],
  )

const byQuery = (bench: Bench): Bench => ({ ...bench, byQuery: true })

/** Requests of visitors, which are kept, and what they look like when a model makes them up. */
const request: Bench = {
  hook: 'protalk/client/write',
  medias: ['form', 'json'],
  valid: fc
    .record({ id: fresh, word: words, agreed: fc.constantFrom(true, true, true, false) })
    .map(({ id, word, agreed }) => [
      ['tool', 'leave_request'],
      ['name', word],
      ['phone', `+7912${String(id).slice(-7)}`],
      ['city', 'Ярославль'],
      ['wish', word],
      ['consent', agreed ? 'yes' : 'no'],
      ['chat_id', `c${id}`],
    ]),
  odd: {
    tool: ['find_partners', 'cancel_subscription', '', 5],
    phone: ['', 'нет', unstorable, [], {}],
    consent: [true, 1, 'да', 'perhaps', '', null, {}],
    wish: ['x'.repeat(5000), unstorable, []],
    chat_id: ['umn147517_5', unstorable, 'x'.repeat(300)],
    args: ['{"tool":"x"}', '{', { consent: true }],
  },
  mayDrop: ['name', 'phone', 'city', 'wish', 'consent', 'chat_id'],
  changes: everyChange,
  senders: botSenders('protalk/client'),
}

/** Partners who prove themselves, or try to. */
const proving: Bench = {
  hook: 'protalk/partner/write',
  medias: ['form', 'json'],
  valid: fc
    .record({
      id: fresh,
      tool: fc.constantFrom('cancel_subscription', 'payment_link', 'my_leads', 'subscription_status'),
    })
    .map(({ id, tool }) => [
      ['tool', tool],
      ['email', `${id}@example.ru`],
      ['code', String(id).slice(0, 6)],
      ['chat_id', `tb${id}`],
    ]),
  odd: {
    tool: ['leave_request', 'drop_tables', ''],
    email: ['@', '', unstorable, 'x'.repeat(5000), []],
    code: ['', 'abc', 123456, '0'.repeat(400)],
    chat_id: ['', null, unstorable],
    at: ['now', 'later'],
  },
  mayDrop: ['email', 'code', 'chat_id'],
  changes: everyChange,
  senders: botSenders('protalk/partner'),
}

const amounts = ['abc', '-1', '1e3', '10,00', '10.001', 'NaN', '', '7', '7.5']

const cloudpayments = (hook: HookName): Bench => {
  const kind = paymentKinds.find((name) => hook.endsWith(name)) ?? 'pay'
  const pay = { TransactionId: ['abc', '1.5', ''], ReasonCode: ['5051'] }
  return {
    hook,
    medias: ['form', 'form', 'json'],
    valid: fc
      .record({ id: fresh, word: words })
      .map(({ id, word }) => [
        ...(kind === 'recurrent' ? [['Id', `sc_${id}`] as const, ['Interval', 'Month'] as const] : []),
        ...(kind === 'recurrent' ? [] : [['TransactionId', String(id)] as const]),
        ...(kind === 'refund' ? [['PaymentTransactionId', String(id)] as const] : []),
        ...(kind === 'fail' ? [['ReasonCode', '5051'] as const] : []),
        ['Amount', '1990.00'],
        ['InvoiceId', `sub-${id}`],
        ['Name', word],
        ['Data', '{"plan":"pro"}'],
      ]),
    odd: {
      Amount: amounts,
      ...(kind === 'pay' ? pay : {}),
      Data: ['{', '[]'],
      Status: ['Authorized', 'x'],
      InvoiceId: [unstorable],
    },
    mayDrop: kind === 'pay' ? ['TransactionId', 'InvoiceId'] : ['InvoiceId'],
    changes: ['drop', 'odd', 'odd', 'odd', 'repeat', 'many'],
    senders: senders(
      [
        (body, media) =>
          signed(hook, { 'content-hmac': macOf(body), 'x-content-hmac': macOf(signedText(body, media)) }),
        (body) => signed(hook, { 'content-hmac': macOf(body) }),
        (body, media) => signed(hook, { 'x-content-hmac': macOf(signedText(body, media)) }),
      ],
      [
        () => signed(hook, {}),
        () => signed(hook, { 'content-hmac': '' }),
        (body) => signed(hook, { 'content-hmac': macOf(body, 'another') }),
        (body) => signed(hook, { 'content-hmac': macOf(new Uint8Array([...body, 10])) }),
        (body) => signed(hook, { 'content-hmac': Buffer.from(macOf(body), 'base64').toString('hex') }),
        (body) => signed(hook, { 'content-hmac': `${macOf(body)}, ${macOf(body, 'another')}` }),
      ],
    ),
  }
}

const signed = (path: string, headers: Readonly<Record<string, string>>) => ({ path, headers })

const macOf = (message: Uint8Array | null, secret: string = known.mac): string =>
  createHmac('sha256', secret)
    .update(message ?? 'nothing')
    .digest('base64')
