import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CardFacts, cardsAnswer, partnerCard, phoneText } from '../../../src/connectors/protalk/card.ts'

const maria: CardFacts = {
  partnerId: 'par_1',
  name: 'Мария Иванова',
  services: ['Ипотека', 'Оценка'],
  cities: ['Ярославль', 'Рыбинск'],
  ratingTenths: 49,
  reviewsCount: 37,
  phone: '+79123456789',
  url: 'https://p.xn----7sblg6ajc1e4b.xn--p1ai/maria-ivanova',
  description: null,
}

const long: CardFacts = {
  ...maria,
  name: 'Очень длинное имя '.repeat(30),
  services: Array(50).fill('Строительство домов'),
  cities: Array(50).fill('Переславль-Залесский'),
  description: 'Строим 🏡👨‍👩‍👧‍👦 '.repeat(200),
}

describe('partnerCard', () => {
  it('is plain text with the link on a line of its own', () =>
    assert.equal(
      partnerCard(maria),
      'Мария Иванова · ипотека, оценка\nЯрославль, Рыбинск\n★ 4,9 (37 отзывов)\nТелефон: +7 912 345-67-89\nhttps://p.xn----7sblg6ajc1e4b.xn--p1ai/maria-ivanova',
    ))
  it('stays within 900 characters and keeps phone and link whole', () => {
    const card = partnerCard(long)
    assert.ok(card.length <= 900 && card.isWellFormed(), `${card.length}`)
    assert.ok(card.endsWith(`Телефон: +7 912 345-67-89\n${maria.url}`))
  })
  it('drops the description before anything else', () => {
    const card = partnerCard({ ...maria, description: 'Строим дома из бруса под ключ' }, 170)
    assert.ok(card.length <= 170 && card.includes('Рыбинск') && !card.includes('под ключ'))
  })
  it('shows no phone without consent, and no line for what is unknown', () =>
    assert.equal(
      partnerCard({ ...maria, phone: null, ratingTenths: null, reviewsCount: 0, url: null }),
      'Мария Иванова · ипотека, оценка\nЯрославль, Рыбинск',
    ))
  it('lets no markup of a partner through, and no link but http (S24)', () => {
    const card = partnerCard({
      ...maria,
      name: '<img src=x onerror=alert(1)>**Дом**',
      description: '[тут](https://evil.example) <script>x</script>\nдве строки',
      url: 'javascript:alert(1)',
    })
    assert.doesNotMatch(card, /[<>*[\]]|javascript|onerror/)
    assert.ok(card.includes('тут: https://evil.example две строки'))
  })
  it('counts reviews in Russian', () => {
    assert.ok(partnerCard({ ...maria, reviewsCount: 1 }).includes('(1 отзыв)'))
    assert.ok(partnerCard({ ...maria, reviewsCount: 22 }).includes('(22 отзыва)'))
  })
})

describe('cardsAnswer', () => {
  it('shows three partners of many, within 1500 characters (V10)', () => {
    const answer = cardsAnswer([long, long, maria, maria, maria])
    assert.equal(answer.items.length, 3)
    assert.ok(answer.text.length <= 1500, `${answer.text.length}`)
    assert.equal(answer.text.split('Телефон: +7 912 345-67-89').length, 4)
  })
  it('says that nobody was found (V10, R18)', () =>
    assert.deepEqual(cardsAnswer([]), { ok: true, text: 'В этом городе партнёров пока нет.', items: [] }))
})

describe('phoneText', () => {
  it('groups Russian numbers and leaves others', () => {
    assert.equal(phoneText('+79123456789'), '+7 912 345-67-89')
    assert.equal(phoneText('+375291234567'), '+375291234567')
  })
})
