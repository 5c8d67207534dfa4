-- name: destination_counts
select destination, count(*) filter (where status = 'waiting')::int as waiting, count(*) filter (where status = 'running')::int as running,
       count(*) filter (where status = 'unknown')::int as unknown, count(*) filter (where status = 'dead')::int as dead
  from (select destination, 'waiting' as status from hub.effect_queue
        union all
        select o.destination, 'running' from hub.effect_leases l cross join unnest(l.effects, l.attempts) as h (effect_id, attempt)
          join hub.outbox o on o.effect_id = h.effect_id and o.attempt = h.attempt - 1 and o.status = 'waiting'
        union all
        select destination, stopped from hub.outbox where stopped in ('unknown', 'dead')) open
 group by destination

-- name: paused_destinations
select name, nullif(paused_until, 'infinity') as paused_until, paused_by, reason from hub.destinations where paused_until > hub.now()

-- name: effect_status
select status from hub.effects where effect_id = $1::uuid

-- name: free_effect
-- One that waits is only made due; its row of the queue tells that nobody holds it.
with taken as (
  delete from hub.effect_queue where effect_id = $1::uuid and 'waiting' = any ($2::text[]) returning effect_id
), freed as (
  update hub.outbox set status = 'waiting', due_at = hub.now(), settled_at = null, last_error = null,
         history = history || jsonb_build_object('at', hub.now(), 'outcome', 'retry', 'by', $3::text, 'reason', $4::text) || E'\n'
   where effect_id = $1::uuid and status = any ($2::text[]) and (status <> 'waiting' or exists (select from taken))
  returning effect_id, destination, due_at
)
insert into hub.effect_queue (effect_id, destination, due_at) select effect_id, destination, due_at from freed returning effect_id

-- name: close_effect
with taken as (
  delete from hub.effect_queue where effect_id = $1::uuid and 'waiting' = any ($2::text[]) returning effect_id
)
update hub.outbox set status = $3, settled_at = hub.now(), outcome = jsonb_build_object('tag', $3::text, 'by', $4::text),
       history = history || jsonb_build_object('at', hub.now(), 'outcome', $3::text, 'by', $4::text, 'reason', $5::text) || E'\n'
 where effect_id = $1::uuid and status = any ($2::text[]) and (status <> 'waiting' or exists (select from taken)) returning effect_id

-- name: count_redrive
select count(*)::int as count, coalesce(json_agg(json_build_object('effectId', effect_id, 'kind', kind, 'status', status, 'lastError', last_error))
         filter (where n <= 10), '[]') as samples
  from (select effect_id, kind, status, last_error, row_number() over (order by created_at) as n from hub.outbox
         where destination <> 'hub' and ($1::text is null or destination = $1) and ($2::text is null or kind = $2)
           and stopped = any ($3::text[])) chosen

-- name: redrive
with freed as (
  update hub.outbox set status = 'waiting', due_at = hub.now(), settled_at = null,
         history = history || jsonb_build_object('at', hub.now(), 'outcome', 'redrive', 'by', $4::text, 'reason', $5::text) || E'\n'
   where destination <> 'hub' and ($1::text is null or destination = $1) and ($2::text is null or kind = $2)
     and stopped = any ($3::text[])
  returning effect_id, destination, due_at
)
insert into hub.effect_queue (effect_id, destination, due_at) select effect_id, destination, due_at from freed

-- name: advance_clock
update hub.clock set offset_by = offset_by + make_interval(secs => $1::float8) returning extract(epoch from offset_by)::float8 as seconds, clock_timestamp() + offset_by as now

-- name: notify
select pg_notify($1, $2)

-- name: load_document
select content_type, body, saved_at from hub.documents where name = $1

-- name: save_document
insert into hub.documents (name, content_type, body) values ($1, $2, $3)
on conflict (name) do update set content_type = excluded.content_type, body = excluded.body, saved_at = clock_timestamp()

