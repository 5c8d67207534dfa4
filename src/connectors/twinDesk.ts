import { unreachable } from '../kernel/brand.ts'
import { type Instant, msOf, plusMs } from '../kernel/time.ts'
import type { TwinCall, TwinContext, TwinFault } from './twin.ts'

/** A notification that a twin wants delivered to the service. */
export type TwinHook = {
  /** What it is, such as `payment.succeeded`. */
  readonly name: string
  /** Below the service's address, such as `/webhooks/yookassa`. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** How often it was sent before it was queued; then the pause after so many tries comes first. Absent: never. */
  readonly tried?: number
}

/** A notification on its way: sent again until it is accepted or the provider gives up. */
export type WaitingHook = TwinHook & { readonly number: number; readonly dueAt: Instant; readonly attempts: number }

/** How a test wants notifications to misbehave. */
export type HookPolicy = {
  readonly delayMs: number
  /** How many copies of each are sent. */
  readonly times: number
  /** `reversed`: of those that are due at once, the newest goes first. */
  readonly order: 'as-made' | 'reversed'
  /** Nothing is sent at all, as when the provider has an outage. */
  readonly suppress: boolean
}

/** All that a twin keeps. */
export type TwinState<Data> = {
  readonly data: Data
  readonly calls: readonly TwinCall[]
  readonly faults: readonly TwinFault[]
  readonly policy: HookPolicy
  readonly waiting: readonly WaitingHook[]
  readonly hooksMade: number
}

/** What a step makes of the data. */
export type TwinChange<Data, Result> = {
  readonly data: Data
  readonly result: Result
  readonly hooks?: readonly TwinHook[]
}

/** What makes a provider's desk its own. */
export type DeskRules<Data> = {
  readonly empty: Data
  /** Pauses between deliveries; when they run out, the last is repeated until `attemptsMax`. */
  readonly retryGapsMs: readonly number[]
  readonly attemptsMax: number
  readonly isAccepted: (status: number, body: string) => boolean
  /** How long the provider waits for our answer; half a minute when it is not said. */
  readonly answerWithinMs?: number
  /** What a delivery changes at the provider, such as a hook that is switched off after failures. */
  readonly delivered?: (data: Data, hook: TwinHook, accepted: boolean) => Data
  /** What the passing of time changes, such as an offer that ran out; null when nothing does. */
  readonly sweep: (data: Data, now: Instant) => TwinChange<Data, null> | null
  /** Whether time still has something to change. */
  readonly hasTimers: (data: Data) => boolean
}

/** Where a twin keeps its books: one change at a time, saved before anyone hears of it. */
export type TwinDesk<Data> = {
  readonly state: () => Promise<TwinState<Data>>
  readonly change: <Result>(step: (data: Data, now: Instant) => TwinChange<Data, Result>) => Promise<Result>
  readonly adjust: (step: (state: TwinState<Data>) => TwinState<Data>) => Promise<void>
  /** Sends one notification at once, without any repetition, and tells its answer; null when nobody answered. */
  readonly deliver: (hook: TwinHook) => Promise<{ readonly status: number; readonly body: string } | null>
}

const usualPolicy: HookPolicy = { delayMs: 0, times: 1, order: 'as-made', suppress: false }

/** Old calls are of no use to a test and would make every save slower. */
const callsMax = 2000

/** Short enough to feel immediate on a page, long enough to cost nothing. */
const pumpPauseMs = 100

/** Nothing waits for delivery, but a moved clock may have ended an offer. */
const sweepPauseMs = 1000

/** A provider waits this long for our answer, unless it is known to be less patient. */
const hookTimeoutMs = 30_000

/** Opens the books of a twin and begins to deliver what they hold. */
export const openDesk = <Data>(context: TwinContext<TwinState<Data>>, rules: DeskRules<Data>): TwinDesk<Data> => {
  const book = openBook(context, rules.empty)
  const deliver = (hook: TwinHook) => post(context, hook, rules.answerWithinMs ?? hookTimeoutMs)

  const adjustQuietly = (step: (state: TwinState<Data>) => TwinState<Data>): Promise<void> =>
    book.turn(async (state) => ({ state: step(state), result: undefined }))

  const changeQuietly = <Result>(step: (data: Data, now: Instant) => TwinChange<Data, Result>): Promise<Result> =>
    book.turn(async (state) => {
      const now = context.now()
      const swept = rules.sweep(state.data, now)
      const before = swept ? queued({ ...state, data: swept.data }, swept.hooks ?? [], { now, rules }) : state
      const { data, result, hooks = [] } = step(before.data, now)
      return { state: queued(data === before.data ? before : { ...before, data }, hooks, { now, rules }), result }
    })

  /** Delivers what is due; the pause until it should be done again, or null when nothing is left to do. */
  const deliverDue = async (): Promise<number | null> => {
    await changeQuietly((data) => ({ data, result: null }))
    const { waiting, policy } = await book.state()
    for (const hook of dueHooks(waiting, policy, context.now())) {
      const answer = await deliver(hook)
      const accepted = answer !== null && rules.isAccepted(answer.status, answer.body)
      const dueAt = accepted ? null : retryAt(rules, hook, context.now())
      await adjustQuietly((state) => ({
        ...state,
        data: rules.delivered ? rules.delivered(state.data, hook, accepted) : state.data,
        waiting: settled(state.waiting, hook, dueAt),
      }))
    }
    const left = await book.state()
    if (left.waiting.length > 0 && !left.policy.suppress) return pumpPauseMs
    return rules.hasTimers(left.data) ? sweepPauseMs : null
  }

  const wake = bell(deliverDue, context.wait)
  void book.state().then(wake, () => undefined)
  return {
    state: book.state,
    deliver,
    change: (step) => changeQuietly(step).finally(wake),
    adjust: (step) => adjustQuietly(step).finally(wake),
  }
}

/** Keeps working while work says so; the given function wakes it, also in the midst of its work. */
const bell = (work: () => Promise<number | null>, wait: (ms: number) => Promise<void>): (() => void) => {
  let working = false
  let rung = false
  let stir = () => {}
  const run = async (): Promise<void> => {
    for (;;) {
      rung = false
      const stirred = new Promise<void>((resolve) => {
        stir = resolve
      })
      const pauseMs = await work().catch(() => sweepPauseMs)
      if (rung) continue
      if (pauseMs === null) break
      await Promise.race([wait(pauseMs), stirred])
    }
    working = false
  }
  return () => {
    rung = true
    stir()
    if (working) return
    working = true
    void run()
  }
}

/** The state, loaded at first need; turns follow one another, and each is saved before it resolves. */
const openBook = <Data>(context: TwinContext<TwinState<Data>>, data: Data) => {
  const empty = { data, calls: [], faults: [], policy: usualPolicy, waiting: [], hooksMade: 0 }
  let loaded: Promise<{ state: TwinState<Data> }> | null = null
  let lane: Promise<unknown> = Promise.resolve()

  const held = (): Promise<{ state: TwinState<Data> }> => {
    loaded ??= context.store.load().then(
      (saved) => ({ state: saved ?? empty }),
      (error: unknown) => {
        // The next request tries again: the store may have been away for a moment.
        loaded = null
        throw error
      },
    )
    return loaded
  }
  const turn = <Result>(
    work: (state: TwinState<Data>) => Promise<{ readonly state: TwinState<Data>; readonly result: Result }>,
  ): Promise<Result> => {
    const next = lane.then(async () => {
      const page = await held()
      const { state, result } = await work(page.state)
      if (state !== page.state) await context.store.save(state)
      page.state = state
      return result
    })
    lane = next.catch(() => undefined)
    return next
  }
  return { state: async () => (await held()).state, turn }
}

const queued = <Data>(
  state: TwinState<Data>,
  hooks: readonly TwinHook[],
  { now, rules }: { readonly now: Instant; readonly rules: DeskRules<Data> },
): TwinState<Data> => {
  if (hooks.length === 0 || state.policy.suppress) return state
  const copies = hooks.flatMap((hook) => Array.from({ length: state.policy.times }, () => hook))
  const added = copies.map((hook, index) => {
    const tried = hook.tried ?? 0
    const pauseMs = tried === 0 ? 0 : (rules.retryGapsMs[tried - 1] ?? 0)
    const dueAt = plusMs(now, state.policy.delayMs + pauseMs)
    return { ...hook, number: state.hooksMade + index, dueAt, attempts: tried }
  })
  return { ...state, waiting: [...state.waiting, ...added], hooksMade: state.hooksMade + added.length }
}

const dueHooks = (waiting: readonly WaitingHook[], policy: HookPolicy, now: Instant): readonly WaitingHook[] => {
  const due = policy.suppress ? [] : waiting.filter(({ dueAt }) => msOf(dueAt) <= msOf(now))
  return policy.order === 'reversed' ? due.toReversed() : due
}

const retryAt = <Data>(rules: DeskRules<Data>, hook: WaitingHook, now: Instant): Instant | null => {
  const gap = rules.retryGapsMs[Math.min(hook.attempts, rules.retryGapsMs.length - 1)]
  return gap === undefined || hook.attempts + 1 >= rules.attemptsMax ? null : plusMs(now, gap)
}

const settled = (waiting: readonly WaitingHook[], hook: WaitingHook, dueAt: Instant | null): readonly WaitingHook[] =>
  waiting.flatMap((item) => {
    if (item.number !== hook.number) return [item]
    return dueAt === null ? [] : [{ ...item, dueAt, attempts: item.attempts + 1 }]
  })

const post = async <Data>(context: TwinContext<TwinState<Data>>, hook: TwinHook, answerWithinMs: number) => {
  try {
    const response = await context.fetch(`${context.hubUrl()}${hook.path}`, {
      method: 'POST',
      headers: hook.headers,
      body: hook.body,
      redirect: 'manual',
      signal: AbortSignal.timeout(answerWithinMs),
    })
    return { status: response.status, body: (await response.text()).slice(0, 10_000) }
  } catch {
    return null
  }
}

/** What an API call came to. */
export type TwinAnswer = {
  readonly response: Response
  readonly applied: boolean
  /** For people, without secrets. */
  readonly summary: string
}

/** One API call at the desk. */
export type DeskCall = {
  readonly method: string
  readonly path: string
  readonly key: string | null
  /** The provider's own error answer for a status; `retryAfterSeconds` only for 429. */
  readonly failure: (status: 401 | 429 | 500) => Response
  readonly perform: () => Promise<TwinAnswer>
}

/** Answers an API call as the scripted faults want it and enters it into the ledger. */
export const callAtDesk = async <Data>(
  context: TwinContext<TwinState<Data>>,
  desk: TwinDesk<Data>,
  call: DeskCall,
): Promise<Response> => {
  const fault = await takeFault(desk, call)
  const { response, applied, summary } = await underFault(context, call, fault)
  const { method, path, key } = call
  const entry: TwinCall = { at: context.now(), method, path, key, status: response.status, applied, summary }
  await desk.adjust((state) => ({ ...state, calls: [...state.calls, entry].slice(-callsMax) }))
  if (fault?.kind === 'apply-then-hang') await context.wait((fault.seconds ?? 120) * 1000)
  return response
}

const takeFault = async <Data>(desk: TwinDesk<Data>, { method, path }: DeskCall): Promise<TwinFault | null> => {
  const fits = (fault: TwinFault) => path.includes(fault.path) && (fault.method ?? method) === method
  const found = (await desk.state()).faults.find(fits) ?? null
  if (found === null) return null
  await desk.adjust((state) => ({
    ...state,
    faults: state.faults.flatMap((fault) => {
      if (fault !== found) return [fault]
      return fault.times > 1 ? [{ ...fault, times: fault.times - 1 }] : []
    }),
  }))
  return found
}

const underFault = async <Data>(
  context: TwinContext<TwinState<Data>>,
  call: DeskCall,
  fault: TwinFault | null,
): Promise<TwinAnswer> => {
  if (fault === null) return call.perform()
  const instead = (response: Response): TwinAnswer => ({ response, applied: false, summary: `fault ${fault.kind}` })
  switch (fault.kind) {
    case 'apply-then-hang':
      return { ...(await call.perform()), response: call.failure(500) }
    case 'apply-then-reset':
      return { ...(await call.perform()), response: brokenResponse() }
    case 'apply-then-500':
      return { ...(await call.perform()), response: call.failure(500) }
    case 'slow':
      await context.wait((fault.seconds ?? 5) * 1000)
      return call.perform()
    case '500':
      return instead(call.failure(500))
    case '401':
      return instead(call.failure(401))
    case '429':
      return instead(call.failure(429))
    case '429-retry-after':
      return instead(withHeader(call.failure(429), 'retry-after', String(fault.seconds ?? 30)))
    case 'garbage':
      return instead(new Response('\u0001{"id":,,', { headers: { 'content-type': 'application/json' } }))
    case 'html':
      return instead(
        new Response('<html><body>Bad gateway</body></html>', { headers: { 'content-type': 'text/html' } }),
      )
    case 'empty':
      return instead(new Response('', { headers: { 'content-type': 'application/json' } }))
    case 'redirect':
      return instead(new Response(null, { status: 302, headers: { location: 'http://127.0.0.1:9/' } }))
    default:
      return unreachable(fault.kind)
  }
}

const withHeader = (response: Response, name: string, value: string): Response => {
  const headers = new Headers(response.headers)
  headers.set(name, value)
  return new Response(response.body, { status: response.status, headers })
}

/** An answer that breaks off in its middle, as when the connection is reset. */
const brokenResponse = (): Response => {
  let pulls = 0
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      pulls += 1
      if (pulls === 1) controller.enqueue(new TextEncoder().encode('{'))
      else controller.error(new Error('The twin breaks the connection off'))
    },
  })
  return new Response(body, { headers: { 'content-type': 'application/json' } })
}
