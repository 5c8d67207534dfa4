import { unreachable } from '../kernel/brand.ts'
import type { Words } from '../kernel/explanationWords.ts'
import type { Json } from './api.ts'
import type { DemoCompany } from './demoCompanies.ts'
import { type DemoLetter, type DemoWorld, differs } from './demoWorld.ts'
import { isFailure, type World } from './world.ts'

/** Something that happened, in both languages, and how long it took since the form. */
export type Step = { readonly afterMs: number; readonly words: Words }

/** How the story of a company ended. */
export type DemoOutcome = {
  readonly company: DemoCompany
  readonly partnerId: string | null
  readonly status: string | null
  readonly subscription: string | null
  readonly pageUrl: string | null
  readonly letters: readonly DemoLetter[]
  readonly steps: readonly Step[]
  /** What went another way than it should; null when all is well. */
  readonly difference: string | null
}

type Stage = {
  readonly demo: DemoWorld
  readonly company: DemoCompany
  readonly tell: (ru: string, en: string) => void
}

/** Plays the story of one company to its end, and looks at what came of it. */
export const playCompany = async (world: World, demo: DemoWorld, company: DemoCompany): Promise<DemoOutcome> => {
  const startMs = world.nowMs()
  const steps: Step[] = []
  const tell = (ru: string, en: string): void => {
    steps.push({ afterMs: world.nowMs() - startMs, words: { ru, en } })
  }
  const difference = await play({ demo, company, tell }).then(
    () => null,
    (error: unknown) => {
      // A lost service ends the day for everybody; another course of one story is told with it.
      if (!isFailure(error) || error.code !== 'demo-differs') throw error
      return error.message
    },
  )
  const [partner] = await demo.partnersOf(company)
  const letters = await demo.lettersTo(company)
  const outcome = {
    company,
    partnerId: textAt(partner, 'partnerId'),
    status: textAt(partner, 'status'),
    subscription: textAt(objectAt(partner, 'subscription'), 'status'),
    pageUrl: textAt(objectAt(partner, 'page'), 'url'),
    letters,
    steps,
  }
  return { ...outcome, difference: difference ?? unexpected(outcome) }
}

const unexpected = ({
  company,
  status,
  subscription,
}: Pick<DemoOutcome, 'company' | 'status' | 'subscription'>): string | null => {
  const { expected } = company
  if (status !== expected.status) return `${company.company} is ${status}, it should be ${expected.status}`
  if (subscription !== expected.subscription)
    return `The subscription of ${company.company} is ${subscription}, it should be ${expected.subscription}`
  return null
}

const objectAt = (item: Json | null | undefined, field: string): Json | null => {
  const value = item?.[field]
  return typeof value === 'object' && value !== null ? (value as Json) : null
}

const textAt = (item: Json | null | undefined, field: string): string | null => {
  const value = item?.[field]
  return typeof value === 'string' ? value : null
}

const play = async (stage: Stage): Promise<void> => {
  const { demo, company, tell } = stage
  await demo.addToRegistry(company)
  await demo.register(company)
  tell('заполнила форму на сайте партнёров', 'filled in the form on the partners’ site')
  switch (company.plot) {
    case 'pays':
      return paid(stage, await payLink(stage), 1)
    case 'declined-then-pays': {
      const link = await payLink(stage)
      await declined(stage, link)
      return paid(stage, link, 2)
    }
    case 'liquidated':
      return rejected(stage, 'компания ликвидирована', 'the company is liquidated')
    case 'bad-inn':
      return rejected(stage, 'контрольная цифра ИНН не сходится', 'the check digit of the INN is wrong')
    case 'twice':
      return repeated(stage)
    default:
      return unreachable(company.plot)
  }
}

const linkIn = ({ text }: DemoLetter): string | null => /https?:\/\/\S+\/pay\/[\w-]+/.exec(text)?.[0] ?? null

/** Waits for the registry's word and the letter with the pay link. */
const payLink = async ({ demo, company, tell }: Stage): Promise<string> => {
  await demo.partnerWhen(company, (partner) => partner.status === 'verified', 'verified')
  tell('ФНС подтвердила: компания действует', 'the tax registry confirmed: the company is active')
  const letter = await demo.letterWhen(company, (one) => linkIn(one) !== null, 'the payment')
  tell(
    `получила письмо «${letter.subject}» со ссылкой на оплату`,
    `got the letter "${letter.subject}" with the pay link`,
  )
  return linkIn(letter) ?? ''
}

const idOf = async ({ demo, company }: Stage): Promise<string> => String((await demo.partnersOf(company))[0]?.partnerId)

const declined = async (stage: Stage, link: string): Promise<void> => {
  const { demo, company, tell } = stage
  await demo.payBy('declined', await demo.askToPay(link))
  await demo.paymentWhen(await idOf(stage), ['declined', 'canceled'], 1)
  tell('карта отклонена: не хватило денег', 'the card was declined: not enough money')
  const letter = await demo.letterWhen(
    company,
    ({ subject }) => /отклон|не про|не удал/i.test(subject),
    'the declined payment',
  )
  tell(`получила письмо «${letter.subject}»`, `got the letter "${letter.subject}"`)
}

const paid = async (stage: Stage, link: string, attempt: number): Promise<void> => {
  const { demo, company, tell } = stage
  await demo.payBy('good', await demo.askToPay(link))
  tell('заплатила тестовой картой у провайдера', 'paid by a test card at the provider')
  await demo.paymentWhen(await idOf(stage), ['succeeded'], attempt)
  const partner = await demo.partnerWhen(company, ({ listed }) => listed === true, 'listed')
  tell(
    'провайдер подтвердил деньги, подписка действует',
    'the provider confirmed the money, the subscription is active',
  )
  const pagePath = `/partners/${textAt(partner, 'slug')}`
  const page = await demo.page(pagePath)
  if (page.status !== 200) throw differs(`The page ${pagePath} answers ${page.status}, it should be 200`)
  tell('страница партнёра открыта для всех', 'the partner page is public')
  const letter = await demo.letterWhen(company, ({ text }) => text.includes(pagePath), 'its page')
  tell(`получила письмо «${letter.subject}»`, `got the letter "${letter.subject}"`)
}

const rejected = async ({ demo, company, tell }: Stage, ru: string, en: string): Promise<void> => {
  await demo.partnerWhen(company, (partner) => partner.status === 'rejected', 'rejected')
  tell(`заявка отклонена: ${ru}`, `the application was rejected: ${en}`)
  const letter = await demo.letterWhen(
    company,
    ({ subject }) => /отклон|не принят|не может|не под/i.test(subject),
    'the rejection',
  )
  tell(`получила письмо «${letter.subject}»`, `got the letter "${letter.subject}"`)
}

/** One INN is one partner: the second form is recorded and changes nothing. */
const repeated = async (stage: Stage): Promise<void> => {
  const { demo, company, tell } = stage
  await payLink(stage)
  const partnerId = await idOf(stage)
  await demo.register({ ...company, city: 'Череповец' })
  tell('заполнила форму ещё раз', 'filled in the form once more')
  await demo.eventWhen(`partner-${partnerId}`, 'PartnerApplicationRepeated')
  const partners = await demo.partnersOf(company)
  if (partners.length !== 1) throw differs(`${company.company} is ${partners.length} partners, it should be 1`)
  if (partners[0]?.city !== company.city) throw differs(`The second form of ${company.company} overwrote the first one`)
  tell(
    'второй заявки не появилось: она записана у того же партнёра',
    'no second partner came of it: it is recorded with the first',
  )
}
