import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { everyChange, fresh, senders, to, unstorable, words } from './benchParts.ts'
import { byQuery, clientTools, partnerTools, protalk, proving, request } from './botBenches.ts'
import { tilda, tildaWays } from './tildaBenches.ts'
import type { Bench } from './webhookBodies.ts'
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
