import { html } from '../connectors/html.ts'
import { headPosition } from '../log/log.ts'
import { badge, codeText, type Look, lengthOf, link, moment, type Page, table, text } from './frame.ts'
import { read } from './reads.ts'
import type { WebhookRow } from './webhooksPage.ts'

type Counted = { readonly status: string; readonly count: number }
type Verdicts = { readonly verdict: string; readonly count: number }

/** What an operator looks at first: what needs attention, how far everything is, what came last. */
export const overviewPage = async (look: Look): Promise<Page> => {
  const { ports, say } = look
  const [head, models, destinations, day, held, partners, subscriptions, [oldest], last, [differences]] =
    await Promise.all([
      headPosition(ports.sql),
      ports.operations.projections(),
      ports.operations.destinations(),
      read<Verdicts>(ports, 'verdicts_of_a_day'),
      read<Verdicts>(ports, 'held'),
      read<Counted>(ports, 'partner_statuses'),
      read<Counted>(ports, 'subscription_statuses'),
      read<{ effectId: string; kind: string; seconds: number }>(ports, 'oldest_waiting'),
      read<WebhookRow>(ports, 'webhooks', [null, null, null, null]),
      read<{ count: number }>(ports, 'open_differences'),
    ])
  const sum = (name: 'dead' | 'unknown'): number => destinations.reduce((total, item) => total + item[name], 0)
  const heldOf = (verdict: string): number => held.find((row) => row.verdict === verdict)?.count ?? 0
  const paused = destinations.filter((item) => item.status === 'paused')
  const troubles: readonly (readonly [string, number, string])[] = [
    [say('deadEffects'), sum('dead'), '/console/effects?status=dead'],
    [say('unknownEffects'), sum('unknown'), '/console/effects?status=unknown'],
    [say('held'), heldOf('quarantined'), '/console/webhooks?verdict=quarantined'],
    [say('conflicts'), heldOf('conflict'), '/console/webhooks?verdict=conflict'],
    [
      say('needReview'),
      partners.find((row) => row.status === 'needs_review')?.count ?? 0,
      '/console/partners?status=needs_review',
    ],
    [say('parkedEvents'), models.reduce((total, model) => total + model.parked, 0), '/console/read-models'],
    [say('openDifferences'), differences?.count ?? 0, '/console/reconciliation'],
    [say('pausedDestinations'), paused.length, '/console/destinations'],
  ]
  const present = troubles.filter(([, count]) => count > 0)
  const total = (rows: readonly { readonly count: number }[]): number => rows.reduce((all, row) => all + row.count, 0)
  const body = html`<section class="tiles">
<div class="tile"><b data-live-number="head">${head}</b><span>${say('logHead')}</span></div>
<div class="tile"><b>${total(partners)}</b><span>${say('partners')}</span></div>
<div class="tile"><b>${total(day)}</b><span>${say('lastDay')}</span></div>
<div class="tile"><b>!${oldest ? link(`/console/effects/${oldest.effectId}`, lengthOf(oldest.seconds, say)) : '—'}</b><span>${say('oldestWaiting')}!${oldest ? html`: ${oldest.kind}` : html`: ${say('nothingWaits')}`}</span></div>
</section>
<h2>${say('trouble')}</h2>
!${
    present.length === 0
      ? html`<p class="calm">${say('allCalm')}</p>`
      : html`<ul class="troubles">!${present.map(([label, count, href]) => html`<li><a href="${href}"><b>${count}</b> ${label}</a></li>`)}</ul>`
  }
<h2>${say('readModels')}</h2>
!${table(
    [say('model'), say('status'), say('position'), say('lag')],
    models.map((model) => [
      link('/console/read-models', model.name),
      badge(model.status, look),
      html`<span data-live-number="position:${model.name}">${model.position}</span>`,
      html`<span data-live-number="lag:${model.name}">${model.lag}</span>`,
    ]),
    say('nothingFound'),
  )}
<div class="columns"><div><h2>${say('partners')}</h2>!${statusTable(look, partners, '/console/partners?status=')}</div>
<div><h2>${say('subscriptions')}</h2>!${statusTable(look, subscriptions, '/console/partners?subscription.status=')}</div>
<div><h2>${say('lastDay')}</h2>!${statusTable(
    look,
    day.map(({ verdict, count }) => ({ status: verdict, count })),
    '/console/webhooks?verdict=',
  )}</div></div>
<h2>${say('lastDeliveries')}</h2>
!${table(
    [say('receivedAt'), say('route'), say('verdict'), say('reason')],
    last
      .slice(0, 10)
      .map((row) => [
        link(`/console/webhooks/${row.webhookId}`, moment(row.receivedAt)),
        text(row.route),
        badge(row.verdict, look),
        row.reason === null ? '' : codeText(row.reason, look),
      ]),
    say('nothingFound'),
  )}`
  return { title: say('overview'), section: 'overview', body }
}

const statusTable = (look: Look, rows: readonly Counted[], href: string): string =>
  table(
    [look.say('status'), look.say('howMany')],
    rows.map((row) => [badge(row.status, look), link(`${href}${row.status}`, String(row.count))]),
    look.say('nothingFound'),
  )
