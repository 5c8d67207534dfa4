import { randomUUID } from 'node:crypto'
import type { Sql } from '../../src/db/connect.ts'
import type { Instant } from '../../src/kernel/time.ts'

/** An effect as a test wants it to be; what is not said is of no interest. */
export type WantedEffect = {
  readonly status: string
  readonly destination?: string
  readonly kind?: string
  readonly reactor?: string
  readonly eventId?: string
  readonly eventPosition?: number
  readonly subject?: string
  readonly payload?: Readonly<Record<string, unknown>>
  /** The attempt that runs, or the last one that ended. */
  readonly attempt?: number
  readonly lastError?: string
  readonly history?: readonly Readonly<Record<string, unknown>>[]
  /** Due and created then; absent: now. */
  readonly at?: Instant
}

/** Puts an effect into the outbox, in the queue when it waits and under a lease of a minute when it runs. Answers its id. */
export const putEffect = async (sql: Sql, wanted: WantedEffect): Promise<string> => {
  const effectId = randomUUID()
  const running = wanted.status === 'running'
  const destination = wanted.destination ?? 'fns'
  const attempt = wanted.attempt ?? (running ? 1 : 0)
  const history = (wanted.history ?? []).map((entry) => `${JSON.stringify(entry)}\n`).join('')
  await sql`
    with born as (
      insert into hub.outbox (effect_id, destination, kind, reactor, event_id, event_position, subject, payload, status, due_at, attempt,
                              last_error, history, created_at)
      values (${effectId}, ${destination}, ${wanted.kind ?? 'fns.lookUp'}, ${wanted.reactor ?? 'test'}, ${wanted.eventId ?? randomUUID()},
              ${wanted.eventPosition ?? 1}, ${wanted.subject ?? 'nobody'}, ${JSON.stringify(wanted.payload ?? {})}::text::jsonb,
              ${running ? 'waiting' : wanted.status}, coalesce(${wanted.at ?? null}::timestamptz, hub.now()), ${running ? attempt - 1 : attempt},
              ${wanted.lastError ?? null}, ${history}, coalesce(${wanted.at ?? null}::timestamptz, hub.now()))
      returning *
    ), queued as (
      insert into hub.effect_queue (effect_id, destination, due_at)
      select effect_id, destination, due_at from born where ${wanted.status === 'waiting'}
    )
    insert into hub.effect_leases (worker, number, destination, claimed_at, leased_until, effects, attempts)
    select ${`test-${effectId}`}, 1, destination, hub.now(), clock_timestamp() + interval '1 minute', array[effect_id], array[${attempt}::int]
      from born where ${running}`
  return effectId
}

/** Puts many effects of one kind into the queue of a destination. */
export const putWaiting = async (sql: Sql, count: number, to: string): Promise<void> => {
  await sql`
    with born as (
      insert into hub.outbox (effect_id, destination, kind, reactor, event_id, event_position, subject, payload, due_at, created_at)
      select gen_random_uuid(), ${to}, 'test.do', 'test', gen_random_uuid(), 1, 'nobody', '{}', hub.now(), hub.now() from generate_series(1, ${count})
      returning effect_id, destination, due_at
    )
    insert into hub.effect_queue (effect_id, destination, due_at) select effect_id, destination, due_at from born`
}

/** Lets every lease run out. */
export const loseLeases = async (sql: Sql): Promise<void> => {
  await sql`update hub.effect_leases set leased_until = clock_timestamp() - interval '1 second'`
}
