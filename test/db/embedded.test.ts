import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { type Embedded, startEmbedded } from '../../src/db/embedded.ts'

const folders: string[] = []
const children: ChildProcess[] = []

const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'hub-embedded-'))
  folders.push(folder)
  return folder
}

const start = (dataDir: string): Promise<Embedded> => startEmbedded({ dataDir, log: () => {} })

const withSql = async <T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end()
  }
}

const lockFile = (dataDir: string): string => join(realpathSync(join(dataDir, 'postgres')), 'data', 'postmaster.pid')
const postmaster = (dataDir: string): number => Number(readFileSync(lockFile(dataDir), 'utf8').split('\n')[0])

const entry = fileURLToPath(new URL('../support/embeddedChild.ts', import.meta.url))
const flags = 'Deno' in globalThis ? ['run', '--no-check', '--allow-all'] : []

type Using = { readonly child: ChildProcess; readonly adopted: boolean; readonly adminUrl: string }

/** Another process that uses the server of a folder. */
const startElsewhere = async (dataDir: string): Promise<Using> => {
  const child = spawn(process.execPath, [...flags, entry, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  let said = ''
  for await (const chunk of child.stdout) {
    said += chunk
    if (said.includes('\n')) break
  }
  const { adopted, adminUrl } = JSON.parse(said)
  return { child, adopted, adminUrl }
}

const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> => {
  const exited = once(child, 'exit')
  // Deno's child.kill() reports the signal as the end, also of a process that answered it with an exit code.
  process.kill(child.pid ?? 0, signal)
  const [code] = await exited
  return code
}

const remember = (url: string) =>
  withSql(url, async (sql) => {
    await sql`create table kept (word text)`
    await sql`insert into kept values ('still here')`
  })
const recall = (url: string) =>
  withSql(url, async (sql) => (await sql<{ word: string }[]>`select word from kept`)[0]?.word)

/** Waits until a process is gone from the table of processes, or only its parent has yet to look. */
const ended = async (pid: number): Promise<void> => {
  for (let tries = 0; tries < 1000; tries += 1) {
    const state = existsSync(`/proc/${pid}/stat`)
      ? (/\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? 'X')
      : 'X'
    if (state === 'X' || state === 'Z') return
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('startEmbedded()', () => {
  after(async () => {
    for (const child of children) child.kill('SIGKILL')
    for (const folder of folders) {
      await (await start(folder)).stop()
      const real = realpathSync(join(folder, 'postgres'))
      rmSync(folder, { recursive: true, force: true })
      rmSync(real, { recursive: true, force: true })
    }
  })

  it('makes a durable cluster on loopback with a database of an ordinary role', async () => {
    const dataDir = newFolder()
    const server = await start(dataDir)
    assert.equal(server.adopted, false)
    await withSql(server.url, async (sql) => {
      const [role] =
        await sql`select current_user as name, rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user`
      assert.deepEqual({ ...role }, { name: 'hub', rolsuper: false, rolcreaterole: true, rolcreatedb: false })
      const [base] =
        await sql`select pg_get_userbyid(datdba) as owner, datcollate, datlocale, pg_encoding_to_char(encoding) as encoding from pg_database where datname = current_database()`
      assert.deepEqual({ ...base }, { owner: 'hub', datcollate: 'C', datlocale: 'C.UTF-8', encoding: 'UTF8' })
      assert.equal((await sql`select upper('дома') as text`)[0]?.text, 'ДОМА')
      await sql`create role probe_of_role nologin`
      await sql`drop role probe_of_role`
    })
    await withSql(server.adminUrl, async (sql) => {
      const names = ['fsync', 'full_page_writes', 'listen_addresses', 'unix_socket_directories', 'TimeZone']
      const values = await Promise.all(
        names.map(async (name) => (await sql`select current_setting(${name}) as value`)[0]?.value),
      )
      assert.deepEqual(values, ['on', 'on', '127.0.0.1', '', 'UTC'])
    })
    assert.notEqual(new URL(server.url).port, '5432')
    assert.equal(statSync(join(dataDir, 'postgres', 'password')).mode & 0o077, 0)
    await server.stop()
    assert.equal(existsSync(lockFile(dataDir)), false)
  })

  it('refuses a wrong password', async () => {
    const server = await start(newFolder())
    const wrong = new URL(server.url)
    wrong.password = 'guess'
    await assert.rejects(recall(wrong.href), /password authentication failed/)
    await server.stop()
  })

  it('comes back on its port with its data, or on another port when that one is taken', async () => {
    const dataDir = newFolder()
    const first = await start(dataDir)
    await remember(first.url)
    await first.stop()
    const second = await start(dataDir)
    assert.equal(second.url, first.url)
    await second.stop()
    const squatter = createServer()
    squatter.listen(Number(new URL(first.url).port), '127.0.0.1')
    await once(squatter, 'listening')
    const third = await start(dataDir)
    assert.notEqual(new URL(third.url).port, new URL(first.url).port)
    assert.equal(await recall(third.url), 'still here')
    await third.stop()
    squatter.close()
  })

  it('is started once when two processes start at once, and the last one turns it off', async () => {
    const dataDir = newFolder()
    const both = await Promise.all([startElsewhere(dataDir), startElsewhere(dataDir)])
    assert.deepEqual(both.map((one) => one.adopted).sort(), [false, true])
    const [first, second] = both
    assert.equal(await end(first.child, 'SIGTERM'), 0)
    assert.equal(await withSql(second.adminUrl, async (sql) => (await sql`select 1 as one`)[0]?.one), 1)
    assert.equal(await end(second.child, 'SIGTERM'), 0)
    assert.equal(existsSync(lockFile(dataDir)), false)
  })

  it('is adopted after a kill of the process that started it', async () => {
    const dataDir = newFolder()
    const other = await startElsewhere(dataDir)
    const pid = postmaster(dataDir)
    await end(other.child, 'SIGKILL')
    const server = await start(dataDir)
    assert.equal(server.adopted, true)
    assert.equal(postmaster(dataDir), pid)
    await server.stop()
    assert.equal(existsSync(lockFile(dataDir)), false)
  })

  it('recovers what was committed after a kill of everything', async () => {
    const dataDir = newFolder()
    const first = await start(dataDir)
    await remember(first.url)
    const pid = postmaster(dataDir)
    process.kill(pid, 'SIGKILL')
    await ended(pid)
    assert.equal(postmaster(dataDir), pid)
    const second = await start(dataDir)
    assert.equal(second.adopted, false)
    assert.equal(await recall(second.url), 'still here')
    await second.stop()
  })

  it('is not misled by a lock file whose number has gone to another process', async () => {
    const dataDir = newFolder()
    const first = await start(dataDir)
    await remember(first.url)
    const pid = postmaster(dataDir)
    process.kill(pid, 'SIGKILL')
    await ended(pid)
    const [, ...rest] = readFileSync(lockFile(dataDir), 'utf8').split('\n')
    writeFileSync(lockFile(dataDir), [String(process.pid), ...rest].join('\n'))
    const second = await start(dataDir)
    assert.equal(second.adopted, false)
    assert.equal(await recall(second.url), 'still here')
    await second.stop()
  })

  it('says so when the data is of another version', async () => {
    const dataDir = newFolder()
    await (await start(dataDir)).stop()
    const version = join(dataDir, 'postgres', 'data', 'PG_VERSION')
    writeFileSync(version, '17\n')
    await assert.rejects(start(dataDir), /holds data of version 17/)
    writeFileSync(version, '18\n')
  })
})
