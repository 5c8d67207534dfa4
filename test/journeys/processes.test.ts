import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { moveTo, nowOf } from '../support/billing.ts'
import { createDatabase } from '../support/database.ts'
import { form } from '../support/road.ts'
import { type Json, type RunningService, startService, until } from '../support/service.ts'

/** An INN of ten digits whose check digit is right. */
const innOf = (number: number): string => {
  const digits = `76${String(number).padStart(7, '0')}`
  const weights = [2, 4, 10, 3, 5, 9, 4, 6, 8]
  const sum = weights.reduce((total, weight, index) => total + weight * Number(digits[index]), 0)
  return `${digits}${(sum % 11) % 10}`
}

/** Processes on one database, each with the roles that are named for it. */
const withProcesses = async (
  roles: readonly string[],
  work: (processes: readonly RunningService[]) => Promise<void>,
): Promise<void> => {
  const database = await createDatabase({ migrated: false })
  const processes: RunningService[] = []
  try {
    for (const role of roles)
      processes.push(await startService({ databaseUrl: database.url, env: { HUB_ROLES: role } }))
    await work(processes)
  } catch (error) {
    const logs = processes.map((service, index) => `--- ${roles[index]} ---\n${service.log().slice(-1500)}`)
    throw new Error(`${error instanceof Error ? error.stack : String(error)}\n${logs.join('\n')}`)
  } finally {
    await Promise.all(processes.map((service) => service.stop().catch(() => null)))
    await database.drop()
  }
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
          ИНН: innOf(number),
          Почта: `company${number}@example.ru`,
          Телефон: `+7912${String(number).padStart(7, '0')}`,
          tranid: `7:${number}`,
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
    const { body }: Json = await service.get(
      `/api/v1/${list}${list.includes('?') ? '&' : '?'}limit=500${cursor && `&cursor=${cursor}`}`,
    )
    items.push(...body.items)
    cursor = body.nextCursor
  }
  return items
}

/** Waits until every company was looked up and nobody has anything left to do that is due. */
const settled = async (service: RunningService, count: number): Promise<void> => {
  await until(
    async () => (await allOf(service, 'partners')).filter((row) => row.status === 'rejected').length >= count,
    `${count} companies to be answered by the registry`,
    60_000,
  )
  await until(async () => {
    const open = [
      ...(await allOf(service, 'effects?status=waiting')),
      ...(await allOf(service, 'effects?status=running')),
    ]
    return open.every((effect) => effect.destination === 'hub')
  }, 'everything that goes outside to be done')
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
  await until(async () => (await service.get(`${path}/diff`)).status === 200, `a second version of ${name}`)
  const { body } = await service.get(`${path}/diff`)
  assert.deepEqual([body.added, body.removed, body.changed], [0, 0, 0])
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
        const attempts = effects.filter(({ destination }) => destination !== 'hub').map(({ attempt }) => attempt)
        assert.ok(attempts.length >= numbers.length * 3)
        assert.ok(
          attempts.every((attempt) => attempt === 1),
          'each was performed once',
        )
        const letters = await lettersOf(processes)
        assert.equal(new Set(letters).size, letters.length, 'no letter was sent twice')
        assert.equal(letters.length, numbers.length * 2)
        await assertRebuilds(first, 'partners')
      }))
  }

  it('do with each role apart what one does with all of them (HUB_ROLES)', () =>
    withProcesses(['http', 'projections', 'reactors', 'timers'], async (processes) => {
      const [door, , reactors] = processes
      assert.ok(door && reactors)
      assert.deepEqual(await sendForms([door], numbers), numbers)
      await settled(door, numbers.length)
      const letters = await lettersOf([reactors])
      assert.equal(letters.length, numbers.length * 2)
      assert.deepEqual(await lettersOf(processes.filter((service) => service !== reactors)), [])
      const timers = (await allOf(door, 'effects?destination=hub')).filter(({ status }) => status === 'waiting')
      assert.ok(timers.length > 0, 'something is to be done later')
      const last = timers
        .map(({ dueAt }) => dueAt)
        .toSorted()
        .at(-1)
      assert.ok(last > (await nowOf(door)))
      await moveTo(door, last)
      await until(async () => {
        const left = new Set(
          (await allOf(door, 'effects?destination=hub&status=waiting')).map(({ effectId }) => effectId),
        )
        return timers.every(({ effectId }) => !left.has(effectId))
      }, 'the timers to be performed')
      await assertRebuilds(door, 'partners')
    }))

  it('lose nothing that was acknowledged when one of four is killed in the middle', () =>
    withProcesses(Array(4).fill(everything), async (processes) => {
      const [victim, ...others] = processes
      const [first] = others
      assert.ok(victim && first)
      let killed: Promise<void> | null = null
      const acknowledged = await sendForms(processes, numbers, (count) => {
        if (count >= numbers.length / 3) killed ??= victim.kill()
      })
      await killed
      assert.ok(acknowledged.length >= numbers.length / 2, `${acknowledged.length} were acknowledged`)
      await settled(first, acknowledged.length)
      const known = new Set((await allOf(first, 'partners')).map(({ inn }) => inn))
      for (const number of acknowledged) assert.ok(known.has(innOf(number)), `company ${number} is lost`)
      const letters = new Set([...(await lettersOf(others))].map((letter) => letter.split(' ')[0]))
      assert.ok(letters.size > 0)
      await assertRebuilds(first, 'partners')
    }))
})
