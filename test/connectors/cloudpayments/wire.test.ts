import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodedForm, hmacBase64 } from '../../../src/connectors/cloudpayments/signature.ts'
import {
  type CheckedOrder,
  type CloudPaymentsNotice,
  checkAnswer,
  cloudpaymentsHook,
  codeAnswer,
} from '../../../src/connectors/cloudpayments/wire.ts'
import type { Delivery, Reading } from '../../../src/connectors/connector.ts'
import { delivery, secret, settings, signed } from './deliveries.ts'
import vectors from './vectors.json' with { type: 'json' }

const read = (given: Delivery): Reading<CloudPaymentsNotice> => cloudpaymentsHook.read(given, settings)

const factsOf = (given: Delivery): CloudPaymentsNotice => {
  const reading = read(given)
  assert.equal(reading.tag, 'facts', JSON.stringify(reading))
  return reading.tag === 'facts' ? reading.facts : assert.fail()
}

const statusOf = (given: Delivery): number | null => {
  const reading = read(given)
  return reading.tag === 'malformed' ? reading.answer.status : null
}

const vector = (id: string) => vectors.find((item) => item.id === id) ?? assert.fail(`Vector ${id} should exist`)

const payForm =
  'TransactionId=3000000001&Amount=1990.00&Currency=RUB&PaymentAmount=1990.00&PaymentCurrency=RUB&OperationType=Payment' +
  '&InvoiceId=pay_1&AccountId=sub_1&SubscriptionId=&Name=&Email=anna%40example.com&DateTime=2026-11-24+09%3a14%3a02' +
  '&CardFirstSix=220000&CardLastFour=0004&CardType=MIR&Token=tk_0a1b2c3d&TestMode=1&Status=Completed&GatewayName=Test' +
  '&Data=%7b%22plan%22%3a%22pro%22%7d&TotalFee=0&Rrn=&CustomFields='

describe('cloudpaymentsHook.read() of pay', () => {
  it('tells the facts of a form and no personal field or token', () => {
    assert.deepEqual(factsOf(signed('pay', payForm)), {
      kind: 'pay',
      proof: 'content-hmac',
      transactionId: '3000000001',
      paymentTransactionId: null,
      invoiceId: 'pay_1',
      accountId: 'sub_1',
      amountKopecks: 199000,
      currency: 'RUB',
      status: 'Completed',
      operationType: 'Payment',
      testMode: true,
      reasonCode: null,
      retryAfter: null,
      subscriptionId: null,
      fallbackOfTransactionId: null,
      tokenPresent: true,
      at: '2026-11-24T09:14:02.000Z',
    })
    const text = JSON.stringify(read(signed('pay', payForm)))
    assert.equal(JSON.stringify(factsOf(signed('pay', payForm))).includes('anna'), false)
    assert.equal(text.includes('cloudpayments:pay:3000000001'), true)
  })

  it('reads JSON as it reads a form and keeps every digit of a 64-bit number', () => {
    const body = '{"TransactionId":9223372036854775807,"Amount":1990.00,"Currency":"RUB","TestMode":false,"Token":null}'
    const facts = factsOf(signed('pay', body, 'application/json; charset=utf-8'))
    assert.equal(facts.transactionId, '9223372036854775807')
    assert.equal(facts.amountKopecks, 199000)
    assert.deepEqual([facts.testMode, facts.tokenPresent], [false, false])
  })

  it('gives equal canonical text for one content in two encodings (V2, V3) and another for another content', () => {
    const canonical = (text: string) => {
      const reading = read(signed('pay', text))
      return reading.tag === 'facts' ? reading.canonical : assert.fail()
    }
    assert.equal(canonical(vector('V2').raw), canonical(vector('V3').raw))
    assert.notEqual(canonical(vector('V2').raw), canonical(vector('V2').raw.replace('1990', '1991')))
  })

  for (const id of ['V1', 'V2', 'V3', 'V4', 'V5', 'V6', 'V14a']) {
    it(`reads ${id}`, () => assert.equal(factsOf(signed('pay', vector(id).raw)).proof, 'content-hmac'))
  }
  for (const id of ['V7', 'V8']) {
    it(`reads ${id}`, () => {
      assert.equal(factsOf(signed('pay', vector(id).raw, 'application/json')).transactionId, '1509')
    })
  }
  it('refuses V11, whose escape is bad, with 400', () => assert.equal(statusOf(signed('pay', vector('V11').raw)), 400))
  it('refuses V13, which is empty, with 400', () => assert.equal(statusOf(signed('pay', '')), 400))
  it('H17 I4 refuses V14b, whose key is repeated, with 400 under either header', () => {
    const body = vector('V14b').raw
    const mac = vector('V14a').xContentHmac ?? ''
    assert.equal(statusOf(delivery('pay', body, { 'content-hmac': mac })), 400)
    assert.equal(statusOf(delivery('pay', body, { 'x-content-hmac': mac })), 400)
  })
  it('H18 refuses a decoded body with 400 under either header', () => {
    const body = decodedForm(new TextEncoder().encode(vector('V2').raw)) ?? assert.fail()
    const mac = vector('V2').xContentHmac ?? ''
    assert.equal(statusOf(delivery('pay', body, { 'content-hmac': mac })), 400)
    assert.equal(statusOf(delivery('pay', body, { 'x-content-hmac': mac })), 400)
  })
})

describe('cloudpaymentsHook.read() of a hint', () => {
  const hint = (kind: string) => delivery(kind, vector('V2').raw, { 'x-content-hmac': vector('V2').xContentHmac ?? '' })

  it('H19 keeps only the number of the transaction, under a key of its own', () => {
    const reading = read(hint('pay'))
    assert.equal(reading.tag, 'facts')
    if (reading.tag !== 'facts') return
    assert.equal(reading.dedupeKey, 'cloudpayments:pay:1505:hint')
    const { kind, proof, transactionId, tokenPresent, ...others } = reading.facts
    assert.deepEqual([kind, proof, transactionId, tokenPresent], ['pay', 'hint', '1505', false])
    assert.deepEqual([...new Set(Object.values(others))], [null])
    assert.deepEqual(cloudpaymentsHook.accepted(hint('pay')), codeAnswer(0))
  })
  it('H19 refuses check with 13', () => assert.equal(checkAnswer(null, factsOf(hint('check'))), 13))
  it('ignores a hint that names no transaction', () => {
    const body = 'Id=sc_1&Amount=1.00&Interval=Month&Description=%d0%90'
    const decoded = decodedForm(new TextEncoder().encode(body)) ?? assert.fail()
    const reading = read(delivery('recurrent', body, { 'x-content-hmac': hmacBase64(decoded, secret) }))
    assert.equal(reading.tag, 'ignored')
  })
})

describe('cloudpaymentsHook.read() of a kept delivery, whose signature is gone', () => {
  it('believes what verify said of it', () => {
    assert.equal(factsOf({ ...delivery('pay', payForm), secretName: 'content-hmac-1' }).invoiceId, 'pay_1')
    assert.equal(factsOf({ ...delivery('pay', payForm), secretName: 'hint-2' }).invoiceId, null)
  })
  it('takes it for a hint when that word is gone too', () => {
    const facts = factsOf(delivery('pay', payForm))
    assert.deepEqual([facts.proof, facts.transactionId, facts.invoiceId], ['hint', '3000000001', null])
  })
})

describe('cloudpaymentsHook.accepted()', () => {
  it('lets no charge pass that nobody decided on', () => {
    assert.deepEqual(cloudpaymentsHook.accepted(signed('check', payForm)), codeAnswer(13))
    assert.deepEqual(cloudpaymentsHook.accepted(signed('refund', payForm)), codeAnswer(0))
  })
})

describe('cloudpaymentsHook.read() of what must be refused', () => {
  const cases: readonly (readonly [string, Delivery, number])[] = [
    ['I2 text/plain', signed('pay', payForm, 'text/plain'), 415],
    ['I2 multipart', signed('pay', payForm, 'multipart/form-data; boundary=x'), 415],
    ['I2 another charset', signed('pay', payForm, 'application/json; charset=windows-1251'), 415],
    ['I3 bytes that are not UTF-8', signed('pay', new Uint8Array([0xd2, 0x3d, 0xff])), 400],
    ['I3 a body above the cap', signed('pay', `${payForm}&Description=${'x'.repeat(262_144)}`), 413],
    [
      'I3 hundreds of fields',
      signed('pay', `${payForm}${Array.from({ length: 300 }, (_, n) => `&f${n}=1`).join('')}`),
      400,
    ],
    ['I4 a key twice', signed('pay', 'TransactionId=1&Amount=1&Amount=2'), 400],
    ['I4 a key twice in another case', signed('pay', 'TransactionId=1&amount=1&Amount=2'), 400],
    ['I4 a key twice, one escaped', signed('pay', 'TransactionId=1&Amount=1&%41mount=2'), 400],
    ['I4 a key twice in JSON', signed('pay', '{"TransactionId":1,"Amount":1,"amount":2}', 'application/json'), 400],
    ['I4 a raw blank', signed('pay', 'TransactionId=1&Amount=1&Name=a b'), 400],
    ['I4 a raw Cyrillic letter', signed('pay', 'TransactionId=1&Amount=1&Name=Анна'), 400],
    ['I6 no TransactionId', signed('pay', 'Amount=1.00'), 400],
    ['I6 a TransactionId that is no integer', signed('pay', 'Amount=1.00&TransactionId=15.5'), 400],
    ['I6 a TransactionId above 64 bits', signed('pay', 'Amount=1.00&TransactionId=9223372036854775808'), 400],
    ['I7 ReasonCode', signed('pay', `${payForm}&ReasonCode=5051`), 400],
    ['I7 Id and Interval', signed('pay', `${payForm}&Id=sc_1&Interval=Month`), 400],
    ['I7 a refund', signed('pay', `${payForm}&PaymentTransactionId=7`), 400],
    ['I7 a payment at the address of refunds', signed('refund', payForm), 400],
    ['I7 a payment at the address of subscriptions', signed('recurrent', payForm), 400],
    ['an unknown kind', signed('payout', payForm), 404],
    [
      'deep JSON (W9)',
      signed('pay', `{"TransactionId":1,"Amount":1,"Data":${'['.repeat(100_000)}`, 'application/json'),
      400,
    ],
    ['a list', signed('pay', '[]', 'application/json'), 400],
  ]
  for (const [title, given, status] of cases) {
    it(`answers ${title} with ${status}`, () => assert.equal(statusOf(given), status))
  }
  for (const amount of ['abc', '-1', '1e3', '10,00', '10.001', 'NaN', '']) {
    it(`I5 answers Amount "${amount}" with 400`, () => {
      assert.equal(statusOf(signed('pay', `TransactionId=1&Amount=${amount}`)), 400)
    })
  }
  for (const amount of ['1e3', '"abc"', '-1', '10.001', '""', 'null']) {
    it(`I5 answers the JSON Amount ${amount} with 400`, () => {
      assert.equal(statusOf(signed('pay', `{"TransactionId":1,"Amount":${amount}}`, 'application/json')), 400)
    })
  }
  it('answers each of them without {"code":0}', () => {
    for (const [, given] of cases) {
      const reading = read(given)
      assert.equal(reading.tag === 'malformed' && reading.answer.body.includes('"code":0'), false)
    }
  })
  it('never throws and never takes a form apart in two ways, whatever the bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 200 })
    fc.assert(
      fc.property(bytes, fc.constantFrom('pay', 'check', 'recurrent'), (body, kind) => {
        const reading = read(signed(kind, body))
        assert.ok(['facts', 'malformed'].includes(reading.tag))
      }),
      { seed: 20261124, numRuns: 500 },
    )
  })
})

describe('cloudpaymentsHook.read() of the other kinds', () => {
  it('I11 tells a two-stage payment and another operation as they are', () => {
    const body = payForm.replace('Status=Completed', 'Status=Authorized').replace('=Payment&', '=CardPayout&')
    const facts = factsOf(signed('pay', body))
    assert.deepEqual([facts.status, facts.operationType], ['Authorized', 'CardPayout'])
  })
  it('I10 tells the mode of the terminal', () => {
    assert.equal(factsOf(signed('pay', payForm.replace('TestMode=1', 'TestMode=0'))).testMode, false)
  })
  it('I12 gives a repeat the same key and the same canonical text', () => {
    assert.deepEqual(read(signed('pay', payForm)), read(signed('pay', payForm)))
  })
  it('I13 tells a refund and the payment that it names', () => {
    const body = 'TransactionId=900&PaymentTransactionId=800&Amount=10.50&OperationType=Refund&InvoiceId=pay_1'
    const facts = factsOf(signed('refund', body))
    assert.deepEqual([facts.transactionId, facts.paymentTransactionId, facts.amountKopecks], ['900', '800', 1050])
  })
  it('I14 takes Data that is not JSON', () => {
    assert.equal(factsOf(signed('pay', payForm.replace('%7b%22plan%22', 'oops%22'))).transactionId, '3000000001')
  })
  it('tells the reason of fail and the earliest next try', () => {
    const body =
      'TransactionId=901&Amount=10.00&ReasonCode=5051&Reason=InsufficientFunds&RetryAfter=2026-11-25+09%3a00%3a00'
    const facts = factsOf(signed('fail', body))
    assert.deepEqual([facts.reasonCode, facts.retryAfter], ['5051', '2026-11-25T09:00:00.000Z'])
  })
  it('keys recurrent by everything that changes between two of them', () => {
    const body =
      'Id=sc_0011&AccountId=sub_1&Description=x&Email=anna%40example.com&Amount=1990.00&Currency=RUB&RequireConfirmation=False' +
      '&StartDate=2026-12-24+06%3a00%3a00&Interval=Month&Period=1&Status=PastDue&SuccessfulTransactionsNumber=3' +
      '&FailedTransactionsNumber=1&NextTransactionDate=2026-11-25+06%3a00%3a00'
    const reading = read(signed('recurrent', body))
    assert.equal(
      reading.tag === 'facts' && reading.dedupeKey,
      'cloudpayments:recurrent:sc_0011:PastDue:3:1:2026-11-25 06:00:00',
    )
    const facts = factsOf(signed('recurrent', body))
    assert.deepEqual([facts.subscriptionId, facts.status, facts.transactionId], ['sc_0011', 'PastDue', null])
  })
  it('keeps no text with a control character (W9)', () => {
    assert.equal(factsOf(signed('pay', 'TransactionId=1&Amount=1&InvoiceId=a%00b')).invoiceId, null)
    const body = '{"TransactionId":1,"Amount":1,"InvoiceId":"\\ud800"}'
    assert.equal(factsOf(signed('pay', body, 'application/json')).invoiceId, null)
  })
  it('answers 404, not facts, for a kind named like a prototype key', () => {
    assert.equal(statusOf(signed('constructor', payForm)), 404)
  })
})

describe('checkAnswer()', () => {
  const order: CheckedOrder = {
    invoiceId: 'pay_1',
    accountId: 'sub_1',
    amountKopecks: 199000,
    currency: 'RUB',
    state: 'open',
    testMode: true,
  }
  const notice = factsOf(signed('check', payForm))

  it('lets our own order pass', () => assert.equal(checkAnswer(order, notice), 0))
  it('I8 answers 10 for an unknown invoice', () => {
    assert.equal(checkAnswer(null, notice), 10)
    assert.equal(checkAnswer({ ...order, invoiceId: 'pay_2' }, notice), 10)
  })
  it('I8 answers 11 for a foreign account', () =>
    assert.equal(checkAnswer({ ...order, accountId: 'sub_2' }, notice), 11))
  it('I8 answers 12 for another amount or currency', () => {
    assert.equal(checkAnswer({ ...order, amountKopecks: 199001 }, notice), 12)
    assert.equal(checkAnswer({ ...order, currency: 'USD' }, notice), 12)
  })
  it('I8 answers 13 for a cancelled order', () =>
    assert.equal(checkAnswer({ ...order, state: 'cancelled' }, notice), 13))
  it('I8 answers 20 for an order past its date', () =>
    assert.equal(checkAnswer({ ...order, state: 'expired' }, notice), 20))
  it('answers 13 for play money where real money is due', () => {
    assert.equal(checkAnswer({ ...order, testMode: false }, notice), 13)
  })
  it('answers 13 for another operation or another kind', () => {
    assert.equal(checkAnswer(order, { ...notice, operationType: 'CardPayout' }), 13)
    assert.equal(checkAnswer(order, { ...notice, kind: 'pay' }), 13)
  })
})
