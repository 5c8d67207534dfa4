/** What a test card makes of a first payment and of later charges by its token: 0 is a success, else the reason code. */
export type CardOutcome = { readonly first: number; readonly byToken: number; readonly secure: boolean }

const row = (numbers: string, outcome: CardOutcome) =>
  numbers.split(' ').map((number): readonly [string, CardOutcome] => [number, outcome])

const insufficientFunds = 5051

/** The test cards of a terminal in test mode: Visa, Mastercard and Mir of each outcome. */
export const testCards: ReadonlyMap<string, CardOutcome> = new Map([
  ...row('4242424242424242 5555555555554444 2200000000000004', { first: 0, byToken: 0, secure: true }),
  ...row('4012888888881881 5105105105105100 2202202202202200', {
    first: insufficientFunds,
    byToken: insufficientFunds,
    secure: true,
  }),
  ...row('4000000000003055 5205000000003055 2202000000003055', { first: 0, byToken: 0, secure: false }),
  ...row('4111111111111111 5200828282828210 2200000022222222', { first: 0, byToken: insufficientFunds, secure: false }),
  ...row('4000056655665556 5404000000000043 2203000000000043', {
    first: insufficientFunds,
    byToken: insufficientFunds,
    secure: false,
  }),
])

/** The name of the payment system by the first digits, as notifications spell it. */
export const cardType = (number: string): string => {
  if (number.startsWith('22')) return 'MIR'
  return number.startsWith('4') ? 'Visa' : 'MasterCard'
}

/** The name of a reason code. */
export const reasonOf = (code: number): string => reasons[code] ?? 'UnableToProcess'

const reasons: Readonly<Record<number, string>> = {
  0: 'Approved',
  3001: 'InvalidInvoiceId',
  3002: 'InvalidAccountId',
  3003: 'InvalidAmount',
  3004: 'OutOfDate',
  3005: 'FormatError',
  3006: 'Unavailable',
  3007: 'UnableToConnect',
  3008: 'NotAccepted',
  5001: 'ReferToCardIssuer',
  5005: 'DoNotHonor',
  5034: 'SuspectedFraud',
  5051: 'InsufficientFunds',
  5054: 'ExpiredCard',
  5091: 'Timeout',
  6025: 'TokenOfAnotherTerminal',
}

/** The reason code of a payment that `check` did not let pass; `answer` is null when nobody answered. */
export const checkRefusal = (answer: { readonly status: number; readonly body: string } | null): number => {
  if (answer === null) return 3007
  if (answer.status === 404 || answer.status === 504) return 3007
  if (answer.status !== 200) return 3006
  const code = /^\s*\{\s*"code"\s*:\s*(\d{1,3})\s*\}\s*$/.exec(answer.body)?.[1]
  return code === undefined ? 3005 : (checkCodes[code] ?? 3005)
}

const checkCodes: Readonly<Record<string, number>> = { 0: 0, 10: 3001, 11: 3002, 12: 3003, 13: 3008, 20: 3004 }
