import { clearTimeout, setTimeout } from 'node:timers'

/** Bodies that are read already, by the request that they came with: whoever reads one again gets the same bytes. */
const complete = new WeakMap<Request, Uint8Array<ArrayBuffer>>()

/** Notes the whole body of a request, so that `readBody` finds it. */
export const keepBody = (request: Request, body: Uint8Array<ArrayBuffer>): void => {
  complete.set(request, body)
}

/**
 * Collects a body while counting, whatever its Content-Length claims.
 * @example await readBody(request, 1_000_000, 30_000) // bytes, 'too-large' or 'too-slow'
 */
export const readBody = (
  request: Request,
  bytesMax: number,
  deadlineMs: number,
): Promise<Uint8Array<ArrayBuffer> | 'too-large' | 'too-slow'> => {
  const come = complete.get(request)
  if (come) return Promise.resolve(come.byteLength > bytesMax ? 'too-large' : come)
  const claimed = request.headers.get('content-length')
  if (Number(claimed ?? 0) > bytesMax) return Promise.resolve('too-large')
  // Both servers end a body at its claimed length, so it is read at one go.
  if (claimed !== null && /^\d+$/.test(claimed)) return readWhole(request, bytesMax, deadlineMs)
  if (request.body === null) return Promise.resolve(new Uint8Array())
  return readPieces(request.body.getReader(), bytesMax, deadlineMs)
}

const readWhole = (
  request: Request,
  bytesMax: number,
  deadlineMs: number,
): Promise<Uint8Array<ArrayBuffer> | 'too-large' | 'too-slow'> =>
  new Promise((resolve, reject) => {
    const cancel = afterMs(deadlineMs, () => resolve('too-slow'))
    request.arrayBuffer().then(
      (read) => {
        cancel()
        resolve(read.byteLength > bytesMax ? 'too-large' : new Uint8Array(read))
      },
      (error: unknown) => {
        cancel()
        reject(error)
      },
    )
  })

const readPieces = async (
  reader: ReadableStreamDefaultReader<Uint8Array>,
  bytesMax: number,
  deadlineMs: number,
): Promise<Uint8Array<ArrayBuffer> | 'too-large' | 'too-slow'> => {
  let cancel = () => {}
  const late = new Promise<'too-slow'>((resolve) => {
    cancel = afterMs(deadlineMs, () => resolve('too-slow'))
  })
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for (;;) {
      const next = await Promise.race([reader.read(), late])
      if (next === 'too-slow') return next
      if (next.done) return joined(chunks, length)
      length += next.value.byteLength
      if (length > bytesMax) return 'too-large'
      chunks.push(next.value)
    }
  } finally {
    cancel()
    // What is left unread is of no interest; a body that broke off meanwhile has nothing more to say.
    reader.cancel().catch(() => {})
  }
}

const joined = (chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> => {
  const all = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    all.set(chunk, offset)
    offset += chunk.byteLength
  }
  return all
}

type Waiting = { readonly at: number; readonly passed: () => void }

const waiting = new Set<Waiting>()
let timer: ReturnType<typeof setTimeout> | undefined
let timerAt = Number.POSITIVE_INFINITY

/**
 * Calls back after some milliseconds unless it is cancelled first. Nearly all deadlines are cancelled, so all of a process share one
 * timer, which is set for the earliest.
 * @example const cancel = afterMs(5000, () => resolve('late'))
 */
export const afterMs = (ms: number, passed: () => void): (() => void) => {
  const deadline = { at: performance.now() + ms, passed }
  waiting.add(deadline)
  if (deadline.at < timerAt) arm(deadline.at)
  else if (waiting.size === 1) timer?.ref()
  return () => {
    waiting.delete(deadline)
    // The timer of a deadline that nobody waits for any more keeps no process alive.
    if (waiting.size === 0) timer?.unref()
  }
}

const arm = (at: number): void => {
  clearTimeout(timer)
  timerAt = at
  timer = setTimeout(sweep, Math.max(1, Math.ceil(at - performance.now())))
}

const sweep = (): void => {
  const now = performance.now()
  timerAt = Number.POSITIVE_INFINITY
  let next = Number.POSITIVE_INFINITY
  for (const deadline of waiting) {
    if (deadline.at > now) next = Math.min(next, deadline.at)
    else {
      waiting.delete(deadline)
      deadline.passed()
    }
  }
  if (next < timerAt) arm(next)
}
