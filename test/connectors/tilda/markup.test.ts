import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { secureMarkup } from '../../../src/connectors/tilda/markup.ts'
import {
  assetType,
  compileTemplate,
  planAssets,
  renderPage,
  rewriteAssets,
} from '../../../src/connectors/tilda/page.ts'

const options = { formAction: 'https://hub.example/leads?a=1&b=2' }
const secured = (html: string): string => secureMarkup(html, options)
const name = '%%partner.name%%'

describe('secureMarkup()', () => {
  it('keeps tokens in text and plain attributes, and every other sign as it was', () => {
    const kept = [
      `<h1 title="${name}">${name}</h1>`,
      `<meta property='og:title' content='x'><title>${name}</title>`,
      `<p it's>a < b && c > d ${name}</p><br/>`,
      `<a href="https://map.example/?q=${name}">карта</a><a href="tel:%%partner.phone%%">x</a>`,
      `<div data-a='{"b":"<i>"}' hidden>${name}</div>`,
      '<a href="https://placeholder.invalid/partner.phone">x</a>',
      '<svg><linearGradient ID=a /></svg><!doctype html><p>незакрытый <b',
    ]
    for (const html of kept) assert.equal(secured(html), html)
  })

  it('takes tokens out of scripts, styles, comments, handlers and addresses that could become scripts', () => {
    const unsafe = [
      `<script>var n = \`${name}\`</script>`,
      `<SCRIPT type="application/ld+json">{"name":"${name}"}</SCRIPT>`,
      `<script>var s = "<p>${name}</p>"</script>`,
      `<style>p:after{content:"${name}"}</style>`,
      `<!-- ${name} > ${name} -->`,
      `<p onclick="go('${name}')">`,
      `<p style="background:${name}">`,
      `<iframe srcdoc="${name}"></iframe>`,
      `<a href="${name}">x</a>`,
      `<a href=" ${name}">x</a>`,
      `<a href="/${name}">x</a>`,
      `<img src='${name}'>`,
      `<meta http-equiv="refresh" content="0;url=${name}">`,
      `<p ${name}="1">`,
    ]
    for (const html of unsafe) assert.equal(secured(html).includes(name), false, html)
  })

  it('quotes a value that had no quotes, so that a name with blanks stays one value', () => {
    const html = secured(`<input value=${name} disabled>`)
    assert.equal(html, `<input value="${name}" disabled>`)
  })

  it('points every form at us, with an action or without, and away from the script that would send it home', () => {
    const action = 'action="https://hub.example/leads?a=1&amp;b=2" method="post"'
    const forms: readonly (readonly [string, string])[] = [
      ['<form>', `<form ${action}>`],
      ["<form action='https://forms.tildacdn.com/procces/' method=GET>", `<form ${action}>`],
      ['<FORM class="t-form js-form-proccess" id="f1">', `<FORM class="t-form " id="f1" ${action}>`],
    ]
    for (const [html, expected] of forms) assert.equal(secured(html), expected)
    assert.equal(secured('<button formaction="https://elsewhere.example">x</button>'), '<button>x</button>')
  })

  it('removes what calls foreign servers from a browser, and the address that would make all pages one', () => {
    const calling = [
      '<script src="https://static.tildacdn.com/js/tilda-forms.js"></script>',
      "<script src='//mc.example/tag.js' async>fallback()</script>",
      '<script src="/assets/tilda/tilda-stat-1.0.min.js"></script>',
      "<script>s.src='https://static.tildacdn.com/js/tilda-stat-1.0.min.js'</script>",
      '<link rel="preconnect" href="https://fonts.example">',
      '<link rel="stylesheet" href="//fonts.example/css">',
      '<link rel="canonical" href="https://site.example/partner">',
      '<meta property="og:url" content="https://site.example/partner">',
    ]
    for (const html of calling) assert.equal(secured(`<b>${html}</b>`), '<b></b>', html)
    const own = '<script src="/assets/tilda/a.js"></script><link rel="stylesheet" href="/assets/tilda/a.css">'
    assert.equal(secured(own), own)
  })

  it('never lets a name become markup, wherever a page puts the token', () => {
    const pieces = fc.constantFrom(
      name,
      '<p>',
      '</p>',
      '<a title="',
      '">',
      "'",
      '<script>',
      '</script>',
      '<!--',
      '-->',
      '=',
      ' ',
      'x',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const compiled = compileTemplate(parts.join(''), options)
        if (compiled.tag === 'refused') return
        const shown = (value: string): string =>
          renderPage(compiled.template, { name: value, city: null, services: [], phone: null })
        // A name of signs is what a name of letters is: the same tags open and close around it.
        const tags = (html: string): number => html.split('<').length
        assert.equal(tags(shown('"><script>\'alert(1)')), tags(shown('имя')))
      }),
      { seed: 5, numRuns: 500 },
    )
  })
})

describe('compileTemplate()', () => {
  it('refuses a page whose name stands only where nobody sees it (R21)', () => {
    for (const html of [`<script>${name}</script>`, `<!-- ${name} -->`, `<a href="${name}">x</a>`]) {
      const result = compileTemplate(html, options)
      assert.equal(result.tag === 'refused' ? result.code : 'taken', 'template-token-missing', html)
    }
  })
})

describe('copied files', () => {
  const assets = [
    { from: 'https://static.tildacdn.com/tild1/a.png', to: 'tild1__a.png' },
    { from: 'https://ws.tildacdn.com/a.css', to: 'a.css' },
  ]

  it('are pointed at wherever a page or a style sheet names them', () => {
    const at = (text: string) => rewriteAssets(text, assets, '/assets/tilda/')
    assert.equal(
      at('<img srcset="images/tild1__a.png 1x, images/tild1__a.png 2x">'),
      '<img srcset="/assets/tilda/tild1__a.png 1x, /assets/tilda/tild1__a.png 2x">',
    )
    assert.equal(at('url(../images/tild1__a.png)'), 'url(/assets/tilda/tild1__a.png)')
    assert.equal(
      at("data-original='https://static.tildacdn.com/tild1/a.png'"),
      "data-original='/assets/tilda/tild1__a.png'",
    )
    assert.equal(at('<link href="/own/folder/a.css?t=1">'), '<link href="/assets/tilda/a.css?t=1">')
    for (const other of ['"xa.css"', '"a.css.map"', 'в тексте a.css стоит', '"https://other.example/a.css"'])
      assert.equal(at(other), other)
    assert.equal(at(at('"css/a.css"')), '"/assets/tilda/a.css"', 'twice is as once')
  })

  it('come from any of the names of Tilda, and each once', () => {
    const from = (host: string) => ({ from: `https://${host}/a.css`, to: 'a.css' })
    assert.deepEqual(planAssets([from('static.tildacdn.one'), from('neo.tildacdn.com')], 'api.example'), {
      assets: [from('static.tildacdn.one')],
    })
    for (const host of ['tildacdn.com.evil.example', 'eviltildacdn.com', 'tildacdn.evil.example'])
      assert.deepEqual(planAssets([from(host)], 'api.example'), { code: 'asset-host-foreign' }, host)
  })

  it('are served as what their names say, and never as pages', () => {
    assert.equal(assetType('a.min.css'), 'text/css; charset=utf-8')
    assert.equal(assetType('A.WOFF2'), 'font/woff2')
    for (const file of ['a.html', 'a.htm', 'a', 'a.xhtml', 'constructor', 'a.constructor'])
      assert.equal(assetType(file), 'application/octet-stream', file)
  })
})
