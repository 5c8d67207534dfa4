import { simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server'
import type { Instant } from '../../kernel/time.ts'
import { html } from '../html.ts'
import type { Twin, TwinCall, TwinContext } from '../twin.ts'
import { jsonObject, jsonResponse, page } from '../twinRoutes.ts'

/** A letter that the sink took. */
export type KeptLetter = {
  readonly id: string
  readonly messageId: string
  readonly from: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly headers: Readonly<Record<string, string>>
  readonly receivedAt: Instant
}

/** How the sink is told to misbehave, for its next letters. */
export type MailFault = {
  readonly kind: 'drop-after-data' | 'greylist' | 'reject-recipient' | 'refuse-login' | 'busy' | 'silent'
  readonly times: number
}

/** What the sink keeps between two starts. */
export type MailState = {
  readonly letters: readonly KeptLetter[]
  readonly calls: readonly TwinCall[]
  readonly faults: readonly MailFault[]
}

/** Older letters are of no use and would slow down every save. */
const lettersMax = 1000
const empty: MailState = { letters: [], calls: [], faults: [] }

/** A running sink. */
export type MailSink = { readonly port: number; readonly twin: Twin; readonly stop: () => Promise<void> }

/** Starts an SMTP server that keeps what it is given, and the pages on which a person reads it. */
export const startMailSink = async (
  context: TwinContext<MailState>,
  at: { readonly host: string; readonly port: number },
): Promise<MailSink> => {
  let state = (await context.store.load()) ?? empty
  let turn: Promise<unknown> = Promise.resolve()
  const change = (step: (state: MailState) => MailState): Promise<void> => {
    const next = turn.then(async () => {
      state = step(state)
      await context.store.save(state)
    })
    turn = next.catch(() => {})
    return next
  }
  const takeFault = async (kind: MailFault['kind']): Promise<boolean> => {
    if (!state.faults.some((fault) => fault.kind === kind)) return false
    await change((old) => ({
      ...old,
      faults: old.faults.flatMap((fault) =>
        fault.kind !== kind ? [fault] : fault.times > 1 ? [{ ...fault, times: fault.times - 1 }] : [],
      ),
    }))
    return true
  }
  const keep = async (letter: KeptLetter): Promise<void> => {
    const call: TwinCall = {
      at: letter.receivedAt,
      method: 'DATA',
      path: '/',
      key: letter.messageId,
      status: 250,
      applied: !state.letters.some((known) => known.messageId === letter.messageId),
      summary: letter.subject,
    }
    await change((old) => ({
      ...old,
      letters: [...old.letters, letter].slice(-lettersMax),
      calls: [...old.calls, call].slice(-lettersMax * 2),
    }))
  }
  const server = smtpServer({ context, takeFault, keep })
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject)
    server.listen(at.port, at.host, () => {
      const address = server.server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : at.port)
    })
  })
  server.on('error', () => {})
  return {
    port,
    twin: { provider: 'email', handle: (request, place) => route({ state: () => state, change }, request, place) },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

type Sink = {
  readonly context: TwinContext<MailState>
  readonly takeFault: (kind: MailFault['kind']) => Promise<boolean>
  readonly keep: (letter: KeptLetter) => Promise<void>
}

const failure = (code: number, text: string): Error => Object.assign(new Error(text), { responseCode: code })

const smtpServer = ({ context, takeFault, keep }: Sink): SMTPServer =>
  new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    allowInsecureAuth: true,
    onAuth: (auth, _session, callback) => {
      takeFault('refuse-login').then(
        (refuse) =>
          refuse
            ? callback(failure(535, '5.7.8 Error: authentication failed'))
            : callback(null, { user: auth.username ?? 'anyone' }),
        callback,
      )
    },
    onRcptTo: (_address, _session, callback) => {
      Promise.all([takeFault('greylist'), takeFault('reject-recipient')]).then(([later, never]) => {
        if (later) return callback(failure(450, '4.2.0 Greylisted, try again'))
        return never ? callback(failure(550, '5.1.1 No such user')) : callback()
      }, callback)
    },
    onData: (stream, session, callback) => {
      receive({ context, stream, to: session.envelope.rcptTo.map(({ address }) => address) }).then(async (letter) => {
        if (await takeFault('busy')) return callback(failure(421, '4.3.2 Busy'))
        await keep(letter)
        if (await takeFault('silent')) return
        if (await takeFault('drop-after-data')) {
          // The message is kept and the line is cut before the sender hears of it.
          const { connection } = stream as unknown as { connection?: { _socket?: { destroy: () => void } } }
          connection?._socket?.destroy()
          return callback(failure(421, '4.3.2 Dropped'))
        }
        callback(null, `2.0.0 Ok: queued as ${letter.id}`)
      }, callback)
    },
  })

const receive = async ({
  context,
  stream,
  to,
}: {
  context: TwinContext<MailState>
  stream: SMTPServerDataStream
  to: readonly string[]
}): Promise<KeptLetter> => {
  const mail = await simpleParser(stream)
  return {
    id: context.newId(),
    messageId: mail.messageId ?? '',
    from: mail.from?.text ?? '',
    to: to.join(', '),
    subject: mail.subject ?? '',
    text: mail.text ?? '',
    html: typeof mail.html === 'string' ? mail.html : '',
    headers: Object.fromEntries(
      mail.headerLines.map(({ key, line }) => [key, line.slice(line.indexOf(':') + 1).trim()]),
    ),
    receivedAt: context.now(),
  }
}

type Books = {
  readonly state: () => MailState
  readonly change: (step: (state: MailState) => MailState) => Promise<void>
}

const route = async (
  { state, change }: Books,
  request: Request,
  { path, base }: { path: string; base: string },
): Promise<Response> => {
  switch (`${request.method} ${path}`) {
    case 'GET /messages':
      return jsonResponse(state().letters)
    case 'DELETE /messages':
      await change((old) => ({ ...old, letters: [] }))
      return new Response(null, { status: 204 })
    case 'GET /ledger':
      return jsonResponse({ calls: state().calls, applied: state().calls.filter(({ applied }) => applied).length })
    case 'DELETE /ledger':
      await change((old) => ({ ...old, calls: [] }))
      return new Response(null, { status: 204 })
    case 'POST /faults': {
      const asked = jsonObject(await request.text())
      const kind = (
        ['drop-after-data', 'greylist', 'reject-recipient', 'refuse-login', 'busy', 'silent'] as const
      ).find((name) => name === asked.kind)
      if (!kind) return jsonResponse({ error: 'Cannot script this fault: its kind is not known' }, 400)
      const fault: MailFault = {
        kind,
        times: typeof asked.times === 'number' && asked.times > 0 ? Math.floor(asked.times) : 1,
      }
      await change((old) => ({ ...old, faults: [...old.faults, fault] }))
      return jsonResponse(fault, 201)
    }
    case 'DELETE /faults':
      await change((old) => ({ ...old, faults: [] }))
      return new Response(null, { status: 204 })
    case 'GET /style.css':
      return new Response(
        'body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d1d1f}table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.3rem .5rem;text-align:left}pre{white-space:pre-wrap;background:#f6f6f7;padding:1rem}',
        { headers: { 'content-type': 'text/css' } },
      )
    default:
      return pages(state(), path, base)
  }
}

const pages = (state: MailState, path: string, base: string): Response => {
  const [, id, kind] = /^\/letters\/([\w-]+)(\/html)?$/.exec(path) ?? []
  const letter = state.letters.find((candidate) => candidate.id === id)
  if (letter && kind) {
    // A foreign document: no script, no form, no frame of ours around it.
    return new Response(letter.html, {
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'",
        'x-content-type-options': 'nosniff',
      },
    })
  }
  if (letter) {
    const links = [...letter.text.matchAll(/https?:\/\/[^\s)]+/g)].map(
      ([link]) => html`<li><a href="${link}">${link}</a></li>`,
    )
    const body = html`<p>Кому: ${letter.to}<br>От: ${letter.from}<br>${letter.receivedAt}<br><code>${letter.messageId}</code></p>
<pre>${letter.text}</pre><ul>!${links}</ul><p><a href="${base}/letters/${letter.id}/html">Как письмо выглядит</a> · <a href="${base}/">Все письма</a></p>`
    return page({ title: letter.subject, body, root: base })
  }
  if (path !== '/') return page({ title: 'Страница не найдена', body: '', root: base, status: 404 })
  const rows = state.letters
    .toReversed()
    .map(
      (one) =>
        html`<tr><td>${one.receivedAt}</td><td>${one.to}</td><td><a href="${base}/letters/${one.id}">${one.subject}</a></td></tr>`,
    )
  return page({
    title: 'Почта песочницы',
    body: html`<table><tr><th>Когда</th><th>Кому</th><th>Тема</th></tr>!${rows}</table>`,
    root: base,
  })
}
