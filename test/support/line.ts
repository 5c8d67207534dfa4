import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A line to a PostgreSQL server that can be held: what is sent on it then neither arrives nor fails, as when the server is frozen. */
export type Line = {
  readonly url: string
  readonly hold: () => void
  readonly release: () => void
  readonly close: () => Promise<void>
}

/** Opens a line to the server of a connection string. */
export const openLine = async (databaseUrl: string): Promise<Line> => {
  const far = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let held = false
  const server = createServer((near) => {
    const out = connect(Number(far.port), far.hostname)
    for (const [one, other] of [
      [near, out],
      [out, near],
    ] as const) {
      sockets.add(one)
      one.on('data', (chunk) => other.write(chunk))
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
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
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
