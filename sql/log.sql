-- name: append
select head, recorded_at, verdicts, versions, positions, details from hub.append($1, $2, $3, $4, $5, $6, $7)

-- name: find_appended
select id::text as id, position, version, recorded_at from hub.find_appended($1::uuid, $2::uuid[], $3::uuid[])

-- name: read_streams
-- "offset 0" keeps the inner query as it is: each stream is looked up, whatever the planner thinks of the size of the log.
select e.position, e.event_id, e.stream, e.version, e.subject, e.type, e.data, e.meta, e.recorded_at
  from unnest($1::text[], $2::int[]) as wanted(stream, version)
 cross join lateral (
   select * from hub.events e where e.stream = wanted.stream and e.version > wanted.version order by e.version offset 0
 ) e

-- name: read_after
-- Every position is returned; events of other types come without their data, so that the reader can prove that no position is missing.
select position, event_id, stream, version, subject, type, case when type = any ($3::text[]) then data end as data,
       case when type = any ($3::text[]) then meta end as meta, recorded_at
  from hub.events where position > $1 order by position limit $2

-- name: read_subject
select position, event_id, stream, version, subject, type, data, meta, recorded_at
  from hub.events where subject = $1 and position <= $2 order by position

-- name: read_event
select position, event_id, stream, version, subject, type, data, meta, recorded_at from hub.events where event_id = $1::uuid

-- name: head_position
select position from hub.head

-- name: position_at
select coalesce(max(position), 0) as position from hub.events where recorded_at <= $1::timestamptz

-- name: claim_holders
-- A contact that must not be reached holds its digest as a claim does, and is nobody's.
select key, stream from hub.claims where key = any ($1::text[])
union all select key, 'suppressed' from hub.suppressions where key = any ($1::text[])

-- name: now
select hub.now() as now, (select extract(epoch from offset_by) * 1000 from hub.clock)::bigint as offset_ms
