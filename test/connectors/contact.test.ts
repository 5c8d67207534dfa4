import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cleanText, emailFrom, phoneFrom } from '../../src/connectors/contact.ts'

describe('phoneFrom', () => {
  const numbers: readonly (readonly [string, string | null])[] = [
    ['+7 (912) 345-67-89', '+79123456789'],
    ['8 912 345 67 89', '+79123456789'],
    ['9123456789', '+79123456789'],
    ['79264376263', '+79264376263'],
    ['+7 (485) 200-10-20', '+74852001020'],
    ['+375 29 123-45-67', '+375291234567'],
    ['тел. +7 912 345 67 89', '+79123456789'],
    ['+1234567', null],
    ['+1234567890123456', null],
    ['+0 912 345 67 89', null],
    ['200-10-20', null],
    ['8 912 345 67 89 доб. 5', null],
    ['+', null],
    ['', null],
  ]
  for (const [raw, phone] of numbers) {
    it(`reads "${raw}" as ${phone}`, () => assert.equal(phoneFrom(raw), phone))
  }
  it('reads its own result again as the same number', () => {
    fc.assert(
      fc.property(fc.string(), (raw) => {
        const phone = phoneFrom(raw)
        if (phone !== null) assert.equal(phoneFrom(phone), phone)
      }),
      { seed: 7 },
    )
  })
})

describe('emailFrom', () => {
  const addresses: readonly (readonly [string, string | null])[] = [
    [' Maria.Ivanova@Example.RU ', 'maria.ivanova@example.ru'],
    ['olga@почта.рф', 'olga@почта.рф'],
    ['olga@sub.xn--80a1acny.xn--p1ai', 'olga@sub.xn--80a1acny.xn--p1ai'],
    ['olga', null],
    ['olga@localhost', null],
    ['ol ga@example.ru', null],
    ['.olga@example.ru', null],
    ['olga..petrova@example.ru', null],
    ['olga@example.ru, petr@example.ru', null],
    ['olga@example.ru\nBcc: petr@example.ru', null],
    [`${'a'.repeat(65)}@example.ru`, null],
    ['', null],
  ]
  for (const [raw, email] of addresses) {
    it(`reads ${JSON.stringify(raw.slice(0, 40))} as ${email}`, () => assert.equal(emailFrom(raw), email))
  }
})

describe('cleanText', () => {
  it('composes letters and trims', () => assert.equal(cleanText('  Пе\u0301тр И\u0306ода '), 'Пе\u0301тр Йода'))
  it('keeps line breaks and drops other control characters', () =>
    assert.equal(cleanText('один\r\nдва\u0000\u0007\tтри\u0085'), 'один\nдватри'))
  it('keeps emoji whole', () => assert.equal(cleanText('дом 🏡'), 'дом 🏡'))
  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (raw) => assert.equal(cleanText(cleanText(raw)), cleanText(raw))),
      { seed: 7 },
    )
  })
})
