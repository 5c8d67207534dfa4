import { randomUUID } from 'node:crypto'
import { readModels } from '../../projections/index.ts'
import { makeOperations } from '../../src/compose/operations.ts'
import { apiDoor } from '../../src/http/api.ts'
import type { HttpPorts } from '../../src/http/ports.ts'
import { instant } from '../../src/kernel/time.ts'
import { testCore } from './core.ts'
import type { Json } from './service.ts'

/** An answer with its body as JSON, when it was JSON. */
export type Answered = {
  readonly status: number
  readonly body: Json
  readonly text: string
  readonly headers: Headers
}

const tokens = { operator: 'operator-token-of-the-tests', analyst: 'analyst-token-of-the-tests' }

/** Who asks; `nobody` brings no token. */
export type Asker = 'operator' | 'analyst' | 'nobody'

/** The API over a fresh log, called as a function; nothing runs by itself, `project` brings the read models up to the head. */
export const testApi = async () => {
  const { core, project, close, database } = await testCore()
  const faults: unknown[] = []
  const ports: HttpPorts = {
    sql: core.sql,
    handler: core.handler,
    codec: core.codec,
    readModels,
    now: () => instant(new Date()),
    newId: randomUUID,
    version: '0.0.0',
    runtime: 'test',
    settings: {
      publicUrl: 'http://127.0.0.1:3000',
      pagesUrl: 'https://pages.example.ru',
      operatorTokens: [tokens.operator, 'the-next-operator-token'],
      analystTokens: [tokens.analyst],
      sandbox: true,
      plans: [{ plan: 'PARTNER-1M', title: '1 месяц', priceKopecks: 250_000, months: 1 }],
    },
    operations: makeOperations({
      core,
      destinations: [
        { name: 'fns', off: false },
        { name: 'email', off: true },
      ],
      testClock: false,
      wakeBuilding: () => {},
      wakeEffects: () => {},
      replay: async () => null,
    }),
  }
  const door = apiDoor({ ports, doctor: async () => ({ providers: [] }), onError: (error) => void faults.push(error) })

  const send = (path: string, init: RequestInit, asker: Asker): Promise<Response> =>
    door(
      new Request(`http://127.0.0.1:3000/api/v1/${path}`, {
        ...init,
        headers: { ...(asker === 'nobody' ? {} : { authorization: `Bearer ${tokens[asker]}` }), ...init.headers },
      }),
      '192.0.2.1',
    )
  const answered = async (response: Response): Promise<Answered> => {
    const text = await response.text()
    const isJson = /json$|json;/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, headers: response.headers, text, body: isJson && text ? JSON.parse(text) : null }
  }
  return {
    core,
    ports,
    project,
    close,
    database,
    tokens,
    /** What the door could not explain; a test that expects none looks here. */
    faults,
    door,
    send,
    get: async (path: string, asker: Asker = 'operator', headers: Record<string, string> = {}): Promise<Answered> =>
      answered(await send(path, { headers }, asker)),
    post: async (path: string, body: unknown, asker: Asker = 'operator'): Promise<Answered> =>
      answered(
        await send(path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }, asker),
      ),
  }
}
