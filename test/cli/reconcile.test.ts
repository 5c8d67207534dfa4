import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { listed, problem } from '../support/fakeApi.ts'
import { against } from './against.ts'

const runId = `rec_${'0'.repeat(32)}`
const asked = { json: { runId, provider: 'yookassa', day: '2026-11-23', dryRun: false, status: 'running' } }
const run = (change: Readonly<Record<string, unknown>> = {}) =>
  listed([
    {
      ...{ runId, provider: 'yookassa', firstDay: '2026-11-23', day: '2026-11-23', status: 'finished', code: null },
      ...{ theirs: 3, ours: 3, behind: 1, different: 0, dryRun: false, findings: [] },
      ...change,
    },
  ])
const twice = {
  differenceId: 'yookassa:second:payment-twice',
  kind: 'payment-twice',
  externalId: 'second',
  amountKopecks: 250_000,
  remedy: 'refund',
}

describe('hub reconcile', () => {
  it('asks for a day, waits for its end, and ends with 0 when nothing is left for a person', async () => {
    const answer = await against(
      { 'POST /api/v1/reconciliation/yookassa/run': asked, 'GET /api/v1/reconciliation': run() },
      ['reconcile', 'yookassa', '--day', '2026-11-23', '--reason', 'Проверка', '--json'],
    )
    assert.equal(answer.code, 0)
    assert.deepEqual(answer.seen[0]?.body, { day: '2026-11-23', dryRun: false, reason: 'Проверка' })
    assert.equal((answer.json() as { theirs: number }).theirs, 3)
  })

  it('shows what differs with the command that corrects it, and ends with 1', async () => {
    const routes = {
      'POST /api/v1/reconciliation/yookassa/run': asked,
      'GET /api/v1/reconciliation': run({ different: 1, findings: [twice] }),
    }
    const answer = await against(routes, ['reconcile', 'yookassa'])
    assert.equal(answer.code, 1)
    assert.match(answer.stdout, /payment-twice +second/)
    assert.match(answer.stdout, /hub differences correct yookassa:second:payment-twice/)
  })

  it('only looks with --dry-run, and offers nothing', async () => {
    const routes = {
      'POST /api/v1/reconciliation/yookassa/run': asked,
      'GET /api/v1/reconciliation': run({ dryRun: true, different: 1, findings: [twice] }),
    }
    const answer = await against(routes, ['reconcile', 'yookassa', '--dry-run'])
    assert.equal(answer.code, 1)
    assert.match(JSON.stringify(answer.seen[0]?.body), /"dryRun":true/)
    assert.doesNotMatch(answer.stdout, /hub differences correct/)
  })

  it('tells why a comparison failed, and a refusal, with 1', async () => {
    const failed = {
      'POST /api/v1/reconciliation/yookassa/run': asked,
      'GET /api/v1/reconciliation': run({ status: 'failed', code: 'books-too-long' }),
    }
    const answer = await against(failed, ['reconcile', 'yookassa'])
    assert.deepEqual([answer.code, /books-too-long/.test(answer.stdout)], [1, true])
    const refused = { 'POST /api/v1/reconciliation/yookassa/run': problem(409, 'provider-off', 'It is off') }
    assert.equal((await against(refused, ['reconcile', 'yookassa'])).code, 1)
  })

  it('does not wait with --no-wait, and refuses a day that is none with 2', async () => {
    const answer = await against({ 'POST /api/v1/reconciliation/flexbe/run': asked }, [
      'reconcile',
      'flexbe',
      '--no-wait',
    ])
    assert.deepEqual([answer.code, answer.seen.length], [0, 1])
    assert.equal((await against({}, ['reconcile', 'yookassa', '--day', 'yesterday'])).code, 2)
  })
})

describe('hub differences', () => {
  it('lists what is open and corrects one', async () => {
    const list = await against({ 'GET /api/v1/differences': listed([{ ...twice, status: 'open' }]) }, [
      'differences',
      'list',
      '--status',
      'open',
    ])
    assert.match(list.stdout, /yookassa:second:payment-twice +open/)
    const path = `POST /api/v1/differences/${encodeURIComponent(twice.differenceId)}/correct`
    const corrected = await against({ [path]: { json: { status: 'correcting' } } }, [
      'differences',
      'correct',
      twice.differenceId,
    ])
    assert.deepEqual([corrected.code, /under way/.test(corrected.stdout)], [0, true])
  })
})
