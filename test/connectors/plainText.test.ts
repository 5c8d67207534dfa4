import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { matchingKey } from '../../src/connectors/matching.ts'
import { cutText, plainLine, stripMarkdown } from '../../src/connectors/plainText.ts'

describe('stripMarkdown', () => {
  const texts: readonly (readonly [string, string])[] = [
    ['**Цена**: от *5* до __7__ млн', 'Цена: от 5 до 7 млн'],
    ['# Дом\n\n- кирпич\n* брус\n+ газ', 'Дом\n\n• кирпич\n• брус\n• газ'],
    ['Смотрите [смету](https://example.ru/a_b_c)', 'Смотрите смету: https://example.ru/a_b_c'],
    ['[https://example.ru](https://example.ru)', 'https://example.ru'],
    ['![план](https://example.ru/p.png)', 'план: https://example.ru/p.png'],
    ['```json\n{"ok":true}\n```', '{"ok":true}'],
    ['`код` и ~~старое~~', 'код и старое'],
    ['> цитата', 'цитата'],
    ['<b>Жирно</b><br>строка', 'Жирно\nстрока'],
    ['2 * 3 * 4 = 24, файл дом_на_реке_2', '2 * 3 * 4 = 24, файл дом_на_реке_2'],
    ['5\\. не список \\*', '5. не список *'],
    ['а\n\n\n\nб  ', 'а\n\nб'],
    ['5 < 6 > 4', '5 ‹ 6 › 4'],
  ]
  for (const [markdown, plain] of texts) {
    it(`makes plain text of ${JSON.stringify(markdown)}`, () => assert.equal(stripMarkdown(markdown), plain))
  }
  it('leaves no angle bracket, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('<', '>', 'b', '*', '_', '[', ']', '(', ')', '`', ' ', '\n', 'я') }),
        (text) => {
          assert.doesNotMatch(stripMarkdown(text), /[<>]/)
        },
      ),
      { seed: 7 },
    )
  })
})

describe('plainLine', () => {
  it('is one line without markup and direction marks', () =>
    assert.equal(plainLine(' <script>alert(1)</script><b>Дом</b>\n*мечты*\u202e '), 'Дом мечты'))
})

describe('cutText', () => {
  it('keeps what fits', () => assert.equal(cutText('Дом', 3), 'Дом'))
  it('tears no family of emoji', () => assert.equal(cutText('👨‍👩‍👧‍👦 дом', 8), '…'))
  it('tears no letter from its mark', () => assert.equal(cutText('Йи\u0306од', 4), 'Йи\u0306…'))
  it('is never longer than asked and always well formed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(50), (text, lengthMax) => {
        const cut = cutText(text, lengthMax)
        assert.ok(cut.length <= lengthMax && cut.isWellFormed())
      }),
      { seed: 7 },
    )
  })
})

describe('matchingKey', () => {
  it('knows a city without case, blanks, hyphens and ё (V10)', () => {
    assert.equal(matchingKey('ярославль '), matchingKey('Ярославль'))
    assert.equal(matchingKey('Орехово - Зуево'), matchingKey('орехово-зуево'))
    assert.equal(matchingKey('Королёв'), matchingKey('КОРОЛЕВ'))
  })
})
