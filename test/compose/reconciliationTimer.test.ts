import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeLogger } from '../../src/compose/log.ts'
import { plannedRuns, startReconciling } from '../../src/compose/reconciliationTimer.ts'
import { type CalendarDate, instant } from '../../src/kernel/time.ts'
import { testCore } from '../support/core.ts'
import { until } from '../support/service.ts'

const planned = (last: string | null, now: string) =>
  plannedRuns(last as CalendarDate | null, instant(Date.parse(now))).map(({ firstDay, lastDay, dueAt }) => [
    firstDay,
    lastDay,
    dueAt,
  ])

describe('plannedRuns()', () => {
  it('plans today for half past three of the next morning in Moscow', () => {
    assert.deepEqual(planned(null, '2026-11-24T09:00:00Z'), [['2026-11-24', '2026-11-24', '2026-11-25T00:30:00.000Z']])
    assert.deepEqual(planned('2026-11-24', '2026-11-24T20:59:59Z'), [])
    const next = [['2026-11-25', '2026-11-25', '2026-11-26T00:30:00.000Z']]
    assert.deepEqual(planned('2026-11-24', '2026-11-24T21:00:00Z'), next)
  })

  it('compares the days on which nobody was there in one run, a month back at most', () => {
    assert.deepEqual(planned('2026-11-20', '2026-11-24T09:00:00Z'), [
      ['2026-11-21', '2026-11-23', '2026-11-24T00:30:00.000Z'],
      ['2026-11-24', '2026-11-24', '2026-11-25T00:30:00.000Z'],
    ])
    assert.deepEqual(planned('2020-01-01', '2026-11-24T09:00:00Z')[0]?.slice(0, 2), ['2026-10-24', '2026-11-23'])
  })
})

describe('startReconciling()', () => {
  it('plans each day once for each provider, however many processes do it', async () => {
    const rig = await testCore()
    try {
      const log = makeLogger(
        'error',
        () => {},
        () => '',
      )
      const rows = () =>
        rig.core.sql<{ subject: string; destination: string; status: string; type: string }[]>`
          select subject, destination, status, payload #>> '{command,type}' as type from hub.effects order by subject`
      const processes = [1, 2, 3].map(() =>
        startReconciling(rig.core, { providers: ['yookassa', 'cloudpayments'], log }),
      )
      await until(async () => (await rows()).length >= 2, 'the runs to be planned')
      await Promise.all(processes.map(({ stop }) => stop()))
      const again = startReconciling(rig.core, { providers: ['yookassa', 'cloudpayments', 'flexbe'], log })
      await until(async () => (await rows()).length >= 3, 'the third run to be planned')
      await again.stop()
      assert.deepEqual(
        (await rows()).map(({ subject, destination, status, type }) => [subject, destination, status, type]),
        ['cloudpayments', 'flexbe', 'yookassa'].map((name) => [
          `schedule:${name}`,
          'hub',
          'waiting',
          'StartReconciliation',
        ]),
      )
    } finally {
      await rig.close()
    }
  })
})
