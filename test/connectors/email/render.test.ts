import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { type LetterName, letterNames } from '../../../src/connectors/email/letters.ts'
import { warmUp } from '../../../src/connectors/email/render.ts'
import { letterSamples, renderSample } from './letterSamples.ts'

const templates = new URL('../../../src/connectors/email/templates/', import.meta.url)
const hostile = `<img src=x onerror=alert(1)>"' {{payUrl}} \${7*7} %7*7% {{constructor}} <mj-raw>`

/** Every text that a letter shows as text. */
const shown = (name: LetterName): string[] =>
  Object.entries(letterSamples[name]).flatMap(([key, value]) =>
    typeof value === 'string' && !key.endsWith('Url') && key !== 'code' ? [key] : [],
  )

describe('a letter', () => {
  it('of every kind is compiled before it is needed', () => warmUp())

  it('of every kind is Russian, with a text part, a short subject, a preview and nothing fetched or run', async () => {
    for (const name of letterNames) {
      const { subject, html, text } = await renderSample(name)
      assert.ok(/[а-я]/i.test(subject) && [...subject].length <= 70, name)
      assert.ok(text.includes('Вы получили это письмо') && text.includes('Отправитель: сервис «Дома и цены»'), name)
      assert.ok(html.includes('lang="ru"') && html.includes('Вы получили это письмо'), name)
      assert.doesNotMatch(
        html + text,
        /\{\{|%\w+%|<mj-|mj-include|<script|<link|@import|<img|fonts\.g|unsubscribe/i,
        name,
      )
      assert.ok(Buffer.byteLength(html) < 40_000, name)
    }
  })

  it('shows in HTML and in text what it was given', async () => {
    for (const name of letterNames) {
      const { subject, html, text } = await renderSample(name)
      for (const [key, value] of Object.entries(letterSamples[name])) {
        if (
          typeof value !== 'string' ||
          value.includes('\n') ||
          ['chargeOn', 'payUrl'].includes(key) ||
          key === 'reason'
        )
          continue
        assert.ok((subject + text).includes(value), `${name}.${key} in its text`)
        assert.ok(html.includes(value), `${name}.${key} in its HTML`)
      }
    }
  })

  it('escapes what people typed and never evaluates it (S7, S8)', async () => {
    for (const name of letterNames) {
      for (const key of shown(name)) {
        const { html, text, subject } = await renderSample(name, { [key]: hostile })
        assert.doesNotMatch(html, /<img|<mj-raw/i, `${name}.${key}`)
        assert.doesNotMatch(html + text + subject, /\b49\b|native code/, `${name}.${key}`)
      }
    }
    const { html, text } = await renderSample('verified-pay-link', { name: hostile })
    assert.ok(html.includes('&lt;img src=x onerror=alert(1)&gt;') && html.includes('{{payUrl}}'))
    assert.ok(text.includes(hostile))
  })

  it('refuses a missing value, of every place of every kind', async () => {
    for (const name of letterNames) {
      for (const key of Object.keys(letterSamples[name])) {
        const optional = name === 'lead-offer' && ['city', 'service', 'wish'].includes(key)
        if (optional || key === 'chargeOn' || (name === 'renewal-soon' && key === 'payUrl')) continue
        await assert.rejects(renderSample(name, { [key]: undefined }), Error, `${name}.${key}`)
      }
    }
  })

  it('links to the web, to mail and to phones only, and without TLS only near by', async () => {
    for (const wrong of [
      'javascript:alert(1)',
      'data:text/html,x',
      '//evil.example/',
      'http://evil.ru/',
      'https://user:secret@evil.ru/',
      'https://a.ru/" onclick="x',
      'https://a.ru/ b',
      'https:\\\\a.ru',
      ' https://a.ru',
      'ftp://a.ru/',
      '',
    ])
      await assert.rejects(renderSample('welcome', { pageUrl: wrong }), /link/, wrong)
    for (const right of [
      'https://a.ru/x?y=1&z=2',
      'http://127.0.0.1:3000/pay/x',
      'http://localhost/',
      'http://[::1]:3000/x',
    ])
      assert.ok((await renderSample('welcome', { pageUrl: right })).text.includes(right), right)
  })

  it('links to a Cyrillic host by its A-label', async () => {
    const { html } = await renderSample('welcome', { pageUrl: 'https://дома-цены.рф/partners/dom' })
    assert.ok(html.includes('href="https://xn----7sblg6ajc1e4b.xn--p1ai/partners/dom"'))
  })

  it('keeps its subject within 70 characters and on one line', async () => {
    const { subject } = await renderSample('application-received', {
      companyName: `Дом\r\nBcc: x@y.ru ${'я'.repeat(200)}`,
    })
    assert.ok([...subject].length <= 70 && subject.endsWith('…'))
    assert.doesNotMatch(subject, /[\r\n]/)
  })

  it('names in words what is missing', async () => {
    const both = await renderSample('details-missing')
    assert.ok(both.text.includes('«ИНН»') && both.text.includes('согласие') && both.html.includes('«ИНН»'))
    const one = await renderSample('details-missing', { missing: ['consent'] })
    assert.ok(!one.text.includes('ИНН') && one.text.includes('согласие'))
  })

  it('puts the code of a bank into words', async () => {
    const known = await renderSample('payment-declined')
    assert.ok(known.text.includes('Причина: На карте не хватает денег.'))
    const byNumber = await renderSample('charge-failed', { reason: '5051' })
    assert.ok(byNumber.text.includes('Причина: На карте не хватает денег.'))
    const unknown = await renderSample('payment-declined', { reason: '5999' })
    assert.ok(unknown.text.includes('Банк не провёл платёж') && !unknown.text.includes('5999'))
  })

  it('tells of a renewal either that money will be taken or that it has to be paid', async () => {
    const own = await renderSample('renewal-soon')
    assert.ok(
      own.text.includes('23.12.2026 мы спишем 2 500 ₽') && own.text.includes('/me/x') && !own.text.includes('/pay/x'),
    )
    const manual = await renderSample('renewal-soon', { chargeOn: null })
    assert.ok(manual.text.includes('не включено') && manual.text.includes('/pay/x') && !manual.text.includes('спишем'))
  })

  it('carries a code that is the only number of 4 to 8 digits in it', async () => {
    const { text } = await renderSample('proof-code')
    assert.deepEqual(text.match(/(?<!\d)\d{4,8}(?!\d)/g), ['904215'])
    for (const wrong of ['123', '123456789', '12a45', ''])
      await assert.rejects(renderSample('proof-code', { code: wrong }), /4 to 8 digits/)
  })

  it('leaves out what a client did not say', async () => {
    const { text, html } = await renderSample('lead-offer')
    assert.ok(text.includes('Город: Казань\nУслуга: Оценка') && html.includes('Город: Казань<br>Услуга: Оценка'))
    const bare = await renderSample('lead-offer', { city: null, service: null, wish: null })
    assert.ok(bare.text.includes('Подробности клиент расскажет сам') && !bare.text.includes('null'))
  })

  it('has a template in which only links stand in attributes, and every template is of a letter', () => {
    const files = readdirSync(templates)
    assert.deepEqual(
      files.toSorted(),
      [...letterNames, 'layout'].flatMap((name) => [`${name}.mjml`, `${name}.txt`]).toSorted(),
    )
    for (const name of files.filter((file) => file.endsWith('.mjml'))) {
      const places = [...readFileSync(new URL(name, templates), 'utf8').matchAll(/="[^"]*\{\{(\w+)\}\}/g)]
      for (const [, key] of places) assert.ok(key?.endsWith('Url'), `${name}: ${key}`)
    }
  })
})
