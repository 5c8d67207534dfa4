import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  builtInTemplate,
  compileTemplate,
  planAssets,
  renderPage,
  rewriteAssets,
} from '../../../src/connectors/tilda/page.ts'

const data = {
  name: 'ООО «Пример & Дом» <script>alert(1)</script>',
  city: 'Ярославль',
  services: ['Ипотека', 'Оценка'],
  phone: '+79123456789',
}
const options = { formAction: 'https://hub.example/leads' }

const compiled = (html: string) => {
  const result = compileTemplate(html, options)
  assert.equal(result.tag, 'template', JSON.stringify(result))
  if (result.tag !== 'template') throw new Error('unreachable')
  return result.template
}

describe('the template of partner pages', () => {
  it('is filled by context: text and attributes escaped, the phone a tel: link', () => {
    const page = renderPage(
      compiled(
        '<h1 title="%%partner.name%%">%%partner.name%%</h1><a href="https://placeholder.invalid/partner.phone">%%partner.phone%%</a>',
      ),
      data,
    )
    assert.equal(page.includes('<script>'), false)
    assert.ok(
      page.includes('&lt;script&gt;') && page.includes('href="tel:+79123456789"') && page.includes('+7 912 345-67-89'),
    )
  })

  it('shows no phone without one, and never looks for tokens inside values (S8)', () => {
    const page = renderPage(
      compiled('<p>%%partner.name%%|%%partner.phone%%</p><a href="https://placeholder.invalid/partner.phone">x</a>'),
      { ...data, name: '%%partner.city%% {{7*7}}', phone: null },
    )
    assert.ok(page.includes('%%partner.city%% {{7*7}}|</p>') && page.includes('<a>x</a>'))
  })

  it('finds a token that the editor broke with spaces, and points forms at us', () => {
    const page = renderPage(
      compiled('<p>%%partner.<br>name%%</p><form class="x" action="https://forms.tildaapi.com/procces/">'),
      { ...data, name: 'Дом' },
    )
    assert.ok(page.includes('<p>Дом</p>') && page.includes('action="https://hub.example/leads"'))
  })

  it('refuses a page without its required token, an unsafe file name and a foreign host (R21)', () => {
    assert.deepEqual(
      [compileTemplate('<p>нет</p>', options).tag, compileTemplate('', options).tag],
      ['refused', 'refused'],
    )
    const own = 'https://static.tildacdn.com/a.css'
    assert.ok('assets' in planAssets([{ from: own, to: 'a.css' }], 'api.example'))
    for (const to of ['../../x', '/etc/passwd', '..', 'a/b.css', ''])
      assert.deepEqual(planAssets([{ from: own, to }], 'api.example'), { code: 'asset-path-unsafe' }, to)
    for (const from of [
      'https://evil.example/a.css',
      'http://static.tildacdn.com/a.css',
      'https://tildacdn.com.evil.example/a.css',
      'file:///etc/passwd',
    ]) {
      assert.deepEqual(planAssets([{ from, to: 'a.css' }], 'api.example'), { code: 'asset-host-foreign' }, from)
    }
  })

  it('points the names of copied files at our own place', () => {
    assert.equal(
      rewriteAssets(
        '<link href="css/a.css"><img src="images/b.png">',
        [
          { from: 'x', to: 'a.css' },
          { from: 'x', to: 'b.png' },
        ],
        '/assets/tilda/',
      ),
      '<link href="/assets/tilda/a.css"><img src="/assets/tilda/b.png">',
    )
  })

  it('has a built-in form without scripts and foreign hosts', () => {
    const page = renderPage(builtInTemplate, data)
    assert.ok(page.includes('Ярославль') && page.includes('Ипотека, Оценка'))
    assert.equal(/<script|style=|https?:\/\/(?!www\.w3)/.test(page), false)
  })
})
