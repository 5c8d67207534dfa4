import { protalkCourier } from '../connectors/protalk/client.ts'
import { toolClaims, toolTarget } from '../connectors/protalk/intake.ts'
import type { ProtalkBot } from '../connectors/protalk/tools.ts'
import { createProtalkTwin } from '../connectors/protalk/twin.ts'
import {
  type ProtalkFacts,
  type ProtalkHook,
  type ProtalkSettings,
  protalkHook,
  toolAnswer,
} from '../connectors/protalk/wire.ts'
import { webhookRoute } from '../http/intake.ts'
import { linkToken } from '../privacy/links.ts'
import { makeBotTools } from './botTools.ts'
import { followNotes, loadNote, saveNote } from './documents.ts'
import { errorFields } from './log.ts'
import { type Composing, off, type Provider, statusOf } from './provider.ts'

const twinBots = {
  clientBotToken: 'sandbox-client-bot',
  partnerBotToken: 'sandbox-partner-bot',
  clientBotId: '53194',
  partnerBotId: '53195',
}
const botNote = (bot: ProtalkBot): string => `protalk:bot:${bot}`
const bots = ['client', 'partner'] as const

/** Composes Protalk: the functions of both bots, the courier, and in the sandbox the bots themselves. */
export const composeProtalk = async (composing: Composing): Promise<Provider> => {
  const { config, core, publicUrl, ownUrl } = composing
  const status = statusOf(config, config.protalk)
  if (status === 'off') return off('protalk')
  const given = config.protalk
  const webhookSecrets =
    given && given.webhookSecrets.length > 0 ? given.webhookSecrets : [composing.derivedSecret('protalk')]
  const learned = given
    ? await learnedBots(composing, { client: given.clientBotId, partner: given.partnerBotId })
    : { client: twinBots.clientBotId, partner: twinBots.partnerBotId }
  const settings: ProtalkSettings = {
    clientBotToken: given?.clientBotToken ?? twinBots.clientBotToken,
    partnerBotToken: given?.partnerBotToken ?? twinBots.partnerBotToken,
    webhookSecrets,
    baseUrl: given?.baseUrl ?? `${ownUrl}/sandbox/protalk`,
    // Learned from the first call of each bot.
    get clientBotId() {
      return learned.client
    },
    get partnerBotId() {
      return learned.partner
    },
  }
  const learn = ({ bot, botId }: ProtalkFacts): void => {
    if (botId === null || learned[bot] !== null || !/^[\w-]{1,64}$/.test(botId)) return
    learned[bot] = botId
    saveNote(core, botNote(bot), botId).catch((error: unknown) =>
      composing.log.warn('The id of a bot could not be noted', errorFields(error)),
    )
  }
  const tools = makeBotTools({
    core,
    pagesUrl: config.service.pagesUrl ?? publicUrl,
    payUrl: (subscriptionId) => `${publicUrl}/pay/${linkToken(core.master, 'pay', subscriptionId)}`,
  })
  const routes = new Map(
    bots.map((bot) => [
      bot as string,
      webhookRoute<ProtalkSettings, ProtalkFacts>({
        source: 'protalk',
        route: `protalk/${bot}`,
        methods: ['POST', 'GET'],
        settings: () => settings,
        wire: oncePerDay,
        claims: toolClaims,
        intake: toolTarget,
        whenContentDiffers: 'conflict',
        inquire: async (facts) => {
          learn(facts)
          const result = await tools.answer(facts)
          return result === null ? null : toolAnswer(result)
        },
        answerAfter: async (facts) => toolAnswer(await tools.after(facts)),
      }),
    ]),
  )
  // The process that asks a bot may not be the one that the bot calls.
  const followed = followNotes(
    composing,
    Object.fromEntries(
      bots.map((bot) => [
        botNote(bot),
        (value: unknown) => {
          learned[bot] ??= typeof value === 'string' ? value : null
        },
      ]),
    ),
  )
  const [webhookSecret = ''] = webhookSecrets
  return {
    name: 'protalk',
    status,
    hooks: bots.map((bot) => `${publicUrl}/webhooks/protalk/${bot}`),
    courier: protalkCourier(settings, { call: composing.call }),
    places: [{ pattern: 'protalk/:bot', route: ({ bot }) => routes.get(bot ?? '') ?? null }],
    twin:
      status === 'twin' ? createProtalkTwin(composing.twinContext('protalk'), { ...twinBots, webhookSecret }) : null,
    close: followed.stop,
  }
}

const learnedBots = async (
  { core }: Composing,
  given: { readonly client: string | null; readonly partner: string | null },
): Promise<Record<ProtalkBot, string | null>> => {
  const noted = async (bot: ProtalkBot): Promise<string | null> => {
    const note = given[bot] ?? (await loadNote(core, botNote(bot)))
    return typeof note === 'string' ? note : null
  }
  return { client: await noted('client'), partner: await noted('partner') }
}

/** A cancellation may be asked for again after it was taken back; within a day it is the same wish. */
const oncePerDay: ProtalkHook = {
  ...protalkHook,
  read: (delivery, settings) => {
    const reading = protalkHook.read(delivery, settings)
    return reading.tag === 'facts' && reading.facts.tool === 'cancel_subscription'
      ? { ...reading, dedupeKey: `${reading.dedupeKey}:${delivery.receivedAt.slice(0, 10)}` }
      : reading
  },
}
