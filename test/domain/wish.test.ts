import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { wishIn } from '../../src/domain/wish.ts'

describe('wishIn()', () => {
  for (const text of [
    'Сколько стоит дом 120 м² в Ярославле?',
    'Здравствуйте! Нужен оценщик',
    'Добрый день, перезвоните, пожалуйста',
    'цена?',
    'Меня зовут Олег, хочу дом',
  ]) {
    it(`takes "${text}" as it was said`, () => assert.equal(wishIn(text), text))
  }
  for (const text of [
    '',
    'Здравствуйте',
    'Добрый день!',
    'Привет, есть кто?',
    'да',
    '👋',
    '+7 909 075-15-80',
    'oleg@example.ru',
    'Меня зовут Олег Примеров',
  ]) {
    it(`finds none in "${text}"`, () => assert.equal(wishIn(text), null))
  }
})
