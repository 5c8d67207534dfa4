import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fakeApi, listed, problem } from '../support/fakeApi.ts'
import { runHub } from '../support/runHub.ts'
import { against } from './against.ts'

const commands = [
  'serve',
  'migrate',
  'doctor',
  'status',
  'demo',
  'projections list',
  'projections rebuild',
  'projections diff',
  'projections switch',
  'projections rollback',
  'projections verify',
  'events tail',
  'events show',
  'events stream',
  'webhooks list',
  'webhooks show',
  'webhooks replay',
  'webhooks export',
  'quarantine list',
  'quarantine release',
  'effects list',
  'effects retry',
  'effects redrive',
  'effects resolve',
  'effects discard',
  'destinations list',
  'destinations pause',
  'destinations resume',
  'partner list',
  'partner show',
  'partner erase',
  'partner export',
  'why',
  'clock advance',
  'export',
  'sandbox faults',
  'sandbox calls',
  'sandbox mail',
  'explain',
]

describe('the command line', () => {
  it('has --help with examples and the common options for every command, and ends with 0', async () => {
    const helps = []
    for (const command of commands)
      helps.push({ command, help: await runHub([...command.split(' '), '--help'], { HUB_URL: 'http://127.0.0.1:1' }) })
    for (const { command, help } of helps) {
      assert.equal(help.code, 0, command)
      assert.match(help.stdout, new RegExp(`Examples:\\n  \\$ .*hub ${command}`), command)
      for (const name of ['--json', '--url', '--token']) assert.ok(help.stdout.includes(name), `${command} ${name}`)
    }
  })

  it('says how it is called wrongly and ends with 2', async () => {
    for (const args of [
      ['projectons'],
      ['projections', 'rebuilt'],
      ['projections', 'rebuild'],
      ['status', '--no-such-option'],
      ['status', 'too', 'many'],
      ['clock', 'advance', '31 days'],
      ['effects', 'resolve', 'x', '--outcome', 'maybe'],
      ['webhooks', 'list', '--limit', 'many'],
      ['quarantine', 'release'],
      ['status', '--url', 'ftp://127.0.0.1'],
      [],
    ]) {
      const { code, stderr } = await runHub(args, { HUB_URL: 'http://127.0.0.1:1' })
      assert.equal(code, 2, args.join(' '))
      assert.notEqual(stderr, '', args.join(' '))
    }
  })

  it('ends with 3 when nobody answers, and when something else answers', async () => {
    const nobody = await runHub(['status', '--json'], { HUB_URL: 'http://127.0.0.1:1' })
    assert.equal(nobody.code, 3)
    assert.equal((nobody.json() as { error: { code: string } }).error.code, 'service-unreachable')
    const stranger = await against({ 'GET /api/v1/projections': { text: '<html>', contentType: 'text/html' } }, [
      'projections',
      'list',
    ])
    assert.equal(stranger.code, 3)
    assert.equal(stranger.stdout, '')
  })

  it('ends with 3 when the database of the service is away', async () => {
    const { code } = await against(
      { 'GET /api/v1/projections': problem(503, 'database-away', 'The database is away') },
      ['projections', 'list'],
    )
    assert.equal(code, 3)
  })

  it('ends with 1 when the service refuses, with its code and its words', async () => {
    const routes = {
      'POST /api/v1/projections/partners/switch': problem(409, 'candidate-not-ready', 'It is still being built'),
    }
    const plain = await against(routes, ['projections', 'switch', 'partners'])
    assert.equal(plain.code, 1)
    assert.equal(plain.stdout, '')
    assert.match(plain.stderr, /It is still being built/)
    assert.match(plain.stderr, /hub explain candidate-not-ready/)
    const machine = await against(routes, ['projections', 'switch', 'partners', '--json'])
    assert.equal(machine.code, 1)
    assert.deepEqual(machine.json(), {
      error: { code: 'candidate-not-ready', detail: 'It is still being built', status: 409 },
    })
  })

  it('signs in with the token of the option, of the environment, or of secrets.env, in this order', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hub-cli-'))
    writeFileSync(join(folder, 'secrets.env'), 'HUB_ANALYST_TOKEN=an_x\nHUB_OPERATOR_TOKEN=op_kept\n')
    const routes = { 'GET /api/v1/projections': listed([]) }
    try {
      const authorizations = []
      for (const [args, env] of [
        [['--token', 'op_given'], { DATA_DIR: folder }],
        [[], { DATA_DIR: folder, HUB_OPERATOR_TOKEN: 'op_env,op_old' }],
        [[], { DATA_DIR: folder, HUB_OPERATOR_TOKEN: '' }],
      ] as const) {
        const { seen } = await against(routes, ['projections', 'list', ...args], env)
        authorizations.push(seen[0]?.authorization)
      }
      assert.deepEqual(authorizations, ['Bearer op_given', 'Bearer op_env', 'Bearer op_kept'])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('finds the service by --url, by HUB_URL, or by PORT', async () => {
    const api = await fakeApi({ 'GET /api/v1/projections': listed([]) })
    try {
      const ways = [
        await runHub(['projections', 'list', '--url', `${api.url}/`], { HUB_URL: 'http://127.0.0.1:1' }),
        await runHub(['projections', 'list'], { HUB_URL: api.url }),
        await runHub(['projections', 'list'], { PORT: new URL(api.url).port }),
      ]
      assert.deepEqual(
        ways.map(({ code }) => code),
        [0, 0, 0],
      )
    } finally {
      await api.stop()
    }
  })

  it('prints one JSON document on standard output and nothing else there', async () => {
    const item = { name: 'partners', version: 1, status: 'live', position: 7, lag: 0, candidate: null, previous: null }
    const { json, code } = await against({ 'GET /api/v1/projections': listed([item]) }, [
      'projections',
      'list',
      '--json',
    ])
    assert.equal(code, 0)
    assert.deepEqual(json(), { items: [item], nextCursor: null, position: 7 })
  })

  it('keeps commands of a terminal out of what it prints', async () => {
    const item = { name: 'par\u001b]0;title\u0007tners', version: 1, status: 'live' }
    const { stdout } = await against({ 'GET /api/v1/projections': listed([item]) }, ['projections', 'list'])
    assert.ok(!stdout.includes('\u001b'))
    assert.match(stdout, /par \]0;title tners/)
  })
})
