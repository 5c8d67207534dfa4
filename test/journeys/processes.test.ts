import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import postgres from 'postgres'
import { innOf } from '../../src/cli/demoCompanies.ts'
import { daysAfter, moveTo, nowOf } from '../support/billing.ts'
import { createDatabase } from '../support/database.ts'
import { form } from '../support/road.ts'
import { type Json, type RunningService, startService, until } from '../support/service.ts'

/** The INN of a company of this test. */
const innNumber = (number: number): string => innOf(`76${String(number).padStart(7, '0')}`)

/** Processes on one database, each with the roles that are named for it. */
const withProcesses = async (
  roles: readonly string[],
  work: (processes: readonly RunningService[], url: string) => Promise<void>,
): Promise<void> => {
  const database = await createDatabase({ migrated: false })
  const processes: RunningService[] = []
  try {
    for (const role of roles)
      processes.push(await startService({ databaseUrl: database.url, env: { HUB_ROLES: role } }))
    await work(processes, database.url)
  } catch (error) {
    const logs = processes.map((service, index) => `--- ${roles[index]} ---\n${service.log().slice(-1500)}`)
    throw new Error(`${error instanceof Error ? error.stack : String(error)}\n${logs.join('\n')}`)
  } finally {
    await Promise.all(processes.map((service) => service.stop().catch(() => null)))
    await database.drop()
  }
}

const withSql = async (url: string, work: (sql: postgres.Sql) => Promise<void>): Promise<void> => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await work(sql).finally(() => sql.end())
}

const secretOf = async (service: RunningService): Promise<string> => {
  const { body } = await service.get('/api/v1/doctor')
  const tilda = body.providers.find((provider: Json) => provider.name === 'tilda')
  return tilda.hooks
    .find((hook: string) => hook.includes('/page/'))
    .split('/')
    .at(-1)
}

/** Sends a form of another company to each door in turn, some at once; answers the numbers of those that were acknowledged. */
const sendForms = async (
  doors: readonly RunningService[],
  numbers: readonly number[],
  fields: Readonly<Record<string, string>> = {},
  onAnswer: (count: number) => void = () => {},
): Promise<number[]> => {
  const [first] = doors
  assert.ok(first)
  const secret = await secretOf(first)
  const acknowledged: number[] = []
  const left = [...numbers]
  const hand = async (): Promise<void> => {
    for (let number = left.shift(); number !== undefined; number = left.shift()) {
      const body = new URLSearchParams(
        form({
          ИНН: innNumber(number),
          Почта: `company${number}@example.ru`,
          Телефон: `+7912${String(number).padStart(7, '0')}`,
          tranid: `7:${number}`,
          ...fields,
        }),
      )
      const door = doors[number % doors.length]
      const answer = await fetch(`${door?.url}/webhooks/tilda/form`, {
        method: 'POST',
        headers: { 'x-api-key': secret },
        body,
      }).catch(() => null)
      if (answer?.status === 200) acknowledged.push(number)
      onAnswer(acknowledged.length)
    }
  }
  await Promise.all(Array.from({ length: 16 }, hand))
  return acknowledged.toSorted((a, b) => a - b)
}

/** Every item of a list, page by page. */
const allOf = async (service: RunningService, list: string): Promise<Json[]> => {
  const items: Json[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { status, body }: Json = await service.get(
      `/api/v1/${list}${list.includes('?') ? '&' : '?'}limit=500${cursor && `&cursor=${cursor}`}`,
    )
    assert.equal(status, 200, JSON.stringify(body))
    items.push(...body.items)
    cursor = body.nextCursor
  }
  return items
}

/** Waits until the registry was asked about every company, and nothing that goes outside is due any more. */
const settled = async (service: RunningService, count: number): Promise<void> => {
  await until(
    async () => (await allOf(service, 'effects?destination=fns&status=done')).length >= count,
    `the registry to be asked about ${count} companies`,
  )
  await until(async () => {
    const waiting = await allOf(service, 'effects?status=waiting')
    const now = await nowOf(service)
    const isIdle = (await allOf(service, 'effects?status=running')).length === 0
    return isIdle && waiting.every((effect) => effect.destination === 'hub' || effect.nextAttemptAt > now)
  }, 'everything that is due to be done')
}

/** Letters of all mail sinks: each process that delivers has one of its own. */
const lettersOf = async (processes: readonly RunningService[]): Promise<string[]> => {
  const letters: string[] = []
  for (const { url } of processes) {
    const found: Json[] = await (await fetch(`${url}/sandbox/mail/messages`)).json()
    letters.push(...found.filter(({ to }) => to.startsWith('company')).map(({ to, subject }) => `${to} ${subject}`))
  }
  return letters.toSorted()
}

/** What is rebuilt from the log equals what was kept up to date by whoever had the lease. */
const assertRebuilds = async (service: RunningService, name: string): Promise<void> => {
  const path = `/api/v1/projections/${name}`
  assert.ok((await service.post(`${path}/rebuild`, { reason: 'compare' })).status < 300)
  await until(async () => {
    const { status, body } = await service.get(`${path}/diff`)
    return status === 200 && [body.added, body.removed, body.changed].every((count) => count === 0)
  }, `${name} to be rebuilt as it is`)
}

const numbers = Array.from({ length: 16 }, (_, index) => index + 1)
const everything = 'http,projections,reactors,timers'

describe('several processes on one database', () => {
  for (const count of [2, 4]) {
    it(`share the work of ${count} and do each thing once (HUB_ROLES)`, () =>
      withProcesses(Array(count).fill(everything), async (processes) => {
        const [first] = processes
        assert.ok(first)
        const acknowledged = await sendForms(processes, numbers)
        assert.deepEqual(acknowledged, numbers)
        await settled(first, numbers.length)
        assert.equal((await allOf(first, 'partners')).length, numbers.length)
        const effects = await allOf(first, 'effects')
        const done = effects.filter(({ destination, status }) => destination !== 'hub' && status === 'done')
        assert.ok(done.length >= numbers.length * 2, 'the registry and a letter for each')
        assert.ok(
          done.every(({ attempts }) => attempts === 1),
          'each was performed once',
        )
        const letters = await lettersOf(processes)
        assert.equal(new Set(letters).size, letters.length, 'no letter was sent twice')
        assert.ok(letters.length >= numbers.length)
        await assertRebuilds(first, 'partners')
      }))
  }

  it('do with each role apart what one does with all of them (HUB_ROLES)', () =>
    withProcesses(['http', 'projections', 'reactors', 'timers'], async (processes, url) => {
      const [door, , reactors] = processes
      assert.ok(door && reactors)
      assert.deepEqual(await sendForms([door], numbers), numbers)
      await settled(door, numbers.length)
      const letters = await lettersOf([reactors])
      assert.ok(letters.length >= numbers.length)
      assert.deepEqual(await lettersOf(processes.filter((service) => service !== reactors)), [])
      // Days later every application without a verdict is looked at again, by the registry and by a timer.
      await moveTo(door, daysAfter(await nowOf(door), 1))
      await settled(door, numbers.length * 2)
      await moveTo(door, daysAfter(await nowOf(door), 3))
      await withSql(url, async (sql) => {
        const timers = (): Promise<{ status: string }[]> =>
          sql`
          select status from hub.effects where destination = 'hub' and payload #>> '{command,type}' = 'EscalateVerification'`
        await until(async () => (await timers()).every(({ status }) => status === 'done'), 'the timers to be performed')
        assert.equal((await timers()).length, numbers.length)
      })
      await assertRebuilds(door, 'partners')
    }))

  it('lose nothing that was acknowledged when one of four is killed in the middle', () =>
    withProcesses(Array(4).fill(everything), async (processes) => {
      const [victim, ...others] = processes
      const [first] = others
      assert.ok(victim && first)
      let killed: Promise<void> | null = null
      const acknowledged = await sendForms(processes, numbers, {}, (count) => {
        if (count >= numbers.length / 3) killed ??= victim.kill()
      })
      await killed
      assert.ok(acknowledged.length >= numbers.length / 2, `${acknowledged.length} were acknowledged`)
      await settled(first, acknowledged.length)
      // Whoever followed the log may have been the victim: its lease runs out first.
      await until(async () => {
        const known = new Set((await allOf(first, 'partners')).map(({ inn }) => inn))
        return acknowledged.every((number) => known.has(innNumber(number)))
      }, 'every company that was acknowledged')
      await until(
        async () => (await allOf(first, 'effects?destination=email&status=done')).length >= acknowledged.length,
        'a letter to each',
      )
      await assertRebuilds(first, 'partners')
    }))
})
