#!/usr/bin/env node
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dieWithLauncher, findBun, findDeno, runInPlace } from './binaries.mjs'

// Tests on one runtime, against one throwaway PostgreSQL: `test.mjs bun|deno [part of a path]…`.
// The last line of the output is `N passed, N failed`.

const root = fileURLToPath(new URL('..', import.meta.url))
const [runtime = 'bun', ...filters] = process.argv.slice(2)

/** The sweep of kills is a run of its own: most of its minutes are leases that have to run out. */
const sweeping = filters.some((filter) => filter.includes('crash'))

/** A test that takes longer hangs: it starts services and waits for read models, but never for minutes. */
const testMsMax = sweeping ? 1_800_000 : 60_000

const testFiles = () =>
  readdirSync(join(root, 'test'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => `./${relative(root, join(entry.parentPath ?? entry.path, entry.name)).replaceAll('\\', '/')}`)
    .filter((path) => sweeping || !path.includes('test/crash/'))
    .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter.replace(/^\.\//, ''))))
    .sort()

const commands = {
  bun: (files, report) => [
    findBun(),
    ['test', `--timeout=${testMsMax}`, '--reporter=junit', `--reporter-outfile=${report}`, ...files],
  ],
  deno: (files, report) => [
    findDeno(),
    ['test', '--no-check', '--allow-all', '--node-modules-dir=manual', '--shuffle', `--junit-path=${report}`, ...files],
  ],
}

/**
 * Counts single tests in a JUnit report. Deno lists a group beside its tests; a group is whatever others are named after.
 */
const countTests = (report) => {
  const cases = [...report.matchAll(/<testcase name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g)]
  const groups = new Set()
  for (const [, name] of runtime === 'deno' ? cases : []) {
    const parts = name.split(' &gt; ')
    for (let length = 1; length < parts.length; length += 1) groups.add(parts.slice(0, length).join(' &gt; '))
  }
  const single = cases.filter(([, name]) => !groups.has(name))
  const failed = single.filter(([, , body]) => /<(failure|error)\b/.test(body ?? '')).length
  const skipped = single.filter(([, , body]) => /<skipped\b/.test(body ?? '')).length
  return { passed: single.length - failed - skipped, failed }
}

const read = (path) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** A server for this run only: nothing of it outlives the run, so it need not wait for the disk. */
const startServer = async (folder) => {
  if (process.env.TEST_DATABASE_URL) return { adminUrl: process.env.TEST_DATABASE_URL, stop: async () => {} }
  const { startEmbedded } = await import('../src/db/embedded.ts')
  const settings = { fsync: 'off', synchronous_commit: 'on', max_connections: '200' }
  return await startEmbedded({ dataDir: folder, log: () => {}, settings })
}

/** A server that goes on after the run keeps nothing of it. */
const dropTemplate = async (url, name) => {
  const { default: postgres } = await import('postgres')
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const [found] = await sql`select from pg_database where datname = ${`test_template_${name}`}`
  if (found) {
    await sql.unsafe(`alter database test_template_${name} is_template false`)
    await sql.unsafe(`drop database test_template_${name} with (force)`)
  }
  await sql.end()
}

const run = (program, args, env) =>
  new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: 'inherit', env })
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal))
    child.on('error', () => resolve(1))
    child.on('exit', (code) => resolve(code ?? 1))
  })

const main = async () => {
  const command = commands[runtime]
  const files = testFiles()
  if (command === undefined || files.length === 0) {
    console.error(
      command === undefined
        ? `Cannot test on "${runtime}": it should be bun or deno`
        : 'Cannot test: no test file has such a path',
    )
    console.log('0 passed, 1 failed')
    return 2
  }
  const folder = mkdtempSync(join(tmpdir(), 'partner-hub-test-'))
  let server
  try {
    server = await startServer(folder)
    const report = join(folder, 'report.xml')
    const [program, args] = command(files, report)
    const TEST_RUN = randomBytes(6).toString('hex')
    const databases = { TEST_PG_URL: server.adminUrl, TEST_PG_OWNER_URL: server.url ?? '', TEST_RUN }
    const code = await run(program, args, { ...process.env, ...databases })
    if (process.env.TEST_DATABASE_URL) await dropTemplate(server.adminUrl, TEST_RUN)
    const { passed, failed } = countTests(read(report))
    // Something beside the tests went wrong, such as a file that does not load: that is a failure too.
    const all = code !== 0 && failed === 0 ? 1 : failed
    console.log(`${passed} passed, ${all} failed`)
    return all > 0 || passed === 0 ? 1 : 0
  } finally {
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

if (process.versions.bun || process.versions.deno) {
  dieWithLauncher()
  process.exit(await main())
} else {
  runInPlace(findBun(), [fileURLToPath(import.meta.url), ...process.argv.slice(2)])
}
