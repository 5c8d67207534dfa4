import { type MarkupOptions, secureMarkup } from './markup.ts'

/** What a partner page shows. */
export type PageData = {
  readonly name: string
  readonly city: string | null
  readonly services: readonly string[]
  /** E.164; null without a consent to show it. */
  readonly phone: string | null
}

/** A template that may be used; made only of texts that passed every check. */
export type PageTemplate = { readonly html: string; readonly css: string | null; readonly origin: 'built-in' | 'tilda' }

/** A checked template, or why it is not taken: then the last good one stays. */
export type Compiled =
  | { readonly tag: 'template'; readonly template: PageTemplate }
  | { readonly tag: 'refused'; readonly code: string; readonly detail: string }

const requiredToken = '%%partner.name%%'
const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Safe between tags and inside a quoted attribute alike. */
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => escapes[character] ?? character)

/**
 * Checks a designer's page: the name of the partner must stand where it can be shown. Scripts stay as the designer made them, because
 * their files were copied; no partner's word gets into them.
 */
export const compileTemplate = (html: string, options: MarkupOptions): Compiled => {
  if (html.trim() === '')
    return { tag: 'refused', code: 'template-empty', detail: 'The page has no content: it is not published' }
  const secured = secureMarkup(joinTokens(html), options)
  if (!secured.includes(requiredToken))
    return { tag: 'refused', code: 'template-token-missing', detail: `The page lacks the token ${requiredToken}` }
  return { tag: 'template', template: { html: secured, css: null, origin: 'tilda' } }
}

/** The editor may put a soft break or an entity into a long word; a token is one word. */
const joinTokens = (html: string): string =>
  html.replace(
    /%%(?:&nbsp;|<br\s*\/?>|\s)*partner(?:&nbsp;|<br\s*\/?>|\s)*\.(?:&nbsp;|<br\s*\/?>|\s)*(name|city|services|phone)(?:&nbsp;|<br\s*\/?>|\s)*%%/gi,
    (_all, field: string) => `%%partner.${field.toLowerCase()}%%`,
  )

/** The digits of a phone, grouped for reading. */
const phoneText = (phone: string): string => phone.replace(/^\+7(\d{3})(\d{3})(\d{2})(\d{2})$/, '+7 $1 $2-$3-$4')

/** Fills a template: text and attributes escaped, the phone link made a `tel:` or taken away. Values are never looked into for tokens. */
export const renderPage = (template: PageTemplate, data: PageData): string => {
  const values: Readonly<Record<string, string>> = {
    name: escaped(data.name),
    city: escaped(data.city ?? ''),
    services: escaped(data.services.join(', ')),
    phone: data.phone === null ? '' : escaped(phoneText(data.phone)),
  }
  const link = data.phone !== null && /^\+\d{8,15}$/.test(data.phone) ? `tel:${data.phone}` : null
  return template.html.replace(
    /%%partner\.(name|city|services|phone)%%|( href=["'])?https:\/\/placeholder\.invalid\/partner\.phone(["'])?/g,
    (_found, field: string | undefined, start = '', end = '') => {
      if (field !== undefined) return values[field] ?? ''
      // A link that leads nowhere is no link.
      if (link === null && start !== '' && end !== '') return ''
      return `${start}${link ?? ''}${end}`
    },
  )
}

/** Tilda spreads its files over many endings of one name. */
const tildaHost = /(?:^|\.)(?:tildacdn\.[a-z]{2,10}|tilda\.(?:ws|cc))$/

/** A copied file of a template. */
export type AssetPlan = { readonly from: string; readonly to: string }

/**
 * Checks the files that a page needs: only from Tilda's own hosts (or the host of a configured stand-in), only plain file names.
 * One bad entry refuses the whole export, because a page without it would be another page.
 */
export const planAssets = (
  entries: readonly { readonly from: unknown; readonly to: unknown }[],
  allowedHost: string,
): { readonly assets: readonly AssetPlan[] } | { readonly code: string } => {
  const assets = new Map<string, AssetPlan>()
  for (const { from, to } of entries) {
    if (typeof from !== 'string' || typeof to !== 'string' || !URL.canParse(from)) return { code: 'asset-unreadable' }
    const { protocol, host, hostname } = new URL(from)
    const own = host === allowedHost && /^https?:$/.test(protocol)
    if (!own && !(protocol === 'https:' && tildaHost.test(hostname))) return { code: 'asset-host-foreign' }
    if (!/^[\w.@-]{1,150}$/.test(to) || to.startsWith('.')) return { code: 'asset-path-unsafe' }
    if (!assets.has(to)) assets.set(to, { from, to })
  }
  return { assets: [...assets.values()] }
}

/** A quote, a bracket or, between the parts of a list, a blank; folders; a plain name; and a sign that it ends there. */
const assetReference = /(["'(]|[\s,=](?=[\w.-]*\/))((?:[\w.-]*\/){0,12})([\w.@-]{1,150})(?=["')?#\s,>])/g

/**
 * Points the names of copied files, in a page or a style sheet, at the place where they are served; in whatever folder the export put
 * them, and where the page still names their origin.
 */
export const rewriteAssets = (text: string, assets: readonly AssetPlan[], prefix: string): string => {
  const names = new Set(assets.map(({ to }) => to))
  return assets
    .filter(({ from }) => /^https?:\/\//.test(from))
    .toSorted((one, other) => other.from.length - one.from.length)
    .reduce((rest, { from, to }) => rest.replaceAll(from, () => `${prefix}${to}`), text)
    .replace(assetReference, (found, before: string, folders: string, name: string) =>
      names.has(name) && folders !== prefix ? `${before}${prefix}${name}` : found,
    )
}

/** What a copied file is, by its name: what a foreign server calls it would let it be a page of ours. */
export const assetType = (name: string): string =>
  assetTypes[/\.([a-z0-9]{1,5})$/.exec(name.toLowerCase())?.[1] ?? ''] ?? 'application/octet-stream'

const assetTypes: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  svg: 'image/svg+xml',
  ico: 'image/x-icon',
  woff: 'font/woff',
  woff2: 'font/woff2',
  ttf: 'font/ttf',
  otf: 'font/otf',
  mp4: 'video/mp4',
}

/** The page that is used until a designer's template was exported: no script, no foreign host. */
export const builtInTemplate: PageTemplate = {
  origin: 'built-in',
  css: null,
  html: `<!doctype html>
<html lang="ru">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%%partner.name%% — партнёр «Дома и цены»</title>
<meta name="description" content="%%partner.name%%, %%partner.city%%: %%partner.services%%">
<link rel="stylesheet" href="/assets/site.css">
</head>
<body>
<main class="partner">
<p><a href="/partners">Все партнёры</a></p>
<h1>%%partner.name%%</h1>
<p class="city">%%partner.city%%</p>
<h2>Услуги</h2>
<p>%%partner.services%%</p>
<p class="phone"><a href="https://placeholder.invalid/partner.phone">%%partner.phone%%</a></p>
</main>
</body>
</html>
`,
}
