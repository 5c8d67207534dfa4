import type { HttpPorts } from '../http/ports.ts'
import { headPosition } from '../log/log.ts'
import { consoleHeaders } from './frame.ts'

const everyMs = 2000
const streamsMax = 50

type Stream = {
  readonly controller: ReadableStreamDefaultController<Uint8Array>
  readonly expiresAtMs: number
}

/** Numbers that move, for all open pages at once: one reader of the database, however many look. */
export const makeLive = (ports: HttpPorts, nowMs: () => number) => {
  const streams = new Set<Stream>()
  const encoder = new TextEncoder()
  let timer: ReturnType<typeof setInterval> | null = null
  let reading = false

  const end = (stream: Stream): void => {
    streams.delete(stream)
    try {
      stream.controller.close()
    } catch {
      // The browser was faster.
    }
    if (streams.size > 0 || timer === null) return
    clearInterval(timer)
    timer = null
  }

  const send = (stream: Stream, bytes: Uint8Array): void => {
    // A reader that takes nothing any more is let go; its browser asks again.
    if (stream.expiresAtMs <= nowMs() || (stream.controller.desiredSize ?? 0) < -16) {
      end(stream)
      return
    }
    try {
      stream.controller.enqueue(bytes)
    } catch {
      end(stream)
    }
  }

  const tick = async (): Promise<void> => {
    if (reading) return
    reading = true
    try {
      const bytes = encoder.encode(`event: numbers\ndata: ${JSON.stringify(await numbersOf(ports))}\n\n`)
      for (const stream of [...streams]) send(stream, bytes)
    } catch {
      // The database is away: the pages keep their last numbers, and the line stays open.
      for (const stream of [...streams]) send(stream, encoder.encode(': away\n\n'))
    } finally {
      reading = false
    }
  }

  return {
    /** The answer of `/console/live`. */
    open: (expiresAtMs: number): Response => {
      if (streams.size >= streamsMax) return new Response(null, { status: 503, headers: consoleHeaders })
      let own: Stream | null = null
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          own = { controller, expiresAtMs }
          streams.add(own)
          controller.enqueue(encoder.encode('retry: 5000\n\n'))
          timer ??= setInterval(() => void tick(), everyMs)
          void tick()
        },
        cancel: () => {
          if (own) end(own)
        },
      })
      return new Response(body, { headers: { ...consoleHeaders, 'Content-Type': 'text/event-stream; charset=utf-8' } })
    },
    closeStreams: (): void => {
      for (const stream of [...streams]) end(stream)
    },
  }
}

/** The numbers by the names that pages mark them with. */
const numbersOf = async (ports: HttpPorts): Promise<Readonly<Record<string, number>>> => {
  const [head, models] = await Promise.all([headPosition(ports.sql), ports.operations.projections()])
  return {
    head,
    ...Object.fromEntries(
      models.flatMap((model) => [
        [`position:${model.name}`, model.position],
        [`lag:${model.name}`, model.lag],
        ...(model.candidate ? [[`progress:${model.name}`, Math.floor(model.candidate.progress * 100)]] : []),
      ]),
    ),
  }
}
