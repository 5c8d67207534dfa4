-- name: follower_position
insert into hub.followers (name, position) values ($1, 0) on conflict (name) do update set name = excluded.name returning position

-- name: plan_effects
-- Effects are born together with the reactor's checkpoint; it moves only from where this reader began.
with moved as (
  update hub.followers set position = $2 where name = $1 and position = $3 returning 1
), born as (
  insert into hub.outbox (effect_id, destination, kind, reactor, event_id, event_position, subject, payload, due_at, created_at)
  select p.id, p.dest, p.kind, p.reactor, p.event, p.position, p.subject, p.payload, coalesce(p.due, hub.now()), hub.now()
    from jsonb_to_recordset($4::text::jsonb) as p(id uuid, dest text, kind text, reactor text, event uuid, position bigint, subject text, payload jsonb, due timestamptz)
   where exists (select from moved)
  on conflict (effect_id) do nothing
  returning effect_id, destination, due_at
), queued as (
  insert into hub.effect_queue (effect_id, destination, due_at) select effect_id, destination, due_at from born
)
select (select count(*) from moved)::int as moved, (select count(*) from born)::int as born

-- name: add_effects
-- Effects of an event that the follower has passed already.
with born as (
  insert into hub.outbox (effect_id, destination, kind, reactor, event_id, event_position, subject, payload, due_at, created_at)
  select p.id, p.dest, p.kind, p.reactor, p.event, p.position, p.subject, p.payload, coalesce(p.due, hub.now()), hub.now()
    from json_to_recordset($1::text::json) as p(id uuid, dest text, kind text, reactor text, event uuid, position bigint, subject text, payload jsonb, due timestamptz)
  on conflict (effect_id) do nothing
  returning effect_id, destination, due_at
)
insert into hub.effect_queue (effect_id, destination, due_at) select effect_id, destination, due_at from born

-- name: claim_effects
-- Takes the rows out of the queue and puts their effects under one lease, on database time; what is wide is only read. Leases of this
-- worker that are over go with it. hub.now() is asked once, not once a row, and the rows that were locked are reached by their place.
with clock as materialized (
  select hub.now() as now
), over as (
  delete from hub.effect_leases where worker = $4 and number = any ($6::int[])
), taken as (
  delete from hub.effect_queue q
   where q.ctid = any (array(
    select d.ctid from hub.effect_queue d
     where d.destination = $1 and d.due_at <= (select now from clock)
       and not exists (select from hub.destinations p where p.name = $1 and p.paused_until > (select now from clock))
     order by d.due_at limit $2 for update skip locked))
  returning q.effect_id
), held as materialized (
  select o.effect_id, o.kind, o.event_id, o.subject, o.payload, o.attempt + 1 as attempt, o.first_attempt_at
    from taken join hub.outbox o using (effect_id) where o.status = 'waiting'
), lease as (
  insert into hub.effect_leases (worker, number, destination, claimed_at, leased_until, effects, attempts)
  select $4, $5, $1, (select now from clock), clock_timestamp() + make_interval(secs => $3::int), array_agg(effect_id), array_agg(attempt)
    from held having count(*) > 0
)
select h.*, case when row_number() over () = 1 then (select now from clock) end as claimed_at from held h

-- name: started_since
-- How many operations of a destination were first started in the last day and minute: a limit that outlives restarts and is shared.
-- First attempts that are still under way are known by their leases.
with started as (
  select first_attempt_at as at from hub.outbox where destination = $1 and first_attempt_at > hub.now() - interval '24 hours'
  union all
  select l.claimed_at from hub.effect_leases l cross join unnest(l.effects, l.attempts) as h (effect_id, attempt)
    join hub.outbox o on o.effect_id = h.effect_id and o.attempt = h.attempt - 1
   where l.destination = $1 and o.status = 'waiting' and o.first_attempt_at is null
)
select count(*) filter (where at > hub.now() - interval '24 hours')::int as day,
       count(*) filter (where at > hub.now() - interval '1 minute')::int as minute
  from started

-- name: extend_leases
-- Never waits: a lease that is locked has just been found overdue, and is lost.
with held as (
  select number from hub.effect_leases where worker = $1 and number = any ($2::int[]) for update skip locked
)
update hub.effect_leases l set leased_until = clock_timestamp() + make_interval(secs => $3::int)
  from held where l.worker = $1 and l.number = held.number

-- name: release_leases
-- Leases whose effects are all settled.
delete from hub.effect_leases where worker = $1 and number = any ($2::int[])

-- name: expire_leases
-- A lease that ran out belonged to a worker that died or froze. What it had settled is over; the other attempts are lost, and ended by
-- this: what may be repeated is free again, the rest is unknown, never free.
with policies as materialized (
  select p.name, p.after from jsonb_to_recordset($1::text::jsonb) as p(name text, after text)
), overdue as (
  select l.worker, l.number from hub.effect_leases l join policies p on p.name = l.destination
   where l.leased_until < clock_timestamp() order by l.leased_until limit 50 for update of l skip locked
), ended as (
  delete from hub.effect_leases l using overdue o where l.worker = o.worker and l.number = o.number
  returning l.worker, l.destination, l.claimed_at, l.effects, l.attempts
), lost as (
  update hub.outbox f
     set status = case when p.after = 'repeat' or (p.after = 'repeat-once' and h.attempt < 2) then 'waiting' else 'unknown' end,
         attempt = h.attempt, first_attempt_at = coalesce(f.first_attempt_at, e.claimed_at), due_at = hub.now(), last_error = 'lease-expired',
         history = f.history || jsonb_build_object('attempt', h.attempt, 'at', hub.now(), 'outcome', 'unknown', 'code', 'lease-expired', 'worker', e.worker) || E'\n'
    from ended e join policies p on p.name = e.destination cross join unnest(e.effects, e.attempts) as h (effect_id, attempt)
   where f.effect_id = h.effect_id and f.attempt = h.attempt - 1 and f.status = 'waiting'
  returning f.effect_id, f.destination, f.due_at, f.status
)
insert into hub.effect_queue (effect_id, destination, due_at) select effect_id, destination, due_at from lost where status = 'waiting'

-- name: due_destinations
-- One look into the index for each destination: a backlog is not counted.
select d.name as destination from unnest($1::text[]) as d(name)
 where exists (select from hub.effect_queue q where q.destination = d.name and q.due_at <= hub.now())

-- name: settle_effects
-- Ends attempts, each fenced by its number: the one before it must be the last that ended. What is to be tried again waits again.
with clock as materialized (
  select hub.now() as now
), ended as (
  update hub.outbox f
     set status = s.status, attempt = s.attempt, first_attempt_at = s.first_attempt_at, outcome = nullif(s.outcome, 'null')::jsonb, last_error = s.error,
         due_at = coalesce(s.due_at, f.due_at), history = f.history || s.history || E'\n',
         settled_at = case when s.status in ('waiting', 'unknown') then null else (select now from clock) end
    from unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[], string_to_array($5::text, E'\n'), $6::text[], $7::timestamptz[],
                string_to_array($8::text, E'\n')) as s (effect_id, attempt, status, first_attempt_at, outcome, error, due_at, history)
   where f.effect_id = s.effect_id and f.attempt = s.attempt - 1 and f.status = 'waiting'
  returning f.effect_id, f.destination, f.due_at, f.status
)
insert into hub.effect_queue (effect_id, destination, due_at) select effect_id, destination, due_at from ended where status = 'waiting'

-- name: hand_back
-- Claimed but not started when the service stops: free at once, and the attempt did not happen. A lease that was lost gives nothing back.
with held as materialized (
  select l.number, h.effect_id, h.attempt, h.effect_id = any ($3::uuid[]) as back
    from hub.effect_leases l cross join unnest(l.effects, l.attempts) as h (effect_id, attempt)
   where l.worker = $1 and l.number = any ($2::int[]) for update of l
), kept as (
  update hub.effect_leases l set effects = k.effects, attempts = k.attempts
    from (select number, coalesce(array_agg(effect_id) filter (where not back), '{}') as effects,
                 coalesce(array_agg(attempt) filter (where not back), '{}') as attempts from held group by number) k
   where l.worker = $1 and l.number = k.number
)
insert into hub.effect_queue (effect_id, destination, due_at)
select o.effect_id, o.destination, o.due_at from held h join hub.outbox o on o.effect_id = h.effect_id and o.attempt = h.attempt - 1
 where h.back and o.status = 'waiting'

-- name: pause_destination
insert into hub.destinations as d (name, paused_until, paused_by, reason) values ($1, $2::timestamptz, $3, $4)
on conflict (name) do update set paused_until = excluded.paused_until, paused_by = excluded.paused_by, reason = excluded.reason
 where d.paused_by is distinct from 'operator' or excluded.paused_by = 'operator'

-- name: resume_destination
update hub.destinations set paused_until = null, paused_by = null, reason = null where name = $1 and paused_until is not null returning name

-- name: plan_periodic
-- One operation of a kind is enough: while one waits or runs within the period, no other is planned. What is over for a day is cleared away.
with cleared as (
  delete from hub.outbox where subject = 'periodic' and kind = $3 and status in ('done', 'refused', 'dead') and settled_at < hub.now() - interval '1 day'
), born as (
  insert into hub.outbox (effect_id, destination, kind, reactor, event_id, event_position, subject, payload, due_at, created_at)
  select $1::uuid, $2, $3, 'periodic', $1::uuid, 0, 'periodic', '{}', hub.now(), hub.now()
   where not exists (select from hub.outbox e where e.subject = 'periodic' and e.kind = $3 and e.destination = $2
                       and e.status = 'waiting' and e.due_at <= hub.now() + make_interval(secs => $4::int))
  on conflict (effect_id) do nothing
  returning effect_id, destination, due_at
)
insert into hub.effect_queue (effect_id, destination, due_at) select effect_id, destination, due_at from born
returning effect_id
