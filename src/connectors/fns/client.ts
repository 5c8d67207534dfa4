import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { LRUCache } from 'lru-cache'
import { done, type Outcome } from '../../kernel/decision.ts'
import { type Instant, msOf, plusMs } from '../../kernel/time.ts'
import type { Attempt, Courier, DestinationPolicy } from '../connector.ts'
import { again, type Exchange, type ProviderCall, unsendable } from '../exchange.ts'
import {
  decide,
  decideIdentifier,
  type FnsSettings,
  type RegistryAnswer,
  readDadata,
  readEgr,
  readNegative,
  type Unavailable,
  type Verdict,
} from './wire.ts'

/** An answer may be used again for a decision within a day, "not found" within an hour; errors are never kept. */
const foundLifetimeMs = 24 * 3_600_000
const absentLifetimeMs = 3_600_000
/** Marks are worth a moment's wait; without them the company is taken with a note. */
const marksWithinMs = 10_000
const answersMax = 5000
/** A spent quota or a busy registry is asked again after these pauses. */
const quotaPauseMs = 3_600_000
const busyPauseMs = 60_000

/** Slow for large companies: 30 s proved too short for others. An outage never kills a look-up. */
const policy: DestinationPolicy = {
  concurrencyMax: 2,
  perSecondMax: 2,
  deadlineMs: 45_000,
  attemptsMax: 100_000,
  afterUnknown: 'repeat',
}

const LookUp = Type.Object({
  inn: Type.String({ minLength: 1, maxLength: 40 }),
  claimedName: Type.Union([Type.String(), Type.Null()]),
  applicantKind: Type.Union([Type.Literal('company'), Type.Literal('sole_trader'), Type.Null()]),
  secondLook: Type.Boolean(),
})

/** What a look-up came to. */
export type LookedUp = Verdict & { readonly checkedAt: Instant }

/** Our side of the tax registry: one question, whether a company is what it says. */
export const createFnsCourier = (
  settings: FnsSettings,
  options: { readonly call: ProviderCall; readonly perSecondMax?: number },
): Courier => {
  const registry = cached(askRegistry(settings, options.call), lifetimeOf)
  const second = settings.dadataApiKey === null ? null : cached(askDadata(settings, options.call), lifetimeOf)
  const marks = cached(askMarks(settings, options.call), (found) => (found === null ? 0 : foundLifetimeMs))
  return {
    destination: 'fns',
    policy: { ...policy, perSecondMax: options.perSecondMax ?? policy.perSecondMax },
    performers: {
      'fns.lookUp': async (payload, attempt) => {
        if (!Value.Check(LookUp, payload)) return unsendable('inn')
        const early = decideIdentifier(payload.inn, payload.applicantKind)
        if (early) return done({ ...early, checkedAt: attempt.now })
        const inn = payload.inn.trim()
        const first = await registry(inn, attempt)
        const fallback = second && first.tag !== 'found' ? await second(inn, attempt) : null
        // While the registry is away, a second source may name a company, but not deny one.
        const answer = fallback?.tag === 'found' ? fallback : first
        if (answer.tag === 'unavailable') return notAsked(answer, attempt.now)
        const input = { ...payload, inn, answer, confirmedAbsent: fallback?.tag === 'not-found' }
        const unscreened = decide({ ...input, negative: null })
        const isWorthAsking = unscreened.verdict === 'verified' && answer === first
        const verdict = isWorthAsking ? decide({ ...input, negative: await marks(inn, attempt) }) : unscreened
        return done({ ...verdict, checkedAt: attempt.now } satisfies LookedUp)
      },
    },
  }
}

type Ask<Answer> = (inn: string, attempt: Attempt) => Promise<Answer>

/** Why the registry could not be asked, as an outcome: never a verdict on the company. */
const notAsked = ({ kind, code, address, retryAfterSeconds }: Unavailable, now: Instant): Outcome<never> => {
  const detail = address
    ? `The registry does not serve the address ${address}: it should be allowed in the cabinet`
    : 'The registry could not be asked'
  if (kind === 'config') return { tag: 'later', code, detail, pauseDestination: 'until-resumed' }
  if (kind === 'transient') return again(code, detail)
  const askedMs = (retryAfterSeconds ?? 0) * 1000
  const pauseMs = kind === 'quota' ? quotaPauseMs : askedMs > 0 ? Math.min(askedMs, quotaPauseMs) : busyPauseMs
  return { tag: 'later', code, detail, notBefore: plusMs(now, pauseMs), pauseDestination: 'until-not-before' }
}

/** A source that is asked too often may say for how long it wants peace. */
const withPatience = (answer: RegistryAnswer, headers: Headers): RegistryAnswer => {
  const seconds = /^\d{1,6}$/.exec(headers.get('retry-after') ?? '')?.[0]
  return answer.tag === 'unavailable' && seconds !== undefined
    ? { ...answer, retryAfterSeconds: Number(seconds) }
    : answer
}

const askApi = (settings: FnsSettings, call: ProviderCall, asked: Asked): Promise<Exchange> =>
  call({
    method: 'GET',
    url: `${settings.baseUrl}/${asked.method}?${new URLSearchParams({ req: asked.inn, key: settings.apiKey })}`,
    headers: { accept: 'application/json' },
    signal: asked.signal,
  })

type Asked = { readonly method: 'egr' | 'check'; readonly inn: string; readonly signal: AbortSignal }

const askRegistry =
  (settings: FnsSettings, call: ProviderCall): Ask<RegistryAnswer> =>
  async (inn, { signal, now }) => {
    const answer = await askApi(settings, call, { method: 'egr', inn, signal })
    if (answer.tag !== 'response') return { tag: 'unavailable', kind: 'transient', code: answer.code }
    return withPatience(readEgr(inn, { status: answer.status, text: answer.text, at: now }), answer.headers)
  }

/** Marks of the registry on a company; null when they could not be had in time. */
const askMarks =
  (settings: FnsSettings, call: ProviderCall): Ask<readonly string[] | null> =>
  async (inn, attempt) => {
    const signal = AbortSignal.any([attempt.signal, AbortSignal.timeout(marksWithinMs)])
    const answer = await askApi(settings, call, { method: 'check', inn, signal })
    return answer.tag === 'response' ? readNegative(inn, answer) : null
  }

const askDadata =
  (settings: FnsSettings, call: ProviderCall): Ask<RegistryAnswer> =>
  async (inn, { signal, now }) => {
    const answer = await call({
      method: 'POST',
      url: `${settings.dadataBaseUrl}/findById/party`,
      headers: {
        authorization: `Token ${settings.dadataApiKey}`,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body: JSON.stringify({ query: inn, branch_type: 'MAIN', count: 10 }),
      signal,
    })
    if (answer.tag !== 'response') return { tag: 'unavailable', kind: 'transient', code: answer.code }
    return withPatience(readDadata(inn, { status: answer.status, text: answer.text, at: now }), answer.headers)
  }

/** How long an answer may be used again; what could not be asked is asked again. */
const lifetimeOf = ({ tag }: RegistryAnswer): number =>
  tag === 'found' ? foundLifetimeMs : tag === 'not-found' ? absentLifetimeMs : 0

/** Keeps answers for their lifetimes, and lets simultaneous questions about one INN share one request. */
const cached = <Answer>(ask: Ask<Answer>, lifetimeMs: (answer: Answer) => number): Ask<Answer> => {
  const answers = new LRUCache<string, { readonly answer: Answer; readonly at: number }>({ max: answersMax })
  const underway = new Map<string, Promise<Answer>>()
  return async (inn, attempt) => {
    const kept = answers.get(inn)
    const age = kept ? msOf(attempt.now) - kept.at : 0
    if (kept && age >= 0 && age < lifetimeMs(kept.answer)) return kept.answer
    const running = underway.get(inn) ?? ask(inn, attempt).finally(() => underway.delete(inn))
    underway.set(inn, running)
    const answer = await running
    if (lifetimeMs(answer) > 0) answers.set(inn, { answer, at: msOf(attempt.now) })
    return answer
  }
}
