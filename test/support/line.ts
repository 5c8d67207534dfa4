import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A line to a PostgreSQL server that can be held: what is sent on it then neither arrives nor fails, as when the server is frozen. */
export type Line = {
  readonly url: string
  readonly hold: () => void
  readonly release: () => void
  /** Ends the client's side only: the server goes on with what it was sent, as behind a broken network. */
  readonly sever: () => void
  readonly close: () => Promise<void>
}

/** Opens a line to the server of a connection string. */
export const openLine = async (databaseUrl: string): Promise<Line> => {
  const far = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  const clients = new Set<Socket>()
  const severed = new Set<Socket>()
  let held = false
  const server = createServer((near) => {
    const out = connect(Number(far.port), far.hostname)
    clients.add(near)
    near.once('close', () => clients.delete(near))
    for (const [one, other] of [
      [near, out],
      [out, near],
    ] as const) {
      sockets.add(one)
      one.on('data', (chunk) => other.write(chunk))
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        if (!severed.has(one)) other.destroy()
      })
      if (held) one.pause()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0)
  return {
    url: url.href,
    hold: () => {
      held = true
      for (const socket of sockets) socket.pause()
    },
    release: () => {
      held = false
      for (const socket of sockets) socket.resume()
    },
    sever: () => {
      for (const near of clients) {
        severed.add(near)
        near.destroy()
      }
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
