import assert from 'node:assert/strict'
import {
  askToPay,
  form,
  letterTo,
  partnerWhen,
  payAtCloudPayments,
  payAtYooKassa,
  payLink,
  submitForm,
} from './road.ts'
import { type Json, type RunningService, until } from './service.ts'

/** What differs between the two providers as a payer and a bank see them. */
export type TestProvider = {
  readonly name: 'yookassa' | 'cloudpayments'
  /** A card that pays at once and by its saved method. */
  readonly card: string
  readonly pay: (service: RunningService, location: string, card: string) => Promise<Response>
  /** The path of a charge of a saved method in the ledger of the twin. */
  readonly chargePath: string
  /** Codes of a refusal that may be tried again and of one that may not. */
  readonly soft: string
  readonly hard: string
}

/** Both providers. */
export const testProviders: readonly TestProvider[] = [
  {
    name: 'yookassa',
    card: '4111111111111111',
    pay: payAtYooKassa,
    chargePath: '/v3/payments',
    soft: 'insufficient_funds',
    hard: 'card_expired',
  },
  {
    name: 'cloudpayments',
    card: '4242424242424242',
    pay: payAtCloudPayments,
    chargePath: '/payments/tokens/charge',
    soft: '5051',
    hard: '5054',
  },
]

/** A partner with a page. */
export type PaidPartner = {
  readonly partnerId: string
  readonly subscriptionId: string
  readonly slug: string
  readonly payLink: string
}

/** Where letters to the partner of these tests go. */
export const address = 'maria@example.ru'

/** Registers a partner, who pays a month by hand; with `autopay` the method is saved. */
export const paidPartner = async (
  service: RunningService,
  provider: TestProvider,
  { autopay, card = provider.card }: { readonly autopay: boolean; readonly card?: string },
): Promise<PaidPartner> => {
  await submitForm(service, form())
  const link = payLink(await letterTo(service, address, /осталась оплата/))
  await payByHand(service, provider, { link, autopay, card })
  const partner = await partnerWhen(service, '7700000009', (row) => row.listed, 'listed')
  const { subscriptionId } = partner.subscription
  if (autopay) await subscriptionWhen(service, subscriptionId, (row) => row.savedMethod, 'ready to be charged')
  return { partnerId: partner.partnerId, subscriptionId, slug: partner.slug, payLink: link }
}

/** Pays by the link, as a payer does. */
export const payByHand = async (
  service: RunningService,
  provider: TestProvider,
  { link, autopay, card = provider.card }: { readonly link: string; readonly autopay: boolean; readonly card?: string },
): Promise<void> => {
  const location = await askToPay(link, autopay ? { autopay: '1' } : {})
  assert.equal((await provider.pay(service, location, card)).status, 200)
}

/** The subscription as soon as a condition holds. */
export const subscriptionWhen = async (
  service: RunningService,
  id: string,
  condition: (row: Json) => boolean,
  what: string,
): Promise<Json> => {
  let found: Json
  await until(
    async () => {
      found = (await service.get(`/api/v1/subscriptions/${id}`)).body
      return condition(found)
    },
    () => `the subscription to be ${what}: ${JSON.stringify(found)}`,
  )
  return found
}

/** The moment that the service believes in. */
export const nowOf = async (service: RunningService): Promise<string> =>
  (await service.post('/sandbox/clock', { advance: '0s' })).body.now

/** Moves the clock just past a moment. */
export const moveTo = async (service: RunningService, at: string): Promise<void> => {
  const seconds = Math.max(0, Math.ceil((Date.parse(at) - Date.parse(await nowOf(service))) / 1000)) + 1
  assert.equal((await service.post('/sandbox/clock', { advance: `${Math.floor(seconds / 60)}m` })).status, 200)
  assert.equal((await service.post('/sandbox/clock', { advance: `${seconds % 60}s` })).status, 200)
}

/** A moment some days later. */
export const daysAfter = (at: string, days: number): string =>
  new Date(Date.parse(at) + days * 86_400_000).toISOString()

/** The charges of saved methods that the twin carried out, whatever the bank said. */
export const chargesAt = async (service: RunningService, provider: TestProvider): Promise<readonly Json[]> => {
  const ledger = await (await fetch(`${service.url}/sandbox/${provider.name}/ledger`)).json()
  const applied = ledger.calls.filter(
    (call: Json) => call.applied && call.method === 'POST' && call.path === provider.chargePath,
  )
  // Payments by hand are made by the same call at YooKassa; the one that began the subscription is the first.
  return provider.name === 'yookassa' ? applied.slice(await handPayments(service)) : applied
}

const handPayments = async (service: RunningService): Promise<number> => {
  const events = (await service.get('/api/v1/events?type=PaymentRequested&limit=500')).body.items as Json[]
  return events.filter((event) => !event.data.renewal).length
}

/** Tells the bank what to say to the next charges of the saved method; null: yes. */
export const bankSays = async (service: RunningService, provider: TestProvider, code: string | null): Promise<void> => {
  const events = (await service.get('/api/v1/events?type=PaymentSucceeded&limit=500')).body.items as Json[]
  const method = events.at(-1)?.data.savedMethod?.id ?? events[0]?.data.savedMethod?.id
  assert.ok(method, 'a method was saved')
  const asked =
    provider.name === 'yookassa' ? { methodId: method, reason: code } : { token: method, reasonCode: Number(code ?? 0) }
  const answer = await fetch(`${service.url}/sandbox/${provider.name}/act`, {
    method: 'POST',
    body: JSON.stringify(asked),
  })
  assert.equal(answer.status, 200)
}

/** How many letters to the partner have a subject that matches. */
export const lettersAbout = async (service: RunningService, subject: RegExp): Promise<number> => {
  const letters: Json[] = await (await fetch(`${service.url}/sandbox/mail/messages`)).json()
  return letters.filter((letter) => letter.to === address && subject.test(letter.subject)).length
}

/** What the public sees of the partner: 200 while the page is open. */
export const pageStatus = async (service: RunningService, { slug }: PaidPartner): Promise<number> => {
  const response = await fetch(`${service.url}/partners/${slug}`)
  await response.body?.cancel()
  return response.status
}

/** The payments, the oldest first, as they are when the list has seen what a row of another list has seen. */
export const paymentsSince = async (
  service: RunningService,
  { position }: { readonly position: number },
): Promise<readonly Json[]> => (await service.get(`/api/v1/payments?sort=createdAt&minPosition=${position}`)).body.items
