-- name: versions
select name, version, role, ready, position, target, started_at, error,
       (select count(*) from hub.parked_events p where p.read_model = m.name and p.version = m.version)::int as parked,
       extract(epoch from clock_timestamp() - m.started_at)::float8 as running_seconds
  from hub.read_models m order by name, version

-- name: add_version
insert into hub.read_models (name, version, role, ready, position) values ($1, $2, $3, $4, 0)

-- name: read_page
-- A range of the log as one row, which a driver takes in much faster than as one row an event. The types of all events and the last
-- position, as a proof that none is missing; of the events of the wanted types, what folds see of them.
select max(position) as last, json_agg(type) as types, json_agg(subject) filter (where wanted) as subjects,
       json_agg(event_id) filter (where wanted) as event_ids, json_agg(data) filter (where wanted) as data
  from (select position, event_id, subject, type, data, type = any ($3::text[]) as wanted
          from hub.events where position > $1 and position <= $2 order by position) as page

-- name: parked_keys
select distinct key from hub.parked_events where read_model = $1 and version = $2

-- name: park
insert into hub.parked_events (read_model, version, key, position, error)
  select $1, $2, p.key, p.position, p.error from json_to_recordset($3::text::json) as p(key text, position bigint, error text)
  on conflict do nothing

-- name: move_checkpoint
update hub.read_models set position = $3, seen_count = seen_count + $4 where name = $1 and version = $2 and position = $5 returning position

-- name: move_checkpoints
-- Of read models whose rows stay as they are: one commit for all of them.
update hub.read_models m set position = $2, seen_count = m.seen_count + $2 - $1
  from unnest($3::text[], $4::int[]) as r(name, version)
 where m.name = r.name and m.version = r.version and m.position = $1
returning m.name, m.version

-- name: set_target
update hub.read_models set target = $3 where name = $1 and version = $2

-- name: mark_ready
update hub.read_models set ready = true where name = $1 and version = $2

-- name: mark_failed
update hub.read_models set role = 'failed', error = $3 where name = $1 and version = $2 and role = 'candidate'

-- name: drop_version
delete from hub.read_models where name = $1 and version = $2

-- name: take_lease
-- Who follows the log is one process at a time; the checkpoint is fenced besides, so a frozen owner cannot write when it wakes.
insert into hub.followers as f (name, position, owner, leased_until) values ($1, 0, $2, clock_timestamp() + make_interval(secs => $3::int))
on conflict (name) do update set owner = excluded.owner, leased_until = excluded.leased_until
  where f.owner is null or f.owner = excluded.owner or f.leased_until < clock_timestamp()
returning position

-- name: release_lease
update hub.followers set owner = null, leased_until = null where name = $1 and owner = $2
