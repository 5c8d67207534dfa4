import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { makeConsole } from '../../src/console/console.ts'
import { reconciliationStream } from '../../src/domain/ids.ts'
import type { Finding } from '../../src/domain/reconciliationMessages.ts'
import { instant } from '../../src/kernel/time.ts'
import { testApi } from '../support/api.ts'
import { browser } from '../support/browser.ts'

type Api = Awaited<ReturnType<typeof testApi>>

const at = instant(new Date('2026-11-24T09:00:00Z'))
const stream = reconciliationStream('yookassa')
const hostile = '"><script>alert(1)</script>'

const finding = (change: Partial<Finding>): Finding => ({
  ...{ differenceId: 'yookassa:second:payment-twice', kind: 'payment-twice', externalId: 'second' },
  ...{ paymentId: null, subscriptionId: null, partnerId: null, field: 'payment', expected: 'first', actual: 'second' },
  ...{ amountKopecks: 250_000, remedy: 'refund' },
  ...change,
})
const strange = finding({ differenceId: `yookassa:${hostile}:order-unknown`, kind: 'order-unknown', remedy: null })

describe('the console’s page of reconciliation', () => {
  let api: Api
  let site: ReturnType<typeof makeConsole>

  before(async () => {
    api = await testApi()
    site = makeConsole(api.ports)
    const days = { firstDay: '2026-11-23', lastDay: '2026-11-23' }
    const run = { runId: `rec_${'1'.repeat(32)}`, provider: 'yookassa', trigger: 'schedule', dryRun: false, ...days }
    const findings = [finding({}), { ...strange, externalId: hostile }]
    const page = { page: 0, part: 'payments', externalIds: ['first', 'second'], foreign: 0, rechecks: [], next: null }
    for (const [type, data] of [
      ['StartReconciliation', run],
      ['RecordComparedPage', { runId: run.runId, ...page, findings }],
      ['CloseReconciliation', { runId: run.runId, ours: 1, rechecks: [] }],
    ] as const) {
      const command = { type, data: { at, ...data } }
      const handled = await api.core.handler.handle({ stream, command, cause: { kind: 'operator', id: 'test' } })
      assert.equal(handled.tag, 'accepted')
    }
    await api.project()
  })
  after(async () => {
    site.closeStreams()
    await api.close()
  })

  it('shows what differs, escaped, counts it on the overview, and corrects it by one button', async () => {
    const own = browser(site)
    assert.equal((await own.signIn(api.tokens.operator)).status, 303)
    assert.match((await own.get('/console')).text, /<b>2<\/b> Расхождения с провайдерами/)
    const { text } = await own.get('/console/reconciliation')
    assert.match(text, /второй платёж по тому же номеру/)
    assert.match(text, /номер, которого мы не выдавали/)
    assert.doesNotMatch(text, /<script>alert/)
    assert.equal(text.split('>Вернуть деньги<').length, 2, 'only what a command can correct has a button')
    for (const provider of ['yookassa', 'cloudpayments', 'flexbe'])
      assert.ok(text.includes(`action="/console/do/reconciliation/${provider}/run"`))
    const action = '/console/do/differences/yookassa%3Asecond%3Apayment-twice/correct'
    const done = await own.fill('/console/reconciliation', action, { reason: 'Видно в кабинете' })
    assert.equal(done.status, 303)
    assert.match(done.headers.get('location') ?? '', /^\/console\/reconciliation\?said=correcting$/)
    await api.project()
    assert.equal((await api.get('differences?status=correcting')).body.items.length, 1)
    const again = await own.post(action, {
      reason: 'ещё раз',
      csrf: /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '',
    })
    assert.equal(again.status, 409)
    assert.match(again.text, /Исправление уже выполняется/)
  })

  it('begins a comparison, and only looks with the other button', async () => {
    const own = browser(site)
    await own.signIn(api.tokens.operator)
    const action = '/console/do/reconciliation/yookassa/run'
    const done = await own.fill('/console/reconciliation', action, {
      reason: 'Проверка',
      day: '2026-11-20',
      dryRun: 'true',
    })
    assert.match(done.headers.get('location') ?? '', /said=counted/)
    await api.project()
    const [run] = (await api.get('reconciliation?day=2026-11-20')).body.items
    assert.deepEqual([run.dryRun, run.trigger, run.status], [true, 'operator', 'running'])
    const off = await own.fill('/console/reconciliation', '/console/do/reconciliation/cloudpayments/run', {
      reason: 'Проверка',
    })
    assert.equal(off.status, 409)
  })
})
