import type { Api, Json } from './api.ts'
import type { DemoCompany } from './demoCompanies.ts'
import { exits, failure, type World } from './world.ts'

/** A letter as the mail sink keeps it. */
export type DemoLetter = { readonly id: string; readonly to: string; readonly subject: string; readonly text: string }

/** The sandbox as a visitor, a payer and an operator meet it. */
export type DemoWorld = {
  readonly register: (company: DemoCompany) => Promise<void>
  readonly addToRegistry: (company: DemoCompany) => Promise<void>
  readonly partnerWhen: (company: DemoCompany, holds: (partner: Json) => boolean, what: string) => Promise<Json>
  readonly partnersOf: (company: DemoCompany) => Promise<readonly Json[]>
  readonly letterWhen: (
    company: DemoCompany,
    holds: (letter: DemoLetter) => boolean,
    what: string,
  ) => Promise<DemoLetter>
  readonly lettersTo: (company: DemoCompany) => Promise<readonly DemoLetter[]>
  /** Posts the pay page as its button does; answers where the payer is sent. */
  readonly askToPay: (link: string) => Promise<string>
  readonly payBy: (card: 'good' | 'declined', location: string) => Promise<void>
  readonly paymentWhen: (partnerId: string, status: readonly string[], count: number) => Promise<Json>
  readonly eventWhen: (stream: string, type: string) => Promise<Json>
  readonly page: (path: string) => Promise<{ readonly status: number; readonly text: string }>
}

const pollMs = 150

/** Test cards of both providers' twins. */
const cards = {
  yookassa: { good: '4111111111111111', declined: '4562265587712390' },
  cloudpayments: { good: '4242424242424242', declined: '4000056655665556' },
} as const

/** The failure of a story that went another way than it should. */
export const differs = (detail: string) => failure(exits.refused, { code: 'demo-differs', detail })

/** Opens a sandbox; every wait ends at the deadline. */
export const openDemoWorld = (world: World, api: Api, deadlineMs: number): DemoWorld => {
  const until = async <Found>(look: () => Promise<Found | null>, what: string): Promise<Found> => {
    for (;;) {
      const found = await look()
      if (found !== null) return found
      if (world.interrupted().aborted) throw failure(exits.interrupted, { code: 'interrupted', detail: 'Interrupted' })
      if (world.nowMs() > deadlineMs) throw differs(`Waited for ${what} in vain`)
      await world.wait(pollMs)
    }
  }
  /** As a browser: without our token, and without following. */
  const browse = (path: string, init: RequestInit = {}): Promise<Response> =>
    world.fetch(`${api.url}${path}`, { redirect: 'manual', signal: world.interrupted(), ...init })
  const first = async (list: string, query: Readonly<Record<string, string>>): Promise<Json | null> =>
    (await api.list(list, query, 1)).items[0] ?? null
  const lettersTo = async (company: DemoCompany): Promise<readonly DemoLetter[]> => {
    const letters = await api.getAny('/sandbox/mail/messages')
    return Array.isArray(letters) ? (letters as DemoLetter[]).filter(({ to }) => to === company.email) : []
  }
  const partnersOf = async (company: DemoCompany) => (await api.list('partners', { email: company.email }, 10)).items
  return {
    register: (company) => submit(browse, company),
    addToRegistry: (company) => addCompany(browse, company),
    partnersOf,
    lettersTo,
    partnerWhen: (company, holds, what) =>
      until(async () => (await partnersOf(company)).find(holds) ?? null, `${company.company} to be ${what}`),
    letterWhen: (company, holds, what) =>
      until(async () => (await lettersTo(company)).find(holds) ?? null, `a letter to ${company.company} about ${what}`),
    askToPay: (link) => askToPay(browse, link),
    payBy: (card, location) => payBy(browse, card, location),
    paymentWhen: (partnerId, statuses, count) =>
      until(
        async () => {
          const { items } = await api.list('payments', { partnerId, sort: '-createdAt' }, count)
          const [last] = items
          return items.length >= count && last && statuses.includes(String(last.status)) ? last : null
        },
        `payment ${count} to be ${statuses.join(' or ')}`,
      ),
    eventWhen: (stream, type) => until(() => first('events', { stream, type }), `the event ${type}`),
    page: async (path) => {
      const response = await browse(path)
      return { status: response.status, text: await response.text() }
    },
  }
}

type Browse = (path: string, init?: RequestInit) => Promise<Response>

/** Fills in the form of the partners' site as its page does. */
const submit = async (browse: Browse, company: DemoCompany): Promise<void> => {
  const fields = {
    Компания: company.company,
    ИНН: company.inn,
    Имя: company.contact,
    Телефон: company.phone,
    Почта: company.email,
    Город: company.city,
    Услуги: company.services,
    Тариф: 'PARTNER-1M',
    Согласие: 'yes',
    hub_form: 'partner_registration',
  }
  const response = await browse('/sandbox/tilda/form', {
    method: 'POST',
    headers: { accept: 'application/json' },
    body: new URLSearchParams(fields),
  })
  const sent: unknown = await response.json().catch(() => null)
  const answer = sent !== null && typeof sent === 'object' && 'answer' in sent ? sent.answer : null
  const status = answer !== null && typeof answer === 'object' && 'status' in answer ? answer.status : null
  if (status !== 200)
    throw differs(`The form of ${company.company} was answered ${status ?? 'by nobody'}, it should be 200`)
}

const addCompany = async (browse: Browse, { inn, company, registryStatus }: DemoCompany): Promise<void> => {
  if (registryStatus === null) return
  const response = await browse('/sandbox/fns/', {
    method: 'POST',
    body: new URLSearchParams({ inn, name: company, status: registryStatus }),
  })
  await response.body?.cancel()
  if (response.status !== 303) throw differs(`The registry of the sandbox answered ${response.status} to a new company`)
}

const askToPay = async (browse: Browse, link: string): Promise<string> => {
  const response = await browse(new URL(link).pathname, {
    method: 'POST',
    body: new URLSearchParams({ autopay: 'on' }),
  })
  await response.body?.cancel()
  const location = response.headers.get('location')
  if (response.status !== 303 || location === null)
    throw differs(`The pay page answered ${response.status}, it should send the payer to the provider`)
  return location
}

/** The provider's own page names the payment with the last part of its address. */
const payBy = async (browse: Browse, card: 'good' | 'declined', location: string): Promise<void> => {
  const provider = location.includes('/cloudpayments/') ? 'cloudpayments' : 'yookassa'
  const id = new URL(location).pathname.split('/').at(-1) ?? ''
  const payer = provider === 'yookassa' ? { paymentId: id } : { orderId: id }
  const response = await browse(`/sandbox/${provider}/act`, {
    method: 'POST',
    body: JSON.stringify({ ...payer, card: cards[provider][card] }),
  })
  await response.body?.cancel()
  if (!response.ok) throw differs(`The twin of ${provider} answered ${response.status} to the card`)
}
