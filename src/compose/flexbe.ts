import type { Attempt, Courier, Performer } from '../connectors/connector.ts'
import { type FlexbePull, flexbeCourier } from '../connectors/flexbe/client.ts'
import { siteClaims, siteLeadTarget, siteTarget } from '../connectors/flexbe/intake.ts'
import type { FlexbeLead } from '../connectors/flexbe/lead.ts'
import { createFlexbeTwin } from '../connectors/flexbe/twin.ts'
import { type FlexbeSettings, flexbeHook } from '../connectors/flexbe/wire.ts'
import type { Finding } from '../domain/reconciliationMessages.ts'
import { webhookRoute } from '../http/intake.ts'
import { done, type Outcome } from '../kernel/decision.ts'
import type { Origin } from '../log/appendRequest.ts'
import { claimHolders } from '../log/log.ts'
import { loadNote, saveNote } from './documents.ts'
import { type Composing, off, type Provider, statusOf } from './provider.ts'
import { pageAsked } from './reconciliation.ts'

/** The site, in punycode as it goes over the wire. */
const siteUrl = 'https://xn----7sblg6ajc1e4b.xn--p1ai'
const twinSite = { apiKey: 'sandbox-flexbe-key', siteId: '12345' }
const cursorNote = 'flexbe:cursor'
/** Hooks may fail to come, so leads are pulled at least every 5 minutes; one period may just have begun, and a pull takes time. */
const pullEveryMs = 4 * 60_000
/** How often a lead looks again for its stream after somebody else took its claim. */
const routingsMax = 5

/** Composes Flexbe: the hook as a hint, the pull as the truth, and in the sandbox the site itself. */
export const composeFlexbe = (composing: Composing): Provider => {
  const { config, publicUrl, ownUrl } = composing
  const status = statusOf(config, config.flexbe)
  if (status === 'off') return off('flexbe')
  const given = config.flexbe
  const webhookSecrets =
    given && given.webhookSecrets.length > 0 ? given.webhookSecrets : [composing.derivedSecret('flexbe')]
  const settings: FlexbeSettings = given
    ? { apiKey: given.apiKey, webhookSecrets, siteId: given.siteId, baseUrl: given.baseUrl, siteUrl }
    : { ...twinSite, webhookSecrets, siteId: null, baseUrl: `${ownUrl}/sandbox/flexbe`, siteUrl }
  const route = webhookRoute({
    source: 'flexbe',
    route: 'flexbe',
    methods: ['POST'],
    settings: () => settings,
    wire: flexbeHook,
    claims: siteClaims,
    intake: siteTarget,
    takesPoor: true,
    whenContentDiffers: 'conflict',
  })
  const [secret = ''] = webhookSecrets
  const courier = flexbeCourier(settings, { call: composing.call })
  return {
    name: 'flexbe',
    status,
    hooks: [`${publicUrl}/webhooks/flexbe/${secret}`],
    courier: {
      ...courier,
      performers: {
        'flexbe.pullLeads': pullAndTake(composing, courier),
        'flexbe.reconcile': reconcileLeads(composing, courier),
      },
    },
    places: [{ pattern: 'flexbe/:secret', route: () => route }],
    periodic: [{ kind: 'flexbe.pullLeads', everyMs: pullEveryMs }],
    twin:
      status === 'twin'
        ? createFlexbeTwin(composing.twinContext('flexbe'), { ...twinSite, webhookSecret: secret })
        : null,
  }
}

/** Pulls from where the last pull ended, and takes every lead in before the cursor moves: a crash in between only pulls again. */
const pullAndTake =
  (composing: Composing, { performers }: Courier): Performer =>
  async (_payload, attempt) => {
    const since = await loadNote(composing.core, cursorNote)
    const pull = performers['flexbe.pullLeads']
    const outcome = pull
      ? await pull(typeof since === 'string' ? { since } : {}, attempt)
      : ({ tag: 'refused', code: 'performer-unknown', detail: 'There is no pull of leads' } as const)
    if (outcome.tag !== 'done') return patient(outcome)
    const { leads, cursor } = outcome.result as FlexbePull
    for (const lead of leads) await take(composing, lead, attempt)
    await saveNote(composing.core, cursorNote, cursor)
    return done({ count: leads.length })
  }

/** A pull that fails does not stop the next ones: each period asks again, so a refusal of today is no silence for an hour. */
const patient = (outcome: Exclude<Outcome, { tag: 'done' }>): Outcome => {
  if (outcome.tag !== 'later') return outcome
  const { tag, code, detail, notBefore } = outcome
  return notBefore === undefined ? { tag, code, detail } : { tag, code, detail, notBefore }
}

/** A full look at the leads of some days: what we do not have is taken in, as a pull would have. */
const reconcileLeads =
  (composing: Composing, { performers }: Courier): Performer =>
  async (payload, attempt) => {
    const asked = pageAsked(payload as Readonly<Record<string, unknown>>)
    const list = performers['flexbe.listLeads']
    if (!asked || !list) return { tag: 'refused', code: 'payload-not-valid', detail: 'The days cannot be read' }
    const outcome = await list({ from: asked.from, to: asked.to }, attempt)
    if (outcome.tag !== 'done') return patient(outcome)
    const { leads } = outcome.result as { readonly leads: readonly FlexbeLead[] }
    const findings: Finding[] = []
    for (const lead of leads) {
      if (await isHeld(composing, lead)) continue
      if (!asked.dryRun) await take(composing, lead, { key: attempt.key, origin: 'reconciliation' })
      findings.push(missing(lead))
    }
    const externalIds = leads.map(({ leadId }) => leadId)
    return done({ part: 'leads', externalIds, foreign: 0, findings, rechecks: [], next: null })
  }

const isHeld = async ({ core }: Composing, lead: FlexbeLead): Promise<boolean> => {
  const keys = siteClaims({ kind: 'lead', event: 'pull', lead }).map(core.pepper)
  return (await claimHolders(core.sql, keys)).size > 0
}

const missing = ({ leadId }: FlexbeLead): Finding => ({
  ...{ differenceId: `flexbe:${leadId}:lead-missing`, kind: 'lead-missing', externalId: leadId, remedy: 'taken' },
  ...{ paymentId: null, subscriptionId: null, partnerId: null },
  ...{ field: null, expected: null, actual: null, amountKopecks: null },
})

const take = async (
  { core, newId, now }: Composing,
  lead: FlexbeLead,
  { key, ...way }: Pick<Attempt, 'key'> & { readonly origin?: Origin },
): Promise<void> => {
  const claims = siteClaims({ kind: 'lead', event: 'pull', lead })
  for (let routing = 0; routing < routingsMax; routing += 1) {
    const keys = claims.map((claim) => [claim, core.pepper(claim)] as const)
    const found = await claimHolders(
      core.sql,
      keys.map(([, key]) => key),
    )
    const holders = new Map(keys.flatMap(([claim, key]) => (found.has(key) ? [[claim, found.get(key) ?? '']] : [])))
    const target = siteLeadTarget(lead, { at: lead.at ?? now(), newId, holders }, 'pull')
    if (target.tag !== 'command') return
    const handled = await core.handler.handle({ ...target, cause: { kind: 'effect', id: key }, ...way })
    if (handled.tag !== 'claimed') return
  }
  throw new Error(`Cannot place a lead of the site: its claim changed hands ${routingsMax} times`)
}
