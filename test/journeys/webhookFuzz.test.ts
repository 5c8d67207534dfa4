import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isRequest } from '../support/botClassifier.ts'
import { sendersEnv as env } from '../support/senders.ts'
import { type Json, type RunningService, until, withService } from '../support/service.ts'
import { keyName } from '../support/tildaClassifier.ts'
import { benchOf } from '../support/webhookBenches.ts'
import { deliveriesOf } from '../support/webhookBodies.ts'
import { allowedStatuses, proofOf } from '../support/webhookClassifier.ts'
import { type HookName, hookNames, known, paymentKinds, type Sent } from '../support/webhookReading.ts'

/** The same deliveries on every run; a failure prints it with the smallest delivery that fails. */
const seed = 20_261_124
/** In each half of the run. */
const bodiesPerHook = 120
/** What a process may grow by between two equal halves of the run; keeping every body would cost no more, a leak per request far more. */
const growthMbMax = 64
/** Bodies of a hook that each decision needs at least, so that a door that is always open or always shut cannot pass. */
const decisionsMin = 20

const hooks: readonly HookName[] = [
  ...hookNames,
  ...paymentKinds.map((kind) => `cloudpayments/${kind}` as const),
  'tilda/page',
  'protalk/client/get',
  'protalk/partner/get',
  'protalk/client/write',
  'protalk/partner/write',
]

type Tally = { readonly keeps: Map<string, number>; readonly decisions: Map<string, number> }

const send = async (
  service: RunningService,
  { method, path, headers, body }: Sent,
): Promise<{ status: number; text: string }> => {
  const init = method === 'GET' ? { method, headers } : { method: 'POST', headers, body }
  const response = await fetch(`${service.url}/webhooks/${path}`, init)
  return { status: response.status, text: await response.text() }
}

/** What CloudPayments reads of an answer: only `check` may refuse, and nothing unproven goes on. */
const hasRightCode = (sent: Sent, { status, text }: { readonly status: number; readonly text: string }): boolean => {
  if (status !== 200) return !text.includes('"code"')
  const { code } = JSON.parse(text)
  if (sent.hook !== 'cloudpayments/check') return code === 0
  // Nobody made such an order: its number is wrong, or there was no decision in time.
  return code === 13 || (code === 10 && proofOf(sent) === 'raw')
}

/** What a bot may be told: words that fit a chat, and never more than three cards. */
const isToolAnswer = ({ status, text }: { readonly status: number; readonly text: string }): boolean => {
  if (status !== 200) return true
  const { ok, text: words, items } = JSON.parse(text)
  return typeof ok === 'boolean' && words.length > 0 && words.length <= 1500 && items.length <= 3
}

const fuzz = async (service: RunningService, hook: HookName, at: { readonly seed: number; readonly tally: Tally }) => {
  const property = fc.asyncProperty(deliveriesOf(benchOf(hook)), fc.nat(9), async (sent, again) => {
    const allowed = allowedStatuses(sent)
    const answer = await send(service, sent)
    assert.ok(
      allowed.includes(answer.status),
      `${hook} answers ${answer.status} instead of ${allowed.join(' or ')} to ${JSON.stringify({ ...sent, body: Buffer.from(sent.body).toString('latin1') }).slice(0, 3000)}`,
    )
    if (hook.startsWith('cloudpayments')) assert.ok(hasRightCode(sent, answer), `${hook} answers ${answer.text}`)
    if (hook.startsWith('protalk')) assert.ok(isToolAnswer(answer), `${hook} answers ${answer.text}`)
    if (again === 0) assert.deepEqual(await send(service, sent), answer, 'a repeat is answered the same')
    if (allowed.length === 1) {
      const decision = `${hook} ${answer.status === 200 ? 'takes' : 'refuses'}`
      at.tally.decisions.set(decision, (at.tally.decisions.get(decision) ?? 0) + 1)
    }
    // Questions of bots are answered and not kept.
    const isQuestion = hook.startsWith('protalk') && answer.status === 200 && !isRequest(sent)
    // Calls by GET have no bytes to be found by.
    if ([200, 400].includes(answer.status) && !isQuestion && sent.method !== 'GET') {
      const sha256 = createHash('sha256').update(sent.body).digest('hex')
      const body = `${hook.split('/')[0]} ${sha256}`
      // What is left of a cut body may come to two hooks of one sender, and be enough for one of them.
      at.tally.keeps.set(body, Math.min(answer.status, at.tally.keeps.get(body) ?? 400))
    }
  })
  await fc.assert(property, { seed: at.seed, numRuns: bodiesPerHook, includeErrorInReport: true })
}

const residentMb = (pid: number): number | null => {
  const path = `/proc/${pid}/status`
  const match = existsSync(path) ? /VmRSS:\s+(\d+) kB/.exec(readFileSync(path, 'utf8')) : null
  return match ? Number(match[1]) / 1024 : null
}

const allWebhooks = async (service: RunningService): Promise<readonly Json[]> => {
  const items: Json[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { status, body }: Json = await service.get(`/api/v1/webhooks?limit=500${cursor && `&cursor=${cursor}`}`)
    assert.equal(status, 200, `the list of deliveries is answered: ${JSON.stringify(body)}`)
    items.push(...body.items)
    cursor = body.nextCursor
  }
  return items
}

describe('webhooks of every kind', () => {
  it('are answered as the documents say whatever comes, and everything kept has a verdict', async () => {
    await withService(env, async (service) => {
      const tally: Tally = { keeps: new Map(), decisions: new Map() }
      const half = (part: number) =>
        Promise.all(hooks.map((hook, index) => fuzz(service, hook, { seed: seed + part * 100 + index, tally })))
      await half(0)
      const before = residentMb(service.pid)
      await half(1)
      const after = residentMb(service.pid)

      for (const hook of hooks) {
        for (const decision of ['takes', 'refuses']) {
          const count = tally.decisions.get(`${hook} ${decision}`) ?? 0
          assert.ok(count >= decisionsMin, `${hook} ${decision} ${count} bodies: too few to tell anything`)
        }
      }
      let kept = new Map<string, Json>()
      await until(async () => {
        kept = new Map((await allWebhooks(service)).map((item) => [`${item.source} ${item.sha256}`, item]))
        return [...tally.keeps.keys()].every((body) => kept.has(body))
      }, 'every delivery that was answered 200 or 400 to be in the list')
      for (const [body, item] of kept) {
        assert.match(item.verdict, /^(accepted|ignored|quarantined|duplicate|conflict)$/)
        assert.notEqual(item.reason, 'decision-failed', `deciding threw at ${item.dedupeKey}`)
        if (tally.keeps.get(body) === 400) assert.equal(item.verdict, 'quarantined')
      }
      const { status, body: health } = await service.get('/healthz')
      assert.deepEqual([status, health.status], [200, 'ok'])
      assert.doesNotMatch(service.log(), /unhandled/i)
      if (before !== null && after !== null) {
        assert.ok(after - before <= growthMbMax, `The process grew from ${before} to ${after} MB`)
      }
    })
  })

  for (const place of ['field', 'cookie'] as const) {
    it(`of Tilda are answered as the documents say with the key in a ${place}, in a form and in JSON`, async () => {
      await withService({ ...env, TILDA_WEBHOOK_KEY_IN: `${place}:${keyName}` }, async (service) => {
        const tally: Tally = { keeps: new Map(), decisions: new Map() }
        const hook = `tilda/${place}` as const
        await fuzz(service, hook, { seed: seed + 1000, tally })
        await fuzz(service, hook, { seed: seed + 1001, tally })
        for (const decision of ['takes', 'refuses'])
          assert.ok((tally.decisions.get(`${hook} ${decision}`) ?? 0) >= decisionsMin, `${hook} ${decision} too few`)
        const { items } = (await service.get('/api/v1/webhooks?verdict=accepted&limit=1')).body
        const { bodyText, headers } = (await service.get(`/api/v1/webhooks/${items[0].webhookId}`)).body
        assert.doesNotMatch(`${bodyText}${JSON.stringify(headers)}`, new RegExp(known.key), 'the key is not kept')
        assert.doesNotMatch(service.log(), /unhandled/i)
      })
    })
  }

  it('are refused with 413 above 256 KiB, and taken just below', async () => {
    await withService(env, async (service) => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-api-key': known.key }
      const room = 256 * 1024
      for (const extra of [0, 1]) {
        const pairs = Array.from({ length: 16 }, (_, index) => `f${String.fromCharCode(97 + index)}=`)
        const fill = 'x'.repeat((room - pairs.join('&').length) / 16)
        const text = pairs
          .map((pair) => pair + fill)
          .join('&')
          .padEnd(room + extra, 'x')
        const sent: Sent = { hook: 'tilda', path: 'tilda/form', headers, body: new TextEncoder().encode(text) }
        const { status } = await send(service, sent)
        assert.deepEqual([status], allowedStatuses(sent), `a body of ${sent.body.length} bytes`)
      }
    })
  })
})
