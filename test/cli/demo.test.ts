import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { demoCompanies, innOf } from '../../src/cli/demoCompanies.ts'
import { readInn } from '../../src/connectors/fns/identifiers.ts'
import { against } from './against.ts'

describe('demoCompanies()', () => {
  it('gives valid numbers to all but the one whose number is wrong, and no number twice', () => {
    for (const seed of ['00000', '12345', '99999']) {
      const companies = demoCompanies(seed)
      for (const { plot, inn } of companies) assert.equal(readInn(inn) !== null, plot !== 'bad-inn', `${plot} ${inn}`)
      assert.equal(new Set(companies.map(({ inn }) => inn)).size, 5)
      assert.equal(new Set(companies.map(({ email }) => email)).size, 5)
    }
  })

  it('tells a second day from the first', () => {
    const inns = ['00001', '00002'].flatMap((seed) => demoCompanies(seed).map(({ inn }) => inn))
    assert.equal(new Set(inns).size, 10)
  })
})

describe('innOf()', () => {
  it('adds the check digit', () => {
    assert.equal(innOf('770000000'), '7700000009')
  })
})

describe('hub demo', () => {
  it('refuses to play at a service without twins', async () => {
    const run = await against({ 'GET /healthz': { json: { status: 'ok' } } }, ['demo', '--json'])
    assert.equal(run.code, 1)
    assert.equal((run.json() as { error: { code: string } }).error.code, 'demo-needs-sandbox')
  })

  it('starts no service of its own when one was named and does not answer', async () => {
    const run = await against({}, ['demo', '--url', 'http://127.0.0.1:1'])
    assert.equal(run.code, 3)
  })
})
