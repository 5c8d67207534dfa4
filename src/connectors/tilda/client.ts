import { createHash } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { done, type Outcome } from '../../kernel/decision.ts'
import { type Instant, msOf, plusMs } from '../../kernel/time.ts'
import type { Attempt, Courier, DestinationPolicy } from '../connector.ts'
import { again, type ProviderCall, refusedOutcome, unsendable } from '../exchange.ts'
import { isRecord } from '../twinRoutes.ts'
import { assetType, compileTemplate, type PageTemplate, planAssets, rewriteAssets } from './page.ts'
import type { TildaSettings } from './wire.ts'

/** The vendor allows 150 requests an hour; a fifth is left to people who use the same keys. */
const policy: DestinationPolicy = {
  concurrencyMax: 1,
  perSecondMax: 1,
  deadlineMs: 120_000,
  attemptsMax: 50,
  afterUnknown: 'repeat',
}
const requestsPerHourMax = 120
const limitPauseMs = 3_600_000
/** A page of a designer has some dozens of files; more is a mistake, and would fill the table. */
const assetsMax = 150
const assetBytesMax = 5 * 1024 * 1024
const exportBytesMax = 25 * 1024 * 1024

const Export = Type.Object({ pageId: Type.String({ pattern: '^[1-9][0-9]{0,15}$' }) })

/** A copied file. */
export type TemplateAsset = { readonly path: string; readonly contentType: string; readonly bytes: Uint8Array }

/** What the client needs of the world. */
export type TildaCourierOptions = {
  readonly call: ProviderCall
  /** Reads a file within a bound; null when it could not be had. */
  readonly download: (
    url: string,
    bytesMax: number,
    signal: AbortSignal,
  ) => Promise<{ readonly contentType: string; readonly bytes: Uint8Array } | null>
  /** Keeps a whole new template; the last one stays until this resolves. */
  readonly save: (
    template: PageTemplate & { readonly pageId: string },
    assets: readonly TemplateAsset[],
  ) => Promise<void>
  readonly formAction: string
  /** Where copied files are served, such as `/assets/tilda/`. */
  readonly assetPrefix: string
}

/** Our side of Tilda: one export of the template page after each publication. */
export const createTildaCourier = (settings: TildaSettings, options: TildaCourierOptions): Courier => {
  const bucket = hourlyBucket(requestsPerHourMax)
  return {
    destination: 'tilda',
    policy,
    performers: {
      'tilda.exportTemplate': async (payload, attempt) => {
        if (!Value.Check(Export, payload)) return unsendable('pageId')
        const freeAt = bucket(attempt.now)
        if (freeAt !== null) return patience('Our own share of the hourly requests is used up', freeAt)
        return exportTemplate(settings, options, { pageId: payload.pageId, attempt })
      },
    },
  }
}

/** Counts requests of the last hour: null when one more may go, else the moment when it may. */
const hourlyBucket = (requestsMax: number): ((now: Instant) => Instant | null) => {
  let made: readonly Instant[] = []
  return (now) => {
    made = made.filter((at) => Math.abs(msOf(now) - msOf(at)) < limitPauseMs)
    const [oldest] = made
    if (made.length >= requestsMax && oldest) return plusMs(oldest, limitPauseMs)
    made = [...made, now]
    return null
  }
}

const patience = (detail: string, notBefore: Instant): Outcome<never> => ({
  tag: 'later',
  code: 'tilda-limit',
  detail,
  notBefore,
  pauseDestination: 'until-not-before',
})

type Exported = { readonly pageId: string; readonly assets: number; readonly bytes: number; readonly sha256: string }

const exportTemplate = async (
  settings: TildaSettings,
  options: TildaCourierOptions,
  at: { readonly pageId: string; readonly attempt: Attempt },
): Promise<Outcome<Exported>> => {
  const page = await readPage(settings, options.call, at)
  if ('outcome' in page) return page.outcome
  const entries = [page.card.images, page.card.css, page.card.js]
    .flatMap((list) => (Array.isArray(list) ? list : []))
    .map((entry) => (isRecord(entry) ? { from: entry.from, to: entry.to } : { from: null, to: null }))
  if (entries.length > assetsMax) return refusedOutcome('template-too-large', 'The page has more files than are taken')
  const plan = planAssets(entries, new URL(settings.baseUrl).host)
  if ('code' in plan)
    return refusedOutcome(plan.code, 'A file of the page has an unsafe name or comes from a foreign host')
  const html = typeof page.card.html === 'string' ? rewriteAssets(page.card.html, plan.assets, options.assetPrefix) : ''
  const compiled = compileTemplate(html, { formAction: options.formAction })
  if (compiled.tag === 'refused') return refusedOutcome(compiled.code, compiled.detail)
  const assets: TemplateAsset[] = []
  let bytes = Buffer.byteLength(html)
  for (const { from, to } of plan.assets) {
    const file = await options.download(from, assetBytesMax, at.attempt.signal)
    if (!file) return again('asset-not-had', 'A file of the page could not be downloaded')
    bytes += file.bytes.byteLength
    if (bytes > exportBytesMax)
      return refusedOutcome('template-too-large', 'The files of the page are larger than is taken')
    const contentType = assetType(to)
    const own = contentType.startsWith('text/css')
      ? new TextEncoder().encode(rewriteAssets(new TextDecoder().decode(file.bytes), plan.assets, options.assetPrefix))
      : file.bytes
    assets.push({ path: to, contentType, bytes: own })
  }
  await options.save({ ...compiled.template, pageId: at.pageId }, assets)
  return done({
    pageId: at.pageId,
    assets: assets.length,
    bytes,
    sha256: createHash('sha256').update(compiled.template.html).digest('hex'),
  })
}

type Page = { readonly card: Readonly<Record<string, unknown>> } | { readonly outcome: Outcome<never> }

/** Judged by `status` in the body, never by the HTTP code alone: an ERROR comes with 200 too, and is never an empty page. */
const readPage = async (
  settings: TildaSettings,
  call: ProviderCall,
  { pageId, attempt }: { readonly pageId: string; readonly attempt: Attempt },
): Promise<Page> => {
  const query = new URLSearchParams({ publickey: settings.publicKey, secretkey: settings.secretKey, pageid: pageId })
  const answer = await call({
    method: 'GET',
    url: `${settings.baseUrl}/getpagefullexport/?${query}`,
    headers: { accept: 'application/json' },
    signal: attempt.signal,
  })
  if (answer.tag !== 'response') return { outcome: again(answer.code, 'Tilda could not be reached') }
  const body = parsed(answer.text)
  if (body?.status === 'FOUND' && isRecord(body.result)) return { card: body.result }
  const message = typeof body?.message === 'string' ? body.message : ''
  if (answer.status === 429 || /limit|too many|лимит/i.test(message))
    return { outcome: patience('Tilda asks for patience', plusMs(attempt.now, limitPauseMs)) }
  if (answer.status >= 500) return { outcome: again('tilda-down', 'Tilda does not work at the moment') }
  if (body?.status === 'ERROR')
    return { outcome: refusedOutcome('tilda-error', 'Tilda refused the export: a key or the page is wrong') }
  return { outcome: again('tilda-unreadable', 'The answer of Tilda could not be read') }
}

const parsed = (text: string): Readonly<Record<string, unknown>> | null => {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}
