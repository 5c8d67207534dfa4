-- name: follower_position
insert into hub.followers (name, position) values ($1, 0) on conflict (name) do update set name = excluded.name returning position

-- name: plan_effects
-- Effects are born together with the reactor's checkpoint; it moves only from where this reader began.
with moved as (
  update hub.followers set position = $2 where name = $1 and position = $3 returning 1
), born as (
  insert into hub.effects (effect_id, destination, kind, reactor, event_id, event_position, subject, payload, due_at, created_at)
  select p.id, p.dest, p.kind, p.reactor, p.event, p.position, p.subject, p.payload, coalesce(p.due, hub.now()), hub.now()
    from jsonb_to_recordset($4::text::jsonb) as p(id uuid, dest text, kind text, reactor text, event uuid, position bigint, subject text, payload jsonb, due timestamptz)
   where exists (select from moved)
  on conflict (effect_id) do nothing
  returning destination
)
select (select count(*) from moved)::int as moved, (select count(*) from born)::int as born

-- name: add_effects
-- Effects of an event that the follower has passed already.
insert into hub.effects (effect_id, destination, kind, reactor, event_id, event_position, subject, payload, due_at, created_at)
select p.id, p.dest, p.kind, p.reactor, p.event, p.position, p.subject, p.payload, coalesce(p.due, hub.now()), hub.now()
  from json_to_recordset($1::text::json) as p(id uuid, dest text, kind text, reactor text, event uuid, position bigint, subject text, payload jsonb, due timestamptz)
on conflict (effect_id) do nothing

-- name: claim_effects
-- A short lease on database time; whoever is frozen past it can no longer settle, because the attempt has moved on.
-- hub.now() is asked once, not once a row, and the rows that were locked are reached by their place.
with clock as materialized (
  select hub.now() as now
)
update hub.effects e
   set status = 'running', attempt = e.attempt + 1, first_attempt_at = coalesce(e.first_attempt_at, (select now from clock)),
       leased_until = clock_timestamp() + make_interval(secs => $3::int), worker = $4
 where e.ctid = any (array(
  select d.ctid from hub.effects d
   where d.destination = $1 and d.status = 'waiting' and d.due_at <= (select now from clock)
     and not exists (select from hub.destinations p where p.name = $1 and p.paused_until > (select now from clock))
   order by d.due_at limit $2 for update skip locked))
returning e.effect_id, e.destination, e.kind, e.event_id, e.subject, e.payload, e.attempt, e.first_attempt_at, (select now from clock) as claimed_at

-- name: started_since
-- How many operations of a destination were first started in the last day and minute: a limit that outlives restarts and is shared.
select count(*) filter (where first_attempt_at > hub.now() - interval '24 hours')::int as day,
       count(*) filter (where first_attempt_at > hub.now() - interval '1 minute')::int as minute
  from hub.effects where destination = $1 and first_attempt_at > hub.now() - interval '24 hours'

-- name: extend_leases
-- Never waits: a row that is locked is being settled or taken, and a wait for it could close a circle with the settling statement.
with held as (
  select e.ctid from hub.effects e join unnest($1::uuid[], $2::int[]) as h(effect_id, attempt)
      on e.effect_id = h.effect_id and e.attempt = h.attempt
   where e.status = 'running' for update of e skip locked
)
update hub.effects e set leased_until = clock_timestamp() + make_interval(secs => $3::int)
 where e.ctid = any (array(select ctid from held))

-- name: expire_leases
-- A lease that ran out belonged to a worker that died or froze. What may be repeated is free again; the rest is unknown, never free.
with lost as (
  select e.effect_id, p.after from jsonb_to_recordset($1::text::jsonb) as p(name text, after text)
    join hub.effects e on e.destination = p.name and e.status = 'running' and e.leased_until < clock_timestamp()
     for update of e skip locked
)
update hub.effects e
   set status = case when l.after = 'repeat' or (l.after = 'repeat-once' and e.attempt < 2) then 'waiting' else 'unknown' end,
       leased_until = null, worker = null, due_at = hub.now(), last_error = 'lease-expired',
       history = e.history || jsonb_build_array(jsonb_build_object('attempt', e.attempt, 'at', hub.now(), 'outcome', 'unknown', 'code', 'lease-expired', 'worker', e.worker))
  from lost l where e.effect_id = l.effect_id and e.status = 'running'
returning e.destination

-- name: due_destinations
-- One look into the index for each destination: a backlog is not counted.
select d.name as destination from unnest($1::text[]) as d(name)
 where exists (select from hub.effects e where e.destination = d.name and e.status = 'waiting' and e.due_at <= hub.now())

-- name: settle_effects
with clock as materialized (
  select hub.now() as now
)
update hub.effects f
   set status = s.st, leased_until = null, worker = null, outcome = s.o, last_error = s.er, due_at = coalesce(s.du, f.due_at),
       settled_at = case when s.st in ('waiting', 'unknown') then null else (select now from clock) end, history = f.history || s.h
  from jsonb_to_recordset($1::text::jsonb) as s(e uuid, a int, st text, o jsonb, er text, du timestamptz, h jsonb)
 where f.effect_id = s.e and f.attempt = s.a and f.status = 'running'

-- name: hand_back
-- Claimed but not started when the service stops: free at once, and the attempt did not happen.
update hub.effects set status = 'waiting', attempt = attempt - 1, leased_until = null, worker = null
 where effect_id = any ($1::uuid[]) and status = 'running' and worker = $2

-- name: pause_destination
insert into hub.destinations as d (name, paused_until, paused_by, reason) values ($1, $2::timestamptz, $3, $4)
on conflict (name) do update set paused_until = excluded.paused_until, paused_by = excluded.paused_by, reason = excluded.reason
 where d.paused_by is distinct from 'operator' or excluded.paused_by = 'operator'

-- name: resume_destination
update hub.destinations set paused_until = null, paused_by = null, reason = null where name = $1 and paused_until is not null returning name

-- name: plan_periodic
-- One operation of a kind is enough: while one waits or runs within the period, no other is planned. What is over for a day is cleared away.
with cleared as (
  delete from hub.effects where subject = 'periodic' and kind = $3 and status in ('done', 'refused', 'dead') and settled_at < hub.now() - interval '1 day'
)
insert into hub.effects (effect_id, destination, kind, reactor, event_id, event_position, subject, payload, due_at, created_at)
select $1::uuid, $2, $3, 'periodic', $1::uuid, 0, 'periodic', '{}', hub.now(), hub.now()
 where not exists (select from hub.effects e where e.subject = 'periodic' and e.kind = $3 and e.destination = $2
                     and (e.status = 'running' or e.status = 'waiting' and e.due_at <= hub.now() + make_interval(secs => $4::int)))
on conflict (effect_id) do nothing
returning effect_id
