import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeProviderCall } from '../../../src/connectors/fetcher.ts'
import { type FlexbePull, flexbeCourier } from '../../../src/connectors/flexbe/client.ts'
import type { FlexbeLead } from '../../../src/connectors/flexbe/lead.ts'
import { createFlexbeTwin, type FlexbeTwinState } from '../../../src/connectors/flexbe/twin.ts'
import { type FlexbeSettings, flexbeHook } from '../../../src/connectors/flexbe/wire.ts'
import type { Outcome } from '../../../src/kernel/decision.ts'
import { type Instant, plusMs } from '../../../src/kernel/time.ts'
import { type HookedTwin, until, withHookedTwin } from '../../support/twinServer.ts'
import { attemptAt, delivery } from '../deliveries.ts'

type House = HookedTwin & {
  readonly settings: FlexbeSettings
  readonly pull: (since: string | null) => Promise<Outcome>
  readonly pulled: (since: string | null) => Promise<FlexbePull>
  readonly list: (from: Instant, to: Instant) => Promise<readonly FlexbeLead[]>
}

type Options = { readonly siteId: string | null; readonly apiKey?: string }

/** A twin, a service that takes its hooks, and our courier, all over real sockets. */
const inHouse = (options: Options, work: (house: House) => Promise<void>): Promise<void> =>
  withHookedTwin<FlexbeTwinState>(
    {
      twin: (context) => createFlexbeTwin(context, { apiKey: 'key-1', siteId: '77', webhookSecret: 's3cr3t' }),
      answer: () => new Response('{"status":1}'),
    },
    async (hooked) => {
      const settings = {
        apiKey: options.apiKey ?? 'key-1',
        webhookSecrets: ['s3cr3t'],
        siteId: options.siteId,
        baseUrl: hooked.url,
        siteUrl: 'https://site.invalid',
      }
      const courier = flexbeCourier(settings, { call: makeProviderCall(fetch) })
      const pull = async (since: string | null): Promise<Outcome> => {
        const outcome = await courier.performers['flexbe.pullLeads']?.({ since }, attemptAt(hooked.clock.now()))
        if (outcome === undefined) throw new Error('No performer "flexbe.pullLeads"')
        return outcome
      }
      const pulled = async (since: string | null): Promise<FlexbePull> => {
        const outcome = await pull(since)
        if (outcome.tag === 'done') return outcome.result as FlexbePull
        throw new Error(`Expected done, got "${outcome.tag}" with "${outcome.code}"`)
      }
      const list = async (from: Instant, to: Instant): Promise<readonly FlexbeLead[]> => {
        const outcome = await courier.performers['flexbe.listLeads']?.({ from, to }, attemptAt(hooked.clock.now()))
        if (outcome?.tag !== 'done') throw new Error(`Expected done, got "${outcome?.tag}"`)
        return (outcome.result as { readonly leads: readonly FlexbeLead[] }).leads
      }
      await work({ ...hooked, settings, pull, pulled, list })
    },
  )

const oleg = {
  name: 'Олег',
  phone: '8 (909) 075-15-80',
  city: 'Ярославль',
  area: '120',
  utm: { source: 'yandex', term: 'цена дома 120 м²' },
}
const codeOf = (outcome: Outcome): string => (outcome.tag === 'done' ? 'done' : outcome.code)

for (const siteId of [null, '77']) {
  const generation = siteId === null ? 'the older API' : 'the newer API'

  describe(`flexbe.pullLeads at ${generation}`, () => {
    it('brings the same lead as the hook did (V9)', () =>
      inHouse({ siteId }, async ({ tell, hooks, pulled, settings }) => {
        await tell('/act', { lead: oleg })
        await until(() => hooks.length === 1, 'the hook came')
        const [path, body = ''] = hooks[0]?.split(/ (.*)/s) ?? []
        assert.equal(path, '/webhooks/flexbe/s3cr3t')
        const reading = flexbeHook.read(delivery({ params: { secret: 's3cr3t' }, body }), settings)
        assert.ok(reading.tag === 'facts' && reading.facts.kind === 'lead')
        const { leads } = await pulled(null)
        assert.deepEqual(
          leads.map((lead) => ({ ...lead, note: null })),
          [{ ...reading.facts.lead, note: null }],
        )
        assert.equal(reading.facts.lead.phone, '+79090751580')
      }))
    it('walks through all pages and moves the cursor to the newest lead', () =>
      inHouse({ siteId }, async ({ tell, pulled, clock }) => {
        for (let count = 0; count < 101; count += 1) {
          await tell('/act', { lead: { ...oleg, name: `Олег ${count}`, hooked: false } })
          clock.advance(1000)
        }
        const { leads, cursor } = await pulled(null)
        assert.equal(new Set(leads.map(({ leadId }) => leadId)).size, 101)
        assert.equal(cursor, plusMs(clock.now(), -1000))
      }))
    it('lists the leads of a window of time, both ends included', () =>
      inHouse({ siteId }, async ({ tell, list, clock }) => {
        const start = clock.now()
        for (const name of ['до', 'первый', 'последний', 'после']) {
          await tell('/act', { lead: { ...oleg, name, hooked: false } })
          clock.advance(60_000)
        }
        const leads = await list(plusMs(start, 60_000), plusMs(start, 120_000))
        assert.deepEqual(leads.map(({ name }) => name).sort(), ['первый', 'последний'])
      }))
    it('looks back ten minutes behind its cursor, and no further', () =>
      inHouse({ siteId }, async ({ tell, pulled, clock }) => {
        await tell('/act', { lead: { ...oleg, name: 'первый', hooked: false } })
        clock.advance(300_000)
        await tell('/act', { lead: { ...oleg, name: 'второй', hooked: false } })
        clock.advance(400_000)
        await tell('/act', { lead: { ...oleg, name: 'третий', hooked: false } })
        const { leads, cursor } = await pulled(clock.now())
        assert.deepEqual(leads.map(({ name }) => name).sort(), ['второй', 'третий'])
        assert.equal((await pulled(cursor)).cursor, cursor)
      }))
    it('keeps its cursor when nothing came', () =>
      inHouse({ siteId }, async ({ pulled, clock }) => {
        assert.deepEqual(await pulled(clock.now()), { leads: [], cursor: clock.now() })
      }))
    it('never takes a broken answer for an empty list', () =>
      inHouse({ siteId }, async ({ pull, tell }) => {
        const path = siteId === null ? '/mod/api' : '/sites/'
        for (const kind of ['garbage', 'html', 'empty', '500', 'apply-then-reset', 'redirect']) {
          await tell('/faults', { kind, path, times: 1 })
          assert.equal((await pull(null)).tag, 'later', kind)
        }
      }))
    it('waits when the provider asks for patience, and stops at a wrong key', async () => {
      await inHouse({ siteId }, async ({ pull, tell }) => {
        await tell('/faults', { kind: '429', path: '', times: 1 })
        const outcome = await pull(null)
        assert.equal(outcome.tag === 'later' && outcome.pauseDestination, 'until-not-before')
      })
      await inHouse({ siteId, apiKey: 'wrong' }, async ({ pull }) => {
        const outcome = await pull(null)
        assert.deepEqual(
          [codeOf(outcome), outcome.tag === 'later' && outcome.pauseDestination],
          ['credentials-not-accepted', 'until-resumed'],
        )
        assert.ok(!JSON.stringify(outcome).includes('wrong'))
      })
    })
    it('refuses a cursor that is no moment', () =>
      inHouse({ siteId }, async ({ pull }) => assert.equal(codeOf(await pull('yesterday')), 'payload-not-valid')))
  })
}

describe('the Flexbe twin', () => {
  it('shows the form of the site, which makes a lead and sends the hook', () =>
    inHouse({ siteId: null }, async ({ url, hooks, pulled }) => {
      assert.match(await (await fetch(`${url}/`)).text(), /Узнать цену дома/)
      const form = new URLSearchParams({ name: '<b>Олег</b>', phone: '9090751580', city: 'Рыбинск' })
      const sent = await fetch(`${url}/?utm_source=vk`, { method: 'POST', body: form, redirect: 'manual' })
      assert.equal(sent.status, 303)
      await until(() => hooks.length === 1, 'the hook came')
      const [lead] = (await pulled(null)).leads
      assert.deepEqual(
        [lead?.formName, lead?.utm, lead?.answers],
        ['Узнать цену дома', { source: 'vk' }, [{ name: 'Город', value: 'Рыбинск' }]],
      )
      assert.doesNotMatch(await (await fetch(`${url}/`)).text(), /<b>Олег/)
    }))
  it('sends any body to the hook when asked', () =>
    inHouse({ siteId: null }, async ({ tell, hooks }) => {
      const { answer } = await (await tell('/act', { hook: 'hello=1' })).json()
      assert.deepEqual([answer.status, hooks], [200, ['/webhooks/flexbe/s3cr3t hello=1']])
    }))
})
