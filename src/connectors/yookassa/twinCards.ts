/** What a test card makes of a payment; null is a success. */
export type CardOutcome = { readonly reason: string | null; readonly party: string; readonly secure: boolean }

const row = (reason: string | null, numbers: string, { party = 'payment_network', secure = false } = {}) =>
  numbers.split(' ').map((number): readonly [string, CardOutcome] => [number, { reason, party, secure }])

/** The test cards of a test shop: Mastercard, Visa and Mir of each outcome. */
export const testCards: ReadonlyMap<string, CardOutcome> = new Map([
  ...row(null, '5555555555554477 4793128161644804 2200000000000004', { secure: true }),
  ...row(null, '5555555555554444 4111111111111111 2202474301322987'),
  ...row('3d_secure_failed', '5555555555554592 4839665499603842 2200000000000012', { secure: true }),
  ...row('call_issuer', '5555555555554535 4926946416239025 2200000000000020'),
  ...row('card_expired', '5555555555554543 4141435412630840 2200000000000038'),
  ...row('fraud_suspected', '5555555555554568 4483274282299972 2200000000000046'),
  ...row('fraud_suspected', '5555555555554634 4119098878796485 2201696981989955', { party: 'yoo_money' }),
  ...row('general_decline', '5555555555554527 4889971706588753 2202202212312379'),
  ...row('insufficient_funds', '5555555555554600 4562265587712390 2200000000000053'),
  ...row('invalid_card_number', '5555555555554618 4951017853630544 2201382000000013'),
  ...row('invalid_csc', '5555555555554626 4194180666146368 2200770212727079'),
  ...row('issuer_unavailable', '5555555555554501 4654130848359150 2201382000000021'),
  ...row('payment_method_limit_exceeded', '5555555555554576 4565231022577548 2201382000000039'),
  ...row('payment_method_restricted', '5555555555554550 4233961169071671 2201382000000047'),
  ...row('country_forbidden', '5555555555554584 4969751510013864 2201382000000054', { party: 'yoo_money' }),
])

/** The name of the payment system by the first digit. */
export const cardType = (number: string): string => {
  if (number.startsWith('22')) return 'Mir'
  return number.startsWith('4') ? 'Visa' : 'MasterCard'
}
