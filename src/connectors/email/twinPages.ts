import { html } from '../html.ts'
import { jsonObject, jsonResponse, page } from '../twinRoutes.ts'
import { type KeptLetter, type MailBooks, type MailFault, type MailState, mailFaultKinds } from './twinModel.ts'

type Place = { readonly path: string; readonly base: string }

/** The sink's own routes for tests, `/messages`, `/ledger` and `/faults`, and its pages for people. */
export const mailRoute = async (books: MailBooks, request: Request, { path, base }: Place): Promise<Response> => {
  switch (`${request.method} ${path}`) {
    case 'GET /messages':
      return jsonResponse(books.state().letters)
    case 'DELETE /messages':
      await books.change((old) => ({ ...old, letters: [] }))
      return new Response(null, { status: 204 })
    case 'GET /ledger': {
      const { calls } = books.state()
      return jsonResponse({ calls, applied: calls.filter(({ applied }) => applied).length })
    }
    case 'DELETE /ledger':
      await books.change((old) => ({ ...old, calls: [] }))
      return new Response(null, { status: 204 })
    case 'GET /faults':
      return jsonResponse(books.state().faults)
    case 'POST /faults':
      return addFault(books, jsonObject(await request.text()))
    case 'DELETE /faults':
      await books.change((old) => ({ ...old, faults: [] }))
      return new Response(null, { status: 204 })
    case 'GET /style.css':
      return new Response(stylesheet, { headers: { 'content-type': 'text/css; charset=utf-8' } })
    default:
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } })
      return pages(books.state(), path, base)
  }
}

const addFault = async (books: MailBooks, asked: Readonly<Record<string, unknown>>): Promise<Response> => {
  const kind = mailFaultKinds.find((name) => name === asked.kind)
  if (!kind)
    return jsonResponse({ error: `Cannot script this fault: "kind" is one of ${mailFaultKinds.join(', ')}` }, 400)
  const times = typeof asked.times === 'number' && asked.times > 0 ? Math.floor(asked.times) : 1
  const fault: MailFault = { kind, times }
  await books.change((old) => ({ ...old, faults: [...old.faults, fault] }))
  return jsonResponse(fault, 201)
}

const pages = (state: MailState, path: string, base: string): Response => {
  const [, id, kind] = /^\/letters\/([\w-]+)(\/html)?$/.exec(path) ?? []
  const letter = state.letters.find((candidate) => candidate.id === id)
  if (letter && kind) return document(letter)
  if (letter) return letterPage(letter, base)
  if (path === '/') return listPage(state, base)
  return page({
    title: 'Страница не найдена',
    body: html`<p><a href="${base}/">Все письма</a></p>`,
    root: base,
    status: 404,
  })
}

/** A letter as its reader sees it: a foreign document without scripts, forms, or anything fetched. */
const document = (letter: KeptLetter): Response =>
  new Response(letter.html, {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "sandbox allow-popups allow-top-navigation-by-user-activation; default-src 'none'; style-src 'unsafe-inline'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    },
  })

const letterPage = (letter: KeptLetter, base: string): Response => {
  const links = [...new Set([...letter.text.matchAll(/https?:\/\/[^\s)]+/g)].map(([link]) => link))].map(
    (link) => html`<li><a href="${link}">${link}</a></li>`,
  )
  const facts: readonly (readonly [string, string])[] = [
    ['Кому', letter.to],
    ['От кого', letter.from],
    ['Получено', letter.receivedAt],
    ['Message-ID', letter.messageId],
  ]
  const body = html`<table>!${facts.map(([name, value]) => html`<tr><th>${name}</th><td>${value}</td></tr>`)}</table>
<p><a href="${base}/letters/${letter.id}/html">Как письмо выглядит</a> · <a href="${base}/">Все письма</a></p>
<pre>${letter.text}</pre>
!${links.length === 0 ? '' : html`<h2>Ссылки</h2><ul>!${links}</ul>`}`
  return page({ title: letter.subject, body, root: base })
}

const listPage = (state: MailState, base: string): Response => {
  const rows = state.letters
    .toReversed()
    .map(
      (one) =>
        html`<tr><td>${one.receivedAt}</td><td>${one.to}</td><td><a href="${base}/letters/${one.id}">${one.subject || 'без темы'}</a></td></tr>`,
    )
  const body =
    rows.length === 0
      ? html`<p>Писем пока нет.</p>`
      : html`<table><tr><th>Когда</th><th>Кому</th><th>Тема</th></tr>!${rows}</table>`
  return page({ title: 'Почта песочницы', body, root: base })
}

const stylesheet = `body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1d1d1f }
table { border-collapse: collapse; width: 100% }
td, th { border-bottom: 1px solid #ddd; padding: .3rem .5rem; text-align: left; vertical-align: top }
pre { white-space: pre-wrap; background: #f6f6f7; padding: 1rem }
.note { background: #fff4ce; padding: .4rem .7rem }
`
