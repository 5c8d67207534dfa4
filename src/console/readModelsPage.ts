import { html } from '../connectors/html.ts'
import type { ProjectionItem } from '../http/ports.ts'
import { problem } from '../http/problem.ts'
import { actionForm } from './forms.ts'
import { badge, facts, type Look, lengthOf, link, type Page, table, text } from './frame.ts'

/** Read models: how far each is, the version that is built beside it, and the way from one to the other. */
export const readModelsPage = async (look: Look): Promise<Page> => {
  const models = await look.ports.operations.projections()
  const body = html`!${models.map((model) => modelPart(look, model))}`
  return { title: look.say('readModels'), section: 'readModels', body }
}

const modelPart = (look: Look, model: ProjectionItem): string => {
  const { say } = look
  const path = `projections/${model.name}`
  const { candidate, previous } = model
  const forms = [
    actionForm(look, { command: `${path}/rebuild`, label: say('rebuild') }),
    ...(candidate?.status === 'ready' ? [actionForm(look, { command: `${path}/switch`, label: say('switchTo') })] : []),
    ...(previous ? [actionForm(look, { command: `${path}/rollback`, label: say('rollback'), danger: true })] : []),
  ]
  return html`<section class="card"><h2>${model.name} !${badge(model.status, look)}</h2>
!${facts([
    [say('version'), text(model.version)],
    [say('position'), html`<span data-live-number="position:${model.name}">${model.position}</span>`],
    [say('lag'), html`<span data-live-number="lag:${model.name}">${model.lag}</span>`],
    ...(model.parked > 0 ? [[say('parked'), text(model.parked)] as const] : []),
    ...(previous ? [[say('previous'), text(previous.version)] as const] : []),
    ...(candidate ? [[say('candidate'), candidateText(look, model.name, candidate)] as const] : []),
  ])}
<details><summary>${say('actions')}</summary>!${forms}</details></section>`
}

const candidateText = (look: Look, name: string, candidate: NonNullable<ProjectionItem['candidate']>): string => {
  const { say } = look
  const percent = Math.floor(candidate.progress * 100)
  const left =
    candidate.status === 'building' && candidate.etaSeconds !== null
      ? html` ${say('eta')}: ${lengthOf(candidate.etaSeconds, say)}`
      : ''
  return html`${candidate.version} !${badge(candidate.status, look)} <progress max="100" value="${percent}" data-live-progress="${name}"></progress> <span data-live-number="progress:${name}">${percent}</span> %!${left}!${candidate.error === null ? '' : html`<br><span class="error">${candidate.error}</span>`} !${candidate.status === 'failed' ? '' : link(`/console/read-models/${name}/diff`, say('compare'))}`
}

type Difference = {
  readonly added?: number
  readonly removed?: number
  readonly changed?: number
  readonly samples?: readonly { readonly key: string; readonly before: unknown; readonly after: unknown }[]
}

/** What would change for readers if the candidate became live. */
export const differencePage = async (look: Look, name: string): Promise<Page | null> => {
  const { say } = look
  const result = await look.ports.operations.diff(name)
  if (result.tag === 'unknown') return null
  if (result.tag === 'refused') throw problem(409, result.code, result.detail)
  const { added = 0, removed = 0, changed = 0, samples = [] } = result.body as Difference
  const body = html`!${facts([
    [say('model'), link('/console/read-models', name)],
    [say('added'), text(added)],
    [say('removed'), text(removed)],
    [say('changed'), text(changed)],
  ])}
!${table(
    ['№', say('before'), say('after')],
    samples.map((sample) => [
      html`<code>${sample.key}</code>`,
      html`<pre>${JSON.stringify(sample.before, null, 1)}</pre>`,
      html`<pre>${JSON.stringify(sample.after, null, 1)}</pre>`,
    ]),
    say('nothingFound'),
  )}`
  return { title: say('difference'), section: 'readModels', body }
}
