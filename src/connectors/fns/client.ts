import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { LRUCache } from 'lru-cache'
import { done, type Outcome } from '../../kernel/decision.ts'
import { type Instant, msOf, plusMs } from '../../kernel/time.ts'
import type { Attempt, Courier, DestinationPolicy } from '../connector.ts'
import type { ProviderCall } from '../exchange.ts'
import { again, unsendable } from '../exchange.ts'
import {
  decide,
  decideIdentifier,
  type FnsSettings,
  type RegistryAnswer,
  readDadata,
  readEgr,
  type Verdict,
} from './wire.ts'

/** An answer may be used again for a decision within a day, "not found" within an hour; errors are never kept. */
const foundLifetimeMs = 24 * 3_600_000
const absentLifetimeMs = 3_600_000
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
  const registry = cached(askRegistry(settings, options.call))
  const second = settings.dadataApiKey === null ? null : cached(askDadata(settings, options.call))
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
        const answer = fallback?.tag === 'found' || first.tag === 'unavailable' ? (fallback ?? first) : first
        if (answer.tag === 'unavailable' || (first.tag === 'unavailable' && answer.tag === 'not-found'))
          return notAsked(first.tag === 'unavailable' ? first : (answer as Unavailable), attempt.now)
        const confirmedAbsent = fallback?.tag === 'not-found'
        return done({
          ...decide({ ...payload, inn, answer, negative: [], confirmedAbsent }),
          checkedAt: attempt.now,
        } satisfies LookedUp)
      },
    },
  }
}

type Unavailable = Extract<RegistryAnswer, { tag: 'unavailable' }>
type Ask = (inn: string, attempt: Attempt) => Promise<RegistryAnswer>

/** Why the registry could not be asked, as an outcome: never a verdict on the company. */
const notAsked = ({ kind, code }: Unavailable, now: Instant): Outcome<never> => {
  const detail = 'The registry could not be asked'
  if (kind === 'config') return { tag: 'later', code, detail, pauseDestination: 'until-resumed' }
  if (kind === 'quota')
    return { tag: 'later', code, detail, notBefore: plusMs(now, quotaPauseMs), pauseDestination: 'until-not-before' }
  if (kind === 'rate')
    return { tag: 'later', code, detail, notBefore: plusMs(now, busyPauseMs), pauseDestination: 'until-not-before' }
  return again(code, detail)
}

const askRegistry =
  (settings: FnsSettings, call: ProviderCall): Ask =>
  async (inn, { signal, now }) => {
    const query = new URLSearchParams({ req: inn, key: settings.apiKey })
    const answer = await call({
      method: 'GET',
      url: `${settings.baseUrl}/egr?${query}`,
      headers: { accept: 'application/json' },
      signal,
    })
    if (answer.tag !== 'response') return { tag: 'unavailable', kind: 'transient', code: answer.code }
    return readEgr(inn, { status: answer.status, text: answer.text, at: now })
  }

const askDadata =
  (settings: FnsSettings, call: ProviderCall): Ask =>
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
    return readDadata(inn, { status: answer.status, text: answer.text, at: now })
  }

/** Keeps answers for their lifetimes, and lets simultaneous questions about one INN share one request. */
const cached = (ask: Ask): Ask => {
  const answers = new LRUCache<string, { readonly answer: RegistryAnswer; readonly at: number }>({ max: 5000 })
  const underway = new Map<string, Promise<RegistryAnswer>>()
  return async (inn, attempt) => {
    const kept = answers.get(inn)
    const age = kept ? msOf(attempt.now) - kept.at : 0
    if (kept && age >= 0 && age < (kept.answer.tag === 'found' ? foundLifetimeMs : absentLifetimeMs)) return kept.answer
    const running = underway.get(inn) ?? ask(inn, attempt).finally(() => underway.delete(inn))
    underway.set(inn, running)
    const answer = await running
    if (answer.tag !== 'unavailable') answers.set(inn, { answer, at: msOf(attempt.now) })
    return answer
  }
}
