import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { html } from '../../src/connectors/html.ts'

describe('html', () => {
  it('keeps Cyrillic letters of the template as they are', () => {
    assert.equal(html`<p>Оплата ₽ «${'да'}»</p>`, '<p>Оплата ₽ «да»</p>')
  })
  it('escapes values in text and in attributes (S7)', () => {
    const value = `<img src=x onerror='a("b")'>`
    const text = html`<a title="${value}">${value}</a>`
    assert.equal(/<img|onerror='|="b/.test(text), false)
  })
  it('takes a value after an exclamation mark as HTML, and a list of them', () => {
    assert.equal(
      html`<ul>!${['a', '<'].map((item) => html`<li>${item}</li>`)}</ul>`,
      '<ul><li>a</li><li>&#60;</li></ul>',
    )
  })
})
