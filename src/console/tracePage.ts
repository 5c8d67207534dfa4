import { html } from '../connectors/html.ts'
import { traceOf } from '../http/why.ts'
import { chainList } from './chain.ts'
import type { Look, Page } from './frame.ts'

/** Everything that belongs to one delivery, event or effect: what led to it, and what followed. */
export const tracePage = async (look: Look, id: string): Promise<Page> => {
  const { chain } = await traceOf(look.ports, { id, actor: look.actor })
  return {
    title: look.say('traceTitle'),
    section: null,
    body: html`<p><code>${id}</code></p>!${chainList(look, chain)}`,
  }
}
