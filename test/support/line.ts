import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A line to a PostgreSQL server that can be held: what is sent on it then neither arrives nor fails, as when the server is frozen. */
export type Line = {
  readonly url: string
  /** Holds every connection, or those that call themselves by one of these names. */
  readonly hold: (...applications: readonly string[]) => void
  readonly release: () => void
  /** Ends the client's side only: the server goes on with what it was sent, as behind a broken network. */
  readonly sever: () => void
  /** Breaks every connection and refuses new ones, as when the server is gone. */
  readonly cut: () => void
  readonly close: () => Promise<void>
}

type Connection = { readonly near: Socket; readonly out: Socket; application: string | null; severed: boolean }

/** Opens a line to the server of a connection string. */
export const openLine = async (databaseUrl: string): Promise<Line> => {
  const far = new URL(databaseUrl)
  const connections = new Set<Connection>()
  let held: readonly string[] | 'all' | null = null
  let isCut = false
  const isHeld = ({ application }: Connection): boolean =>
    held === 'all' || (held !== null && application !== null && held.includes(application))
  const settle = (connection: Connection): void => {
    for (const socket of [connection.near, connection.out]) isHeld(connection) ? socket.pause() : socket.resume()
  }
  const server = createServer((near) => {
    if (isCut) return void near.destroy()
    const out = connect(Number(far.port), far.hostname)
    const connection: Connection = { near, out, application: null, severed: false }
    connections.add(connection)
    near.once('data', (startup) => {
      connection.application = applicationOf(startup)
      settle(connection)
    })
    for (const [one, other] of [
      [near, out],
      [out, near],
    ] as const) {
      one.on('data', (chunk) => other.write(chunk))
      one.on('error', () => {})
      one.on('close', () => {
        if (one === out) connections.delete(connection)
        if (one === out || !connection.severed) other.destroy()
      })
    }
    settle(connection)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0)
  const hold = (next: typeof held): void => {
    held = next
    for (const connection of connections) settle(connection)
  }
  const cut = (): void => {
    isCut = true
    for (const { near, out } of connections) {
      near.destroy()
      out.destroy()
    }
  }
  return {
    url: url.href,
    hold: (...applications) => hold(applications.length === 0 ? 'all' : applications),
    release: () => {
      isCut = false
      hold(null)
    },
    sever: () => {
      for (const connection of connections) {
        connection.severed = true
        connection.near.destroy()
      }
    },
    cut,
    close: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The name that a client gives itself in its first message: a length, a version, then names and values, each ended by a zero. */
const applicationOf = (startup: Uint8Array): string | null => {
  const words = Buffer.from(startup).subarray(8).toString('utf8').split('\0')
  const at = words.indexOf('application_name')
  return at === -1 ? null : (words[at + 1] ?? null)
}
