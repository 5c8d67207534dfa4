import { createHash, randomUUID } from 'node:crypto'
import { readModels } from '../../projections/index.ts'
import type { Core } from '../../src/compose/core.ts'
import { makeOperations } from '../../src/compose/operations.ts'
import { partnerId, partnerStream } from '../../src/domain/ids.ts'
import { apiDoor } from '../../src/http/api.ts'
import type { HttpPorts } from '../../src/http/ports.ts'
import { instant } from '../../src/kernel/time.ts'
import type { InboxRow } from '../../src/log/appendRequest.ts'
import { application, testCore } from './core.ts'
import { putEffect } from './effects.ts'
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
      newId: randomUUID,
      destinations: [
        { name: 'fns', off: false },
        { name: 'email', off: true },
        { name: 'yookassa', off: false },
        { name: 'cloudpayments', off: true },
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
    const isJson = /^application\/(problem\+)?json\b/.test(response.headers.get('content-type') ?? '')
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

/** A delivery as the inbox keeps it, with invented bytes. */
const delivery = (webhookId: string, body: string): InboxRow => {
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex')
  return {
    webhookId,
    source: 'tilda',
    route: 'tilda/form',
    dedupeKey: `tilda:${webhookId}`,
    keyHash: hash(webhookId),
    contentHash: hash(body),
    verdict: 'accepted',
    reason: null,
    receivedAt: instant(new Date('2026-11-24T08:59:00Z')),
    peer: '192.0.2.7',
    secretName: 'current',
    method: 'POST',
    path: '/webhooks/tilda/form',
    query: '',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(body),
    sha256: hash(body),
    subject: null,
    repeatOf: null,
  }
}

/** One partner the way he really comes: a delivery, an effect with two attempts that it asked for, and the verdict from its outcome. */
export const playTracedPartner = async (core: Core) => {
  const id = partnerId(randomUUID())
  const webhookId = randomUUID()
  const at = instant(new Date('2026-11-24T09:00:00Z'))
  const body = 'INN=7700000009&Name=%D0%9C%D0%B0%D1%80%D0%B8%D1%8F'
  const applied = await core.handler.handle({
    stream: partnerStream(id),
    command: { type: 'ApplyAsPartner', data: { at, partnerId: id, application: application() } },
    cause: { kind: 'webhook', id: webhookId },
    inbox: delivery(webhookId, body),
  })
  if (applied.tag !== 'accepted') throw new Error(`The application was ${applied.tag}`)
  const earlier = [{ attempt: 1, at: '2026-11-24T09:00:01.000Z', outcome: 'later', code: 'server-error' }]
  const [asked] = await core.sql<{ eventId: string; subject: string }[]>`
    select event_id, subject from hub.events where position = ${applied.position}`
  const effectId = await putEffect(core.sql, {
    status: 'running',
    attempt: 2,
    reactor: 'verifyTaxpayer',
    eventId: asked?.eventId ?? '',
    eventPosition: applied.position,
    subject: asked?.subject ?? '',
    payload: { inn: '7700000009' },
    history: earlier,
    at,
  })
  const verified = await core.handler.handle({
    stream: partnerStream(id),
    command: {
      type: 'RecordVerdict',
      data: {
        at,
        checkedAt: at,
        verdict: 'verified',
        reason: 'active',
        detail: '',
        slug: `primer-dom-${id.slice(-6)}`,
        company: {
          kind: 'company',
          inn: '7700000009',
          kpp: '770001001',
          ogrn: '1227700123452',
          legalName: 'ООО "ПРИМЕР ДОМ"',
          region: '77',
          rawStatus: 'Действующее',
          source: 'api-fns',
        },
      },
    },
    cause: { kind: 'effect', id: effectId },
    settle: {
      effectId,
      attempt: 2,
      status: 'done',
      outcome: { tag: 'done' },
      error: null,
      dueAt: null,
      history: { attempt: 2, at: '2026-11-24T09:00:09.000Z', outcome: 'done', code: null },
      firstAttemptAt: at,
    },
  })
  if (verified.tag !== 'accepted') throw new Error(`The verdict was ${verified.tag}`)
  return { id, webhookId, effectId, body, applied: applied.position, verified: verified.position }
}
