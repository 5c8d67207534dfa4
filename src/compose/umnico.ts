import type { Courier, Performer } from '../connectors/connector.ts'
import { umnicoCourier } from '../connectors/umnico/client.ts'
import { chatClaims, chatTarget, endsDeal, type StatusOf } from '../connectors/umnico/intake.ts'
import { createUmnicoTwin } from '../connectors/umnico/twin.ts'
import { type UmnicoSettings, umnicoHook } from '../connectors/umnico/wire.ts'
import { webhookRoute } from '../http/intake.ts'
import { done } from '../kernel/decision.ts'
import { followNotes, loadNote, saveNote } from './documents.ts'
import { type Composing, off, type Provider, statusOf } from './provider.ts'

const twinAccount = { apiKey: 'sandbox-umnico-key', accountId: '147517', widgetToken: 'sandbox-widget' }
const accountNote = 'umnico:account'
const statusesNote = 'umnico:statuses'
/** The provider switches a hook off after failures; nobody should wait longer for it to come back. */
const watchEveryMs = 10 * 60_000
const learnEveryMs = 10 * 60_000

/** What was learned of the account; read from the notes at the start, and again by the API. */
type Learned = { accountId: string | null; statuses: ReadonlyMap<string, { name: string; ends: boolean }> }

/** Composes Umnico: the hook with its watch, the courier, and in the sandbox the chat itself. */
export const composeUmnico = async (composing: Composing): Promise<Provider> => {
  const { config, core, publicUrl, ownUrl } = composing
  const status = statusOf(config, config.umnico)
  if (status === 'off') return off('umnico')
  const given = config.umnico
  const webhookSecrets =
    given && given.webhookSecrets.length > 0 ? given.webhookSecrets : [composing.derivedSecret('umnico')]
  const learned: Learned = {
    accountId: given ? given.accountId : twinAccount.accountId,
    statuses: statusesIn(await loadNote(core, statusesNote)),
  }
  if (learned.accountId === null) {
    const noted = await loadNote(core, accountNote)
    learned.accountId = typeof noted === 'string' ? noted : null
  }
  const settings: UmnicoSettings = {
    apiKey: given?.apiKey ?? twinAccount.apiKey,
    widgetToken: given?.widgetToken ?? twinAccount.widgetToken,
    webhookSecrets,
    baseUrl: given?.baseUrl ?? `${ownUrl}/sandbox/umnico/v1.3`,
    // Learned while the service runs.
    get accountId() {
      return learned.accountId
    },
  }
  const statusOfDeal: StatusOf = (id) => learned.statuses.get(id) ?? null
  const route = webhookRoute({
    source: 'umnico',
    route: 'umnico',
    methods: ['POST'],
    settings: () => settings,
    wire: umnicoHook,
    claims: chatClaims,
    intake: (facts, context) => chatTarget(facts, context, statusOfDeal),
    whenContentDiffers: 'conflict',
  })
  const [secret = ''] = webhookSecrets
  const hook = `${publicUrl}/webhooks/umnico/${secret}`
  const followed = followNotes(composing, {
    [statusesNote]: (value) => {
      learned.statuses = statusesIn(value)
    },
    [accountNote]: (value) => {
      learned.accountId ??= typeof value === 'string' ? value : null
    },
  })
  const learnsAccount = given !== null && given.accountId === null
  return {
    name: 'umnico',
    status,
    hooks: [hook],
    courier: learning({ composing, learned, hook }, umnicoCourier(settings, { call: composing.call })),
    places: [{ pattern: 'umnico/:secret', route: () => route }],
    periodic: [
      { kind: 'umnico.ensureWebhook', everyMs: watchEveryMs },
      { kind: 'umnico.readStatuses', everyMs: learnEveryMs },
      ...(learnsAccount ? [{ kind: 'umnico.readAccount', everyMs: learnEveryMs }] : []),
    ],
    twin:
      status === 'twin'
        ? createUmnicoTwin(composing.twinContext('umnico'), { ...twinAccount, webhookSecret: secret })
        : null,
    close: followed.stop,
  }
}

type Learning = { readonly composing: Composing; readonly learned: Learned; readonly hook: string }

/** The courier whose answers are noted, and whose hook's address does not lie in the outbox, because it holds the secret. */
const learning = ({ composing, learned, hook }: Learning, courier: Courier): Courier => {
  const ask = (kind: string): Performer => courier.performers[kind] ?? unknownPerformer
  const noting =
    (kind: string, note: (result: unknown) => Promise<void>): Performer =>
    async (payload, attempt) => {
      const outcome = await ask(kind)(payload, attempt)
      if (outcome.tag === 'done') await note(outcome.result)
      return outcome
    }
  return {
    ...courier,
    performers: {
      ...courier.performers,
      'umnico.ensureWebhook': async (_payload, attempt) => {
        const outcome = await ask('umnico.ensureWebhook')({ url: hook }, attempt)
        return outcome.tag === 'done' ? done({ state: (outcome.result as { state: string }).state }) : outcome
      },
      'umnico.readAccount': noting('umnico.readAccount', async (result) => {
        const { accountId } = result as { accountId: string }
        learned.accountId = accountId
        await saveNote(composing.core, accountNote, accountId)
      }),
      'umnico.readStatuses': noting('umnico.readStatuses', async (result) => {
        const { statuses } = result as { statuses: unknown }
        learned.statuses = statusesIn(statuses)
        await saveNote(composing.core, statusesNote, statuses)
      }),
    },
  }
}

const unknownPerformer: Performer = async () => ({
  tag: 'refused',
  code: 'performer-unknown',
  detail: 'The courier cannot do this',
})

const statusesIn = (value: unknown): Learned['statuses'] =>
  new Map(
    (Array.isArray(value) ? value : []).map((item: { statusId: string; type: string; name: string }) => [
      item.statusId,
      { name: item.name, ends: endsDeal(item.type) },
    ]),
  )
