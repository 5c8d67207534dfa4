import { randomUUID } from 'node:crypto'
import { v7 as uuidV7 } from 'uuid'
import type { Core } from '../compose/core.ts'
import { partnerId, partnerStream, paymentId, subscriptionIdOf, subscriptionStream } from '../domain/ids.ts'
import { models } from '../domain/index.ts'
import { type Message, modelOf } from '../engine/model.ts'
import { invariant } from '../kernel/brand.ts'
import { type Instant, parseInstant, plusDays, plusMs } from '../kernel/time.ts'
import type { EventMeta, NewEvent } from '../log/appendRequest.ts'
import { headPosition } from '../log/log.ts'

/** What a seeding is told. */
export type SeedOptions = {
  /** Events to append; the last lives are cut off where the number is reached. */
  readonly events: number
  /** The same seed tells the same lives; ids are new each time. */
  readonly seed: number
  readonly onProgress?: (progress: { readonly done: number; readonly target: number }) => void
}

/** What a seeding did. */
export type Seeded = { readonly events: number; readonly partners: number; readonly position: number }

/** Appends that are under way at once, each of another partner: the lane makes batches of them. */
const writersCount = 128
/** Partners whose lives one writer interleaves, so that neighbours in the log are of different people, as in a real one. */
const livesAtOnce = 16
const paidMonthsMax = 7
const meta: EventMeta = { command: 'Seed', cause: { kind: 'import', id: 'seed' } }

/** One append: commands for the decider of a stream, or events that no fold knows. */
type Step =
  | { readonly stream: string; readonly commands: readonly Message[] }
  | { readonly stream: string; readonly said: readonly Message[]; readonly subject: string }

type StreamState = { readonly version: number; readonly state: unknown }
type Life = { readonly steps: Iterator<Step>; readonly streams: Map<string, StreamState> }
type Random = () => number

/**
 * Appends a history of invented partners: applications, verdicts, subscriptions with monthly payments, chats and letters, about 40
 * events each. The domain's own deciders make the events and the lane appends them, sealed, with their claims, as the service does.
 */
export const seedHistory = async (core: Core, options: SeedOptions): Promise<Seeded> => {
  const before = await headPosition(core.sql)
  const writers = Math.max(1, Math.min(writersCount, Math.floor(options.events / 100)))
  let reserved = 0
  let done = 0
  let partners = 0
  /** Grants as many events as are still wanted. */
  const reserve = (count: number): number => {
    const granted = Math.min(count, options.events - reserved)
    reserved += granted
    return granted
  }
  const write = async (writer: number): Promise<void> => {
    const random = randomOf(options.seed * 100_003 + writer)
    const lives: Life[] = []
    while (reserved < options.events) {
      if (lives.length < livesAtOnce) {
        lives.push(newLife(random))
        partners += 1
      }
      const index = Math.floor(random() * lives.length)
      const life = lives[index]
      invariant(life, 'a life is chosen among those that there are')
      const next = life.steps.next()
      if (next.done) {
        lives.splice(index, 1)
        continue
      }
      const more = await appendStep(core, { life, step: next.value, reserve })
      done += more
      options.onProgress?.({ done, target: options.events })
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  const position = await headPosition(core.sql)
  await passReactors(core, { before, position })
  return { events: done, partners, position }
}

type Appending = { readonly life: Life; readonly step: Step; readonly reserve: (count: number) => number }

/** Decides, seals and appends one step; answers the number of events. */
const appendStep = async (core: Core, { life, step, reserve }: Appending): Promise<number> => {
  const known = life.streams.get(step.stream) ?? { version: 0, state: null }
  const decided = 'said' in step ? saidOf(step, known) : decidedOf(step, known)
  const granted = reserve(decided.events.length)
  const events = decided.events.slice(0, granted)
  if (events.length === 0) return 0
  const fresh: { subject: string; wrapped: Buffer }[] = []
  const rows: NewEvent[] = events.map((event) => {
    const eventId = uuidV7()
    const sealed = core.keys.sealData(event.data, { subject: event.subject, aad: eventId, personal: event.personal })
    if (sealed.fresh) fresh.push(sealed.fresh)
    return { eventId, subject: event.subject, type: event.type, data: sealed.data, meta }
  })
  const result = await core.lane.append({
    stream: step.stream,
    expectedVersion: known.version,
    events: rows,
    keys: fresh,
    claims: { take: decided.take.map(core.pepper), release: decided.release.map(core.pepper) },
  })
  if (result.tag === 'claimed') {
    // Another invented company has this INN already: the life ends before it began.
    life.steps.return?.()
    reserve(-granted)
    return 0
  }
  if (result.tag !== 'appended')
    throw new Error(`Cannot seed: an append to "${step.stream}" was answered ${result.tag}`)
  life.streams.set(step.stream, { version: result.version, state: decided.state })
  return events.length
}

type DecidedEvent = Message & { readonly subject: string; readonly personal: readonly string[] }
type Decided = {
  readonly events: readonly DecidedEvent[]
  readonly state: unknown
  readonly take: readonly string[]
  readonly release: readonly string[]
}

/** Puts commands before the decider of their stream, one after the other. */
const decidedOf = (step: { stream: string; commands: readonly Message[] }, known: StreamState): Decided => {
  const model = modelOf(models, step.stream)
  let state = known.state ?? model.initial
  const events: DecidedEvent[] = []
  const take: string[] = []
  const release: string[] = []
  for (const command of step.commands) {
    const decision = model.decide(state, command)
    if (decision.tag === 'refused') throw new Error(`Cannot seed: ${decision.detail}`)
    for (const event of decision.events) {
      const claims = model.claimsOf(state, event)
      take.push(...claims.take)
      release.push(...claims.release.filter((claim) => !take.includes(claim)))
      const subject = model.subjectOf(step.stream, state, event)
      events.push({ ...event, subject, personal: model.personal[event.type] ?? [] })
      state = model.evolve(state, event)
    }
  }
  return { events, state, take, release }
}

/** Chats and letters are part of the history but of no fold that is seeded. */
const saidOf = (step: { said: readonly Message[]; subject: string }, known: StreamState): Decided => ({
  events: step.said.map((event) => ({ ...event, subject: step.subject, personal: ['text', 'to'] })),
  state: known.state,
  take: [],
  release: [],
})

const newLife = (random: Random): Life => ({ steps: lifeOf(random), streams: new Map() })

const firstDay = parseInstant('2024-01-09T06:00:00Z')
const cities = ['Ярославль', 'Тверь', 'Калуга', 'Рязань', 'Пермь', 'Омск', 'Самара', 'Томск']
const services = ['Ипотека', 'Оценка', 'Сопровождение сделки', 'Аренда', 'Новостройки', 'Загородные дома']
const names = ['Иванова Мария', 'Петров Олег', 'Сидорова Анна', 'Кузнецов Илья', 'Орлова Вера', 'Лебедев Пётр']
const questions = [
  'Сколько стоит сопровождение сделки?',
  'Когда можно посмотреть квартиру?',
  'Работаете ли вы с ипотекой?',
]

const pick = <T>(random: Random, items: readonly [T, ...T[]] | readonly T[]): T => {
  const item = items[Math.floor(random() * items.length)]
  invariant(item !== undefined, 'a choice is made among items that there are')
  return item
}

/** The life of one partner, step by step. */
function* lifeOf(random: Random): Generator<Step, void> {
  invariant(firstDay, 'the first day is a moment')
  let at = plusMs(firstDay, Math.floor(random() * 300 * 86_400_000))
  const id = partnerId(randomUUID())
  const partner = partnerStream(id)
  const talk = (): Step => ({ stream: `seedtalk-${id}`, said: talkOf(random, at), subject: id })
  const form = applicationOf(random)
  yield { stream: partner, commands: [{ type: 'ApplyAsPartner', data: { at, partnerId: id, application: form } }] }
  yield talk()
  at = plusMs(at, 60_000)
  const verdict = random() < 0.9 ? 'verified' : 'rejected'
  yield { stream: partner, commands: [{ type: 'RecordVerdict', data: verdictOf({ at, form, verdict, id }) }] }
  if (verdict === 'rejected') return
  yield* subscriptionLife({ random, at, id, talk })
  yield {
    stream: partner,
    commands: [
      { type: 'ChangeProfile', data: { at: plusDays(at, 40), application: { ...form, city: pick(random, cities) } } },
    ],
  }
}

type SubscriptionLife = {
  readonly random: Random
  readonly at: Instant
  readonly id: ReturnType<typeof partnerId>
  readonly talk: () => Step
}

/** Opens a subscription and pays for it month after month, sometimes late, sometimes at the second try. */
function* subscriptionLife({ random, at: opened, id, talk }: SubscriptionLife): Generator<Step, void> {
  const subscriptionId = subscriptionIdOf(id)
  const stream = subscriptionStream(subscriptionId)
  const plan = { plan: 'PARTNER-1M', title: '1 месяц', priceKopecks: 250_000, months: 1 }
  let at = opened
  yield { stream, commands: [{ type: 'OpenSubscription', data: { at, subscriptionId, partnerId: id, ...plan } }] }
  const months = 1 + Math.floor(random() * paidMonthsMax * 1.6)
  for (let month = 0; month < months; month++) {
    const payment = paymentId(randomUUID())
    const providerPaymentId = randomUUID()
    const request = { at, paymentId: payment, provider: 'yookassa', autopay: month > 0 }
    const link = {
      at,
      paymentId: payment,
      providerPaymentId,
      confirmationUrl: `https://pay.example.ru/${providerPaymentId}`,
      expiresAt: plusMs(at, 3_300_000),
    }
    yield {
      stream,
      commands: [
        { type: 'RequestPayment', data: request },
        { type: 'RecordPaymentLink', data: link },
      ],
    }
    const told = { paymentId: payment, providerPaymentId, subscriptionId }
    at = plusMs(at, 120_000)
    if (random() < 0.1) yield { stream, commands: [answer(at, { ...told, status: 'declined' })] }
    yield { stream, commands: [answer(at, { ...told, status: 'succeeded' })] }
    if (random() < 0.6) yield talk()
    at = plusDays(at, 32)
    if (random() < 0.2) yield { stream, commands: [{ type: 'CheckPeriod', data: { at } }] }
  }
  if (random() < 0.2) yield { stream, commands: [{ type: 'CancelSubscription', data: { at, when: 'period_end' } }] }
}

const answer = (at: Instant, told: Readonly<Record<string, unknown>>): Message => ({
  type: 'RecordProviderPayment',
  data: {
    at,
    payment: {
      provider: 'yookassa',
      amountKopecks: 250_000,
      refundedKopecks: 0,
      currency: 'RUB',
      accountId: '100001',
      test: true,
      paidAt: at,
      declineReason: told.status === 'declined' ? 'insufficient_funds' : null,
      savedMethod: { id: '2e5f1a7c', title: 'Bank card *4444' },
      ...told,
    },
    expected: { accountId: null, test: null },
  },
})

const talkOf = (random: Random, at: Instant): Message[] => [
  { type: 'SeedMessageReceived', data: { at, channel: 'telegram', text: pick(random, questions) } },
  {
    type: 'SeedMessageSent',
    data: { at: plusMs(at, 2000), channel: 'telegram', text: 'Спасибо за вопрос, сейчас отвечу подробно.' },
  },
  ...(random() < 0.5 ? [{ type: 'SeedLetterSent', data: { at, template: 'reminder', to: 'partner@example.ru' } }] : []),
]

/** Ten digits, the last one being the check digit of the nine before it. */
const innOf = (random: Random): string => {
  const digits = Array.from({ length: 9 }, (_, index) =>
    index === 0 ? 1 + Math.floor(random() * 9) : Math.floor(random() * 10),
  )
  const weights = [2, 4, 10, 3, 5, 9, 4, 6, 8]
  const sum = digits.reduce((total, digit, index) => total + digit * (weights[index] ?? 0), 0)
  return `${digits.join('')}${(sum % 11) % 10}`
}

const applicationOf = (random: Random) => {
  const number = Math.floor(random() * 1e9)
  return {
    contactName: pick(random, names),
    phone: `+79${String(number).padStart(9, '0')}`,
    email: `partner${number}@example.ru`,
    inn: innOf(random),
    companyName: `ООО «Пример ${number % 10_000}»`,
    city: pick(random, cities),
    services: [pick(random, services), 'Консультация'],
    areas: ['Центр'],
    plan: null,
    comment: null,
    personalData: true,
    marketing: random() < 0.5,
    policyText: 'Согласие, редакция 1',
    utm: { source: pick(random, ['search', 'social', 'direct']) },
    formId: 'form1',
  }
}

type VerdictParts = {
  readonly at: Instant
  readonly form: ReturnType<typeof applicationOf>
  readonly verdict: 'verified' | 'rejected'
  readonly id: string
}

const verdictOf = ({ at, form, verdict, id }: VerdictParts) => ({
  at,
  checkedAt: at,
  verdict,
  reason: verdict === 'verified' ? 'active' : 'liquidated',
  detail: '',
  company: {
    kind: 'company',
    inn: form.inn,
    kpp: '770001001',
    ogrn: '1027700132195',
    legalName: form.companyName.toUpperCase(),
    region: '77',
    rawStatus: verdict === 'verified' ? 'Действующее' : 'Ликвидировано',
    source: 'seed',
  },
  slug: `primer-${id.slice(-10)}`,
})

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
const randomOf = (seed: number): Random => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Nobody is called about invented people: rules that stood at the head before the seeding go on after it. */
const passReactors = async (core: Core, at: { readonly before: number; readonly position: number }): Promise<void> => {
  await core.sql`update hub.followers set position = ${at.position} where name = 'reactors' and position = ${at.before}`
  if (at.before === 0)
    await core.sql`insert into hub.followers (name, position) values ('reactors', ${at.position}) on conflict (name) do nothing`
}
