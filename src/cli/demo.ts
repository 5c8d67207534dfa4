import type { Language } from '../kernel/explanations.ts'
import { type Api, type Json, openApi } from './api.ts'
import { type Call, type CommandSpec, choice, flag, option } from './command.ts'
import { demoCompanies } from './demoCompanies.ts'
import { type DemoOutcome, playCompany } from './demoPlay.ts'
import { type OwnService, startOwnService } from './demoService.ts'
import { openDemoWorld } from './demoWorld.ts'
import { exits, failure, isFailure, type World } from './world.ts'

/** The whole day has to be over by then. */
const dayMsMax = 60_000

/** `hub demo`: five companies come to a sandbox, and each story ends as it should. */
export const demo: CommandSpec = {
  usage: 'demo',
  summary:
    'Play a day of a sandbox: five companies register, pay, are declined or refused; ends with 1 if one went astray',
  options: [
    ['--lang <language>', 'ru (default) or en'],
    ['--keep', 'when a sandbox was started for it: leave it running'],
  ],
  examples: ['hub demo', 'hub demo --lang en --keep', 'hub demo --json'],
  run: async (call) => {
    const language = choice(call, 'lang', { choices: ['ru', 'en'], usual: 'ru' })
    const own = (await isRunning(call)) ? null : await startOwn(call)
    const api = own ? openApi(call.world, own) : call.api()
    try {
      return await playDay(call, api, language)
    } finally {
      if (own && !flag(call, 'keep')) {
        await own.stop()
        if (!call.json) call.world.say('The sandbox was ended and its links with it; --keep leaves it running')
      } else if (own)
        call.world.say(
          `The sandbox goes on at ${own.url}, with HUB_OPERATOR_TOKEN=${own.token} and DATA_DIR=${own.dataDir}`,
        )
    }
  },
}

/** A service that was named has to be there; otherwise one is started. */
const isRunning = async (call: Call): Promise<boolean> => {
  try {
    await call.api().get('/healthz')
    return true
  } catch (error) {
    const named = option(call, 'url') !== null || (call.world.env.HUB_URL ?? '') !== ''
    if (named || !isFailure(error) || error.exit !== exits.unreachable) throw error
    return false
  }
}

const startOwn = (call: Call): Promise<OwnService> => {
  call.world.say('No service is running; starting a sandbox for the demonstration')
  return startOwnService(call.world)
}

const playDay = async (call: Call, api: Api, language: Language): Promise<number> => {
  await requireSandbox(api)
  const { world } = call
  const demoWorld = openDemoWorld(world, api, world.nowMs() + dayMsMax)
  const companies = demoCompanies(seedOf(world))
  const stories = companies.map((company) => playCompany(world, demoWorld, company))
  // A story that fails while an earlier one is still told is no stray rejection.
  for (const story of stories) story.catch(() => {})
  const outcomes: DemoOutcome[] = []
  for (const story of stories) {
    const outcome = await story
    outcomes.push(outcome)
    if (!call.json) await world.out(storyText(api.url, outcome, language))
  }
  const astray = outcomes.filter(({ difference }) => difference !== null)
  if (call.json)
    await world.out(
      `${JSON.stringify({ ok: astray.length === 0, url: api.url, companies: outcomes.map(plain) }, null, 2)}\n`,
    )
  else await world.out(endText(astray, language))
  return astray.length === 0 ? exits.ok : exits.refused
}

/** Five digits that this sandbox has probably not seen yet. */
const seedOf = (world: World): string =>
  String(Number.parseInt(world.newId().replaceAll('-', '').slice(-8), 16) % 100_000).padStart(5, '0')

const requireSandbox = async (api: Api): Promise<void> => {
  for (const path of ['/sandbox/tilda/', '/sandbox/fns/', '/sandbox/mail/messages']) {
    const response = await api.raw(path)
    await response.body?.cancel()
    if (!response.ok)
      throw failure(exits.refused, {
        code: 'demo-needs-sandbox',
        detail: `Cannot play a day at ${api.url}: it has no twin at ${path}`,
      })
  }
}

const plain = ({ company, status, subscription, pageUrl, letters, difference, partnerId }: DemoOutcome): Json => ({
  company: company.company,
  inn: company.inn,
  expected: company.expected,
  partnerId,
  status,
  subscription,
  pageUrl,
  letters: letters.map(({ subject }) => subject),
  difference,
})

const seconds = (ms: number): string => (ms / 1000).toFixed(1).padStart(5)

const storyText = (url: string, outcome: DemoOutcome, language: Language): string => {
  const { company, steps, partnerId, pageUrl, letters, difference } = outcome
  const russian = language === 'ru'
  const links = [
    ...(pageUrl === null ? [] : [[russian ? 'страница' : 'page', new URL(pageUrl, url).href]]),
    ...(partnerId === null ? [] : [[russian ? 'карточка' : 'card', `${url}/console/partners/${partnerId}`]]),
    ...letters.map(({ id, subject }) => [
      russian ? 'письмо' : 'letter',
      `${url}/sandbox/mail/letters/${id}  ${subject}`,
    ]),
  ]
  return [
    `\n${company.company}, ${russian ? 'ИНН' : 'INN'} ${company.inn}, ${company.city}\n`,
    ...steps.map(({ afterMs, words }) => `  ${seconds(afterMs)} ${russian ? 'с' : 's'}  ${words[language]}\n`),
    ...links.map(([name = '', link]) => `           ${name.padEnd(8)} ${link}\n`),
    ...(difference === null ? [] : [`  ${russian ? 'ИНАЧЕ, ЧЕМ ДОЛЖНО' : 'NOT AS IT SHOULD BE'}: ${difference}\n`]),
  ].join('')
}

const endText = (astray: readonly DemoOutcome[], language: Language): string => {
  if (astray.length === 0)
    return language === 'ru'
      ? '\nВсе пять историй закончились как должны.\n'
      : '\nAll five stories ended as they should.\n'
  return language === 'ru'
    ? `\nИстории, которые пошли не так: ${astray.length}.\n`
    : `\nStories that went another way: ${astray.length}.\n`
}
