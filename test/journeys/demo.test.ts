import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runHub } from '../support/runHub.ts'
import { withService } from '../support/service.ts'

type Outcome = {
  readonly expected: { readonly status: string; readonly subscription: string | null }
  readonly status: string
  readonly subscription: string | null
  readonly letters: readonly string[]
  readonly difference: string | null
}

describe('hub demo at a running sandbox', () => {
  it('plays five stories that end as they should, twice in the same sandbox (I4)', async () => {
    await withService({}, async (service) => {
      const hub = (...args: readonly string[]) =>
        runHub(args, { HUB_URL: service.url, HUB_OPERATOR_TOKEN: service.operator })
      const run = await hub('demo', '--json')
      assert.equal(run.code, 0, `${run.stdout}${run.stderr}`)
      const { ok, companies } = run.json() as { ok: boolean; companies: readonly Outcome[] }
      assert.equal(ok, true)
      assert.equal(companies.length, 5)
      for (const { expected, status, subscription, letters, difference } of companies) {
        assert.deepEqual({ status, subscription }, expected)
        assert.equal(difference, null)
        assert.ok(letters.length > 0)
      }
      const told = await hub('demo')
      assert.equal(told.code, 0, told.stdout + told.stderr)
      assert.match(told.stdout, /ФНС подтвердила: компания действует/)
      assert.match(told.stdout, /Все пять историй закончились как должны/)
      assert.ok(told.stdout.includes(`${service.url}/console/partners/par_`))
      assert.ok(told.stdout.includes(`${service.url}/sandbox/mail/letters/`))
      const verified = await hub('projections', 'verify', '--json')
      assert.equal(verified.code, 0, verified.stdout)
    })
  })
})
