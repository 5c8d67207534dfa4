import { makeDownload } from '../connectors/fetcher.ts'
import { createTildaCourier, type TemplateAsset } from '../connectors/tilda/client.ts'
import { formClaims, formTarget } from '../connectors/tilda/intake.ts'
import { builtInTemplate, type PageTemplate } from '../connectors/tilda/page.ts'
import { createTildaTwin } from '../connectors/tilda/twin.ts'
import { type TildaSettings, tildaForm, tildaPage } from '../connectors/tilda/wire.ts'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import { webhookRoute } from '../http/intake.ts'
import type { Core } from './core.ts'
import { type Composing, off, type Provider, statusOf } from './provider.ts'

const twinSite = {
  publicKey: 'sandbox-public-key',
  secretKey: 'sandbox-secret-key',
  projectId: '7654321',
  pageId: '60112233',
}
const named = statements(sqlText('operations.sql'))
const templateName = 'template:page'
const assetName = (path: string): string => `template:asset:${path}`

/** The template in force, and the files that it needs. */
export type Templates = {
  readonly current: () => Promise<PageTemplate>
  readonly asset: (path: string) => Promise<{ contentType: string; bytes: Uint8Array } | null>
}

const templatesOf = (
  core: Core,
): Templates & { save: (template: PageTemplate, assets: readonly TemplateAsset[]) => Promise<void> } => {
  const load = async (name: string) => {
    const [row] = await core.sql.unsafe<{ contentType: string; body: Buffer }[]>(
      statement(named, 'load_document'),
      [name],
      { prepare: true },
    )
    return row ? { contentType: row.contentType, bytes: new Uint8Array(row.body) } : null
  }
  return {
    current: async () => {
      const kept = await load(templateName)
      return kept ? (JSON.parse(Buffer.from(kept.bytes).toString()) as PageTemplate) : builtInTemplate
    },
    asset: (path) => load(assetName(path)),
    save: async (template, assets) => {
      // Files first: a page is never in force before what it needs.
      for (const asset of assets)
        await core.sql.unsafe(statement(named, 'save_document'), [
          assetName(asset.path),
          asset.contentType,
          Buffer.from(asset.bytes),
        ])
      await core.sql.unsafe(statement(named, 'save_document'), [
        templateName,
        'application/json',
        Buffer.from(JSON.stringify(template)),
      ])
    },
  }
}

const settingsOf = ({ config, ownUrl, derivedSecret }: Composing): TildaSettings => {
  const given = config.tilda
  const secrets = given && given.webhookSecrets.length > 0 ? given.webhookSecrets : [derivedSecret('tilda')]
  if (given) {
    const { publicKey, secretKey, webhookKeyPlace, projectId, templatePageId, forms, baseUrl } = given
    return {
      publicKey,
      secretKey,
      webhookKeys: secrets,
      webhookKeyPlace,
      pathSecrets: secrets,
      projectId,
      templatePageId,
      forms,
      baseUrl,
    }
  }
  return {
    ...twinSite,
    webhookKeys: secrets,
    webhookKeyPlace: { in: 'header', name: 'X-Api-Key' },
    pathSecrets: secrets,
    templatePageId: twinSite.pageId,
    forms: {},
    baseUrl: `${ownUrl}/sandbox/tilda/v1`,
  }
}

/** Composes Tilda: the form and page doors, the export of the template, and in the sandbox the partners' site itself. */
export const composeTilda = (composing: Composing): { provider: Provider; templates: Templates; formUrl: string } => {
  const templates = templatesOf(composing.core)
  const { config, publicUrl } = composing
  const status = statusOf(config, config.tilda)
  const formUrl =
    status === 'twin' ? `${publicUrl}/sandbox/tilda/` : 'https://xn--80akxggcl.xn----7sblg6ajc1e4b.xn--p1ai/'
  if (status === 'off') return { provider: off('tilda'), templates, formUrl }
  const settings = settingsOf(composing)
  const form = webhookRoute({
    source: 'tilda',
    route: 'tilda/form',
    methods: ['POST'],
    settings: () => settings,
    wire: tildaForm,
    claims: formClaims,
    intake: formTarget,
    whenContentDiffers: 'conflict',
  })
  const pageHook = webhookRoute({
    source: 'tilda',
    route: 'tilda/page',
    methods: ['GET'],
    settings: () => settings,
    wire: tildaPage,
    intake: ({ pageId, published }, { at }) => ({
      tag: 'command' as const,
      stream: `template-${pageId}`,
      command: { type: 'NotePublication', data: { at, pageId, publishedAt: published } },
      isNew: false,
    }),
    whenContentDiffers: 'conflict',
  })
  const [secret = ''] = settings.webhookKeys
  const courier = createTildaCourier(settings, {
    call: composing.call,
    download: makeDownload(composing.fetch),
    save: templates.save,
    formAction: `${publicUrl}/leads`,
    assetPrefix: '/assets/tilda/',
  })
  const twin =
    status === 'twin'
      ? createTildaTwin(composing.twinContext('tilda'), {
          ...twinSite,
          webhookKey: secret,
          webhookKeyPlace: settings.webhookKeyPlace,
          pathSecret: secret,
        })
      : null
  const provider: Provider = {
    name: 'tilda',
    status,
    hooks: [`${publicUrl}/webhooks/tilda/form`, `${publicUrl}/webhooks/tilda/page/${secret}`],
    courier,
    places: [
      { pattern: 'tilda/form', route: () => form },
      { pattern: 'tilda/page/:secret', route: () => pageHook },
    ],
    twin,
  }
  return { provider, templates, formUrl }
}
