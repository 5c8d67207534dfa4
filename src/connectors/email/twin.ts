import { simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'
import type { Twin, TwinContext } from '../twin.ts'
import { type KeptLetter, type MailBooks, type MailState, openMailBooks, withCall, withLetter } from './twinModel.ts'
import { mailRoute } from './twinPages.ts'

/** A client that keeps an idle connection is not waited for longer than this. */
const closeTimeoutMs = 300

/** Letters of ours are a few kilobytes; a real relay takes some forty megabytes. */
const letterBytesMax = 2_000_000

/** A running sink. */
export type MailSink = { readonly port: number; readonly twin: Twin; readonly stop: () => Promise<void> }

/** Starts an SMTP server that keeps what it is given, and the pages on which a person reads it. */
export const startMailSink = async (
  context: TwinContext<MailState>,
  at: { readonly host: string; readonly port: number },
): Promise<MailSink> => {
  const books = await openMailBooks(context.store)
  const server = smtpServer(context, books)
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject)
    server.listen(at.port, at.host, () => {
      const address = server.server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : at.port)
    })
  })
  // Clients that hang up in the middle are what a sink is for.
  server.on('error', () => {})
  return {
    port,
    twin: { provider: 'email', handle: (request, place) => mailRoute(books, request, place) },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

const failure = (code: number, text: string): Error => Object.assign(new Error(text), { responseCode: code })

const smtpServer = (context: TwinContext<MailState>, books: MailBooks): SMTPServer => {
  const refuse = async (code: number, text: string): Promise<Error> => {
    const call = {
      at: context.now(),
      method: 'SMTP',
      path: '/',
      key: null,
      status: code,
      applied: false,
      summary: text,
    }
    await books.change((state) => withCall(state, call))
    return failure(code, text)
  }
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    allowInsecureAuth: true,
    closeTimeout: closeTimeoutMs,
    size: letterBytesMax,
    onAuth: (auth, _session, callback) => {
      const answer = async (): Promise<Error | null> =>
        (await books.takeFault('refuse-login')) ? refuse(535, '5.7.8 Error: authentication failed') : null
      answer().then((error) => callback(error, error ? undefined : { user: auth.username ?? 'anyone' }), callback)
    },
    onRcptTo: (_address, _session, callback) => {
      const answer = async (): Promise<Error | null> => {
        if (await books.takeFault('greylist')) return refuse(450, '4.2.0 Greylisted, try again')
        return (await books.takeFault('reject-recipient')) ? refuse(550, '5.1.1 No such user') : null
      }
      answer().then(callback, callback)
    },
    onData: (stream, session, callback) => {
      const answer = async (): Promise<Error | string | null> => {
        const letter = await receive(context, stream, session)
        if (stream.sizeExceeded) return refuse(552, '5.3.4 Message too big')
        if (await books.takeFault('busy')) return refuse(421, '4.3.2 Busy')
        if (await books.takeFault('spam')) return refuse(554, '5.7.1 Message rejected under suspicion of SPAM')
        if (await books.takeFault('quota')) return refuse(550, '5.7.1 Daily sending limit exceeded')
        await books.change((state) => withLetter(state, letter))
        if (await books.takeFault('silent')) return null
        if (await books.takeFault('drop-after-data')) {
          cut(server, session)
          return null
        }
        return `2.0.0 Ok: queued as ${letter.id}`
      }
      answer().then((words) => {
        if (words === null) return
        if (typeof words === 'string') callback(null, words)
        else callback(words)
      }, callback)
    },
  })
  return server
}

/** The letter is kept and the line is cut before the sender hears of it. */
const cut = (server: SMTPServer, session: SMTPServerSession): void => {
  // The library keeps its connections by session, and their sockets to itself.
  const connections = [...server.connections] as unknown as readonly {
    readonly id: string
    readonly _socket: { readonly destroy: () => void }
  }[]
  connections.find(({ id }) => id === session.id)?._socket.destroy()
}

const receive = async (
  context: TwinContext<MailState>,
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
): Promise<KeptLetter> => {
  const mail = await simpleParser(stream)
  const { mailFrom, rcptTo } = session.envelope
  const to = rcptTo.map(({ address }) => address)
  return {
    id: context.newId(),
    messageId: mail.messageId ?? '',
    from: mail.from?.text ?? '',
    to: to.join(', '),
    envelope: { from: mailFrom ? mailFrom.address : '', to },
    subject: mail.subject ?? '',
    text: mail.text ?? '',
    html: typeof mail.html === 'string' ? mail.html : '',
    headers: Object.fromEntries(
      mail.headerLines.map(({ key, line }) => [key, line.slice(line.indexOf(':') + 1).trim()]),
    ),
    receivedAt: context.now(),
  }
}
